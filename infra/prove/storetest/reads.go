package storetest

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"parley/shared/engine/account"
	"parley/shared/engine/credit"
	"parley/shared/engine/run"
)

// Reads tests the reads of runs and of the ledger, and Grant and Adjust.
func Reads(t *testing.T, open func(*testing.T) Store) {
	t.Run("List", func(t *testing.T) { lists(t, open) })
	t.Run("Queue", func(t *testing.T) { queues(t, open) })
	t.Run("Due", func(t *testing.T) { dues(t, open) })
	t.Run("Ledger", func(t *testing.T) { ledgers(t, open) })
	t.Run("what is returned is a copy", func(t *testing.T) {
		w := newWorld(t, open, 10)
		s := Submission(w.client, 1, 4, 2, w.now)
		r, _, err := w.s.Submit(w.ctx, s, w.now)
		w.refused(err, nil)
		before := w.state()
		s.Run.Request.Tags[0], s.Run.Request.Metadata["position"] = "spoilt", "spoilt"
		r.Request.Tags[0], r.Request.Metadata["position"] = "spoilt", "spoilt"
		delete(r.Parts, first)
		w.is(before)
	})
	t.Run("Get of a run that is not there is unknown", func(t *testing.T) {
		w := newWorld(t, open, 0)
		_, err := w.s.Get(w.ctx, RunID(1))
		w.refused(err, run.ErrUnknown)
	})
}

func numbers(runs []run.Run) []run.ID {
	var ids []run.ID
	for _, r := range runs {
		ids = append(ids, r.ID)
	}
	return ids
}

func lists(t *testing.T, open func(*testing.T) Store) {
	// Ten runs, a second apart. The even ones have ended; two are from the same millisecond.
	ten := func(t *testing.T) *world {
		w := newWorld(t, open, 1000)
		w.slots = 100
		for n := range 10 {
			r := w.submit(n, 4)
			if n%2 == 0 {
				w.end(r, failed)
			}
			if n != 4 {
				w.later(time.Second)
			}
		}
		return w
	}
	at := func(n int) time.Time {
		if n > 4 {
			n--
		}
		return Start.Add(time.Duration(n) * time.Second)
	}
	ids := func(n ...int) []run.ID {
		var all []run.ID
		for _, i := range n {
			all = append(all, RunID(i))
		}
		return all
	}
	t.Run("filters", func(t *testing.T) {
		w := ten(t)
		for _, tc := range []struct {
			name   string
			filter run.Filter
			want   []run.ID
			more   bool
		}{
			{"none: newest first", run.Filter{Limit: 100}, ids(9, 8, 7, 6, 5, 4, 3, 2, 1, 0), false},
			{"exactly as many as there are", run.Filter{Limit: 10}, ids(9, 8, 7, 6, 5, 4, 3, 2, 1, 0), false},
			{"one fewer than there are", run.Filter{Limit: 9}, ids(9, 8, 7, 6, 5, 4, 3, 2, 1), true},
			{"status failed", run.Filter{Status: run.Failed, Limit: 100}, ids(8, 6, 4, 2, 0), false},
			{"status processing", run.Filter{Status: run.Processing, Limit: 2}, ids(9, 7), true},
			{"status partial", run.Filter{Status: run.Partial, Limit: 2}, nil, false},
			{"externalId", run.Filter{ExternalID: "candidate 3", Limit: 2}, ids(3), false},
			{"externalId is whole", run.Filter{ExternalID: "candidate", Limit: 2}, nil, false},
			{"tag", run.Filter{Tag: "tag-1", Limit: 100}, ids(9, 7, 5, 3, 1), false},
			{"tag is whole", run.Filter{Tag: "tag", Limit: 100}, nil, false},
			{"tag, a page", run.Filter{Tag: "tag-1", Limit: 4}, ids(9, 7, 5, 3), true},
			{"createdAfter is inclusive", run.Filter{CreatedAfter: at(7), Limit: 100}, ids(9, 8, 7), false},
			{"createdAfter, a moment later", run.Filter{CreatedAfter: at(7).Add(1), Limit: 100}, ids(9, 8), false},
			{"createdBefore is exclusive", run.Filter{CreatedBefore: at(2), Limit: 100}, ids(1, 0), false},
			{"createdBefore, a moment later", run.Filter{CreatedBefore: at(2).Add(1), Limit: 100}, ids(2, 1, 0), false},
			{"between", run.Filter{CreatedAfter: at(3), CreatedBefore: at(6), Limit: 100}, ids(5, 4, 3), false},
			{"between nothing", run.Filter{CreatedAfter: at(6), CreatedBefore: at(3), Limit: 100}, nil, false},
			{"all at once", run.Filter{Status: run.Failed, Tag: "tag-0", ExternalID: "candidate 6", CreatedAfter: at(3), CreatedBefore: at(9), Limit: 1}, ids(6), false},
			{"times beyond all bounds", run.Filter{CreatedAfter: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Add(1), CreatedBefore: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), Limit: 1}, ids(9), true},
			{"behind a position", run.Filter{After: run.Position{CreatedAt: at(5), ID: RunID(5)}, Limit: 2}, ids(4, 3), true},
			{"behind a position that is no run", run.Filter{After: run.Position{CreatedAt: at(2).Add(time.Millisecond), ID: RunID(77)}, Limit: 100}, ids(2, 1, 0), false},
			{"behind the last", run.Filter{After: run.Position{CreatedAt: at(0), ID: RunID(0)}, Limit: 2}, nil, false},
			{"behind a position, before a time", run.Filter{After: run.Position{CreatedAt: at(9), ID: RunID(9)}, CreatedBefore: at(2), Limit: 2}, ids(1, 0), false},
			{"behind a position, after a later time", run.Filter{After: run.Position{CreatedAt: at(2), ID: RunID(2)}, CreatedAfter: at(6), Limit: 2}, nil, false},
		} {
			t.Run(tc.name, func(t *testing.T) {
				got, next, err := w.s.List(w.ctx, w.client, tc.filter)
				if err != nil {
					t.Fatal(err)
				}
				same(t, tc.want, numbers(got))
				if more := next != (run.Position{}); more != tc.more {
					t.Errorf("next %+v", next)
				}
				for _, r := range got {
					stored, err := w.s.Get(w.ctx, r.ID)
					if err != nil {
						t.Fatal(err)
					}
					same(t, stored, r)
				}
			})
		}
	})
	each(t, []scenario{
		{"pages give every run once while new ones arrive", func(t *testing.T) {
			w := ten(t)
			var got []run.ID
			f := run.Filter{Limit: 3}
			for page := range 10 {
				runs, next, err := w.s.List(w.ctx, w.client, f)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, numbers(runs)...)
				w.submit(100+page, 4)
				if f.After = next; next == (run.Position{}) {
					break
				}
			}
			same(t, ids(9, 8, 7, 6, 5, 4, 3, 2, 1, 0), got)
		}},
		{"of another client is empty", func(t *testing.T) {
			w := ten(t)
			got, next, err := w.s.List(w.ctx, ClientID(2), run.Filter{Limit: 1})
			if err != nil || len(got) != 0 || next != (run.Position{}) {
				t.Errorf("%v, %v, %v", got, next, err)
			}
		}},
		{"takes 1 to 100", func(t *testing.T) {
			w := newWorld(t, open, 0)
			for limit, ok := range map[int]bool{0: false, 1: true, 100: true, 101: false, -1: false} {
				if _, _, err := w.s.List(w.ctx, w.client, run.Filter{Limit: limit}); (err == nil) != ok {
					t.Errorf("limit %d: %v", limit, err)
				}
			}
		}},
	})
}

func queues(t *testing.T, open func(*testing.T) Store) {
	t.Run("position counts from 1, moves up, and is 0 for whoever does not wait", func(t *testing.T) {
		w := newWorld(t, open, 100)
		w.slots = 1
		runs := []run.Run{w.submit(0, 4), w.submit(1, 4), w.submit(2, 4), w.submit(3, 4), w.submit(4, 4)}
		positions := func(want ...int) {
			t.Helper()
			for i, r := range runs {
				got, err := w.s.QueuePosition(w.ctx, r)
				if err != nil || got != want[i] {
					t.Errorf("run %d is at %d (%v), want %d", i, got, err, want[i])
				}
			}
		}
		positions(0, 1, 2, 3, 4)
		w.end(runs[2], failed)
		positions(0, 1, 0, 2, 3)
		w.end(runs[0], failed)
		w.must(w.promote())
		positions(0, 0, 0, 1, 2)
	})
	t.Run("Waiting names clients with a queue, the longest unmoved first", func(t *testing.T) {
		w := newWorld(t, open, 100)
		w.slots = 1
		waiting := func(limit int, want ...account.ID) {
			t.Helper()
			got, err := w.s.Waiting(w.ctx, limit)
			if err != nil {
				t.Fatal(err)
			}
			same(t, want, got)
		}
		w.submit(1, 4)
		waiting(10)
		var last run.Run
		for n := 2; n <= 7; n++ {
			w.later(time.Second)
			w.client = ClientID(n)
			w.must(w.s.Grant(w.ctx, w.client, 100, "", w.now))
			w.submit(10*n, 4)
			last = w.submit(10*n+1, 4)
		}
		waiting(10, ClientID(2), ClientID(3), ClientID(4), ClientID(5), ClientID(6), ClientID(7))
		waiting(2, ClientID(2), ClientID(3))
		w.end(last, failed)
		w.later(time.Second)
		w.must(w.s.Grant(w.ctx, ClientID(2), 1, "", w.now))
		waiting(10, ClientID(3), ClientID(4), ClientID(5), ClientID(6), ClientID(2))
		for limit, ok := range map[int]bool{0: false, 1: true, 1000: true, 1001: false} {
			if _, err := w.s.Waiting(w.ctx, limit); (err == nil) != ok {
				t.Errorf("limit %d: %v", limit, err)
			}
		}
		w.sound()
	})
}

func dues(t *testing.T, open func(*testing.T) Store) {
	t.Run("names ended runs from the time on at which their webhook is due, until it is settled", func(t *testing.T) {
		w := newWorld(t, open, 10)
		r := w.end(w.submit(1, 4), failed)
		due := func(want ...run.ID) {
			t.Helper()
			got, err := w.s.Due(w.ctx, w.now, 10)
			if err != nil {
				t.Fatal(err)
			}
			same(t, append([]run.ID{}, want...), got)
		}
		w.later(run.PushResend - time.Millisecond)
		due()
		w.later(time.Millisecond)
		due(r.ID)
		begun, err := r.PushBegun(1, 0, w.now)
		w.refused(err, nil)
		w.refused(w.s.Advance(w.ctx, r, begun), nil)
		due()
		w.later(run.PushResend)
		due(r.ID)
		tried, err := begun.PushTried(1, 0, run.Try{Status: 200}, 0, w.now)
		w.refused(err, nil)
		w.refused(w.s.Advance(w.ctx, begun, tried), nil)
		w.later(100 * time.Hour)
		due()
	})
	t.Run("names processing runs from their due time on, the longest overdue first", func(t *testing.T) {
		w := newWorld(t, open, 1000)
		w.slots = 20
		due := func(limit int, want ...run.ID) {
			t.Helper()
			got, err := w.s.Due(w.ctx, w.now, limit)
			if err != nil {
				t.Fatal(err)
			}
			same(t, want, got)
		}
		var runs []run.Run
		for n := range 20 {
			runs = append(runs, w.submit(n, 4))
			w.later(time.Millisecond)
		}
		w.submit(20, 4) // queued: never due
		w.now = Start.Add(firstDue - time.Millisecond)
		due(100)
		w.later(time.Millisecond)
		due(100, RunID(0))
		w.later(4 * time.Millisecond)
		due(100, RunID(0), RunID(1), RunID(2), RunID(3), RunID(4))
		due(3, RunID(0), RunID(1), RunID(2))
		w.end(runs[0], failed) // due again for its webhook
		resent, err := runs[1].Resent(map[run.Part]time.Duration{first: time.Hour}, w.now)
		w.refused(err, nil)
		w.refused(w.s.Advance(w.ctx, runs[1], resent), nil)
		due(100, RunID(2), RunID(3), RunID(4))
		w.now = runs[1].Deadline.Add(-time.Millisecond)
		got, err := w.s.Due(w.ctx, w.now, 100)
		if err != nil || slices.Contains(got, RunID(1)) || len(got) != 19 {
			t.Errorf("%v, %v", got, err)
		}
		w.later(time.Millisecond)
		got, err = w.s.Due(w.ctx, w.now, 100)
		if err != nil || got[len(got)-1] != RunID(1) || len(got) != 20 {
			t.Errorf("%v, %v", got, err)
		}
		for limit, ok := range map[int]bool{0: false, 1: true, 1000: true, 1001: false} {
			if _, err := w.s.Due(w.ctx, w.now, limit); (err == nil) != ok {
				t.Errorf("limit %d: %v", limit, err)
			}
		}
	})
}

func ledgers(t *testing.T, open func(*testing.T) Store) {
	each(t, []scenario{
		{"an account that never was is zero", func(t *testing.T) {
			w := newWorld(t, open, 0)
			a, err := w.s.Account(w.ctx, w.client)
			w.refused(err, nil)
			same(t, credit.Account{Client: w.client}, a)
		}},
		{"grants add, adjustments add and take, down to zero", func(t *testing.T) {
			w := newWorld(t, open, 0)
			e, err := w.s.Grant(w.ctx, w.client, 10, "first", w.now)
			w.refused(err, nil)
			same(t, credit.Entry{ID: "txn_000000000001", Client: w.client, Seq: 1, Kind: credit.Grant, Amount: 10, BalanceAfter: 10, CreatedAt: w.now, Note: "first"}, e)
			e, err = w.s.Adjust(w.ctx, w.client, -4, "", w.now)
			w.refused(err, nil)
			same(t, credit.Entry{ID: "txn_000000000002", Client: w.client, Seq: 2, Kind: credit.Adjust, Amount: -4, BalanceAfter: 6, CreatedAt: w.now}, e)
			w.must(w.s.Adjust(w.ctx, w.client, 1, "back", w.now))
			w.submit(1, 4)
			before := w.state()
			_, err = w.s.Adjust(w.ctx, w.client, -4, "held credits are not free", w.now)
			w.refused(err, credit.ErrInsufficient)
			_, err = w.s.Grant(w.ctx, w.client, 0, "", w.now)
			if err == nil {
				t.Error("a grant of 0 was written")
			}
			if _, err = w.s.Adjust(w.ctx, w.client, 0, "", w.now); err == nil {
				t.Error("an adjustment of 0 was written")
			}
			w.is(before)
			w.must(w.s.Adjust(w.ctx, w.client, -3, "", w.now))
			a, err := w.s.Account(w.ctx, w.client)
			w.refused(err, nil)
			same(t, credit.Account{Client: w.client, Balance: 4, Held: 4, Seq: 5, Running: 1, Revision: 5}, a)
			w.sound()
		}},
		{"an adjustment of an account that never was takes nothing", func(t *testing.T) {
			w := newWorld(t, open, 0)
			_, err := w.s.Adjust(w.ctx, w.client, -1, "", w.now)
			w.refused(err, credit.ErrInsufficient)
			w.sound()
		}},
		{"16 equal grants at once are 16 grants", func(t *testing.T) {
			w := newWorld(t, open, 0)
			together(16, func(int) {
				if _, err := w.s.Grant(w.ctx, w.client, 5, "same", w.now); err != nil {
					t.Error(err)
				}
			})
			a, err := w.s.Account(w.ctx, w.client)
			w.refused(err, nil)
			same(t, credit.Account{Client: w.client, Balance: 80, Available: 80, Seq: 16, Revision: 16}, a)
			w.sound()
		}},
		{"entries page from the newest", func(t *testing.T) {
			w := newWorld(t, open, 0)
			for n := range int64(12) {
				w.later(time.Second)
				w.must(w.s.Grant(w.ctx, w.client, n+1, strconv.FormatInt(n, 10), w.now))
			}
			for _, tc := range []struct {
				before     int64
				limit      int
				from, upto int64 // sequence numbers, from the newest down
			}{{0, 1000, 12, 1}, {0, 5, 12, 8}, {8, 5, 7, 3}, {3, 5, 2, 1}, {2, 1, 1, 1}, {1, 5, 0, 1}, {13, 2, 12, 11}, {1000, 1, 12, 12}} {
				got, err := w.s.Entries(w.ctx, w.client, tc.before, tc.limit)
				w.refused(err, nil)
				var seqs, want []int64
				for _, e := range got {
					seqs = append(seqs, e.Seq)
					if e.Amount != e.Seq || e.Note != strconv.FormatInt(e.Seq-1, 10) || !e.CreatedAt.Equal(Start.Add(time.Duration(e.Seq)*time.Second)) {
						t.Errorf("%+v", e)
					}
				}
				for n := tc.from; n >= tc.upto; n-- {
					want = append(want, n)
				}
				same(t, want, seqs)
			}
			for limit, ok := range map[int]bool{0: false, 1: true, 1000: true, 1001: false} {
				if _, err := w.s.Entries(w.ctx, w.client, 0, limit); (err == nil) != ok {
					t.Errorf("limit %d: %v", limit, err)
				}
			}
		}},
	})
}
