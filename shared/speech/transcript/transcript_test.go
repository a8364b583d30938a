package transcript_test

import (
	"reflect"
	"testing"

	"parley/shared/speech/transcript"
)

func TestJudgedAreTheWordsWithProbabilities(t *testing.T) {
	word := func(text string, at int64, p float64) transcript.Word {
		return transcript.Word{Text: text, StartMs: at, EndMs: at + 400, P: p}
	}
	c := transcript.Conversation{Candidate: transcript.Detection{Speaker: 1}, Turns: []transcript.Turn{
		{Speaker: 1, StartMs: 0, EndMs: 1000, Words: []transcript.Word{word("yes", 0, 0)}},
		{Speaker: 0, StartMs: 1000, EndMs: 2000, Words: []transcript.Word{word("why", 1000, 0)}},
		{Speaker: 1, StartMs: 2000, EndMs: 3000, Words: []transcript.Word{word("because", 2000, 0)}}},
		Sample: []transcript.Word{word("yes", 100, 0.9), word("bees", 2050, 0.4), word("cause", 3010, 0.5)}}
	said := func() (out [][]transcript.Word) {
		for _, t := range c.Judged() {
			out = append(out, t.Words)
		}
		return out
	}
	own := [][]transcript.Word{{word("yes", 0, 0)}, {word("because", 2000, 0)}}
	if got := said(); !reflect.DeepEqual(got, own) {
		t.Errorf("with probabilities of their own: %v", got)
	}
	c.Unrated = true
	if got := said(); !reflect.DeepEqual(got, [][]transcript.Word{c.Sample[:1], c.Sample[1:]}) {
		t.Errorf("without: %v", got)
	}
	if got := c.Turns[0].Words[0].Text; got != "yes" || len(c.Turns[2].Words) != 1 {
		t.Errorf("the conversation changed: %+v", c.Turns)
	}
}
