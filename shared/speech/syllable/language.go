package syllable

import (
	"slices"
	"strings"
	"unicode"
)

// English is the language of the table of exceptions and of Rule, ISO 639-1.
const English = "en"

// In counts the syllables of one written word of a language (ISO 639-1; empty: English). Spanish,
// Italian, Portuguese, French and German have rules of their own, on the letters; any other
// language in Latin script has its groups of vowels counted, Cyrillic and Greek their vowels,
// Chinese its characters, Korean its blocks and Japanese its kana (morae) and characters. The
// numbers that a recogniser writes in digits count one for each digit, since how they are read is
// not known. ok is false where the writing does not show the vowels (Arabic, Hebrew, Thai, the
// scripts of India): then the count is 0, and a rate in syllables is not to be had.
func In(language, word string) (n int, ok bool) {
	if language == "" || language == English {
		return Syllables(word), true
	}
	for _, part := range strings.FieldsFunc(strings.ToLower(strings.ReplaceAll(word, "’", "'")), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r)
	}) {
		k, known := counted(language, []rune(part))
		if !known {
			return 0, false
		}
		n += k
	}
	return n, true
}

func counted(language string, w []rune) (n int, ok bool) {
	digits, latin := 0, false
	for _, r := range w {
		switch {
		case unicode.IsDigit(r):
			digits++
		case unicode.Is(unicode.Latin, r):
			latin = true
		case unicode.In(r, unicode.Cyrillic, unicode.Greek, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana):
		case unicode.IsLetter(r):
			return 0, false
		}
	}
	if !latin {
		return digits + otherScript(w), true
	}
	switch language {
	case "es", "it", "pt":
		n = romance(language, w)
	case "fr":
		n = french(w)
	case "de":
		n = german(w)
	default:
		n = plainGroups(w)
	}
	if n == 0 && digits == 0 {
		n = elided(w)
	}
	return n + digits, true
}

// elided is what a part without a vowel counts: an elided article (l', d') nothing, anything else
// one.
func elided(w []rune) int {
	if len(w) == 1 {
		return 0
	}
	return 1
}

func otherScript(w []rune) int {
	n := 0
	group := false
	for _, r := range w {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hangul):
			n++
		case unicode.In(r, unicode.Hiragana, unicode.Katakana):
			if !strings.ContainsRune("ゃゅょぁぃぅぇぉャュョァィゥェォ", r) {
				n++
			}
		case strings.ContainsRune("аеёиоуыэюяєіїў", r):
			n++
		case strings.ContainsRune("αεηιουωάέήίόύώϊϋΐΰ", r):
			if !group {
				n++
			}
			group = true
			continue
		}
		group = false
	}
	return n
}

// plainGroups counts runs of vowel letters.
func plainGroups(w []rune) int {
	n, in := 0, false
	for _, r := range w {
		v := vowel(r)
		if v && !in {
			n++
		}
		in = v
	}
	return n
}

const vowelLetters = "aeiouyàáâäãåāăąæèéêëēėęěìíîïīįòóôöõøōőœùúûüūůűųýÿ"

func vowel(r rune) bool { return strings.ContainsRune(vowelLetters, r) }

// romance counts the syllables of Spanish, and of Italian and Portuguese alike: a weak vowel
// without an accent (i, u) makes one syllable with its neighbour, two strong ones (a, e, o) make
// two, and so does a weak one with an accent. The u of que, qui, gue and gui is silent, and that of
// the ü is not.
func romance(language string, w []rune) int {
	n, before := 0, rune(0) // the vowel before, 0 after a consonant
	for i, r := range w {
		at := func(k int) rune {
			if k < 0 || k >= len(w) {
				return 0
			}
			return w[k]
		}
		if r == 'y' && i+1 < len(w) && vowel(at(i+1)) || // yo, mayo: a consonant
			r == 'u' && (at(i-1) == 'q' || at(i-1) == 'g' && strings.ContainsRune("eiéí", at(i+1))) {
			before = 0
			continue
		}
		if !vowel(r) {
			before = 0
			continue
		}
		weak := strings.ContainsRune("iuyü", r)
		switch {
		case (before == 'ã' || before == 'õ') && (r == 'o' || r == 'e'): // não, põe
		case before == 0, !weak && !strings.ContainsRune("iuyü", before), strings.ContainsRune("íú", r), strings.ContainsRune("íúì", before):
			n++
		case !weak && strings.ContainsRune("iuyü", before) && i >= 2 && vowel(at(i-2)) && at(i-2) != 'u':
			n++ // a weak vowel between two strong ones goes with the second: ba-ia
		}
		before = r
	}
	plain := strings.TrimSuffix(string(w), "s")
	if language == "pt" && len(w) > 2 && hasSuffix(plain, "ia", "io", "ua", "uo") && !hasSuffix(plain, "gua", "guo", "qua", "quo") && !strings.ContainsAny(plain, "áéíóúâêôãõ") {
		n++ // dia, seria, rua: where the accent is elsewhere it is written
	}
	if language == "it" && n == 1 && len(w) > 1 && strings.ContainsRune("iu", w[len(w)-2]) && strings.ContainsRune("aeo", w[len(w)-1]) && w[max(0, len(w)-3)] != 'q' {
		n++ // mio, sua, due: the only vowels of a word are two syllables
	}
	return n
}

// french counts spoken syllables: groups of vowels, less the e that is silent at the end of a word
// and in the endings -es and -ent of verbs; é and what carries two dots begin a syllable of their
// own.
func french(w []rune) int {
	s := string(w)
	for _, end := range []string{"aient", "eraient", "èrent", "irent", "urent", "issent", "isent", "ivent", "lent", "rdent", "quent", "guent", "chent", "tent", "sent", "nent", "rent"} {
		if strings.HasSuffix(s, end) && len(w) > 4 && !spokenEnt[s] && !strings.HasSuffix(s, "lement") {
			s = strings.TrimSuffix(s, "ent") + "e"
			break
		}
	}
	r := []rune(s)
	// The e at the end, with or without an s, is silent where a vowel was spoken before it.
	stem := strings.TrimSuffix(s, "s")
	if spoken, ok := strings.CutSuffix(stem, "e"); ok {
		if head := []rune(spoken); hasVowel(head) && !strings.HasSuffix(string(head), "qu") || strings.HasSuffix(string(head), "qu") && len(head) > 2 {
			r = head
			if strings.HasSuffix(string(head), "gu") {
				r = head[:len(head)-1] // langue
			}
		}
	}
	n, before := 0, rune(0)
	if i := len(r) - len([]rune("ement")); i > 1 && strings.HasSuffix(strings.TrimSuffix(s, "s"), "ement") && !vowel(r[i-1]) && vowel(r[i-2]) {
		n-- // également: one consonant before -ement, and its e is silent
	}
	for i, c := range r {
		at := func(k int) rune {
			if k < 0 || k >= len(r) {
				return 0
			}
			return r[k]
		}
		if !vowel(c) || c == 'u' && (at(i-1) == 'q' || at(i-1) == 'g' && strings.ContainsRune("eiéèêy", at(i+1))) {
			before = 0
			continue
		}
		switch {
		case before == 0:
			n++
		case strings.ContainsRune("ïëü", c):
			n++
		case before == 'é', before == 'ï', before == 'ë':
			n++
		case strings.ContainsRune("éèê", c) && strings.ContainsRune("aoueéè", before) && at(i-2) != 'q':
			n++ // créé, poète; a u glides after a vowel only
		case before == 'a' && c == 'o', before == 'o' && c == 'a', before == 'e' && c == 'o' && at(i-2) != 'g':
			n++
		case before == 'y' && i >= 2 && vowel(at(i-2)) && c != 0:
			n++ // payer, voyage: y is two i
		case strings.ContainsRune("iu", before) && strings.ContainsRune("aeoéèê", c) && i >= 3 && strings.ContainsRune("lr", at(i-2)) && strings.ContainsRune("bcdfgptv", at(i-3)):
			n++ // client, oublier
		}
		before = c
	}
	return n
}

// spokenEnt are words in which -ent is spoken though it looks like the ending of a verb.
var spokenEnt = map[string]bool{"souvent": true, "talent": true, "lent": true, "content": true, "absent": true, "présent": true, "client": true, "parent": true,
	"vent": true, "cent": true, "dent": true, "gent": true, "argent": true, "agent": true, "accent": true, "récent": true, "comment": true, "différent": true,
	"excellent": true, "patient": true, "permanent": true, "continent": true, "pertinent": true, "torrent": true, "concurrent": true, "transparent": true, "équivalent": true, "violent": true, "consent": true}

func hasVowel(w []rune) bool {
	return slices.ContainsFunc(w, vowel)
}

// german counts groups of vowels, where ei, ai, ey, ay, au, eu, äu, ie and a doubled letter are
// one, and other vowels side by side two.
func german(w []rune) int {
	n, before := 0, rune(0)
	for i, r := range w {
		if !vowel(r) || r == 'u' && i > 0 && w[i-1] == 'q' || r == 'y' && i == 0 && len(w) > 1 && vowel(w[1]) {
			before = 0
			continue
		}
		pair := string([]rune{before, r})
		switch {
		case before == 0:
			n++
		case pair == "io" && i+1 < len(w) && w[i+1] == 'n' && i > 1:
			// Nation, Union: the i is no syllable.
		case strings.Contains("ei ai ey ay au eu äu ie aa ee oo oi oy ou", pair): //nolint:gocritic // the list is not the pair
			if pair == "ie" && (i+1 < len(w) && w[i+1] == 'n' && i+2 == len(w) && i >= 3 && strings.ContainsRune("lrn", w[i-2]) && vowel(w[i-3])) {
				n++ // Ferien, Italien, Linien
			}
			before = 0 // a third vowel begins anew: bauen, Feuer
			continue
		default:
			n++
		}
		before = r
	}
	return n
}
