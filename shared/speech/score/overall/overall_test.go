package overall

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"parley/shared/speech/audio"
	"parley/shared/speech/score"
	"parley/shared/speech/score/norms"
)

func result(raw float64) score.Result {
	if math.IsNaN(raw) {
		return score.Result{Reason: "too little"}
	}
	return score.Result{Raw: &raw, Interval: [2]float64{max(0, raw-0.3), min(5, raw+0.3)}, Words: 400, SpeechSeconds: 200}
}

var none = math.NaN()

// of is the overall score of three.
func of(vocabulary, fluency, accent float64) score.Result {
	return Score(score.Results{score.Vocabulary: result(vocabulary), score.Fluency: result(fluency), score.Accent: result(accent)})
}

func TestScore(t *testing.T) {
	for _, c := range []struct {
		name                        string
		vocabulary, fluency, accent float64
		want                        float64 // NaN: not measured
		level                       string
	}{
		{"the mean of three", 2, 2.5, 3, 2.5, "B2"},
		{"the mean of the two that were measured", none, 2, 3, 2.5, "B2"},
		{"one dimension alone is no overall score", 3, none, none, none, ""},
		{"nothing measured is no overall score", none, none, none, none, ""},
		{"great fluency does not lift B2 to C1", 3.2, 5, 3.2, 3.2, "B2"},
		{"vocabulary and accent at C1 make C1 with great fluency", 3.4, 5, 3.3, 3.35, "C1"},
		{"great fluency counts whole where vocabulary and accent are as good", 4.5, 4.5, 4.5, 4.5, "C2"},
		{"fluency below its bound counts as it is", 4, 3.1, 4, 3.7, "C1"},
		{"the bounds of the scale are kept", 5, 5, 5, 5, "C2"},
		{"nothing at all is 0 and measured", 0, 0, 0, 0, "A1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := of(c.vocabulary, c.fluency, c.accent)
			if math.IsNaN(c.want) {
				if r.Raw != nil || r.Reason == "" {
					t.Fatalf("%+v", r)
				}
				return
			}
			if r.Raw == nil || math.Abs(*r.Raw-c.want) > 1e-6 || Level(*r.Raw) != c.level {
				t.Fatalf("%v, want %v (%s)", *r.Raw, c.want, c.level)
			}
		})
	}
}

func TestWeights(t *testing.T) {
	section := norms.Of(score.Overall)
	const full, share = 200, 0.5
	if section.Number("fullWords") != full || section.Number("preparedShare") != share {
		t.Fatal("the norms have other numbers")
	}
	plain := func() score.Results {
		return score.Results{score.Vocabulary: result(2), score.Fluency: result(3), score.Accent: result(3)}
	}
	weightOf := func(change func(v *score.Result)) float64 {
		all := plain()
		v := all[score.Vocabulary]
		change(&v)
		all[score.Vocabulary] = v
		sum := 0.0
		r := Score(all)
		for _, m := range r.Measures {
			sum += m.Weight
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Errorf("the weights make %v", sum)
		}
		return r.Measures[0].Weight
	}
	for _, c := range []struct {
		name   string
		change func(v *score.Result)
		want   float64 // of what it has beside two equals
	}{
		{"equals weigh alike", func(*score.Result) {}, 1},
		{"as many words as count in full", func(v *score.Result) { v.Words = full }, 1},
		{"one word fewer", func(v *score.Result) { v.Words = full - 1 }, 0.995},
		{"half of the words", func(v *score.Result) { v.Words = full / 2 }, 0.5},
		{"no words counted", func(v *score.Result) { v.Words = 0 }, 0.005},
		{"a text that may have been read", func(v *score.Result) { v.Prepared = true }, share},
		{"a spread as wide as that between dimensions weighs half", func(v *score.Result) {
			own, plain := section.Number("ownSpread"), 0.3/z90
			half := z90 * math.Sqrt(own*own+2*plain*plain)
			v.Interval = [2]float64{2 - half, 2 + half}
		}, 0.5},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, want := weightOf(c.change), c.want/(c.want+2); math.Abs(got-want) > 1e-9 {
				t.Fatalf("%.6f, want %.6f", got, want)
			}
		})
	}
	t.Run("no interval outweighs the others by more than it is sure", func(t *testing.T) {
		if got := weightOf(func(v *score.Result) { v.Interval = [2]float64{2, 2} }); got < 1.0/3 || got > 0.37 {
			t.Fatal(got)
		}
	})
	t.Run("fluency's bound is the weighted mean of the others", func(t *testing.T) {
		all := score.Results{score.Vocabulary: result(4), score.Fluency: result(5), score.Accent: result(3)}
		v := all[score.Vocabulary]
		v.Words = full / 2
		all[score.Vocabulary] = v
		if r := Score(all); math.Abs(*r.Raw-(0.5*4+3)/1.5) > 1e-5 {
			t.Fatal(*r.Raw)
		}
	})
}

func TestScoreProperties(t *testing.T) {
	points := rapid.Float64Range(0, 5)
	rapid.Check(t, func(t *rapid.T) {
		v, f, a, up := points.Draw(t, "v"), points.Draw(t, "f"), points.Draw(t, "a"), points.Draw(t, "up")
		r := of(v, f, a)
		if !(0 <= r.Interval[0] && r.Interval[0] <= *r.Raw && *r.Raw <= r.Interval[1] && r.Interval[1] <= 5) {
			t.Fatalf("%v outside %v", *r.Raw, r.Interval)
		}
		sum := middle
		for _, m := range r.Measures {
			sum += m.Contribution
		}
		if math.Abs(sum-*r.Raw) > 1e-5 {
			t.Fatalf("contributions make %v of %v", sum, *r.Raw)
		}
		if more := of(max(v, up), max(f, up), max(a, up)); *more.Raw < *r.Raw {
			t.Fatalf("better speech scores less: %v after %v", *more.Raw, *r.Raw)
		}
		if Level(*r.Raw) >= "C1" && (v+a)/2 < 3.2 {
			t.Fatalf("%s of vocabulary %v and accent %v", Level(*r.Raw), v, a)
		}
	})
}

func TestLevel(t *testing.T) {
	for _, c := range []struct {
		name    string
		raw     float64
		level   string
		percent int
	}{
		{"the bottom", 0, "A1", 0},
		{"just under A2", 0.749, "A1", 14},
		{"A2 as shown", 0.75, "A2", 16},
		{"just under B1", 1.649, "A2", 32},
		{"B1", 1.7, "B1", 34},
		{"just under B2", 2.449, "B1", 48},
		{"B2 as shown", 2.45, "B2", 50},
		{"just under C1", 3.249, "B2", 64},
		{"C1", 3.3, "C1", 66},
		{"just under C2", 4.149, "C1", 82},
		{"C2", 4.2, "C2", 84},
		{"the top", 5, "C2", 100},
		{"beyond the top", 9, "C2", 100},
		{"no number", math.NaN(), "A1", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if Level(c.raw) != c.level || Percent(c.raw) != c.percent {
				t.Fatalf("%s %d", Level(c.raw), Percent(c.raw))
			}
		})
	}
}

func TestConfidence(t *testing.T) {
	good := Conditions{Audio: true, Quality: audio.Quality{SNRDb: 30}, Detection: "high"}
	sure := func(d score.Dimension) score.Result {
		v := 3.0
		return score.Result{Dimension: d, Raw: &v, Interval: [2]float64{2.75, 3.25}, Words: 500, SpeechSeconds: 200}
	}
	for _, c := range []struct {
		name   string
		change func(*score.Result, *Conditions)
		d      score.Dimension
		want   Confidence
	}{
		{"all is well", func(*score.Result, *Conditions) {}, score.Accent, High},
		{"an interval of 0.4 either side is still high", func(r *score.Result, _ *Conditions) { r.Interval = [2]float64{2.625, 3.375} }, score.Accent, High},
		{"a wider one is medium", func(r *score.Result, _ *Conditions) { r.Interval = [2]float64{2.5, 3.5} }, score.Accent, Medium},
		{"one of more than 0.8 either side is low", func(r *score.Result, _ *Conditions) { r.Interval = [2]float64{2, 3.75} }, score.Accent, Low},
		{"300 words are high", func(r *score.Result, _ *Conditions) { r.Words = 300 }, score.Vocabulary, High},
		{"299 words are medium", func(r *score.Result, _ *Conditions) { r.Words = 299 }, score.Vocabulary, Medium},
		{"200 words are medium", func(r *score.Result, _ *Conditions) { r.Words = 200 }, score.Vocabulary, Medium},
		{"199 words are low", func(r *score.Result, _ *Conditions) { r.Words = 199 }, score.Vocabulary, Low},
		{"words do not count for accent", func(r *score.Result, _ *Conditions) { r.Words = 10 }, score.Accent, High},
		{"119 s of speech are medium", func(r *score.Result, _ *Conditions) { r.SpeechSeconds = 119 }, score.Fluency, Medium},
		{"59 s of speech are low", func(r *score.Result, _ *Conditions) { r.SpeechSeconds = 59 }, score.Fluency, Low},
		{"seconds do not count for vocabulary", func(r *score.Result, _ *Conditions) { r.SpeechSeconds = 0 }, score.Vocabulary, High},
		{"noise at 20 dB is high", func(_ *score.Result, c *Conditions) { c.Quality.SNRDb = 20 }, score.Fluency, High},
		{"noise at 19 dB is medium", func(_ *score.Result, c *Conditions) { c.Quality.SNRDb = 19 }, score.Fluency, Medium},
		{"noise at 11 dB is low", func(_ *score.Result, c *Conditions) { c.Quality.SNRDb = 11 }, score.Fluency, Low},
		{"clipping of 1 % is medium", func(_ *score.Result, c *Conditions) { c.Quality.ClippedPercent = 1 }, score.Fluency, Medium},
		{"clipping of 3 % is low", func(_ *score.Result, c *Conditions) { c.Quality.ClippedPercent = 3 }, score.Fluency, Low},
		{"a candidate found with medium confidence", func(_ *score.Result, c *Conditions) { c.Detection = "medium" }, score.Fluency, Medium},
		{"a candidate found with low confidence", func(_ *score.Result, c *Conditions) { c.Detection = "low" }, score.Fluency, Low},
		{"a caution is medium", func(r *score.Result, _ *Conditions) { r.Cautions = []string{"Noise."} }, score.Fluency, Medium},
		{"a text alone is not judged by its sound", func(_ *score.Result, c *Conditions) { *c = Conditions{} }, score.Vocabulary, High},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, with := sure(c.d), good
			c.change(&r, &with)
			if got := Of(r, with); got != c.want {
				t.Fatalf("%s, want %s", got, c.want)
			}
		})
	}
	for _, c := range []struct {
		name    string
		parts   []Confidence
		missing int
		want    Confidence
	}{
		{"three sure parts", []Confidence{High, High, High}, 0, High},
		{"a medium part leaves it high where its own interval is narrow", []Confidence{High, Medium, High}, 0, High},
		{"a low part makes it medium", []Confidence{High, Low, High}, 0, Medium},
		{"no part is surer than medium", []Confidence{Medium, Medium, Medium}, 0, Medium},
		{"all parts are low", []Confidence{Low, Low, Low}, 0, Low},
		{"a missing part makes it medium", []Confidence{High, High}, 1, Medium},
	} {
		t.Run("overall: "+c.name, func(t *testing.T) {
			if got := OfOverall(sure(score.Overall), c.parts, c.missing, good); got != c.want {
				t.Fatalf("%s, want %s", got, c.want)
			}
		})
	}
}
