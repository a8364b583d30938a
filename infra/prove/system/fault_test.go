package system_test

import (
	"net/http"
	"testing"
	"time"

	"parley/infra/local"
	"parley/shared/engine/credit"
	"parley/shared/errcode"
)

// Ensure that if the recogniser refuses our credentials, the run ends with the code for that,
// without retries.
func TestARecogniserThatRefusesUs(t *testing.T) {
	s := need(t)
	c := s.newcomer(t, 10)
	s.faults(t, "transcribe=denied")
	id := c.accepted(shortened(t, 30))
	c.failed(c.end(id), 10, errcode.ServiceConfigurationError)
	c.entries(id, credit.Hold, credit.Release)
	c.audited()
}

// Ensure that a scorer that fails again and again ends the run with its code, through the dead
// letters.
func TestAScorerThatFails(t *testing.T) {
	s := need(t)
	c := s.newcomer(t, 10)
	// The accent would otherwise refuse first, for so little speech.
	s.faults(t, "vocabulary=error", "accent=drop")
	id := c.accepted(shortened(t, 45))
	c.failed(c.end(id), 10, errcode.ScoringFailed)
	c.entries(id, credit.Hold, credit.Release)
	c.audited()
}

// Ensure that submits are refused while the scorers are not warm, with the time to try again, and
// are accepted afterwards.
func TestScorersThatAreNotWarm(t *testing.T) {
	s := need(t)
	c := s.newcomer(t, 10)
	s.faults(t, "ready=false")
	c.becomes("warming_up")
	r := c.submit(silence(t, 200))
	e := refused(t, r, http.StatusServiceUnavailable, errcode.ServiceWarmingUp)
	if after, _ := e["retryAfterSeconds"].(float64); after < 1 || r.header.Get("Retry-After") == "" {
		t.Errorf("retryAfterSeconds %v, Retry-After %q", e["retryAfterSeconds"], r.header.Get("Retry-After"))
	}
	c.balance(10, 0)
	must(t, local.ClearFaults(s.data()))
	c.becomes("ready")
	c.failed(c.end(c.accepted(silence(t, 200))), 10, errcode.TranscriptionFailed)
}

// becomes waits until the scorers' readiness has this value.
func (c *caller) becomes(want string) {
	c.t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; c.pause(200 * time.Millisecond) {
		h, err := c.Health(c.t.Context())
		must(c.t, err)
		if h.Status == want {
			return
		}
		if time.Now().After(end) {
			c.t.Fatalf("still not %s: %s", want, h.Raw)
		}
	}
}
