// Package storetest is the conformance suite that every store, object store and queue must pass.
// Each function takes a factory of fresh, empty subjects. A transition's test states everything
// that is stored before and after it, and every test ends with an audit.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"parley/shared/engine/account"
	"parley/shared/engine/audit"
	"parley/shared/engine/credit"
	"parley/shared/engine/run"
)

// Store is what the suite of runs needs: the store, and a way to see everything in it.
type Store interface {
	run.Store
	audit.Source
}

// endpointVariable names the emulated AWS on which the adapters' tests create their tables, buckets
// and queues.
const endpointVariable = "PARLEY_ENDPOINT"

// Endpoint returns the emulated AWS, such as http://127.0.0.1:4566. Without one, it skips the test.
func Endpoint(t testing.TB) string {
	t.Helper()
	endpoint := os.Getenv(endpointVariable)
	if endpoint == "" {
		t.Skip("no emulated AWS: " + endpointVariable + " is not set; `go run ./infra/local/cmd/emulator go test ./shared/...` starts one")
	}
	return endpoint
}

// Start is when every test begins.
var Start = time.Date(2026, 4, 21, 12, 34, 56, 789e6, time.UTC)

// first is the part that every run of the suite starts with.
var first = run.Part{Stage: "ingest"}

const firstDue = 45 * time.Second

func budget(r run.Run) time.Duration {
	return time.Minute + r.Length
}

// terms are the terms on which every run of the suite is started.
func terms(slots int) run.Terms {
	return run.Terms{ConcurrentRuns: slots, First: first, Due: firstDue, Budget: budget}
}

// dimensions are what the suite's service scores; found is what it stores at an end.
var (
	dimensions = run.Dimensions{{Name: "vocabulary"}, {Name: "fluency"}, {Name: "accent", Required: true}}
	found      = run.Document(`{"language":"en"}`)
)

// succeed is the outcome of r with these scores.
func succeed(r run.Run, s run.Scores) run.Outcome { return run.Succeed(r, dimensions, s, found) }

// ClientID returns the client's id for n, in the correct form.
func ClientID(n int) account.ID { return account.ID("cli_" + letters(n, 20)) }

// RunID returns the run's id for n.
func RunID(n int) run.ID { return run.ID("req_" + letters(n, 26)) }

func letters(n, width int) string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz234567"
	b := []byte(strings.Repeat("a", width))
	for i := width - 1; n > 0; i, n = i-1, n/32 {
		b[i] = alphabet[n%32]
	}
	return string(b)
}

// Submission is a submit that uses every field of the run, for a recording of cost minutes.
func Submission(client account.ID, n int, cost int64, slots int, now time.Time) run.Submission {
	return run.Submission{
		Run: run.Run{
			ID: RunID(n), Client: client, Key: "key_abcdefghijklmnopqrst", Attempt: 1, CreatedAt: now,
			Request: run.Request{ExternalID: fmt.Sprintf("candidate %d", n), Metadata: map[string]string{"position": "clerk", "empty": ""},
				Tags: []string{"spring", fmt.Sprintf("tag-%d", n%2)}, AllowPartial: true, WebhookURL: "https://example.com/hook",
				Asked: run.Document(`{"language":"en","cutSettings":{"startSeconds":1.5,"endSeconds":0,"silenceThresholdDb":-35,"minSilenceMs":250,"minSpeechMs":100,"paddingMs":50}}`)},
			Length:   time.Duration(cost) * time.Minute,
			Material: run.Document(`{"format":"mp3","sizeBytes":1234567}`),
			Cost:     cost,
		},
		Terms: terms(slots),
	}
}

// world is a fresh store with one client, for a test to act in.
type world struct {
	t      *testing.T
	ctx    context.Context
	s      Store
	client account.ID
	now    time.Time
	slots  int
}

func newWorld(t *testing.T, open func(*testing.T) Store, credits int64) *world {
	t.Helper()
	w := &world{t: t, ctx: t.Context(), s: open(t), client: ClientID(1), now: Start, slots: 2}
	if credits > 0 {
		w.must(w.s.Grant(w.ctx, w.client, credits, "start", w.now))
	}
	return w
}

// must ends the test if there is an error. Use it as w.must(call()).
func (w *world) must(_ any, err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) later(d time.Duration) { w.now = w.now.Add(d) }

func (w *world) submit(n int, cost int64) run.Run {
	w.t.Helper()
	r, replayed, err := w.s.Submit(w.ctx, Submission(w.client, n, cost, w.slots, w.now), w.now)
	if err != nil || replayed {
		w.t.Fatalf("submit %d: replayed %v, %v", n, replayed, err)
	}
	return r
}

func (w *world) get(n int) run.Run {
	w.t.Helper()
	r, err := w.s.Get(w.ctx, RunID(n))
	if err != nil {
		w.t.Fatalf("get %d: %v", n, err)
	}
	return r
}

func (w *world) end(r run.Run, o run.Outcome) run.Run {
	w.t.Helper()
	r, err := w.s.End(w.ctx, r, o, w.now)
	if err != nil {
		w.t.Fatalf("end: %v", err)
	}
	return r
}

func (w *world) promote() (run.Run, error) {
	return w.s.Promote(w.ctx, w.client, terms(w.slots), w.now)
}

// state reads everything of the client, in a fixed order.
func (w *world) state() audit.Ledger { w.t.Helper(); return State(w.t, w.s, w.client) }

// State reads everything that a store has of a client, in a fixed order.
func State(t testing.TB, s audit.Source, client account.ID) audit.Ledger {
	t.Helper()
	l, err := s.Ledger(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(l.Runs, func(a, b run.Run) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return l
}

// is compares the whole state with the expected one, and audits it.
func (w *world) is(want audit.Ledger) {
	w.t.Helper()
	same(w.t, want, w.state())
	w.sound()
}

func (w *world) sound() {
	w.t.Helper()
	report, err := audit.All(w.ctx, w.s, dimensions, "")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, v := range report.Violations {
		w.t.Error(v)
	}
}

func same(t testing.TB, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("want (-), got (+):\n%s", d)
	}
}

func (w *world) refused(err, want error) {
	w.t.Helper()
	if !errors.Is(err, want) {
		w.t.Errorf("error %v, want %v", err, want)
	}
}

func scores(v, f, a, o float64) run.Scores {
	return run.Scores{"vocabulary": v, "fluency": f, "accent": a, "overall": o}
}

func text(s run.ID) *string { v := string(s); return &v }

// together calls f n times at once and waits for all.
func together(n int, f func(i int)) {
	var wait sync.WaitGroup
	gate := make(chan struct{})
	for i := range n {
		wait.Go(func() { <-gate; f(i) })
	}
	close(gate)
	wait.Wait()
}

type scenario struct {
	name string
	run  func(t *testing.T)
}

func each(t *testing.T, scenarios []scenario) {
	for _, s := range scenarios {
		t.Run(s.name, s.run)
	}
}

// granted is the first entry of a world with credits.
func granted(amount int64) credit.Entry {
	return credit.Entry{ID: "txn_000000000001", Client: ClientID(1), Seq: 1, Kind: credit.Grant, Amount: amount, BalanceAfter: amount, CreatedAt: Start, Note: "start"}
}

// booked is an entry of a run.
func booked(seq int64, kind credit.Kind, amount int64, id run.ID, attempt int, balance, held int64, at time.Time) credit.Entry {
	return credit.Entry{ID: credit.EntryID(seq), Client: ClientID(1), Seq: seq, Kind: kind, Amount: amount, RunID: text(id), Attempt: attempt,
		BalanceAfter: balance, HeldAfter: held, CreatedAt: at}
}
