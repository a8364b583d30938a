package vocabulary

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"parley/shared/speech/score"
	"parley/shared/speech/score/norms"
	"parley/shared/speech/transcript"
)

// spoken is one turn of the candidate, each word heard with p.
func spoken(text string, p float64) score.Material {
	var ws []transcript.Word
	for w := range strings.FieldsSeq(text) {
		ws = append(ws, transcript.Word{Text: w, P: p})
	}
	return score.Material{Conversation: transcript.Conversation{Turns: []transcript.Turn{{Words: ws}}, Language: "en"}}
}

func mustScore(t *testing.T, m score.Material) score.Result {
	t.Helper()
	r, err := Score(m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func value(t *testing.T, r score.Result, name string) float64 {
	t.Helper()
	for _, m := range r.Measures {
		if m.Name == name && m.Value != nil {
			return *m.Value
		}
	}
	t.Fatalf("%s was not measured: %+v", name, r.Measures)
	return 0
}

func TestClean(t *testing.T) {
	for _, c := range []struct{ name, said, kept string }{
		{"fillers go", "Um, I uh like erm the mm-hmm work", "i like the work"},
		{"a repeated word is kept once", "I I I like it", "i like it"},
		{"a repeated phrase is kept once", "in the in the house", "in the house"},
		{"a repetition around a filler is kept once", "the uh the house", "the house"},
		{"a word that comes back later stays", "the house and the garden", "the house and the garden"},
		{"a cut-off word goes", "I wor- I work here", "i work here"},
		{"an unknown beginning of the next word goes", "my vocabul vocabulary", "my vocabulary"},
		{"a known word that begins the next one stays", "in into", "in into"},
		{"a phrase that is broken off and begun again goes", "I was going to... I went home", "i went home"},
		{"a phrase that is broken off and not begun again stays", "I was going to... home is far", "i was going to home is far"},
		{"a list without a break stays", "in the house, in the garden", "in the house in the garden"},
		{"digits and spelt letters go", "I have 26 cats, b c d", "i have cats"},
		{"what stands in brackets goes", "[music] I (laughs) work *coughs*", "i work"},
		{"a hyphen joins two words", "a well-known man", "a well known man"},
		{"curly apostrophes are straightened", "I don’t", "i don't"},
		{"nothing stays nothing", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var forms []string
			for _, h := range clean(spoken(c.said, 1).Conversation.Turns[0], English) {
				forms = append(forms, h.form)
			}
			if got := strings.Join(forms, " "); got != c.kept {
				t.Fatalf("%q, want %q", got, c.kept)
			}
		})
	}
}

func TestTokens(t *testing.T) {
	in := func(text string, p float64) []token {
		kept, _ := candidate(spoken(text, p).Conversation.Turns, English)
		return tokens(kept, English, 4.5, 0.6)
	}
	t.Run("a contraction is two words with their base forms", func(t *testing.T) {
		var got []string
		for _, x := range in("it's they're can't won't he'd we've doesn't John's gonna", 1) {
			got = append(got, x.lemma)
		}
		if want := "it be they be can not will not he would we have do not john go to"; strings.Join(got, " ") != want {
			t.Fatalf("%v, want %s", got, want)
		}
	})
	for _, c := range []struct {
		name, text, form string
		p                float64
		there, isName    bool
	}{
		{"a rare word heard well counts", "he felt serendipity there", "serendipity", 0.6, true, false},
		{"a rare word heard with little is left out", "he felt serendipity there", "serendipity", 0.59, false, false},
		{"a common word heard with little counts", "he felt fine there", "fine", 0.1, true, false},
		{"an unknown word heard with little is left out", "he felt qqqz there", "qqqz", 0.59, false, false},
		{"a capitalised unknown word inside a sentence is a name", "we met Qqqz there and they were at home with me", "qqqz", 1, true, true},
		{"a capitalised word that is learnt early is none", "we spoke English there and they were at home with me", "english", 1, true, false},
		{"a capitalised word at the start of a sentence is none", "we left. Serendipity is fine with us and with you", "serendipity", 1, true, false},
		{"where most words are capitalised, capitals say nothing", "We Met Qqqz There And They Were At Home", "qqqz", 1, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, x := range in(c.text, c.p) {
				if x.form == c.form {
					if !c.there || x.name != c.isName {
						t.Fatalf("%+v", x)
					}
					return
				}
			}
			if c.there {
				t.Fatal("left out")
			}
		})
	}
}

// plain makes n words of k forms in turn, without repetitions that cleaning would take.
func plain(n, k int) []token {
	ts := make([]token, n)
	for i := range ts {
		ts[i] = token{kind: i % k, shape: i % k, p: 1, level: 1}
	}
	return ts
}

func TestMeasures(t *testing.T) {
	t.Run("words heard for certain are plainly counted", func(t *testing.T) {
		for _, w := range windows(plain(120, 20), 50) {
			if w.kinds != 20 || w.band != 1 || w.share[0] != 1 {
				t.Fatalf("%+v", w)
			}
		}
		if n := len(windows(plain(120, 20), 50)); n != 71 {
			t.Fatalf("%d windows", n)
		}
	})
	t.Run("a word heard with half the certainty is half a word", func(t *testing.T) {
		ts := plain(100, 100)
		for i := range ts {
			ts[i].p = 0.5
		}
		w := windows(ts, 50)
		if len(w) != 1 || math.Abs(w[0].kinds-50) > 1e-9 {
			t.Fatalf("%+v", w)
		}
	})
	t.Run("MTLD of a text in which every lemma returns at once is that of its factors", func(t *testing.T) {
		// a b a: 2/3 is the first ratio at or under 0.72, so each factor is 3 words long.
		if v := mtld(plain(300, 2)); v == nil || *v != 3 {
			t.Fatalf("%v", v)
		}
	})
	t.Run("MTLD is not measured where no lemma returns", func(t *testing.T) {
		if v := mtld(plain(30, 30)); v != nil {
			t.Fatalf("%v", *v)
		}
	})
	t.Run("HD-D is 1 where no lemma returns, and needs 42 words", func(t *testing.T) {
		if v := hdd(plain(100, 100)); v == nil || math.Abs(*v-1) > 1e-9 {
			t.Fatalf("%v", v)
		}
		if hdd(plain(41, 41)) != nil || hdd(plain(42, 42)) == nil {
			t.Fatal("the bound is not at 42 words")
		}
	})
}

// distinct is n words without a repetition.
func distinct(n int) string {
	w := strings.Fields(samples[2].text)
	return strings.Join(w[:n], " ")
}

func TestMinima(t *testing.T) {
	for _, c := range []struct {
		name            string
		words           int
		waive, measured bool
		caution         bool
	}{
		{"49 words are not measured", 49, false, false, false},
		{"50 words are measured, with a caution", 50, false, true, true},
		{"99 words are measured, with a caution", 99, false, true, true},
		{"100 words are measured without one", 100, false, true, false},
		{"with the minimum waived 49 words are measured, with a caution", 49, true, true, true},
		{"with the minimum waived even six words are", 6, true, true, true},
		{"with the minimum waived nothing is still nothing", 0, true, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := spoken(distinct(c.words), 1)
			m.Waive = c.waive
			r := mustScore(t, m)
			if (r.Raw != nil) != c.measured || r.Words != c.words || (r.Reason == "") != c.measured || (len(r.Cautions) > 0) != c.caution {
				t.Fatalf("%+v", r)
			}
			for _, x := range r.Measures {
				if !c.measured && x.Name != wordCount && (x.Value != nil || x.Reason == "") {
					t.Fatalf("%+v", x)
				}
			}
		})
	}
}

func TestScore(t *testing.T) {
	t.Run("four speakers of rising level are put in their order", func(t *testing.T) {
		last := 0.0
		for _, s := range samples {
			r := mustScore(t, spoken(s.text, 1))
			if *r.Raw <= last {
				t.Fatalf("%s: %v after %v", s.name, *r.Raw, last)
			}
			last = *r.Raw
		}
	})
	t.Run("the contributions add up to the distance from the middle of the norms, the weights to 1", func(t *testing.T) {
		for _, s := range samples {
			r := mustScore(t, spoken(s.text, 1))
			sum, weights := scale(norms.Of(score.Vocabulary))(0), 0.0
			for _, m := range r.Measures {
				sum += m.Contribution
				weights += m.Weight
			}
			if math.Abs(sum-*r.Raw) > 1e-5 || math.Abs(weights-1) > 1e-9 {
				t.Fatalf("%s: %v against %v, weights %v", s.name, sum, *r.Raw, weights)
			}
		}
	})
	t.Run("the interval holds the score and lies on the scale", func(t *testing.T) {
		for _, s := range samples {
			for _, n := range []int{6, 30, 50, 99, 150, 1000} {
				m := spoken(cut(s.text, n), 1)
				m.Waive = true
				r := mustScore(t, m)
				if !(0 <= r.Interval[0] && r.Interval[0] < *r.Raw && *r.Raw < r.Interval[1] && r.Interval[1] <= 5) {
					t.Fatalf("%s, %d words: %v in %v", s.name, n, *r.Raw, r.Interval)
				}
			}
		}
	})
	t.Run("more words of the same kind narrow the interval", func(t *testing.T) {
		width := func(n int) float64 {
			r := mustScore(t, spoken(cut(samples[1].text+" "+samples[2].text, n), 1))
			return r.Interval[1] - r.Interval[0]
		}
		if !(width(50) > width(150) && width(150) > width(360)) {
			t.Fatalf("%v %v %v", width(50), width(150), width(360))
		}
	})
	t.Run("fillers and repetitions change nothing", func(t *testing.T) {
		said := strings.ReplaceAll(strings.ReplaceAll(samples[1].text, " because ", " um because because uh "), " two ", " two two ")
		if a, b := mustScore(t, spoken(samples[1].text, 1)), mustScore(t, spoken(said, 1)); !reflect.DeepEqual(a, b) {
			t.Fatalf("%+v\n%+v", a, b)
		}
	})
	t.Run("rare words that were hardly heard do not raise the score", func(t *testing.T) {
		m := spoken(samples[1].text, 1)
		plain := mustScore(t, m)
		ws := m.Conversation.Turns[0].Words
		for i := 0; i+10 < len(ws); i += 10 {
			m.Conversation.Turns = append(m.Conversation.Turns, transcript.Turn{Words: []transcript.Word{{Text: "ubiquitous", P: 0.3}, {Text: "qqqz", P: 0.5}}})
		}
		if r := mustScore(t, m); *r.Raw != *plain.Raw {
			t.Fatalf("%v, was %v", *r.Raw, *plain.Raw)
		}
	})
	t.Run("only the candidate's own turns count", func(t *testing.T) {
		m := spoken(samples[1].text, 1)
		a := mustScore(t, m)
		m.Conversation.Turns = append(m.Conversation.Turns, transcript.Turn{Speaker: 1, Words: spoken(samples[3].text, 1).Conversation.Turns[0].Words})
		if b := mustScore(t, m); !reflect.DeepEqual(a, b) {
			t.Fatal("the interviewer's words were counted")
		}
	})
	t.Run("the same words give the same result to the last digit", func(t *testing.T) {
		m := spoken(samples[2].text, 0.83)
		a := fmt.Sprintf("%+v", mustScore(t, m).Interval)
		for range 5 {
			if b := fmt.Sprintf("%+v", mustScore(t, m).Interval); a != b {
				t.Fatalf("%s %s", a, b)
			}
		}
	})
	t.Run("uncertain hearing of the same words moves the score little", func(t *testing.T) {
		long := samples[1].text + " " + samples[2].text
		a, b := mustScore(t, spoken(long, 1)), mustScore(t, spoken(long, 0.7))
		if math.Abs(*a.Raw-*b.Raw) > 0.3 {
			t.Fatalf("%v %v", *a.Raw, *b.Raw)
		}
	})
	t.Run("another language is scored by its variety alone, and says so", func(t *testing.T) {
		m := spoken(strings.Repeat("la casa es grande y el perro duerme en ella cuando llueve mucho por las tardes de invierno ", 8), 1)
		m.Conversation.Language = "es"
		r := mustScore(t, m)
		if r.Raw == nil || len(r.Cautions) == 0 {
			t.Fatalf("%+v", r)
		}
		for _, x := range r.Measures {
			if strings.HasPrefix(x.Name, "band") && x.Value != nil || x.Name == meanBand && (x.Value != nil || x.Weight != 0) {
				t.Fatalf("%+v", x)
			}
		}
	})
	t.Run("probabilities that are none are taken for nothing heard", func(t *testing.T) {
		m := spoken(samples[0].text, math.NaN())
		if r := mustScore(t, m); r.Raw != nil || r.Reason == "" {
			t.Fatalf("%+v", r)
		}
	})
	t.Run("names do not count as rare words", func(t *testing.T) {
		m := spoken(samples[0].text, 1)
		named := spoken(strings.ReplaceAll(samples[0].text, "my city", "Qqqzburg"), 1)
		if a, b := value(t, mustScore(t, m), meanBand), value(t, mustScore(t, named), meanBand); b > a+0.01 {
			t.Fatalf("%v, with a name %v", a, b)
		}
	})
}

func cut(text string, n int) string {
	w := strings.Fields(text)
	return strings.Join(w[:min(n, len(w))], " ")
}

func BenchmarkScore(b *testing.B) {
	text := ""
	for range 10 {
		for _, s := range samples {
			text += s.text + " "
		}
	}
	m := spoken(text, 0.9)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Score(m); err != nil {
			b.Fatal(err)
		}
	}
}
