// Package readiness finds out whether the stages' functions are ready, by asking each that needs an
// engine.
package readiness

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"parley/shared/clock"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
)

// patience bounds one probe. Starting the recogniser with a cold model takes a few seconds.
const patience = 45 * time.Second

// ErrThrottled means that a probe was refused for its rate, or because as many copies of the
// function as may run are at work.
var ErrThrottled = errors.New("readiness: the probe was throttled")

// Probe asks one stage's function. why says why it is not ready; empty if it is. ErrThrottled.
type Probe func(ctx context.Context, stage run.Stage) (why string, err error)

// Up probes all stages of s that need an engine in parallel and records the result. The recorded
// reasons are safe to show; the causes go to the log. If off returns true, everything is recorded
// as not ready (fault injection). Up takes its timestamp before it calls off, so that of two
// overlapping probes the later one records the later state.
//
// A throttled probe counts as ready. It says that the function is busy or that the account is at
// its limit, not that an engine is cold; a run that is accepted meanwhile waits in its queue.
func Up(ctx context.Context, s pipeline.Service, probe Probe, limits run.Limits, clk clock.Clock, log *slog.Logger, off func() bool) error {
	found := run.Readiness{At: clk.Now(), Parts: map[string]string{}}
	isOff := off()
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, row := range s.Stages {
		if len(row.Layers) == 0 {
			continue
		}
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, patience)
			defer cancel()
			why, err := probe(ctx, row.Name)
			switch {
			case errors.Is(err, ErrThrottled):
				log.Warn("probe throttled", "stage", row.Name, "cause", err.Error())
				why = ""
			case err != nil:
				log.Error("probe failed", "stage", row.Name, "cause", err.Error())
				why = "does not answer"
			}
			if isOff {
				why = "switched off"
			}
			mu.Lock()
			defer mu.Unlock()
			found.Parts[string(row.Name)] = why
		})
	}
	all.Wait()
	if err := limits.SetReady(ctx, found); err != nil {
		return fmt.Errorf("readiness: %w", err)
	}
	log.Info("probed", "ready", found.Ready(), "parts", found.Parts)
	return nil
}
