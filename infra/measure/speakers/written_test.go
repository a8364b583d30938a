package main

import (
	"strings"
	"testing"

	"parley/shared/speech/conversation"
)

// Ensure that a script is read as who says what, and that a turn without a voice is refused.
func TestScript(t *testing.T) {
	ref, err := script(strings.NewReader("# hard: two of them\nseed 1\nvoice interviewer-2 af_x 1 0\nvoice candidate am_y 1 0\nring\ninterviewer-2 [pause 1.2]: Good morning. How are you?\ncandidate: Fine.\n"))
	if err != nil || len(ref.Segments) != 2 {
		t.Fatalf("%+v, %v", ref, err)
	}
	a, b := ref.Segments[0], ref.Segments[1]
	if a.Speaker != conversation.RoleInterviewer || a.Who() != "interviewer-2" || a.Text != "Good morning. How are you?" || b.Speaker != conversation.RoleCandidate || b.Start <= a.End || ref.Duration != b.End {
		t.Errorf("%+v", ref)
	}
	if _, err := script(strings.NewReader("voice candidate am_y 1 0\nnobody: Hello.\n")); err == nil {
		t.Error("a turn without a voice passes")
	}
}

// Ensure that nobody else is ever surely taken for the candidate of a written conversation, that
// each script can be read, and that the lead is the sum of its signs.
func TestTheCandidateOfWrittenConversations(t *testing.T) {
	all, err := scripts("scripts")
	if err != nil || len(all) < 12 {
		t.Fatalf("%d scripts, %v", len(all), err)
	}
	for _, r := range all {
		c, err := choose(r)
		if err != nil {
			t.Fatal(err)
		}
		if !c.Right && c.confidence != conversation.Low {
			t.Errorf("%s: another is taken for the candidate, confidence %s", r.name, c.confidence)
		}
		sum := 0.0
		for _, v := range c.leads {
			sum += v
		}
		if d := sum - c.lead; d > 1e-9 || d < -1e-9 || (len(c.leads) == 0) != (c.true == 1) {
			t.Errorf("%s: lead %.3f of %v", r.name, c.lead, c.leads)
		}
	}
}

// Ensure that a folder that is not there has no conversations, and that one that cannot be read is
// an error.
func TestScriptedFolders(t *testing.T) {
	if all, err := scripted(t.Context(), []string{t.TempDir() + "/none"}); err != nil || len(all) != 0 {
		t.Errorf("%d, %v", len(all), err)
	}
	if _, err := scripted(t.Context(), []string{t.TempDir()}); err == nil {
		t.Error("an empty folder passes")
	}
}

// Ensure that the candidate is alone to the right but for the leak, and the others to the left.
func TestStereoHoldsASpeakerAChannel(t *testing.T) {
	r := interview("a", -4, 6).apart()
	if len(r.stereo) != 2*len(r.pcm) {
		t.Fatalf("%d samples of %d", len(r.stereo), len(r.pcm))
	}
	level := func(segment, side int) float64 {
		s := r.ref.Segments[segment]
		var x []int16
		for i, v := range r.stereo {
			if at := float64(i/2) / 16000; i%2 == side && at >= s.Start && at < s.End {
				x = append(x, v)
			}
		}
		return rms(x)
	}
	for segment, own := range []int{0, 1} {
		if mine, other := level(segment, own), level(segment, 1-own); mine < 1000 || other > mine/15 || other < mine/30 {
			t.Errorf("segment %d: %.0f in its channel, %.0f in the other", segment, mine, other)
		}
	}
}

// Ensure that the page tells of written conversations by sign and by kind, and of a part that was
// left out.
func TestThePageTellsWhatDecides(t *testing.T) {
	all, err := scripts("scripts")
	if err != nil {
		t.Fatal(err)
	}
	p := page{words: "none", note: "Only a part."}
	for _, r := range all {
		c, err := choose(r)
		if err != nil {
			t.Fatal(err)
		}
		p.written = append(p.written, c)
	}
	p.scripted = []entry{{"clean", "as it is", figures{p.written[0].figure}}}
	var b strings.Builder
	p.write(&b)
	for _, want := range []string{"Only a part.", "| opens the conversation | -1.0 |", "| four voices | 1 |", "## Conversations that were written", "| clean | as it is | 1 of 1 |"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in the page", want)
		}
	}
}
