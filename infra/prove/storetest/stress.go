package storetest

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/shared/engine/account"
	"parley/shared/engine/audit"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// Stress lets workers submit, work, end, promote and retry concurrently, each deciding on whatever
// it reads, while an auditor watches. The books must be sound at every moment. At the end, every
// accepted run is brought to its end: none is lost, and no credit stays held.
func Stress(t *testing.T, open func(*testing.T) Store, workers, steps int) {
	s := open(t)
	ctx := t.Context()
	clients := []account.ID{ClientID(1), ClientID(2)}
	for _, client := range clients {
		if _, err := s.Grant(ctx, client, 200, "", Start); err != nil {
			t.Fatal(err)
		}
	}
	var submitted atomic.Int64
	var done atomic.Bool
	var auditor sync.WaitGroup
	auditor.Go(func() {
		for !done.Load() {
			report, err := audit.All(ctx, s, dimensions, clients[0])
			// A client that never rests.
			if err != nil && !strings.Contains(err.Error(), "given up") {
				t.Error(err)
			}
			if err == nil && len(report.Violations) > 0 {
				t.Errorf("amid the work: %v", report.Violations)
			}
		}
	})
	together(workers, func(worker int) {
		random := rand.New(rand.NewPCG(uint64(worker), 2))
		for step := range steps {
			now := Start.Add(time.Duration(step)*time.Second + time.Duration(worker)*time.Millisecond)
			if err := act(t, s, random, clients, &submitted, now); err != nil {
				t.Errorf("worker %d, step %d: %v", worker, step, err)
				return
			}
		}
	})
	done.Store(true)
	auditor.Wait()
	drain(t, s, clients)
}

// refusals are the answers that a worker must expect after deciding on an old reading.
func refusals(err error) error {
	if kind(err) != "another error" {
		return nil
	}
	return err
}

// act does one random thing that some function of the system would do.
func act(t *testing.T, s Store, random *rand.Rand, clients []account.ID, submitted *atomic.Int64, now time.Time) error {
	ctx, client := t.Context(), clients[random.IntN(len(clients))]
	var r run.Run
	if n := submitted.Load(); n > 0 {
		var err error
		if r, err = s.Get(ctx, RunID(1+random.IntN(int(n)))); err != nil {
			return refusals(err) // too few credits, or not there yet
		}
	}
	switch op := random.IntN(10); {
	case op < 3 || r.ID == "":
		_, _, err := s.Submit(ctx, Submission(client, int(submitted.Add(1)), 1+int64(random.IntN(6)), 3, now), now)
		return refusals(err)
	case op < 6:
		o := run.Fail(errcode.InternalError, "", "")
		if r.Status == run.Processing && random.IntN(2) == 0 {
			o = succeed(r, scores(1, 2, 3, 2))
		}
		_, err := s.End(ctx, r, o, now)
		return refusals(err)
	case op < 8:
		_, err := s.Promote(ctx, client, terms(3), now)
		return refusals(err)
	case op < 9:
		_, err := s.Retry(ctx, r, Submission(r.Client, 0, r.Cost, 3, now), now)
		return refusals(err)
	}
	if noted, err := r.NoteFailure(r.Attempt, first, run.Errored, time.Minute, now); err == nil {
		return refusals(s.Advance(ctx, r, noted))
	}
	if sent, err := r.PushSent(now); err == nil {
		return refusals(s.Advance(ctx, r, sent))
	}
	return nil
}

// drain brings every run to its end by what the sweep uses: Due and Waiting.
func drain(t *testing.T, s Store, clients []account.ID) {
	t.Helper()
	ctx, now := t.Context(), Start.Add(24*time.Hour)
	for {
		due, err := s.Due(ctx, now, 1000)
		if err != nil {
			t.Fatal(err)
		}
		waiting, err := s.Waiting(ctx, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(due)+len(waiting) == 0 {
			break
		}
		for _, id := range due {
			r, err := s.Get(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			if r.Status.Terminal() {
				settled, err := r.PushGivenUp(now)
				if err == nil {
					err = s.Advance(ctx, r, settled)
				}
				if err != nil {
					t.Fatal(err)
				}
				continue
			}
			if _, err := s.End(ctx, r, run.Fail(errcode.StuckTimeout, "", "drained"), now); err != nil {
				t.Fatal(err)
			}
		}
		for _, client := range waiting {
			if _, err := s.Promote(ctx, client, terms(3), now.Add(-time.Hour)); err != nil && !errors.Is(err, run.ErrNoSlot) {
				t.Fatal(err)
			}
		}
	}
	for _, client := range clients {
		l := State(t, s, client)
		if i := slices.IndexFunc(l.Runs, func(r run.Run) bool { return !r.Status.Terminal() }); i >= 0 {
			t.Errorf("%s was never ended", l.Runs[i].ID)
		}
		if a := l.Account; a.Held != 0 || a.Running != 0 || a.Queued != 0 {
			t.Errorf("left over: %+v", a)
		}
		for _, v := range audit.Check(l, dimensions) {
			t.Error(v)
		}
	}
}
