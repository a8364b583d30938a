package api

import (
	"fmt"
	"net/http"
	"time"

	"parley/shared/code"
	"parley/shared/run"
)

var healthRoutes = []route{{method: http.MethodGet, pattern: "/health", open: true, do: (*call).health}}

// Health states, of the whole and of a part.
const (
	stateReady     = "ready"
	stateWarmingUp = "warming_up"
)

// warmingRetry is how soon a client is asked to try again: readiness is probed each minute.
const warmingRetry = 30 * time.Second

type healthView struct {
	Status    string            `json:"status"`
	Timestamp Stamp             `json:"timestamp"`
	CheckedAt *Stamp            `json:"checkedAt"` // null: never yet
	Parts     map[string]string `json:"parts"`
}

// health answers 200 whether ready or not: the service that says so is there. Why a part is not ready is for operators, and
// this call has no key.
func (c *call) health() (answer, error) {
	ready, err := c.Limits.Ready(c.r.Context())
	if err != nil {
		return answer{}, fmt.Errorf("api: health: %w", err)
	}
	v := healthView{Status: state(ready.Ready()), Timestamp: Stamp(c.Clock.Now()), CheckedAt: maybe(ready.At), Parts: map[string]string{}}
	for name, why := range ready.Parts {
		v.Parts[name] = state(why == "")
	}
	return answer{http.StatusOK, v}, nil
}

func state(ready bool) string {
	if ready {
		return stateReady
	}
	return stateWarmingUp
}

// warm answers SERVICE_WARMING_UP unless the last readiness on record says that every part is ready; none on record is not
// ready.
func warm(r run.Readiness) error {
	if r.Ready() {
		return nil
	}
	return &code.Error{Code: code.ServiceWarmingUp, RetryAfter: warmingRetry}
}
