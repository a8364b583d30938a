// Package readiness finds out whether the stages' functions are ready to work, by asking each that stands on an engine.
package readiness

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"parley/shared/clock"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
)

// patience bounds one probe: starting the recogniser with a cold model takes a few seconds.
const patience = 45 * time.Second

// Probe asks one stage's function; why is empty where it is ready.
type Probe func(ctx context.Context, stage run.Stage) (why string, err error)

// Up probes every stage of s that has an engine, all at once, and records what it found. The recorded reason is safe
// to show; the cause goes to the log. Where off answers true everything is marked as not ready (fault injection); it is asked
// after the time is taken, so that of two probes that overlap the later one tells the later state.
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
			if err != nil {
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
