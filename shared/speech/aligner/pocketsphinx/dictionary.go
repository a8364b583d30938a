package pocketsphinx

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"unicode"

	"parley/shared/speech/syllable/numeral"
)

// Dictionary maps lower-case words to their first pronunciation in ARPAbet.
type Dictionary map[string][]string

// ReadDictionary reads a dictionary in the form of the CMU Pronouncing Dictionary as PocketSphinx
// ships it.
func ReadDictionary(path string) (Dictionary, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("pocketsphinx: dictionary: %w", err)
	}
	defer func() { _ = f.Close() }()
	d := make(Dictionary, 140_000)
	phones := map[string]string{} // one copy of each name
	s := bufio.NewScanner(f)
	for s.Scan() {
		fields := strings.Fields(s.Text())
		if len(fields) < 2 || strings.Contains(fields[0], "(") {
			continue
		}
		for i, p := range fields[1:] {
			if _, ok := phones[p]; !ok {
				phones[p] = strings.Clone(p)
			}
			fields[1+i] = phones[p]
		}
		d[strings.Clone(fields[0])] = fields[1:]
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("pocketsphinx: dictionary: %w", err)
	}
	return d, nil
}

// plain takes accents off letters that English keeps in borrowed words.
var plain = strings.NewReplacer("’", "'", "‘", "'", "à", "a", "á", "a", "â", "a", "ä", "a", "ã", "a", "å", "a", "è", "e", "é", "e", "ê", "e", "ë", "e",
	"ì", "i", "í", "i", "î", "i", "ï", "i", "ò", "o", "ó", "o", "ô", "o", "ö", "o", "õ", "o", "ù", "u", "ú", "u", "û", "u", "ü", "u", "ñ", "n", "ç", "c", "æ", "ae", "œ", "oe", "ß", "ss")

// split gives the words to be aligned for one as written: lower case, punctuation off, a compound
// that the dictionary lacks in its parts. Numbers stay as they are.
func (d Dictionary) split(written string) []string {
	w := plain.Replace(strings.ToLower(written))
	w = strings.TrimFunc(w, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' && r != '$' && r != '%'
	})
	if _, ok := d[w]; ok {
		return []string{w}
	}
	w = strings.Trim(w, "'")
	if _, ok := d[w]; ok || w == "" {
		if w == "" {
			return nil
		}
		return []string{w}
	}
	if strings.ContainsAny(w, "0123456789") {
		// brackets and the like have a meaning in the engine's words
		w = strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || strings.ContainsRune(".,$%'-", r) {
				return r
			}
			return -1
		}, w)
		return []string{w}
	}
	var out []string
	for _, p := range strings.FieldsFunc(w, func(r rune) bool { return (r < 'a' || r > 'z') && r != '\'' }) {
		if p = strings.Trim(p, "'"); p != "" {
			out = append(out, p)
		}
	}
	return out
}

// maxWays is how many alternate pronunciations one word gets.
const maxWays = 6

// Pronounce finds pronunciations for a word that the dictionary lacks, in lower case; one that it
// has is given as it has it. Numbers are read in the ways that numeral.Readings knows; words are
// built from known ones, or spelled, or read by rules on their letters. None where there is nothing
// to be said.
func (d Dictionary) Pronounce(w string) [][]string {
	if p, ok := d[w]; ok {
		return [][]string{p}
	}
	if strings.ContainsAny(w, "0123456789") {
		return d.number(w)
	}
	if strings.ContainsFunc(w, func(r rune) bool { return (r < 'a' || r > 'z') && r != '\'' }) || strings.Trim(w, "'") == "" {
		return nil
	}
	if len(w) > maxLetters {
		return nil
	}
	if !strings.ContainsAny(w, "aeiouy") {
		return [][]string{spell(w)}
	}
	if p := d.ending(w); p != nil {
		return [][]string{p}
	}
	if p := d.compound(w); p != nil {
		return [][]string{p}
	}
	return [][]string{sound(strings.ReplaceAll(w, "'", ""))}
}

// maxLetters is the longest word that is sounded out.
const maxLetters = 40

func (d Dictionary) number(w string) [][]string {
	readings := numeral.Readings(w)
	if readings == nil {
		readings = [][]string{numeral.Read(w)}
	}
	var out [][]string
	for _, r := range readings {
		var phones []string
		for _, word := range r {
			ways := d.Pronounce(word)
			if len(ways) == 0 {
				phones = nil
				break
			}
			phones = append(phones, ways[0]...)
		}
		if len(phones) > 0 && len(phones) <= 100 && len(out) < maxWays {
			out = append(out, phones)
		}
	}
	return out
}

// compound joins two words of the dictionary of three letters or more; the one with the longest
// first word.
func (d Dictionary) compound(w string) []string {
	for i := len(w) - 3; i >= 3; i-- {
		if a, ok := d[w[:i]]; ok {
			if b, ok := d[w[i:]]; ok {
				return append(append([]string(nil), a...), b...)
			}
		}
	}
	return nil
}

// endings are what may be added to a known word, with how it sounds; the sound of s, es and ed
// hangs on what stands before.
var endings = []struct {
	letters string
	phones  []string
}{
	{"'s", nil}, {"s'", nil}, {"s", nil}, {"ed", nil},
	{"n't", []string{"AH", "N", "T"}}, {"'ll", []string{"AH", "L"}}, {"'ve", []string{"V"}}, {"'d", []string{"D"}}, {"'re", []string{"ER"}},
	{"ing", []string{"IH", "NG"}}, {"in'", []string{"IH", "N"}}, {"ings", []string{"IH", "NG", "Z"}}, {"er", []string{"ER"}}, {"ers", []string{"ER", "Z"}}, {"est", []string{"AH", "S", "T"}},
	{"ly", []string{"L", "IY"}}, {"ness", []string{"N", "AH", "S"}}, {"less", []string{"L", "AH", "S"}}, {"ful", []string{"F", "AH", "L"}},
	{"ment", []string{"M", "AH", "N", "T"}}, {"ments", []string{"M", "AH", "N", "T", "S"}}, {"able", []string{"AH", "B", "AH", "L"}},
	{"ish", []string{"IH", "SH"}}, {"ism", []string{"IH", "Z", "AH", "M"}}, {"ist", []string{"IH", "S", "T"}}, {"y", []string{"IY"}},
}

// ending takes an ending off and looks for what is left, with the e or the single consonant that
// the ending took.
func (d Dictionary) ending(w string) []string {
	for _, e := range endings {
		stem, ok := strings.CutSuffix(w, e.letters)
		if !ok || len(stem) < 2 {
			continue
		}
		forms := []string{stem}
		switch {
		case e.letters == "s" && strings.HasSuffix(stem, "ie"):
			forms = append(forms, stem[:len(stem)-2]+"y")
		case e.letters == "s" && strings.HasSuffix(stem, "e"):
			forms = append(forms, stem[:len(stem)-1])
		}
		if e.letters[0] != '\'' && e.letters != "s" {
			forms = append(forms, stem+"e")
			if n := len(stem); n > 2 && stem[n-1] == stem[n-2] {
				forms = append(forms, stem[:n-1])
			}
			if strings.HasSuffix(stem, "i") {
				forms = append(forms, stem[:len(stem)-1]+"y")
			}
		}
		for _, f := range forms {
			p, ok := d[f]
			if !ok || len(p) == 0 {
				continue
			}
			tail := e.phones
			switch e.letters {
			case "'s", "s'", "s":
				tail = plural(p[len(p)-1])
			case "ed":
				tail = past(p[len(p)-1])
			}
			return append(append([]string(nil), p...), tail...)
		}
	}
	return nil
}

func plural(last string) []string {
	switch last {
	case "S", "Z", "SH", "ZH", "CH", "JH":
		return []string{"AH", "Z"}
	case "P", "T", "K", "F", "TH":
		return []string{"S"}
	}
	return []string{"Z"}
}

func past(last string) []string {
	switch last {
	case "T", "D":
		return []string{"AH", "D"}
	case "P", "K", "F", "TH", "S", "SH", "CH":
		return []string{"T"}
	}
	return []string{"D"}
}
