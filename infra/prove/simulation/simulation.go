// Package simulation runs Parley's own handlers and decisions in a world with one thread, one seed
// and a virtual clock. The front, the stages' deliveries, the dead letters, the sweep and the
// operator's commands run over the model store, with queues, objects and clients that behave as
// the real ones do at their worst. The books are audited after every write. If something happens
// that never must, the world ends with a trace that can be replayed.
//
// A function is a goroutine that stops at every call of a port (its await points). The world
// decides when it goes on, whether the call meets a fault, and whether the function dies there.
// Each decision of the world is one number from its tape (tape.go), so that the tape repeats a run,
// and a failure shrinks by shortening the tape.
package simulation

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// Kind is a kind of fault.
type Kind int

// The kinds of faults.
const (
	Crash     Kind = iota // a function dies before or after a call, or its time limit cuts it off
	Throttle              // a write or read is refused for its rate, and nothing is done
	Conflict              // a write meets another transaction and gives up, and nothing is done
	Unknown               // a write is done, but its answer is lost
	Late                  // an answer takes up to 40 s
	Duplicate             // a message is delivered twice
	Reorder               // later messages overtake a message
	Delay                 // a message takes up to two minutes
	Drop                  // a message is lost
	Stale                 // an index lags behind its table
	Broken                // a stage's work fails, or ends in a terminal finding
	Slow                  // a stage's work takes longer than its time limit
	Poison                // a message that is not ours, or of a run that does not exist
	kinds
)

var kindNames = [kinds]string{"crash", "throttle", "conflict", "unknown", "late", "duplicate", "reorder", "delay", "drop", "stale", "broken", "slow", "poison"}

func (k Kind) String() string { return kindNames[k] }

// Faults is a set of kinds.
type Faults [kinds]bool

// AllFaults contains every kind.
func AllFaults() (f Faults) {
	for k := range f {
		f[k] = true
	}
	return f
}

// ParseFaults parses a list such as `crash,unknown`, or `all`, or `none`.
func ParseFaults(list string) (f Faults, err error) {
	switch list {
	case "all":
		return AllFaults(), nil
	case "none", "":
		return f, nil
	}
	for name := range strings.SplitSeq(list, ",") {
		k := slices.Index(kindNames[:], strings.TrimSpace(name))
		if k < 0 {
			return f, fmt.Errorf("simulation: unknown fault %q: use all, none or some of %s", name, strings.Join(kindNames[:], ","))
		}
		f[k] = true
	}
	return f, nil
}

// String returns the list in the form that ParseFaults parses.
func (f Faults) String() string {
	var names []string
	for k, on := range f {
		if on {
			names = append(names, kindNames[k])
		}
	}
	switch len(names) {
	case 0:
		return "none"
	case int(kinds):
		return "all"
	}
	return strings.Join(names, ",")
}

// Config says what to simulate.
type Config struct {
	Seed uint64
	// Runs is the minimum number of accepted runs. Worlds of about 40 runs are made until it is
	// reached.
	Runs   int
	Faults Faults
	// Workers is how many worlds run at once, each with its own seed; 0: four per processor. A
	// world constantly switches between goroutines, so a processor with only one world would be
	// idle at times.
	Workers int
}

// Result is the result of a simulation.
type Result struct {
	Worlds   int            `json:"worlds"`
	Runs     int            `json:"runs"`  // accepted
	Steps    int            `json:"steps"` // port calls
	Ends     map[string]int `json:"ends"`  // runs by status, and failed ones by code
	Calls    map[string]int `json:"calls"` // HTTP answers by call and status
	Injected map[string]int `json:"injected"`
	Failure  *Failure       `json:"failure"` // in the world with the lowest seed; nil: none
}

// Failure is a broken promise and the tape of the world that broke it.
type Failure struct {
	Seed   uint64   `json:"seed"`
	Faults string   `json:"faults"`
	What   string   `json:"what"`
	Runs   int      `json:"runs"` // accepted by this world until then
	Tape   []uint32 `json:"tape"`
	Trace  []string `json:"-"`
}

// Missing lists the kinds in cfg that were never injected. The simulation has shown nothing about
// them.
func (r Result) Missing(f Faults) (names []string) {
	for k, on := range f {
		if on && r.Injected[kindNames[k]] == 0 {
			names = append(names, kindNames[k])
		}
	}
	return names
}

// Run simulates until cfg.Runs runs were accepted and have ended, or a promise is broken.
func Run(cfg Config) Result {
	workers := cfg.Workers
	if workers < 1 {
		workers = 4 * runtime.GOMAXPROCS(0)
	}
	total := Result{Ends: map[string]int{}, Calls: map[string]int{}, Injected: map[string]int{}}
	var mu sync.Mutex
	next := cfg.Seed
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			for {
				mu.Lock()
				if total.Failure != nil || total.Runs >= cfg.Runs {
					mu.Unlock()
					return
				}
				seed := next
				next++
				mu.Unlock()
				one := live(newTape(seed), cfg.Faults, false)
				mu.Lock()
				total.add(one, seed, cfg.Faults)
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	return total
}

// Replay replays the world of a tape and returns what happened.
func Replay(f Failure) (Failure, error) {
	faults, err := ParseFaults(f.Faults)
	if err != nil {
		return f, err
	}
	w := live(replayTape(f.Seed, f.Tape), faults, true)
	f.What, f.Runs, f.Trace = w.broken, w.accepted, w.trace
	return f, nil
}

func (r *Result) add(w *world, seed uint64, faults Faults) {
	r.Worlds++
	r.Runs += w.accepted
	r.Steps += w.steps
	for k, n := range w.ends {
		r.Ends[k] += n
	}
	for k, n := range w.calls {
		r.Calls[k] += n
	}
	for k, n := range w.injected {
		if n > 0 {
			r.Injected[kindNames[k]] += n
		}
	}
	if w.broken != "" && (r.Failure == nil || seed < r.Failure.Seed) {
		r.Failure = &Failure{Seed: seed, Faults: faults.String(), What: w.broken, Runs: w.accepted, Tape: w.tape.taken()}
	}
}

// epoch is when every world begins.
var epoch = time.Date(2026, 4, 21, 12, 0, 0, 0, time.UTC)

// event is something that happens at a moment. seq keeps events of the same moment in the order in
// which they were planned.
type event struct {
	at    time.Time
	seq   int
	do    func()
	wakes *process // the process whose sleep ends; nil: none
}

// agenda is a heap of events, the earliest first (container/heap).
type agenda []event

func (e agenda) Len() int { return len(e) }
func (e agenda) Less(i, j int) bool {
	return cmp.Or(e[i].at.Compare(e[j].at), cmp.Compare(e[i].seq, e[j].seq)) < 0
}
func (e agenda) Swap(i, j int) { e[i], e[j] = e[j], e[i] }

// Push implements heap.Interface.
func (e *agenda) Push(x any) {
	if next, ok := x.(event); ok {
		*e = append(*e, next)
	}
}

// Pop implements heap.Interface.
func (e *agenda) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	(*e)[last] = event{}
	*e = (*e)[:last]
	return x
}
