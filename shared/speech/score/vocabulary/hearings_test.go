package vocabulary

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat"

	"parley/shared/speech/transcript"
)

// Ensure that the words that were heard are measured once where none of them may have been another,
// and otherwise as often as there are hearings.
func TestWordsWithoutOthersAreMeasuredAsTheyWereHeard(t *testing.T) {
	for name, c := range map[string]struct {
		others []transcript.Other
		times  int
	}{"none": {nil, 1}, "one": {[]transcript.Other{{Text: "save", P: 0.4}}, hearings}} {
		m := spoken("it is safe there", 0.6)
		m.Conversation.Turns[0].Words[2].Others = c.others
		times, saved := 0, 0
		got := likely(m.Conversation, func(c transcript.Conversation) values {
			times++
			if c.Turns[0].Words[2].Text == "save" {
				saved++
			}
			return values{steps: float64(saved)}
		})
		if another := int(math.Round(0.4 * float64(len(c.others)*hearings))); times != c.times || saved != another || got[steps] > float64(saved) {
			t.Errorf("%s: measured %d times, another word in %d of them, want %d: %v", name, times, saved, another, got)
		}
		if w := m.Conversation.Turns[0].Words[2]; w.Text != "safe" {
			t.Errorf("%s: the transcript has changed to %q", name, w.Text)
		}
	}
}

func TestChosen(t *testing.T) {
	w := transcript.Word{Text: "safe,", P: 0.7, Others: []transcript.Other{{Text: "save", P: 0.3}, {Text: "say", P: 0.1}}}
	for _, c := range []struct {
		at   float64
		want string
		p    float64
	}{{0, "save,", 0.3}, {0.29, "save,", 0.3}, {0.31, "say,", 0.1}, {0.39, "say,", 0.1}, {0.41, "safe,", 0.7}, {1, "safe,", 0.7}} {
		if got := chosen(w, c.at); got.Text != c.want || got.P != c.p {
			t.Errorf("at %.2f: %q, %.1f; want %q, %.1f", c.at, got.Text, got.P, c.want, c.p)
		}
	}
}

// Ensure that it hardly matters which of two words is a little likelier and is heard: with another
// codec it is the other one.
func TestTheLikelierOfTwoWordsDoesNotDecide(t *testing.T) {
	text := samples[1].text + " " + samples[2].text
	spread := func(known bool) float64 {
		var raws []float64
		for seed := range uint64(20) {
			r, where := rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(9, 9))
			m := spoken(text, 0.93)
			ws := m.Conversation.Turns[0].Words
			for i := range ws {
				if where.Float64() >= 0.2 {
					continue
				}
				pair := [2]string{otherWords[where.IntN(len(otherWords))], otherWords[where.IntN(len(otherWords))]}
				first := r.IntN(2)
				ws[i] = transcript.Word{Text: pair[first], P: 0.5}
				if known {
					ws[i].Others = []transcript.Other{{Text: pair[1-first], P: 0.48}}
				}
			}
			raws = append(raws, *mustScore(t, m).Raw)
		}
		return stat.StdDev(raws, nil)
	}
	if with, without := spread(true), spread(false); with > without/2 {
		t.Errorf("the score moves by %.3f, and by %.3f where the other word is not known", with, without)
	}
}
