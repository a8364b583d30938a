// Package pipeline carries runs through the stages of a service: one table of stages from which the
// functions, the queues and the watchdog are built, and the runner that takes a run from one stage to the
// next. What the stages do, and of what, is the service's matter.
package pipeline

import (
	"fmt"
	"slices"
	"time"

	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// Service is all that the engine knows of the work that it carries: data and functions, no more.
type Service struct {
	// Name is the service's in the API: speech.
	Name string
	// Stages holds every stage in the order of the chain. The first one starts a run.
	Stages []Stage
	// Following are the parts that start when the last outstanding part of a group is done: the whole
	// graph of the chain. pieces is the number that the first stage cut the work into, 0 before it is
	// done. Empty: the run is to be ended.
	Following func(done run.Stage, pieces int) []run.Part
	// Dimensions are what the service scores, in its own order.
	Dimensions run.Dimensions
	// Price is what a run of this length costs, in credits, at least 1.
	Price func(length time.Duration) int64
}

// Layer names a set of engines that a stage's function needs.
type Layer string

// Stage is one row of the table.
type Stage struct {
	Name run.Stage
	// Timeout is the function's own limit. The queue's visibility timeout is 6 times that (Visibility).
	Timeout time.Duration
	// MaxReceives is after how many receives a message goes to the dead-letter queue.
	MaxReceives int
	// MemoryMB is the function's memory; 1,769 MB is one full processor.
	MemoryMB int
	// Concurrency is how many copies may work at once, over all runs.
	Concurrency int
	// Due is the time after which the sweep sends an unfinished part again: a constant and a share of
	// the run's length.
	Due       time.Duration
	DueFactor float64
	// Fail is the code of a run whose part failed for good, TimeoutCode of one whose part ran out of its
	// time.
	Fail        errcode.Code
	TimeoutCode errcode.Code
	// Progress is the percentage a client reads while this is the earliest unfinished stage.
	Progress int
	// In and Out are the kinds of objects that the stage reads and writes.
	In, Out []Kind
	// Layers are the engines that the function needs.
	Layers []Layer
}

// Webhook names the queue and the function of the pushes. It is no stage of the chain: a run has ended
// when it begins. A message's part is this and the number of the try.
const Webhook run.Stage = "webhook"

// Pushes is the row of the webhooks: of a stage's facts those that a queue and its function need. A
// message that is delivered too often ends nothing: the run's item says what is still to be pushed, and
// the sweep sends it.
var Pushes = Stage{Name: Webhook, Timeout: 30 * time.Second, MaxReceives: 3, MemoryMB: 512, Concurrency: 20,
	Due: run.PushResend, In: []Kind{Report}}

// Fed are the rows of all functions that a queue feeds: the chain, and the pushes.
func (s Service) Fed() []Stage { return append(slices.Clone(s.Stages), Pushes) }

// Visibility is the visibility timeout of the stage's queue: 6 times the function's, as against throttling.
func (s Stage) Visibility() time.Duration { return 6 * s.Timeout }

// Queue is the name of the stage's queue without the stack's prefix; its dead-letter queue is
// Queue() + "-dead".
func (s Stage) Queue() string { return string(s.Name) }

// DueFor is the time after which a part of this stage is sent again, for a run of the given length.
func (s Stage) DueFor(length time.Duration) time.Duration {
	return s.Due + time.Duration(float64(length)*s.DueFactor)
}

// Lookup returns the row of a stage of the chain.
func (s Service) Lookup(name run.Stage) (Stage, error) {
	for _, row := range s.Stages {
		if row.Name == name {
			return row, nil
		}
	}
	return Stage{}, fmt.Errorf("pipeline: no stage %q", name)
}

// First is the part that starts every run.
func (s Service) First() run.Part { return run.Part{Stage: s.Stages[0].Name} }

// Terms are what a run of this length is started on.
func (s Service) Terms(length time.Duration, concurrentRuns int, budget run.Budget) run.Terms {
	return run.Terms{ConcurrentRuns: concurrentRuns, First: s.First(), Due: s.Stages[0].DueFor(length), Budget: budget}
}

// The bounds of a run's own deadline: a constant and a multiple of its length, from the moment it starts.
const (
	runBudget       = 15 * time.Minute
	runBudgetFactor = 1
)

// Budget is the deadline of a run: 15 minutes and once its length. A fixed one above 0 takes its place
// (for trying out STUCK_TIMEOUT).
func Budget(fixed time.Duration) run.Budget {
	return func(r run.Run) time.Duration {
		if fixed > 0 {
			return fixed
		}
		return runBudget + runBudgetFactor*r.Length
	}
}
