package system_test

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"parley/infra/local"
	"parley/shared/engine/account"
	"parley/shared/engine/audit"
	"parley/shared/engine/credit"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech"
)

// quietCredits is what 200 s of silence hold.
const quietCredits = 4

// Ensure that of concurrent submits exactly as many are accepted as there are credits for. The
// others are told what is missing and leave nothing behind.
func TestSubmitsAtOnceSpendNoCreditTwice(t *testing.T) {
	s := need(t)
	const submits, affordable = 30, 10
	c := s.newcomer(t, affordable*quietCredits)
	// A run that ended meanwhile would release its credits for another submit.
	s.faults(t, "ingest=drop")
	quiet := silence(t, 200)
	replies := make([]reply, submits)
	together(submits, func(i int) { replies[i] = c.submit(quiet) })

	var ids []run.ID
	for _, r := range replies {
		if r.status == http.StatusAccepted {
			id, _ := r.body["id"].(string)
			ids = append(ids, run.ID(id))
			continue
		}
		e := refused(t, r, http.StatusPaymentRequired, errcode.InsufficientCredits)
		details, _ := e["details"].(map[string]any)
		if available, ok := details["available"].(float64); details["cost"] != float64(quietCredits) || !ok || available < 0 || available >= quietCredits {
			t.Errorf("details %v", e["details"])
		}
	}
	if len(ids) != affordable {
		t.Errorf("%d submits were accepted, there are credits for %d", len(ids), affordable)
	}
	c.balance(affordable*quietCredits, affordable*quietCredits)
	ledger := c.ledger()
	if len(ledger.Runs) != affordable || len(ledger.Entries) != 1+affordable {
		t.Errorf("left are %d runs and %d entries, want %d and %d", len(ledger.Runs), len(ledger.Entries), affordable, 1+affordable)
	}
	c.audited()

	must(t, local.ClearFaults(s.data()))
	c.resend()
	for _, id := range ids {
		c.entriesOnceEnded(id)
	}
	c.balance(affordable*quietCredits, 0)
	c.audited()
}

// Ensure that of runs submitted at once no more are in process at any moment than the client may
// have, that the others follow in the order of the queue, and that all end.
func TestRunsOverTheLimitFollowInOrder(t *testing.T) {
	s := need(t)
	const runs, slots = 50, account.DefaultConcurrentRuns
	c := s.newcomer(t, runs*quietCredits)
	s.faults(t, "ingest=drop") // no slot becomes free before all are queued
	quiet := silence(t, 200)
	replies := make([]reply, runs)
	together(runs, func(i int) { replies[i] = c.submit(quiet) })
	var ids []run.ID
	positions := map[int]bool{}
	for _, r := range replies {
		if r.status != http.StatusAccepted {
			t.Fatalf("HTTP %d %s", r.status, r.raw)
		}
		id, _ := r.body["id"].(string)
		ids = append(ids, run.ID(id))
		if r.body["status"] == string(run.Queued) {
			position, _ := r.body["queuePosition"].(float64)
			positions[int(position)] = true
		}
	}
	for n := 1; n <= runs-slots; n++ {
		if !positions[n] {
			t.Errorf("nobody was told to wait at position %d", n)
		}
	}
	waiting := c.ledger()
	if waiting.Account.Running != slots || len(waiting.Tickets) != runs-slots {
		t.Errorf("%d runs are in work and %d wait, want %d and %d", waiting.Account.Running, len(waiting.Tickets), slots, runs-slots)
	}
	c.balance(runs*quietCredits, runs*quietCredits)

	ctx, stop := context.WithCancel(t.Context())
	watched := make(chan watch, 1)
	go func() { watched <- c.watch(ctx) }()
	must(t, local.ClearFaults(s.data()))
	c.resend()
	for _, id := range ids {
		c.entriesOnceEnded(id)
	}
	stop()
	saw := <-watched
	must(t, saw.err)
	if saw.looks == 0 || saw.most > slots {
		t.Errorf("in %d looks at the ledger up to %d runs were in work at once, %d are allowed", saw.looks, saw.most, slots)
	}
	// Among them is a run that started while one with a lower number waited.
	for _, v := range saw.violations {
		t.Errorf("audit while they ran: %s", v)
	}
	if !slices.Equal(saw.order, waiting.Tickets) {
		t.Errorf("queued were %v, started were %v", waiting.Tickets, saw.order)
	}
	t.Logf("%d runs waited; at most %d were in work at once in %d looks at the ledger, %d by their times", len(waiting.Tickets), saw.most, saw.looks, overlap(c.ledger().Runs))
	c.balance(runs*quietCredits, 0)
	c.audited()
}

// ledger reads everything that is stored of the caller.
func (c *caller) ledger() audit.Ledger {
	c.t.Helper()
	l, err := c.sys.admin.Tables.Ledger(c.t.Context(), c.id)
	must(c.t, err)
	return l
}

// resend sends the parts of the caller's runs again, as the sweep would when they are due.
func (c *caller) resend() {
	c.t.Helper()
	var lost []pipeline.Message
	for _, r := range c.ledger().Runs {
		for p := range r.Parts {
			lost = append(lost, pipeline.MessageFor(r, p))
		}
	}
	must(c.t, c.sys.admin.Queues.Send(c.t.Context(), lost))
}

// entriesOnceEnded waits for the end of a run of silence and checks what it left in the ledger.
func (c *caller) entriesOnceEnded(id run.ID) {
	c.t.Helper()
	r := c.end(id)
	if r.body["status"] != string(run.Failed) || r.at("error.code") != string(errcode.TranscriptionFailed) {
		c.t.Errorf("%s ended %v with %v", id, r.body["status"], r.body["error"])
	}
	var kinds []credit.Kind
	for _, e := range c.ledger().Entries {
		if e.RunID != nil && *e.RunID == string(id) {
			kinds = append(kinds, e.Kind)
		}
	}
	if !slices.Equal(kinds, []credit.Kind{credit.Hold, credit.Release}) {
		c.t.Errorf("the ledger of %s has %v", id, kinds)
	}
}

// watch is what repeated reads of a ledger have seen.
type watch struct {
	looks, most int
	order       []audit.Ticket // the runs that left the queue, in that order
	violations  []audit.Violation
	err         error
}

// watch reads the caller's books until ctx ends.
func (c *caller) watch(ctx context.Context) (w watch) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var waiting []audit.Ticket
	for {
		select {
		case <-ctx.Done():
			return w
		case <-tick.C:
		}
		l, err := c.sys.admin.Tables.Ledger(ctx, c.id)
		if err != nil {
			if ctx.Err() == nil {
				w.err = err
			}
			return w
		}
		running := 0
		for _, r := range l.Runs {
			if r.Status == run.Processing {
				running++
			}
		}
		for _, ticket := range waiting {
			if !slices.Contains(l.Tickets, ticket) {
				w.order = append(w.order, ticket)
			}
		}
		waiting = l.Tickets
		w.looks++
		w.most = max(w.most, running, l.Account.Running)
		w.violations = append(w.violations, audit.Check(l, speech.Service.Dimensions)...)
	}
}

// overlap returns how many runs were in process at once, by their times. A time is when a function
// decided, which is before its transaction by the wait for the client's other transactions. So two
// may seem to have changed places.
func overlap(runs []run.Run) (most int) {
	type event struct {
		at    time.Time
		delta int
	}
	var events []event
	for _, r := range runs {
		events = append(events, event{r.StartedAt, 1}, event{r.CompletedAt, -1})
	}
	slices.SortFunc(events, func(a, b event) int { return cmp.Or(a.at.Compare(b.at), a.delta-b.delta) })
	inWork := 0
	for _, e := range events {
		inWork += e.delta
		most = max(most, inWork)
	}
	return most
}
