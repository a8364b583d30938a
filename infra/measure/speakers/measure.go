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
	opens       string  // the role of who speaks first
	most        bool    // nobody speaks more than the candidate
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

// measure analyses a recording as the product does, and compares the result with the truth. Without
// words, only the sound decides.
func measure(ctx context.Context, r recording, e diarization.Voices) (figure, error) {
	c, d, err := heard(ctx, r, e)
	if err != nil {
		return figure{}, err
	}
	return figureOf(r, c, d), nil
}

// figureOf compares what was found of a recording with the truth.
func figureOf(r recording, c transcript.Conversation, d diarization.Diarization) figure {
	f := figure{Errors: conversation.Attribution(r.ref, c, d), heard: len(c.Speakers), confidence: c.Candidate.Confidence}
	voices := map[string]float64{} // s of speech
	for _, s := range r.ref.Segments {
		voices[s.Who()] += s.End - s.Start
		if s.Speaker == conversation.RoleCandidate {
			f.share += s.End - s.Start
		}
	}
	all, most := 0.0, 0.0
	for _, s := range voices {
		all, most = all+s, max(most, s)
	}
	f.true, f.most = len(voices), f.share >= most
	f.share /= max(all, 1e-9)
	if len(r.ref.Segments) > 0 {
		f.opens = r.ref.Segments[0].Speaker
	}
	return f
}

// heard is the conversation that the product makes of a recording.
func heard(ctx context.Context, r recording, e diarization.Voices) (c transcript.Conversation, d diarization.Diarization, err error) {
	if len(r.stereo) > 0 {
		return separately(ctx, r, e)
	}
	intake := audio.Analyse(r.pcm, audio.DefaultCut())
	if d, err = diarization.Diarize(ctx, r.pcm, intake.Speech, e); err != nil || len(r.words) == 0 {
		return conversation.Voices(d), d, err
	}
	whole := transcript.Chunk{Span: intake.Window, Words: r.words, Speech: intake.Speech, Heard: english, HeardP: 1, RequestedP: 1}
	if r.recited {
		whole.Speech = nil
		for _, s := range r.ref.Segments {
			whole.Speech = append(whole.Speech, audio.Span{StartMs: int64(1000 * s.Start), EndMs: int64(1000 * s.End)})
		}
	}
	c, err = conversation.Join([]transcript.Chunk{whole}, d, intake, english, "")
	return c, d, err
}
