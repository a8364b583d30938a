package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"parley/infra/local"
	"parley/infra/local/operate"
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

// errDone stops a system when the work on it is done.
var errDone = errors.New("done")

// pace is how often a run is polled for its end.
const pace = 250 * time.Millisecond

// dataIn returns the data folder of the system in dir.
func dataIn(dir string) string { return filepath.Join(dir, "data") }

// withSystem starts a local system in dir and passes work a function that scores a recording on it.
// That function returns the time from the submit to the run's end, as the run itself reports it.
func withSystem(ctx context.Context, dir string, work func(ctx context.Context, score func(context.Context, string) (time.Duration, error)) error) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		return err
	}
	cfg := local.Config{Addr: addr, Data: dataIn(dir), PollEvery: pace, Progress: func(s string) { fmt.Fprintln(os.Stderr, s) }}
	var key string
	cfg.FirstStart = func(ctx context.Context, s local.System) (err error) {
		key, err = operate.Newcomer(ctx, s, "bench", 100_000)
		return err
	}
	cfg.Ready = func(ctx context.Context, s local.System) error {
		// The proxy serves beside this call, and the work has ended when it returns.
		c, err := client.New(s.URL, key)
		if err != nil {
			return err
		}
		n := 0
		if err := work(ctx, func(ctx context.Context, path string) (time.Duration, error) {
			n++
			return scoreOnce(ctx, c, path, n)
		}); err != nil {
			return err
		}
		return errDone
	}
	if err := local.Run(ctx, cfg); !errors.Is(err, errDone) {
		return errors.Join(errors.New("the system stopped before its work was done"), err)
	}
	return nil
}

func scoreOnce(ctx context.Context, c *client.Client, path string, n int) (time.Duration, error) {
	began := time.Now()
	a, err := c.Submit(ctx, path, client.Options{IdempotencyKey: fmt.Sprintf("bench-%d-%d", began.UnixNano(), n)})
	if err != nil {
		return 0, err
	}
	for {
		r, err := c.Poll(ctx, a.ID)
		if err != nil {
			return 0, err
		}
		if r.Status.Terminal() {
			if r.Failure != nil {
				return 0, fmt.Errorf("the run failed: %s: %s", r.Failure.Code, r.Failure.Message)
			}
			return time.Time(*r.CompletedAt).Sub(began), nil
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(4 * pace):
		}
	}
}
