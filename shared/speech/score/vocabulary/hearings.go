package vocabulary

import (
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"

	"parley/shared/speech/transcript"
)

// hearings are how many ways to hear a candidate the measures are the mean of, where single words
// may have been others.
const hearings = 50

// place is a word that may have been another one.
type place struct {
	turn, at int
	order    []int // where in the range of chances each hearing lies
}

// likely computes the measures of what the candidate probably said: the mean over hearings, in each
// of which every word is the one that was heard or one of its others, as often as they are likely.
// Which of two words is a little likelier changes with the codec; how likely both are hardly does.
func likely(c transcript.Conversation, measured func(transcript.Conversation) values) values {
	heard := c.Turns
	c.Turns = slices.Clone(heard)
	r := rand.New(rand.NewPCG(seed, seed))
	var places []place
	for i, t := range heard {
		if !c.Scored(t) {
			continue
		}
		c.Turns[i].Words = slices.Clone(t.Words)
		for k, w := range t.Words {
			if len(w.Others) > 0 {
				places = append(places, place{i, k, r.Perm(hearings)})
			}
		}
	}
	if len(places) == 0 {
		return measured(c)
	}
	sum, n := values{}, values{}
	for h := range hearings {
		for _, p := range places {
			at := (float64(p.order[h]) + 0.5) / hearings
			c.Turns[p.turn].Words[p.at] = chosen(heard[p.turn].Words[p.at], at)
		}
		for name, v := range measured(c) {
			sum[name] += v
			n[name]++
		}
	}
	for name := range sum {
		sum[name] /= n[name]
	}
	return sum
}

// chosen is what is heard for a word at a place in the range of chances, 0 to 1: one of its others,
// which come first, or the word itself. The punctuation stays: it tells of the sentence.
func chosen(w transcript.Word, at float64) transcript.Word {
	end := 0.0
	for _, o := range w.Others {
		if end += o.P; at < end {
			bare := strings.TrimRightFunc(w.Text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
			w.Text, w.P = o.Text+w.Text[len(bare):], o.P
			break
		}
	}
	return w
}
