package main

import (
	"context"
	"fmt"

	"parley/shared/speech/audio"
	"parley/shared/speech/conversation"
	"parley/shared/speech/diarization"
	"parley/shared/speech/transcript"
)

// figure is what was found of one recording.
type figure struct {
	conversation.Errors
	heard, true int // speakers
	confidence  string
	share       float64 // the candidate's, of the speech, 0 to 1
}

func (f figure) String() string {
	who := "right"
	if !f.Right {
		who = "WRONG"
	}
	return fmt.Sprintf("%d of %d speakers, DER %.2f %% (%.2f %% without a collar), attribution %.2f %%, candidate %s, %s", f.heard, f.true, f.DER, f.Strict, f.Attribution, who, f.confidence)
}

// figures are those of several recordings.
type figures []figure

func (fs figures) mean(of func(figure) float64) float64 {
	sum := 0.0
	for _, f := range fs {
		sum += of(f)
	}
	return sum / max(1, float64(len(fs)))
}

func (fs figures) most(of func(figure) float64) float64 {
	out := 0.0
	for _, f := range fs {
		out = max(out, of(f))
	}
	return out
}

func (fs figures) count(of func(figure) bool) int {
	n := 0
	for _, f := range fs {
		if of(f) {
			n++
		}
	}
	return n
}

// measure takes a recording apart as the product does, and compares it with the truth. Without
// words the sound alone decides.
func measure(ctx context.Context, r recording, e diarization.Embedder) (figure, error) {
	intake := audio.Analyse(r.pcm, audio.DefaultCut())
	d, err := diarization.Diarize(ctx, r.pcm, intake.Speech, e)
	if err != nil {
		return figure{}, err
	}
	c := conversation.Voices(d)
	if len(r.words) > 0 {
		whole := transcript.Chunk{Span: intake.Window, Words: r.words, Speech: intake.Speech, Heard: english, HeardP: 1, RequestedP: 1}
		if c, err = conversation.Join([]transcript.Chunk{whole}, d, intake, english, ""); err != nil {
			return figure{}, err
		}
	}
	f := figure{Errors: conversation.Attribution(r.ref, c, d), heard: d.Speakers, confidence: c.Candidate.Confidence}
	voices := map[string]bool{}
	candidate, all := 0.0, 0.0
	for _, s := range r.ref.Segments {
		voices[s.Speaker] = true
		all += s.End - s.Start
		if s.Speaker == conversation.RoleCandidate {
			candidate += s.End - s.Start
		}
	}
	f.true, f.share = len(voices), candidate/max(all, 1e-9)
	return f, nil
}
