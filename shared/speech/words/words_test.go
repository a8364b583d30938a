package words

import (
	"strings"
	"testing"
)

func TestHeadword(t *testing.T) {
	for _, c := range []struct {
		name, word string
		want       Levels
		lowest     int
	}{
		{"a word has a level for each part of speech", "work", Levels{Verb: 1, Noun: 1}, 1},
		{"the parts may differ in level", "present", Levels{Verb: 4, Adjective: 3, Noun: 1}, 1},
		{"levels above B2 come from the second list", "reluctantly", Levels{Adverb: 5}, 5},
		{"pronouns, prepositions and auxiliaries are one part", "because", Levels{Other: 1}, 1},
		{"each spelling of a headword is one", "café", Levels{Noun: 1}, 1},
		{"the last line of the list is found", "zoom", Levels{Noun: 4}, 4},
		{"an inflected form is no headword", "went", Levels{}, 0},
		{"an everyday word that the lists lack has no estimate", "sushi", Levels{}, 0},
		{"nothing is not a word", "", Levels{}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Headword(c.word); got != c.want || got.Lowest() != c.lowest {
				t.Fatalf("%v, lowest %d; want %v, %d", got, got.Lowest(), c.want, c.lowest)
			}
		})
	}
	t.Run("about a thousand headwords are learnt first", func(t *testing.T) {
		first := 0
		for _, l := range headwords() {
			if l.Lowest() == 1 {
				first++
			}
		}
		if first < 1000 || first > 1100 {
			t.Fatalf("%d headwords of level A1", first)
		}
	})
}

func TestLevelName(t *testing.T) {
	for level, want := range map[int]string{0: "", 1: "A1", 6: "C2", 7: "", -1: ""} {
		if got := LevelName(level); got != want {
			t.Errorf("%d: %q, want %q", level, got, want)
		}
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a sound list is read", "a\tnoun\tA1\n", ""},
		{"an empty list is refused", "", "empty"},
		{"a line of two columns is refused", "a\tnoun\n", "columns"},
		{"a level that is none is refused", "a\tnoun\tD1\n", "no level"},
		{"a line without a word is refused", "\tnoun\tA1\n", "no word"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parse(c.text)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, want %q", err, c.want)
			}
		})
	}
	t.Run("of two lines of one part the lower level stays", func(t *testing.T) {
		l, err := parse("that\tpronoun\tA2\nthat\tdeterminer\tA1\nthat\tconjunction\tB1\n")
		if err != nil || l["that"] != (Levels{Other: 1}) {
			t.Fatalf("%v %v", l, err)
		}
	})
}

func TestLemma(t *testing.T) {
	for _, c := range []struct{ name, word, want string }{
		{"an irregular verb", "went", "go"},
		{"an irregular noun", "children", "child"},
		{"a regular plural", "houses", "house"},
		{"a form that the dictionary takes for another word stays", "as", "as"},
		{"an adverb whose dictionary entry is wrong stays", "also", "also"},
		{"an ordinal stays a word", "first", "first"},
		{"an unknown word is its own", "qqqqs", "qqqqs"},
		{"nothing stays nothing", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Lemma(c.word); got != c.want {
				t.Fatalf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestHash(t *testing.T) {
	if h := Hash(); len(h) != 12 || h != Hash() {
		t.Fatal(h)
	}
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		if _, err := parse(headwordsTSV); err != nil {
			b.Fatal(err)
		}
	}
}
