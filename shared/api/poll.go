package api

import (
	"fmt"
	"net/http"
	"strconv"

	"parley/shared/engine/account"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

var pollRoutes = []route{{method: http.MethodGet, pattern: "/speech/analyze/{id}", needs: account.PermissionSpeech, do: (*call).poll}}

// poll answers 200 for a run of this client, whatever its status. REQUEST_NOT_FOUND,
// POLL_RATE_LIMITED.
func (c *call) poll() (answer, error) {
	ctx, id := c.r.Context(), run.ID(c.segment)
	r, err := c.own(id)
	if err != nil {
		return answer{}, err
	}
	if r.Status.Terminal() {
		a, err := c.Runs.Account(ctx, r.Client)
		if err != nil {
			return answer{}, fmt.Errorf("api: poll: %w", err)
		}
		v, err := c.presenter().Finished(ctx, r, a.Balance)
		if err != nil {
			return answer{}, fmt.Errorf("api: poll: %w", err)
		}
		body, err := v.Encode()
		return answer{http.StatusOK, encoded(body)}, err
	}
	if c.PollEvery > 0 {
		wait, err := c.Limits.Poll(ctx, id, c.PollEvery, c.Clock.Now())
		if err != nil {
			return answer{}, fmt.Errorf("api: poll: %w", err)
		}
		if wait > 0 {
			return answer{}, &errcode.Error{Code: errcode.PollRateLimited, RetryAfter: wait}
		}
	}
	v, err := c.presenter().Live(ctx, r)
	if err != nil {
		return answer{}, fmt.Errorf("api: poll: %w", err)
	}
	c.w.Header().Set("Retry-After", strconv.Itoa(v.PollIntervalSeconds))
	return answer{http.StatusOK, v}, nil
}
