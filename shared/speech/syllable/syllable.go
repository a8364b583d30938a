// Package syllable counts the syllables of written English words: the unit in which speech rate is
// measured. A rule on the letters counts; a table lists every word of the CMU Pronouncing
// Dictionary for which the rule is wrong, so that the words of that dictionary are counted as it
// has them and all others by the rule.
package syllable

import (
	_ "embed" // the table
	"strconv"
	"strings"
	"sync"
	"unicode"

	"parley/shared/speech/syllable/numeral"
)

//go:generate go run ./gen

//go:embed exceptions.txt
var exceptionsText string

// exceptions maps a word to its count, where Rule is wrong.
var exceptions = sync.OnceValue(func() map[string]int {
	m := make(map[string]int, 16384)
	n := 0
	for f := range strings.FieldsFuncSeq(exceptionsText, unicode.IsSpace) {
		if k, err := strconv.Atoi(f); err == nil {
			n = k
			continue
		}
		m[f] = n
	}
	return m
})

// spoken are sounds that hold no vowel letter and yet are one syllable, by their letters.
var spoken = map[string]int{"hm": 1, "hmm": 1, "mm": 1, "mmm": 1, "mhm": 2, "sh": 1, "shh": 1, "psst": 1, "tsk": 1, "ms": 1, "mr": 2, "mrs": 2, "dr": 2}

// Syllables counts the syllables of one written word, as spoken: numbers are read aloud,
// abbreviations without a vowel are spelled, the parts of a compound are added up. Case and
// punctuation do not matter. 0 where there is neither letter nor digit. For other languages in
// Latin script it counts groups of vowels.
func Syllables(word string) int {
	w := normal(word)
	if w == "" {
		return 0
	}
	if n, ok := exceptions()[w]; ok {
		return n
	}
	if strings.ContainsAny(w, "0123456789") {
		n := 0
		for _, p := range numeral.Read(w) {
			n += one(p)
		}
		return n
	}
	n := 0
	for _, p := range strings.FieldsFunc(w, func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' }) {
		n += one(p)
	}
	return n
}

func one(w string) int {
	w = strings.Trim(w, "'")
	if w == "" {
		return 0
	}
	if n, ok := exceptions()[w]; ok {
		return n
	}
	if n, ok := spoken[w]; ok {
		return n
	}
	return Rule(w)
}

// normal is the word in lower case, without accents on apostrophes and without punctuation around
// it.
func normal(word string) string {
	w := strings.ToLower(strings.ReplaceAll(word, "’", "'"))
	if strings.ContainsAny(w, "0123456789") {
		return strings.TrimRight(w, ".,;:!?\"')]")
	}
	w = strings.TrimFunc(w, func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' })
	if _, ok := exceptions()[w]; ok {
		return w
	}
	return strings.Trim(w, "'")
}
