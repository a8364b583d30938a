package storetest

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"parley/shared/engine/audit"
	"parley/shared/engine/credit"
	"parley/shared/engine/run"
)

// Submits tests Submit, Replay, Used and Use.
func Submits(t *testing.T, open func(*testing.T) Store) {
	processing := func(n int, cost int64, at time.Time) run.Run {
		r := Submission(ClientID(1), n, cost, 2, at).Run
		r.Status, r.Version, r.StartedAt, r.Met = run.Processing, 1, at, run.Met{Running: 1}
		r.Deadline = at.Add(budget(r))
		r.Parts = map[run.Part]run.Pending{first: {Due: at.Add(firstDue), Sent: 1}}
		return r
	}
	queued := func(n int, cost, ticket int64, met run.Met, at time.Time) run.Run {
		r := Submission(ClientID(1), n, cost, 2, at).Run
		r.Status, r.Version, r.Ticket, r.Met = run.Queued, 1, ticket, met
		return r
	}
	with := func(w *world, n int, key, input string, expires time.Time) (run.Run, bool, error) {
		s := Submission(w.client, n, 4, w.slots, w.now)
		s.Idempotency = &run.Idempotency{Key: key, Input: input, Expires: expires}
		return w.s.Submit(w.ctx, s, w.now)
	}

	uploaded := func(w *world, n int, upload string, instead run.ID) run.Submission {
		s := Submission(w.client, n, 4, w.slots, w.now)
		s.Run.Upload, s.Instead = upload, instead
		s.Use = &run.Use{Upload: upload, Content: "content", Run: s.Run.ID, Expires: w.now.Add(run.UseLasting)}
		return s
	}

	each(t, []scenario{
		{"takes a slot where one is free", func(t *testing.T) {
			w := newWorld(t, open, 10)
			w.later(time.Second)
			got := w.submit(1, 4)
			want := processing(1, 4, w.now)
			same(t, want, got)
			same(t, want, w.get(1))
			w.is(audit.Ledger{
				Account: credit.Account{Client: w.client, Balance: 10, Held: 4, Available: 6, Seq: 2, Running: 1, Revision: 2},
				Entries: []credit.Entry{granted(10), booked(2, credit.Hold, 4, RunID(1), 1, 10, 4, w.now)},
				Runs:    []run.Run{want},
			})
		}},
		{"takes nothing that is the store's own from its caller", func(t *testing.T) {
			w := newWorld(t, open, 10)
			s := Submission(w.client, 1, 4, 2, w.now)
			s.Run.Version, s.Run.Ticket, s.Run.Status, s.Run.Deadline, s.Run.StartedAt = 7, 9, run.Success, w.now, w.now.Add(-time.Hour)
			s.Run.Met = run.Met{Running: 5, Queued: 5}
			s.Run.Parts = map[run.Part]run.Pending{{Stage: "finalize"}: {Due: w.now, Sent: 3}}
			got, _, err := w.s.Submit(w.ctx, s, w.now)
			w.refused(err, nil)
			same(t, processing(1, 4, w.now), got)
			same(t, got, w.get(1))
			w.sound()
		}},
		{"queues where no slot is free, and where others wait though one is", func(t *testing.T) {
			w := newWorld(t, open, 20)
			w.slots = 1
			one := w.submit(1, 4)
			two := w.submit(2, 5)
			same(t, queued(2, 5, 1, run.Met{Running: 1, Queued: 1}, w.now), two)
			ended := w.end(one, run.Fail("INTERNAL_ERROR", "", ""))
			three := w.submit(3, 6)
			same(t, queued(3, 6, 2, run.Met{Queued: 2}, w.now), three)
			w.is(audit.Ledger{
				Account: credit.Account{Client: w.client, Balance: 20, Held: 11, Available: 9, Seq: 5, Queued: 2, QueueTail: 2, Revision: 5},
				Entries: []credit.Entry{granted(20), booked(2, credit.Hold, 4, RunID(1), 1, 20, 4, w.now), booked(3, credit.Hold, 5, RunID(2), 1, 20, 9, w.now),
					booked(4, credit.Release, 4, RunID(1), 1, 20, 5, w.now), booked(5, credit.Hold, 6, RunID(3), 1, 20, 11, w.now)},
				Tickets: []audit.Ticket{{Number: 1, Run: RunID(2)}, {Number: 2, Run: RunID(3)}},
				Runs:    []run.Run{ended, two, three},
			})
		}},
		{"is accepted with exactly its cost available", func(t *testing.T) {
			w := newWorld(t, open, 4)
			w.submit(1, 4)
			w.sound()
		}},
		{"is refused with one credit less, and leaves nothing", func(t *testing.T) {
			w := newWorld(t, open, 3)
			before := w.state()
			_, _, err := w.s.Submit(w.ctx, Submission(w.client, 1, 4, 2, w.now), w.now)
			w.refused(err, credit.ErrInsufficient)
			w.is(before)
			_, err = w.s.Get(w.ctx, RunID(1))
			w.refused(err, run.ErrUnknown)
		}},
		{"is refused where the client has no account", func(t *testing.T) {
			w := newWorld(t, open, 0)
			_, _, err := w.s.Submit(w.ctx, Submission(w.client, 1, 1, 2, w.now), w.now)
			w.refused(err, credit.ErrInsufficient)
			w.is(audit.Ledger{Account: credit.Account{Client: w.client}})
		}},
		{"refuses what no caller can mean", func(t *testing.T) {
			w := newWorld(t, open, 10)
			before := w.state()
			for name, spoil := range map[string]func(*run.Submission){
				"cost 0": func(s *run.Submission) { s.Run.Cost = 0 }, "no client": func(s *run.Submission) { s.Run.Client = "" },
				"bad id": func(s *run.Submission) { s.Run.ID = "req_1" }, "attempt 2": func(s *run.Submission) { s.Run.Attempt = 2 },
				"no slots at all": func(s *run.Submission) { s.ConcurrentRuns = 0 }, "no time": func(s *run.Submission) { s.Run.CreatedAt = time.Time{} },
			} {
				s := Submission(w.client, 1, 4, 2, w.now)
				spoil(&s)
				if _, _, err := w.s.Submit(w.ctx, s, w.now); err == nil {
					t.Errorf("%s was accepted", name)
				}
			}
			w.is(before)
		}},
		{"done again answers the first and holds nothing twice", func(t *testing.T) {
			w := newWorld(t, open, 4)
			s := Submission(w.client, 1, 4, 2, w.now)
			one := w.submit(1, 4)
			before := w.state()
			w.later(time.Minute)
			again, replayed, err := w.s.Submit(w.ctx, s, w.now)
			if err != nil || replayed {
				t.Fatalf("replayed %v, %v", replayed, err)
			}
			same(t, one, again)
			w.is(before)
		}},
		{"with a known idempotency key and the same input replays the first run, even with nothing left to hold", func(t *testing.T) {
			w := newWorld(t, open, 4)
			expires := w.now.Add(24 * time.Hour)
			one, replayed, err := with(w, 1, "key ÿ/#", "input", expires)
			if err != nil || replayed {
				t.Fatalf("replayed %v, %v", replayed, err)
			}
			before := w.state()
			w.now = expires.Add(-time.Millisecond)
			again, replayed, err := with(w, 2, "key ÿ/#", "input", w.now.Add(24*time.Hour))
			if err != nil || !replayed {
				t.Fatalf("replayed %v, %v", replayed, err)
			}
			same(t, one, again)
			found, err := w.s.Replay(w.ctx, w.client, run.Idempotency{Key: "key ÿ/#", Input: "input"}, w.now)
			w.refused(err, nil)
			same(t, one, found)
			w.is(before)
		}},
		{"with the same run and idempotency key again is a repeat, not a replay", func(t *testing.T) {
			w := newWorld(t, open, 4)
			one, _, err := with(w, 1, "key", "input", w.now.Add(time.Hour))
			w.refused(err, nil)
			again, replayed, err := with(w, 1, "key", "input", w.now.Add(time.Hour))
			if err != nil || replayed {
				t.Fatalf("replayed %v, %v", replayed, err)
			}
			same(t, one, again)
			w.sound()
		}},
		{"with a known idempotency key and another input is refused", func(t *testing.T) {
			w := newWorld(t, open, 20)
			_, _, err := with(w, 1, "key", "input", w.now.Add(24*time.Hour))
			w.refused(err, nil)
			before := w.state()
			_, _, err = with(w, 2, "key", "other", w.now.Add(24*time.Hour))
			w.refused(err, run.ErrReused)
			_, err = w.s.Replay(w.ctx, w.client, run.Idempotency{Key: "key", Input: "other"}, w.now)
			w.refused(err, run.ErrReused)
			w.is(before)
		}},
		{"with an expired idempotency key is a new run", func(t *testing.T) {
			w := newWorld(t, open, 20)
			expires := w.now.Add(24 * time.Hour)
			_, _, err := with(w, 1, "key", "input", expires)
			w.refused(err, nil)
			w.now = expires
			_, err = w.s.Replay(w.ctx, w.client, run.Idempotency{Key: "key", Input: "input"}, w.now)
			w.refused(err, run.ErrUnknown)
			two, replayed, err := with(w, 2, "key", "another", w.now.Add(24*time.Hour))
			if err != nil || replayed || two.ID != RunID(2) {
				t.Fatalf("%s, replayed %v, %v", two.ID, replayed, err)
			}
			found, err := w.s.Replay(w.ctx, w.client, run.Idempotency{Key: "key", Input: "another"}, w.now)
			w.refused(err, nil)
			same(t, two, found)
			w.sound()
		}},
		{"with an idempotency key of another client is a new run", func(t *testing.T) {
			w := newWorld(t, open, 20)
			_, _, err := with(w, 1, "key", "input", w.now.Add(time.Hour))
			w.refused(err, nil)
			w.client = ClientID(2)
			w.must(w.s.Grant(w.ctx, w.client, 20, "", w.now))
			_, err = w.s.Replay(w.ctx, w.client, run.Idempotency{Key: "key", Input: "input"}, w.now)
			w.refused(err, run.ErrUnknown)
			_, replayed, err := with(w, 2, "key", "input", w.now.Add(time.Hour))
			if err != nil || replayed {
				t.Fatalf("replayed %v, %v", replayed, err)
			}
			w.sound()
		}},
		{"of an upload records its use until that expires", func(t *testing.T) {
			w := newWorld(t, open, 20)
			_, err := w.s.Used(w.ctx, w.client, "upl/a#b", w.now)
			w.refused(err, run.ErrUnknown)
			s := uploaded(w, 1, "upl/a#b", "")
			want := *s.Use
			r, replayed, err := w.s.Submit(w.ctx, s, w.now)
			if err != nil || replayed || r.Upload != "upl/a#b" || w.get(1).Upload != "upl/a#b" {
				t.Fatalf("%+v, replayed %v, %v", r, replayed, err)
			}
			again, replayed, err := w.s.Submit(w.ctx, s, w.now)
			if err != nil || replayed {
				t.Fatalf("again: replayed %v, %v", replayed, err)
			}
			same(t, r, again)
			for _, at := range []time.Time{w.now, want.Expires.Add(-time.Millisecond)} {
				got, err := w.s.Used(w.ctx, w.client, "upl/a#b", at)
				w.refused(err, nil)
				same(t, want, got)
			}
			_, err = w.s.Used(w.ctx, w.client, "upl/a#b", want.Expires)
			w.refused(err, run.ErrUnknown)
			_, err = w.s.Used(w.ctx, ClientID(2), "upl/a#b", w.now)
			w.refused(err, run.ErrUnknown)
			w.sound()
		}},
		{"of an upload that another run used is refused and leaves nothing, until that use expires", func(t *testing.T) {
			w := newWorld(t, open, 20)
			one := uploaded(w, 1, "upl_a", "")
			_, _, err := w.s.Submit(w.ctx, one, w.now)
			w.refused(err, nil)
			before := w.state()
			for _, instead := range []run.ID{"", RunID(3)} {
				_, _, err = w.s.Submit(w.ctx, uploaded(w, 2, "upl_a", instead), w.now)
				w.refused(err, run.ErrUsed)
			}
			w.is(before)
			_, err = w.s.Get(w.ctx, RunID(2))
			w.refused(err, run.ErrUnknown)
			w.now = one.Use.Expires
			_, _, err = w.s.Submit(w.ctx, uploaded(w, 2, "upl_a", ""), w.now)
			w.refused(err, nil)
			w.sound()
		}},
		{"of an upload takes it over from the run that it names", func(t *testing.T) {
			w := newWorld(t, open, 20)
			_, _, err := w.s.Submit(w.ctx, uploaded(w, 1, "upl_a", ""), w.now)
			w.refused(err, nil)
			_, _, err = w.s.Submit(w.ctx, uploaded(w, 2, "upl_a", RunID(1)), w.now)
			w.refused(err, nil)
			_, _, err = w.s.Submit(w.ctx, uploaded(w, 3, "upl_a", RunID(1)), w.now)
			w.refused(err, run.ErrUsed)
			got, err := w.s.Used(w.ctx, w.client, "upl_a", w.now)
			if err != nil || got.Run != RunID(2) {
				t.Errorf("%+v, %v", got, err)
			}
			w.sound()
		}},
		{"of an upload with a known idempotency key is replayed, though the upload is used", func(t *testing.T) {
			w := newWorld(t, open, 20)
			keyed := func(n int, input string) (run.Run, bool, error) {
				s := uploaded(w, n, "upl_a", "")
				s.Idempotency = &run.Idempotency{Key: "key", Input: input, Expires: w.now.Add(time.Hour)}
				return w.s.Submit(w.ctx, s, w.now)
			}
			one, _, err := keyed(1, "input")
			w.refused(err, nil)
			again, replayed, err := keyed(2, "input")
			if err != nil || !replayed {
				t.Fatalf("replayed %v, %v", replayed, err)
			}
			same(t, one, again)
			_, _, err = keyed(3, "other")
			w.refused(err, run.ErrReused)
			w.sound()
		}},
		{"of an upload refused for money leaves the upload unused", func(t *testing.T) {
			w := newWorld(t, open, 3)
			_, _, err := w.s.Submit(w.ctx, uploaded(w, 1, "upl_a", ""), w.now)
			w.refused(err, credit.ErrInsufficient)
			_, err = w.s.Used(w.ctx, w.client, "upl_a", w.now)
			w.refused(err, run.ErrUnknown)
		}},
		{"of an upload must name it twice alike", func(t *testing.T) {
			w := newWorld(t, open, 20)
			for name, spoil := range map[string]func(*run.Submission){
				"no use": func(s *run.Submission) { s.Use = nil }, "no upload": func(s *run.Submission) { s.Run.Upload = "" },
				"another upload": func(s *run.Submission) { s.Use.Upload = "upl_b" }, "another run": func(s *run.Submission) { s.Use.Run = RunID(2) },
			} {
				s := uploaded(w, 1, "upl_a", "")
				spoil(&s)
				if _, _, err := w.s.Submit(w.ctx, s, w.now); err == nil {
					t.Errorf("%s was accepted", name)
				}
			}
		}},
		{"of one upload, 12 at once are one run", func(t *testing.T) {
			w := newWorld(t, open, 100)
			var accepted atomic.Int64
			together(12, func(i int) {
				switch _, _, err := w.s.Submit(w.ctx, uploaded(w, i, "upl_a", ""), w.now); {
				case err == nil:
					accepted.Add(1)
				case !errors.Is(err, run.ErrUsed):
					t.Error(err)
				}
			})
			a, err := w.s.Account(w.ctx, w.client)
			w.refused(err, nil)
			if accepted.Load() != 1 || a.Held != 4 {
				t.Errorf("%d accepted, %d held", accepted.Load(), a.Held)
			}
			w.sound()
		}},
		{"of an upload into a run that exists is recorded once", func(t *testing.T) {
			w := newWorld(t, open, 20)
			w.submit(1, 4)
			w.submit(2, 4)
			u := run.Use{Upload: "upl_a", Content: "c", Run: RunID(1), Expires: w.now.Add(time.Hour)}
			for range 2 {
				w.refused(w.s.Use(w.ctx, w.client, u, w.now), nil)
			}
			other := u
			other.Run, other.Expires = RunID(2), w.now.Add(2*time.Hour)
			w.refused(w.s.Use(w.ctx, w.client, other, w.now), run.ErrUsed)
			got, err := w.s.Used(w.ctx, w.client, "upl_a", w.now)
			w.refused(err, nil)
			same(t, u, got)
			w.refused(w.s.Use(w.ctx, w.client, other, u.Expires), nil)
			w.sound()
		}},
		{"refused for money frees the idempotency key", func(t *testing.T) {
			w := newWorld(t, open, 3)
			_, _, err := with(w, 1, "key", "input", w.now.Add(time.Hour))
			w.refused(err, credit.ErrInsufficient)
			_, err = w.s.Replay(w.ctx, w.client, run.Idempotency{Key: "key", Input: "input"}, w.now)
			w.refused(err, run.ErrUnknown)
		}},
		{"30 at once with credits for 10 are accepted 10 times", func(t *testing.T) {
			w := newWorld(t, open, 40)
			var accepted, refused atomic.Int64
			together(30, func(i int) {
				switch _, _, err := w.s.Submit(w.ctx, Submission(w.client, i, 4, 3, w.now), w.now); {
				case err == nil:
					accepted.Add(1)
				case errors.Is(err, credit.ErrInsufficient):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
			a, err := w.s.Account(w.ctx, w.client)
			w.refused(err, nil)
			if accepted.Load() != 10 || refused.Load() != 20 {
				t.Errorf("%d accepted, %d refused", accepted.Load(), refused.Load())
			}
			same(t, credit.Account{Client: w.client, Balance: 40, Held: 40, Seq: 11, Running: 3, Queued: 7, QueueTail: 7, Revision: 11}, a)
			w.sound()
		}},
		{"12 at once with one idempotency key are one run", func(t *testing.T) {
			w := newWorld(t, open, 100)
			var fresh atomic.Int64
			var ids [12]run.ID
			together(len(ids), func(i int) {
				r, replayed, err := with(w, i, "key", "input", w.now.Add(time.Hour))
				if err != nil {
					t.Error(err)
				}
				if !replayed {
					fresh.Add(1)
				}
				ids[i] = r.ID
			})
			for _, id := range ids {
				if id != ids[0] {
					t.Errorf("answered %s and %s", ids[0], id)
				}
			}
			a, err := w.s.Account(w.ctx, w.client)
			w.refused(err, nil)
			if fresh.Load() != 1 || a.Held != 4 {
				t.Errorf("%d new runs, %d held", fresh.Load(), a.Held)
			}
			w.sound()
		}},
		{"of two clients do not touch each other", func(t *testing.T) {
			w := newWorld(t, open, 10)
			w.submit(1, 4)
			before := w.state()
			other := ClientID(2)
			w.must(w.s.Grant(w.ctx, other, 4, "", w.now))
			_, _, err := w.s.Submit(w.ctx, Submission(other, 2, 4, 1, w.now), w.now)
			w.refused(err, nil)
			w.is(before)
		}},
	})
}
