package vocabulary

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"parley/shared/speech/score"
	"parley/shared/speech/score/overall"
	"parley/shared/speech/transcript"
)

// mixed puts words of another speaker into the candidate's turn: sentences of four words, as a wrong boundary does, until they are
// that share of it.
func mixed(own, others string, share float64) score.Material {
	mine, theirs := strings.Fields(own), strings.Fields(others)
	var out []string
	taken := 0
	for i, w := range mine {
		out = append(out, w)
		for i%20 == 19 && float64(taken) < share*float64(len(out)+4) && len(theirs) > 0 {
			n := min(4, len(theirs))
			out, theirs, taken = append(out, theirs[:n]...), theirs[n:], taken+n
		}
	}
	return spoken(strings.Join(out, " "), 1)
}

// Ensure that words of the interviewer that were put to the candidate move the score little, of 250 words: at the 1 % that attribution
// may be wrong by a seventh of a band at most, at 10 % by a fifth of one on average.
func TestTheInterviewersWordsMoveTheScoreLittle(t *testing.T) {
	const band = 0.8 // points
	texts := triples(t)
	for _, c := range []struct {
		share, mean, worst float64
	}{{0.01, 0.03, 0.15 * band}, {0.05, 0.12 * band, 0.4 * band}, {0.1, 0.2 * band, 0.6 * band}} {
		sum, worst, n := 0.0, 0.0, 0.0
		for id, own := range texts {
			// Another text's easiest version and its hardest one: either may be the interviewer.
			for _, pair := range [][2]int{{0, 2}, {2, 0}} {
				others := ""
				for other, v := range texts {
					if other > id && (others == "" || v[pair[1]] < others) {
						others = v[pair[1]]
					}
				}
				if others == "" {
					continue
				}
				plain := *mustScore(t, spoken(cut(own[pair[0]], 250), 1)).Raw
				moved := math.Abs(*mustScore(t, mixed(cut(own[pair[0]], 250), others, c.share)).Raw - plain)
				sum, worst, n = sum+moved, max(worst, moved), n+1
			}
		}
		t.Logf("%.0f %% of another's words move %v scores by %.3f, at most %.3f", 100*c.share, n, sum/n, worst)
		if sum/n > c.mean || worst > c.worst {
			t.Errorf("%.0f %%: %.3f on average, %.3f at most; want %.2f and %.2f", 100*c.share, sum/n, worst, c.mean, c.worst)
		}
	}
}

// misheard replaces a share of the words by rare ones, heard with the given probability, as a recogniser does.
func misheard(text string, share, p float64) score.Material {
	r := rand.New(rand.NewPCG(7, 7))
	rare := strings.Fields("ubiquitous serpentine qualm egress vellum parsimony tincture obelisk cadaver lathe gauze furlong mitre sedge trowel ochre")
	m := spoken(text, 0.95)
	ws := m.Conversation.Turns[0].Words
	for i := range ws {
		if r.Float64() < share {
			ws[i] = transcript.Word{Text: rare[r.IntN(len(rare))], P: p}
		}
	}
	return m
}

// Ensure that what a recogniser invents, rare words that it is not sure of, raises no score: one word in ten, and even one in five.
func TestUnsureRareWordsDoNotRaiseAScore(t *testing.T) {
	for _, s := range samples {
		plain := *mustScore(t, spoken(s.text, 0.95)).Raw
		for _, share := range []float64{0.1, 0.2} {
			unsure, sure := *mustScore(t, misheard(s.text, share, 0.4)).Raw, *mustScore(t, misheard(s.text, share, 0.95)).Raw
			t.Logf("%s: %.2f; with %.0f %% rare words, unsure %.2f, sure %.2f", s.name, plain, 100*share, unsure, sure)
			if unsure > plain+0.25 || sure < unsure-0.05 {
				t.Errorf("%s: %.2f with %.0f %% of unsure rare words, %.2f without, %.2f were they sure", s.name, unsure, 100*share, plain, sure)
			}
		}
	}
}

// Ensure the bounds of little material, on both sides: under 50 words nothing, under 100 low confidence, from there on medium and from 300 high.
func TestConfidenceGrowsWithTheWords(t *testing.T) {
	long := strings.Join([]string{samples[0].text, samples[1].text, samples[2].text, samples[3].text}, " ")
	for _, c := range []struct {
		words int
		null  bool
		most  overall.Confidence
	}{{49, true, ""}, {50, false, overall.Low}, {99, false, overall.Low}, {100, false, overall.Medium}, {299, false, overall.Medium}, {300, false, overall.High}} {
		// Words are counted when repairs are out, so as many are taken as leave that number.
		var r score.Result
		for n := c.words; n < c.words+30; n++ {
			if r = mustScore(t, spoken(cut(long, n), 1)); r.Words == c.words {
				break
			}
		}
		if r.Words != c.words {
			t.Fatalf("no text of %d words", c.words)
		}
		if (r.Raw == nil) != c.null {
			t.Errorf("%d words: %v (%s)", c.words, r.Raw, r.Reason)
			continue
		}
		if c.null {
			continue
		}
		order := map[overall.Confidence]int{overall.Low: 0, overall.Medium: 1, overall.High: 2}
		if got := overall.Of(r, overall.Conditions{}); order[got] > order[c.most] || c.most == overall.Low && got != overall.Low {
			t.Errorf("%d words have confidence %s, want at most %s", c.words, got, c.most)
		}
	}
}

func TestOtherLanguages(t *testing.T) {
	for _, c := range []struct {
		name, language, text string
		lemmas               string // of the first words
		measured             bool
	}{
		{"Spanish, with its words of one letter", "es", "Yo vivo en una ciudad y trabajo a veces o estudio", "yo vivo en uno ciudad y trabajo a vez o estudio", true},
		{"French, its elisions taken apart", "fr", "J'ai travaillé aujourd'hui parce qu'il y avait des problèmes", "je avoir travaillé aujourd'hui parce que il y avoir un problème", true},
		{"German", "de", "Ich habe in den großen Häusern gearbeitet", "ich haben in der groß haus arbeiten", true},
		{"Polish, without a list", "pl", "pracuję w dużym domu", "", false},
		{"Japanese, without spaces", "ja", "私は東京で働いています", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := spoken(strings.Repeat(c.text+" ", 12), 1)
			m.Conversation.Language = c.language
			r := mustScore(t, m)
			if (r.Raw != nil) != c.measured || (r.Reason == "") != c.measured {
				t.Fatalf("%v, %q", r.Raw, r.Reason)
			}
			if !c.measured {
				if !strings.Contains(r.Reason, c.language) {
					t.Errorf("the reason names no language: %s", r.Reason)
				}
				return
			}
			kept, _ := candidate(spoken(c.text, 1).Conversation.Turns, c.language)
			var lemmas []string
			for _, x := range tokens(kept, c.language, 4.5, 0.6) {
				lemmas = append(lemmas, x.lemma)
			}
			if got := strings.Join(lemmas, " "); got != c.lemmas {
				t.Errorf("%s\nwant %s", got, c.lemmas)
			}
		})
	}
}
