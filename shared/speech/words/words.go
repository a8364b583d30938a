// Package words is what is known of words before anybody says them: of English ones the CEFR level at which a word is learnt, how
// often it is used, and the base form it belongs to; of French, German and Spanish ones the base form. The lists are embedded;
// NOTICE says whose they are, gen makes those of English.
package words

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/aaaton/golem/v4"
	"github.com/aaaton/golem/v4/dicts/de"
	"github.com/aaaton/golem/v4/dicts/en"
	"github.com/aaaton/golem/v4/dicts/es"
	"github.com/aaaton/golem/v4/dicts/fr"
)

//go:generate go run ./gen --cefrpy cefrpy-1.0.3-py3-none-any.whl --wordfreq wordfreq-3.1.1-py3-none-any.whl --out .

//go:embed levels.tsv.gz
var levelsGz []byte

//go:embed zipf.tsv.gz
var zipfGz []byte

// maxList bounds an unpacked list, in bytes.
const maxList = 8 << 20

// list is a sorted list of lines `word TAB number` in one piece of memory: a map of 170,000 strings would cost a function
// ten times the start-up time and memory.
type list struct {
	text  []byte
	lines []uint32 // offsets of the lines
}

func unpack(gz []byte) (list, error) {
	r, err := gzip.NewReader(bytes.NewReader(gz))
	if err != nil {
		return list{}, fmt.Errorf("words: open a list: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(r, maxList+1))
	if err != nil {
		return list{}, fmt.Errorf("words: unpack a list: %w", err)
	}
	if len(text) == 0 || len(text) > maxList || text[len(text)-1] != '\n' {
		return list{}, fmt.Errorf("words: a list of %d bytes is empty, too long or cut short", len(text))
	}
	l := list{text: text}
	for at := 0; at < len(text); {
		l.lines = append(l.lines, uint32(at))
		at += bytes.IndexByte(text[at:], '\n') + 1
	}
	return l, nil
}

func (l list) line(i int) (word, number []byte) {
	from := int(l.lines[i])
	end := from + bytes.IndexByte(l.text[from:], '\n')
	word, number, _ = bytes.Cut(l.text[from:end], []byte{'\t'})
	return word, number
}

// value is the number beside word; 0 where the list does not have it.
func (l list) value(word string) int {
	key := []byte(word)
	i, found := sort.Find(len(l.lines), func(i int) int { w, _ := l.line(i); return bytes.Compare(key, w) })
	if !found {
		return 0
	}
	_, number := l.line(i)
	n, err := strconv.Atoi(string(number))
	if err != nil {
		return 0
	}
	return n
}

// The embedded lists are part of the program: one that cannot be read is a broken build, so it panics at first use.
var (
	levels = sync.OnceValue(func() list { return must(unpack(levelsGz)) })
	zipf   = sync.OnceValue(func() list { return must(unpack(zipfGz)) })
	lemmas = sync.OnceValue(func() *golem.Lemmatizer { return must(golem.New(en.New())) })
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

const (
	// estimated: CEFR-J ends at B2, and levels above it are cefrpy's estimates from the frequency in books, which takes words of
	// everyday talk ("wow", "sushi") for rare ones. common is the Zipf frequency, over all kinds of text, from which a word is B2 at most.
	estimated = 40
	common    = 40
)

// Level is the CEFR level at which a word is learnt, 1 (A1) to 6 (C2) in steps of 0.1: the lower one of the form as it was
// said and of its base form, each at its easiest part of speech, since which one was meant is not known. ok is false for a
// word that the list does not have. Both arguments are lower case. Source: cefrpy 1.0.3, made from CEFR-J with estimates
// for words beyond it.
func Level(word, lemma string) (level float64, ok bool) {
	n := levelOf(word)
	if m := levelOf(lemma); n == 0 || m > 0 && m < n {
		n = m
	}
	return float64(n) / 10, n > 0
}

func levelOf(form string) int {
	n := levels().value(form)
	if n > estimated && zipf().value(form) >= common {
		return estimated
	}
	return n
}

// Zipf is the frequency of a lower-case word form on the Zipf scale (log10 of its occurrences in a billion words; van Heuven et
// al. 2014): 7 for "the", 3 for a word met once in a million. 0 says that it is rarer than 2 or unknown. Source: wordfreq 3.1.1.
func Zipf(word string) float64 { return float64(zipf().value(word)) / 10 }

// Hash is the first 12 hexadecimal digits of the SHA-256 of both lists: part of what a score depends on.
func Hash() string { return hash() }

var hash = sync.OnceValue(func() string {
	h := sha256.New()
	_, _ = h.Write(levelsGz) // a hash never fails
	_, _ = h.Write(zipfGz)
	return hex.EncodeToString(h.Sum(nil)[:6])
})

// keep are forms whose base form in the dictionary is another word.
var keep = map[string]bool{
	"as": true, "also": true, "well": true, "first": true, "third": true, "fourth": true, "dry": true, "ai": true, "bit": true, "crew": true,
	"less": true, "later": true, "data": true, "media": true, "born": true, "dont": true,
}

// others are the dictionaries of base forms of other languages, by ISO 639-1: unpacked at first use, in up to a second and 100 MB each.
var others = map[string]func() *golem.Lemmatizer{
	"de": sync.OnceValue(func() *golem.Lemmatizer { return must(golem.New(de.New())) }),
	"es": sync.OnceValue(func() *golem.Lemmatizer { return must(golem.New(es.New())) }),
	"fr": sync.OnceValue(func() *golem.Lemmatizer { return must(golem.New(fr.New())) }),
}

// english is the language of Level, Zipf and Lemma.
const english = "en"

// Lemmatised tells whether base forms of a language (ISO 639-1) are known.
func Lemmatised(language string) bool {
	return language == english || others[language] != nil
}

// keepElsewhere are forms of other languages that the dictionaries take for another word: pronouns, which English's keeps apart, and words that
// are a form of a far rarer one.
var keepElsewhere = map[string]map[string]bool{
	"es": setOf("como para sobre entre nada cada bajo vino ella ellas nos usted ustedes"),
	"fr": setOf("pas plus sur bien comme fois aujourd'hui je tu elle nous vous ils elles te moi toi lui eux leur"),
	"de": setOf("mal eben weg du er sie es wir ihr mich dich ihm ihn ihnen uns euch mein sein"),
}

func setOf(words string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		out[w] = true
	}
	return out
}

// LemmaIn is the base form of a lower-case word of a language (ISO 639-1); a word that its dictionary does not have, or of a language
// without one, is its own. A form of several words gets one of them, always the same. Source: golem 4.0.0, dictionaries 1.0.1.
func LemmaIn(language, word string) string {
	if language == english {
		return Lemma(word)
	}
	open, ok := others[language]
	if !ok || keepElsewhere[language][word] {
		return word
	}
	if base := open().LemmaLower(word); base != "" {
		return base
	}
	return word
}

// Lemma is the base form of a lower-case word: "go" for "went". A word that the dictionary does not have is its own. A form of
// several words ("left") gets one of them, always the same. Source: golem 4.0.0, dictionary en 1.0.1.
func Lemma(word string) string {
	if keep[word] {
		return word
	}
	base := lemmas().LemmaLower(word)
	for _, r := range base {
		if (r < 'a' || r > 'z') && r != '\'' && r != '-' {
			return word
		}
	}
	if base == "" {
		return word
	}
	return base
}
