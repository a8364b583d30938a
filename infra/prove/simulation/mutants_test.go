package simulation

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// mutant is a bug put into the product's own code: one line of a file replaced.
type mutant struct {
	name, file string
	old, new   string // old occurs in file exactly once
}

var mutants = []mutant{
	// Transitions.
	{"a group is joined before its last part", "shared/engine/run/machine.go", "return ok && len(r.Parts) == 1", "return ok && len(r.Parts) < 3"},
	{"an ended run keeps no end", "shared/engine/run/machine.go", "	r.Charged = o.Charge\n", ""},
	// Admission.
	{"a submit overtakes those that wait", "shared/engine/run/account.go", "a.Queued == 0 && a.Running", "a.Running"},
	{"a submit takes one slot too many", "shared/engine/run/account.go", "a.Running < s.ConcurrentRuns", "a.Running <= s.ConcurrentRuns"},
	{"a submit takes no slot", "shared/engine/run/account.go", "		a.Running++\n", ""},
	{"a submit holds one credit, whatever it costs", "shared/engine/run/account.go", "HoldFor(string(r.ID), r.Attempt, r.Cost, now)", "HoldFor(string(r.ID), r.Attempt, 1, now)"},
	{"a queued run gets the ticket of the one before", "shared/engine/run/account.go", "	a.QueueTail++\n", "	a.QueueTail = max(a.QueueTail, 1)\n"},
	// The ledger.
	{"an account may go below zero", "shared/engine/credit/credit.go", "if a.Available < 0 || a.Held < 0 || a.Balance < 0 {", "if a.Balance < -1000000 {"},
	{"a charged hold is released as well", "shared/engine/credit/credit.go", "if rest := cost - charge; rest > 0", "if rest := cost; rest > 0"},
	{"a partial result is charged rounded up", "shared/engine/credit/credit.go", "max(cost*int64(produced)/int64(all), 1)", "max((cost*int64(produced)+2)/int64(all), 1)"},
	// The store's conditions.
	{"a run is settled without its version in the condition", "shared/engine/run/machine.go", "case now.Version == r.Version:", "case now.Version >= r.Version:"},
	{"a promotion does not look at the slots", "shared/engine/run/account.go", "if a.Running >= concurrentRuns || a.Queued == 0", "if a.Queued == 0"},
	{"a promotion takes the last of the queue", "shared/engine/store/memory/store.go", "r, err := s.get(b.queue[0].Run)", "r, err := s.get(b.queue[len(b.queue)-1].Run)"},
	{"the end of a run frees no slot", "shared/engine/run/account.go", "		a.Running--\n", ""},
	{"a queued run that is ended keeps its place", "shared/engine/store/memory/store.go", "return t.Number == seen.Ticket", "return false"},
	{"an Idempotency-Key is not looked up", "shared/engine/store/memory/store.go", "		if !errors.Is(err, run.ErrUnknown) {\n			return first, err == nil && first.ID != r.ID, err", "		if errors.Is(err, run.ErrReused) {\n			return first, err == nil && first.ID != r.ID, err"},
	{"an Idempotency-Key is not kept", "shared/engine/store/memory/store.go", "if i := sub.Idempotency; i != nil {", "if i := sub.Idempotency; i != nil && i.Key == \"\" {"},
	{"a retry keeps the number of the attempt", "shared/engine/run/machine.go", "	r.Attempt++\n", ""},
	// What drives them.
	{"the watchdog sees no deadline", "shared/engine/pipeline/sweep.go", "if !now.Before(r.Deadline) {", "if now.IsZero() {"},
	{"the sweep starts nobody", "shared/engine/pipeline/sweep.go", "		d.PromoteAll(ctx, c)\n", "		_ = c\n"},
	{"a promotion gives one slot too many", "shared/engine/pipeline/runner.go", "d.Service.Terms(0, c.ConcurrentRuns, d.Budget)", "d.Service.Terms(0, c.ConcurrentRuns+1, d.Budget)"},
	{"an erased run's objects stay", "shared/api/erase.go", "	if err := pipeline.Purge(c.r.Context(), c.Objects, r); err != nil {", "	if err := pipeline.Purge(c.r.Context(), c.Objects, run.Run{}); err != nil {"},
	{"a webhook's result is never written", "shared/engine/run/push.go", "	if t.Delivered() || p.Exhausted() {\n		p.settle()", "	if p.Exhausted() {\n		p.settle()"},
	{"a run's end asks for no webhook", "shared/engine/run/machine.go", "	if r.Request.WebhookURL != \"\" {", "	if r.Request.WebhookURL == \"\" {"},
}

// Environment variables of the process that lives in a mutant's worlds.
const (
	mutantSeed   = "PARLEY_MUTANT_SEED"
	mutantRuns   = "PARLEY_MUTANT_RUNS"
	mutantShrink = "PARLEY_MUTANT_SHRINK" // if set, shrink what breaks
)

// TestMutantWorlds is what a mutant's process runs. It prints how many runs it took to break a
// promise.
func TestMutantWorlds(t *testing.T) {
	seed, err := strconv.ParseUint(os.Getenv(mutantSeed), 10, 64)
	if err != nil {
		t.Skip("runs in the process of a mutant")
	}
	runs, err := strconv.Atoi(os.Getenv(mutantRuns))
	if err != nil {
		t.Fatal(err)
	}
	r := Run(Config{Seed: seed, Runs: runs, Faults: AllFaults(), Workers: 1})
	if r.Failure == nil {
		fmt.Printf("survived %d\n", r.Runs)
		return
	}
	what, _, _ := strings.Cut(r.Failure.What, "\n")
	fmt.Printf("caught %d %s\n", r.Runs, what)
	if os.Getenv(mutantShrink) != "" {
		short, err := Shrink(*r.Failure)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Replay(short)
		if err != nil || again.What != short.What || again.What == "" {
			t.Fatalf("%q, played again %q, %v", short.What, again.What, err)
		}
		fmt.Printf("shrunk %d %d %d\n", len(r.Failure.Tape), len(short.Tape), len(short.Trace))
	}
}

// Ensure that a broken world shrinks to one that a person can read, and that breaks whenever it is
// replayed.
func TestABrokenWorldShrinks(t *testing.T) {
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(mutants, func(m mutant) bool { return m.name == "an Idempotency-Key is not looked up" })
	out := mutants[i].run(t, mutants[i].build(t, root), 1, 5000, mutantShrink+"=1")
	_, rest, ok := strings.Cut(out, "shrunk ")
	var before, after, lines int
	if _, err := fmt.Sscan(rest, &before, &after, &lines); !ok || err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Logf("from %d decisions to %d, told in %d lines", before, after, lines)
	if after > before/10 {
		t.Errorf("from %d decisions to %d, told in %d lines", before, after, lines)
	}
}

// Ensure that the simulation finds bugs: each of these bugs in the product's code is found within
// some thousand runs. A new promise is tested on this list too. Each bug takes some seconds to
// compile, so only every fourth is tried unless PARLEY_HEAVY is set. PARLEY_MUTANT_SEEDS tries each
// from that many seeds, for the median in the docs.
func TestEachMutantIsCaught(t *testing.T) {
	const limit = 5000
	seeds, share := 1, 4
	if os.Getenv("PARLEY_HEAVY") != "" || os.Getenv("PARLEY_MUTANT_SEEDS") != "" {
		share = 1
	}
	if n, err := strconv.Atoi(os.Getenv("PARLEY_MUTANT_SEEDS")); err == nil {
		seeds = n
	}
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	var needed []int
	var mu sync.Mutex
	t.Run("mutants", func(t *testing.T) {
		for i, m := range mutants {
			if i%share != 0 {
				m.stands(t, root)
				continue
			}
			t.Run(m.name, func(t *testing.T) {
				t.Parallel()
				program := m.build(t, root)
				for seed := range seeds {
					n, what := m.live(t, program, 1+1000*seed, limit)
					if n < 0 {
						t.Errorf("seed %d: nobody noticed in %d runs", 1+1000*seed, limit)
						continue
					}
					t.Logf("after %d runs: %s", n, what)
					mu.Lock()
					needed = append(needed, n)
					mu.Unlock()
				}
			})
		}
	})
	slices.Sort(needed)
	if len(needed) > 0 {
		t.Logf("%d mutants, %d worlds' beginnings each: caught after %d runs in the median, %d at most", len(mutants), seeds, needed[len(needed)/2], needed[len(needed)-1])
	}
}

// stands ensures that the code that the mutant changes still exists.
func (m mutant) stands(t *testing.T, root string) (file, source string) {
	t.Helper()
	file = filepath.Join(root, m.file)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(raw), m.old); n != 1 {
		t.Fatalf("%s: %s has %d places to change, want 1: adapt the mutant to the code\n%s", m.name, m.file, n, m.old)
	}
	return file, string(raw)
}

// build compiles this package's tests with the mutant's file in place of the source, which it does
// not touch.
func (m mutant) build(t *testing.T, root string) string {
	t.Helper()
	dir := t.TempDir()
	file, source := m.stands(t, root)
	changed := filepath.Join(dir, "mutant.go")
	overlay := filepath.Join(dir, "overlay.json")
	raw, err := json.Marshal(map[string]any{"Replace": map[string]string{file: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{changed: []byte(strings.Replace(source, m.old, m.new, 1)), overlay: raw} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(dir, "mutant.test")
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-overlay", overlay, "-ldflags", "-s -w", "-o", program, "parley/infra/prove/simulation").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// live returns after how many runs the mutant was caught, and by what; below 0 if it was not.
func (m mutant) live(t *testing.T, program string, seed, runs int) (int, string) {
	t.Helper()
	_, rest, ok := strings.Cut(m.run(t, program, seed, runs), "caught ")
	if !ok {
		return -1, ""
	}
	line, _, _ := strings.Cut(rest, "\n")
	n, what, _ := strings.Cut(line, " ")
	caught, err := strconv.Atoi(n)
	if err != nil {
		t.Fatal(err)
	}
	return caught, what
}

// run runs a mutant's process and returns what it prints.
func (m mutant) run(t *testing.T, program string, seed, runs int, more ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), program, "-test.run", "^TestMutantWorlds$")
	c.Env = slices.Concat(os.Environ(), []string{mutantSeed + "=" + strconv.Itoa(seed), mutantRuns + "=" + strconv.Itoa(runs)}, more)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}
