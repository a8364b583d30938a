package words

import (
	"math"
	"testing"
)

func TestLevel(t *testing.T) {
	for _, c := range []struct {
		name, word, lemma string
		want              float64
		ok                bool
	}{
		{"a beginner's word is A1", "cat", "cat", 1, true},
		{"a word of the learned is C2", "serendipity", "serendipity", 6, true},
		{"an inflected form is as easy as its base form", "went", "go", 1, true},
		{"a base form that is not listed leaves the form's own level", "went", "qqqq", 2, true},
		{"a form that is not listed has its base form's level", "qqqq", "cat", 1, true},
		{"a word that is in no list has no level", "qqqq", "qqqq", 0, false},
		{"the first word of the list is found", "a", "a", 1, true},
		{"a word of everyday talk is B2 at most, however rare in books", "wow", "wow", 4, true},
		{"a word that is rare everywhere keeps its estimate", "sanguine", "sanguine", 6, true},
		{"nothing is not a word", "", "", 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if l, ok := Level(c.word, c.lemma); l != c.want || ok != c.ok {
				t.Fatalf("%v %v, want %v %v", l, ok, c.want, c.ok)
			}
		})
	}
	t.Run("every level of the list lies between A1 and C2", func(t *testing.T) {
		l := levels()
		if len(l.lines) < 170000 {
			t.Fatalf("%d words", len(l.lines))
		}
		last := ""
		for i := range l.lines {
			b, _ := l.line(i)
			w := string(b)
			if v := l.value(w); w <= last || v < 10 || v > 60 {
				t.Fatalf("%q after %q: %d", w, last, v)
			}
			last = w
		}
	})
}

func TestZipf(t *testing.T) {
	for _, c := range []struct {
		name, word string
		want       float64
	}{
		{"the commonest word", "the", 7.7},
		{"a rare word", "serendipity", 2.7},
		{"an unknown word has none", "qqqqq", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if z := Zipf(c.word); math.Abs(z-c.want) > 1e-9 {
				t.Fatalf("%v, want %v", z, c.want)
			}
		})
	}
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

func TestLemmaIn(t *testing.T) {
	for language, forms := range map[string]map[string]string{
		"es": {"casas": "casa", "fui": "ser", "ciudades": "ciudad", "hablando": "hablar", "como": "como", "para": "para", "qqqq": "qqqq", "": ""},
		"fr": {"maisons": "maison", "étais": "être", "chevaux": "cheval", "travaille": "travailler", "pas": "pas"},
		"de": {"häuser": "haus", "gegangen": "gehen", "war": "sein", "größer": "groß", "die": "der", "mal": "mal"},
		"en": {"went": "go"}, "ja": {"行きました": "行きました"},
	} {
		if Lemmatised(language) != (language != "ja") {
			t.Errorf("Lemmatised(%q)", language)
		}
		for form, want := range forms {
			if got := LemmaIn(language, form); got != want {
				t.Errorf("%s: %q, want %q for %q", language, got, want, form)
			}
		}
	}
}

func TestHash(t *testing.T) {
	if h := Hash(); len(h) != 12 || h != Hash() {
		t.Fatal(h)
	}
}

func TestUnpack(t *testing.T) {
	for _, c := range []struct {
		name string
		gz   []byte
	}{{"no gzip is refused", []byte("a\t1\n")}, {"a cut gzip is refused", levelsGz[:1000]}, {"nothing is refused", nil}} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := unpack(c.gz); err == nil {
				t.Fatal("no error")
			}
		})
	}
}

func BenchmarkUnpack(b *testing.B) {
	for b.Loop() {
		if _, err := unpack(levelsGz); err != nil {
			b.Fatal(err)
		}
	}
}
