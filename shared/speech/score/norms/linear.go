package norms

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"

	"parley/shared/speech/score"
)

const (
	// clip is how many spreads from the mean a measure is believed.
	clip       = 4.0
	bootstraps = 400
	// fewParts is the number of parts below which a bootstrap of them is not believed.
	fewParts = 8
	z90      = 1.645 // spreads either side that hold 90 % of a normal distribution
	top      = 5.0   // of the scale
)

// Z standardises a value by the measure's mean and spread, cut at 4 spreads either side.
func (m Measure) Z(v float64) float64 {
	if m.Log {
		v = math.Log(max(v, tiny))
	}
	return max(-clip, min(clip, (v-m.Mean.Value)/m.SD.Value))
}

// tiny stands for 0 in a logarithm.
const tiny = 1e-9

// Reading is one measure of one candidate.
type Reading struct {
	Name string `json:"name"`
	// Value is what is reported; nil: not measured, then Reason says why.
	Value  *float64 `json:"value"`
	Reason string   `json:"reason,omitempty"`
	// Parts are the values in the parts of the candidate's speech. nil: the measure belongs to the
	// whole, and Value counts in each part.
	Parts Values `json:"parts,omitempty"`
	// Pace is what the norm, set for English, is multiplied by for the language spoken; 0 means 1.
	Pace float64 `json:"pace,omitempty"`
}

// Values are those of a measure in the parts of a candidate's speech, NaN where a part has none. In
// JSON that is null.
type Values []float64

// MarshalJSON writes null for what is no number: JSON has neither NaN nor infinities.
func (v Values) MarshalJSON() ([]byte, error) {
	out := make([]*float64, len(v))
	for i := range v {
		if !math.IsNaN(v[i]) && !math.IsInf(v[i], 0) {
			out[i] = &v[i]
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads null as NaN.
func (v *Values) UnmarshalJSON(b []byte) error {
	var in []*float64
	if err := json.Unmarshal(b, &in); err != nil {
		return fmt.Errorf("norms: values: %w", err)
	}
	*v = make(Values, len(in))
	for i, x := range in {
		(*v)[i] = math.NaN()
		if x != nil {
			(*v)[i] = *x
		}
	}
	return nil
}

// of is the measure as the reading's language has it.
func (r Reading) of(m Measure) Measure {
	if r.Pace == 0 || r.Pace == 1 {
		return m
	}
	m.Norm.Low, m.Norm.High = round(m.Norm.Low*r.Pace), round(m.Norm.High*r.Pace)
	m.Norm.Source += fmt.Sprintf("; times %.2f, the pace of the language (Pellegrino, Coupé and Marsico 2011)", r.Pace)
	if m.Log {
		m.Mean.Value += math.Log(r.Pace)
		return m
	}
	m.Mean.Value, m.SD.Value = m.Mean.Value*r.Pace, m.SD.Value*r.Pace
	return m
}

// InParts makes a reading of a measure's values in the parts of the candidate's speech, NaN where a
// part has none. Its value is the mean of the others by the parts' weights. Where no part has a
// value, it is not measured, for the reason given.
func InParts(name, reason string, values, weights []float64) Reading {
	var sum, weight float64
	for i, v := range values {
		if !math.IsNaN(v) {
			sum += weights[i] * v
			weight += weights[i]
		}
	}
	if weight == 0 {
		return Reading{Name: name, Reason: reason}
	}
	mean := sum / weight
	return Reading{Name: name, Value: &mean, Parts: values}
}

// The numbers of a section that set its scale: the scores of who lies at the low end of every norm,
// at the high end, and, where the section has it, of the native speaker at the middle.
const (
	scoreAtLow    = "scoreAtLow"
	scoreAtHigh   = "scoreAtHigh"
	scoreAtNative = "scoreAtNative"
)

// Scale is the map from the linear predictor f to the score, 0 to 5: 5 / (1 + exp(-x)), where x is
// a line through what a candidate at the low end of every norm scores and one at the high end.
// Where the section tells what natives score, the line bends at the high end so as to lead there.
// The order comes from the weights, the scale from the norms.
func (s Section) Scale(f float64) float64 { return s.Scaler()(f) }

// Scaler is Scale for many values.
func (s Section) Scaler() func(f float64) float64 {
	at := func(value func(Measure) float64) float64 {
		f := s.Number("constant")
		for _, m := range s.Measures {
			if m.Weight.Value != 0 {
				f += m.Weight.Value * m.Z(value(m))
			}
		}
		return f
	}
	low, high := at(func(m Measure) float64 { return m.Norm.Low }), at(func(m Measure) float64 { return m.Norm.High })
	middle := logit(s.Number(scoreAtHigh))
	below := (middle - logit(s.Number(scoreAtLow))) / (high - low)
	above := below
	if n, ok := s.Numbers[scoreAtNative]; ok {
		above = (logit(n.Value) - middle) / (at(Measure.native) - high)
	}
	return func(f float64) float64 {
		slope := below
		if f > high {
			slope = above
		}
		return top / (1 + math.Exp(-(middle + slope*(f-high))))
	}
}

// native is what natives show; the high end of the norm where that is not known.
func (m Measure) native() float64 {
	if m.Native == nil {
		return m.Norm.High
	}
	return m.Native.Value
}

func logit(score float64) float64 { return math.Log(score / (top - score)) }

// Linear turns readings into a score of this section, 0 to 5: the mean of the scores of all parts
// of the speech, by their weights. The linear predictor of a part is the section's number
// "constant" plus each measure's weight times its standardised value. A measure that a part lacks
// counts there as its mean over the other parts; one that all parts lack counts as the middle of
// its norm. Without weights (nil) the whole speech is one part.
//
// Contributions say how far each measure moved the score from that of a candidate in the middle of
// every norm, and add up to that difference. In each part the difference is shared out in
// proportion to what the measures moved the predictor by; a contribution is the mean over the
// parts.
//
// The interval holds 90 %. It comes from three spreads on the scale of 0 to 5, added as independent
// errors: that of the score over bootstraps of the parts (fixed seed), the number "modelSD" for
// what the model gets wrong, and extraSD for a poor recording. With fewer than 8 parts the first is
// at least the number "partSD" over the root of the parts' weight.
func (s Section) Linear(readings []Reading, weights []float64, extraSD float64) (raw float64, interval [2]float64, measures []score.Measure) {
	if len(weights) == 0 {
		weights = []float64{1}
	}
	mid, total := s.Number("constant"), 0.0
	f := make([]float64, len(weights))
	for k := range f {
		f[k] = s.Number("constant")
	}
	moved := make([][]float64, len(readings)) // by reading and part, in units of f
	for i, r := range readings {
		m := r.of(s.Measure(r.Name))
		w, middle := m.Weight.Value, m.Z((m.Norm.Low+m.Norm.High)/2)
		total += math.Abs(w)
		mid += w * middle
		for k, z := range m.zs(r, weights) {
			f[k] += w * z
			moved[i] = append(moved[i], w*(z-middle))
		}
	}
	scores, scale := make([]float64, len(f)), s.Scaler()
	for k := range f {
		scores[k] = scale(f[k])
		slope := 0.0 // of the chord from the middle
		if math.Abs(f[k]-mid) > 1e-9 {
			slope = (scores[k] - scale(mid)) / (f[k] - mid)
		}
		for i := range moved {
			moved[i][k] *= slope
		}
	}
	raw = weighted(scores, weights)
	for i, r := range readings {
		m := r.of(s.Measure(r.Name))
		out := score.Measure{Name: m.Name, Label: m.Label, Unit: m.Unit, Norm: m.Norm, Reason: r.Reason}
		if total > 0 {
			out.Weight = round(math.Abs(m.Weight.Value) / total)
		}
		if r.Value != nil {
			v := round(*r.Value)
			out.Value = &v
			out.Contribution = round(weighted(moved[i], weights))
		}
		measures = append(measures, out)
	}
	return round(raw), s.interval(raw, scores, weights, extraSD), measures
}

// zs are the standardised values of a reading in each part.
func (m Measure) zs(r Reading, weights []float64) []float64 {
	out := make([]float64, len(weights))
	fill := m.Z((m.Norm.Low + m.Norm.High) / 2)
	if r.Value != nil {
		fill = m.Z(*r.Value)
	}
	if r.Value == nil || r.Parts == nil {
		for k := range out {
			out[k] = fill
		}
		return out
	}
	var sum, weight float64
	for k, v := range r.Parts {
		if !math.IsNaN(v) {
			out[k] = m.Z(v)
			sum += weights[k] * out[k]
			weight += weights[k]
		}
	}
	if weight > 0 {
		fill = sum / weight
	}
	for k, v := range r.Parts {
		if math.IsNaN(v) {
			out[k] = fill
		}
	}
	return out
}

func weighted(v, weights []float64) float64 {
	var sum, weight float64
	for k := range v {
		sum += v[k] * weights[k]
		weight += weights[k]
	}
	return sum / weight
}

// interval is that of Linear.
func (s Section) interval(raw float64, scores, weights []float64, extraSD float64) [2]float64 {
	sd := spread(scores, weights)
	if len(scores) < fewParts {
		var weight float64
		for _, w := range weights {
			weight += w
		}
		sd = max(sd, s.Number("partSD")/math.Sqrt(weight))
	}
	half := z90 * math.Hypot(math.Hypot(sd, s.Number("modelSD")), extraSD)
	return [2]float64{round(max(0, raw-half)), round(min(top, raw+half))}
}

// spread is the standard error of the weighted mean, over bootstraps with a fixed seed.
func spread(v, weights []float64) float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	var sum, sq float64
	for range bootstraps {
		var x, w float64
		for range v {
			k := rng.IntN(len(v))
			x += weights[k] * v[k]
			w += weights[k]
		}
		x /= w
		sum += x
		sq += x * x
	}
	n := float64(bootstraps)
	return math.Sqrt(max(0, sq/n-sum/n*sum/n))
}

// round keeps six decimals: machines that fuse multiplications differ further down. There is no
// negative zero.
func round(v float64) float64 { return math.Round(v*1e6)/1e6 + 0 }
