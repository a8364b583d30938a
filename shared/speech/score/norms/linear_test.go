package norms

import (
	"encoding/json"
	"math"
	"testing"

	"parley/shared/speech/score"
)

func section() Section {
	n := func(v float64) Number { return Number{v, "test"} }
	m := func(name string, low, high, weight float64) Measure {
		x := Measure{Name: name, Label: name, Mean: n(0.5), SD: n(0.25), Weight: n(weight)}
		x.Norm.Low, x.Norm.High, x.Norm.Source = low, high, "test"
		return x
	}
	return Section{Measures: []Measure{m("rises", 0.2, 0.8, 1), m("falls", 0.9, 0.3, -0.5), m("shown", 0, 1, 0)},
		Numbers: map[string]Number{"constant": n(7), "scoreAtLow": n(1.5), "scoreAtHigh": n(3.3), "modelSD": n(0.3), "partSD": n(0.5)}}
}

func at(name string, v float64) Reading { return Reading{Name: name, Value: &v} }

func TestLinear(t *testing.T) {
	s := section()
	ones := []float64{1, 1, 1, 1}
	t.Run("the ends of the norms score what the file says", func(t *testing.T) {
		low, _, _ := s.Linear([]Reading{at("rises", 0.2), at("falls", 0.9), at("shown", 0)}, ones, 0)
		high, _, _ := s.Linear([]Reading{at("rises", 0.8), at("falls", 0.3), at("shown", 1)}, ones, 0)
		if math.Abs(low-1.5) > 1e-5 || math.Abs(high-3.3) > 1e-5 {
			t.Fatalf("%g, %g", low, high)
		}
	})
	t.Run("contributions add up to the distance from the middle of the norms", func(t *testing.T) {
		mid, _, _ := s.Linear([]Reading{at("rises", 0.5), at("falls", 0.6), at("shown", 0)}, ones, 0)
		raw, _, ms := s.Linear([]Reading{at("rises", 0.7), at("falls", 0.8), at("shown", 9)}, ones, 0)
		if sum := ms[0].Contribution + ms[1].Contribution + ms[2].Contribution; math.Abs(sum-(raw-mid)) > 1e-5 {
			t.Fatalf("%g, %g", sum, raw-mid)
		}
		if ms[0].Contribution <= 0 || ms[1].Contribution >= 0 || ms[2].Contribution != 0 {
			t.Fatalf("%+v", ms)
		}
		if math.Abs(ms[0].Weight-2.0/3) > 1e-5 || ms[2].Weight != 0 {
			t.Fatalf("weights %g, %g", ms[0].Weight, ms[2].Weight)
		}
	})
	t.Run("a missing measure counts as the middle of its norm", func(t *testing.T) {
		a, _, _ := s.Linear([]Reading{at("rises", 0.7), {Name: "falls", Reason: "why"}}, ones, 0)
		b, _, _ := s.Linear([]Reading{at("rises", 0.7), at("falls", 0.6)}, ones, 0)
		if a != b {
			t.Fatalf("%g, %g", a, b)
		}
	})
	t.Run("parts are standardised, cut and scored before they are averaged", func(t *testing.T) {
		v := 100.0
		r := Reading{Name: "rises", Value: &v, Parts: []float64{0.5, 400, math.NaN(), 0.5}}
		got, _, _ := s.Linear([]Reading{r, at("falls", 0.6)}, []float64{1, 1, 1, 0.5}, 0)
		of := func(v float64) float64 {
			x, _, _ := s.Linear([]Reading{at("rises", v), at("falls", 0.6)}, nil, 0)
			return x
		}
		fill := 0.5 + 4/2.5*0.25 // the mean of what is there, 0, 4 and half a 0 spreads
		if want := (of(0.5) + of(1.5) + of(fill) + of(0.5)/2) / 3.5; math.Abs(got-want) > 1e-5 {
			t.Fatalf("%g, want %g", got, want)
		}
	})
	t.Run("the interval widens with unequal parts, few parts, and doubt", func(t *testing.T) {
		width := func(extra float64, parts ...float64) float64 {
			var sum float64
			w := make([]float64, len(parts))
			for i, p := range parts {
				sum += p
				w[i] = 1
			}
			mean := sum / float64(len(parts))
			_, in, _ := s.Linear([]Reading{{Name: "rises", Value: &mean, Parts: parts}, at("falls", 0.6)}, w, extra)
			return in[1] - in[0]
		}
		even := width(0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5)
		for name, w := range map[string]float64{"unequal": width(0, 0.1, 0.9, 0.1, 0.9, 0.5, 0.1, 0.9, 0.1, 0.9), "few": width(0, 0.5, 0.5),
			"doubt": width(0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5)} {
			if w <= even {
				t.Errorf("%s: %g, even %g", name, w, even)
			}
		}
	})
}

func TestEmbeddedWeightsPointTheWayOfTheirNorms(t *testing.T) {
	for _, name := range []score.Dimension{score.Fluency, score.Accent} {
		s := Of(name)
		for _, m := range s.Measures {
			if w := m.Weight.Value; w != 0 && (w > 0) != (m.Norm.High > m.Norm.Low) {
				t.Errorf("%s: %s has weight %g and a norm from %g to %g", name, m.Name, w, m.Norm.Low, m.Norm.High)
			}
		}
		last := 0.0
		for f := -10.0; f <= 20; f++ {
			v := s.Scale(f)
			if v <= last || v >= top {
				t.Fatalf("%s: %g at %g after %g", name, v, f, last)
			}
			last = v
		}
	}
}

func TestValuesGoThroughJSON(t *testing.T) {
	b, err := json.Marshal(Values{1.5, math.NaN(), math.Inf(1), 0})
	if err != nil || string(b) != "[1.5,null,null,0]" {
		t.Fatalf("%s, %v", b, err)
	}
	var v Values
	if err := json.Unmarshal(b, &v); err != nil || len(v) != 4 || v[0] != 1.5 || !math.IsNaN(v[1]) || !math.IsNaN(v[2]) || v[3] != 0 {
		t.Fatalf("%v, %v", v, err)
	}
	if err := json.Unmarshal([]byte(`["a"]`), &v); err == nil {
		t.Error("a word was read as a value")
	}
}

func TestTheNormIsThatOfTheLanguagesPace(t *testing.T) {
	s := Section{Measures: []Measure{{Name: "rate", Norm: score.Norm{Low: 2, High: 4, Source: "s"}, Mean: Number{Value: 3}, SD: Number{Value: 1}, Weight: Number{Value: 1}}},
		Numbers: map[string]Number{"constant": {}, "scoreAtLow": {Value: 1.5}, "scoreAtHigh": {Value: 3.3}, "modelSD": {Value: 0.1}, "partSD": {Value: 0.1}}}
	slow, fast := 3.6, 4.5
	a, _, _ := s.Linear([]Reading{{Name: "rate", Value: &slow}}, nil, 0)
	b, _, m := s.Linear([]Reading{{Name: "rate", Value: &fast, Pace: 1.25}}, nil, 0)
	if a != b || m[0].Norm.Low != 2.5 || m[0].Norm.High != 5 || *m[0].Value != fast {
		t.Errorf("%g at the pace of English, %g at a quarter more; %+v", a, b, m[0])
	}
}
