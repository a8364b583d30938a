package vocabulary

import (
	"strings"

	"parley/shared/speech/words"
)

// token is one word as it is counted: a contraction is two.
type token struct {
	form, lemma string
	p           float64
	level       float64 // 1 (A1) to 6 (C2); 0: not in the lists
	name        bool    // a name: it counts as a word, and says nothing of its speaker's level
	kind, shape int     // numbers of the lemma and of the form, from 0
}

var contracted = []struct{ suffix, form string }{
	{"n't", "not"}, {"'m", "am"}, {"'re", "are"}, {"'ll", "will"}, {"'ve", "have"}, {"'d", "would"},
}

// irregular are contractions whose first half changes, spoken ones among them, and what the apostrophe's s is after a pronoun.
var irregular = map[string][2]string{
	"can't": {"can", "not"}, "won't": {"will", "not"}, "shan't": {"shall", "not"}, "cannot": {"can", "not"},
	"it's": {"it", "is"}, "that's": {"that", "is"}, "he's": {"he", "is"}, "she's": {"she", "is"}, "there's": {"there", "is"},
	"what's": {"what", "is"}, "who's": {"who", "is"}, "where's": {"where", "is"}, "how's": {"how", "is"}, "here's": {"here", "is"}, "let's": {"let", "us"},
	"gonna": {"going", "to"}, "wanna": {"want", "to"}, "gotta": {"got", "to"}, "kinda": {"kind", "of"}, "sorta": {"sort", "of"}, "gimme": {"give", "me"},
}

// elided are the French words that lose their vowel before another one, by what is left of them.
var elided = map[string]string{"l": "le", "d": "de", "j": "je", "qu": "que", "n": "ne", "s": "se", "m": "me", "t": "te", "c": "ce",
	"jusqu": "jusque", "lorsqu": "lorsque", "puisqu": "puisque"}

// splitIn takes a contraction of a language apart.
func splitIn(language, form string) []string {
	switch language {
	case English:
		return split(form)
	case "fr":
		if before, after, ok := strings.Cut(form, "'"); ok && elided[before] != "" {
			return []string{elided[before], after}
		}
	}
	return []string{form}
}

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
	form = strings.TrimSuffix(form, "'s")
	return []string{strings.Trim(form, "'")}
}

// tokens counts what was kept. Rare and unknown words that were heard with little are left out: recognisers' errors look like them.
func tokens(kept []heard, language string, rareLevel, rareP float64) []token {
	english := language == English
	names := namesOf(kept, english)
	kinds, shapes := map[string]int{}, map[string]int{}
	var out []token
	for _, h := range kept {
		for _, form := range splitIn(language, h.form) {
			if form == "" || h.p == 0 {
				continue
			}
			t := token{form: form, lemma: words.LemmaIn(language, form), p: h.p}
			if english {
				t.level, _ = words.Level(form, t.lemma)
				t.name = h.capital && names[h.form]
				if rare := t.level == 0 || t.level >= rareLevel; rare && h.p < rareP {
					continue
				}
			}
			t.kind, t.shape = number(kinds, t.lemma), number(shapes, form)
			out = append(out, t)
		}
	}
	return out
}

func number(m map[string]int, key string) int {
	n, ok := m[key]
	if !ok {
		n = len(m)
		m[key] = n
	}
	return n
}

// nameLevel: a capitalised word up to here (English, Monday) is a word that is learnt like others.
const nameLevel = 3.0

// namesOf finds the forms that are names: written with a capital inside a sentence, and not among the words up to B1. Where
// most words have capitals, or none, capitals say nothing.
func namesOf(kept []heard, english bool) map[string]bool {
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
		if level, known := words.Level(form, words.Lemma(form)); !known || level > nameLevel {
			names[h.form] = true
		}
	}
	if !english || capitals*2 > inside {
		return map[string]bool{}
	}
	return names
}
