package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"parley/infra/local"
	"parley/infra/measure/live"
	"parley/shared/client"
	"parley/shared/speech/audio"
	"parley/shared/speech/engines"
	"parley/shared/speech/installed"
)

func decode(ctx context.Context, path string) ([]int16, error) {
	return audio.Decoder{FFmpeg: installed.FFmpeg(installed.Dir())}.Decode(ctx, path)
}

// recognise lets the recogniser alone hear all of pcm: one single-threaded process per processor,
// with the audio cut into as many parts. The time includes the processes' start.
func recognise(ctx context.Context, pcm []int16) (time.Duration, error) {
	dir := installed.Dir()
	n := runtime.NumCPU()
	errs := make([]error, n)
	began := time.Now()
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			r := engines.Open(dir, "", 1).Whisper
			part := pcm[len(pcm)*i/n : len(pcm)*(i+1)/n]
			_, errs[i] = r.Transcribe(ctx, part, 0, "en")
			errs[i] = errors.Join(errs[i], r.Close())
		})
	}
	all.Wait()
	return time.Since(began), errors.Join(errs...)
}

// pollEvery is how often the system accepts a poll of a run.
const pollEvery = 250 * time.Millisecond

// scorer scores a recording on a running system and returns the time from the submit to the run's
// end, as the run itself reports it.
type scorer func(ctx context.Context, path string) (time.Duration, error)

// withSystem runs work on a local system of its own; dir is the system's data folder.
func withSystem(ctx context.Context, work func(dir string, score scorer) error) error {
	return live.With(ctx, "bench", local.Config{PollEvery: pollEvery}, func(sys *live.System, dir string) error {
		c, _, _, err := sys.Client(ctx, "bench", 100_000, 1)
		if err != nil {
			return err
		}
		return work(dir, func(ctx context.Context, path string) (time.Duration, error) { return scoreOnce(ctx, c, path) })
	})
}

func scoreOnce(ctx context.Context, c *client.Client, path string) (time.Duration, error) {
	began := time.Now()
	// Without a key of its own, the same recording is the same run.
	a, err := c.Submit(ctx, path, client.Options{IdempotencyKey: fmt.Sprint("bench-", began.UnixNano())})
	if err != nil {
		return 0, err
	}
	r, err := c.Wait(ctx, a.ID, nil)
	if err != nil {
		return 0, err
	}
	if r.Failure != nil {
		return 0, fmt.Errorf("the run failed: %s: %s", r.Failure.Code, r.Failure.Message)
	}
	return time.Time(*r.CompletedAt).Sub(began), nil
}
