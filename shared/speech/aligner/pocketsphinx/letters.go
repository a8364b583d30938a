package pocketsphinx

import "strings"

// names are the letters as they are spelled aloud.
var names = map[rune]string{'a': "EY", 'b': "B IY", 'c': "S IY", 'd': "D IY", 'e': "IY", 'f': "EH F", 'g': "JH IY", 'h': "EY CH", 'i': "AY", 'j': "JH EY",
	'k': "K EY", 'l': "EH L", 'm': "EH M", 'n': "EH N", 'o': "OW", 'p': "P IY", 'q': "K Y UW", 'r': "AA R", 's': "EH S", 't': "T IY", 'u': "Y UW", 'v': "V IY",
	'w': "D AH B AH L Y UW", 'x': "EH K S", 'y': "W AY", 'z': "Z IY"}

// spell reads a word letter by letter.
func spell(w string) []string {
	var out []string
	for _, r := range w {
		out = append(out, strings.Fields(names[r])...)
	}
	return out
}

// grapheme is a group of letters and its commonest sound in English (after the letter-to-sound
// rules of Elovitz et al. 1976, much shortened). before and after are sets of letters, one of which
// must stand there: ^ is the beginning, $ the end of the word; empty: anything.
type grapheme struct {
	before, letters, after, phones string
}

const (
	vowelLetters = "aeiouy"
	softeners    = "eiy"
	consonants   = "bcdfghjklmnpqrstvwxz"
)

// graphemes are tried in this order at each place.
var graphemes = []grapheme{
	{"", "tion", "", "SH AH N"}, {"", "sion", "", "ZH AH N"}, {"", "cious", "", "SH AH S"}, {"", "tious", "", "SH AH S"}, {"", "cial", "", "SH AH L"}, {"", "tial", "", "SH AH L"},
	{"", "ture", "$", "CH ER"}, {"", "ough", "", "AO"}, {"", "augh", "", "AO"}, {"", "eigh", "", "EY"}, {"", "igh", "", "AY"}, {"", "ight", "", "AY T"},
	{"", "ious", "$", "IY AH S"}, {"", "ous", "$", "AH S"}, {"", "able", "$", "AH B AH L"}, {"", "ible", "$", "AH B AH L"}, {"", "ing", "$", "IH NG"},
	{"^", "kn", "", "N"}, {"^", "gn", "", "N"}, {"^", "wr", "", "R"}, {"^", "ps", "", "S"}, {"^", "x", "", "Z"}, {"^", "mc", "", "M AH K"},
	{"", "sch", "", "S K"}, {"", "tch", "", "CH"}, {"", "ch", "", "CH"}, {"", "sh", "", "SH"}, {"", "th", "", "TH"}, {"", "ph", "", "F"}, {"^", "wh", "", "W"}, {"", "gh", "$", ""}, {"", "gh", "", "G"},
	{"", "ck", "", "K"}, {"", "dge", "", "JH"}, {"", "qu", "", "K W"}, {"", "ng", "$", "NG"}, {"", "nk", "", "NG K"}, {"", "mb", "$", "M"}, {"", "sc", softeners, "S"},
	{"", "bb", "", "B"}, {"", "cc", softeners, "K S"}, {"", "cc", "", "K"}, {"", "dd", "", "D"}, {"", "ff", "", "F"}, {"", "gg", "", "G"}, {"", "kk", "", "K"}, {"", "ll", "", "L"}, {"", "mm", "", "M"},
	{"", "nn", "", "N"}, {"", "pp", "", "P"}, {"", "rr", "", "R"}, {"", "ss", "", "S"}, {"", "tt", "", "T"}, {"", "vv", "", "V"}, {"", "zz", "", "Z"},
	{consonants, "le", "$", "AH L"}, {consonants, "les", "$", "AH L Z"}, {"sxz", "es", "$", "AH Z"}, {"", "ed", "$", "D"},
	{"", "air", "", "EH R"}, {"", "are", "$", "EH R"}, {"", "ear", "", "IH R"}, {"", "eer", "", "IH R"}, {"", "ier", "$", "IY ER"}, {"", "our", "", "AO R"}, {"", "oor", "", "AO R"}, {"", "oar", "", "AO R"},
	{"", "ar", "", "AA R"}, {"", "er", "", "ER"}, {"", "ir", "", "ER"}, {"", "ur", "", "ER"}, {"", "or", "", "AO R"}, {"", "yr", "", "ER"},
	{"", "ai", "", "EY"}, {"", "ay", "", "EY"}, {"", "au", "", "AO"}, {"", "aw", "", "AO"}, {"", "ee", "", "IY"}, {"", "ea", "", "IY"}, {"", "ei", "", "IY"}, {"", "ey", "$", "IY"}, {"", "ey", "", "EY"},
	{"", "eu", "", "Y UW"}, {"", "ew", "", "UW"}, {"", "ie", "$", "IY"}, {"", "ies", "$", "IY Z"}, {"", "ia", "", "IY AH"}, {"", "io", "", "IY OW"}, {"", "oa", "", "OW"}, {"", "oe", "$", "OW"}, {"", "oi", "", "OY"},
	{"", "oo", "", "UW"}, {"", "ou", "", "AW"}, {"", "ow", "$", "OW"}, {"", "ow", "", "AW"}, {"", "oy", "", "OY"}, {"", "ue", "$", "UW"}, {"", "ui", "", "UW"}, {"", "uy", "", "AY"}, {"", "ao", "", "AW"},
	{"", "c", softeners, "S"}, {"", "c", "", "K"}, {"", "g", softeners, "JH"}, {"", "g", "", "G"}, {"", "x", "", "K S"}, {vowelLetters, "s", vowelLetters, "Z"},
	{"^", "y", vowelLetters, "Y"}, {"", "y", "$", "IY"}, {"", "y", "", "IH"}, {consonants, "e", "$", ""}, {"", "a", "$", "AH"}, {"", "i", "$", "IY"}, {"", "o", "$", "OW"}, {"", "u", "$", "UW"},
	{"", "b", "", "B"}, {"", "d", "", "D"}, {"", "f", "", "F"}, {"", "h", vowelLetters, "HH"}, {"", "h", "", ""}, {"", "j", "", "JH"}, {"", "k", "", "K"}, {"", "l", "", "L"}, {"", "m", "", "M"},
	{"", "n", "", "N"}, {"", "p", "", "P"}, {"", "q", "", "K"}, {"", "r", "", "R"}, {"", "s", "", "S"}, {"", "t", "", "T"}, {"", "v", "", "V"}, {"", "w", "", "W"}, {"", "z", "", "Z"},
}

// Single vowels: long before a consonant and a silent e at the end, short else.
var (
	long  = map[byte]string{'a': "EY", 'e': "IY", 'i': "AY", 'o': "OW", 'u': "UW", 'y': "AY"}
	short = map[byte]string{'a': "AE", 'e': "EH", 'i': "IH", 'o': "AA", 'u': "AH", 'y': "IH"}
)

// sound reads a word of the letters a to z by rules.
func sound(w string) []string {
	var out []string
	for i := 0; i < len(w); {
		phones, n := soundAt(w, i)
		out = append(out, strings.Fields(phones)...)
		i += n
	}
	if len(out) == 0 {
		return spell(w)
	}
	return out
}

func soundAt(w string, i int) (phones string, n int) {
	if l := long[w[i]]; l != "" && i == len(w)-3 && w[i+2] == 'e' && strings.IndexByte(consonants, w[i+1]) >= 0 && w[i+1] != 'r' && w[i+1] != 'x' {
		return l, 1
	}
	for _, g := range graphemes {
		end := i + len(g.letters)
		if !strings.HasPrefix(w[i:], g.letters) || !stands(g.before, w, i-1) || !stands(g.after, w, end) {
			continue
		}
		return g.phones, len(g.letters)
	}
	return short[w[i]], 1
}

// stands tells whether the letter at i, or the edge of the word there, is one of the set.
func stands(set, w string, i int) bool {
	switch {
	case set == "":
		return true
	case i < 0:
		return set == "^"
	case i >= len(w):
		return set == "$"
	}
	return strings.IndexByte(set, w[i]) >= 0
}
