package vocabulary

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"parley/shared/speech/score"
	"parley/shared/speech/score/norms"
)

// triples are the texts of OneStopEnglish by their id, each in three versions of rising level.
func triples(t *testing.T) map[string][3]string {
	out := map[string][3]string{}
	for _, r := range rows(t, "onestop.tsv") {
		level, err := strconv.Atoi(r[2])
		if err != nil {
			t.Fatal(err)
		}
		v := out[r[1]]
		v[level-1] = r[4]
		out[r[1]] = v
	}
	return out
}

// predicted is the predictor of a result, in which a half width of the norms is 1 at any level.
func predicted(points float64) float64 { return predictorOf(norms.Of(score.Vocabulary), points) }

// Ensure that length decides nothing from the length of the longest window on: the pieces of a text
// have the predictor of the whole on average.
func TestLengthDecidesNothing(t *testing.T) {
	const whole = 400
	for _, length := range []int{100, 200} {
		drift, apart, n := 0.0, 0.0, 0.0
		for _, v := range triples(t) {
			for _, text := range v {
				w := strings.Fields(text)
				if len(w) < whole {
					continue
				}
				_, long, _ := measured(cut(text, whole))
				for from := 0; from < whole; from += length {
					_, x, _ := measured(strings.Join(w[from:from+length], " "))
					drift, apart, n = drift+x-long, apart+math.Abs(x-long), n+1
				}
			}
		}
		t.Logf("%d words: %+.3f against %d, %.2f in either direction, %v pieces", length, drift/n, whole, apart/n, n)
		if math.Abs(drift/n) >= 0.15 {
			t.Errorf("predictors of %d words lie %+.3f from those of %d", length, drift/n, whole)
		}
	}
}

// Ensure that intervals hold the score of the same author's other words nearly as often as they
// promise for speech, nine times in ten: the spread known beforehand is that of speakers, and news
// that was written varies more.
func TestIntervalsHoldTheRest(t *testing.T) {
	const half = 200
	held, width, n := 0.0, 0.0, 0.0
	for _, v := range triples(t) {
		for _, text := range v {
			w := strings.Fields(text)
			if len(w) < 2*half {
				continue
			}
			a, b := mustScore(t, spoken(strings.Join(w[:half], " "), 1)), mustScore(t, spoken(strings.Join(w[half:2*half], " "), 1))
			// Both halves are uncertain, so the difference has the spread of both.
			if math.Abs(predicted(*a.Raw)-predicted(*b.Raw)) <= math.Hypot(halfWidth(a), halfWidth(b)) {
				held++
			}
			width += halfWidth(a)
			n++
		}
	}
	t.Logf("%v of %v halves of %d words agree within their intervals (%.2f either side): %.2f", held, n, half, width/n, held/n)
	if held/n < 0.8 {
		t.Fatalf("%.2f", held/n)
	}
}

// halfWidth of an interval in units of the predictor.
func halfWidth(r score.Result) float64 {
	return (predicted(r.Interval[1]) - predicted(r.Interval[0])) / 2
}
