package vocabulary

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"parley/shared/speech/score"
	"parley/shared/speech/transcript"
	"parley/shared/speech/words"
)

// conversation is an interviewer's question and the candidate's answer, each word beginning a
// second after the one before, and said as fast as usual.
func conversation(answer string) score.Material {
	m := spoken(answer, 0.95)
	for i := range m.Conversation.Turns[0].Words {
		w := &m.Conversation.Turns[0].Words[i]
		w.StartMs, w.EndMs = int64(1000*i), int64(1000*i+80*len(strings.Trim(w.Text, ".,:;")))
	}
	m.Conversation.Turns[0].Speaker = 1
	m.Conversation.Candidate.Speaker = 1
	m.Conversation.Turns = append([]transcript.Turn{{Words: []transcript.Word{{Text: "So?", P: 1}}}}, m.Conversation.Turns...)
	m.Waive = true
	return m
}

// Ensure that everything named stands where the lexis says it does.
func TestPlacesAreThoseOfTheTranscript(t *testing.T) {
	for _, s := range samples {
		m := conversation("Um, well. " + s.text)
		l := mustScore(t, m).Lexis
		places := map[string]score.Place{}
		for _, b := range l.Bands {
			for _, w := range b.Words {
				places["word "+w.Word] = w.At
			}
		}
		for _, p := range l.Patterns {
			for _, at := range p.At {
				places[fmt.Sprint("pattern ", p.Name, " ", p.Form, " ", at.Word)] = at
			}
		}
		for _, o := range l.Openings {
			places["opening "+o.Pattern] = o.At
		}
		if len(places) < 50 {
			t.Fatalf("%s: %d places", s.name, len(places))
		}
		for name, at := range places {
			ws := m.Conversation.Turns[at.Turn].Words[at.Word : at.Word+at.Words]
			if at.Turn != 1 || at.StartMs != ws[0].StartMs || at.EndMs != ws[len(ws)-1].EndMs || at.P < 0.9 || at.P >= 1 {
				t.Errorf("%s: %+v", name, at)
			}
			var texts []string
			for _, w := range ws {
				texts = append(texts, strings.Trim(w.Text, ".,:;"))
			}
			if !strings.EqualFold(strings.Join(texts, " "), at.Said) || !strings.Contains(at.Context, at.Said) {
				t.Errorf("%s: %q in %q, the transcript has %q", name, at.Said, at.Context, texts)
			}
		}
	}
}

func TestLexis(t *testing.T) {
	l := mustScore(t, conversation("I am responsible for it. I work, um, I've been working here because I like it. I work hard. Serendipity, maybe.")).Lexis
	t.Run("words are in bands by level, with their count and the surest place", func(t *testing.T) {
		if len(l.Bands) < 2 || l.Bands[0].Level != "A1" || l.Bands[0].Verbs != 1 || l.Bands[0].Words[0].Word != "i" || l.Bands[0].Words[0].Count != 5 {
			t.Fatalf("%+v", l.Bands)
		}
		for _, w := range l.Bands[0].Words {
			if w.Word == "work" && (w.Part != "verb" || w.Count != 3 || w.At.Word != 6) {
				t.Fatalf("%+v", w)
			}
		}
	})
	t.Run("an adjective is quoted with its preposition", func(t *testing.T) {
		for _, b := range l.Bands {
			for _, w := range b.Words {
				if w.Word == "responsible" && (w.At.Said != "responsible for" || w.At.Words != 2 || w.At.Context != "I am responsible for it") {
					t.Fatalf("%+v", w.At)
				}
			}
		}
	})
	t.Run("patterns learnt latest come first, and a quotation leaves hesitation out", func(t *testing.T) {
		if p := l.Patterns[0]; p.Name != "perfect" || p.Level != "A2" || p.At[0].Said != "I've been" || p.At[0].Words != 2 {
			t.Fatalf("%+v", p)
		}
	})
	t.Run("words off the lists are in no band", func(t *testing.T) {
		if b, _ := json.Marshal(l); strings.Contains(string(b), "erendipity\"") {
			t.Fatalf("%s", b)
		}
	})
	t.Run("the surest of several places is named", func(t *testing.T) {
		m := conversation("I like tea and I like milk")
		m.Conversation.Turns[1].Words[1].P = 0.7
		for _, w := range mustScore(t, m).Lexis.Bands[0].Words {
			if w.Word == "like" && w.At.Word != 5 {
				t.Fatalf("%+v", w)
			}
		}
	})
	t.Run("parts of speech and kinds of patterns are those that are documented", func(t *testing.T) {
		for _, s := range samples {
			l := mustScore(t, conversation(s.text)).Lexis
			for _, b := range l.Bands {
				for _, w := range b.Words {
					if !slices.Contains(score.Parts, w.Part) {
						t.Errorf("%+v", w)
					}
				}
			}
			for _, p := range l.Patterns {
				if !slices.Contains(score.PatternKinds, p.Kind) {
					t.Errorf("%+v", p)
				}
			}
		}
	})
	t.Run("a long interview's lexis stays small", func(t *testing.T) {
		var text strings.Builder
		for range 30 {
			for _, s := range samples {
				text.WriteString(s.text + " ")
			}
		}
		l := mustScore(t, conversation(text.String())).Lexis
		b, err := json.Marshal(l)
		if err != nil || len(b) > 100_000 {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		for _, band := range l.Bands {
			if len(band.Words) > score.MaxBandWords || band.Different < len(band.Words) {
				t.Fatalf("%s: %d words of %d", band.Level, len(band.Words), band.Different)
			}
		}
	})
}

// Ensure that a sentence on a word says of verbs only what is beside a verb.
func TestAPlainWordIsToldAsWhatItIs(t *testing.T) {
	verbs := score.Band{Level: "A1", Verbs: 5}
	of := func(part, word string) string {
		verbs.Words = []score.LexisWord{{Word: word, Part: part, Count: 2, At: score.Place{Said: word, Context: "a " + word + " b", P: 1}}}
		points := plain(meanLevel, score.Lexis{Bands: []score.Band{verbs}}, nil)
		if len(points) != 1 {
			t.Fatalf("%+v", points)
		}
		return points[0].Text
	}
	for _, c := range []struct{ part, word, want string }{
		{"verb", "help", "All of your verbs are among the first thousand words that learners meet; for “help”, as in “a help b”, a more exact word such as “support” or “assist” may fit."},
		{"adjective", "small", "You said “small” more than once, as in “a small b”; a more exact word such as “tiny” or “minor” may fit."},
		{"adverb", "quickly", "You said “quickly” more than once, as in “a quickly b”; a more exact word such as “rapidly” may fit."},
	} {
		if got := of(c.part, c.word); got != c.want {
			t.Errorf("%s: %q, want %q", c.word, got, c.want)
		}
	}
}

func TestOpenings(t *testing.T) {
	for _, c := range []struct{ name, text, pattern, said string }{
		{"a verb with to where -ing is as good", "I like to swim", "VERB -ing", "like to swim"},
		{"two clauses of one subject", "I eat before I go", "PREPOSITION -ing", "before I go"},
		{"a noun and its pronoun", "I have a brother and he works here", "relative", "brother and he works"},
		{"an adjective that leads nowhere", "it is very difficult", "it is ADJECTIVE to", "it is very difficult"},
		{"a time that may still go on", "we live here for two years", "perfect", "we live here for two years"},
		{"clauses that are only strung together", "I work and I eat", "joining words", "and I eat"},
		{"a condition", "if I go they help", "would with if", "if I go they"},
		{"maybe", "maybe they go there", "may and might", "maybe they go"},
		{"can", "they can swim", "be able to", "they can swim"},
		{"a purpose", "we go because we want to see it", "so that", "because we want to"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, o := range mustScore(t, conversation(c.text)).Lexis.Openings {
				if o.Pattern == c.pattern {
					if o.At.Said != c.said || o.Level == "" || o.Count != 1 {
						t.Fatalf("%+v", o)
					}
					return
				}
			}
			t.Fatal("not found")
		})
	}
	for _, c := range []struct{ name, text, pattern string }{
		{"who uses the pattern somewhere is not told of it", "I like to swim and I enjoy singing", "VERB -ing"},
		{"a sentence that ends is not run on", "I have a brother. He works here", "relative"},
		{"a wish is none", "I would like to swim", "VERB -ing"},
		{"an adjective that goes on is none", "it is difficult to say", "it is ADJECTIVE to"},
		{"an infinitive of purpose is there", "we save money in order to see it and we go because we want to see it", "so that"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, o := range mustScore(t, conversation(c.text)).Lexis.Openings {
				if o.Pattern == c.pattern {
					t.Fatalf("%+v", o)
				}
			}
		})
	}
}

func TestAdvice(t *testing.T) {
	t.Run("nobody gets more than three points, each quotes the transcript and belongs to a measure with something to gain", func(t *testing.T) {
		for _, s := range samples {
			m := conversation(s.text)
			r := mustScore(t, m)
			low := map[string]bool{}
			for _, x := range r.Measures {
				low[x.Name] = x.Weight > 0 && *x.Value < x.Norm.High
			}
			points := r.Practice
			t.Logf("%s: %s", s.name, r.Named)
			for _, p := range points {
				t.Logf("  %s: %s", p.Measure, p.Text)
				if !low[p.Measure] || !strings.Contains(p.Text, p.At.Said) || !strings.HasSuffix(p.Text, ".") || p.Text[0] < 'A' || p.Text[0] > 'Z' || strings.Contains(p.Text, "%!") {
					t.Errorf("%s: %+v", s.name, p)
				}
			}
			if len(points) > score.MaxPoints || s.name == "A2" && len(points) < score.MaxPoints {
				t.Errorf("%s: %d points", s.name, len(points))
			}
		}
	})
	t.Run("a verb that is said again and again is named, with what may stand for it", func(t *testing.T) {
		text := "I get it. You get them. We get this. They get that. I will get some. Get up and get out. " + samples[0].text
		for _, p := range mustScore(t, conversation(text)).Practice {
			if p.Measure == varietyOfWords {
				if want := "You said the verb “get” 7 times, as in “I get it”; “receive” or “obtain” may fit in some of these places."; p.Text != want || !slices.Equal(p.Better, []string{"receive", "obtain"}) {
					t.Fatalf("%s\nwant %s", p.Text, want)
				}
				return
			}
		}
		t.Fatal("no point on it")
	})
	t.Run("what was hardly heard is no example", func(t *testing.T) {
		m := conversation(samples[0].text)
		for i := range m.Conversation.Turns[1].Words {
			m.Conversation.Turns[1].Words[i].P = 0.3
		}
		if points := mustScore(t, m).Practice; len(points) > 0 {
			t.Fatalf("%+v", points)
		}
	})
	t.Run("without a score there is no advice and nothing to explain", func(t *testing.T) {
		m := spoken("yes", 1)
		m.Waive = false
		if r := mustScore(t, m); r.Raw != nil || r.Lexis != nil || r.Practice != nil || r.Named != "" || r.AsLikely != "" {
			t.Fatalf("%+v", r)
		}
	})
	t.Run("every word that is recommended is in the lists, more advanced than the plain one and no higher than B2", func(t *testing.T) {
		part := map[string]words.Part{"verb": words.Verb, "adjective": words.Adjective, "adverb": words.Adverb}
		for name, list := range better {
			for plain, use := range list {
				if words.Headword(plain)[part[name]] == 0 {
					t.Errorf("%s %q is not in the lists", name, plain)
				}
				for _, w := range use {
					if level := words.Headword(w)[part[name]]; level < 2 || level > 4 || level <= words.Headword(plain)[part[name]] {
						t.Errorf("%q for %q has level %d", w, plain, level)
					}
				}
			}
		}
	})
	t.Run("every opening has a sentence with one quotation", func(t *testing.T) {
		for _, o := range openings {
			if strings.Count(o.advice, "%s") != 1 || len(o.better) == 0 || o.level < 1 || o.level > 4 {
				t.Errorf("%+v", o.pattern)
			}
		}
	})
}

func TestWhatIsNamed(t *testing.T) {
	t.Run("the most advanced patterns and words are named, and where the verbs lie", func(t *testing.T) {
		r := mustScore(t, conversation("I would have asked them instead of waiting. I am responsible for deliveries. "+samples[0].text))
		if want := "You used “I would have asked”, “instead of” and “responsible for”; all of your verbs are among the first thousand words that learners meet."; r.Named != want {
			t.Fatalf("%s\nwant %s", r.Named, want)
		}
	})
	t.Run("what was hardly heard is not named", func(t *testing.T) {
		m := conversation("I would have asked them instead of waiting. " + samples[0].text)
		for i := range 8 {
			m.Conversation.Turns[1].Words[i].P = 0.3
		}
		if got := mustScore(t, m).Named; strings.Contains(got, "asked") || strings.Contains(got, "instead") {
			t.Fatal(got)
		}
	})
	for name, want := range map[string]string{"A2": "all of", "B1": "most of", "B2": "half of", "C1": "half of"} {
		t.Run("where the verbs of "+name+" lie", func(t *testing.T) {
			for _, s := range samples {
				if s.name != name {
					continue
				}
				if got := mustScore(t, conversation(s.text)).Named; !strings.Contains(got, want+" your ") {
					t.Fatal(got)
				}
			}
		})
	}
}

func TestLikely(t *testing.T) {
	of := func(raw, low, high float64) score.Result {
		return score.Result{Raw: &raw, Interval: [2]float64{low, high}}
	}
	for _, c := range []struct {
		name        string
		r           score.Result
		level, next string
		near        bool
	}{
		{"in the middle of a level with a narrow interval the next is unlikely", of(2.05, 1.85, 2.25), "B1", "B2", false},
		{"at the edge of a level the next one is about as likely", of(2.44, 2.2, 2.7), "B1", "B2", true},
		{"with a wide interval too", of(2.2, 0.6, 4.1), "B1", "A2", true},
		{"at the bottom of the scale there is none below", of(0.3, 0.2, 0.5), "A1", "A2", false},
		{"at its top there is none above", of(4.9, 4.8, 4.95), "C2", "C1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			level, next := Likely(c.r)
			if level.Name != c.level || next.Name != c.next || (besides(c.r) == c.next) != c.near {
				t.Fatalf("%+v %+v", level, next)
			}
		})
	}
}
