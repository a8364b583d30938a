package storetest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"parley/shared/engine/audit"
	"parley/shared/engine/credit"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

var failed = run.Fail(errcode.TranscriptionFailed, "", "gave up")

// Transitions tests Advance, End, Promote, Retry and Erase.
func Transitions(t *testing.T, open func(*testing.T) Store) {
	t.Run("Advance", func(t *testing.T) { advances(t, open) })
	t.Run("End", func(t *testing.T) { ends(t, open) })
	t.Run("Promote", func(t *testing.T) { promotes(t, open) })
	t.Run("Retry", func(t *testing.T) { retries(t, open) })
	t.Run("Erase", func(t *testing.T) { erases(t, open) })
}

// fan returns a run whose first part is done and that has n outstanding pieces.
func fan(w *world, r run.Run, n int) run.Run {
	w.t.Helper()
	next := map[run.Part]time.Duration{}
	for i := range n {
		next[run.Part{Stage: "transcribe", Index: i}] = time.Duration(i+1) * time.Minute
	}
	after, err := r.Done(1, first, next, w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	after.Pieces = n
	if err := w.s.Advance(w.ctx, r, after); err != nil {
		w.t.Fatal(err)
	}
	return after
}

func advances(t *testing.T, open func(*testing.T) Store) {
	each(t, []scenario{
		{"writes parts, failures and resends, and nothing of the ledger", func(t *testing.T) {
			w := newWorld(t, open, 10)
			r := w.submit(1, 4)
			before := w.state()
			r = fan(w, r, 3)
			same(t, r, w.get(1))
			piece := run.Part{Stage: "transcribe", Index: 1}
			noted, err := r.NoteFailure(1, piece, run.TimedOut, time.Minute, w.now)
			w.refused(err, nil)
			w.refused(w.s.Advance(w.ctx, r, noted), nil)
			resent, err := noted.Resent(map[run.Part]time.Duration{piece: time.Hour}, w.now)
			w.refused(err, nil)
			w.refused(w.s.Advance(w.ctx, noted, resent), nil)
			before.Runs = []run.Run{resent}
			w.is(before)
		}},
		{"writes the links of a run in any state, and nothing of the ledger", func(t *testing.T) {
			w := newWorld(t, open, 10)
			w.slots = 1
			fill := func(r run.Run) run.Run {
				t.Helper()
				for n := range run.MaxLinks + 1 {
					after, err := r.Linked(run.Link{ID: fmt.Sprintf("%024x", n), Expires: w.now.Add(time.Hour)}, w.now)
					w.refused(err, nil)
					w.refused(w.s.Advance(w.ctx, r, after), nil)
					r = after
				}
				if len(r.Links) != run.MaxLinks || r.Links[0].ID != fmt.Sprintf("%024x", 1) {
					t.Errorf("%d links, the first %s", len(r.Links), r.Links[0].ID)
				}
				return r
			}
			processing, queued := w.submit(1, 4), w.submit(2, 4)
			before := w.state()
			before.Runs = []run.Run{fill(processing), fill(queued)}
			w.is(before)
			ended := w.end(before.Runs[0], failed)
			if len(ended.Links) != run.MaxLinks {
				t.Errorf("the end of the run left %d links", len(ended.Links))
			}
			none, err := ended.Unlinked()
			w.refused(err, nil)
			w.refused(w.s.Advance(w.ctx, ended, none), nil)
			same(t, none, w.get(1))
			linked := fill(none)
			erased, err := w.s.Erase(w.ctx, linked, w.now)
			w.refused(err, nil)
			if len(erased.Links) != 0 || len(w.get(1).Links) != 0 {
				t.Errorf("an erased run has links: %v", erased.Links)
			}
		}},
		{"writes the tries of an ended run's webhook, and nothing of the ledger", func(t *testing.T) {
			w := newWorld(t, open, 10)
			r := w.end(w.submit(1, 4), failed)
			before := w.state()
			step := func(after run.Run, err error) {
				t.Helper()
				w.refused(err, nil)
				w.refused(w.s.Advance(w.ctx, r, after), nil)
				same(t, after, w.get(1))
				r = after
				w.later(time.Second)
			}
			step(r.PushBegun(1, 0, w.now))
			step(r.PushTried(1, 0, run.Try{Why: "timeout"}, 0.5, w.now))
			step(r.PushSent(w.now))
			step(r.PushBegun(1, 1, w.now))
			stale := r
			step(r.PushTried(1, 1, run.Try{Status: 204}, 0.5, w.now))
			again, err := stale.PushTried(1, 1, run.Try{Status: 500}, 0.5, w.now)
			w.refused(err, nil)
			w.refused(w.s.Advance(w.ctx, stale, again), run.ErrStale)
			before.Runs = []run.Run{r}
			w.is(before)
		}},
		{"is stale where the run moved, and changes nothing", func(t *testing.T) {
			w := newWorld(t, open, 10)
			r := w.submit(1, 4)
			moved := fan(w, r, 2)
			other, err := r.NoteFailure(1, first, run.Errored, time.Minute, w.now)
			w.refused(err, nil)
			before := w.state()
			w.refused(w.s.Advance(w.ctx, r, other), run.ErrStale)
			w.is(before)
			w.end(moved, failed)
			w.refused(w.s.Advance(w.ctx, moved, mustDone(t, moved, w.now)), run.ErrStale)
		}},
		{"of a run that is not there is unknown", func(t *testing.T) {
			w := newWorld(t, open, 10)
			r := w.submit(1, 4)
			r.ID = RunID(2)
			after, err := r.NoteFailure(1, first, run.Errored, time.Minute, w.now)
			w.refused(err, nil)
			w.refused(w.s.Advance(w.ctx, r, after), run.ErrUnknown)
		}},
		{"refuses what does not follow from what was read", func(t *testing.T) {
			w := newWorld(t, open, 10)
			r := w.submit(1, 4)
			before := w.state()
			if err := w.s.Advance(w.ctx, r, r); err == nil {
				t.Error("the same version was written")
			}
			ended, err := r.End(failed, w.now)
			w.refused(err, nil)
			if err := w.s.Advance(w.ctx, r, ended); err == nil {
				t.Error("an end was written without the ledger")
			}
			w.is(before)
		}},
		{"by 8 workers that finish a piece each at once lets exactly one see that it was the last", func(t *testing.T) {
			w := newWorld(t, open, 10)
			fan(w, w.submit(1, 4), 8)
			var last atomic.Int64
			together(8, func(i int) {
				if finish(w, run.Part{Stage: "transcribe", Index: i}) {
					last.Add(1)
				}
			})
			if got := w.get(1); last.Load() != 1 || len(got.Parts) != 1 || got.Version != 10 {
				t.Errorf("%d were last; version %d, parts %v", last.Load(), got.Version, got.Parts)
			}
			w.sound()
		}},
	})
}

func mustDone(t *testing.T, r run.Run, now time.Time) run.Run {
	t.Helper()
	after, err := r.Done(r.Attempt, run.Part{Stage: "transcribe"}, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	return after
}

// finish does what a worker does at the end of its part, and reports whether it was the last.
func finish(w *world, p run.Part) bool {
	for tries := range 1000 {
		r, err := w.s.Get(w.ctx, RunID(1))
		if err != nil {
			w.t.Error(err)
			return false
		}
		var next map[run.Part]time.Duration
		if r.Last(p) {
			next = map[run.Part]time.Duration{{Stage: "finalize"}: time.Minute}
		}
		after, err := r.Done(1, p, next, w.now)
		if errors.Is(err, run.ErrGone) && tries > 0 {
			return false // the first write was done, its answer lost, and another write followed
		}
		if err != nil {
			w.t.Error(err)
			return false
		}
		if err := w.s.Advance(w.ctx, r, after); err == nil {
			return next != nil
		} else if !errors.Is(err, run.ErrStale) {
			w.t.Error(err)
			return false
		}
	}
	w.t.Error("always stale")
	return false
}

func ends(t *testing.T, open func(*testing.T) Store) {
	partial := scores(3.1, 0, 4.2, 3.6)
	delete(partial, "fluency")
	for _, tc := range []struct {
		name    string
		outcome func(run.Run) run.Outcome
		entries []credit.Entry // without the grant and the hold
		account credit.Account
	}{
		{"success charges the whole hold", func(r run.Run) run.Outcome { return succeed(r, scores(3.1, 0, 5, 2.7)) },
			[]credit.Entry{booked(3, credit.Charge, 4, RunID(1), 1, 6, 0, Start.Add(time.Minute))},
			credit.Account{Client: ClientID(1), Balance: 6, Available: 6, Seq: 3, Revision: 3}},
		{"partial charges its share and releases the rest", func(r run.Run) run.Outcome {
			return run.SucceedInPart(r, dimensions, partial, found)
		},
			[]credit.Entry{booked(3, credit.Charge, 2, RunID(1), 1, 8, 2, Start.Add(time.Minute)), booked(4, credit.Release, 2, RunID(1), 1, 8, 0, Start.Add(time.Minute))},
			credit.Account{Client: ClientID(1), Balance: 8, Available: 8, Seq: 4, Revision: 3}},
		{"failure releases the whole hold", func(run.Run) run.Outcome { return failed },
			[]credit.Entry{booked(3, credit.Release, 4, RunID(1), 1, 10, 0, Start.Add(time.Minute))},
			credit.Account{Client: ClientID(1), Balance: 10, Available: 10, Seq: 3, Revision: 3}},
	} {
		t.Run(tc.name+" and frees the slot; again it is gone", func(t *testing.T) {
			w := newWorld(t, open, 10)
			r := fan(w, w.submit(1, 4), 2)
			w.later(time.Minute)
			o := tc.outcome(r)
			want, err := r.End(o, w.now)
			w.refused(err, nil)
			got := w.end(r, o)
			same(t, want, got)
			after := audit.Ledger{Account: tc.account, Runs: []run.Run{want},
				Entries: append([]credit.Entry{granted(10), booked(2, credit.Hold, 4, RunID(1), 1, 10, 4, Start)}, tc.entries...)}
			w.is(after)
			w.later(time.Minute)
			_, err = w.s.End(w.ctx, r, o, w.now)
			w.refused(err, run.ErrGone)
			_, err = w.s.End(w.ctx, got, o, w.now)
			w.refused(err, run.ErrGone)
			w.is(after)
		})
	}
	each(t, []scenario{
		{"of a queued run takes it out of the queue and frees no slot", func(t *testing.T) {
			w := newWorld(t, open, 20)
			w.slots = 1
			one, two, three := w.submit(1, 4), w.submit(2, 4), w.submit(3, 4)
			ended := w.end(two, failed)
			w.is(audit.Ledger{
				Account: credit.Account{Client: w.client, Balance: 20, Held: 8, Available: 12, Seq: 5, Running: 1, Queued: 1, QueueTail: 2, Revision: 5},
				Entries: []credit.Entry{granted(20), booked(2, credit.Hold, 4, RunID(1), 1, 20, 4, w.now), booked(3, credit.Hold, 4, RunID(2), 1, 20, 8, w.now),
					booked(4, credit.Hold, 4, RunID(3), 1, 20, 12, w.now), booked(5, credit.Release, 4, RunID(2), 1, 20, 8, w.now)},
				Tickets: []audit.Ticket{{Number: 2, Run: RunID(3)}},
				Runs:    []run.Run{one, ended, three},
			})
			w.end(one, failed)
			r, err := w.promote()
			if err != nil || r.ID != three.ID {
				t.Errorf("promoted %s, %v", r.ID, err)
			}
			w.sound()
		}},
		{"with a reading that moved is stale, and changes nothing", func(t *testing.T) {
			w := newWorld(t, open, 10)
			r := w.submit(1, 4)
			fan(w, r, 2)
			before := w.state()
			_, err := w.s.End(w.ctx, r, failed, w.now)
			w.refused(err, run.ErrStale)
			w.is(before)
		}},
		{"of an earlier attempt is gone", func(t *testing.T) {
			w := newWorld(t, open, 10)
			r := w.submit(1, 4)
			w.must(w.s.Retry(w.ctx, w.end(r, failed), Submission(w.client, 1, 4, 2, w.now), w.now))
			before := w.state()
			_, err := w.s.End(w.ctx, r, failed, w.now)
			w.refused(err, run.ErrGone)
			w.is(before)
		}},
		{"of a run that is not there is unknown", func(t *testing.T) {
			w := newWorld(t, open, 10)
			r := w.submit(1, 4)
			r.ID = RunID(2)
			_, err := w.s.End(w.ctx, r, failed, w.now)
			w.refused(err, run.ErrUnknown)
			w.sound()
		}},
		{"with an impossible outcome is refused", func(t *testing.T) {
			w := newWorld(t, open, 10)
			r := w.submit(1, 4)
			before := w.state()
			o := succeed(r, scores(1, 1, 1, 1))
			o.Charge = 3
			if _, err := w.s.End(w.ctx, r, o, w.now); err == nil {
				t.Error("accepted")
			}
			w.is(before)
		}},
		{"done by 8 at once happens once", func(t *testing.T) {
			w := newWorld(t, open, 10)
			r := w.submit(1, 4)
			var done, gone atomic.Int64
			together(8, func(i int) {
				o := failed
				if i%2 == 0 {
					o = succeed(r, scores(1, 2, 3, 2))
				}
				switch _, err := w.s.End(w.ctx, r, o, w.now.Add(time.Duration(i)*time.Millisecond)); {
				case err == nil:
					done.Add(1)
				case errors.Is(err, run.ErrGone):
					gone.Add(1)
				default:
					t.Error(err)
				}
			})
			if done.Load() != 1 || gone.Load() != 7 {
				t.Errorf("%d ended it, %d found it gone", done.Load(), gone.Load())
			}
			w.sound()
		}},
		{"of 12 runs of one client at once loses nothing", func(t *testing.T) {
			w := newWorld(t, open, 48)
			w.slots = 12
			var runs []run.Run
			for i := range 12 {
				runs = append(runs, w.submit(i, 4))
			}
			together(len(runs), func(i int) {
				if _, err := w.s.End(w.ctx, runs[i], succeed(runs[i], scores(1, 2, 3, 2)), w.now); err != nil {
					t.Error(err)
				}
			})
			a, err := w.s.Account(w.ctx, w.client)
			w.refused(err, nil)
			same(t, credit.Account{Client: w.client, Seq: 25, Revision: 25}, a)
			w.sound()
		}},
	})
}

func promotes(t *testing.T, open func(*testing.T) Store) {
	each(t, []scenario{
		{"starts the first in the queue, with the deadline from now on", func(t *testing.T) {
			w := newWorld(t, open, 20)
			w.slots = 1
			one, two, three := w.submit(1, 4), w.submit(2, 4), w.submit(3, 4)
			ended := w.end(one, failed)
			w.later(time.Hour)
			before := w.state()
			got, err := w.promote()
			w.refused(err, nil)
			want := two
			want.Status, want.Version, want.StartedAt = run.Processing, 2, w.now
			want.Deadline = w.now.Add(budget(two))
			want.Parts = map[run.Part]run.Pending{first: {Due: w.now.Add(firstDue), Sent: 1}}
			same(t, want, got)
			after := before
			after.Account.Running, after.Account.Queued = 1, 1
			after.Account.Revision++
			after.Tickets = []audit.Ticket{{Number: 2, Run: RunID(3)}}
			after.Runs = []run.Run{ended, want, three}
			w.is(after)
		}},
		{"without a free slot does nothing", func(t *testing.T) {
			w := newWorld(t, open, 20)
			w.slots = 1
			w.submit(1, 4)
			w.submit(2, 4)
			before := w.state()
			_, err := w.promote()
			w.refused(err, run.ErrNoSlot)
			w.is(before)
		}},
		{"with none waiting does nothing", func(t *testing.T) {
			w := newWorld(t, open, 20)
			_, err := w.promote()
			w.refused(err, run.ErrNoSlot)
			w.submit(1, 4)
			before := w.state()
			_, err = w.promote()
			w.refused(err, run.ErrNoSlot)
			w.is(before)
			w.client = ClientID(2)
			_, err = w.promote()
			w.refused(err, run.ErrNoSlot)
		}},
		{"starts all of a queue in the order they came", func(t *testing.T) {
			w := newWorld(t, open, 100)
			w.slots = 1
			running := w.submit(0, 4)
			for n := 1; n <= 12; n++ {
				w.submit(n, 4)
			}
			for n := 1; n <= 12; n++ {
				w.end(running, failed)
				var err error
				if running, err = w.promote(); err != nil || running.ID != RunID(n) {
					t.Fatalf("started %s (%v), want %s", running.ID, err, RunID(n))
				}
			}
			w.sound()
		}},
		{"by 6 at once for 2 free slots starts the first 2", func(t *testing.T) {
			w := newWorld(t, open, 100)
			one, two := w.submit(1, 4), w.submit(2, 4)
			for n := 3; n <= 6; n++ {
				w.submit(n, 4)
			}
			w.end(one, failed)
			w.end(two, failed)
			var started, none atomic.Int64
			together(6, func(i int) {
				now := w.now.Add(time.Duration(i) * time.Millisecond)
				switch _, err := w.s.Promote(w.ctx, w.client, terms(w.slots), now); {
				case err == nil:
					started.Add(1)
				case errors.Is(err, run.ErrNoSlot):
					none.Add(1)
				default:
					t.Error(err)
				}
			})
			if started.Load() != 2 || none.Load() != 4 {
				t.Errorf("%d started, %d found none", started.Load(), none.Load())
			}
			for n, want := range map[int]run.Status{3: run.Processing, 4: run.Processing, 5: run.Queued, 6: run.Queued} {
				if got := w.get(n).Status; got != want {
					t.Errorf("run %d is %s, want %s", n, got, want)
				}
			}
			w.sound()
		}},
	})
}

func retries(t *testing.T, open func(*testing.T) Store) {
	each(t, []scenario{
		{"holds the cost again and starts a new attempt", func(t *testing.T) {
			w := newWorld(t, open, 4)
			r := fan(w, w.submit(1, 4), 2)
			ended := w.end(r, failed)
			w.later(time.Hour)
			s := Submission(w.client, 1, 4, 2, w.now)
			got, err := w.s.Retry(w.ctx, ended, s, w.now)
			w.refused(err, nil)
			want := ended
			want.Status, want.Attempt, want.StartedAt, want.CompletedAt = run.Processing, 2, w.now, time.Time{}
			want.Version++
			want.Failure, want.Reason, want.Pieces, want.Push = nil, "", 0, nil
			want.Deadline = w.now.Add(budget(ended))
			want.Parts = map[run.Part]run.Pending{first: {Due: w.now.Add(firstDue), Sent: 1}}
			same(t, want, got)
			after := audit.Ledger{
				Account: credit.Account{Client: w.client, Balance: 4, Held: 4, Seq: 4, Running: 1, Revision: 4},
				Entries: []credit.Entry{granted(4), booked(2, credit.Hold, 4, RunID(1), 1, 4, 4, Start), booked(3, credit.Release, 4, RunID(1), 1, 4, 0, Start),
					booked(4, credit.Hold, 4, RunID(1), 2, 4, 4, w.now)},
				Runs: []run.Run{want},
			}
			w.is(after)
			_, err = w.s.Retry(w.ctx, ended, s, w.now)
			w.refused(err, run.ErrGone)
			w.is(after)
		}},
		{"queues behind those who wait", func(t *testing.T) {
			w := newWorld(t, open, 20)
			w.slots = 1
			ended := w.end(w.submit(1, 4), failed)
			w.submit(2, 4)
			w.submit(3, 4)
			got, err := w.s.Retry(w.ctx, ended, Submission(w.client, 1, 4, 1, w.now), w.now)
			w.refused(err, nil)
			if got.Status != run.Queued || got.Ticket != 2 || !got.StartedAt.IsZero() || !got.Deadline.IsZero() {
				t.Errorf("%+v", got)
			}
			same(t, got, w.get(1))
			w.sound()
			w.end(w.get(2), failed)
			w.must(w.promote())
			w.end(w.get(3), failed)
			w.must(w.promote())
			w.end(w.get(1), succeed(got, scores(1, 2, 3, 2)))
			w.sound()
		}},
		{"is refused where too little is available", func(t *testing.T) {
			w := newWorld(t, open, 4)
			ended := w.end(w.submit(1, 4), failed)
			w.must(w.s.Adjust(w.ctx, w.client, -1, "", w.now))
			before := w.state()
			_, err := w.s.Retry(w.ctx, ended, Submission(w.client, 1, 4, 2, w.now), w.now)
			w.refused(err, credit.ErrInsufficient)
			w.is(before)
		}},
		{"of a run that has not failed, or is erased, is gone", func(t *testing.T) {
			w := newWorld(t, open, 20)
			s := Submission(w.client, 1, 4, 2, w.now)
			r := w.submit(1, 4)
			_, err := w.s.Retry(w.ctx, r, s, w.now)
			w.refused(err, run.ErrGone)
			_, err = w.s.Retry(w.ctx, w.end(r, succeed(r, scores(1, 2, 3, 2))), s, w.now)
			w.refused(err, run.ErrGone)
			ended := w.end(w.submit(2, 4), failed)
			erased, err := w.s.Erase(w.ctx, ended, w.now)
			w.refused(err, nil)
			_, err = w.s.Retry(w.ctx, erased, s, w.now)
			w.refused(err, run.ErrGone)
			if _, err = w.s.Retry(w.ctx, ended, s, w.now); err == nil {
				t.Error("an erased run was retried")
			}
			w.sound()
		}},
		{"by 6 at once happens once", func(t *testing.T) {
			w := newWorld(t, open, 40)
			ended := w.end(w.submit(1, 4), failed)
			var done atomic.Int64
			together(6, func(i int) {
				now := w.now.Add(time.Duration(i) * time.Millisecond)
				if _, err := w.s.Retry(w.ctx, ended, Submission(w.client, 1, 4, 2, now), now); err == nil {
					done.Add(1)
				} else if !errors.Is(err, run.ErrGone) {
					t.Error(err)
				}
			})
			if done.Load() != 1 {
				t.Errorf("happened %d times", done.Load())
			}
			w.sound()
		}},
	})
}

func erases(t *testing.T, open func(*testing.T) Store) {
	for _, how := range []run.Status{run.Success, run.Partial, run.Failed} {
		t.Run(fmt.Sprintf("of a run with status %s marks it and removes its scores; the ledger stays", how), func(t *testing.T) {
			w := newWorld(t, open, 10)
			r := w.submit(1, 4)
			o := map[run.Status]run.Outcome{
				run.Success: succeed(r, scores(1, 2, 3, 2)),
				run.Partial: run.SucceedInPart(r, dimensions, run.Scores{"accent": 3}, nil),
				run.Failed:  failed,
			}[how]
			ended := w.end(r, o)
			before := w.state()
			w.later(time.Minute)
			got, err := w.s.Erase(w.ctx, ended, w.now)
			w.refused(err, nil)
			want := ended
			want.Scores, want.Found, want.ErasedAt, want.Push = nil, nil, w.now, &run.Push{}
			want.Version++
			same(t, want, got)
			before.Runs = []run.Run{want}
			w.is(before)
			w.later(time.Minute)
			for _, seen := range []run.Run{ended, got} {
				again, err := w.s.Erase(w.ctx, seen, w.now)
				w.refused(err, nil)
				same(t, want, again)
			}
			w.is(before)
		})
	}
	t.Run("of a run that lives is gone", func(t *testing.T) {
		w := newWorld(t, open, 10)
		r := w.submit(1, 4)
		before := w.state()
		_, err := w.s.Erase(w.ctx, r, w.now)
		w.refused(err, run.ErrGone)
		r.Status = run.Failed // a wrong reading
		_, err = w.s.Erase(w.ctx, r, w.now)
		w.refused(err, run.ErrGone)
		w.is(before)
	})
	t.Run("of a run that is not there is unknown", func(t *testing.T) {
		w := newWorld(t, open, 10)
		r := w.end(w.submit(1, 4), failed)
		r.ID = RunID(2)
		_, err := w.s.Erase(w.ctx, r, w.now)
		w.refused(err, run.ErrUnknown)
	})
}
