package main

import (
	"math"
	"strings"
	"testing"

	"parley/shared/speech/conversation"
	"parley/shared/speech/score"
	"parley/shared/speech/transcript"
)

// Ensure that the spread of each interview is that of its own variants, and the last one that of
// all.
func TestTheTableShowsHowFarScoresMove(t *testing.T) {
	of := func(vocabulary float64) outcome {
		return outcome{variant: "v", scores: map[score.Dimension]float64{score.Vocabulary: vocabulary, score.Fluency: 3, score.Accent: 2}, heard: []float64{vocabulary}, said: []float64{2}}
	}
	var b strings.Builder
	if err := table(&b, []interview{{"a", []outcome{of(2), of(3)}}, {"b", []outcome{of(4)}}}); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"a spread 0.71 0.00 0.00", "b spread - - -", "all spread 0.71 0.00 0.00",
		"vocabulary of what was heard against that of what was said: +1.00 on average, 1.29 root mean square (3 speakers heard)"} {
		if !strings.Contains(strings.Join(strings.Fields(b.String()), " "), line) {
			t.Errorf("no %q in\n%s", line, b.String())
		}
	}
}

// Ensure that both speakers are compared with their own words.
func TestBothSpeakersAreComparedWithTheirWords(t *testing.T) {
	answer, question := strings.Repeat("we decide to abolish it because they sing well and dance there ", 6), strings.Repeat("you go to the big shop and eat a good cake with him now ", 6)
	turn := func(speaker int, text string) transcript.Turn {
		out := transcript.Turn{Speaker: speaker}
		for w := range strings.FieldsSeq(text) {
			out.Words = append(out.Words, transcript.Word{Text: w, P: 0.95})
		}
		return out
	}
	c := transcript.Conversation{Language: "en", Turns: []transcript.Turn{turn(0, question), turn(1, answer)},
		Speakers: []transcript.SpeakerTotal{{Speaker: 0, WordCount: 78}, {Speaker: 1, WordCount: 66}, {Speaker: 2, WordCount: 1}}}
	c.Candidate.Speaker = 1
	ref := conversation.Reference{Segments: []conversation.Segment{{Speaker: conversation.RoleInterviewer, Text: question}, {Speaker: conversation.RoleCandidate, Text: answer}}}
	var o outcome
	if err := o.compare(c, ref); err != nil || len(o.heard) != 2 || o.heard[0] <= o.heard[1] {
		t.Fatalf("%+v %v", o, err)
	}
	for i := range o.heard {
		if math.Abs(o.heard[i]-o.said[i]) > 1e-9 {
			t.Errorf("speaker %d: %v heard, %v said", i, o.heard[i], o.said[i])
		}
	}
}

func TestAVariantIsTheSameInterview(t *testing.T) {
	pcm := []int16{1, 2, 3}
	for _, v := range variants("") {
		switch v.name {
		case "plain", "later":
			got, err := v.of(t.Context(), pcm)
			if err != nil || len(got) < len(pcm) || got[len(got)-1] != 3 || v.name == "later" && len(got) != later+3 {
				t.Errorf("%s: %d samples, %v", v.name, len(got), err)
			}
		}
	}
}
