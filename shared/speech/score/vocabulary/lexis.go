package vocabulary

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"parley/shared/speech/score"
	"parley/shared/speech/transcript"
	"parley/shared/speech/words"
)

const (
	// maxQuoted bounds a quotation in words, maxRunes a word of it; contextWords are quoted on
	// either side of it.
	maxQuoted, maxRunes, contextWords = 8, 24, 3
)

var partNames = map[class]string{verb: "verb", adjective: "adjective", adverb: "adverb", noun: "noun", structureWord: "structure word"}

// lexis gathers what a score rests on.
func lexis(c transcript.Conversation, ws []word, patternsAt [][]found, leftOut int) *score.Lexis {
	q := quoter{c, ws, patternsAt}
	return &score.Lexis{Words: len(ws), LeftOut: leftOut, Bands: q.bands(), Patterns: q.patterns(), Openings: q.openings()}
}

// quoter turns running words into places of the transcript.
type quoter struct {
	c          transcript.Conversation
	ws         []word
	patternsAt [][]found // those that begin at each running word
}

// place is where n running words from the i-th stand, in their context.
func (q quoter) place(i, n int) score.Place {
	p := q.span(i, n)
	from, back := i, 0
	for back < contextWords && from > 0 && q.ws[from-1].turn == q.ws[i].turn && !q.ws[from].first {
		from, back = from-1, back+1
	}
	p.Context = q.span(from, back+n+contextWords).Said
	return p
}

// span is where n running words from the i-th stand. It ends with their sentence and their turn.
func (q quoter) span(i, n int) score.Place {
	first := q.ws[i]
	p := score.Place{Turn: first.turn, Word: first.at, P: first.sure}
	turn := q.c.Turns[first.turn].Words
	var said []string
	last := first.at - 1
	for _, w := range q.ws[i:min(i+n, len(q.ws))] {
		if w.turn != first.turn || len(said) == maxQuoted && w.at != last || w.first && len(said) > 0 && w.at != last {
			break
		}
		p.P = min(p.P, w.sure)
		if w.at != last { // not the second half of a contraction
			said = append(said, quoted(turn[w.at].Text, w))
		}
		last = w.at
	}
	p.Words = last - first.at + 1
	p.StartMs, p.EndMs = turn[first.at].StartMs, turn[last].EndMs
	p.Said = strings.Join(said, " ")
	p.P = math.Round(p.P*100) / 100
	return p
}

// around is the place of n running words from the i-th with some words of the same sentence on
// either side.
func (q quoter) around(i, n, back, on int) score.Place {
	for ; back > 0 && i > 0 && q.ws[i-1].turn == q.ws[i].turn && !q.ws[i].first; back-- {
		i, n = i-1, n+1
	}
	return q.place(i, n+on)
}

// quoted is a word of the transcript as it is quoted: without its punctuation, and without the
// capital of a sentence's beginning.
func quoted(text string, w word) string {
	text = strings.TrimFunc(apostrophes.Replace(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	text = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '\'' || r == '-' {
			return r
		}
		return -1
	}, text)
	if w.first && w.class != nameWord && text != "I" && !strings.HasPrefix(text, "I'") {
		text = strings.ToLower(text)
	}
	if utf8.RuneCountInString(text) > maxRunes {
		text = string([]rune(text)[:maxRunes]) + "…"
	}
	return text
}

func (q quoter) bands() []score.Band {
	type id struct {
		key  string
		part class
	}
	type entry struct {
		id
		level, count int
		best         int // index of the word that was heard most surely
	}
	index := map[id]*entry{}
	var order []*entry
	for i, w := range q.ws {
		if _, named := partNames[w.class]; !named || w.level == 0 {
			continue
		}
		k := id{w.key(), w.class}
		e, there := index[k]
		if !there {
			e = &entry{id: k, level: w.level, best: i}
			index[k] = e
			order = append(order, e)
		}
		e.count++
		if w.sure > q.ws[e.best].sure {
			e.best = i
		}
	}
	slices.SortStableFunc(order, func(a, b *entry) int { return cmp.Or(cmp.Compare(a.level, b.level), cmp.Compare(b.count, a.count)) })
	out := []score.Band{}
	for _, e := range order {
		name := words.LevelName(e.level)
		if len(out) == 0 || out[len(out)-1].Level != name {
			out = append(out, score.Band{Level: name, Words: []score.LexisWord{}})
		}
		b := &out[len(out)-1]
		b.Different++
		b.Said += e.count
		if e.part == verb {
			b.Verbs++
		}
		if len(b.Words) < score.MaxBandWords {
			b.Words = append(b.Words, score.LexisWord{Word: e.key, Part: partNames[e.part], Count: e.count, At: q.place(e.best, q.withPreposition(e.best))})
		}
	}
	return out
}

// complements are the prepositions that belong to an adjective before them: "responsible for".
var complements = setOf("for of with about on at to in from")

// withPreposition is how many words are quoted for the i-th: an adjective is quoted with the
// preposition behind it.
func (q quoter) withPreposition(i int) int {
	if i+1 < len(q.ws) && q.ws[i].class == adjective && complements[q.ws[i+1].form] {
		return 2
	}
	return 1
}

func (q quoter) patterns() []score.Pattern {
	index := map[string]int{}
	var all [][]found
	for _, at := range q.patternsAt {
		for _, f := range at {
			i, there := index[f.key()]
			if !there {
				i = len(all)
				index[f.key()] = i
				all = append(all, nil)
			}
			all[i] = append(all[i], f)
		}
	}
	slices.SortStableFunc(all, func(a, b []found) int { return cmp.Compare(b[0].level(), a[0].level()) })
	out := []score.Pattern{}
	for _, fs := range all[:min(len(all), score.MaxPatterns)] {
		p := fs[0].pattern
		s := score.Pattern{Name: p.name, Form: fs[0].form, Kind: string(p.kind), Level: words.LevelName(fs[0].level()), Count: len(fs)}
		var places []score.Place
		for _, f := range fs {
			places = append(places, q.around(f.from, f.words, p.back, p.on))
		}
		s.At = surest(places)
		out = append(out, s)
	}
	return out
}

// surest are up to score.MaxPlaces places, by their probability and then in the order of the
// transcript.
func surest(places []score.Place) []score.Place {
	slices.SortStableFunc(places, func(a, b score.Place) int { return cmp.Compare(b.P, a.P) })
	return places[:min(len(places), score.MaxPlaces)]
}
