package campplus

import (
	"context"
	"encoding/base64"
	"fmt"

	"golang.org/x/sync/errgroup"

	"parley/shared/speech/audio"
)

const (
	// A window that is listened to, and the bytes of its answer: 589 frames of 7 classes.
	listenSamples = 10 * audio.SampleRate
	listenBytes   = 589 * 7
	// together is how many windows the program hears side by side at most. step is the least that
	// it pays for.
	together, step = 24, 8
	// listenMs is the longest stretch of a request.
	listenMs = 240_000
	// maxListened bounds one call: 50 minutes, a window every 4 s.
	maxListened = 750
)

// Listen implements diarization.Listener.
func (e *Embedder) Listen(ctx context.Context, pcm []int16, starts []int) ([][]byte, error) {
	if len(starts) > maxListened {
		return nil, fmt.Errorf("campplus: %d windows, %d at most", len(starts), maxListened)
	}
	for i, s := range starts {
		if s < 0 || s >= len(pcm) || i > 0 && s < starts[i-1] {
			return nil, fmt.Errorf("campplus: window from sample %d of %d", s, len(pcm))
		}
	}
	out := make([][]byte, len(starts))
	all, each := errgroup.WithContext(ctx)
	all.SetLimit(e.programs.Size()) // each request holds a copy of its samples
	most := share(len(starts), e.programs.Size())
	for from := 0; from < len(starts) && each.Err() == nil; {
		to := from + 1
		for to < len(starts) && to-from < most && starts[to]-starts[from] <= listenMs*perMs {
			to++
		}
		some, into := starts[from:to], out[from:to]
		all.Go(func() error { return e.listen(each, pcm, some, into) })
		from = to
	}
	if err := all.Wait(); err != nil {
		return nil, fmt.Errorf("campplus: %w", err)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return out, nil
}

// share is how many windows a request holds, so that no request is much smaller than the others
// and no copy of the program is idle.
func share(windows, copies int) int {
	requests := max((windows+together-1)/together, min(copies, (windows+step-1)/step), 1)
	each := (windows + requests - 1) / requests
	return (each + step - 1) / step * step
}

// listen puts windows to a child.
func (e *Embedder) listen(ctx context.Context, pcm []int16, starts []int, into [][]byte) error {
	first := starts[0]
	samples := pcm[first:min(len(pcm), starts[len(starts)-1]+listenSamples)]
	request := struct {
		Samples int   `json:"samples"`
		Starts  []int `json:"starts"`
	}{Samples: len(samples)}
	for _, s := range starts {
		request.Starts = append(request.Starts, s-first)
	}
	said, err := e.exchange(ctx, request, samples)
	if err != nil {
		return err
	}
	b, err := base64.StdEncoding.DecodeString(said.Classes)
	if err != nil || len(b) != listenBytes*len(starts) {
		return fmt.Errorf("its answer: %d bytes for %d windows", len(b), len(starts))
	}
	for i := range into {
		into[i] = b[i*listenBytes : (i+1)*listenBytes]
	}
	return nil
}
