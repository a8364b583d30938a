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

// Health states, of a part and of the whole; a whole that is not ready is an error.
const (
	stateReady     = "ready"
	stateWarmingUp = "warming_up"
)

// warmingRetry is how soon a client is asked to try again: readiness is probed each minute.
const warmingRetry = 30 * time.Second

type healthView struct {
	Status    string             `json:"status"`
	Timestamp presentation.Stamp `json:"timestamp"`
	CheckedAt presentation.Stamp `json:"checkedAt"`
	Parts     map[string]string  `json:"parts"`
}

// health answers whether submits are taken. SERVICE_WARMING_UP while they are not.
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

// partStates tells each part's state. Why a part is not ready is for operators: the health has no key.
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

// warm answers SERVICE_WARMING_UP, with what is known of each part, unless the last readiness on record says that every part is
// ready; none on record is not ready. A record does not age: were the probes to stop, parts that worked would work on, and to
// refuse every submit for it would make an outage of a lost schedule. A part that breaks meanwhile ends its runs by code.
func warm(r run.Readiness) error {
	if r.Ready() {
		return nil
	}
	e := &errcode.Error{Code: errcode.ServiceWarmingUp, RetryAfter: warmingRetry}
	return e.With("parts", partStates(r)).With("checkedAt", presentation.Maybe(r.At))
}
