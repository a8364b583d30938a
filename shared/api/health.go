package api

import (
	"fmt"
	"net/http"
	"time"

	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/presentation"
)

var healthRoutes = []route{{method: http.MethodGet, pattern: "/health", open: true, do: (*call).health}}

// The health states of a part. Of these the whole service answers only ready; until it is, the
// answer is an error.
const (
	stateReady     = "ready"
	stateWarmingUp = "warming_up"
)

// warmingRetry is the Retry-After of SERVICE_WARMING_UP. Readiness is probed every minute.
const warmingRetry = 30 * time.Second

type healthView struct {
	Status    string             `json:"status"`
	Timestamp presentation.Stamp `json:"timestamp"`
	CheckedAt presentation.Stamp `json:"checkedAt"`
	Parts     map[string]string  `json:"parts"`
}

// health answers whether submits are accepted. SERVICE_WARMING_UP while they are not.
func (c *call) health() (answer, error) {
	ready, err := c.Limits.Ready(c.r.Context())
	if err != nil {
		return answer{}, fmt.Errorf("api: health: %w", err)
	}
	if err := warm(ready); err != nil {
		return answer{}, err
	}
	return answer{http.StatusOK, healthView{stateReady, presentation.Stamp(c.Clock.Now()), presentation.Stamp(ready.At), partStates(ready)}}, nil
}

// partStates returns the state of each part. The reason why a part is not ready is for operators
// only, because this call needs no key.
func partStates(r run.Readiness) map[string]string {
	parts := map[string]string{}
	for name, why := range r.Parts {
		parts[name] = stateReady
		if why != "" {
			parts[name] = stateWarmingUp
		}
	}
	return parts
}

// warm returns SERVICE_WARMING_UP, with the state of each part, unless the last recorded readiness
// says that every part is ready. No record means not ready. A record does not expire: if the probes
// stop, parts that worked keep working, and refusing every submit would turn a lost schedule into
// an outage. A part that breaks meanwhile ends its runs with an error code.
func warm(r run.Readiness) error {
	if r.Ready() {
		return nil
	}
	e := &errcode.Error{Code: errcode.ServiceWarmingUp, RetryAfter: warmingRetry}
	return e.With("parts", partStates(r)).With("checkedAt", presentation.Maybe(r.At))
}
