package run

import (
	"fmt"
	"time"

	"parley/shared/engine/credit"
)

// Check returns an error if the submission is impossible: a bug of the caller.
func (s Submission) Check() error {
	if r := s.Run; !r.ID.Valid() || r.Client == "" || r.Attempt != 1 || r.Cost < 1 || r.CreatedAt.IsZero() {
		return fmt.Errorf("run: submit: impossible run %q of %q: attempt %d, cost %d, created %s", r.ID, r.Client, r.Attempt, r.Cost, r.CreatedAt)
	}
	if s.ConcurrentRuns < 1 {
		return fmt.Errorf("run: submit: %d concurrent runs", s.ConcurrentRuns)
	}
	if u := s.Use; (u == nil) != (s.Run.Upload == "") || u != nil && (u.Upload != s.Run.Upload || u.Run != s.Run.ID) {
		return fmt.Errorf("run: submit: %s of upload %q does not fit its use %+v", s.Run.ID, s.Run.Upload, u)
	}
	return nil
}

// Admit decides a submit or a retry. It holds the cost of r and gives r a slot, or a ticket if no
// slot is free or other runs already wait. The stores write all three results in one transaction,
// on the condition that a is still the stored account. credit.ErrInsufficient.
func (s Submission) Admit(a credit.Account, r Run, now time.Time) (credit.Account, Run, credit.Entry, error) {
	a, entry, err := a.HoldFor(string(r.ID), r.Attempt, r.Cost, now)
	if err != nil {
		return a, r, entry, err
	}
	r.Status, r.Ticket, r.StartedAt, r.Deadline, r.Parts = "", 0, time.Time{}, time.Time{}, nil
	if a.Queued == 0 && a.Running < s.ConcurrentRuns {
		a.Running++
		r.Met = Met{Running: a.Running}
		r, err = r.Start(s.Terms, now)
		return a, r, entry, err
	}
	a.Queued++
	a.QueueTail++
	r.Met = Met{Running: a.Running, Queued: a.Queued}
	r.Status, r.Ticket = Queued, a.QueueTail
	r.Version++
	return a, r, entry, nil
}

// Promote is the account's side of starting its first queued run: a place in the queue becomes a
// slot. ErrNoSlot.
func Promote(a credit.Account, concurrentRuns int) (credit.Account, error) {
	if a.Running >= concurrentRuns || a.Queued == 0 {
		return a, ErrNoSlot
	}
	a.Queued--
	a.Running++
	return a, nil
}

// Settle is the account's side of ending r, a run that has not ended. It charges charge credits of
// the hold, releases the rest, and frees the slot or the place in the queue. It returns the entries
// that record this.
func (r Run) Settle(a credit.Account, charge int64, now time.Time) (credit.Account, []credit.Entry, error) {
	a, entries, err := a.Resolve(string(r.ID), r.Attempt, r.Cost, charge, now)
	if err != nil {
		return a, nil, err
	}
	if r.Status == Queued {
		a.Queued--
	} else {
		a.Running--
	}
	return a, entries, nil
}
