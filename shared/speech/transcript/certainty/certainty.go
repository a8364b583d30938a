// Package certainty says how probable it is that a word was heard right. The recogniser's own
// probability orders words but is too sure of itself: fewer of the words that it gives 0.9 are
// right than nine in ten, and fewer still of a speaker whose words are doubtful throughout, and of
// words that are said faster or slower than people speak.
//
// It is a logistic model, fitted on what the recogniser heard of speakers whose words are known. So
// it belongs to Whisper base and to English. docs/validation.md says how much of what it calls
// probable is right, with each speaker held out.
package certainty

import (
	"math"
	"unicode"

	"parley/shared/speech/transcript"
)

// Features is how many features a word has.
const Features = 6

// Weights are those of the features, in their order, as `validate -only words` fits them on all
// speakers.
var Weights = [Features]float64{-4.072, 0.400, 6.366, -0.310, -0.526, -0.294}

const (
	// letterSeconds is how long a letter takes people who speak as usual.
	letterSeconds = 0.08
	// least bounds probabilities away from 0 and 1, and leastLetter a letter's seconds from 0.
	least, leastLetter = 1e-3, 0.02
)

// Speaker knows how surely one speaker is heard.
type Speaker struct{ mean float64 }

// SpeakerOf is the one who says all words of these turns.
func SpeakerOf(turns []transcript.Turn) Speaker {
	sum, n := 0.0, 0
	for _, t := range turns {
		for _, w := range t.Words {
			sum, n = sum+bounded(w.P, 0), n+1
		}
	}
	return Speaker{sum / float64(max(1, n))}
}

// Of is how probable it is that a word of the speaker's is right, 0 to 1. A word of a given text,
// which nobody doubts (P 1), is right. Of one without a probability (P 0) nothing is known: 0.
func (s Speaker) Of(w transcript.Word) float64 {
	switch {
	case w.P >= 1:
		return 1
	case w.P == 0:
		return 0
	}
	sum := 0.0
	for i, x := range s.Features(w) {
		sum += Weights[i] * x
	}
	return 1 / (1 + math.Exp(-sum))
}

// Features are a constant, the log odds of the word's probability, the mean probability of the
// speaker's words, the log of the word's seconds per letter over those of usual speech, the size of
// that log, and the log of its letters.
func (s Speaker) Features(w transcript.Word) [Features]float64 {
	p := bounded(w.P, least)
	letters, pace := float64(max(1, lettersOf(w.Text))), 0.0
	if length := w.EndMs - w.StartMs; length > 0 { // else its times are not known
		pace = math.Log(max(leastLetter, float64(length)/1000/letters) / letterSeconds)
	}
	return [Features]float64{1, math.Log(p / (1 - p)), s.mean, pace, math.Abs(pace), math.Log(letters)}
}

// bounded is a probability that far from 0 and 1; what is no number counts as 0.
func bounded(p, from float64) float64 {
	if math.IsNaN(p) {
		p = 0
	}
	return max(from, min(1-from, p))
}

func lettersOf(text string) int {
	n := 0
	for _, r := range text {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			n++
		}
	}
	return n
}
