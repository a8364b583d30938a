package operate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/speech"
)

// watched is the maximum number of runs, in process or with an outstanding webhook, whose messages'
// age is looked up, starting with those due first.
const watched = 1000

// ahead is beyond any run's next due time.
const ahead = 10 * 365 * 24 * time.Hour

// readsAtOnce bounds the runs that are read at the same time.
const readsAtOnce = 8

// Ages returns, for each stage, how long ago its longest outstanding part was last sent. Stages
// that no run waits for are left out.
func Ages(ctx context.Context, runs run.Store, now time.Time) (map[run.Stage]time.Duration, error) {
	ids, err := runs.Due(ctx, now.Add(ahead), watched)
	if err != nil {
		return nil, fmt.Errorf("runs under way: %w", err)
	}
	under := make([]run.Run, len(ids))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readsAtOnce)
	for i, id := range ids {
		g.Go(func() error {
			r, err := runs.Get(ctx, id)
			if err != nil && !errors.Is(err, run.ErrUnknown) {
				return fmt.Errorf("run %s: %w", id, err)
			}
			under[i] = r
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	oldest := map[run.Stage]time.Duration{}
	for _, r := range under {
		for p := range r.Parts {
			if sent := speech.Service.LastSent(r, p); !sent.IsZero() {
				oldest[p.Stage] = max(oldest[p.Stage], now.Sub(sent), 0)
			}
		}
		if sent := r.Push.SentAt(); !sent.IsZero() {
			oldest[pipeline.Webhook] = max(oldest[pipeline.Webhook], now.Sub(sent), 0)
		}
	}
	return oldest, nil
}
