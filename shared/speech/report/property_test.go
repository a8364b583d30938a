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

const places = `below the level of A2 speakers|at the level of A2 speakers|nearer to A2 speakers than to C1 speakers|about halfway between A2 and C1 speakers|` +
	`nearer to C1 speakers than to A2 speakers|at the level of C1 speakers|above the level of C1 speakers`

var (
	placed  = regexp.MustCompile(`the (\w+) measure #(\d)(?: \(|\. Here you are )(` + places + `)`)
	moved   = regexp.MustCompile(`(helps the score|holds it back|holds the score back|helps you) most is the (\w+) measure #(\d)`)
	gained  = regexp.MustCompile(`(?:most to gain in|work on) the (\w+) measure #(\d)`)
	scored  = regexp.MustCompile(`(?:(Vocabulary|Fluency|Accent)|The overall score) is (\d\.\d) out of 5 \((..)\)(?:, with (\w+) confidence)?`)
	spanned = regexp.MustCompile(`The true value most likely lies between (\d\.\d) and (\d\.\d)(?:; confidence is (\w+))?`)
	decides = regexp.MustCompile(`(?i)\b(hir(e|ed|ing)|reject\w*|unsuitable|unfit|must not|invite)\b`)
)

func number(t *rapid.T, s string) float64 {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestNoSentenceContradictsANumber draws profiles, the odd ones among them, and reads every
// sentence back.
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
			dims[string(d.Dimension)] = sanitize(d)
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
				v, low, high := *x.Value, x.Norm.Low, x.Norm.High
				if low > high { // turned round, so that more is better
					v, low, high = -v, -low, -high
				}
				end := num(*x.Value) == num(x.Norm.Low) || num(*x.Value) == num(x.Norm.High)
				var ok bool
				switch m[3] {
				case "below the level of A2 speakers":
					ok = v < low && !end
				case "at the level of A2 speakers":
					ok = num(*x.Value) == num(x.Norm.Low)
				case "nearer to A2 speakers than to C1 speakers":
					ok = low <= v && v-low < high-v && !end
				case "about halfway between A2 and C1 speakers":
					ok = math.Abs((v-low)-(high-v)) < 0.05*(high-low)
				case "nearer to C1 speakers than to A2 speakers":
					ok = v <= high && v-low > high-v && !end
				case "at the level of C1 speakers":
					ok = num(*x.Value) == num(x.Norm.High)
				case "above the level of C1 speakers":
					ok = v > high && !end
				}
				if !ok || num(low) == num(high) {
					t.Fatalf("%v in %v to %v: %s", v, low, high, m[0])
				}
				seen[m[3]]++
			}
			for _, m := range moved.FindAllStringSubmatch(text, -1) {
				x := of(m[2], m[3])
				lowered := strings.HasPrefix(m[1], "holds")
				for _, other := range dims[m[2]].Measures {
					if !counts(other) {
						continue
					}
					if lowered && (x.Contribution > -noticeable || other.Contribution < x.Contribution) ||
						!lowered && (x.Contribution < noticeable || other.Contribution > x.Contribution) {
						t.Fatalf("%+v beside %+v: %s", x, other, m[0])
					}
				}
				// No sentence says that a measure helps from the worse half of its norm, or holds
				// back from the better one.
				if where := regexp.MustCompile(regexp.QuoteMeta(m[0]) + ` \((` + places + `)\)`).FindStringSubmatch(text); where != nil {
					low := strings.HasSuffix(where[1], "the level of A2 speakers") || strings.HasPrefix(where[1], "nearer to A2")
					if low != lowered && !strings.HasPrefix(where[1], "about") {
						t.Fatalf("it contradicts itself: %s", where[0])
					}
				}
				seen[m[1]]++
			}
			for _, m := range gained.FindAllStringSubmatch(text, -1) {
				x := of(m[1], m[2])
				// Going to the high end must be going up: what it moved so far has the sign of its
				// place in the norm.
				if x.Contribution*(position(x)-0.5) <= 0 || position(x) >= 1 {
					t.Fatalf("%+v: %s", x, m[0])
				}
				seen["to gain"]++
			}
			d := score.Overall
			if i < len(score.Table) {
				d = score.Table[i].Name
			}
			for _, m := range scored.FindAllStringSubmatch(text, -1) {
				v, c := r.Scores[d], r.Confidence[d]
				if c == nil || !strings.EqualFold(m[1], string(d)) && m[1] != "" || (m[1] == "") != (d == score.Overall) ||
					number(t, m[2]) != v.Points || m[3] != v.CEFR || m[4] != "" && m[4] != string(c.Level) {
					t.Fatalf("%v %v: %s", v, c, m[0])
				}
				seen["scored"]++
			}
			for _, m := range spanned.FindAllStringSubmatch(text, -1) {
				v, c := r.Scores[d], r.Confidence[d]
				if c == nil || number(t, m[1]) != c.Interval[0] || number(t, m[2]) != c.Interval[1] || m[3] != "" && m[3] != string(c.Level) {
					t.Fatalf("%v %v: %s", v, c, m[0])
				}
				if !(0 <= c.Interval[0] && c.Interval[0] <= v.Points && v.Points <= c.Interval[1] && c.Interval[1] <= 5) {
					t.Fatalf("%v outside %v", v, c.Interval)
				}
				seen["with its interval"]++
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
			if c := r.Confidence[row.Name]; c != nil && !strings.Contains(texts[i], fmt.Sprintf(", with %s confidence. ", c.Level)) && !strings.Contains(texts[i], fmt.Sprintf("; confidence is %s. ", c.Level)) {
				t.Fatalf("the confidence is %s: %s", c.Level, texts[i])
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
	for _, kind := range append(strings.Split(places, "|"), "helps the score", "holds it back", "holds the score back", "helps you", "to gain", "scored", "with its interval") {
		if seen[kind] == 0 {
			t.Errorf("no sentence of the kind %q was drawn", kind)
		}
	}
}
