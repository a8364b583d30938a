package audio

import (
	"context"
	"fmt"

	"parley/shared/speech/audio/channels"
)

// Channels is how the channels of a recording are used.
type Channels struct {
	Count int           `json:"count"` // in the file
	Used  channels.Used `json:"used"`
	// Note says in sentences what was decided and why; empty where there was nothing to decide.
	Note string `json:"note,omitempty"`
}

// Recording is the sound of a file as it is worked on: 16 kHz mono samples.
type Recording struct {
	Channels Channels
	// Tracks are one sound, or where the channels are used separately the left and the right one,
	// of the same length.
	Tracks [][]int16
	// Own are the stretches in which a separate channel's own speaker is heard, by track; a breath
	// or a knock is none.
	Own [][]Span
}

// DurationMs is the length of the recording.
func (r Recording) DurationMs() int64 { return int64(len(r.Tracks[0])) * 1000 / SampleRate }

// Record decodes the sound of the file at path, 45 minutes at most, its parts one after the other
// as the plan has them, and decides how its channels are used; ask is what the client asks for. One
// channel passes unchanged, two are listened to (package channels), and more are mixed.
// TRANSCRIPTION_FAILED where the file, or a part of it, holds nothing that can be decoded; ctx's
// error where ctx ended.
func (d Decoder) Record(ctx context.Context, path string, ask channels.Choice) (Recording, error) {
	p, err := d.plan(ctx, path)
	if err != nil {
		return Recording{}, err
	}
	count := p.Channels()
	if count == 2 {
		both, err := d.render(ctx, p, 2)
		if err != nil {
			return Recording{}, err
		}
		return arrange(both, ask)
	}
	pcm, err := d.render(ctx, p, 1)
	r := Recording{Channels: Channels{Count: count, Used: channels.Mono}, Tracks: [][]int16{pcm}}
	if count > 2 {
		r.Channels.Used, r.Channels.Note = channels.Mixed, fmt.Sprintf("The %d channels were mixed.", count)
	}
	return r, err
}

// Decode decodes the file at path into one sound: its channels are mixed, or the better one is
// taken.
func (d Decoder) Decode(ctx context.Context, path string) ([]int16, error) {
	r, err := d.Record(ctx, path, channels.AskMixed)
	if err != nil {
		return nil, err
	}
	return r.Tracks[0], nil
}

// arrange decides how two interleaved channels are used, and makes the tracks.
func arrange(both []int16, ask channels.Choice) (Recording, error) {
	decision, err := channels.Decide(both, ask)
	if err != nil {
		return Recording{}, fmt.Errorf("audio: %w", err)
	}
	r := Recording{Channels: Channels{Count: 2, Used: decision.Used, Note: decision.Note}}
	if decision.Used != channels.Separate {
		pcm, err := decision.Render(both)
		if err != nil {
			return Recording{}, fmt.Errorf("audio: %w", err)
		}
		r.Tracks = [][]int16{pcm}
		return r, nil
	}
	for c := range 2 {
		pcm, err := decision.Track(both, c)
		if err != nil {
			return Recording{}, fmt.Errorf("audio: %w", err)
		}
		own := []Span{}
		for _, s := range decision.Own(c) {
			own = append(own, Span(s))
		}
		r.Tracks, r.Own = append(r.Tracks, pcm), append(r.Own, own)
	}
	return r, nil
}
