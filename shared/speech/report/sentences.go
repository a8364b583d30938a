package report

import (
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"parley/shared/speech/score"
	"parley/shared/speech/score/overall"
)

// side is one score as sentences speak of it.
type side struct {
	score.Result
	row score.Row // the zero value for the overall score
	// sure is how sure the score is; empty where there is none.
	sure overall.Confidence
}

// sheet is what the sentences are made from.
type sheet struct {
	all       side
	sides     []side // in the order of the table
	detection overall.Confidence
}

// sheetOf makes the overall score of the results, and finds how sure each score is.
func sheetOf(results score.Results, with overall.Conditions) sheet {
	clean := score.Results{}
	for _, r := range results.InOrder() {
		clean[r.Dimension] = sound(r)
	}
	s := sheet{detection: overall.Confidence(with.Detection), all: side{Result: sound(overall.Score(clean))}}
	var parts []overall.Confidence
	for i, r := range clean.InOrder() {
		one := side{Result: r, row: score.Table[i]}
		if r.Raw != nil {
			one.sure = overall.Of(r, with)
			parts = append(parts, one.sure)
		}
		s.sides = append(s.sides, one)
	}
	if s.all.Raw != nil {
		s.all.sure = overall.OfOverall(s.all.Result, parts, len(s.sides)-len(parts), with)
	}
	return s
}

// maxSentence bounds what comes from elsewhere, in bytes.
const maxSentence = 240

// sentence makes a reason a sentence: with a capital, a full stop, and a bounded length.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return "It was not measured."
	}
	if len(s) > maxSentence {
		s = strings.ToValidUTF8(s[:maxSentence], "") + "…"
	}
	if strings.Trim(s[len(s)-1:], ".!?") != "" && !strings.HasSuffix(s, "…") {
		s += "."
	}
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}

// headline is a score in words: its number, level and interval.
func headline(r score.Result) string {
	i := outward(r)
	return fmt.Sprintf("%.1f of 5 (%s), most likely between %.1f and %.1f", overall.Shown(*r.Raw), overall.Level(*r.Raw), i[0], i[1])
}

// explain is two or three sentences on one dimension: the score, what made it, and what would change it or makes it less sure.
func (r side) explain() string {
	if r.Raw == nil {
		return r.row.Title + " was not measured. " + sentence(r.Reason)
	}
	out := []string{fmt.Sprintf("%s is %s; confidence is %s.", r.row.Title, headline(r.Result), r.sure), made(r.Result)}
	if len(r.Cautions) > 0 {
		out = append(out, sentence(r.Cautions[0]))
	} else if g := toGain(r.Result, nil); g != nil {
		out = append(out, fmt.Sprintf("There is most to gain in %s: from %s towards %s.", name(*g), amount(*g, *g.Value), num(g.Norm.High)))
	}
	return strings.Join(out, " ")
}

// made says which measures made the score.
func made(r score.Result) string {
	switch up, down := extremes(r); {
	case up != nil && down != nil:
		return fmt.Sprintf("What raised it most is %s; what lowered it most is %s.", describe(*up), describe(*down))
	case up != nil:
		return fmt.Sprintf("What raised it most is %s; nothing that counts lowered it noticeably.", describe(*up))
	case down != nil:
		return fmt.Sprintf("What lowered it most is %s; nothing that counts raised it noticeably.", describe(*down))
	}
	return "No single measure moved it noticeably from the middle of the norms."
}

// usually is what a level usually means at work, after the global scale of the CEFR (Council of Europe 2001), in our words.
var usually = map[string]string{
	"A1": "can answer simple questions about familiar things when the other side helps",
	"A2": "manages short, routine exchanges on familiar matters",
	"B1": "copes with most everyday situations and can describe experiences and plans",
	"B2": "can take part in discussions of their own field without strain on either side",
	"C1": "can use the language flexibly for demanding professional purposes",
	"C2": "can express fine shades of meaning in nearly any situation",
}

// recommend is what a person who decides should know: the overall level, the strongest and the weakest side, and what is unsure.
// It never decides for them.
func (s sheet) recommend() string {
	var out []string
	if s.all.Raw == nil {
		out = append(out, "There is no overall score. "+sentence(s.all.Reason))
	} else {
		level := overall.Level(*s.all.Raw)
		out = append(out, fmt.Sprintf("Overall: %s; confidence is %s.", headline(s.all.Result), s.all.sure),
			fmt.Sprintf("A speaker at %s usually %s.", level, usually[level]))
		ends := outward(s.all.Result)
		if low, high := overall.Level(ends[0]), overall.Level(ends[1]); low != high {
			out = append(out, fmt.Sprintf("The range reaches from %s to %s, so the level is the likeliest one, not a certain one.", low, high))
		}
	}
	if c := s.compare(); c != "" {
		out = append(out, c)
	}
	for _, r := range s.sides {
		switch {
		case r.Raw == nil:
			out = append(out, r.row.Title+" was not measured. "+sentence(r.Reason))
		case r.sure == overall.Low && len(r.Cautions) > 0:
			out = append(out, fmt.Sprintf("Read the %s score with care, its confidence is low. %s", r.Dimension, sentence(r.Cautions[0])))
		case r.sure == overall.Low:
			out = append(out, fmt.Sprintf("Read the %s score with care, its confidence is low.", r.Dimension))
		}
	}
	if s.detection == overall.Low || s.detection == overall.Medium {
		out = append(out, fmt.Sprintf("Which of the speakers is the candidate was found with %s confidence; check it in the transcript.", s.detection))
	}
	return strings.Join(append(out, "The scores describe how the candidate spoke in this recording, and are one part of the picture."), " ")
}

// apart is how far two scores must lie apart, as shown, to be told apart in words.
const apart = 0.3

// compare names the highest and the lowest of the measured dimensions, all of them where several show the same.
func (s sheet) compare() string {
	shown := func(r side) float64 { return overall.Shown(*r.Raw) }
	high, low, n := math.Inf(-1), math.Inf(1), 0
	for _, r := range s.sides {
		if r.Raw != nil {
			high, low, n = max(high, shown(r)), min(low, shown(r)), n+1
		}
	}
	if n < 2 {
		return ""
	}
	if high-low < apart-1e-9 {
		return fmt.Sprintf("The measured sides lie close together, between %.1f and %.1f.", low, high)
	}
	sides := func(superlative string, at float64) string {
		var names []string
		for _, r := range s.sides {
			if r.Raw != nil && shown(r) == at {
				names = append(names, string(r.Dimension))
			}
		}
		if len(names) == 1 {
			return fmt.Sprintf("%s side is %s (%.1f, %s)", superlative, names[0], at, overall.Level(at))
		}
		return fmt.Sprintf("%s sides are %s (%.1f, %s)", superlative, strings.Join(names, " and "), at, overall.Level(at))
	}
	return sides("The strongest", high) + ", " + sides("the weakest", low) + "."
}
