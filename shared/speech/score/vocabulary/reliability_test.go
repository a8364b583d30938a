package vocabulary

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"

	"parley/shared/speech/score"
	"parley/shared/speech/score/norms"
	"parley/shared/speech/transcript"
)

// Ensure that of a predictor above the middle of the norms less is believed the less surely the
// words were heard, and the more of them there are, and that one below it stays.
func TestAHighPredictorCountsByItsReliability(t *testing.T) {
	section := norms.Of(score.Vocabulary)
	if r := reliability(section, 300, 1); r != 1 {
		t.Errorf("of words heard for certain %v is believed", r)
	}
	well, badly, long := reliability(section, 300, 0.9), reliability(section, 300, 0.75), reliability(section, 2000, 0.75)
	if well <= badly || badly <= long || long <= 0 {
		t.Errorf("%v heard well, %v badly, %v badly in a long interview", well, badly, long)
	}
	high := values{varietyOfWords: 30, varietyOfPatterns: 11, steps: 12, meanLevel: 1.7}
	low := values{varietyOfWords: 23, varietyOfPatterns: 6, steps: 6, meanLevel: 1.4}
	for name, c := range map[string]struct {
		got  values
		want float64
	}{"above": {high, 0.5}, "below": {low, 1}} {
		full, _ := combine(section, c.got, 1)
		half, measures := combine(section, c.got, 0.5)
		sum := 0.0
		for _, m := range measures {
			sum += m.Contribution
		}
		if math.Abs(half-c.want*full) > 1e-12 || math.Abs(sum-(scale(section)(half)-scale(section)(0))) > 1e-5 {
			t.Errorf("%s the middle: %v of %v, the measures make %v of it", name, half, full, sum)
		}
	}
}

// Ensure that a high score falls with the reliability of what was heard, that a low one does not
// rise, and that nothing is made up of words without probabilities.
func TestScoresOfDoubtfulWords(t *testing.T) {
	for _, s := range []struct {
		text  string
		lower bool
	}{{samples[2].text, true}, {samples[0].text, false}} {
		certain, doubtful := mustScore(t, spoken(s.text, 1)), mustScore(t, spoken(s.text, 0.75))
		if *doubtful.Raw > *certain.Raw+0.01 || s.lower != (*doubtful.Raw < *certain.Raw-0.1) {
			t.Errorf("%.2f heard for certain, %.2f with doubts", *certain.Raw, *doubtful.Raw)
		}
		sample := spoken(s.text, 0.75).Conversation.Turns[0].Words
		if other := mustScore(t, unrated(spoken(s.text, 1), sample)); *other.Raw != *certain.Raw {
			t.Errorf("%.2f by another recogniser, %.2f by the words alone", *other.Raw, *certain.Raw)
		}
	}
}

// otherWords are what is heard in the place of doubtful words: structure words, and words of B1 and
// B2, which a recogniser's errors look like.
var otherWords = strings.Fields("the a in on of to it is and that was you we he for with at they this my as one " +
	"citizen award expression caring mention appearance despite tribe purse claim reveal gather pale scene")

// Ensure that the score of an interview hardly moves with the luck of its doubtful words, which
// another codec lets be others: one word in four, drawn anew each time, as with a strong accent.
func TestTheScoreDoesNotMoveWithTheLuckOfDoubtfulWords(t *testing.T) {
	section := norms.Of(score.Vocabulary)
	text := samples[1].text + " " + samples[2].text
	spread := func(reliable bool) float64 {
		var xs []float64
		for seed := range uint64(40) {
			r, where := rand.New(rand.NewPCG(seed, 1)), rand.New(rand.NewPCG(9, 9))
			m := spoken(text, 0.93)
			ws := m.Conversation.Turns[0].Words
			for i := range ws {
				if where.Float64() < 0.25 {
					ws[i] = transcript.Word{Text: otherWords[r.IntN(len(otherWords))], P: 0.1 + 0.3*r.Float64()}
				}
			}
			kept, _ := candidate(m.Conversation)
			heard, _ := read(kept, 5, 0.6)
			share := 1.0
			if reliable {
				share = reliability(section, len(heard), meanProbability(kept))
			}
			x, _ := combine(section, measure(heard, countables(heard, find(heard))), share)
			xs = append(xs, x)
		}
		return stat.StdDev(xs, nil)
	}
	now, before := spread(true), spread(false)
	t.Logf("spread of the predictor %.3f; believed in full %.3f", now, before)
	if now > 0.2 || now > 0.7*before {
		t.Errorf("the predictor moves by %.3f, believed in full by %.3f", now, before)
	}
}
