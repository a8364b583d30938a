package vocabulary

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"parley/shared/speech/score"
	"parley/shared/speech/score/norms"
	"parley/shared/speech/score/overall"
	"parley/shared/speech/transcript"
)

// mixed puts words of another speaker into the candidate's turn: sentences of four words, as a
// wrong boundary does, until they are that share of it.
func mixed(own, others string, share float64) string {
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
	return strings.Join(out, " ")
}

// Ensure that words of the interviewer that were put to the candidate move the predictor little, of
// 250 words, against the 0.75 that it is unsure by on so many: at the 1 % that attribution may be
// wrong, and at 10 %.
func TestTheInterviewersWordsMoveTheScoreLittle(t *testing.T) {
	texts := triples(t)
	for _, c := range []struct {
		share, mean, worst float64
	}{{0.01, 0.08, 0.5}, {0.05, 0.25, 0.8}, {0.1, 0.4, 1.2}} {
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
				_, plain, _ := measured(cut(own[pair[0]], 250))
				_, with, _ := measured(mixed(cut(own[pair[0]], 250), others, c.share))
				moved := math.Abs(with - plain)
				sum, worst, n = sum+moved, max(worst, moved), n+1
			}
		}
		t.Logf("%.0f %% of another's words move %v scores by %.3f, at most %.3f", 100*c.share, n, sum/n, worst)
		if sum/n > c.mean || worst > c.worst {
			t.Errorf("%.0f %%: %.3f on average, %.3f at most; want %.2f and %.2f", 100*c.share, sum/n, worst, c.mean, c.worst)
		}
	}
}

// garbled replaces a share of the words by rare ones, heard with the given probability, as a
// recogniser does.
func garbled(text string, share, p float64) score.Material {
	r := rand.New(rand.NewPCG(7, 7))
	rare := strings.Fields("reluctantly qualm timid cloak furlong parsimony tincture obelisk cadaver lathe gauze mitre sedge trowel ochre vellum")
	m := spoken(text, 0.95)
	ws := m.Conversation.Turns[0].Words
	for i := range ws {
		if r.Float64() < share {
			ws[i] = transcript.Word{Text: rare[r.IntN(len(rare))], P: p}
		}
	}
	return m
}

// Ensure that what a recogniser invents, rare words that it is not sure of, raises no score: one
// word in ten, and even one in five.
func TestUnsureRareWordsDoNotRaiseAScore(t *testing.T) {
	for _, s := range samples {
		x := func(m score.Material) float64 { return predicted(*mustScore(t, m).Raw) }
		plain := x(spoken(s.text, 0.95))
		for _, share := range []float64{0.1, 0.2} {
			unsure, sure := x(garbled(s.text, share, 0.4)), x(garbled(s.text, share, 0.95))
			t.Logf("%s: %.2f; with %.0f %% rare words, unsure %.2f, sure %.2f", s.name, plain, 100*share, unsure, sure)
			if unsure > plain+0.4 {
				t.Errorf("%s: %.2f with %.0f %% of unsure rare words, %.2f without", s.name, unsure, 100*share, plain)
			}
		}
	}
}

// Ensure that the spread which misheard words add to the interval is what simulated errors make: of
// 250 words of news a share is left out, or replaced by a word of another text.
func TestMisheardWordsStayWithinWhatTheyAdd(t *testing.T) {
	var texts []string
	var pool []string
	for _, v := range triples(t) {
		texts = append(texts, cut(v[0], 250))
	}
	slices.Sort(texts) // a map has no order
	for _, text := range texts {
		pool = append(pool, strings.Fields(strings.ToLower(text))...)
	}
	r := rand.New(rand.NewPCG(3, 3))
	per := norms.Of(score.Vocabulary).Number("misheardSpread")
	for _, share := range []float64{0.05, 0.1, 0.18, 0.3} {
		sum, n := 0.0, 0.0
		for _, text := range texts {
			var heard []string
			for w := range strings.FieldsSeq(text) {
				switch e := r.Float64(); {
				case e >= share:
					heard = append(heard, w)
				case e < 0.8*share:
					heard = append(heard, pool[r.IntN(len(pool))])
				}
			}
			_, clean, _ := measured(text)
			_, x, _ := measured(strings.Join(heard, " "))
			sum += (x - clean) * (x - clean)
			n++
		}
		spread := math.Sqrt(sum / n)
		t.Logf("%.0f %% of the words: %.2f, added %.2f", 100*share, spread, per*share)
		if share >= 0.18 && spread > 1.25*per*share {
			t.Errorf("%.0f %% of the words misheard move the predictor by %.2f; %.2f are added", 100*share, spread, per*share)
		}
	}
}

// Ensure the bounds of little material, on both sides: under 50 words nothing, under 200 low
// confidence.
func TestConfidenceGrowsWithTheWords(t *testing.T) {
	long := strings.Join([]string{samples[0].text, samples[1].text, samples[2].text, samples[3].text}, " ")
	for _, c := range []struct {
		words int
		null  bool
		most  overall.Confidence
	}{{49, true, ""}, {50, false, overall.Low}, {199, false, overall.Low}, {200, false, overall.Medium}, {299, false, overall.Medium}, {300, false, overall.High}} {
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
		r.Interval = [2]float64{*r.Raw - 0.1, *r.Raw + 0.1} // what is asked about here is the words
		if got := overall.Of(r, overall.Conditions{}); got != c.most {
			t.Errorf("%d words have confidence %s, want %s", c.words, got, c.most)
		}
	}
}

// Ensure that no other language is scored, and that the reason names it: there are no lists, and
// variety alone does not order speakers.
func TestOtherLanguages(t *testing.T) {
	for language, text := range map[string]string{"es": "yo vivo en una ciudad y trabajo", "fr": "je travaille dans une ville", "de": "ich arbeite in einer Stadt", "ja": "私は東京で働いています"} {
		m := spoken(strings.Repeat(text+" ", 20), 1)
		m.Conversation.Language = language
		r := mustScore(t, m)
		if r.Raw != nil || !strings.Contains(r.Reason, "("+language+")") || r.Lexis != nil || len(r.Measures) != 5 {
			t.Errorf("%s: %v, %q", language, r.Raw, r.Reason)
		}
	}
	m := spoken(samples[0].text, 1)
	m.Conversation.Language = ""
	if r := mustScore(t, m); r.Raw == nil {
		t.Errorf("without a language, English is taken for granted: %s", r.Reason)
	}
}
