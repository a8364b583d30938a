package norms

import (
	"math"
	"math/rand/v2"

	"parley/shared/score"
)

// clip is how many spreads from the mean a measure is believed, and bootstraps how often the parts are drawn anew.
const (
	clip       = 4.0
	bootstraps = 400
	z90        = 1.645 // of the normal distribution: 90 % lie within
)

// Z standardises a value by the measure's mean and spread, cut at 4 spreads either side.
func (m Measure) Z(v float64) float64 {
	return max(-clip, min(clip, (v-m.Mean.Value)/m.SD.Value))
}

// Reading is one measure of one candidate.
type Reading struct {
	Name string
	// Value is what is reported; nil: not measured, then Reason says why.
	Value  *float64
	Reason string
	// Parts are the values in the parts of the candidate's speech, as long as the weights of the parts, NaN where a part has
	// none: the score takes the mean of the standardised parts. nil: Value itself is standardised.
	Parts []float64
}

// Linear turns readings into a score of this section, 0 to 5. The linear predictor f is the section's number "constant" plus
// each measure's weight times its standardised value; a measure that is missing counts as the middle of its norm.
// score = 5 / (1 + exp(-(a + b f))), with a and b such that a candidate at the low end of every norm scores
// the number "scoreAtLow" and one at the high end "scoreAtHigh": the order comes from the weights, the scale from the norms.
//
// Contributions are shared out in proportion to each measure's part in f, and add up to the score less that of a candidate in
// the middle of every norm. The interval holds 90 %: the spread of f over bootstraps of the parts (fixed seed), or, where
// that is more, the number "partSD" over the root of the parts' weight; together with "modelSD", the spread of what the
// model gets wrong, and extraSD for what the recording makes less sure; both in units of f.
func (s Section) Linear(readings []Reading, weights []float64, extraSD float64) (raw float64, interval [2]float64, measures []score.Measure) {
	f, mid, total := s.Number("constant"), s.Number("constant"), 0.0
	moved := make([]float64, len(readings))
	partF := make([]float64, len(weights))
	for i, r := range readings {
		m := s.Measure(r.Name)
		w, middle := m.Weight.Value, m.Z((m.Norm.Low+m.Norm.High)/2)
		total += math.Abs(w)
		z := middle
		if r.Value != nil {
			z = m.mean(r, weights, partF)
		}
		f += w * z
		mid += w * middle
		moved[i] = w * (z - middle)
	}
	scale := s.scale(readings)
	raw = scale(f)
	slope := 0.0
	if math.Abs(f-mid) > 1e-9 {
		slope = (raw - scale(mid)) / (f - mid)
	}
	for i, r := range readings {
		m := s.Measure(r.Name)
		out := score.Measure{Name: m.Name, Label: m.Label, Unit: m.Unit, Norm: m.Norm, Reason: r.Reason}
		if total > 0 {
			out.Weight = round(math.Abs(m.Weight.Value) / total)
		}
		if r.Value != nil {
			v := round(*r.Value)
			out.Value = &v
			out.Contribution = round(moved[i] * slope)
		}
		measures = append(measures, out)
	}
	sd := math.Hypot(math.Hypot(s.spread(partF, weights), s.Number("modelSD")), extraSD)
	return round(raw), [2]float64{round(scale(f - z90*sd)), round(scale(f + z90*sd))}, measures
}

// mean is the mean standardised value of a reading, and adds the measure's share to the predictor of each part.
func (m Measure) mean(r Reading, weights, partF []float64) float64 {
	if r.Parts == nil {
		return m.Z(*r.Value)
	}
	var sum, weight float64
	for k, v := range r.Parts {
		if !math.IsNaN(v) {
			sum += weights[k] * m.Z(v)
			weight += weights[k]
		}
	}
	if weight == 0 {
		return m.Z(*r.Value)
	}
	mean := sum / weight
	for k, v := range r.Parts {
		z := mean
		if !math.IsNaN(v) {
			z = m.Z(v)
		}
		partF[k] += m.Weight.Value * z
	}
	return mean
}

// scale is the map from the predictor to the score.
func (s Section) scale(readings []Reading) func(f float64) float64 {
	low, high := s.Number("constant"), s.Number("constant")
	for _, r := range readings {
		m := s.Measure(r.Name)
		low += m.Weight.Value * m.Z(m.Norm.Low)
		high += m.Weight.Value * m.Z(m.Norm.High)
	}
	logit := func(p float64) float64 { return math.Log(p / (5 - p)) }
	b := (logit(s.Number("scoreAtHigh")) - logit(s.Number("scoreAtLow"))) / (high - low)
	a := logit(s.Number("scoreAtLow")) - b*low
	return func(f float64) float64 { return 5 / (1 + math.Exp(-(a + b*f))) }
}

// spread is the standard error of the mean of the parts' predictors.
func (s Section) spread(partF, weights []float64) float64 {
	var weight float64
	for _, w := range weights {
		weight += w
	}
	if weight == 0 {
		return s.Number("partSD")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var sum, sq float64
	for range bootstraps {
		var f, w float64
		for range partF {
			k := rng.IntN(len(partF))
			f += weights[k] * partF[k]
			w += weights[k]
		}
		f /= w
		sum += f
		sq += f * f
	}
	n := float64(bootstraps)
	boot := math.Sqrt(max(0, sq/n-sum/n*sum/n))
	if len(partF) >= fewParts {
		return boot
	}
	return max(boot, s.Number("partSD")/math.Sqrt(weight))
}

// fewParts is the number of parts below which a bootstrap of them is not believed.
const fewParts = 8

// round keeps six decimals: machines that fuse multiplications differ further down. There is no negative zero.
func round(v float64) float64 { return math.Round(v*1e6)/1e6 + 0 }
