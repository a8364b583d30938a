// Package audit recomputes what the books must say: every balance from the entries, and every hold,
// slot and place in the queue from the runs. It shares no code with the transitions that wrote
// them, so that it finds their bugs.
package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"parley/shared/engine/account"
	"parley/shared/engine/credit"
	"parley/shared/engine/run"
)

// Ticket is a place in a client's queue.
type Ticket struct {
	Number int64
	Run    run.ID
}

// Ledger is everything that is stored about one client at one moment.
type Ledger struct {
	Account credit.Account
	Entries []credit.Entry // oldest first
	Tickets []Ticket       // lowest first
	Runs    []run.Run      // in any order
}

// Source is a store that can be audited as a whole.
type Source interface {
	// Owners lists every client that has an account, an entry or a run, in order.
	Owners(ctx context.Context) ([]account.ID, error)
	// Ledger reads everything of a client as of one moment, even while others write.
	Ledger(ctx context.Context, client account.ID) (Ledger, error)
}

// Violation is a broken invariant.
type Violation struct {
	Client account.ID `json:"client"`
	Run    run.ID     `json:"run,omitempty"` // empty if it is not about one run
	What   string     `json:"what"`
}

func (v Violation) String() string { return fmt.Sprintf("%s %s: %s", v.Client, v.Run, v.What) }

// Report is the result of an audit.
type Report struct {
	Clients    int         `json:"clients"`
	Runs       int         `json:"runs"`
	Violations []Violation `json:"violations"` // never nil
	// OldestHold is when the oldest hold was made that is not resolved; zero if there is none.
	OldestHold time.Time `json:"-"`
}

// All audits every client of a store, or, if it is not empty, the client only. dimensions lists
// what the runs' service scores. If a client cannot be read, All goes on with the others and joins
// the errors; the report is of those that were read.
func All(ctx context.Context, s Source, dimensions run.Dimensions, only account.ID) (Report, error) {
	report := Report{Violations: []Violation{}}
	owners := []account.ID{only}
	if only == "" {
		var err error
		if owners, err = s.Owners(ctx); err != nil {
			return report, fmt.Errorf("audit: list the clients: %w", err)
		}
	}
	var errs []error
	for _, client := range owners {
		if ctx.Err() != nil {
			errs = append(errs, fmt.Errorf("audit: %w", ctx.Err()))
			break
		}
		l, err := s.Ledger(ctx, client)
		if err != nil {
			errs = append(errs, fmt.Errorf("audit: read %s: %w", client, err))
			continue
		}
		report.Clients++
		report.Runs += len(l.Runs)
		report.Violations = append(report.Violations, Check(l, dimensions)...)
		if at := oldestHold(l.Entries); !at.IsZero() && (report.OldestHold.IsZero() || at.Before(report.OldestHold)) {
			report.OldestHold = at
		}
	}
	return report, errors.Join(errs...)
}

// oldestHold returns when the oldest unresolved hold of a ledger was made; zero if there is none.
func oldestHold(entries []credit.Entry) time.Time {
	open := map[attempt]int64{}
	for _, e := range entries {
		if e.RunID == nil {
			continue
		}
		key := attempt{run.ID(*e.RunID), e.Attempt}
		if e.Kind == credit.Hold {
			open[key] += e.Amount
		} else {
			open[key] -= e.Amount
		}
	}
	for _, e := range entries { // oldest first
		if e.RunID != nil && open[attempt{run.ID(*e.RunID), e.Attempt}] > 0 {
			return e.CreatedAt
		}
	}
	return time.Time{}
}

// Check audits one client. It returns the violations in a fixed order.
func Check(l Ledger, dimensions run.Dimensions) []Violation {
	c := checker{client: l.Account.Client, dimensions: dimensions, holds: map[attempt]*hold{}}
	c.entries(l)
	runs := slices.Clone(l.Runs)
	slices.SortFunc(runs, func(a, b run.Run) int { return cmp.Compare(a.ID, b.ID) })
	c.runs(runs)
	c.slots(l, runs)
	return c.found
}

type attempt struct {
	run    run.ID
	number int
}

// hold sums up the entries of one attempt of a run.
type hold struct {
	held, charged, released int64
	holds, charges, gives   int
}

func (h hold) open() int64 { return h.held - h.charged - h.released }

type checker struct {
	client     account.ID
	dimensions run.Dimensions
	holds      map[attempt]*hold
	found      []Violation
}

func (c *checker) report(id run.ID, format string, args ...any) {
	c.found = append(c.found, Violation{c.client, id, fmt.Sprintf(format, args...)})
}

// entries replays the ledger from zero and compares each step with the balances that the entry
// records.
func (c *checker) entries(l Ledger) {
	var balance, held int64
	for i, e := range l.Entries {
		if e.Seq != int64(i)+1 || e.ID != fmt.Sprintf("txn_%012d", e.Seq) {
			c.report("", "entry %d of the ledger is numbered %d and named %s", i+1, e.Seq, e.ID)
		}
		switch {
		case e.Amount == 0, e.Amount < 0 && e.Kind != credit.Adjust:
			c.report("", "%s: %s of %d", e.ID, e.Kind, e.Amount)
		case (e.RunID == nil) != (e.Kind == credit.Grant || e.Kind == credit.Adjust):
			c.report("", "%s: %s with run %v", e.ID, e.Kind, e.RunID)
			continue
		}
		if e.RunID != nil {
			c.movement(e)
		}
		switch e.Kind {
		case credit.Grant, credit.Adjust:
			balance += e.Amount
		case credit.Hold:
			held += e.Amount
		case credit.Charge:
			balance, held = balance-e.Amount, held-e.Amount
		case credit.Release:
			held -= e.Amount
		default:
			c.report("", "%s: unknown kind %q", e.ID, e.Kind)
		}
		if balance != e.BalanceAfter || held != e.HeldAfter {
			c.report("", "%s: says balance %d, held %d; the entries so far give %d, %d", e.ID, e.BalanceAfter, e.HeldAfter, balance, held)
			balance, held = e.BalanceAfter, e.HeldAfter
		}
		if balance < 0 || held < 0 || held > balance {
			c.report("", "%s: balance %d, held %d", e.ID, balance, held)
		}
	}
	a := l.Account
	if a.Balance != balance || a.Held != held || a.Available != balance-held {
		c.report("", "the account says balance %d, held %d, available %d; its entries give %d, %d, %d",
			a.Balance, a.Held, a.Available, balance, held, balance-held)
	}
	if a.Seq != int64(len(l.Entries)) {
		c.report("", "the account counts %d entries, there are %d", a.Seq, len(l.Entries))
	}
}

// movement adds an entry to the hold of its run's attempt.
func (c *checker) movement(e credit.Entry) {
	key := attempt{run.ID(*e.RunID), e.Attempt}
	h := c.holds[key]
	if h == nil {
		h = &hold{}
		c.holds[key] = h
	}
	switch e.Kind {
	case credit.Hold:
		h.held, h.holds = h.held+e.Amount, h.holds+1
	case credit.Charge:
		h.charged, h.charges = h.charged+e.Amount, h.charges+1
	case credit.Release:
		h.released, h.gives = h.released+e.Amount, h.gives+1
	}
	if h.holds > 1 || h.charges > 1 || h.gives > 1 || h.open() < 0 {
		c.report(key.run, "%s: attempt %d now has %d holds of %d, %d charges of %d, %d releases of %d",
			e.ID, key.number, h.holds, h.held, h.charges, h.charged, h.gives, h.released)
	}
}

// runs compares each run with the holds of its attempts, and checks that its fields fit its status.
func (c *checker) runs(runs []run.Run) {
	known := map[run.ID]int{}
	for _, r := range runs {
		if _, twice := known[r.ID]; twice {
			c.report(r.ID, "stored twice")
		}
		known[r.ID] = r.Attempt
		if r.Client != c.client {
			c.report(r.ID, "belongs to %s", r.Client)
		}
		if r.Attempt < 1 {
			c.report(r.ID, "attempt %d", r.Attempt)
		}
		for n := 1; n <= r.Attempt; n++ {
			c.settled(r, n)
		}
		c.shape(r)
	}
	var strays []attempt
	for key := range c.holds {
		if last, ok := known[key.run]; !ok || key.number < 1 || key.number > last {
			strays = append(strays, key)
		}
	}
	slices.SortFunc(strays, func(a, b attempt) int {
		if a.run != b.run {
			return cmp.Compare(a.run, b.run)
		}
		return a.number - b.number
	})
	for _, key := range strays {
		c.report(key.run, "the ledger has entries of attempt %d, the run has none", key.number)
	}
}

// settled checks the hold of attempt n: it must be open until the run ends, and then be resolved
// once, as the run's end requires.
func (c *checker) settled(r run.Run, n int) {
	h := c.holds[attempt{r.ID, n}]
	if h == nil || h.holds != 1 {
		c.report(r.ID, "attempt %d has no hold", n)
		return
	}
	if h.held != r.Cost {
		c.report(r.ID, "attempt %d holds %d, the run costs %d", n, h.held, r.Cost)
	}
	status, charged := run.Failed, int64(0) // an attempt that another followed
	if n == r.Attempt {
		status, charged = r.Status, r.Charged
	}
	switch {
	case !status.Terminal() && (h.charges != 0 || h.gives != 0):
		c.report(r.ID, "attempt %d is %s and its hold is resolved", n, status)
	case !status.Terminal():
	case h.open() != 0:
		c.report(r.ID, "attempt %d is %s and %d credits of its hold are unresolved", n, status, h.open())
	case h.charged != charged:
		c.report(r.ID, "attempt %d was charged %d, the run says %d", n, h.charged, charged)
	case status == run.Failed && h.charged != 0:
		c.report(r.ID, "attempt %d failed and was charged %d", n, h.charged)
	case status == run.Success && h.charged != r.Cost:
		c.report(r.ID, "succeeded and was charged %d of %d", h.charged, r.Cost)
	case status == run.Partial && r.ErasedAt.IsZero() && h.charged != max(r.Cost*int64(c.dimensions.Produced(r.Scores))/int64(len(c.dimensions)), 1):
		c.report(r.ID, "ended partial with %d scores and was charged %d of %d", c.dimensions.Produced(r.Scores), h.charged, r.Cost)
	}
}

// shape checks which fields a run of this status must have and must not have.
func (c *checker) shape(r run.Run) {
	wrong := func(what string, bad bool) {
		if bad {
			c.report(r.ID, "is %s and %s", r.Status, what)
		}
	}
	terminal := r.Status.Terminal()
	wrong("has no outstanding part", r.Status == run.Processing && len(r.Parts) == 0)
	wrong("has outstanding parts", r.Status != run.Processing && len(r.Parts) != 0)
	wrong("never started or has no deadline", r.Status == run.Processing && (r.StartedAt.IsZero() || r.Deadline.IsZero()))
	wrong("started or has a deadline", r.Status == run.Queued && (!r.StartedAt.IsZero() || !r.Deadline.IsZero()))
	wrong("has no ticket", r.Status == run.Queued && r.Ticket < 1)
	wrong("has ended", !terminal && (!r.CompletedAt.IsZero() || r.Failure != nil || r.Charged != 0))
	wrong("has no end", terminal && r.CompletedAt.IsZero())
	wrong("has no code", r.Status == run.Failed && r.Failure == nil)
	wrong("has a code", r.Status != run.Failed && terminal && r.Failure != nil)
	wrong("lacks a score", r.Status == run.Success && r.ErasedAt.IsZero() && !c.dimensions.Complete(r.Scores))
	wrong("is erased", !terminal && !r.ErasedAt.IsZero())
	wrong("has a webhook to push", r.Push != nil && (!terminal || r.Request.WebhookURL == ""))
	wrong("has more links than it may", len(r.Links) > run.MaxLinks)
	wrong("has links though it is erased", !r.ErasedAt.IsZero() && len(r.Links) > 0)
	wrong("has a webhook outstanding though it is erased", !r.ErasedAt.IsZero() && r.Push.Outstanding())
	wrong("has an unknown status", !slices.Contains(run.Statuses, r.Status))
}

// slots compares the account's counts and the queue with the runs.
func (c *checker) slots(l Ledger, runs []run.Run) {
	running := 0
	waiting := map[run.ID]int64{}
	first := int64(0)
	for _, r := range runs {
		switch r.Status {
		case run.Processing:
			running++
		case run.Queued:
			waiting[r.ID] = r.Ticket
			if first == 0 || r.Ticket < first {
				first = r.Ticket
			}
		}
	}
	if l.Account.Running != running || l.Account.Queued != len(waiting) {
		c.report("", "the account counts %d running and %d queued, the runs give %d and %d", l.Account.Running, l.Account.Queued, running, len(waiting))
	}
	for i, t := range l.Tickets {
		number, queued := waiting[t.Run]
		if !queued || number != t.Number {
			c.report(t.Run, "ticket %d is in the queue, the run waits with %d", t.Number, number)
			continue
		}
		delete(waiting, t.Run)
		if t.Number > l.Account.QueueTail || i > 0 && t.Number <= l.Tickets[i-1].Number {
			c.report(t.Run, "ticket %d out of order; the last given is %d", t.Number, l.Account.QueueTail)
		}
	}
	for _, r := range runs {
		if _, lost := waiting[r.ID]; lost {
			c.report(r.ID, "is queued and its ticket %d is not in the queue", r.Ticket)
		}
		if first > 0 && r.Ticket > first && !r.StartedAt.IsZero() {
			c.report(r.ID, "started with ticket %d while %d still waits", r.Ticket, first)
		}
	}
}
