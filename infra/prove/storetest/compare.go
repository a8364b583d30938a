package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/shared/engine/account"
	"parley/shared/engine/audit"
	"parley/shared/engine/credit"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// Model is a store that is assumed to be correct, and that can be copied to try several
// continuations.
type Model[M any] interface {
	Store
	Clone() M
}

// Sequence is what Compare does to two stores. Several can be run on the same two, one after the
// other: each has its own clients and runs.
type Sequence struct {
	Seed  uint64 // identifies it and everything that is drawn
	Steps int    // 1 to 999
	// Turns, if not nil, orders the subject's requests while calls are concurrent.
	Turns *Turns
	// Lossy says that the subject's answers get lost. Then an Advance may be done although it
	// answers run.ErrStale, and of two calls that write exactly the same, both may be told that
	// they did it.
	Lossy bool
}

// Tally counts what a comparison did, by call and answer, so that a comparison that did nothing is
// noticed.
type Tally map[string]int

// Add adds the counts of another tally.
func (t Tally) Add(other Tally) {
	for what, n := range other {
		t[what] += n
	}
}

// String returns one line per count, in order.
func (t Tally) String() string {
	var b strings.Builder
	for _, what := range slices.Sorted(maps.Keys(t)) {
		fmt.Fprintf(&b, "%9d %s\n", t[what], what)
	}
	return b.String()
}

// Compare makes the same random calls on two stores and expects the same answers, and in the end
// the same state and sound books. It reuses stale readings on purpose, and makes calls twice. One
// step in four makes two or three concurrent calls: some sequential order of them must give the
// same answers and the same state on the model, which then continues from there. It returns the
// model's final state.
func Compare[M Model[M]](t testing.TB, q Sequence, model M, subject Store) (M, Tally) {
	c := &comparison[M]{Sequence: q, t: t, model: model, subject: subject, rand: rand.New(rand.NewPCG(q.Seed, 0)), now: Start, tally: Tally{},
		slots:   1 + int(q.Seed%2),
		clients: []account.ID{ClientID(int(2*q.Seed) + 1), ClientID(int(2*q.Seed) + 2)}}
	for _, client := range c.clients {
		c.single(c.grant(client, 10+int64(c.rand.IntN(30))))
	}
	for i := range q.Steps {
		if c.step(); t.Failed() {
			t.Fatalf("seed %d: after step %d", q.Seed, i)
		}
		if i%20 == 19 {
			c.reads()
		}
	}
	if c.rand.IntN(8) == 0 {
		c.reads()
	}
	for _, client := range c.clients {
		want, got := State(t, c.model, client), State(t, subject, client)
		same(t, want, got)
		for _, v := range audit.Check(got, dimensions) {
			t.Error(v)
		}
	}
	if t.Failed() {
		t.Fatalf("seed %d", q.Seed)
	}
	return c.model, c.tally
}

type comparison[M Model[M]] struct {
	Sequence
	t        testing.TB
	model    M
	subject  Store
	rand     *rand.Rand
	now      time.Time
	clients  []account.ID
	slots    int
	readings []run.Run // every answer so far, also stale ones
	last     call
	submits  int
	tally    Tally
}

// call is one call of a transition, drawn in advance so that it can be made on more than one store.
type call struct {
	what   string
	client account.ID // the client whose state it changes
	do     func(context.Context, Store) (any, error)
	// probe reads what it changes besides the client's ledger; nil: nothing.
	probe func(context.Context, Store) (any, error)
}

// answer is what a call returns.
type answer struct {
	value any
	err   error
}

func (a answer) String() string {
	if a.err != nil {
		return a.err.Error()
	}
	return fmt.Sprintf("%+v", a.value)
}

func (c call) of(ctx context.Context, s Store) answer {
	v, err := c.do(ctx, s)
	return answer{v, err}
}

// equal reports whether two answers are the same value or the same kind of refusal.
func equal(a, b answer) bool {
	if a.err != nil || b.err != nil {
		return kind(a.err) == kind(b.err)
	}
	return differ(a.value, b.value) == ""
}

// differ returns how two values differ. An empty list counts as no list. The usual case takes the
// fast path.
func differ(want, got any) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return gocmp.Diff(want, got, cmpopts.EquateEmpty())
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

// keep stores what a call answered, for later calls to start from.
func (c *comparison[M]) keep(what string, a answer) {
	c.tally[what+": "+cmp.Or(kind(a.err), "done")]++
	if a.err != nil {
		return
	}
	switch v := a.value.(type) {
	case run.Run:
		c.readings = append(c.readings, v)
	case accepted:
		c.readings = append(c.readings, v.Run)
	}
}

// reading picks an answer, usually a recent one.
func (c *comparison[M]) reading() (run.Run, bool) {
	n := len(c.readings)
	if n == 0 {
		return run.Run{}, false
	}
	if c.rand.IntN(3) > 0 {
		n = min(n, 4)
	}
	return c.readings[len(c.readings)-1-c.rand.IntN(n)], true
}

func (c *comparison[M]) step() {
	c.now = c.now.Add(time.Duration(c.rand.IntN(20_000)) * time.Millisecond)
	n := 1
	if c.rand.IntN(4) == 0 {
		n = 2 + c.rand.IntN(4)/3
	}
	calls := make([]call, n)
	for i := range calls {
		switch {
		case i > 0 && c.rand.IntN(4) == 0:
			calls[i] = calls[i-1]
		case c.rand.IntN(10) == 0 && c.last.do != nil:
			calls[i] = c.last
		default:
			calls[i] = c.draw()
		}
	}
	c.last = calls[n-1]
	if n == 1 {
		c.single(calls[0])
	} else {
		c.atOnce(calls)
	}
	if r, known := c.reading(); known && c.rand.IntN(4) == 0 {
		c.single(c.get(r))
	}
}

// single makes one call on both stores and expects the same answer.
func (c *comparison[M]) single(one call) {
	c.t.Helper()
	got := one.of(c.t.Context(), c.subject)
	want := c.made(c.model, one, got)
	if !equal(want, got) {
		c.t.Errorf("%s: model %v, subject %v:\n%s", one.what, want, got, differ(want.value, got.value))
	}
	c.keep(one.what, want)
}

// atOnce makes concurrent calls on the subject, and expects an order in which the model gives the
// same answers and reaches the same state.
func (c *comparison[M]) atOnce(calls []call) {
	c.t.Helper()
	ctx := c.t.Context()
	answers := make([]answer, len(calls))
	c.Turns.together(ctx, c.rand, len(calls), func(ctx context.Context, i int) { answers[i] = calls[i].of(ctx, c.subject) })
	states, probes := map[account.ID]audit.Ledger{}, make([]answer, len(calls))
	for i, one := range calls {
		if one.probe != nil {
			probes[i] = call{do: one.probe}.of(ctx, c.subject)
		}
		if _, ok := states[one.client]; !ok {
			states[one.client] = State(c.t, c.subject, one.client)
		}
	}
	waits := call{do: waiting}.of(ctx, c.subject)
	var why strings.Builder
	var fits []M
	for _, order := range orders(len(calls)) {
		model, misfit := c.follow(order, calls, answers, probes, states, waits)
		if misfit == "" {
			fits = append(fits, model)
		} else {
			fmt.Fprintf(&why, "in the order %v: %s\n", order, misfit)
		}
	}
	if len(fits) == 0 {
		for i, one := range calls {
			c.t.Errorf("at once, call %d, %s: %v", i, one.what, answers[i])
		}
		c.t.Errorf("no order gives this:\n%s", why.String())
		return
	}
	c.model = fits[0]
	c.tally[fmt.Sprintf("%d at once", len(calls))]++
	if len(fits) < len(orders(len(calls))) {
		c.tally[fmt.Sprintf("%d at once, where the order shows", len(calls))]++
	}
	for i, one := range calls {
		c.keep(one.what, answers[i])
	}
}

// made makes a call on the model. If the subject may have wrongly been told that it wrote what was
// already stored, the call counts as having done nothing.
func (c *comparison[M]) made(model M, one call, got answer) answer {
	if r, ok := got.value.(run.Run); ok && c.Lossy {
		if stored, err := model.Get(c.t.Context(), r.ID); err == nil && differ(stored, r) == "" {
			return got
		}
	}
	return one.of(c.t.Context(), model)
}

// follow makes the calls in an order on a copy of the model, and returns how the result differs
// from the subject; "" if it does not.
func (c *comparison[M]) follow(order []int, calls []call, answers, probes []answer, states map[account.ID]audit.Ledger, waits answer) (M, string) {
	model := c.model.Clone()
	for _, i := range order {
		want := c.made(model, calls[i], answers[i])
		lost := c.Lossy && calls[i].what == advance && want.err == nil && errors.Is(answers[i].err, run.ErrStale)
		if !lost && !equal(want, answers[i]) {
			return model, fmt.Sprintf("the model answers call %d with %v", i, want)
		}
	}
	for i, one := range calls {
		if one.probe == nil {
			continue
		}
		if want := (call{do: one.probe}).of(c.t.Context(), model); !equal(want, probes[i]) {
			return model, fmt.Sprintf("the model has of call %d: %v, the subject: %v", i, want, probes[i])
		}
	}
	for client, got := range states {
		if d := differ(State(c.t, model, client), got); d != "" {
			return model, "the states differ, model (-), subject (+):\n" + d
		}
	}
	// Two calls of one client may carry different times. Only here does it show which was the last.
	if want := (call{do: waiting}).of(c.t.Context(), model); !equal(want, waits) {
		return model, fmt.Sprintf("waiting are %v, in the subject %v", want, waits)
	}
	return model, ""
}

// orders lists the orders of n things, of at most 3: n! of them.
func orders(n int) [][]int {
	if n == 2 {
		return [][]int{{0, 1}, {1, 0}}
	}
	return [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}
}

// advance names the calls that write without a transaction, and so without a token.
const advance = "advance"

// draw draws a call. Half of the calls fit what was read last.
func (c *comparison[M]) draw() call {
	client := c.clients[c.rand.IntN(5)/4] // usually the first, so that calls meet
	now, slots := c.now, c.slots
	if c.rand.IntN(4) == 0 {
		slots = 1 + c.rand.IntN(3)
	}
	r, known := c.reading()
	end := func() call {
		o := []run.Outcome{
			run.Fail(errcode.ScoringFailed, "", "why"),
			succeed(r, scores(1, 2.5, 0, 1.2)),
			run.SucceedInPart(r, dimensions, run.Scores{"accent": 3}, run.Document(`{"language":"de"}`)),
		}[c.rand.IntN(3)]
		return call{what: "end " + string(o.Status), client: r.Client, do: func(ctx context.Context, s Store) (any, error) { return s.End(ctx, r, o, now) }}
	}
	promote := call{what: "promote", client: client, do: func(ctx context.Context, s Store) (any, error) {
		return s.Promote(ctx, client, terms(slots), now)
	}}
	sub := Submission(r.Client, 0, r.Cost, slots, now)
	retry := call{what: "retry", client: r.Client, do: func(ctx context.Context, s Store) (any, error) { return s.Retry(ctx, r, sub, now) }}
	erase := call{what: "erase", client: r.Client, do: func(ctx context.Context, s Store) (any, error) { return s.Erase(ctx, r, now) }}
	switch op := c.rand.IntN(20); {
	case op < 5 || !known:
		return c.submit(client, slots)
	case op < 6:
		return c.grant(client, int64(c.rand.IntN(20)))
	case op < 7:
		amount := int64(c.rand.IntN(30) - 20)
		return call{what: "adjust", client: client, do: func(ctx context.Context, s Store) (any, error) { return s.Adjust(ctx, client, amount, "", now) }}
	case op < 8:
		return end()
	case op < 10:
		return promote
	case r.Status == run.Processing && op < 17:
		if one, ok := c.advance(r); ok {
			return one
		}
		return end()
	case r.Status == run.Processing:
		return end()
	case r.Status == run.Queued && op < 17:
		return promote
	case r.Status == run.Queued:
		return end()
	case op < 14:
		return retry
	case op < 16:
		return erase
	}
	if one, ok := c.advance(r); ok {
		return one
	}
	return promote
}

func (c *comparison[M]) get(r run.Run) call {
	return call{what: "get", client: r.Client, do: func(ctx context.Context, s Store) (any, error) { return s.Get(ctx, r.ID) }}
}

func (c *comparison[M]) grant(client account.ID, amount int64) call {
	now := c.now
	return call{what: "grant", client: client, do: func(ctx context.Context, s Store) (any, error) { return s.Grant(ctx, client, amount, "more", now) }}
}

// accepted is the answer to a submit.
type accepted struct {
	Run      run.Run
	Replayed bool
}

func (c *comparison[M]) submit(client account.ID, slots int) call {
	if c.rand.IntN(8) > 0 || c.submits == 0 {
		c.submits++
	}
	what, now := "submit", c.now
	sub := Submission(client, int(c.Seed)*1000+c.submits, 1+int64(c.submits%7), slots, now)
	if c.rand.IntN(3) == 0 {
		what = "submit with key"
		sub.Idempotency = &run.Idempotency{Key: fmt.Sprint("key ", c.rand.IntN(3)), Input: strconv.Itoa(c.rand.IntN(8) / 7), Expires: now.Add(time.Minute)}
	}
	if c.rand.IntN(3) == 0 {
		what += " of an upload"
		sub.Run.Upload = fmt.Sprint("upl_", c.rand.IntN(4))
		sub.Use = &run.Use{Upload: sub.Run.Upload, Content: "content", Run: sub.Run.ID, Expires: now.Add(time.Minute)}
		if c.rand.IntN(4) == 0 {
			sub.Instead = RunID(int(c.Seed)*1000 + c.submits - 1)
		}
	}
	one := call{what: what, client: client, do: func(ctx context.Context, s Store) (any, error) {
		r, replayed, err := s.Submit(ctx, sub, now)
		return accepted{r, replayed}, err
	}}
	i, u := sub.Idempotency, sub.Use
	switch {
	case u != nil:
		one.probe = func(ctx context.Context, s Store) (any, error) { return s.Used(ctx, client, u.Upload, now) }
	case i != nil:
		one.probe = func(ctx context.Context, s Store) (any, error) { return s.Replay(ctx, client, *i, now) }
	}
	return one
}

// advance advances a part of a run in process, the webhook of one that has ended, or the links of
// any. It returns false if the run cannot be advanced so.
func (c *comparison[M]) advance(r run.Run) (call, bool) {
	var how string
	var after run.Run
	var err error
	switch {
	case c.rand.IntN(6) == 0:
		how, after, err = c.link(r)
	case r.Status == run.Processing:
		how, after, err = c.part(r)
	case r.Push != nil:
		how, after, err = c.push(r)
	default:
		return call{}, false
	}
	if err != nil {
		return call{}, false
	}
	c.tally["advance tried: "+how]++
	return call{what: advance, client: r.Client, do: func(ctx context.Context, s Store) (any, error) {
		if err := s.Advance(ctx, r, after); err != nil {
			return nil, err
		}
		return after, nil
	}}, true
}

// part advances a part: done, either with what follows it or while others are still outstanding;
// noted; or sent again.
func (c *comparison[M]) part(r run.Run) (how string, after run.Run, err error) {
	parts := slices.SortedFunc(maps.Keys(r.Parts), func(a, b run.Part) int { return cmp.Compare(a.String(), b.String()) })
	p := parts[c.rand.IntN(len(parts))]
	switch c.rand.IntN(5) {
	case 0, 1:
		next := map[run.Part]time.Duration{{Stage: "diarize", Index: int(r.Version)}: time.Hour}
		for i := range c.rand.IntN(3) {
			next[run.Part{Stage: "transcribe", Index: 10*int(r.Version) + i}] = time.Minute
		}
		after, err = r.Done(r.Attempt, p, next, c.now)
		after.Pieces = len(next)
		return "done, fans out", after, err
	case 2:
		after, err = r.Done(r.Attempt, p, nil, c.now) // impossible if it is the only part
		return "done, joins", after, err
	case 3:
		after, err = r.NoteFailure(r.Attempt, p, run.TimedOut, time.Minute, c.now)
		return "noted", after, err
	}
	after, err = r.Resent(map[run.Part]time.Duration{p: 2 * time.Minute}, c.now)
	return "resent", after, err
}

// link adds a link to the report page, or ends all.
func (c *comparison[M]) link(r run.Run) (how string, after run.Run, err error) {
	if c.rand.IntN(4) == 0 {
		after, err = r.Unlinked()
		return "unlinked", after, err
	}
	after, err = r.Linked(run.Link{ID: strconv.FormatUint(c.rand.Uint64(), 16), Expires: c.now.Add(time.Minute)}, c.now)
	return "linked", after, err
}

// push advances a webhook.
func (c *comparison[M]) push(r run.Run) (how string, after run.Run, err error) {
	switch c.rand.IntN(5) {
	case 0:
		after, err = r.PushBegun(r.Attempt, r.Push.Tries, c.now)
		return "push begun", after, err
	case 1:
		after, err = r.PushTried(r.Attempt, r.Push.Tries-1, run.Try{Status: 200 + 300*c.rand.IntN(2)}, c.rand.Float64(), c.now)
		return "push tried", after, err
	case 2:
		after, err = r.PushSent(c.now)
		return "push sent", after, err
	case 3:
		after, err = r.PushGivenUp(c.now)
		return "push given up", after, err
	}
	after, err = r.PushAgain(c.now)
	return "push again", after, err
}

// waiting reads which clients wait, starting with the one whose account has been unchanged the
// longest.
func waiting(ctx context.Context, s Store) (any, error) { return s.Waiting(ctx, 10) }

// reads compares everything that is read besides single runs.
func (c *comparison[M]) reads() {
	c.t.Helper()
	read := func(what string, f func(context.Context, Store) (any, error)) {
		c.single(call{what: "read " + what, do: f})
	}
	limit := 1 + c.rand.IntN(5)
	read("due", func(ctx context.Context, s Store) (any, error) { return s.Due(ctx, c.now, limit) })
	read("waiting", waiting)
	f := run.Filter{Limit: 1 + c.rand.IntN(5), Status: run.Statuses[c.rand.IntN(len(run.Statuses))]}
	if c.rand.IntN(2) == 0 {
		f.Status, f.Tag = "", fmt.Sprint("tag-", c.rand.IntN(2))
	}
	for _, client := range c.clients {
		read("list", func(ctx context.Context, s Store) (any, error) {
			runs, next, err := s.List(ctx, client, f)
			return struct {
				Runs []run.Run
				Next run.Position
			}{runs, next}, err
		})
		read("account", func(ctx context.Context, s Store) (any, error) { return s.Account(ctx, client) })
		before, limit := int64(c.rand.IntN(20)), 1+c.rand.IntN(10)
		read("entries", func(ctx context.Context, s Store) (any, error) { return s.Entries(ctx, client, before, limit) })
	}
	if r, known := c.reading(); known {
		read("queue position", func(ctx context.Context, s Store) (any, error) { return s.QueuePosition(ctx, r) })
	}
}
