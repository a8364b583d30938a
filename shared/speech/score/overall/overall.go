// Package overall makes one score of the three dimensions, puts scores on the CEFR, and says how sure each one is. Its numbers
// stand in the norms file; the cut points are provisional there until they are checked on speech with CEFR labels.
package overall

import (
	"fmt"
	"math"

	"parley/shared/speech/score"
	"parley/shared/speech/score/norms"
)

// minDimensions is how many dimensions an overall score needs: one alone is that dimension's score, and no more.
const minDimensions = 2

// Score is the mean of the dimensions that were measured. Fluency counts no further than the last tenth of B2, or than the
// mean of vocabulary and accent where that is more: no fluency measure separates B2 from C1 (Tavakoli, Nakatsuhara and
// Hunter 2020), so vocabulary and accent decide there. Raw is nil, with a reason, where fewer than two dimensions were measured.
//
// The interval holds what each dimension's interval moves the mean by, the rest held fixed, added as independent errors.
func Score(vocabulary, fluency, accent score.Result) score.Result {
	parts := [3]score.Result{vocabulary, fluency, accent}
	parts[0].Dimension, parts[1].Dimension, parts[2].Dimension = score.Vocabulary, score.Fluency, score.Accent
	r := score.Result{Dimension: score.Overall, Words: vocabulary.Words, SpeechSeconds: max(fluency.SpeechSeconds, accent.SpeechSeconds)}
	var at [3]float64
	n := 0
	for i, p := range parts {
		at[i] = math.NaN()
		if Measured(p) {
			at[i] = *p.Raw
			n++
		}
	}
	used := capped(at)
	for i, p := range parts {
		m := score.Measure{Name: string(p.Dimension), Label: string(p.Dimension), Unit: "points", Reason: p.Reason}
		if Measured(p) {
			v := *p.Raw
			m.Value, m.Reason = &v, ""
			if n >= minDimensions {
				m.Weight = 1 / float64(n)
				m.Contribution = (used[i] - middle) / float64(n)
			}
		}
		r.Measures = append(r.Measures, m)
	}
	if n < minDimensions {
		r.Reason = fmt.Sprintf("An overall score needs at least %d of the three dimensions; %d could be measured.", minDimensions, n)
		return r
	}
	raw := mean(used)
	r.Raw = &raw
	var below, above float64
	for i, p := range parts {
		if math.IsNaN(at[i]) {
			continue
		}
		moved := at
		moved[i] = clamp(p.Interval[0])
		below = math.Hypot(below, max(0, raw-mean(capped(moved))))
		moved[i] = clamp(p.Interval[1])
		above = math.Hypot(above, max(0, mean(capped(moved))-raw))
	}
	r.Interval = [2]float64{clamp(raw - below), clamp(raw + above)}
	if used[1] < at[1] {
		r.Cautions = append(r.Cautions, "Above B2 vocabulary and accent decide, because fluency does not tell B2 from C1.")
	}
	return r
}

// middle of the scale, in points.
const middle = 2.5

// Measured tells whether a result holds a score that can be used.
func Measured(r score.Result) bool {
	return r.Raw != nil && !math.IsNaN(*r.Raw) && !math.IsInf(*r.Raw, 0)
}

// capped returns vocabulary, fluency and accent as they count; NaN stands for not measured.
func capped(at [3]float64) [3]float64 {
	out := at
	others, n := 0.0, 0.0
	for _, i := range []int{0, 2} {
		if !math.IsNaN(at[i]) {
			others += at[i]
			n++
		}
	}
	limit := norms.Overall().Number("fluencyCap")
	if n > 0 {
		limit = max(limit, others/n)
	}
	if at[1] > limit {
		out[1] = limit
	}
	return out
}

func mean(v [3]float64) float64 {
	sum, n := 0.0, 0.0
	for _, x := range v {
		if !math.IsNaN(x) {
			sum += x
			n++
		}
	}
	return math.Round(clamp(sum/n)*1e6) / 1e6
}

// clamp brings a score onto the scale; what is no number becomes 0.
func clamp(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return max(0, min(5, v))
}
