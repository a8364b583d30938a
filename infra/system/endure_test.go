package system_test

import (
	"cmp"
	"net/http"
	"slices"
	"testing"
	"time"

	"parley/shared/account"
	"parley/shared/code"
	"parley/shared/credit"
	"parley/shared/run"
)

// stage is a reading of a run that has come to this stage.
func stage(name run.Stage) func(reply) bool {
	return func(r reply) bool { return r.body["stage"] == string(name) }
}

// Ensure that function processes killed in the middle of their work cost an accepted run nothing but time.
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

// Ensure that a stop in the middle of a run and a start on the same data bring the run to its end.
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

// Ensure that a run whose work is lost for good is ended by the watchdog at its deadline.
func TestALostScorerIsStuckAtTheDeadline(t *testing.T) {
	s := heavy(t)
	const deadline = 75 * time.Second // less than the time after which the sweep sends the accent's part again
	s.restart(t, deadline)
	t.Cleanup(func() { s.restart(t, 0) })
	c := s.newcomer(t, 10)
	s.faults(t, "accent=drop")
	id := c.accepted(shortened(t, 60))
	r := c.end(id)
	c.failed(r, 10, code.StuckTimeout)
	took := stamp(t, "completedAt", r.body["completedAt"]).Sub(stamp(t, "createdAt", r.body["createdAt"]))
	if took < deadline {
		t.Errorf("ended %s after the submit, before the deadline of %s", took, deadline)
	}
	t.Logf("ended %s after the submit with a deadline of %s", took, deadline)
	c.entries(id, credit.Hold, credit.Release)
	c.audited()
}

// Ensure that of runs submitted at once no more are worked on than the client may have, and that the others follow in the order
// in which they were queued.
func TestRunsOverTheLimitFollowInOrder(t *testing.T) {
	s := heavy(t)
	const runs, slots = 10, 2
	c := s.newcomer(t, 4*runs, func(a *account.Client) { a.ConcurrentRuns = slots })
	// Each run holds its slot for as long as its first message takes to come.
	s.faults(t, "deliver=delay:12s")
	quiet := silence(t, 200)
	replies := make([]reply, runs)
	together(runs, func(i int) { replies[i] = c.submit(quiet) })
	queued := 0
	for _, r := range replies {
		if r.status != http.StatusAccepted {
			t.Fatalf("HTTP %d %s", r.status, r.raw)
		}
		if r.body["status"] != string(run.Queued) {
			continue
		}
		queued++
		if position, _ := r.body["queuePosition"].(float64); position < 1 || position > runs-slots {
			t.Errorf("queued at position %v", r.body["queuePosition"])
		}
	}
	if queued == 0 {
		t.Error("no run was queued")
	}
	ledger, err := s.admin.Tables.Ledger(t.Context(), c.id)
	must(t, err)
	if ledger.Account.Running > slots {
		t.Errorf("%d runs are in work", ledger.Account.Running)
	}
	c.balance(4*runs, ledger.Account.Held)

	for _, r := range replies {
		id, _ := r.body["id"].(string)
		end := c.end(run.ID(id))
		if end.body["status"] != string(run.Failed) || end.at("error.code") != string(code.TranscriptionFailed) {
			t.Errorf("%s ended %v with %v", id, end.body["status"], end.body["error"])
		}
	}
	started := map[run.ID]time.Time{}
	type event struct {
		at    time.Time
		delta int
	}
	var events []event
	for _, r := range replies {
		id, _ := r.body["id"].(string)
		stored, err := s.admin.Tables.Get(t.Context(), run.ID(id))
		must(t, err)
		started[stored.ID] = stored.StartedAt
		events = append(events, event{stored.StartedAt, 1}, event{stored.CompletedAt, -1})
	}
	slices.SortFunc(events, func(a, b event) int { return cmp.Or(a.at.Compare(b.at), a.delta-b.delta) })
	inWork, most := 0, 0
	for _, e := range events {
		inWork += e.delta
		most = max(most, inWork)
	}
	if most > slots {
		t.Errorf("%d runs were in work at once, %d are allowed", most, slots)
	}
	if len(ledger.Tickets) == 0 {
		t.Error("nobody waited")
	}
	for i := 1; i < len(ledger.Tickets); i++ {
		before, after := ledger.Tickets[i-1], ledger.Tickets[i]
		if started[after.Run].Before(started[before.Run]) {
			t.Errorf("the run with number %d started at %s, that with number %d at %s", before.Number, started[before.Run], after.Number, started[after.Run])
		}
	}
	t.Logf("%d runs waited, at most %d were in work at once", len(ledger.Tickets), most)
	c.balance(4*runs, 0)
	c.audited()
}
