package simulation

import (
	"slices"
	"testing"
)

// Ensure that the same tape makes the same world, to the last line of its trace.
func TestAWorldIsRepeatable(t *testing.T) {
	for seed := range uint64(8) {
		one := live(newTape(seed), AllFaults(), true)
		two := live(replayTape(seed, one.tape.taken()), AllFaults(), true)
		if !slices.Equal(one.trace, two.trace) {
			for i := range one.trace {
				if i >= len(two.trace) || one.trace[i] != two.trace[i] {
					t.Fatalf("seed %d differs at line %d:\n%s\n%s", seed, i, one.trace[i], two.trace[min(i, len(two.trace)-1)])
				}
			}
		}
	}
}

func TestNothingIsLost(t *testing.T) {
	r := Run(Config{Seed: 1, Runs: 2000, Faults: AllFaults()})
	t.Logf("%d worlds, %d runs, %d steps\n%v\n%v\n%v", r.Worlds, r.Runs, r.Steps, r.Ends, r.Calls, r.Injected)
	if f := r.Failure; f != nil {
		again, err := Replay(*f)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range again.Trace[max(0, len(again.Trace)-60):] {
			t.Log(line)
		}
		t.Errorf("seed %d, %d runs: %s", f.Seed, f.Runs, f.What)
	}
}
