package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"parley/shared/engine/account"
	"parley/shared/engine/credit"
	"parley/shared/engine/run"
)

// runItem is the index of the run among the items of every transaction.
const runItem = 0

// Submit implements run.Store.
//
//	writes  the run if its id is unused; the account, with the hold's entry, if its revision is
//	        the one read; the ticket if the run must wait; the idempotency record if there is none
//	        or it has expired; the use of the upload if there is none, it has expired, or it is of
//	        the run to be replaced
func (s *Store) Submit(ctx context.Context, sub run.Submission, now time.Time) (r run.Run, replayed bool, err error) {
	if err := sub.Check(); err != nil {
		return run.Run{}, false, err
	}
	sub.Run.Version = 0
	idempotencyItem, useItem := -1, -1
	err = s.transact(ctx, "submit", func(ctx context.Context, last setback) ([]types.TransactWriteItem, error) {
		repeat := func() error { r, replayed, err = s.accepted(ctx, sub, now); return err }
		used := useItem > 0 && last.failed(useItem)
		if last.failed(runItem) || idempotencyItem > 0 && last.failed(idempotencyItem) || used {
			if err := repeat(); !errors.Is(err, run.ErrUnknown) {
				return nil, err
			}
		}
		if used {
			switch u, err := s.Used(ctx, sub.Run.Client, sub.Use.Upload, now); {
			case err == nil && u.Run != sub.Instead:
				return nil, run.ErrUsed
			case err != nil && !errors.Is(err, run.ErrUnknown):
				return nil, err
			}
		}
		seen, err := s.books(ctx, sub.Run.Client)
		if err != nil {
			return nil, err
		}
		after, next, entry, err := sub.Admit(seen.Account, sub.Run, now)
		if errors.Is(err, credit.ErrInsufficient) {
			// A repeat gets the first answer even if there are no credits left to hold.
			if again := repeat(); !errors.Is(again, run.ErrUnknown) {
				return nil, again
			}
		}
		if err != nil {
			return nil, err
		}
		r = next
		items, err := s.admission(s.putNewRun(r), seen, after, r, entry, now)
		if sub.Idempotency != nil {
			idempotencyItem = len(items)
			items = append(items, s.putIdempotency(r, *sub.Idempotency, now))
		}
		if sub.Use != nil {
			useItem = len(items)
			items = append(items, types.TransactWriteItem{Put: s.putUse(r.Client, *sub.Use, sub.Instead, now)})
		}
		return items, err
	})
	if err != nil {
		return run.Run{}, false, err
	}
	return r, replayed, nil
}

// accepted checks whether the submit was accepted before, by its idempotency key and then by its
// id. run.ErrUnknown: it was not.
func (s *Store) accepted(ctx context.Context, sub run.Submission, now time.Time) (run.Run, bool, error) {
	if sub.Idempotency != nil {
		r, err := s.Replay(ctx, sub.Run.Client, *sub.Idempotency, now)
		if !errors.Is(err, run.ErrUnknown) {
			return r, err == nil && r.ID != sub.Run.ID, err
		}
	}
	r, err := s.Get(ctx, sub.Run.ID)
	if err == nil && r.Client != sub.Run.Client {
		err = fmt.Errorf("dynamo: submit: id %s is taken", r.ID)
	}
	return r, false, err
}

// admission returns the items that both Submit and Retry write.
func (s *Store) admission(put types.TransactWriteItem, seen books, after credit.Account, r run.Run, e credit.Entry, now time.Time) ([]types.TransactWriteItem, error) {
	account, err := s.move(seen, after, []credit.Entry{e}, "", now)
	items := append([]types.TransactWriteItem{put}, account...)
	if r.Status == run.Queued {
		items = append(items, s.putTicket(r))
	}
	return items, err
}

// past checks, after a setback, whether a decision based on seen can still be written. It returns
// nil if it can, and errDone if wrote is stored: then an attempt whose answer was lost has written
// it.
func (s *Store) past(ctx context.Context, last setback, seen, wrote run.Run) error {
	if !last.failed(runItem) {
		return nil
	}
	now, err := s.Get(ctx, seen.ID)
	switch {
	case err != nil:
		return err
	case last.unsure && wrote.ID == seen.ID && identical(now, wrote):
		return errDone
	}
	return seen.Overtaken(now)
}

var errDone = errors.New("written by an attempt whose answer was lost")

// End implements run.Store.
//
//	writes  the run if its version is the one seen; the account, with the entries that resolve the
//	        hold, if its revision is the one read
//	deletes the ticket if the run was queued
func (s *Store) End(ctx context.Context, seen run.Run, o run.Outcome, now time.Time) (run.Run, error) {
	after, err := seen.End(o, now)
	if err != nil {
		return run.Run{}, err
	}
	err = s.transact(ctx, "end", func(ctx context.Context, last setback) ([]types.TransactWriteItem, error) {
		if err := s.past(ctx, last, seen, after); err != nil {
			return nil, err
		}
		before, err := s.books(ctx, seen.Client)
		if err != nil {
			return nil, err
		}
		a, entries, err := seen.Settle(before.Account, o.Charge, now)
		if err != nil {
			return nil, s.disagreement(ctx, seen, err)
		}
		account, err := s.move(before, a, entries, "", now)
		if err != nil {
			return nil, s.disagreement(ctx, seen, err)
		}
		items := append([]types.TransactWriteItem{s.putRun(seen, after)}, account...)
		if seen.Status == run.Queued {
			items = append(items, s.deleteTicket(seen))
		}
		return items, nil
	})
	if err != nil && !errors.Is(err, errDone) {
		return run.Run{}, err
	}
	return after, nil
}

// disagreement explains why the account does not fit a decision based on seen. Usually the run has
// changed meanwhile, and the account with it; if not, err is a real error.
func (s *Store) disagreement(ctx context.Context, seen run.Run, err error) error {
	now, read := s.Get(ctx, seen.ID)
	if read != nil {
		return read
	}
	if why := seen.Overtaken(now); why != nil {
		return why
	}
	return err
}

// Promote implements run.Store.
//
//	writes  the run if its version is the one read; the account if its revision is the one read
//	deletes the ticket
func (s *Store) Promote(ctx context.Context, client account.ID, t run.Terms, now time.Time) (run.Run, error) {
	var r run.Run
	err := s.transact(ctx, "promote", func(ctx context.Context, last setback) ([]types.TransactWriteItem, error) {
		if last.unsure && r.ID != "" {
			if stored, err := s.Get(ctx, r.ID); err != nil {
				return nil, err
			} else if identical(stored, r) {
				return nil, errDone
			}
		}
		before, err := s.books(ctx, client)
		if err != nil {
			return nil, err
		}
		after, err := run.Promote(before.Account, t.ConcurrentRuns)
		if err != nil {
			return nil, err
		}
		var head run.ID
		if err := s.tickets(ctx, client, lastNumber, 1, func(_ int64, id run.ID) bool { head = id; return false }); err != nil {
			return nil, err
		}
		if head == "" {
			return nil, errTorn
		}
		seen, err := s.Get(ctx, head)
		if err != nil {
			return nil, err
		}
		if seen.Status != run.Queued {
			return nil, errTorn
		}
		if r, err = seen.Start(t, now); err != nil {
			return nil, err
		}
		account, err := s.move(before, after, nil, "", now)
		return append([]types.TransactWriteItem{s.putRun(seen, r), s.deleteTicket(seen)}, account...), err
	})
	if err != nil && !errors.Is(err, errDone) {
		return run.Run{}, err
	}
	return r, nil
}

// Retry implements run.Store. An erased run has no recording, so it is ErrGone.
//
//	writes  the run if its version is the one seen; the account, with the new hold's entry, if its
//	        revision is the one read; the ticket if the run must wait
func (s *Store) Retry(ctx context.Context, seen run.Run, sub run.Submission, now time.Time) (run.Run, error) {
	again, err := seen.Again()
	if err != nil {
		return run.Run{}, err
	}
	var r run.Run
	err = s.transact(ctx, "retry", func(ctx context.Context, last setback) ([]types.TransactWriteItem, error) {
		if err := s.past(ctx, last, seen, r); err != nil {
			return nil, err
		}
		before, err := s.books(ctx, seen.Client)
		if err != nil {
			return nil, err
		}
		after, next, entry, err := sub.Admit(before.Account, again, now)
		if errors.Is(err, credit.ErrInsufficient) {
			return nil, s.disagreement(ctx, seen, err)
		}
		if err != nil {
			return nil, err
		}
		r = next
		return s.admission(s.putRun(seen, r), before, after, r, entry, now)
	})
	if err != nil && !errors.Is(err, errDone) {
		return run.Run{}, err
	}
	return r, nil
}
