package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"parley/shared/account"
	"parley/shared/audit"
	"parley/shared/code"
	"parley/shared/credit"
	"parley/shared/run"
)

// Compare does the same random steps to two stores and wants the same answers, and at last the same state and sound
// books. Readings that went stale are used again on purpose. seed names the sequence.
func Compare(t *testing.T, seed uint64, steps int, model, subject Store) {
	c := comparison{t: t, model: model, subject: subject, rand: rand.New(rand.NewPCG(seed, 0)), now: Start,
		clients: []account.ID{ClientID(1), ClientID(2)}}
	for i := range steps {
		if c.step(); t.Failed() {
			t.Fatalf("seed %d: after step %d", seed, i)
		}
		if i%20 == 0 {
			c.reads()
		}
	}
	c.reads()
	for _, client := range c.clients {
		same(t, State(t, model, client), State(t, subject, client))
	}
	for _, s := range []Store{model, subject} {
		report, err := audit.All(t.Context(), s, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range report.Violations {
			t.Error(v)
		}
	}
	if t.Failed() {
		t.Fatalf("seed %d", seed)
	}
}

type comparison struct {
	t              *testing.T
	model, subject Store
	rand           *rand.Rand
	now            time.Time
	clients        []account.ID
	readings       []run.Run // every answer so far, stale ones too
	submits        int
}

// both calls f on the two stores and wants the same answer and the same kind of error.
func both[T any](c *comparison, what string, f func(Store) (T, error)) (T, error) {
	c.t.Helper()
	want, err1 := f(c.model)
	got, err2 := f(c.subject)
	if a, b := kind(err1), kind(err2); a != b {
		c.t.Errorf("%s: model %q (%v), subject %q (%v)", what, a, err1, b, err2)
	}
	if err1 == nil && err2 == nil {
		same(c.t, want, got)
	}
	return want, err1
}

func kind(err error) string {
	for _, known := range []error{run.ErrStale, run.ErrGone, run.ErrUnknown, run.ErrNoSlot, run.ErrReused, credit.ErrInsufficient} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if err != nil {
		return "another error"
	}
	return ""
}

func (c *comparison) remember(r run.Run, err error) {
	if err == nil {
		c.readings = append(c.readings, r)
	}
}

// reading picks an answer, mostly a recent one.
func (c *comparison) reading() (run.Run, bool) {
	n := len(c.readings)
	if n == 0 {
		return run.Run{}, false
	}
	if c.rand.IntN(3) > 0 {
		n = min(n, 8)
	}
	return c.readings[len(c.readings)-1-c.rand.IntN(n)], true
}

func (c *comparison) step() {
	ctx, client := c.t.Context(), c.clients[c.rand.IntN(len(c.clients))]
	c.now = c.now.Add(time.Duration(c.rand.IntN(20_000)) * time.Millisecond)
	slots := 1 + c.rand.IntN(3)
	r, known := c.reading()
	switch op := c.rand.IntN(20); {
	case op < 6 || !known:
		c.submit(slots)
	case op < 9:
		c.advance(r)
	case op < 13:
		o := []run.Outcome{
			run.Fail(code.ScoringFailed, "", "why"),
			run.Succeed(r, scores(1, 2.5, 0, 1.2), "en"),
			{Status: run.Partial, Scores: run.Scores{Accent: scores(0, 0, 3, 0).Accent}, Charge: credit.PartialCost(r.Cost, 1), Language: "de"},
		}[c.rand.IntN(3)]
		c.remember(both(c, "end", func(s Store) (run.Run, error) { return s.End(ctx, r, o, c.now) }))
	case op < 16:
		c.remember(both(c, "promote", func(s Store) (run.Run, error) {
			return s.Promote(ctx, client, slots, first, firstDue, budget, c.now)
		}))
	case op < 17:
		sub := Submission(r.Client, 0, r.Cost, slots, c.now)
		c.remember(both(c, "retry", func(s Store) (run.Run, error) { return s.Retry(ctx, r, sub, c.now) }))
	case op < 18 && c.rand.IntN(3) == 0:
		c.remember(both(c, "erase", func(s Store) (run.Run, error) { return s.Erase(ctx, r, c.now) }))
	case op < 19:
		amount := int64(c.rand.IntN(20))
		_, _ = both(c, "grant", func(s Store) (credit.Entry, error) { return s.Grant(ctx, client, amount, "more", c.now) })
	default:
		amount := int64(c.rand.IntN(30) - 20)
		_, _ = both(c, "adjust", func(s Store) (credit.Entry, error) { return s.Adjust(ctx, client, amount, "", c.now) })
	}
	if r, known := c.reading(); known {
		c.remember(both(c, "get", func(s Store) (run.Run, error) { return s.Get(ctx, r.ID) }))
	}
}

func (c *comparison) submit(slots int) {
	if c.rand.IntN(8) > 0 || c.submits == 0 {
		c.submits++
	}
	sub := Submission(c.clients[c.submits%2], c.submits, 1+int64(c.submits%7), slots, c.now)
	if c.rand.IntN(3) == 0 {
		sub.Idempotency = &run.Idempotency{Key: fmt.Sprint("key ", c.rand.IntN(3)), Input: fmt.Sprint(c.rand.IntN(2)), Expires: c.now.Add(time.Minute)}
	}
	type answer struct {
		Run      run.Run
		Replayed bool
	}
	a, err := both(c, "submit", func(s Store) (answer, error) {
		r, replayed, err := s.Submit(c.t.Context(), sub, c.now)
		return answer{r, replayed}, err
	})
	c.remember(a.Run, err)
}

func (c *comparison) advance(r run.Run) {
	if r.Status != run.Processing {
		c.push(r)
		return
	}
	parts := slices.SortedFunc(maps.Keys(r.Parts), func(a, b run.Part) int { return cmp.Compare(a.String(), b.String()) })
	p := parts[c.rand.IntN(len(parts))]
	var after run.Run
	var err error
	switch c.rand.IntN(3) {
	case 0:
		next := map[run.Part]time.Duration{{Stage: "transcribe", Index: int(r.Version)}: time.Minute, {Stage: "diarize", Index: int(r.Version)}: time.Hour}
		after, err = r.Done(r.Attempt, p, next, c.now)
	case 1:
		after, err = r.Noted(r.Attempt, p, run.TimedOut)
	default:
		after, err = r.Resent(map[run.Part]time.Duration{p: 2 * time.Minute}, c.now)
	}
	if err != nil {
		return
	}
	_, err = both(c, "advance", func(s Store) (struct{}, error) { return struct{}{}, s.Advance(c.t.Context(), r, after) })
	c.remember(after, err)
}

// push moves the webhook of a run that has ended.
func (c *comparison) push(r run.Run) {
	if r.Push == nil {
		return
	}
	var after run.Run
	var err error
	switch c.rand.IntN(5) {
	case 0:
		after, err = r.PushBegun(r.Attempt, r.Push.Tries, c.now)
	case 1:
		after, err = r.PushTried(r.Attempt, r.Push.Tries-1, run.Try{Status: 200 + 300*c.rand.IntN(2)}, c.rand.Float64(), c.now)
	case 2:
		after, err = r.PushSent(c.now)
	case 3:
		after, err = r.PushGivenUp(c.now)
	default:
		after, err = r.PushAgain(c.now)
	}
	if err != nil {
		return
	}
	_, err = both(c, "advance", func(s Store) (struct{}, error) { return struct{}{}, s.Advance(c.t.Context(), r, after) })
	c.remember(after, err)
}

// reads compares all that is read beside single runs.
func (c *comparison) reads() {
	ctx := c.t.Context()
	_, _ = both(c, "due", func(s Store) ([]run.ID, error) { return s.Due(ctx, c.now, 1+c.rand.IntN(5)) })
	_, _ = both(c, "waiting", func(s Store) ([]account.ID, error) { return s.Waiting(ctx, 10) })
	f := run.Filter{Limit: 1 + c.rand.IntN(5), Status: run.Statuses[c.rand.IntN(len(run.Statuses))]}
	if c.rand.IntN(2) == 0 {
		f.Status, f.Tag = "", fmt.Sprint("tag-", c.rand.IntN(2))
	}
	for _, client := range c.clients {
		type page struct {
			Runs []run.Run
			Next run.Position
		}
		_, _ = both(c, "list", func(s Store) (page, error) {
			runs, next, err := s.List(ctx, client, f)
			return page{runs, next}, err
		})
		_, _ = both(c, "account", func(s Store) (credit.Account, error) { return s.Account(ctx, client) })
		_, _ = both(c, "entries", func(s Store) ([]credit.Entry, error) { return s.Entries(ctx, client, 0, 10) })
	}
	if r, known := c.reading(); known {
		_, _ = both(c, "queue position", func(s Store) (int, error) { return s.QueuePosition(ctx, r) })
	}
}
