package vocabulary

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"parley/shared/speech/score"
	"parley/shared/speech/score/norms"
	"parley/shared/speech/transcript"
	"parley/shared/speech/transcript/certainty"
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
			for _, h := range clean(spoken(c.said, 1).Conversation.Turns[0].Words, certainty.Speaker{}, 0) {
				forms = append(forms, h.form)
			}
			if got := strings.Join(forms, " "); got != c.kept {
				t.Fatalf("%q, want %q", got, c.kept)
			}
		})
	}
}

// running are the running words of a text.
func running(text string, p float64) ([]word, int) {
	kept, _ := candidate(spoken(text, p).Conversation)
	return read(kept, 5, 0.6)
}

func TestRead(t *testing.T) {
	t.Run("a contraction is two words with their base forms", func(t *testing.T) {
		var got []string
		ws, _ := running("it's they're can't won't he'd we've doesn't John's gonna", 1)
		for _, x := range ws {
			got = append(got, x.lemma)
		}
		if want := "it be they be can not will not he would we have do not john go to"; strings.Join(got, " ") != want {
			t.Fatalf("%v, want %s", got, want)
		}
	})
	for _, c := range []struct {
		name, text, form string
		p                float64
		class            class // 0: left out
	}{
		{"a word of C1 heard well counts", "he reluctantly went there", "reluctantly", 0.6, adverb},
		{"a word of C1 heard with little is left out", "he reluctantly went there", "reluctantly", 0.59, 0},
		{"a word of B2 heard with little counts", "they abolish it there", "abolish", 0.1, verb},
		{"an unlisted word heard well is there, and never counted", "he felt qqqz there", "qqqz", 0.6, unlisted},
		{"an unlisted word heard with little is left out", "he felt qqqz there", "qqqz", 0.59, 0},
		{"an unlisted structure word heard with little counts", "amongst them", "amongst", 0.1, structureWord},
		{"a number heard with little stays a number", "we have seventeen there", "seventeen", 0.1, numberWord},
		{"an inflected form of a listed verb is listed", "they were rescheduling and emailing it", "emailing", 0.1, verb},
		{"a capitalised unlisted word inside a sentence is a name", "we met Qqqz there and they were at home with me", "qqqz", 1, nameWord},
		{"a capitalised word that is learnt early is none", "we met on Monday and they were at home with me", "monday", 1, noun},
		{"a capitalised word at the start of a sentence is none", "we left. Serendipity is fine with us and with you", "serendipity", 1, unlisted},
		{"where most words are capitalised, capitals say nothing", "We Met Qqqz There And They Were At Home", "qqqz", 1, unlisted},
	} {
		t.Run(c.name, func(t *testing.T) {
			ws, left := running(c.text, c.p)
			for _, x := range ws {
				if x.form == c.form {
					if c.class == 0 || x.class != c.class {
						t.Fatalf("%c", x.class)
					}
					return
				}
			}
			if c.class != 0 || left == 0 {
				t.Fatalf("left out: %d", left)
			}
		})
	}
	t.Run("a word keeps its place in the transcript", func(t *testing.T) {
		m := spoken("um well I've seen it", 1)
		m.Conversation.Turns = append([]transcript.Turn{{Speaker: 1, Words: []transcript.Word{{Text: "Hello", P: 1}}}}, m.Conversation.Turns...)
		kept, _ := candidate(m.Conversation)
		ws, _ := read(kept, 5, 0.6)
		var got []string
		for _, x := range ws {
			got = append(got, fmt.Sprintf("%s %d.%d", x.form, x.turn, x.at))
		}
		if want := "well 1.1, i 1.2, have 1.2, seen 1.3, it 1.4"; strings.Join(got, ", ") != want {
			t.Fatalf("%s, want %s", strings.Join(got, ", "), want)
		}
	})
}

func TestClasses(t *testing.T) {
	for _, c := range []struct {
		name, text, form string
		class            class
		lemma            string
		level            int
	}{
		{"a verb after a subject", "they work here", "work", verb, "work", 1},
		{"a noun after a determiner", "their work here", "work", noun, "work", 1},
		{"a verb after a modal", "you should present it", "present", verb, "present", 4},
		{"a noun after of", "lots of change here", "change", noun, "change", 1},
		{"a noun after an adjective", "good work here", "work", noun, "work", 1},
		{"a noun after a number", "two walks here", "walks", noun, "walk", 1},
		{"an -ing form after a form of be", "they are just meeting here", "meeting", verb, "meet", 1},
		{"an -ing form after a preposition", "before meeting them", "meeting", verb, "meet", 1},
		{"a participle after a form of have", "they have never asked", "asked", verb, "ask", 1},
		{"an inflected verb that is no headword", "quickly organised everything", "organised", verb, "organise", 2},
		{"a verb before an object", "go visit them", "visit", verb, "visit", 1},
		{"an adjective before another word", "modern art", "modern", adjective, "modern", 2},
		{"an unlisted word in -ly is an adverb", "flumpily done", "flumpily", adverb, "flumpily", 0},
		{"a structure word", "because of it", "because", structureWord, "because", 1},
		{"a word of talk", "yes it is", "yes", talkWord, "yes", 0},
		{"a number", "twenty of them", "twenty", numberWord, "twenty", 0},
		{"an irregular verb", "she taught them", "taught", verb, "teach", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			ws, _ := running(c.text, 1)
			for _, w := range ws {
				if w.form == c.form {
					if w.class != c.class || w.lemma != c.lemma || w.level != c.level {
						t.Fatalf("%c %s %d, want %c %s %d", w.class, w.lemma, w.level, c.class, c.lemma, c.level)
					}
					return
				}
			}
			t.Fatal("not there")
		})
	}
}

func TestPatterns(t *testing.T) {
	for text, want := range map[string]string{
		"I stayed because it rained":   "link because",
		"before we ate":                "link before",
		"before lunch":                 "",
		"a company that sells tools":   "relative that",
		"the man who called":           "relative who",
		"I know what he said":          "question clause what, reported speech, what clause",
		"they told us how to win":      "question word to, reported speech",
		"I hope that it works":         "that clause",
		"I think he works":             "clause without that",
		"if I had time I would go":     "link if, modal would, would with if",
		"it is difficult to say":       "NOUN to VERB, it is ADJECTIVE to",
		"there might be":               "modal might, there is",
		"too late to go":               "too … to",
		"she has never been there":     "negation, perfect",
		"she had eaten":                "past perfect",
		"she would have eaten":         "modal perfect, modal would",
		"to have eaten":                "",
		"they are always working":      "progressive",
		"they were working":            "past progressive",
		"it was stolen":                "passive",
		"they have to be able to go":   "NOUN to VERB, be able to, have to",
		"we are going to use it":       "VERB to VERB, be going to, progressive",
		"I used to live here":          "VERB to VERB, used to",
		"we are allowed in":            "be supposed to, passive",
		"without asking anybody":       "PREPOSITION -ing",
		"they enjoy singing":           "VERB -ing",
		"people singing there":         "NOUN -ing",
		"it makes them happy":          "make OBJECT VERB",
		"they want us to go":           "ask OBJECT to VERB",
		"she gave him a book":          "give OBJECT OBJECT",
		"it got cold":                  "get ADJECTIVE",
		"they do not know":             "negation",
		"he gave up":                   "phrasal verb give up",
		"pick it up":                   "phrasal verb pick up",
		"instead of that, for example": "pair for example, pair instead of",
		"":                             "",
		"as if it were so":             "as if, link if",
		"we know what they want":       "question clause what, what clause",
		"they like what we do":         "what clause",
		"I wish it":                    "wish",
	} {
		ws, _ := running(text, 1)
		var got []string
		for _, at := range find(ws) {
			for _, f := range at {
				got = append(got, strings.TrimSpace(f.key()))
			}
		}
		slices.Sort(got)
		if s := strings.Join(slices.Compact(got), ", "); s != want {
			t.Errorf("%q has %q, want %q", text, s, want)
		}
	}
}

// each makes n running words that each count k different things in turn.
func each(n, k int) [][]int {
	out := make([][]int, n)
	for i := range out {
		out[i] = []int{i % k}
	}
	return out
}

func TestDifferent(t *testing.T) {
	for _, c := range []struct {
		name  string
		items [][]int
		want  []float64
	}{
		{"every word begins a window, and the end is joined to the beginning", [][]int{{1}, {2}, {3}, {1}}, []float64{2, 2, 2, 1}},
		{"words that count nothing fill windows", [][]int{{1}, nil, nil, nil}, []float64{1, 0, 0, 1}},
		{"as many words as the window has are one window", [][]int{{1}, {2}}, []float64{2}},
		{"fewer words are one window, whose count grows", [][]int{{1}}, []float64{math.Sqrt2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := different(c.items, 2, 0.5); !slices.Equal(got, c.want) {
				t.Fatalf("%v, want %v", got, c.want)
			}
		})
	}
	t.Run("what returns within a window counts once", func(t *testing.T) {
		for _, v := range different(each(120, 20), 50, 0.76) {
			if v != 20 {
				t.Fatal(v)
			}
		}
	})
}

func TestLevelOfText(t *testing.T) {
	of := func(levels ...int) []word {
		var ws []word
		for i, l := range levels {
			ws = append(ws, word{lemma: strconv.Itoa(i), class: noun, level: l})
		}
		return ws
	}
	t.Run("all of few words are drawn", func(t *testing.T) {
		if v, ok := levelOfText(of(1, 2, 6)); !ok || math.Abs(v-3) > 1e-12 {
			t.Fatal(v, ok)
		}
	})
	t.Run("a word that returns counts less than twice", func(t *testing.T) {
		ws := append(of(1, 4), word{lemma: "0", class: noun, level: 1})
		if v, ok := levelOfText(ws); !ok || v != 2.5 {
			t.Fatal(v, ok)
		}
	})
	t.Run("words that are not counted have no level", func(t *testing.T) {
		if v, ok := levelOfText([]word{{class: structureWord, level: 1}, {class: unlisted}, {class: noun}}); ok {
			t.Fatal(v)
		}
	})
}

// distinct is n words without a repetition.
func distinct(n int) string { return cut(samples[1].text+" "+samples[0].text, n) }

func TestMinima(t *testing.T) {
	for _, c := range []struct {
		name            string
		words           int
		waive, measured bool
		caution         bool
	}{
		{"49 words are not measured", 49, false, false, false},
		{"50 words are measured, with a caution", 50, false, true, true},
		{"199 words are measured, with a caution", 199, false, true, true},
		{"200 words are measured without one", 200, false, true, false},
		{"with the minimum waived 49 words are measured, with a caution", 49, true, true, true},
		{"with the minimum waived even six words are", 6, true, true, true},
		{"with the minimum waived nothing is still nothing", 0, true, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := spoken(distinct(c.words), 1)
			m.Waive = c.waive
			r := mustScore(t, m)
			if (r.Raw != nil) != c.measured || r.Words != c.words || (r.Reason == "") != c.measured || (len(r.Cautions) > 0) != c.caution || (r.Lexis != nil) != c.measured {
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

func TestCertainty(t *testing.T) {
	text := samples[0].text + " " + samples[1].text
	for _, c := range []struct {
		name    string
		p       float64
		waive   bool
		null    bool
		caution string
	}{
		{"under 0.65 there is no score", 0.649, false, true, ""},
		{"nor where the minimum is waived", 0.649, true, true, ""},
		{"at 0.65 there is one, and many words may be wrong", 0.65, false, false, "49%"},
		{"words heard well bring no caution", 0.83, false, false, ""},
		{"words heard less well do", 0.81, false, false, "22%"},
		{"what is no probability counts as not heard", math.NaN(), false, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := spoken(text, c.p)
			m.Waive = c.waive
			r := mustScore(t, m)
			if (r.Raw == nil) != c.null || (r.Reason != "") != c.null || strings.Contains(strings.Join(r.Cautions, ""), "misheard") != (c.caution != "") ||
				!strings.Contains(strings.Join(r.Cautions, ""), c.caution) {
				t.Fatalf("%v %q %q", r.Raw, r.Reason, r.Cautions)
			}
		})
	}
	t.Run("the less surely words are heard, the wider the interval", func(t *testing.T) {
		width := func(p float64) float64 { return halfWidth(mustScore(t, spoken(text, p))) }
		if !(width(0.95) == width(1) && width(0.85) > width(0.95) && width(0.7) > width(0.85)) {
			t.Fatal(width(1), width(0.95), width(0.85), width(0.7))
		}
	})
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
	t.Run("the ends of the norms are the middle of A2 and of C1", func(t *testing.T) {
		points := scale(norms.Of(score.Vocabulary))
		for x, want := range map[float64]float64{-1: 1.25, 0: 2.5, 1: 3.75} {
			if got := points(x); math.Abs(got-want) > 1e-9 || math.Abs(predicted(want)-x) > 1e-9 {
				t.Fatalf("%v at %v", got, x)
			}
		}
	})
	t.Run("no measure counts beyond ten half widths", func(t *testing.T) {
		far := values{varietyOfWords: 1e6, varietyOfPatterns: -1e6, steps: 8.55, meanLevel: 1.515}
		x, ms := combine(norms.Of(score.Vocabulary), far, 1)
		if math.Abs(x) > 1e-9 || len(ms) != 4 {
			t.Fatal(x, ms)
		}
	})
	t.Run("where a measure is missing the others share its weight", func(t *testing.T) {
		_, ms := combine(norms.Of(score.Vocabulary), values{varietyOfWords: 26, varietyOfPatterns: 8, steps: 8}, 1)
		for _, m := range ms {
			if want := map[bool]float64{true: 0, false: 1.0 / 3}[m.Name == meanLevel]; math.Abs(m.Weight-want) > 1e-9 || (m.Value == nil) != (m.Name == meanLevel) {
				t.Fatalf("%+v", m)
			}
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
		last := math.Inf(1)
		for _, n := range []int{50, 150, 400, 800} {
			w := halfWidth(mustScore(t, spoken(cut(strings.Repeat(samples[1].text+" ", 5), n), 1)))
			if w >= last {
				t.Fatalf("%d words: %v after %v", n, w, last)
			}
			last = w
		}
	})
	t.Run("under two stretches of 100 words the interval is the spread known beforehand", func(t *testing.T) {
		for n, want := range map[int]float64{50: 1.44, 100: 1.08, 150: 0.915} {
			ws, _ := running(cut(strings.ReplaceAll(samples[0].text, "'", ""), n), 1)
			low, high := interval(norms.Of(score.Vocabulary), ws[:n], counted{}, 0, 1)
			if got := (high - low) / 2 / z90; math.Abs(got-want) > 0.01 {
				t.Errorf("%d words: %.3f, want %.3f", n, got, want)
			}
		}
	})
	t.Run("fillers and repetitions change nothing but places", func(t *testing.T) {
		said := strings.ReplaceAll(strings.ReplaceAll(samples[1].text, " because ", " um because because uh "), " two ", " two two ")
		a, b := mustScore(t, spoken(samples[1].text, 1)), mustScore(t, spoken(said, 1))
		a.Lexis, b.Lexis, a.Practice, b.Practice = nil, nil, nil, nil
		if !reflect.DeepEqual(a, b) {
			t.Fatalf("%+v\n%+v", a, b)
		}
	})
	t.Run("rare words that were hardly heard do not change the measures", func(t *testing.T) {
		m := spoken(samples[1].text, 1)
		plain := mustScore(t, m)
		ws := m.Conversation.Turns[0].Words
		for i := 0; i+10 < len(ws); i += 10 {
			m.Conversation.Turns = append(m.Conversation.Turns, transcript.Turn{Words: []transcript.Word{{Text: "reluctantly", P: 0.55}, {Text: "qqqz", P: 0.55}}})
		}
		if r := mustScore(t, m); *r.Raw != *plain.Raw || r.Lexis.LeftOut != 2*((len(ws)-1)/10) {
			t.Fatalf("%v, was %v; %d left out", *r.Raw, *plain.Raw, r.Lexis.LeftOut)
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
		m := spoken(samples[2].text+" "+samples[1].text, 0.83)
		a := mustScore(t, m)
		for range 5 {
			if b := mustScore(t, m); !reflect.DeepEqual(a, b) {
				t.Fatalf("%+v\n%+v", a, b)
			}
		}
	})
	t.Run("case and punctuation change little", func(t *testing.T) {
		for _, s := range samples {
			bare := strings.ToLower(strings.Map(func(r rune) rune {
				if strings.ContainsRune(".,:;?!", r) {
					return -1
				}
				return r
			}, s.text))
			a, b := mustScore(t, spoken(s.text, 1)), mustScore(t, spoken(bare, 1))
			if d := math.Abs(predicted(*a.Raw) - predicted(*b.Raw)); d > 0.2 {
				t.Errorf("%s: %.2f", s.name, d)
			}
		}
	})
	t.Run("a prepared text brings a caution", func(t *testing.T) {
		able := rowsOf(t, "testdata/examples.tsv")[1][1]
		if r := mustScore(t, spoken(able, 1)); !strings.Contains(strings.Join(r.Cautions, " "), "prepared text") {
			t.Fatalf("%q", r.Cautions)
		}
	})
	t.Run("names do not count as words", func(t *testing.T) {
		m := spoken(samples[0].text, 1)
		named := spoken(strings.ReplaceAll(samples[0].text, "my city", "Qqqzburg"), 1)
		if a, b := value(t, mustScore(t, m), meanLevel), value(t, mustScore(t, named), meanLevel); math.Abs(b-a) > 0.01 {
			t.Fatalf("%v, with a name %v", a, b)
		}
	})
}

// unrated is the same speech by a recogniser whose words have no probability, with what our own
// heard of it.
func unrated(m score.Material, sample []transcript.Word) score.Material {
	turn := m.Conversation.Turns[0]
	turn.EndMs = 60_000
	turn.Words = slices.Clone(turn.Words)
	for i := range turn.Words {
		turn.Words[i].P = 0
	}
	m.Conversation.Turns = []transcript.Turn{turn}
	m.Conversation.Unrated, m.Conversation.Sample = true, sample
	return m
}

// Ensure that words without probabilities are scored as they are, with the interval that the sample
// of our own recogniser gives, and that no probability is made up.
func TestWordsWithoutProbabilitiesAreJudgedByASample(t *testing.T) {
	own := spoken(distinct(300), 0.9)
	want := mustScore(t, own)
	got := mustScore(t, unrated(own, own.Conversation.Turns[0].Words[:60]))
	if got.Raw == nil || *got.Raw != *want.Raw || got.Interval != want.Interval {
		t.Errorf("%v %v, by our own words %v %v", got.Raw, got.Interval, want.Raw, want.Interval)
	}
	doubtful := mustScore(t, unrated(own, spoken(distinct(60), 0.7).Conversation.Turns[0].Words))
	if *doubtful.Raw != *want.Raw || doubtful.Interval[1]-doubtful.Interval[0] <= want.Interval[1]-want.Interval[0] {
		t.Errorf("a doubtful sample gives %v %v", *doubtful.Raw, doubtful.Interval)
	}
	if !got.Lexis.Unrated || len(got.Lexis.Bands) == 0 || got.Lexis.Bands[0].Words[0].At.P != 0 {
		t.Errorf("lexis %+v", got.Lexis)
	}
	for name, sample := range map[string][]transcript.Word{"none": nil, "an unclear one": spoken(distinct(60), 0.5).Conversation.Turns[0].Words} {
		if r := mustScore(t, unrated(own, sample)); r.Raw != nil || r.Reason == "" {
			t.Errorf("with %s as a sample: %v, %q", name, r.Raw, r.Reason)
		}
	}
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
