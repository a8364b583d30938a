package vocabulary

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"parley/shared/speech/score"
	"parley/shared/speech/score/norms"
	"parley/shared/speech/words"
)

// advice is what a candidate may practise, by a result with its lexis: at most three points, those
// on the measure with most to gain first, each with an example from the transcript. Measures at the
// high end of their norm and beyond need none, and what was heard with a probability under 0.8 is
// no example. nil: the result holds no score, or nothing stands out.
func advice(r score.Result) []score.Point {
	if r.Raw == nil || r.Lexis == nil {
		return nil
	}
	var low []score.Measure
	for _, m := range r.Measures {
		if m.Value != nil && m.Weight > 0 && position(m) < 1 {
			low = append(low, m)
		}
	}
	slices.SortStableFunc(low, func(a, b score.Measure) int { return cmp.Compare(position(a), position(b)) })
	// A word that is said too often is told as such, and not as a plain one too.
	var often []score.LexisWord
	for _, m := range low {
		if m.Name == varietyOfWords {
			often = repeated(*r.Lexis)
		}
	}
	// Each measure has its say before one has a second.
	var queues [][]score.Point
	for _, m := range low {
		queues = append(queues, pointsOn(m.Name, *r.Lexis, often))
	}
	var out []score.Point
	said := map[string]bool{} // one example serves one point
	for round := range score.MaxPoints {
		for _, q := range queues {
			if round >= len(q) || len(out) == score.MaxPoints {
				continue
			}
			if at := q[round].At; at.P >= sureP && !said[at.Context] {
				said[at.Context] = true
				out = append(out, q[round])
			}
		}
	}
	return out
}

// position is where a value lies between the low end (0) and the high end (1) of its norm, beyond
// both too.
func position(m score.Measure) float64 { return (*m.Value - m.Norm.Low) / (m.Norm.High - m.Norm.Low) }

func pointsOn(measure string, l score.Lexis, often []score.LexisWord) []score.Point {
	switch measure {
	case varietyOfWords:
		return again(often)
	case varietyOfPatterns:
		return unused(l)
	case steps, meanLevel:
		return plain(measure, l, often)
	}
	return nil
}

const (
	// oftenCount and oftenShare are from when on a word is said often: in all, and per running
	// word.
	oftenCount, oftenShare = 5, 0.015
	// twice is the least that a plain word must be said to be an example.
	twice = 2
	// fewVerbs is the least number of different verbs of which a share is told.
	fewVerbs = 5
)

// better are more exact words that often fit in the place of a plain one, by part of speech. Which
// sense was meant is not known, so advice says "may fit". Each is in the lists, above A1 and no
// higher than B2.
var better = map[string]map[string][]string{
	"verb": {
		"get": {"receive", "obtain"}, "make": {"create", "produce", "prepare"}, "think": {"consider", "suppose"}, "say": {"mention", "suggest"},
		"tell": {"inform", "mention"}, "help": {"support", "assist"},
		"give": {"offer", "provide"}, "try": {"attempt"}, "need": {"require"}, "choose": {"select"}, "answer": {"reply", "respond"},
	},
	"adjective": {
		"good": {"useful", "helpful", "effective"}, "bad": {"unpleasant", "miserable"}, "big": {"huge", "major"}, "small": {"tiny", "minor"},
		"nice": {"pleasant", "generous"}, "important": {"necessary", "essential", "vital"}, "difficult": {"complicated", "demanding"},
		"hard": {"tough", "demanding"}, "interesting": {"fascinating", "impressive"}, "happy": {"pleased", "delighted"}, "easy": {"simple", "straightforward"},
		"old": {"ancient", "elderly"}, "tired": {"exhausted"}, "angry": {"annoyed", "furious"}, "sad": {"upset", "miserable"},
		"expensive": {"costly"}, "fast": {"rapid", "swift"}, "sure": {"certain", "convinced"}, "right": {"accurate"}, "wrong": {"incorrect"},
	},
	"adverb": {"really": {"truly", "extremely"}, "often": {"frequently", "regularly"}, "quickly": {"rapidly"}},
}

// repeated are the verbs, adjectives and adverbs that the candidate says often, most said first.
func repeated(l score.Lexis) []score.LexisWord {
	var out []score.LexisWord
	for _, b := range l.Bands {
		for _, w := range b.Words {
			if w.Part != partNames[noun] && w.Part != partNames[structureWord] && w.Count >= oftenCount && float64(w.Count) >= oftenShare*float64(l.Words) {
				out = append(out, w)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b score.LexisWord) int { return cmp.Compare(b.Count, a.Count) })
	return out
}

// again are points on words that are said often, with those that may stand for them where there are
// some.
func again(often []score.LexisWord) []score.Point {
	var out []score.Point
	for _, w := range often {
		use := better[w.Part][w.Word]
		instead := "look for other words in some of these places"
		if len(use) > 0 {
			instead = either(use) + " may fit in some of these places"
		}
		out = append(out, score.Point{Measure: varietyOfWords, At: w.At, Better: use,
			Text: fmt.Sprintf("You said the %s “%s” %d times, as in “%s”; %s.", w.Part, w.Word, w.Count, w.At.Context, instead)})
	}
	return out
}

// plain names a plain word that was said more than once and has more exact ones beside it, where
// most of the candidate's verbs are among those learnt first: with that beside a verb. It is a
// point on a measure of level.
func plain(measure string, l score.Lexis, often []score.LexisWord) []score.Point {
	first, all := verbs(l)
	if all < fewVerbs || 2*first <= all {
		return nil
	}
	share := "Most"
	if first == all {
		share = "All"
	}
	var out []score.Point
	for _, b := range l.Bands {
		for _, w := range b.Words {
			use := better[w.Part][w.Word]
			if len(use) == 0 || w.Count < twice || !plainly(w) || slices.Contains(often, w) {
				continue
			}
			text := fmt.Sprintf("You said “%s” more than once, as in “%s”; a more exact word such as %s may fit.", w.Word, w.At.Context, either(use))
			if w.Part == partNames[verb] {
				text = fmt.Sprintf("%s of your verbs are among the first thousand words that learners meet; for “%s”, as in “%s”, a more exact word such as %s may fit.",
					share, w.Word, w.At.Context, either(use))
			}
			out = append(out, score.Point{Measure: measure, At: w.At, Better: use, Text: text})
		}
	}
	return out[:min(1, len(out))]
}

// plainly tells whether a word's example is the word itself: an adjective that takes a preposition
// (“good at”) has another sense, and one that is compared (“better”) another form.
func plainly(w score.LexisWord) bool {
	return w.Part != partNames[adjective] || strings.EqualFold(w.At.Said, w.Word)
}

// verbs counts the candidate's different verbs, those of A1 and all.
func verbs(l score.Lexis) (first, all int) {
	for _, b := range l.Bands {
		all += b.Verbs
		if b.Level == words.LevelName(1) {
			first = b.Verbs
		}
	}
	return first, all
}

// unused are the patterns that would have fitted, the easiest first.
func unused(l score.Lexis) []score.Point {
	var out []score.Point
	for _, found := range l.Openings {
		for _, o := range openings {
			if o.pattern == found.Pattern {
				out = append(out, score.Point{Measure: varietyOfPatterns, Text: fmt.Sprintf(o.advice, found.At.Said), At: found.At, Better: o.better})
			}
		}
	}
	return out
}

const (
	// namedLevel is the level from which a word is worth naming, 3 (B1).
	namedLevel = 3
	// sureP is how surely something must have been heard to be quoted to the candidate.
	sureP = 0.8
	// maxNamed is how many words and patterns a sentence names.
	maxNamed = 3
)

// explain says in one sentence what a vocabulary score rests on: the most advanced words and
// patterns, and where the verbs lie. Empty: neither can be told.
func explain(l score.Lexis) string {
	var parts []string
	if named := advanced(l); len(named) > 0 {
		parts = append(parts, "you used "+list(named, "and"))
	}
	if first, all := verbs(l); all >= fewVerbs {
		share := "half of your different verbs or more lie beyond"
		switch {
		case first == all:
			share = "all of your verbs are among"
		case 2*first > all:
			share = "most of your different verbs are among"
		}
		parts = append(parts, share+" the first thousand words that learners meet")
	}
	if len(parts) == 0 {
		return ""
	}
	s := strings.Join(parts, "; ") + "."
	return strings.ToUpper(s[:1]) + s[1:]
}

// advanced are the candidate's most advanced patterns and words, quoted.
func advanced(l score.Lexis) []string {
	var out []string
	add := func(at score.Place) {
		if q := "“" + at.Said + "”"; at.P >= sureP && !slices.Contains(out, q) {
			out = append(out, q)
		}
	}
	seen := map[string]bool{}
	for _, p := range l.Patterns {
		if len(out) == maxNamed-1 || p.Level < words.LevelName(namedLevel) {
			break
		}
		if !seen[p.Name] {
			add(p.At[0])
		}
		seen[p.Name] = true
	}
	for _, b := range slices.Backward(l.Bands) {
		for _, nouns := range []bool{false, true} { // nouns, which the score counts least, last
			for _, w := range b.Words {
				if len(out) == maxNamed {
					return out
				}
				// A word whose class was taken for a rarer one is not named.
				if b.Level >= words.LevelName(namedLevel) && w.Part != partNames[structureWord] && (w.Part == partNames[noun]) == nouns && words.Headword(w.Word).Lowest() >= namedLevel {
					add(w.At)
				}
			}
		}
	}
	return out
}

func either(forms []string) string {
	var out []string
	for _, f := range forms {
		out = append(out, "“"+f+"”")
	}
	return list(out, "or")
}

// list joins parts with commas and a last word.
func list(parts []string, last string) string {
	if n := len(parts); n > 1 {
		return strings.Join(parts[:n-1], ", ") + " " + last + " " + parts[n-1]
	}
	return strings.Join(parts, "")
}

// Level is a CEFR level with the probability that a score is of it.
type Level struct {
	Name        string  // A1 … C2
	Probability float64 // 0 to 1
}

// asLikely is from which share of a level's probability the next one is about as likely.
const asLikely = 0.8

// besides is the level next to the score's that is about as likely; empty: none is. The result must
// hold a score.
func besides(r score.Result) string {
	if level, next := Likely(r); next.Probability >= asLikely*level.Probability {
		return next.Name
	}
	return ""
}

// Likely is the level of a result with the probability that its score and interval give it, the
// predictor taken for normally distributed, and the more probable one of the two levels next to it.
// The result must hold a score.
func Likely(r score.Result) (level, next Level) {
	section, cefr := norms.Of(score.Vocabulary), norms.CEFR()
	x := predictorOf(section, *r.Raw)
	low, high := (x-predictorOf(section, r.Interval[0]))/z90, (predictorOf(section, r.Interval[1])-x)/z90
	// less is the probability of fewer points.
	less := func(points float64) float64 {
		d, spread := predictorOf(section, points)-x, high
		if d < 0 {
			spread = low
		}
		return 0.5 * math.Erfc(-d/max(spread, 1e-6)/math.Sqrt2)
	}
	const rounding = 0.05 // a score is of the level of its first decimal
	var ends [7]float64   // between which the levels lie
	ends[6] = 5
	for i := 1; i < 6; i++ {
		ends[i] = cefr.Number(words.LevelName(i+1)) - rounding
	}
	at := 5
	for at > 0 && *r.Raw < ends[at] {
		at--
	}
	of := func(i int) Level {
		if i < 0 || i > 5 {
			return Level{}
		}
		l := Level{Name: words.LevelName(i + 1), Probability: 1}
		if i < 5 {
			l.Probability = less(ends[i+1])
		}
		if i > 0 {
			l.Probability -= less(ends[i])
		}
		return l
	}
	level, next = of(at), of(at+1)
	if under := of(at - 1); under.Probability > next.Probability {
		next = under
	}
	return level, next
}
