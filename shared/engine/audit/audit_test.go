package audit_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"parley/infra/prove/service"
	"parley/infra/prove/storetest"
	"parley/shared/engine/account"
	"parley/shared/engine/audit"
	"parley/shared/engine/credit"
	"parley/shared/engine/run"
	"parley/shared/engine/store/memory"
)

// books returns the ledger of a client with a run in every status: 1 success, 2 partial, 3 failed
// and retried (its second attempt is in process), 4 queued, 5 queued, 6 failed and erased.
func books(t *testing.T) (*memory.Store, account.ID) {
	t.Helper()
	s, client, now, ctx := memory.New(), storetest.ClientID(1), storetest.Start, t.Context()
	must := func(r run.Run, err error) run.Run {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if _, err := s.Grant(ctx, client, 100, "", now); err != nil {
		t.Fatal(err)
	}
	submit := func(n, slots int) run.Run {
		r, _, err := s.Submit(ctx, storetest.Submission(client, n, 4, slots, now), now)
		return must(r, err)
	}
	one, two, three, six := submit(1, 9), submit(2, 9), submit(3, 9), submit(6, 9)
	v := 3.0
	all := run.Scores{"vocabulary": v, "fluency": v, "accent": v, "overall": v}
	must(s.End(ctx, one, run.Succeed(one, service.Sample.Dimensions, all, nil), now))
	must(s.End(ctx, two, run.SucceedInPart(two, service.Sample.Dimensions, run.Scores{"fluency": v, "accent": v}, nil), now))
	failed := must(s.End(ctx, three, run.Fail("INTERNAL_ERROR", "", ""), now))
	must(s.Retry(ctx, failed, storetest.Submission(client, 3, 4, 9, now), now))
	must(s.Erase(ctx, must(s.End(ctx, six, run.Fail("INTERNAL_ERROR", "", ""), now)), now))
	submit(4, 1)
	submit(5, 1)
	return s, client
}

// Ensure that the audit accepts correct books and finds each violation.
func TestCheck(t *testing.T) {
	at := func(l *audit.Ledger, n int) *run.Run {
		for i := range l.Runs {
			if l.Runs[i].ID == storetest.RunID(n) {
				return &l.Runs[i]
			}
		}
		panic("no such run")
	}
	entry := func(l *audit.Ledger, kind credit.Kind, n int) *credit.Entry {
		for i := range l.Entries {
			if e := &l.Entries[i]; e.Kind == kind && e.RunID != nil && *e.RunID == string(storetest.RunID(n)) {
				return e
			}
		}
		panic("no such entry")
	}
	for _, tc := range []struct {
		name  string
		spoil func(*audit.Ledger)
		says  string // text of one of the violations; empty: there are none
	}{
		{"correct books", func(*audit.Ledger) {}, ""},
		{"a balance that differs from the entries", func(l *audit.Ledger) { l.Account.Balance++; l.Account.Available++ }, "its entries give"},
		{"a hold that no entry knows", func(l *audit.Ledger) { l.Account.Held++; l.Account.Available-- }, "its entries give"},
		{"an entry that is gone", func(l *audit.Ledger) { l.Entries = l.Entries[:len(l.Entries)-1] }, "has no hold"},
		{"an entry that was changed", func(l *audit.Ledger) { l.Entries[0].Amount = 99 }, "the entries so far give"},
		{"entries out of order", func(l *audit.Ledger) { l.Entries[1], l.Entries[2] = l.Entries[2], l.Entries[1] }, "is numbered"},
		{"an entry of an unknown kind", func(l *audit.Ledger) { l.Entries[0].Kind = "gift" }, "gift"},
		{"a run charged twice", func(l *audit.Ledger) { entry(l, credit.Charge, 2).RunID = entry(l, credit.Charge, 1).RunID }, "2 charges"},
		{"a charge for a failed run", func(l *audit.Ledger) { entry(l, credit.Release, 6).Kind = credit.Charge }, "charged"},
		{"a charge of an attempt that was retried", func(l *audit.Ledger) { entry(l, credit.Release, 3).Kind = credit.Charge }, "charged"},
		{"a hold that is never resolved", func(l *audit.Ledger) { entry(l, credit.Charge, 1).RunID = nil }, "unresolved"},
		{"a hold that is resolved while the run lives", func(l *audit.Ledger) {
			r := at(l, 6)
			r.Status, r.Failure, r.CompletedAt, r.ErasedAt = run.Processing, nil, time.Time{}, time.Time{}
		}, "its hold is resolved"},
		{"a partial charge of the wrong share", func(l *audit.Ledger) { delete(at(l, 2).Scores, "fluency") }, "ended partial with 1 scores"},
		{"a success charged in part", func(l *audit.Ledger) { at(l, 1).Cost = 5 }, "holds 4, the run costs 5"},
		{"a run whose charge differs from the ledger", func(l *audit.Ledger) { at(l, 1).Charged = 3 }, "the run says 3"},
		{"a run that the ledger does not know", func(l *audit.Ledger) { at(l, 1).ID = storetest.RunID(99) }, "attempt 1 has no hold"},
		{"ledger entries of a missing run", func(l *audit.Ledger) { l.Runs = l.Runs[1:] }, "the run has none"},
		{"a run of another client", func(l *audit.Ledger) { at(l, 1).Client = storetest.ClientID(2) }, "belongs to"},
		{"a slot that is never freed", func(l *audit.Ledger) { l.Account.Running++ }, "counts 2 running"},
		{"a slot used twice", func(l *audit.Ledger) { l.Account.Running-- }, "counts 0 running"},
		{"a queue that is counted wrong", func(l *audit.Ledger) { l.Account.Queued = 1 }, "1 queued"},
		{"a queued run without its ticket", func(l *audit.Ledger) { l.Tickets = l.Tickets[1:] }, "is not in the queue"},
		{"a ticket of a run that does not wait", func(l *audit.Ledger) {
			l.Tickets = append(l.Tickets, audit.Ticket{Number: 3, Run: storetest.RunID(1)})
		}, "ticket 3 is in the queue"},
		{"a queued run that was overtaken", func(l *audit.Ledger) { at(l, 3).Ticket = 2 }, "started with ticket 2 while 1 still waits"},
		{"a run in process with nothing to do", func(l *audit.Ledger) { at(l, 3).Parts = nil }, "has no outstanding part"},
		{"a run in process without deadline", func(l *audit.Ledger) { at(l, 3).Deadline = time.Time{} }, "has no deadline"},
		{"a queued run that ages", func(l *audit.Ledger) { at(l, 4).Deadline = storetest.Start }, "has a deadline"},
		{"an ended run with something to do", func(l *audit.Ledger) { at(l, 1).Parts = at(l, 3).Parts }, "has outstanding parts"},
		{"an ended run without end", func(l *audit.Ledger) { at(l, 1).CompletedAt = time.Time{} }, "has no end"},
		{"a failure without a code", func(l *audit.Ledger) { at(l, 6).Failure = nil }, "has no code"},
		{"a success with a score missing", func(l *audit.Ledger) { delete(at(l, 1).Scores, "accent") }, "lacks a score"},
		{"an unknown status", func(l *audit.Ledger) { at(l, 1).Status = "lost" }, "unknown status"},
		{"an account below zero", func(l *audit.Ledger) { l.Entries[0].Amount, l.Entries[0].BalanceAfter = 1, 1 }, "the entries so far give"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, client := books(t)
			l, err := s.Ledger(t.Context(), client)
			if err != nil {
				t.Fatal(err)
			}
			tc.spoil(&l)
			found := audit.Check(l, service.Sample.Dimensions)
			if tc.says == "" {
				if len(found) > 0 {
					t.Errorf("found %v", found)
				}
				return
			}
			for _, v := range found {
				if v.Client == client && strings.Contains(v.String(), tc.says) {
					return
				}
			}
			t.Errorf("found %v, want one that says %q", found, tc.says)
		})
	}
}

// Ensure that an audit of all clients or of one counts what it looked at.
func TestAll(t *testing.T) {
	s, client := books(t)
	if _, err := s.Grant(t.Context(), storetest.ClientID(2), 5, "", storetest.Start); err != nil {
		t.Fatal(err)
	}
	for only, want := range map[account.ID]audit.Report{"": {Clients: 2, Runs: 6}, client: {Clients: 1, Runs: 6}, storetest.ClientID(2): {Clients: 1}} {
		got, err := audit.All(t.Context(), s, service.Sample.Dimensions, only)
		if err != nil || got.Clients != want.Clients || got.Runs != want.Runs || len(got.Violations) != 0 || got.Violations == nil {
			t.Errorf("of %q: %+v, %v", only, got, err)
		}
	}
}

// unreadable is a store in which one client cannot be read.
type unreadable struct {
	audit.Source
	client account.ID
}

var errUnreadable = errors.New("unreadable")

func (u unreadable) Ledger(ctx context.Context, c account.ID) (audit.Ledger, error) {
	if c == u.client {
		return audit.Ledger{}, errUnreadable
	}
	return u.Source.Ledger(ctx, c)
}

// Ensure that a client that cannot be read keeps no other from being audited, and is reported.
func TestAllGoesOn(t *testing.T) {
	s, client := books(t)
	if _, err := s.Grant(t.Context(), storetest.ClientID(2), 5, "", storetest.Start); err != nil {
		t.Fatal(err)
	}
	for broken, runs := range map[account.ID]int{client: 0, storetest.ClientID(2): 6} {
		got, err := audit.All(t.Context(), unreadable{s, broken}, service.Sample.Dimensions, "")
		if !errors.Is(err, errUnreadable) || !strings.Contains(err.Error(), string(broken)) || got.Clients != 1 || got.Runs != runs {
			t.Errorf("without %q: %+v, %v", broken, got, err)
		}
	}
}

// Ensure that an audit tells how long credits have been held: since the oldest hold that is not
// resolved, and not since one that is.
func TestOldestHold(t *testing.T) {
	s, ctx, now := memory.New(), t.Context(), storetest.Start
	if _, err := s.Grant(ctx, storetest.ClientID(1), 100, "", now); err != nil {
		t.Fatal(err)
	}
	oldest := func(want time.Time) {
		t.Helper()
		got, err := audit.All(ctx, s, service.Sample.Dimensions, "")
		if err != nil || !got.OldestHold.Equal(want) {
			t.Errorf("oldest hold %v, %v; want %v", got.OldestHold, err, want)
		}
	}
	oldest(time.Time{})
	first, _, err := s.Submit(ctx, storetest.Submission(storetest.ClientID(1), 1, 4, 9, now), now)
	if err != nil {
		t.Fatal(err)
	}
	later := now.Add(time.Hour)
	if _, _, err := s.Submit(ctx, storetest.Submission(storetest.ClientID(1), 2, 4, 9, later), later); err != nil {
		t.Fatal(err)
	}
	oldest(now)
	if _, err := s.End(ctx, first, run.Fail("INTERNAL_ERROR", "", ""), later); err != nil {
		t.Fatal(err)
	}
	oldest(later)
}
