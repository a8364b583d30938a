package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"parley/infra/prove/service"

	"parley/shared/clock"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
)

// Ensure that a try is given up at its limit if it hangs, goes on beyond it while it has to share
// the processor, and ends with its function at the latest.
func TestWhenATryIsGivenUp(t *testing.T) {
	row, err := service.Sample.Lookup(service.Transcribe)
	must(t, err)
	limit := row.Limit.For(row.Piece)
	for name, tt := range map[string]struct {
		share float64 // of a processor that the try gets; 0: it hangs
		needs time.Duration
		given time.Duration // what the work announces; 0: nothing
		took  time.Duration
		fails bool
	}{
		"work that is quick":              {1, 30 * time.Second, 0, 30 * time.Second, false},
		"work that needs all its time":    {1, limit - time.Second, 0, limit - time.Second, false},
		"a process that hangs":            {0, 0, 0, limit, true},
		"one that spins":                  {1, time.Hour, 0, limit, true},
		"one with a third of a processor": {1.0 / 3, 40 * time.Second, 0, 120 * time.Second, false},
		"one with a third that spins":     {1.0 / 3, time.Hour, 0, row.Timeout - 3*time.Second, true},
		"one that gets next to nothing":   {0.04, time.Hour, 0, limit, true},
		"a short piece that hangs":        {0, 0, 20 * time.Second, 40 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				s := newSystem(t, 1)
				s.deps.Used = func() time.Duration { return time.Duration(float64(time.Since(began)) * tt.share) }
				s.works[service.Transcribe] = func(ctx context.Context, _ run.Run, _ run.Part) (pipeline.Result, error) {
					if tt.given > 0 {
						pipeline.Given(ctx, tt.given)
					}
					wait := time.Duration(1 << 62)
					if tt.share > 0 {
						wait = time.Duration(float64(tt.needs) / tt.share)
					}
					return pipeline.Result{}, clock.Sleep(ctx, wait)
				}
				r := s.submit("a", false)
				p := run.Part{Stage: service.Ingest}
				must(t, s.runner(p.Stage).Handle(t.Context(), pipeline.MessageFor(r, p), p))
				p = run.Part{Stage: service.Transcribe, Index: 1}
				err := s.runner(p.Stage).Handle(t.Context(), pipeline.MessageFor(r, p), p)
				if took := time.Since(began); errors.Is(err, pipeline.ErrRetry) != tt.fails || (took-tt.took).Abs() > 5*time.Second {
					t.Errorf("after %s, want %s: %v", took, tt.took, err)
				}
				if v := s.get(r.ID).Parts[p]; (v.Timeouts == 1) != tt.fails {
					t.Errorf("%+v", v)
				}
			})
		})
	}
}
