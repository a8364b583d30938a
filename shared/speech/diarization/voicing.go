package diarization

import (
	"context"
	"math"

	"parley/shared/speech/audio"
)

// Speech that is told from silence by its energy holds whatever is as loud: noise that a
// microphone's automatic gain brings up in every pause, a fan, paper. That would form voices of its
// own. A voice has a pitch, and noise has none for long.
const (
	// voicingHopMs is how often voicing is looked at.
	voicingHopMs = 20
	// steadyPitch is by how many octaves the pitch of one look may differ from the next: that of
	// noise jumps.
	steadyPitch = 0.15
	// unvoicedMs is from when on a stretch without a pitch is no speech: the longest run of
	// consonants takes half of that.
	unvoicedMs = 700
	// besideMs stays on either side of what has a pitch: consonants, and the end of a word.
	besideMs = 250
)

// spoken is what of the speech has a voice in it. Speech without any long stretch that lacks a
// pitch comes back as it is.
func spoken(ctx context.Context, pcm []int16, speech []audio.Span) ([]audio.Span, error) {
	out := make([]audio.Span, 0, len(speech))
	a := newAnalyser()
	for _, s := range speech {
		if err := ctx.Err(); err != nil {
			return nil, err //nolint:wrapcheck // the caller names it
		}
		// Of the stretch that is open; its last look with a pitch.
		from, last := s.StartMs, int64(-1)
		before := 0.0
		for ms := s.StartMs; ms < s.EndMs; ms += voicingHopMs {
			p := a.pitch(pcm, int(ms)*audio.SampleRate/1000)
			steady := p > 0 && before > 0 && math.Abs(p-before) < steadyPitch
			before = p
			if !steady {
				continue
			}
			since := from
			if last >= 0 {
				since = last
			}
			if ms-since >= unvoicedMs {
				if last >= 0 {
					out = append(out, audio.Span{StartMs: from, EndMs: last + besideMs})
				}
				from = ms - besideMs
			}
			last = ms
		}
		switch {
		case last < 0 && s.Len() >= unvoicedMs:
		case last >= 0 && s.EndMs-last >= unvoicedMs:
			out = append(out, audio.Span{StartMs: from, EndMs: last + besideMs})
		default:
			out = append(out, audio.Span{StartMs: from, EndMs: s.EndMs})
		}
	}
	return out, nil
}
