package vocabulary

import (
	"strings"

	"parley/shared/speech/words"
)

// class is what kind of word a running word is. Only structure words, verbs, adjectives, adverbs
// and nouns are ever counted: names and numbers say nothing of a level, words of talk are
// everybody's, and unlisted words are misheard too often.
type class byte

const (
	nameWord      class = 'X'
	numberWord    class = 'M'
	talkWord      class = 'T'
	structureWord class = 'F'
	verb          class = 'V'
	adjective     class = 'J'
	adverb        class = 'R'
	noun          class = 'N'
	unlisted      class = 'U'
	// auxiliary is how the patterns see structure words that are forms of be, have, do or a modal.
	auxiliary class = 'A'
	nothing   class = ' ' // before the first word and after the last one
)

// in tells whether the class is one of those given.
func (c class) in(classes string) bool { return strings.IndexByte(classes, byte(c)) >= 0 }

// word is one running word: a contraction is two.
type word struct {
	form  string // lower case
	lemma string
	base  string // the verb that the form inflects; empty: none
	class class
	level int     // 1 (A1) to 6 (C2) as a word of its class; 0: none
	sure  float64 // how probable it is that the word was heard right
	turn  int     // index of the turn in the conversation
	at    int     // index of the word in the turn
	first bool    // begins a sentence
}

// counts tells whether the word is one of those whose variety is measured: all but nouns, which
// beginners list.
func (w word) counts() bool { return w.class.in("FVJR") }

// key is what makes two words the same: structure words count by their form.
func (w word) key() string {
	if w.class == structureWord {
		return w.form
	}
	return w.lemma
}

var contracted = []struct{ suffix, form string }{
	{"n't", "not"}, {"'m", "am"}, {"'re", "are"}, {"'ll", "will"}, {"'ve", "have"}, {"'d", "would"},
}

// irregular are contractions whose first half changes, spoken ones among them, and what the
// apostrophe's s is after a pronoun.
var irregular = map[string][2]string{
	"can't": {"can", "not"}, "won't": {"will", "not"}, "shan't": {"shall", "not"}, "cannot": {"can", "not"},
	"it's": {"it", "is"}, "that's": {"that", "is"}, "he's": {"he", "is"}, "she's": {"she", "is"}, "there's": {"there", "is"},
	"what's": {"what", "is"}, "who's": {"who", "is"}, "where's": {"where", "is"}, "how's": {"how", "is"}, "here's": {"here", "is"}, "let's": {"let", "us"},
	"gonna": {"going", "to"}, "wanna": {"want", "to"}, "gotta": {"got", "to"}, "kinda": {"kind", "of"}, "sorta": {"sort", "of"}, "gimme": {"give", "me"},
}

// split takes a contraction apart, and a possessive's s off.
func split(form string) []string {
	if two, ok := irregular[form]; ok {
		return two[:]
	}
	for _, c := range contracted {
		if rest, ok := strings.CutSuffix(form, c.suffix); ok && rest == "" {
			return []string{c.form}
		} else if ok {
			return []string{rest, c.form}
		}
	}
	return []string{strings.Trim(strings.TrimSuffix(form, "'s"), "'")}
}

// lowest is the lower level of a form and its base form, whatever the part of speech; 0: neither is
// a headword.
func lowest(form, lemma string) int {
	a, b := words.Headword(form).Lowest(), words.Headword(lemma).Lowest()
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// inflected is the verb that a form inflects, empty for none. Endings are taken off here because
// lemmatisers leave many on.
func inflected(form, lemma string) string {
	var tries []string
	if base, ok := irregularBase[form]; ok {
		tries = append(tries, base)
	} else if lemma != form {
		tries = append(tries, lemma)
	}
	n := len(form)
	switch {
	case strings.HasSuffix(form, "ing") && n > 4:
		tries = append(tries, form[:n-3], form[:n-3]+"e")
		if form[n-4] == form[n-5] {
			tries = append(tries, form[:n-4])
		}
		if form[n-4] == 'y' {
			tries = append(tries, form[:n-4]+"ie")
		}
	case strings.HasSuffix(form, "ed") && n > 3:
		tries = append(tries, form[:n-2], form[:n-1])
		if n > 4 && form[n-3] == form[n-4] {
			tries = append(tries, form[:n-3])
		}
		if form[n-3] == 'i' {
			tries = append(tries, form[:n-3]+"y")
		}
	case strings.HasSuffix(form, "s") && !strings.HasSuffix(form, "ss") && n > 3:
		tries = append(tries, form[:n-1])
		if strings.HasSuffix(form, "es") {
			tries = append(tries, form[:n-2])
		}
		if strings.HasSuffix(form, "ies") {
			tries = append(tries, form[:n-3]+"y")
		}
	}
	for _, t := range tries {
		if words.Headword(t)[words.Verb] > 0 {
			return t
		}
	}
	return ""
}

// openParts are the levels of a word by open part of speech, the lowest over its form, its lemma
// and the verb that it inflects.
func openParts(form, lemma, base string) words.Levels {
	out := words.Headword(form)
	for part, level := range words.Headword(lemma) {
		if level > 0 && (out[part] == 0 || level < out[part]) {
			out[part] = level
		}
	}
	if base != "" {
		if level := words.Headword(base)[words.Verb]; out[words.Verb] == 0 || level < out[words.Verb] {
			out[words.Verb] = level
		}
	}
	out[words.Other] = 0
	return out
}

// read makes running words of what was kept. Words of C1, C2 and off the lists that were heard with
// less than rareP are left out, since recognisers' errors look like them; leftOut is how many.
func read(kept []heard, rareLevel int, rareP float64) (ws []word, leftOut int) {
	names := namesOf(kept)
	for _, h := range kept {
		for _, form := range split(h.form) {
			if form == "" {
				continue
			}
			w := word{form: form, lemma: words.Lemma(form), sure: h.sure, turn: h.turn, at: h.at, first: h.first}
			w.base = inflected(form, w.lemma)
			if h.p < rareP && rare(w, rareLevel) {
				leftOut++
				continue
			}
			if h.capital && names[h.form] {
				w.class = nameWord
			}
			ws = append(ws, w)
		}
	}
	for i := range ws {
		w := &ws[i]
		if w.class == 0 {
			w.class = classOf(ws, i)
		}
		if w.class == verb && w.base != "" {
			w.lemma = w.base
		}
		w.level = levelOf(*w)
	}
	return ws, leftOut
}

// rare tells whether a word is off the lists, or on them at the level from which words are rare.
func rare(w word, rareLevel int) bool {
	if structure[w.form] || numbers[w.form] || talk[w.form] {
		return false
	}
	least := lowest(w.form, w.lemma)
	if v := openParts(w.form, w.lemma, w.base).Lowest(); least == 0 || v > 0 && v < least {
		least = v
	}
	return least == 0 || least >= rareLevel
}

var partOf = map[class]words.Part{verb: words.Verb, adjective: words.Adjective, adverb: words.Adverb, noun: words.Noun}

// levelOf is a word's level as a word of its class; where the lists have it as another part only,
// that one's.
func levelOf(w word) int {
	switch w.class {
	case nameWord, talkWord, numberWord:
		return 0
	case structureWord:
		return words.Headword(w.form).Lowest()
	}
	if part, open := partOf[w.class]; open {
		if level := openParts(w.form, w.lemma, w.base)[part]; level > 0 {
			return level
		}
	}
	return lowest(w.form, w.lemma)
}

// nameLevel: a capitalised word up to here (English, Monday) is a word that is learnt like others.
const nameLevel = 3

// namesOf finds the forms that are names: written with a capital inside a sentence, and above B1 or
// off the lists. Where most words have capitals, or none, capitals say nothing.
func namesOf(kept []heard) map[string]bool {
	names := map[string]bool{}
	inside, capitals := 0, 0
	for _, h := range kept {
		if h.first || strings.HasPrefix(h.form, "i'") || h.form == "i" {
			continue
		}
		inside++
		if !h.capital {
			continue
		}
		capitals++
		form := split(h.form)[0]
		if level := lowest(form, words.Lemma(form)); level == 0 || level > nameLevel {
			names[h.form] = true
		}
	}
	if capitals*2 > inside {
		return nil
	}
	return names
}

// classOf is the class of ws[i]. Those before it are known. Where the lists allow several parts of
// speech, the first rule that holds decides.
func classOf(ws []word, i int) class {
	f := ws[i].form
	var before, after string
	beforeClass := nothing
	if i > 0 {
		before, beforeClass = ws[i-1].form, ws[i-1].class
	}
	if i+1 < len(ws) {
		after = ws[i+1].form
	}
	switch {
	case numbers[f]:
		return numberWord
	case talk[f]:
		return talkWord
	case structure[f]:
		return structureWord
	}
	levels := openParts(f, ws[i].lemma, ws[i].base)
	isVerb, isAdjective, isAdverb, isNoun := levels[words.Verb] > 0, levels[words.Adjective] > 0, levels[words.Adverb] > 0, levels[words.Noun] > 0
	other := adverb // what it is if no verb
	switch {
	case isNoun:
		other = noun
	case isAdjective:
		other = adjective
	}
	switch count(isVerb, isAdjective, isAdverb, isNoun) {
	case 0:
		if strings.HasSuffix(f, "ly") {
			return adverb
		}
		return unlisted
	case 1:
		if isVerb {
			return verb
		}
		return other
	}
	switch {
	case isVerb:
		if isUsedAsVerb(ws, i, levels, before, beforeClass, after) {
			return verb
		}
		return other
	case isAdjective && isNoun:
		switch {
		case after != "" && !structure[after]:
			return adjective
		case determiners[before] || prepositions[before]:
			return noun
		}
		return adjective
	case isAdjective && isAdverb:
		if after != "" && !structure[after] && (determiners[before] || beForms[before]) {
			return adjective
		}
		return adverb
	case isAdverb:
		return adverb
	}
	return other
}

// isUsedAsVerb tells whether a word that may be a verb or another part of speech is one here.
func isUsedAsVerb(ws []word, i int, levels words.Levels, before string, beforeClass class, after string) bool {
	w := ws[i]
	f := w.form
	ing := strings.HasSuffix(f, "ing")
	switch {
	case modals[before], subjects[before], before == "to", before == "not", before == "us", before == "please",
		beforeClass == adverb && i > 1 && subjects[ws[i-2].form]:
		return true
	case determiners[before], (before == "of" || before == "many" || before == "much" || before == "more") && !ing,
		beforeClass == adjective, beforeClass == numberWord:
		return false
	}
	if w.base != "" && !strings.HasSuffix(f, "s") {
		// The auxiliary may stand some adverbs before.
		j := i - 1
		for j > 0 && (between[ws[j].form] || ws[j].class == adverb) {
			j--
		}
		own := words.Headword(f)
		helped := j >= 0 && (beForms[ws[j].form] || haveForms[ws[j].form])
		if helped && (participles[f] || haveForms[ws[j].form] || own[words.Adjective] == 0) || prepositions[before] && ing || own.Lowest() == 0 {
			return true
		}
	}
	if determiners[after] || objects[after] || selves[after] || after == "to" || after == "it" || after == "you" {
		return true
	}
	least := levels
	least[words.Verb] = 0
	if v := least.Lowest(); levels[words.Verb] != v {
		return levels[words.Verb] < v
	}
	return w.base == "" && beforeClass == structureWord && !prepositions[before] || levels[words.Noun] == 0
}

func count(of ...bool) int {
	n := 0
	for _, b := range of {
		if b {
			n++
		}
	}
	return n
}
