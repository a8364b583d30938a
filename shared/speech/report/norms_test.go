package report

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"parley/shared/speech/audio"
	"parley/shared/speech/score"
	"parley/shared/speech/score/norms"
	"parley/shared/speech/score/overall"
	"parley/shared/speech/transcript"
)

// drawn is a result of the product's own measures and norms: values from far below a norm to far
// above it, some not measured.
func drawn(t *rapid.T, d score.Dimension) score.Result {
	r := score.Result{Dimension: d, Words: rapid.IntRange(0, 1200).Draw(t, "words"), SpeechSeconds: rapid.Float64Range(0, 600).Draw(t, "s")}
	section := norms.Of(d)
	// A speaker has a level, from which the measures stray.
	level := rapid.Float64Range(-2.5, 2.5).Draw(t, "level")
	readings := make([]norms.Reading, 0, len(section.Measures))
	for _, m := range section.Measures {
		if rapid.IntRange(0, 7).Draw(t, "measured?") == 0 {
			readings = append(readings, norms.Reading{Name: m.Name, Reason: "Too few words."})
			continue
		}
		at := level + rapid.Float64Range(-1, 1).Draw(t, m.Name)
		switch rapid.IntRange(0, 9).Draw(t, "edge") {
		case 0:
			at = -1
		case 1:
			at = 1
		case 2:
			at = rapid.SampledFrom([]float64{-1.0001, 1.0001, 0, -40, 40}).Draw(t, "extreme")
		}
		v := (m.Norm.Low+m.Norm.High)/2 + at*(m.Norm.High-m.Norm.Low)/2
		readings = append(readings, norms.Reading{Name: m.Name, Value: &v})
	}
	if d == score.Vocabulary {
		section.Numbers = map[string]norms.Number{"constant": {}, "scoreAtLow": section.Numbers["scoreAtLow"],
			"scoreAtHigh": section.Numbers["scoreAtHigh"], "modelSD": {}, "partSD": {}}
	}
	raw, _, ms := section.Linear(readings, nil, 0)
	half := rapid.SampledFrom([]float64{0.1, 0.3, 0.3, 0.3, 0.7, 1.2}).Draw(t, "half the interval")
	interval := [2]float64{max(0, raw-half), min(5, raw+half)}
	r.Measures = ms
	if rapid.IntRange(0, 3).Draw(t, "null") == 0 {
		r.Reason = rapid.SampledFrom([]string{"", "Only 20 words of the candidate could be used. Vocabulary needs at least 50 words.",
			"the candidate speaks for only 3.2 seconds", "The recording is overloaded: 7.5 % of it is clipped. Accent allows at most 5 %."}).Draw(t, "reason")
		for i := range r.Measures {
			r.Measures[i].Contribution = 0
		}
		return r
	}
	r.Raw, r.Interval = &raw, interval
	if rapid.IntRange(0, 2).Draw(t, "cautious") == 0 {
		r.Cautions = []string{rapid.SampledFrom([]string{"Only 64 words of the candidate could be used, so the vocabulary score is no more than a hint.",
			"The recording has telephone quality, which tends to lower the accent score.",
			"Word levels are known for English only, so the vocabulary score rests on how varied the words are."}).Draw(t, "caution")}
	}
	return r
}

// whole is a run's input of the product's own measures.
func whole(t *rapid.T) Input {
	return Input{Results: drawEach(t, drawn),
		RequestedLanguage: rapid.SampledFrom([]string{"", "en", "es", "fr", "de", "ja"}).Draw(t, "language"),
		Intake: audio.Intake{DurationMs: rapid.Int64Range(0, 1).Draw(t, "ms"),
			Quality: audio.Quality{SNRDb: rapid.Float64Range(8, 40).Draw(t, "snr"), ClippedPercent: rapid.Float64Range(0, 3).Draw(t, "clip")}},
		Conversation: transcript.Conversation{Candidate: transcript.Detection{Confidence: rapid.SampledFrom([]string{"high", "high", "medium", "low", ""}).Draw(t, "who")}}}
}

var (
	numbers = regexp.MustCompile(`-?\d+(?:\.\d+)?`)
	// decided are the words of somebody who decides about the candidate, or says how the candidate
	// is as a person.
	decided = regexp.MustCompile(`(?i)\b(hir(e|ed|es|ing)|recruit\w*|reject\w*|recommend\w*|(un)?suitab\w*|(un)?fit|must not|invit\w+|offer\w*|accept\w*|declin\w+|employ\w*|position|` +
		`shortlist\w*|(un|dis)?qualif\w*|pass(ed|es)?|fail\w*|advance|proceed|native|intelligen(t|ce)|lazy|poor(ly)?|bad(ly)?)\b`)
	levels   = regexp.MustCompile(`\b[ABC][12]\b`)
	scoresIn = regexp.MustCompile(`\d (?:out )?of 5|\(([\d.]+, )?[ABC][12]\)`)
)

// known are the numbers that the report's sentences may name: all that stand in the report, as
// sentences write them.
func known(r Report, dims []score.Result) map[string]bool {
	out := map[string]bool{"5": true} // out of 5
	text := func(s string) {
		for _, n := range numbers.FindAllString(s, -1) {
			out[n] = true
		}
	}
	for _, v := range r.Scores {
		out[fmt.Sprintf("%.1f", v.Points)] = true
	}
	for _, c := range r.Confidence {
		if c != nil {
			out[fmt.Sprintf("%.1f", c.Interval[0])], out[fmt.Sprintf("%.1f", c.Interval[1])] = true, true
		}
	}
	for _, d := range dims {
		text(d.Reason)
		for _, c := range d.Cautions {
			text(c)
		}
		for _, m := range d.Measures {
			text(m.Label + " " + m.Unit)
			factor := 1.0
			if score.WordingOf(m.Name).Percent {
				factor = 100
			}
			out[everyday(factor*m.Norm.High)] = true
			if m.Value != nil {
				out[everyday(factor**m.Value)] = true
			}
		}
	}
	return out
}

// wellFormed tells what is wrong with a text, empty where nothing is.
func wellFormed(text string, most int) string {
	switch {
	case len(text) < 20 || len(text) > most:
		return fmt.Sprintf("%d characters", len(text))
	case strings.TrimSpace(text) != text:
		return "spaces at its ends"
	case !strings.HasSuffix(text, "."):
		return "no full stop"
	case decided.MatchString(text):
		return "it decides: " + decided.FindString(text)
	}
	for _, bad := range []string{"%!", "NaN", "Inf", "<nil>", "  ", "..", " .", " ,", ",,", ",.", ";.", "()", "- ", "\n", "\t", "e+", "e-0"} {
		if strings.Contains(text, bad) {
			return fmt.Sprintf("%q", bad)
		}
	}
	depth := 0
	for _, c := range text {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth < 0 || depth > 1 {
			break
		}
	}
	if depth != 0 {
		return "unbalanced parentheses"
	}
	for _, s := range strings.SplitAfter(text, ". ") {
		if first := s[0]; first < 'A' || first > 'Z' {
			return "a sentence without a capital: " + s
		}
	}
	return ""
}

// TestSentencesOfTheProductsOwnMeasures draws runs over all norms: every sentence is well formed,
// names no number that is not in the report, claims no score that is null, and says of no measure
// that it raised a score from the low side of its norm.
func TestSentencesOfTheProductsOwnMeasures(t *testing.T) {
	seen := map[string]int{}
	byName := map[string]score.Dimension{}
	rapid.Check(t, func(t *rapid.T) {
		in := whole(t)
		r := Build(in)
		if again := Build(in); !reflect.DeepEqual(r, again) {
			t.Fatal("the same run has another report")
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var back Report
		if err := json.Unmarshal(b, &back); err != nil || back.HRRecommendation != r.HRRecommendation {
			t.Fatal("the report does not survive its own JSON")
		}
		var dims []score.Result
		for _, d := range in.Results.InOrder() {
			dims = append(dims, sanitize(d))
		}
		may := known(r, dims)
		texts := textsOf(r)
		for i, text := range texts {
			most := 700
			if i >= len(dims) {
				most = 1600
			}
			if bad := wellFormed(text, most); bad != "" {
				t.Fatalf("%s: %s", bad, text)
			}
			for _, s := range strings.SplitAfter(text, ". ") {
				if n := len(numbers.FindAllString(oneEach(s), -1)); n > 1 {
					t.Fatalf("%d numbers in one sentence: %s", n, s)
				}
			}
			for _, n := range numbers.FindAllString(levelFree(text), -1) {
				if !may[n] {
					t.Fatalf("%s is no number of the report: %s", n, text)
				}
			}
		}
		if scoresIn.MatchString(r.CandidateFeedback) {
			t.Fatalf("the feedback is about scores: %s", r.CandidateFeedback)
		}
		nulls, advised := "", map[string]bool{}
		for i, d := range dims {
			title := score.Table[i].Title
			if d.Raw == nil {
				nulls += string(d.Dimension) + " "
				if scoresIn.MatchString(texts[i]) || strings.Contains(r.HRRecommendation, "Read the "+string(d.Dimension)) || namesSide(r.HRRecommendation, d.Dimension) ||
					!strings.Contains(r.CandidateFeedback, title+" could not be measured") || strings.Contains(r.CandidateFeedback, title+": ") {
					t.Fatalf("%s is null: %s %s %s", d.Dimension, texts[i], r.HRRecommendation, r.CandidateFeedback)
				}
				continue
			}
			if strings.Count(r.CandidateFeedback, title+": ") != 1 || strings.Contains(r.CandidateFeedback, title+" could not") {
				t.Fatalf("%s is measured: %s", d.Dimension, r.CandidateFeedback)
			}
			seen[overall.Level(*d.Raw)]++
			up, down := extremes(d)
			for raised, m := range map[bool]*score.Measure{true: up, false: down} {
				if m == nil {
					continue
				}
				byName[m.Name] = d.Dimension
				verb := map[bool]string{true: "What helps the score most is ", false: "What holds the score back most is "}[raised]
				if !raised && up != nil {
					verb = "what holds it back most is "
				}
				_, after, ok := strings.Cut(texts[i], verb+name(*m)+" (")
				if !ok {
					t.Fatalf("%s is not named: %s", m.Name, texts[i])
				}
				after, _, _ = strings.Cut(after, ")")
				high := strings.HasPrefix(after, "above ") || strings.HasPrefix(after, "nearer to C1 ") || after == "at the level of C1 speakers"
				low := strings.HasPrefix(after, "below ") || strings.HasPrefix(after, "nearer to A2 ") || after == "at the level of A2 speakers"
				if raised && low || !raised && high {
					t.Fatalf("%s contradicts itself: %s", m.Name, texts[i])
				}
				if strings.HasPrefix(after, "above ") {
					if at := position(*m); at <= 1 {
						t.Fatalf("%s is at %v of its norm: %s", m.Name, at, texts[i])
					}
					seen["beyond its norm"]++
				}
			}
			if g := toGain(d, advised); g != nil {
				advised[g.Name] = true
				seen["told by "+g.Name] += amountsOf(t, r.CandidateFeedback, title, *g)
			}
		}
		for _, c := range r.Confidence {
			if c != nil {
				seen["confidence "+string(c.Level)]++
			}
		}
		seen["null: "+nulls]++
		seen[r.ScoringMethod]++
	})
	t.Logf("drawn: %v; measures spoken of: %d", seen, len(byName))
	want := []string{"A1", "A2", "B1", "B2", "C1", "C2", "confidence high", "confidence medium", "confidence low", MethodEnglish, MethodMultilingual, "beyond its norm",
		"told by articulationRate", "told by meanRunLength", "told by repairs", "told by sentencePhonation"}
	for i := range 8 {
		s := ""
		for k, d := range []score.Dimension{score.Vocabulary, score.Fluency, score.Accent} {
			if i>>k&1 == 1 {
				s += string(d) + " "
			}
		}
		want = append(want, "null: "+s)
	}
	for _, kind := range want {
		if seen[kind] < 3 {
			t.Errorf("%q was drawn %d times", kind, seen[kind])
		}
	}
}

// amountsOf reads back what the feedback says of the measure that it advises to work on. Where it
// says how much of something the candidate does, the two numbers are those of the measure, and
// going from the one to the other is going to the high end of the norm. It returns how often that
// is said: 0 or 1.
func amountsOf(t *rapid.T, feedback, title string, m score.Measure) int {
	w := score.WordingOf(m.Name)
	goal := title + ": " + w.Goal + ". "
	_, feedback, ok := strings.Cut(feedback, goal)
	switch {
	case !ok:
		t.Fatalf("%s lacks %s", feedback, goal)
	case w.Amount == "" || strings.HasPrefix(feedback, "Here you are "):
		return 0
	}
	both, once, _ := strings.Cut(w.Amount, "|")
	said := func(who, about string, end string) string {
		quoted := regexp.QuoteMeta(who + " " + both + end + ".")
		return strings.Replace(quoted, "%s", regexp.QuoteMeta(about)+`(-?[\d.]+)`, 1)
	}
	found := regexp.MustCompile("^" + said("You", "", once) + " " + said("C1 speakers", "about ", "")).FindStringSubmatch(feedback)
	if found == nil {
		t.Fatalf("it does not say how much of %s: %s", m.Name, feedback)
	}
	factor := 1.0
	if w.Percent {
		factor = 100
	}
	from, to := number(t, found[1]), number(t, found[2])
	half := func(v float64) float64 { // of the last digit that is told
		if math.Abs(v) < 9.95 {
			return 0.0500001
		}
		return 0.5000001
	}
	if math.Abs(from-factor**m.Value) > half(from) || math.Abs(to-factor*m.Norm.High) > half(to) || (to > from) != (m.Norm.High > m.Norm.Low) {
		t.Fatalf("%v in %+v: %s", *m.Value, m.Norm, found[0])
	}
	return 1
}

// oneEach is a sentence in which a level is no number, a score with its scale is one, and so is an
// interval.
func oneEach(sentence string) string {
	sentence = strings.ReplaceAll(levelFree(sentence), " out of 5", "")
	return regexp.MustCompile(`between [\d.]+ and ([\d.]+)`).ReplaceAllString(sentence, "$1")
}

// levelFree is a text without the names of levels, whose digits are no numbers.
func levelFree(text string) string { return levels.ReplaceAllString(text, "") }

// namesSide tells whether the comparison of sides names a dimension.
func namesSide(text string, d score.Dimension) bool {
	for _, s := range strings.SplitAfter(text, ". ") {
		if strings.Contains(s, " the strongest side") || strings.Contains(s, " the weakest side") {
			if strings.Contains(strings.ToLower(s), string(d)) {
				return true
			}
		}
	}
	return false
}

// Ensure that every measure that counts in the norms file has a name in everyday words, a goal and
// advice of its own: what to practise is the point of the feedback.
func TestEveryMeasureThatCountsHasAdvice(t *testing.T) {
	for _, row := range score.Table {
		for _, m := range norms.Of(row.Name).Measures {
			if w := score.WordingOf(m.Name); m.Weight.Value != 0 && (w.Plain == "" || w.Goal == "" || w.Practice == "") {
				t.Errorf("%s has no words of its own: %+v", m.Name, w)
			}
			if math.Abs(m.Weight.Value) > 0 && (m.Norm.High-m.Norm.Low)*m.Weight.Value < 0 {
				t.Errorf("%s counts against its own norm", m.Name)
			}
		}
	}
}
