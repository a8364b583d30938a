package system_test

import (
	"testing"
	"time"

	"parley/shared/engine/credit"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// stage returns a condition for until: the run has come to this stage.
func stage(name run.Stage) func(reply) bool {
	return func(r reply) bool { return r.body["stage"] == string(name) }
}

// Ensure that killing function processes in the middle of their work costs an accepted run nothing
// but time.
func TestKilledFunctionsLoseNothing(t *testing.T) {
	s := heavy(t)
	c := s.newcomer(t, 10)
	id := c.accepted(sample(t))
	if r := c.until(id, stage("transcribe"), nil); terminal(r) {
		t.Fatalf("the run had ended before anything was killed: %s", r.raw)
	}
	if n := s.kill("transcribe") + s.kill("diarize"); n == 0 {
		t.Fatal("no process of transcribe or diarize was there to be killed")
	}
	r := c.end(id)
	c.succeeded(r)
	scored(t, r)
	c.entries(id, credit.Hold, credit.Charge)
	c.audited()
}

// Ensure that a run survives a stop in the middle and a start on the same data, and ends.
func TestAStopAndAStartLoseNothing(t *testing.T) {
	s := heavy(t)
	c := s.newcomer(t, 10)
	id := c.accepted(sample(t))
	if r := c.until(id, stage("transcribe"), nil); terminal(r) {
		t.Fatalf("the run had ended before the stop: %s", r.raw)
	}
	must(t, s.stop())
	if left := processes(s.dir, ""); len(left) > 0 {
		t.Errorf("processes outlived the stop: %v", left)
	}
	s.restart(t, 0)
	c.connect()
	r := c.end(id)
	c.succeeded(r)
	scored(t, r)
	c.entries(id, credit.Hold, credit.Charge)
	c.audited()
}

// Ensure that the watchdog ends, at its deadline, a run whose work is lost for good.
func TestALostScorerIsStuckAtTheDeadline(t *testing.T) {
	s := heavy(t)
	// Less than the time after which the sweep sends the accent's part again.
	const deadline = 75 * time.Second
	s.restart(t, deadline)
	t.Cleanup(func() { s.restart(t, 0) })
	c := s.newcomer(t, 10)
	s.faults(t, "accent=drop")
	id := c.accepted(shortened(t, 60))
	r := c.end(id)
	c.failed(r, 10, errcode.StuckTimeout)
	took := stamp(t, "completedAt", r.body["completedAt"]).Sub(stamp(t, "createdAt", r.body["createdAt"]))
	if took < deadline {
		t.Errorf("ended %s after the submit, before the deadline of %s", took, deadline)
	}
	t.Logf("ended %s after the submit with a deadline of %s", took, deadline)
	c.entries(id, credit.Hold, credit.Release)
	c.audited()
}
