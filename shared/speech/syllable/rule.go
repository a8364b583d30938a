package syllable

import (
	"strings"
	"unicode"
)

// accented maps letters with accents to the plain vowel they are counted as.
var accented = strings.NewReplacer("à", "a", "á", "a", "â", "a", "ä", "a", "ã", "a", "å", "a", "è", "e", "ê", "e",
	"ì", "i", "í", "i", "î", "i", "ò", "o", "ó", "o", "ô", "o", "ö", "o", "õ", "o", "ù", "u", "ú", "u", "û", "u", "ü", "u", "ý", "y",
	"æ", "e", "œ", "e", "ñ", "n", "ç", "c")

// Rule counts the syllables of one lower-case word from its letters alone: groups of vowel letters,
// less the silent ones, plus those where two vowels meet. At least 1.
func Rule(w string) int {
	w = accented.Replace(w)
	base, extra := clitic(w)
	if !strings.ContainsFunc(base, isVowel) {
		return max(1, spelled(base)+extra)
	}
	r := []rune(base)
	n := groups(r) + hiatus(base) - silent(base)
	return max(1, n) + extra
}

func isVowel(r rune) bool { return strings.ContainsRune("aeiouyéëï", r) }

// spelled counts a word without vowels letter by letter: w is three syllables, any other letter
// one.
func spelled(w string) int {
	n := 0
	for _, r := range w {
		if r == 'w' {
			n += 3
		} else if unicode.IsLetter(r) {
			n++
		}
	}
	return n
}

// groups counts runs of vowel letters; y counts as one unless a vowel follows, u after q never
// does.
func groups(r []rune) int {
	n, in := 0, false
	for i, c := range r {
		v := isVowel(c)
		if c == 'y' && i+1 < len(r) && isVowel(r[i+1]) && (i == 0 || isVowel(r[i-1])) {
			v = false // yes, beyond
		}
		if c == 'u' && i > 0 && r[i-1] == 'q' && i+1 < len(r) && isVowel(r[i+1]) {
			v = false
		}
		if v && (!in || c == 'ë' || c == 'ï' || c == 'é') {
			n++
		}
		in = v
	}
	return n
}

// clitic takes off what follows an apostrophe and tells how many syllables it adds.
func clitic(w string) (base string, extra int) {
	i := strings.LastIndexByte(w, '\'')
	if i < 0 {
		return w, 0
	}
	base, tail := w[:i], w[i+1:]
	vowelEnd := base != "" && strings.ContainsRune("aeiouyw", rune(base[len(base)-1]))
	switch tail {
	case "s":
		if sibilant(base) {
			extra = 1
		}
	case "t":
		if strings.HasSuffix(base, "n") && len(base) > 2 && !strings.ContainsRune("aeiouyr", rune(base[len(base)-2])) {
			extra = 1 // couldn't
		}
	case "ll", "ve":
		if !vowelEnd {
			extra = 1
		}
	case "d":
		if strings.HasSuffix(base, "t") || strings.HasSuffix(base, "d") {
			extra = 1
		}
	case "re":
		if !vowelEnd {
			extra = 1
		}
	default:
		base += tail // o'clock, rock'n'roll
		base = strings.ReplaceAll(base, "'", "")
	}
	return strings.ReplaceAll(base, "'", ""), extra
}

func sibilant(w string) bool { return hasSuffix(w, "s", "x", "z", "ch", "sh", "ce", "ge", "se", "ze") }

func hasSuffix(w string, list ...string) bool {
	for _, s := range list {
		if strings.HasSuffix(w, s) {
			return true
		}
	}
	return false
}

// silent counts vowel groups that are written and not spoken.
func silent(w string) int {
	n := 0
	l := len(w)
	at := func(i int) byte { // from the end, 1 the last
		if i > l {
			return 0
		}
		return w[l-i]
	}
	vow := func(c byte) bool { return c != 0 && strings.IndexByte("aeiouy", c) >= 0 }
	switch {
	case at(1) == 'e' && !vow(at(2)) && l > 2:
		if at(2) == 'l' && !vow(at(3)) && at(3) != 0 && at(3) != 'l' && at(3) != 'r' && at(3) != 'w' {
			break // table, bottle
		}
		n++
	case hasSuffix(w, "es") && !vow(at(3)) && l > 3:
		s := w[:l-2]
		if hasSuffix(s, "s", "x", "z", "ch", "sh", "c", "g") {
			break // boxes
		}
		if at(3) == 'l' && !vow(at(4)) && at(4) != 'l' && at(4) != 'r' {
			break // tables
		}
		n++
	case hasSuffix(w, "ed") && !vow(at(3)) && l > 3:
		if at(3) == 't' || at(3) == 'd' {
			break // wanted
		}
		if at(3) == 'l' && !vow(at(4)) && at(4) != 'l' && at(4) != 'r' && at(4) != 'w' {
			break // settled
		}
		n++
	}
	// an e before an ending that begins with a consonant
	for _, s := range []string{"ement", "ements", "eful", "efully", "eless", "elessly", "eness", "ely", "esome", "ewise", "eman", "emen",
		"ework", "eworks", "eland", "etown", "eville", "efield", "ehouse", "eboard", "eline", "eside", "ewood", "eback", "eship", "ehead"} {
		if strings.HasSuffix(w, s) {
			if p := l - len(s); p > 1 && !vow(w[p-1]) && strings.ContainsAny(w[:p], "aeiouy") && (w[p-1] != 'l' || vow(w[p-2])) {
				n++
			}
			break
		}
	}
	return n
}

// meetings are vowel letters side by side that are two syllables, unless one of the letters of
// unless stands before them or the rest of the word begins with one of but.
var meetings = []struct {
	vowels, unless string
	but            []string
}{
	{"ia", "ctsgx", []string{"ge$", "ges$", "ir"}},
	{"io", "tscgx", nil},
	{"iu", "", nil},
	{"ie", "", []string{"$", "s$", "d$", "v", "f", "l", "c", "p", "g", "n", "u", "w", "b", "h", "k", "m", "r", "z", "t", "a", "o", "x", "y"}},
	{"eo", "gp", []string{"p", "u", "w", "y"}},
	{"ua", "qg", []string{"de", "si", "y"}},
	{"uo", "qg", []string{"y", "i", "k"}},
	{"ue", "qg", []string{"$", "s$", "d$", "l$", "bl", "tt", "sd", "b", "z", "l"}},
	{"ui", "qgb", []string{"t$", "ts$", "s", "c", "d$", "de", "l"}},
	{"oa", "", []string{"b", "c", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "x", "v"}},
	{"oe", "", []string{"$", "s$", "d$", "r", "n", "b", "f", "h", "k", "l", "p", "d", "c", "g"}},
	{"ao", "", []string{"$", "s$", "n", "u"}},
}

// hiatus counts the places where the meeting of vowels is two syllables, and the endings that are
// spoken without a letter for it.
func hiatus(w string) int {
	n := 0
	for i := 1; i+2 <= len(w); i++ {
		for _, m := range meetings {
			if w[i:i+2] == m.vowels && strings.IndexByte(m.unless, w[i-1]) < 0 && !begins(w[i+2:], m.but) {
				n++
			}
		}
	}
	l := len(w)
	if l > 4 && strings.HasSuffix(w, "ing") {
		before, earlier := w[l-4], w[l-5]
		if strings.IndexByte("aeio", before) >= 0 || before == 'y' && strings.IndexByte("aeiou", earlier) < 0 {
			n++ // being, carrying; a y after a vowel is none itself
		}
	}
	if hasSuffix(w, "ier", "iers", "iety", "ient", "ience", "iently", "iences", "ients", "iental") && !hasSuffix(w, "cient", "tient", "science", "ciently", "tients", "ciency", "tience", "ntier", "shier") {
		n++
	}
	if hasSuffix(w, "ism", "isms", "thm", "thms", "asm", "asms") {
		n++
	}
	if hasSuffix(w, "ically") {
		n--
	}
	n -= strings.Count(w, "eye") - strings.Count(w, "eyer")
	if l > 4 && hasSuffix(w, "que", "gue", "ques", "gues") {
		n--
	}
	if i := strings.Index(w, "iat"); i > 0 && strings.IndexByte("ct", w[i-1]) >= 0 {
		n++ // appreciate, negotiate
	}
	return n
}

// begins tells whether rest begins with one of the list; a $ stands for the end.
func begins(rest string, list []string) bool {
	for _, s := range list {
		if t, end := strings.CutSuffix(s, "$"); end && rest == t || !end && strings.HasPrefix(rest, s) {
			return true
		}
	}
	return false
}
