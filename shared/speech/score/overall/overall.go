// Package overall makes one score of the dimensions, puts scores on the CEFR, and says how sure
// each one is. Its numbers stand in the norms file; the cut points are provisional there until they
// are checked on speech with CEFR labels.
package overall

import (
	"fmt"
	"math"
	"strconv"

	"parley/shared/speech/score"
	"parley/shared/speech/score/norms"
)

// minDimensions is how many dimensions an overall score needs: one alone would be that dimension's
// score again.
const minDimensions = 2

// Score is the weighted mean of the dimensions that were measured (weights says by what). A capped
// one (fluency) counts up to a limit: its number in the norms (the last tenth of B2), or the mean
// of the other dimensions where that is more. No fluency measure separates B2 from C1 (Tavakoli,
// Nakatsuhara and Hunter 2020), so vocabulary and accent decide there. Raw is nil, with a reason,
// where fewer than two dimensions were measured.
//
// The interval adds, as independent errors, what each dimension's interval moves the mean by while
// the others and all weights stay as they are.
func Score(results score.Results) score.Result {
	parts := results.InOrder()
	r := score.Result{Dimension: score.Overall}
	at := make([]float64, len(parts)) // NaN: not measured
	n := 0
	for i, p := range parts {
		switch score.Table[i].Counted {
		case score.Words:
			r.Words = max(r.Words, p.Words)
		case score.SpeechSeconds:
			r.SpeechSeconds = max(r.SpeechSeconds, p.SpeechSeconds)
		}
		at[i] = math.NaN()
		if Measured(p) {
			at[i] = *p.Raw
			n++
		}
	}
	w := weights(parts)
	used := capped(at, w)
	r.Measures = measures(parts, used, w, n)
	if n < minDimensions {
		could := "None"
		if n > 0 {
			could = "Only " + inWords(n)
		}
		r.Reason = fmt.Sprintf("An overall score needs at least %s of %s. %s could be measured.",
			inWords(minDimensions), score.Listed("and", func(score.Row) bool { return true }), could)
		return r
	}
	raw := mean(used, w)
	r.Raw, r.Interval = &raw, interval(raw, at, w, parts)
	for i, row := range score.Table {
		if used[i] < at[i] {
			r.Cautions = append(r.Cautions, fmt.Sprintf("Above B2 %s decide, because %s cannot tell B2 from C1.",
				score.Listed("and", func(r score.Row) bool { return !r.Capped }), row.Name))
		}
	}
	return r
}

// z90 is how many spreads either side hold 90 % of a normal distribution.
const z90 = 1.645

// weights are the shares of the parts in the mean, their sum 1; 0 for one that was not measured.
//
// A weight falls with the spread that the interval shows, by 1 / (own² + spread²). Own is how far
// a dimension lies from the whole however exactly it is measured, so that none of them outweighs
// the others by its interval alone. A dimension that counts words weighs less in proportion where
// it rests on fewer than "fullWords" of them, and by "preparedShare" where the words may have been
// read: then they are not the candidate's own.
func weights(parts []score.Result) []float64 {
	section := norms.Of(score.Overall)
	own := section.Number("ownSpread")
	out, sum := make([]float64, len(parts)), 0.0
	for i, p := range parts {
		if !Measured(p) {
			continue
		}
		half := (clamp(p.Interval[1]) - clamp(p.Interval[0])) / 2
		out[i] = 1 / (own*own + half*half/(z90*z90))
		if score.Table[i].Counted == score.Words {
			out[i] *= min(1, max(1, float64(p.Words))/section.Number("fullWords"))
		}
		if p.Prepared {
			out[i] *= section.Number("preparedShare")
		}
		sum += out[i]
	}
	for i := range out {
		out[i] /= max(sum, math.SmallestNonzeroFloat64)
	}
	return out
}

// middle of the scale, in points.
const middle = 2.5

// measures are the dimensions as the measures of the overall score; used are their scores as they
// count with the weights w, n is how many there are.
func measures(parts []score.Result, used, w []float64, n int) []score.Measure {
	var out []score.Measure
	for i, p := range parts {
		m := score.Measure{Name: string(p.Dimension), Label: string(p.Dimension), Unit: "points", Reason: p.Reason}
		if Measured(p) {
			v := *p.Raw
			m.Value, m.Reason = &v, ""
			if n >= minDimensions {
				m.Weight = w[i]
				m.Contribution = (used[i] - middle) * w[i]
			}
		}
		out = append(out, m)
	}
	return out
}

// interval is that of Score; at are the scores as measured, NaN for those that were not.
func interval(raw float64, at, w []float64, parts []score.Result) [2]float64 {
	var below, above float64
	for i, p := range parts {
		if math.IsNaN(at[i]) {
			continue
		}
		moved := append([]float64(nil), at...)
		moved[i] = clamp(p.Interval[0])
		below = math.Hypot(below, max(0, raw-mean(capped(moved, w), w)))
		moved[i] = clamp(p.Interval[1])
		above = math.Hypot(above, max(0, mean(capped(moved, w), w)-raw))
	}
	return [2]float64{clamp(raw - below), clamp(raw + above)}
}

// Measured tells whether a result holds a score that can be used.
func Measured(r score.Result) bool {
	return r.Raw != nil && !math.IsNaN(*r.Raw) && !math.IsInf(*r.Raw, 0)
}

// capped returns the scores as they count, in the order of the table; NaN stands for not measured.
func capped(at, w []float64) []float64 {
	free, n := 0.0, 0.0
	for i, row := range score.Table {
		if !row.Capped && !math.IsNaN(at[i]) {
			free += w[i] * at[i]
			n += w[i]
		}
	}
	out := append([]float64(nil), at...)
	for i, row := range score.Table {
		if !row.Capped {
			continue
		}
		limit := norms.Of(score.Overall).Number(string(row.Name) + "Cap")
		if n > 0 {
			limit = max(limit, free/n)
		}
		if at[i] > limit {
			out[i] = limit
		}
	}
	return out
}

func mean(v, w []float64) float64 {
	sum, n := 0.0, 0.0
	for i, x := range v {
		if !math.IsNaN(x) {
			sum += w[i] * x
			n += w[i]
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

// inWords is a small number as sentences have it.
func inWords(n int) string {
	if words := []string{"none", "one", "two", "three", "four", "five", "six"}; n < len(words) {
		return words[n]
	}
	return strconv.Itoa(n)
}
