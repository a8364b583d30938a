package simulation

import (
	"slices"
	"testing"
	"time"
)

// Ensure that the same tape produces the same world, to the last line of its trace.
func TestAWorldIsRepeatable(t *testing.T) {
	for seed := range uint64(8) {
		one := live(newTape(seed), AllFaults(), true)
		two := live(replayTape(seed, one.tape.taken()), AllFaults(), true)
		for i := range min(len(one.trace), len(two.trace)) {
			if one.trace[i] != two.trace[i] {
				t.Fatalf("seed %d differs at line %d:\n%s\n%s", seed, i, one.trace[i], two.trace[i])
			}
		}
		if len(one.trace) != len(two.trace) {
			t.Fatalf("seed %d: %d lines, then %d", seed, len(one.trace), len(two.trace))
		}
	}
}

// Ensure that every promise is kept in worlds of fixed seeds, and in those of a new seed.
func TestNothingIsLostAndNothingChargedTwice(t *testing.T) {
	fresh := uint64(time.Now().UnixNano()) % 1e9
	runs := 3000
	if testing.Short() {
		runs = 300
	}
	for _, tt := range []struct {
		name string
		seed uint64
	}{{"fixed", 1}, {"fixed", 1_000_000}, {"fresh", fresh}} {
		r := Run(Config{Seed: tt.seed, Runs: runs, Faults: AllFaults()})
		t.Logf("%s seed %d: %d runs, %d calls of ports, ends %v, faults %v", tt.name, tt.seed, r.Runs, r.Steps, r.Ends, r.Injected)
		if missing := r.Missing(AllFaults()); len(missing) > 0 && !testing.Short() {
			t.Errorf("%s seed %d: %v never struck", tt.name, tt.seed, missing)
		}
		if f := r.Failure; f != nil {
			again, err := Replay(*f)
			t.Errorf("%s seed %d, %d runs: %s (parley simulate --seed %d --runs 1)\n%v", tt.name, f.Seed, f.Runs, f.What, f.Seed, err)
			for _, line := range again.Trace[max(0, len(again.Trace)-60):] {
				t.Log(line)
			}
		}
	}
}

// Ensure that, without faults or operators, every run ends as its recording requires: nothing is
// stuck, nothing fails for an internal reason, and everyone who asked for a webhook received it.
func TestACalmWorldIsPunctual(t *testing.T) {
	r := Run(Config{Seed: 7, Runs: 1000})
	if r.Failure != nil || r.Ends["failed STUCK_TIMEOUT"] > 0 || len(r.Injected) > 0 {
		t.Errorf("%+v", r)
	}
}

// Ensure that faults are parsed as they are printed, and that unknown ones are refused.
func TestFaultsAreRead(t *testing.T) {
	for _, list := range []string{"all", "none", "crash", "conflict,unknown,stale"} {
		f, err := ParseFaults(list)
		if err != nil || f.String() != list {
			t.Errorf("%s: %s, %v", list, f, err)
		}
	}
	if _, err := ParseFaults("crash,boredom"); err == nil {
		t.Error("boredom is no fault")
	}
	missing := Result{Injected: map[string]int{"crash": 3}}.Missing(Faults{Crash: true, Drop: true})
	if !slices.Equal(missing, []string{"drop"}) {
		t.Errorf("missing %v", missing)
	}
}

// Ensure that a shortened tape gives the tamest choices.
func TestAnExhaustedTapeIsTame(t *testing.T) {
	p := replayTape(1, []uint32{999, 5})
	if !p.chance(1) || p.pick(3) != 2 || p.pick(7) != 0 || p.chance(999) {
		t.Error("a tape reads on past its end")
	}
}

func BenchmarkRuns(b *testing.B) {
	seed, runs := uint64(1), 0
	for b.Loop() {
		r := Run(Config{Seed: seed, Runs: 1, Faults: AllFaults(), Workers: 1})
		seed, runs = seed+uint64(r.Worlds), runs+r.Runs
	}
	b.ReportMetric(float64(runs)/b.Elapsed().Hours(), "runs/h")
}
