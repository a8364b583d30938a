package whisper

import (
	"math"
	"slices"
	"strings"
	"unicode"

	"parley/shared/speech/audio"
	"parley/shared/speech/transcript"
)

// words are the words of a hearing that pass the guards, in order; times from the beginning of the
// piece.
func (h hearing) words(speech []audio.Span) []transcript.Word {
	if len(speech) == 0 {
		return nil
	}
	var lines [][]transcript.Word
	at := int64(0)
	for _, s := range h.Segments {
		words := s.words(at, unspaced(h.Language))
		if unheard(s, words, speech) {
			continue
		}
		words = slices.DeleteFunc(words, func(w transcript.Word) bool { return distance(w, speech) > strayMs })
		words = retime(words, s, speech, at)
		if n := len(words); n > 0 {
			at = words[n-1].EndMs
			lines = append(lines, words)
		}
	}
	punctuate(lines, h.Language)
	return unloop(slices.Concat(lines...))
}

// words joins a segment's tokens to words. Bracketed text is left out; tokens of punctuation alone
// belong to a word's text and do not count in its probability. No word begins before at or before
// the one before it ended, none lies outside its segment.
func (s segment) words(at int64, perToken bool) []transcript.Word {
	type group struct {
		transcript.Word
		logP   float64
		n      int
		likely []likely // of its first token
	}
	var groups []group
	open := false // whether the next token without a space goes on with the last word
	aside := asides(s)
	for i, t := range s.Tokens {
		if aside[i] || t.Text == "" {
			open = false
			continue
		}
		starts := strings.HasPrefix(t.Text, " ") || !open || perToken && spoken(t.Text)
		if starts {
			groups = append(groups, group{Word: transcript.Word{StartMs: t.StartMs, EndMs: t.EndMs}})
			open = true
		}
		g := &groups[len(groups)-1]
		g.Text += t.Text
		if spoken(t.Text) {
			g.logP += math.Log(min(1, max(t.P, 1e-6)))
			if g.n == 0 {
				g.StartMs, g.likely = t.StartMs, t.Others
			}
			g.n++
			g.EndMs = max(t.EndMs, g.StartMs)
		}
	}
	out := make([]transcript.Word, 0, len(groups))
	low := max(at, s.StartMs)
	high := max(low, s.EndMs)
	for _, g := range groups {
		if g.n == 0 {
			continue
		}
		w := g.Word
		w.Text = strings.TrimSpace(w.Text)
		w.P = math.Exp(g.logP / float64(g.n))
		if g.n == 1 {
			w.Others = othersOf(w.Text, g.likely)
		}
		w.StartMs = min(max(w.StartMs, low), high)
		w.EndMs = min(max(w.EndMs, w.StartMs), high)
		low = w.EndMs
		out = append(out, w)
	}
	return out
}

// othersOf are the words that may have been said in the place of a word of one token. Among these
// and the word itself, the probabilities add up to 1. A word that was drawn by lot, and is not
// among the likeliest, has none.
func othersOf(text string, all []likely) []transcript.Other {
	own := strings.Join(transcript.Normal(text), " ")
	sum, itself := 0.0, false
	var out []transcript.Other
	for _, l := range all {
		word := strings.TrimSpace(l.Text)
		if !spoken(word) {
			continue
		}
		sum += l.P
		if strings.Join(transcript.Normal(word), " ") == own {
			itself = true
		} else {
			out = append(out, transcript.Other{Text: word, P: l.P})
		}
	}
	if !itself {
		return nil
	}
	for i := range out {
		out[i].P /= sum
	}
	return out
}

// spoken tells whether a text holds a letter or a digit.
func spoken(t string) bool {
	return strings.ContainsFunc(t, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}

// asideWords is how many words round brackets or asterisks may hold to be an aside such as
// (laughs): more is speech.
const asideWords = 4

// asides marks the tokens that are no speech: [MUSIC], (laughs), *sighs*, and everything in a
// segment with a note in it.
func asides(s segment) []bool {
	var text strings.Builder
	ends := make([]int, len(s.Tokens))
	for i, t := range s.Tokens {
		text.WriteString(t.Text)
		ends[i] = text.Len()
	}
	all := text.String()
	out := make([]bool, len(s.Tokens))
	mark := func(from, to int) {
		begin := 0
		for i, end := range ends {
			if begin < to && end > from && strings.TrimSpace(all[max(begin, from):min(end, to)]) != "" {
				out[i] = true
			}
			begin = end
		}
	}
	if strings.ContainsAny(all, "♪♫") {
		mark(0, len(all))
		return out
	}
	for _, b := range []struct {
		open, shut string
		words      int
	}{{"[", "]", math.MaxInt}, {"(", ")", asideWords}, {"*", "*", asideWords}, {"{", "}", asideWords}} {
		for from := 0; ; {
			i := strings.Index(all[from:], b.open)
			if i < 0 {
				break
			}
			i += from
			j := strings.Index(all[i+1:], b.shut)
			if j < 0 {
				if b.open != "*" && len(strings.Fields(all[i:])) <= asideWords {
					mark(i, len(all))
				}
				break
			}
			j += i + 2
			if len(strings.Fields(all[i:j])) <= b.words {
				mark(i, j)
			}
			from = j
		}
	}
	return out
}

// shift moves words by ms.
func shift(words []transcript.Word, ms int64) []transcript.Word {
	for i := range words {
		words[i].StartMs += ms
		words[i].EndMs += ms
	}
	return words
}
