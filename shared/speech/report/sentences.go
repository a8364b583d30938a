package report

import (
	"fmt"
	"math"
	"slices"
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
		clean[r.Dimension] = sanitize(r)
	}
	s := sheet{detection: overall.Confidence(with.Detection), all: side{Result: sanitize(overall.Score(clean))}}
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

// sentence makes a text one or more sentences: with a capital, a full stop, and a bounded length.
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

// headline is a score in words: its number and its level.
func headline(r score.Result) string {
	return fmt.Sprintf("%.1f out of 5 (%s)", overall.Shown(*r.Raw), overall.Level(*r.Raw))
}

// between is the interval of a score in words.
func between(r score.Result) string {
	i := outward(r)
	return fmt.Sprintf("The true value most likely lies between %.1f and %.1f", i[0], i[1])
}

// explain is two or three sentences on one dimension: the score, how sure it is, and what made it.
// A caution says more than the interval, and takes its place. Where the scorer names what the score
// rests on, that takes a sentence of its own.
func (r side) explain() string {
	if r.Raw == nil {
		return r.row.Title + " was not measured. " + sentence(r.Reason)
	}
	if r.Named != "" {
		return r.explainNamed()
	}
	if len(r.Cautions) > 0 {
		return fmt.Sprintf("%s is %s, with %s confidence. %s %s", r.row.Title, headline(r.Result), r.sure, sentence(r.Cautions[0]), made(r.Result))
	}
	return fmt.Sprintf("%s is %s. %s; confidence is %s. %s", r.row.Title, headline(r.Result), between(r.Result), r.sure, made(r.Result))
}

// explainNamed is explain where the candidate's own words are named.
func (r side) explainNamed() string {
	also := ""
	if r.AsLikely != "" {
		also = fmt.Sprintf("; level %s is about as likely", r.AsLikely)
	}
	if len(r.Cautions) > 0 {
		return fmt.Sprintf("%s is %s, with %s confidence%s. %s %s", r.row.Title, headline(r.Result), r.sure, also, sentence(r.Cautions[0]), r.Named)
	}
	i := outward(r.Result)
	return fmt.Sprintf("%s is %s, most likely between %.1f and %.1f, with %s confidence%s. %s %s", r.row.Title, headline(r.Result), i[0], i[1], r.sure, also, r.Named, made(r.Result))
}

// made says which measures made the score, and what there is to gain where none holds it back.
func made(r score.Result) string {
	switch up, down := extremes(r); {
	case up != nil && down == nil:
		if g := toGain(r, map[string]bool{up.Name: true}); g != nil {
			return fmt.Sprintf("What helps the score most is %s; there is most to gain in %s.", describe(*up), describe(*g))
		}
		return fmt.Sprintf("What helps the score most is %s; no other part of the score holds it back noticeably.", describe(*up))
	case up != nil:
		return fmt.Sprintf("What helps the score most is %s; what holds it back most is %s.", describe(*up), describe(*down))
	case down != nil:
		return fmt.Sprintf("What holds the score back most is %s; no other part of the score helps it noticeably.", describe(*down))
	}
	return "No single measure helps the score or holds it back noticeably."
}

// usually is what a speaker of a level can usually do, after the global scale of the CEFR (Council
// of Europe 2001), in our words.
var usually = map[string]string{
	"A1": "answer simple questions about familiar things if the other person helps",
	"A2": "manage short, routine exchanges on familiar matters",
	"B1": "cope with most everyday situations and describe experiences and plans",
	"B2": "take part in discussions in their own field without strain on either side",
	"C1": "use the language flexibly for demanding work",
	"C2": "express fine shades of meaning in nearly any situation",
}

// recommend tells a person who decides what they should know: the overall level, the strongest and
// the weakest side, and what is unsure. It never decides for them.
func (s sheet) recommend() string {
	var out []string
	if s.all.Raw == nil {
		out = append(out, "There is no overall score. "+sentence(s.all.Reason))
	} else {
		level := overall.Level(*s.all.Raw)
		out = append(out, fmt.Sprintf("The overall score is %s, with %s confidence.", headline(s.all.Result), s.all.sure),
			fmt.Sprintf("A speaker at %s can usually %s.", level, usually[level]),
			between(s.all.Result)+mayBe(outward(s.all.Result))+".")
	}
	out = append(out, s.compare()...)
	for _, r := range s.sides {
		switch {
		case r.Raw == nil:
			out = append(out, r.row.Title+" was not measured. "+sentence(r.Reason))
		case r.sure == overall.Low && len(r.Cautions) > 0:
			out = append(out, fmt.Sprintf("Read the %s score with care: its confidence is low. %s", r.Dimension, sentence(r.Cautions[0])))
		case r.sure == overall.Low:
			out = append(out, fmt.Sprintf("Read the %s score with care: its confidence is low.", r.Dimension))
		}
	}
	if s.detection == overall.Low || s.detection == overall.Medium {
		out = append(out, fmt.Sprintf("The candidate was identified with %s confidence: check in the transcript that it is the right speaker.", s.detection))
	}
	out = append(out, "These scores describe how the candidate spoke in this recording.", "They are one part of the picture.")
	return strings.Join(out, " ")
}

// mayBe continues a sentence about an interval with its levels; it is empty where there is one.
func mayBe(ends [2]float64) string {
	low, high := overall.Level(ends[0]), overall.Level(ends[1])
	first := slices.Index(overall.Levels[:], low)
	switch slices.Index(overall.Levels[:], high) - first {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf(", so the true level may be %s or %s", low, high)
	}
	return fmt.Sprintf(", so the true level may be anything from %s to %s", low, high)
}

// apart is how far two scores must lie apart, as shown, to be told apart in words.
const apart = 0.3

// compare names the highest and the lowest of the measured dimensions, all of them where several
// show the same.
func (s sheet) compare() []string {
	shown := func(r side) float64 { return overall.Shown(*r.Raw) }
	high, low, n := math.Inf(-1), math.Inf(1), 0
	for _, r := range s.sides {
		if r.Raw != nil {
			high, low, n = max(high, shown(r)), min(low, shown(r)), n+1
		}
	}
	if n < 2 {
		return nil
	}
	if high-low < apart-1e-9 {
		return []string{fmt.Sprintf("The scores lie close together, between %.1f and %.1f.", low, high)}
	}
	sides := func(superlative string, at float64) string {
		var names []string
		for _, r := range s.sides {
			if r.Raw != nil && shown(r) == at {
				names = append(names, string(r.Dimension))
			}
		}
		verb, noun := "is", "side"
		if len(names) > 1 {
			verb, noun = "are", "sides"
		}
		return sentence(fmt.Sprintf("%s %s the %s %s (%.1f, %s)", strings.Join(names, " and "), verb, superlative, noun, at, overall.Level(at)))
	}
	return []string{sides("strongest", high), sides("weakest", low)}
}
