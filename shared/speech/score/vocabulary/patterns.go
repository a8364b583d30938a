package vocabulary

import (
	"slices"
	"strings"

	"parley/shared/speech/words"
)

// kind groups the patterns for readers.
type kind string

const (
	clauses     kind = "clause"
	verbForms   kind = "verb"
	phrasalVerb kind = "phrasal verb"
	fixedPair   kind = "fixed pair"
)

// pattern is a lexico-grammatical pattern as far as lists of words can see it: positions only, no
// punctuation, so that a recogniser's sentences are not needed.
type pattern struct {
	name string
	kind kind
	// level is the CEFR level at which CEFR-J's grammar profile (20180315) has the pattern or its
	// nearest item, 1 to 4, and levels that of single words of it; 0 where no list has it. It
	// orders what is named to the candidate, and scores nothing.
	level  int
	levels map[string]int
	// word makes one pattern for each word that is found ("link" because); nil: all that is found
	// is one pattern.
	word func(s spot) string
	// words is how many running words the pattern takes from here; 0: it does not begin here. back
	// and on are how many words before and after them make it readable ("I would have asked").
	words    func(s spot) int
	back, on int
}

// found is a pattern in a text.
type found struct {
	pattern *pattern
	form    string // its word; empty where the pattern has none
	from    int    // index of its first running word
	words   int    // how many running words it takes
}

// key is what makes two findings the same pattern.
func (f found) key() string { return f.pattern.name + " " + f.form }

// level is the CEFR level at which the pattern is learnt, 1 to 6; 0: not known.
func (f found) level() int {
	if l, ok := f.pattern.levels[f.form]; ok {
		return l
	}
	if f.pattern.level == 0 && f.pattern.kind == clauses {
		return words.Headword(f.form).Lowest() // a joining word has a level of its own
	}
	return f.pattern.level
}

// spot is a place among the running words, from which the patterns look around.
type spot struct {
	ws []word
	i  int
}

func (s spot) get(step int) (word, bool) {
	if j := s.i + step; j >= 0 && j < len(s.ws) {
		return s.ws[j], true
	}
	return word{class: nothing}, false
}

// form, lemma, class are those of the word that many steps on; empty or nothing outside the text.
func (s spot) form(step int) string  { w, _ := s.get(step); return w.form }
func (s spot) lemma(step int) string { w, _ := s.get(step); return w.lemma }
func (s spot) class(step int) class {
	w, ok := s.get(step)
	if ok && auxiliaries[w.form] {
		return auxiliary
	}
	return w.class
}

// is tells whether the form that many steps on is one of those given.
func (s spot) is(step int, forms ...string) bool {
	return slices.Contains(forms, s.form(step))
}

func (s spot) ing(step int) bool {
	w, _ := s.get(step)
	return strings.HasSuffix(w.form, "ing") && w.base != ""
}

// done tells whether the word that many steps on is a past participle.
func (s spot) done(step int) bool {
	w, _ := s.get(step)
	return participles[w.form] || strings.HasSuffix(w.form, "ed") && w.base != ""
}

// main is how many steps on the verb of an auxiliary stands, adverbs passed over.
func (s spot) main() int {
	step := 1
	for between[s.form(step)] {
		step++
	}
	return step
}

// objectAt tells whether the word that many steps on is an object pronoun, "it" or "you".
func (s spot) objectAt(step int) bool {
	return objects[s.form(step)] || s.is(step, "it", "you")
}

// afterNoun tells whether a noun, a name or an unlisted word stands before.
func (s spot) afterNoun(classes string) bool { return s.class(-1).in(classes) }

func (s spot) phrasal() int {
	switch {
	case s.class(0) != verb:
		return 0
	case verbParticles[s.form(1)]:
		return 2
	case (objects[s.form(1)] || s.is(1, "it")) && partedParticles[s.form(2)]:
		return 3
	}
	return 0
}

// span is words where the pattern is there, else 0.
func span(words int, there bool) int {
	if there {
		return words
	}
	return 0
}

func itself(s spot) string { return s.form(0) }

// patterns are all that count, in groups. The rules, and that each counts once, are those of the
// specification's recipe.
var patterns = []pattern{
	{name: "link", kind: clauses, on: 2, word: itself, words: func(s spot) int {
		return span(1, linkers[s.form(0)] || s.is(0, "before", "after", "as") && subjects[s.form(1)])
	}},
	{name: "as if", kind: clauses, words: func(s spot) int { return span(2, s.is(0, "as") && s.is(1, "if", "though")) }},
	{name: "relative", kind: clauses, level: 4, levels: map[string]int{"who": 1, "that": 1, "where": 2}, back: 1, on: 1, word: itself, words: func(s spot) int {
		switch {
		case s.is(0, "who", "which", "whose", "whom", "where"):
			return span(1, s.afterNoun("NUX"))
		case s.is(0, "that"):
			return span(1, s.afterNoun("NU") && (s.class(1).in("VA") || subjects[s.form(1)]))
		}
		return 0
	}},
	{name: "question clause", kind: clauses, level: 3, back: 1, on: 1, word: itself, words: func(s spot) int {
		return span(1, (questionWords[s.form(0)] || s.is(0, "if", "whether")) && knowing[s.lemma(-1)])
	}},
	{name: "question word to", kind: clauses, level: 3, words: func(s spot) int { return span(2, questionWords[s.form(0)] && s.is(1, "to")) }},
	{name: "what clause", kind: clauses, level: 2, words: func(s spot) int {
		return span(2, s.is(0, "what") && subjects[s.form(1)] && s.class(-1).in("VF"))
	}},
	{name: "that clause", kind: clauses, level: 2, back: 1, on: 1, words: func(s spot) int { return span(1, s.is(0, "that") && stating[s.lemma(-1)]) }},
	{name: "clause without that", kind: clauses, level: 1, words: func(s spot) int {
		return span(2, s.class(0) == verb && thinking[s.lemma(0)] && s.is(1, "i", "he", "she", "we", "they"))
	}},
	{name: "reported speech", kind: clauses, level: 2, on: 2, words: func(s spot) int {
		return span(1, s.class(0) == verb && telling[s.lemma(0)] && (s.is(0, "said", "told") || strings.HasSuffix(s.form(0), "ed")))
	}},
	{name: "would with if", kind: clauses, level: 3, back: 1, on: 2, words: func(s spot) int {
		if !s.is(0, "would") {
			return 0
		}
		for step := max(-10, -s.i); step < 8; step++ {
			if s.is(step, "if") {
				return 1
			}
		}
		return 0
	}},
	{name: "wish", kind: clauses, words: func(s spot) int { return span(1, s.lemma(0) == "wish") }},
	{name: "it is ADJECTIVE to", kind: clauses, level: 2, words: func(s spot) int {
		return span(4, s.is(0, "it") && beForms[s.form(1)] && s.class(2) == adjective && s.is(3, "to", "that", "for"))
	}},
	{name: "there is", kind: clauses, level: 1, words: func(s spot) int {
		return span(2, s.is(0, "there") && (beForms[s.form(1)] || modals[s.form(1)]))
	}},
	{name: "too … to", kind: clauses, level: 3, words: func(s spot) int {
		if s.is(0, "too") {
			return span(3, s.is(2, "to"))
		}
		return span(2, s.is(0, "enough") && s.is(1, "to"))
	}},

	{name: "perfect", kind: verbForms, level: 2, words: perfect(func(s spot) bool { return !s.is(0, "had") && !modals[s.form(-1)] })},
	{name: "past perfect", kind: verbForms, level: 3, words: perfect(func(s spot) bool { return s.is(0, "had") })},
	{name: "modal perfect", kind: verbForms, level: 4, back: 2, words: perfect(func(s spot) bool { return !s.is(0, "had") && modals[s.form(-1)] })},
	{name: "progressive", kind: verbForms, level: 1, words: func(s spot) int { return span(s.main()+1, s.progressive() && !s.is(0, "was", "were")) }},
	{name: "past progressive", kind: verbForms, level: 2, words: func(s spot) int { return span(s.main()+1, s.progressive() && s.is(0, "was", "were")) }},
	{name: "passive", kind: verbForms, level: 2, words: func(s spot) int {
		j := s.main()
		return span(j+1, beForms[s.form(0)] && !s.progressive() && s.done(j) && s.class(j) != adjective && !s.is(j, "gone", "got", "become", "come"))
	}},
	{name: "modal", kind: verbForms, levels: map[string]int{"can": 1, "will": 2, "would": 2, "should": 2, "could": 3, "may": 3, "might": 3, "must": 3, "ought": 4},
		on: 1, word: itself, words: func(s spot) int { return span(1, modals[s.form(0)]) }},
	{name: "have to", kind: verbForms, on: 1, level: 2, words: func(s spot) int { return span(2, haveForms[s.form(0)] && s.is(1, "to")) }},
	{name: "be able to", kind: verbForms, on: 2, level: 3, words: func(s spot) int { return span(s.main()+1, beForms[s.form(0)] && s.is(s.main(), "able")) }},
	{name: "be going to", kind: verbForms, on: 1, level: 2, words: func(s spot) int {
		j := s.main()
		return span(j+2, beForms[s.form(0)] && s.is(j, "going") && s.is(j+1, "to"))
	}},
	{name: "be supposed to", kind: verbForms, words: func(s spot) int {
		return span(s.main()+1, beForms[s.form(0)] && s.is(s.main(), "supposed", "allowed"))
	}},
	{name: "used to", kind: verbForms, on: 1, level: 3, words: func(s spot) int { return span(2, s.is(0, "used") && s.is(1, "to")) }},
	{name: "VERB to VERB", kind: verbForms, level: 1, words: func(s spot) int { return span(3, s.class(0) == verb && s.is(1, "to") && s.class(2).in("VA")) }},
	{name: "NOUN to VERB", kind: verbForms, level: 1, words: func(s spot) int {
		return span(3, s.class(0).in("NJU") && s.is(1, "to") && s.class(2) == verb)
	}},
	{name: "PREPOSITION -ing", kind: verbForms, level: 1, words: func(s spot) int {
		return span(2, prepositions[s.form(0)] && !s.is(0, "to") && s.ing(1))
	}},
	{name: "VERB -ing", kind: verbForms, level: 1, words: func(s spot) int { return span(2, liking[s.lemma(0)] && s.ing(1)) }},
	{name: "NOUN -ing", kind: verbForms, level: 1, words: func(s spot) int { return span(2, s.class(0) == noun && s.ing(1) && s.class(1) == verb) }},
	{name: "make OBJECT VERB", kind: verbForms, level: 2, words: func(s spot) int {
		return span(3, making[s.lemma(0)] && s.objectAt(1) && s.class(2).in("VJ"))
	}},
	{name: "ask OBJECT to VERB", kind: verbForms, level: 3, on: 1, words: func(s spot) int {
		return span(3, asking[s.lemma(0)] && s.objectAt(1) && s.is(2, "to"))
	}},
	{name: "give OBJECT OBJECT", kind: verbForms, words: func(s spot) int {
		return span(3, giving[s.lemma(0)] && objects[s.form(1)] && (determiners[s.form(2)] || s.class(2).in("NUJ")))
	}},
	{name: "get ADJECTIVE", kind: verbForms, level: 3, words: func(s spot) int { return span(2, s.is(0, "get", "got", "getting") && s.class(1).in("JV")) }},
	{name: "negation", kind: verbForms, level: 1, words: func(s spot) int { return span(2, s.is(1, "not", "never") && auxiliaries[s.form(0)]) }},

	{name: "phrasal verb", kind: phrasalVerb, level: 1, words: spot.phrasal,
		word: func(s spot) string { return s.lemma(0) + " " + s.form(s.phrasal()-1) }},
	{name: "pair", kind: fixedPair, levels: map[string]int{"out of": 2, "instead of": 3, "because of": 3, "according to": 3, "each other": 3, "as soon": 3,
		"had better": 4, "in order": 4, "so that": 4}, words: func(s spot) int { return span(2, pairs[s.form(0)][s.form(1)]) },
		word: func(s spot) string { return s.form(0) + " " + s.form(1) }},
}

func perfect(which func(s spot) bool) func(s spot) int {
	return func(s spot) int {
		j := s.main()
		return span(j+1, haveForms[s.form(0)] && s.done(j) && !s.is(-1, "to") && which(s))
	}
}

func (s spot) progressive() bool {
	j := s.main()
	return beForms[s.form(0)] && s.ing(j) && s.class(j).in("VN")
}

// find returns the patterns that begin at each running word.
func find(ws []word) [][]found {
	out := make([][]found, len(ws))
	for i := range ws {
		s := spot{ws, i}
		for k := range patterns {
			p := &patterns[k]
			n := p.words(s)
			if n == 0 {
				continue
			}
			f := found{pattern: p, from: i, words: min(n, len(ws)-i)}
			if p.word != nil {
				f.form = p.word(s)
			}
			out[i] = append(out[i], f)
		}
	}
	return out
}
