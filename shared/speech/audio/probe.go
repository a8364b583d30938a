package audio

import (
	"context"
	"time"

	"parley/shared/errcode"
)

// Prober tells what a file is and how long it is.
type Prober struct {
	FFmpeg string // path of the program
}

// Probe reads format, exact length and size of the file at path. The length is what the packets of
// the first track with sound hold; a header that promises clearly more makes it
// AUDIO_DURATION_UNAVAILABLE. Also UNSUPPORTED_FORMAT, AUDIO_TOO_SHORT and AUDIO_TOO_LONG, with
// details.durationMs; ctx's error where ctx ended.
func (p Prober) Probe(ctx context.Context, path string) (Info, error) {
	a, err := p.measure(ctx, path)
	if err != nil {
		return a, err
	}
	if err := withinBounds(a.DurationMs); err != nil {
		return a, err
	}
	return a, nil
}

// Plan looks through the file at path as Probe does, whatever its length.
func (p Prober) Plan(ctx context.Context, path string) (Plan, error) {
	return plan(ctx, p.FFmpeg, path)
}

func (p Prober) measure(ctx context.Context, path string) (Info, error) {
	found, err := p.Plan(ctx, path)
	return found.Audio(), err
}

func withinBounds(ms int64) error {
	d := time.Duration(ms) * time.Millisecond
	switch {
	case d < Bounds.MinLength:
		return errcode.New(errcode.AudioTooShort).With("durationMs", ms).With("minDurationMs", Bounds.MinLength.Milliseconds())
	case d > Bounds.MaxLength:
		return errcode.New(errcode.AudioTooLong).With("durationMs", ms).With("maxDurationMs", Bounds.MaxLength.Milliseconds())
	}
	return nil
}

// broken tells whether a header's promise is clearly more than what is there.
func broken(claim, held time.Duration) bool {
	over := claim - held
	return over > claimSlack && float64(over) > claimShare*float64(held)
}

// Exceeds tells whether one length of a recording, by its packets' times or by its samples, is
// longer than the other by more than damage and drift explain. Both in ms.
func Exceeds(one, other int64) bool {
	return broken(time.Duration(one)*time.Millisecond, time.Duration(other)*time.Millisecond)
}
