package accent

import (
	"context"
	"math"

	"parley/shared/speech/score/timing"
)

// Listener says for which language speech is taken.
type Listener interface {
	// Hear is the probability, 0 to 1, that pcm (16 kHz mono; of its speech the first 30 s) is in the language, ISO 639-1, among all
	// languages that the listener knows. ok is false where it holds no speech, or the listener cannot tell languages apart. The work
	// stops with ctx.
	Hear(ctx context.Context, pcm []int16, language string) (p float64, ok bool, err error)
}

const (
	// HearSeconds is how much of the candidate's speech is heard for its language, s: two windows, each of which costs the recogniser half a
	// minute however little of it is filled.
	HearSeconds = 48
	// The log odds are believed between these: further out they are the length of the window and the loudness of a breath.
	leastOdds, mostOdds = -3, 5
)

// hearAll are the log odds of English in so many parts of the candidate's speech, each those of the
// window that it is heard in; NaN for parts that are in none.
func hearAll(ctx context.Context, windows []timing.Window, parts int, listener Listener) ([]float64, error) {
	out := make([]float64, parts)
	for i := range out {
		out[i] = math.NaN()
	}
	for _, w := range windows {
		p, ok, err := listener.Hear(ctx, w.PCM, english)
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
	return out, nil
}

// odds are the log odds of a probability, within what is believed.
func odds(p float64) float64 {
	return max(leastOdds, min(mostOdds, math.Log(p/(1-p)))) // 0 and 1: infinite, and cut
}
