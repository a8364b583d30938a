package memory

import (
	"context"
	"runtime"
	"testing"
	"time"

	"parley/infra/prove/storetest"
	"parley/shared/engine/account"
	"parley/shared/engine/credit"
	"parley/shared/engine/run"
)

// listener is a test that may fail without failing this one.
type listener struct {
	testing.TB
	failed bool
}

func (l *listener) Errorf(string, ...any) { l.failed = true }
func (l *listener) Error(...any)          { l.failed = true }
func (l *listener) Fatal(...any)          { l.failed = true; runtime.Goexit() }
func (l *listener) Fatalf(string, ...any) { l.failed = true; runtime.Goexit() }
func (l *listener) Failed() bool          { return l.failed }

// torn is a store that reads and writes in two steps what must be one: others may write in between.
type torn struct {
	*Store
	turns                                *storetest.Turns
	submit, end, promote, advance, grant bool // which of its calls do so
}

// Submit reads and writes the idempotency key outside the transaction.
func (s torn) Submit(ctx context.Context, sub run.Submission, now time.Time) (run.Run, bool, error) {
	s.turns.Take(ctx)
	if s.submit && sub.Idempotency != nil {
		if r, err := s.Replay(ctx, sub.Run.Client, *sub.Idempotency, now); err == nil {
			return r, r.ID != sub.Run.ID, nil
		}
		s.turns.Take(ctx)
		without := sub
		without.Idempotency = nil
		r, again, err := s.Store.Submit(ctx, without, now)
		if err == nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.idempotency[idempotencyKey{r.Client, sub.Idempotency.Key}] = accepted{r.ID, sub.Idempotency.Input, sub.Idempotency.Expires}
		}
		return r, again, err
	}
	return s.Store.Submit(ctx, sub, now)
}

// End has no status in its condition: a caller that read the run before another ended it ends it
// again.
func (s torn) End(ctx context.Context, seen run.Run, o run.Outcome, now time.Time) (run.Run, error) {
	if s.end {
		if stored, err := s.Get(ctx, seen.ID); err == nil && stored.Version == seen.Version {
			s.turns.Take(ctx)
			s.mu.Lock()
			s.runs[seen.ID] = seen
			s.mu.Unlock()
		}
	}
	return s.Store.End(ctx, seen, o, now)
}

// Promote has no slot in its condition.
func (s torn) Promote(ctx context.Context, client account.ID, t run.Terms, now time.Time) (run.Run, error) {
	if s.promote {
		if a, err := s.Account(ctx, client); err == nil && a.Running < t.ConcurrentRuns {
			s.turns.Take(ctx)
			t.ConcurrentRuns = 1000
		}
	}
	return s.Store.Promote(ctx, client, t, now)
}

// Advance has no version in its condition: the last write wins.
func (s torn) Advance(ctx context.Context, before, after run.Run) error {
	if s.advance {
		if stored, err := s.Get(ctx, before.ID); err == nil && stored.Version == before.Version {
			s.turns.Take(ctx)
			s.mu.Lock()
			s.put(before)
			s.mu.Unlock()
		}
	}
	return s.Store.Advance(ctx, before, after)
}

// Grant uses a balance that it read before.
func (s torn) Grant(ctx context.Context, client account.ID, amount int64, note string, now time.Time) (credit.Entry, error) {
	before, err := s.Account(ctx, client)
	s.turns.Take(ctx)
	e, err2 := s.Store.Grant(ctx, client, amount, note, now)
	if s.grant && err == nil && err2 == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.books[client].account.Balance, s.books[client].account.Available = before.Balance+amount, before.Available+amount
	}
	return e, err2
}

// Ensure that the comparison detects a store that is correct only without concurrent calls.
func TestCompareBites(t *testing.T) {
	for name, spoil := range map[string]func(*torn){
		"an idempotency key outside the transaction": func(s *torn) { s.submit = true },
		"an end without its condition":               func(s *torn) { s.end = true },
		"a promotion without the slot's condition":   func(s *torn) { s.promote = true },
		"a run written without its version":          func(s *torn) { s.advance = true },
		"an outdated balance":                        func(s *torn) { s.grant = true },
		"nothing":                                    func(*torn) {},
	} {
		t.Run(name, func(t *testing.T) {
			const most = 2000
			for seed := range uint64(most) {
				heard := &listener{TB: t}
				done := make(chan struct{})
				go func() {
					defer close(done)
					turns := new(storetest.Turns)
					subject := torn{Store: New(), turns: turns}
					spoil(&subject)
					storetest.Compare(heard, storetest.Sequence{Seed: seed, Steps: 12, Turns: turns}, New(), subject)
				}()
				<-done
				if heard.failed {
					t.Logf("found by sequence %d", seed+1)
					if name == "nothing" {
						t.Error("and yet it is right")
					}
					return
				}
				if name == "nothing" && seed == 200 {
					return
				}
			}
			t.Errorf("not found in %d sequences", most)
		})
	}
}
