package main

import (
	"math"
	"testing"

	"parley/infra/measure/corpus"
	"parley/shared/speech/audio"
	"parley/shared/speech/score"
	"parley/shared/speech/score/timing"
)

// of is a word of so many sounds.
func of(clarity, accuracy float64, sounds int, child bool) rated {
	return rated{Pronounced: score.Pronounced{Clarity: clarity, Sounds: make([]score.Sound, sounds)}, accuracy: accuracy, child: child}
}

func TestTheAreaOfWords(t *testing.T) {
	clarities := func(words []rated) (out []float64) {
		for _, w := range words {
			out = append(out, w.Clarity)
		}
		return out
	}
	// Long words are rated low and less clear; among words as long, clarity tells nothing.
	words := []rated{of(80, 10, 2, false), of(80, 10, 2, false), of(80, clearly-0.1, 2, false), of(20, clearly-0.1, 5, false), of(20, clearly, 5, false), of(99, 0, 2, true)}
	if a := agreementOf("", words[:5], clarities(words[:5])); math.Abs(a.auc-7.0/12) > 1e-9 || a.bad != 2 {
		t.Errorf("area %g of %d words rated low, want 7 of 12 pairs of two", a.auc, a.bad)
	}
	if got := sameLength(words, clarities(words)); got != 0.5 {
		t.Errorf("among words as long, adults' alone, %g, want a half", got)
	}
	if got, n := below([]rated{of(10, 0, 1, false), of(0, 0, 1, true)}, words); got != 1 || n != 1 {
		t.Errorf("%d misheard, %g; want the adults' one under all others", n, got)
	}
}

func TestSpreadsIsTheInverseOfAClarity(t *testing.T) {
	for _, z := range []float64{-3.9, -1, 0, 0.5, 3.9} {
		if got := spreads(50 * math.Erfc(-z/math.Sqrt2)); math.Abs(got-z) > 1e-9 {
			t.Errorf("%g, want %g", got, z)
		}
	}
}

func TestShareBelow(t *testing.T) {
	if got := shareBelow([]float64{1, 2, 3, 4}, 3); got != 0.5 {
		t.Errorf("%g: the limit itself is not below it", got)
	}
	if got := shareBelow(nil, 3); got != 0 {
		t.Errorf("of nothing %g", got)
	}
}

func TestWordsAreHeldAgainstThoseThatWereRead(t *testing.T) {
	table := &table{speakers: []candidate{{speaker: speaker{files: []string{"a.flac"}}}}}
	c := &table.speakers[0]
	c.Parts = []timing.Part{{Stretch: timing.Stretch{Span: audio.Span{EndMs: 1000}}}}
	for i, text := range []string{"the", "rice", "is", "close", "um"} {
		c.pronounced = append(c.pronounced, score.Pronounced{Text: text, StartMs: int64(i) * 100, EndMs: int64(i)*100 + 100})
	}
	heard, misheard := table.ratedWords(map[string][]corpus.Word{"a": {{Text: "The", Accuracy: 10}, {Text: "race", Accuracy: 9}, {Text: "is", Accuracy: 8}, {Text: "close", Accuracy: 7}}})
	if len(heard) != 3 || heard[1].Text != "is" || heard[1].accuracy != 8 {
		t.Errorf("heard as read: %+v", heard)
	}
	if len(misheard) != 2 || misheard[0].Text != "rice" || misheard[1].Text != "um" {
		t.Errorf("misheard: %+v", misheard)
	}
}

func TestASoundWithFewWordsIsTakenForOneOfTheOthers(t *testing.T) {
	sound := func(auc, reach float64) agreed { return agreed{auc: auc, aucIn: [2]float64{auc - reach, auc + reach}} }
	for name, c := range map[string]struct {
		sounds       []agreed
		spread, last float64 // of all, and the pooled area of the last
	}{
		"no others":                         {[]agreed{sound(0.49, 0.1)}, 0, 0},
		"differences no larger than errors": {[]agreed{sound(0.62, 0.098), sound(0.58, 0.098), sound(0.54, 0.98)}, 0, 0.5998},
		"large differences":                 {[]agreed{sound(0.9, 0.0196), sound(0.7, 0.0196), sound(0.5, 0.0196)}, 0.1998, 0.5005},
	} {
		if got := pool(c.sounds); math.Abs(got-c.spread) > 1e-3 {
			t.Errorf("%s: the spread is %g, want %g", name, got, c.spread)
		}
		if got := c.sounds[len(c.sounds)-1]; math.Abs(got.pooled-c.last) > 1e-3 || got.pooledIn[0] > got.pooled {
			t.Errorf("%s: the last is %g in %v, want %g", name, got.pooled, got.pooledIn, c.last)
		}
	}
}
