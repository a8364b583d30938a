package report

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"parley/shared/speech/audio"
	"parley/shared/speech/score"
	"parley/shared/speech/score/overall"
	"parley/shared/speech/transcript"
)

// odd is any number that a scorer could hand over, those that are none among them.
func odd(t *rapid.T, name string, low, high float64) float64 {
	switch rapid.IntRange(0, 30).Draw(t, name+"?") {
	case 0:
		return math.NaN()
	case 1:
		return math.Inf(1)
	case 2:
		return low
	case 3:
		return high
	}
	return rapid.Float64Range(low-(high-low)/3, high+(high-low)/3).Draw(t, name)
}

// drawEach draws a result of each dimension, in the order of the table.
func drawEach(t *rapid.T, draw func(*rapid.T, score.Dimension) score.Result) score.Results {
	out := score.Results{}
	for _, row := range score.Table {
		out[row.Name] = draw(t, row.Name)
	}
	return out
}

// textsOf are a report's texts: one for each dimension, the recommendation and the feedback.
func textsOf(r Report) []string {
	var out []string
	for _, row := range score.Table {
		out = append(out, r.Explainability[row.Name])
	}
	return append(out, r.HRRecommendation, r.CandidateFeedback)
}

var units = []string{"", "%", "words", "syllables/s", "ratio", "per minute"}

func profile(t *rapid.T, d score.Dimension) score.Result {
	r := score.Result{Dimension: d, Words: rapid.IntRange(0, 2000).Draw(t, "words"), SpeechSeconds: rapid.Float64Range(0, 900).Draw(t, "s")}
	if rapid.IntRange(0, 5).Draw(t, "null") > 0 {
		v := odd(t, "raw", 0, 5)
		r.Raw = &v
		r.Interval = [2]float64{odd(t, "low", 0, 5), odd(t, "high", 0, 5)}
	} else if rapid.Bool().Draw(t, "why") {
		r.Reason = "too little was said"
	}
	for i := range rapid.IntRange(0, 6).Draw(t, "measures") {
		scale := rapid.SampledFrom([]float64{0.01, 1, 5, 50, 1000}).Draw(t, "scale")
		m := score.Measure{Name: fmt.Sprintf("%s%d", d, i), Label: fmt.Sprintf("the %s measure #%d", d, i), Unit: rapid.SampledFrom(units).Draw(t, "unit"),
			Weight: rapid.Float64Range(0, 1).Draw(t, "weight"), Contribution: odd(t, "contribution", -1.5, 1.5)}
		m.Norm = score.Norm{Low: odd(t, "nlow", -scale, scale), High: odd(t, "nhigh", -scale, scale), Source: "a corpus"}
		if rapid.IntRange(0, 4).Draw(t, "measured") > 0 {
			v := odd(t, "value", -scale, scale)
			if rapid.IntRange(0, 6).Draw(t, "edge") == 0 {
				v = m.Norm.High + scale/1e5
			}
			m.Value = &v
		}
		r.Measures = append(r.Measures, m)
	}
	if rapid.IntRange(0, 3).Draw(t, "cautious") == 0 {
		r.Cautions = []string{"only little was heard"}
	}
	return r
}

var (
	placed  = regexp.MustCompile(`the (\w+) measure #(\d), (-?\d+(?:\.\d+)?)(?:%| [a-z/ ]+)?, (above|below|within|at the lower end of|at the upper end of) the norm of (-?\d+(?:\.\d+)?) to (-?\d+(?:\.\d+)?)`)
	moved   = regexp.MustCompile(`(raised it|lowered it|helped you) most is the (\w+) measure #(\d)`)
	towards = regexp.MustCompile(`the (\w+) measure #(\d)(?:: from|) (?:from )?(-?\d+(?:\.\d+)?)(?:%| [a-z/ ]+)? towards (-?\d+(?:\.\d+)?)`)
	scored  = regexp.MustCompile(`(Vocabulary is|Fluency is|Accent is|Overall:) (\d\.\d) of 5 \((..)\), most likely between (\d\.\d) and (\d\.\d); confidence is (\w+)`)
	decides = regexp.MustCompile(`(?i)\b(hir(e|ed|ing)|reject\w*|unsuitable|unfit|must not|invite)\b`)
)

func number(t *rapid.T, s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestNoSentenceContradictsANumber draws profiles, the odd ones among them, and reads every sentence back.
func TestNoSentenceContradictsANumber(t *testing.T) {
	seen := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		in := Input{Results: drawEach(t, profile),
			Intake:       audio.Intake{DurationMs: rapid.Int64Range(0, 1).Draw(t, "ms"), Quality: audio.Quality{SNRDb: odd(t, "snr", 0, 40), ClippedPercent: odd(t, "clip", 0, 3)}},
			Conversation: transcript.Conversation{Candidate: transcript.Detection{Confidence: rapid.SampledFrom([]string{"high", "medium", "low", ""}).Draw(t, "who")}}}
		r := Build(in)
		if _, err := json.Marshal(r); err != nil {
			t.Fatal(err)
		}
		dims := map[string]score.Result{}
		for _, d := range in.Results.InOrder() {
			dims[string(d.Dimension)] = sound(d)
		}
		of := func(d, i string) score.Measure { return dims[d].Measures[int(i[0]-'0')] }
		texts := textsOf(r)
		for i, text := range texts {
			limit := 1600
			if i < len(score.Table) {
				limit = 700
			}
			if len(text) < 20 || len(text) > limit {
				t.Fatalf("%d characters: %s", len(text), text)
			}
			for _, bad := range []string{"%!", "NaN", "Inf", "<nil>", "  ", "..", " ."} {
				if strings.Contains(text, bad) {
					t.Fatalf("%q in %s", bad, text)
				}
			}
			if decides.MatchString(text) {
				t.Fatalf("it decides: %s", text)
			}
			if !strings.HasSuffix(text, ".") {
				t.Fatalf("no full stop: %s", text)
			}
			for _, m := range placed.FindAllStringSubmatch(text, -1) {
				x := of(m[1], m[2])
				low, high := min(x.Norm.Low, x.Norm.High), max(x.Norm.Low, x.Norm.High)
				shown, from, to := number(t, m[3]), number(t, m[5]), number(t, m[6])
				var ok bool
				switch v := *x.Value; m[4] {
				case "above":
					ok = v > high && shown > to
				case "below":
					ok = v < low && shown < from
				case "within":
					ok = v >= low && v <= high && shown >= from && shown <= to
				case "at the lower end of":
					ok = shown == from
				case "at the upper end of":
					ok = shown == to
				}
				if !ok || m[3] != num(*x.Value) {
					t.Fatalf("%v in %v to %v: %s", *x.Value, low, high, m[0])
				}
				seen[m[4]]++
			}
			for _, m := range moved.FindAllStringSubmatch(text, -1) {
				x := of(m[2], m[3])
				for _, other := range dims[m[2]].Measures {
					if !counts(other) {
						continue
					}
					if m[1] == "lowered it" && (x.Contribution > -noticeable || other.Contribution < x.Contribution) ||
						m[1] != "lowered it" && (x.Contribution < noticeable || other.Contribution > x.Contribution) {
						t.Fatalf("%+v beside %+v: %s", x, other, m[0])
					}
				}
				seen[m[1]]++
			}
			for _, m := range towards.FindAllStringSubmatch(text, -1) {
				x := of(m[1], m[2])
				from, to := number(t, m[3]), number(t, m[4])
				// Going there must be going up: what it moved so far has the sign of its place in the norm.
				if from == to || (to > from) != (x.Norm.High > x.Norm.Low) || x.Contribution*(position(x)-0.5) <= 0 {
					t.Fatalf("%+v: %s", x, m[0])
				}
				seen["towards"]++
			}
			for _, m := range scored.FindAllStringSubmatch(text, -1) {
				d := score.Dimension(strings.ToLower(strings.Trim(m[1], " is:")))
				v, c := r.Scores[d], r.Confidence[d]
				if c == nil || number(t, m[2]) != v.Points || m[3] != v.CEFR || number(t, m[4]) != c.Interval[0] || number(t, m[5]) != c.Interval[1] || m[6] != string(c.Level) {
					t.Fatalf("%v %v: %s", v, c, m[0])
				}
				if !(0 <= c.Interval[0] && c.Interval[0] <= v.Points && v.Points <= c.Interval[1] && c.Interval[1] <= 5) {
					t.Fatalf("%v outside %v", v, c.Interval)
				}
				seen["scored"]++
			}
		}
		for i, row := range score.Table {
			d, title := string(row.Name), row.Title
			if measured := dims[d].Raw != nil; measured != strings.HasPrefix(texts[i], title+" is ") || measured == strings.Contains(r.HRRecommendation, title+" was not measured. ") {
				t.Fatalf("%s: %s\n%s", d, texts[i], r.HRRecommendation)
			}
			if n := strings.Count(texts[i], ". ") + 1; n < 2 || n > 3 {
				t.Fatalf("%d sentences: %s", n, texts[i])
			}
		}
		if _, ok := r.Scores[score.Overall]; ok == strings.HasPrefix(r.HRRecommendation, "There is no overall score.") {
			t.Fatal(r.HRRecommendation)
		}
		for _, row := range score.Table {
			if c := r.Confidence[row.Name]; c != nil && (c.Level == overall.Low) != strings.Contains(r.HRRecommendation, "Read the "+string(row.Name)+" score with care") {
				t.Fatalf("%s is %s: %s", row.Name, c.Level, r.HRRecommendation)
			}
		}
	})
	t.Logf("sentences read back: %v", seen)
	for _, kind := range []string{"above", "below", "within", "at the lower end of", "at the upper end of", "raised it", "lowered it", "helped you", "towards", "scored"} {
		if seen[kind] == 0 {
			t.Errorf("no sentence of the kind %q was drawn", kind)
		}
	}
}
