package stages

import (
	"context"
	"errors"
	"fmt"

	"parley/shared/engine/run"
	"parley/shared/speech/audio"
	"parley/shared/speech/conversation"
	"parley/shared/speech/score"
	"parley/shared/speech/score/accent"
	"parley/shared/speech/score/timing"
	"parley/shared/speech/transcript"
)

// otherRecogniser is the caution of a score whose words are another recogniser's.
const otherRecogniser = "The words come from another recogniser, not from the one that the norms were made with. How clearly they can be heard was measured on a sample of the candidate's speech."

// sampled hears some of the candidate's speech by our own recogniser, where the words come from
// another: the measures that rest on its probabilities are calibrated to no other.
func (w Works) sampled(ctx context.Context, r run.Run, in audio.Intake, c transcript.Conversation) (transcript.Conversation, error) {
	track := c.Candidate.Channel.Track()
	pcm, err := w.sound(ctx, r, in, track)
	if err != nil {
		return c, err
	}
	var sample []transcript.Word
	for _, window := range accent.Sample(timing.Candidate(score.Material{Conversation: c, Intake: in.Of(track), PCM: pcm})) {
		chunk, err := w.Recogniser.Transcribe(ctx, window.PCM, 0, c.Language)
		switch {
		case errors.Is(err, transcript.ErrDenied):
			return c, Denied(err)
		case err != nil:
			return c, fmt.Errorf("stages: the candidate's sample: %w", err)
		}
		for _, word := range chunk.Words {
			piece := window.At(int((word.StartMs + word.EndMs) / 2 * audio.SampleRate / 1000))
			word.StartMs += piece.OffsetMs
			word.EndMs += piece.OffsetMs
			sample = append(sample, word)
		}
	}
	if c, err = conversation.WithSample(c, sample); err != nil {
		return c, fmt.Errorf("stages: the candidate's sample: %w", err)
	}
	return c, nil
}
