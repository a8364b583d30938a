// Package words is what is known of English words before anybody says them: the level at which each
// is learnt, by part of speech, and the base form it belongs to; and the sounds of hesitation of
// any language. The list of levels is embedded; NOTICE says whose it is, gen makes it.
package words

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/aaaton/golem/v4"
	"github.com/aaaton/golem/v4/dicts/en"
)

//go:embed headwords.tsv
var headwordsTSV string

// Part is a part of speech of the list. Everything but the four open ones is Other: pronouns,
// prepositions, auxiliaries, ….
type Part int

// The parts of speech.
const (
	Verb Part = iota
	Adjective
	Adverb
	Noun
	Other
	parts
)

var partNames = map[string]Part{"verb": Verb, "adjective": Adjective, "adverb": Adverb, "noun": Noun}

// Levels are the levels of one word by part of speech, 1 (A1) to 6 (C2); 0: the word is not listed
// as that part.
type Levels [parts]int

// Lowest is the level of the easiest part of speech, 1 to 6; 0: the word is not in the list.
func (l Levels) Lowest() int {
	least := 0
	for _, v := range l {
		if v > 0 && (least == 0 || v < least) {
			least = v
		}
	}
	return least
}

// levelNames are the levels of the CEFR in order; the index is the level less 1.
var levelNames = [6]string{"A1", "A2", "B1", "B2", "C1", "C2"}

// LevelName is the CEFR's name of a level, 1 (A1) to 6 (C2); empty for any other number.
func LevelName(level int) string {
	if level < 1 || level > len(levelNames) {
		return ""
	}
	return levelNames[level-1]
}

// The embedded list is part of the program: one that cannot be read is a broken build, so it panics
// at first use.
var (
	headwords = sync.OnceValue(func() map[string]Levels { return must(parse(headwordsTSV)) })
	lemmas    = sync.OnceValue(func() *golem.Lemmatizer { return must(golem.New(en.New())) })
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// parse reads lines `headword TAB part of speech TAB level`. A word that two lines give one part
// (verb, and another name that is Other) keeps the lower level.
func parse(text string) (map[string]Levels, error) {
	out := make(map[string]Levels, strings.Count(text, "\n"))
	n := 0
	for line := range strings.Lines(text) {
		n++
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(cells) != 3 {
			return nil, fmt.Errorf("words: line %d has %d columns, want 3", n, len(cells))
		}
		level := 0
		for i, name := range levelNames {
			if cells[2] == name {
				level = i + 1
			}
		}
		if level == 0 || cells[0] == "" {
			return nil, fmt.Errorf("words: line %d has no word or no level", n)
		}
		part, open := partNames[cells[1]]
		if !open {
			part = Other
		}
		l := out[cells[0]]
		if l[part] == 0 || level < l[part] {
			l[part] = level
		}
		out[cells[0]] = l
	}
	if n == 0 {
		return nil, errors.New("words: the list is empty")
	}
	return out, nil
}

// Headword gives the levels of a lower-case word; all 0 for one that is no headword. Inflected
// forms are no headwords, so ask for their base form too. Sources: CEFR-J Vocabulary Profile 1.5
// (A1 to B2) and Octanove Vocabulary Profile 1.0 (C1, C2). There is no estimate for other words:
// estimates call everyday and misheard words rare.
func Headword(word string) Levels { return headwords()[word] }

// Hash is the first 12 hexadecimal digits of the SHA-256 of the list: part of what a score depends
// on.
func Hash() string { return hash() }

var hash = sync.OnceValue(func() string {
	h := sha256.Sum256([]byte(headwordsTSV))
	return hex.EncodeToString(h[:6])
})

// keep are forms whose base form in the dictionary is another word.
var keep = map[string]bool{
	"as": true, "also": true, "well": true, "first": true, "third": true, "fourth": true, "dry": true, "ai": true, "bit": true, "crew": true,
	"less": true, "later": true, "data": true, "media": true, "born": true, "dont": true,
}

// Lemma is the base form of a lower-case word: "go" for "went". A word that the dictionary does not
// have is its own. A form of several words ("left") gets one of them, always the same. Source:
// golem 4.0.0, dictionary en 1.0.1.
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
