package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"parley/shared/engine/run"
)

// Told makes what a webhook tells of a run that has ended: the very entry that a runs list shows. It needs Runs, Objects and
// Clock.
func Told(d Deps) func(ctx context.Context, r run.Run) (json.RawMessage, error) {
	return func(ctx context.Context, r run.Run) (json.RawMessage, error) {
		c := &call{Deps: d, r: (&http.Request{}).WithContext(ctx)}
		rep, err := c.report(&r)
		if err != nil {
			return nil, err
		}
		a, err := d.Runs.Account(ctx, r.Client)
		if err != nil {
			return nil, fmt.Errorf("api: told of %s: %w", r.ID, err)
		}
		b, err := json.Marshal(c.summary(r, rep, a.Balance))
		if err != nil {
			return nil, fmt.Errorf("api: told of %s: %w", r.ID, err)
		}
		return b, nil
	}
}
