package accent

import (
	"context"
	"math"

	"parley/shared/speech/score/timing"
)

// WhisperListener is Whisper, asked which language it hears. The norm and the weight of
// languageOdds were set on the probabilities of the model that the norms name (calibratedTo), and
// hold for it alone: another recogniser or model needs its own, even one that tells languages
// apart.
type WhisperListener interface {
	// LanguageProbability is the probability, 0 to 1, that pcm (16 kHz mono; the first 30 s of its
	// speech count) is in the language, ISO 639-1, among all languages that Whisper knows. ok is
	// false where pcm holds no speech, or the model knows one language alone. The work stops with
	// ctx.
	LanguageProbability(ctx context.Context, pcm []int16, language string) (p float64, ok bool, err error)
}

const (
	// HearWindows is how many windows of the candidate's speech are listened to for its language.
	// Whisper works on half a minute at a time, however little of it is filled.
	HearWindows = 1
	// The log odds are cut at these. Beyond them they depend on the length of the window and the
	// loudness of a breath more than on the speech.
	leastOdds, mostOdds = -3, 5
)

// hearAll returns the log odds of English for each part of the candidate's speech: those of the
// window that holds the part, NaN for a part that is in none. Each of which are the parts of a
// window.
func hearAll(ctx context.Context, speech timing.Speech, which [][]int, listener WhisperListener) ([]float64, error) {
	out := make([]float64, len(speech.Parts))
	for i := range out {
		out[i] = math.NaN()
	}
	for _, parts := range which {
		for _, w := range speech.Join(parts) {
			p, ok, err := listener.LanguageProbability(ctx, w.PCM, english)
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
			for _, piece := range w.Pieces {
				out[piece.Part] = odds(p)
			}
		}
	}
	return out, nil
}

// odds are the log odds of a probability, cut at leastOdds and mostOdds.
func odds(p float64) float64 {
	return max(leastOdds, min(mostOdds, math.Log(p/(1-p)))) // 0 and 1: infinite, and cut
}
