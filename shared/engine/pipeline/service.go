// Package pipeline takes runs through the stages of a service. The functions, the queues and the
// watchdog are built from one table of stages, and the Runner takes a run from one stage to the
// next. It knows nothing of what the stages do: that is the service's part.
package pipeline

import (
	"fmt"
	"slices"
	"time"

	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// Service is everything that the engine knows of a service: only data and functions.
type Service struct {
	// Name is the service's name in the API, such as speech.
	Name string
	// Stages lists every stage, in order. The first one starts a run.
	Stages []Stage
	// Following returns the parts that start once the last outstanding part of a group is done;
	// none: the run is to end. It defines the whole graph of stages. pieces is the number of pieces
	// that the first stage divided the work into, 0 before that is done.
	Following func(done run.Stage, pieces int) []run.Part
	// Dimensions lists what the service scores, in the service's order.
	Dimensions run.Dimensions
	// Price returns the cost of a run of this length, in credits, at least 1.
	Price func(length time.Duration) int64
}

// Layer is the name of a set of engines that a stage's function needs.
type Layer string

// Stage is one row of the table.
type Stage struct {
	Name run.Stage
	// Timeout is the function's own limit. The queue's visibility timeout is 6 times that
	// (Visibility).
	Timeout time.Duration
	// Limit bounds one try at a part, by the length of the run, or of Piece if that is shorter. It
	// is how a stage that hangs is noticed long before Timeout. Zero: Timeout alone.
	Limit Limit
	// Piece is the longest piece that a part is given, if the stage fans out; 0: the whole run.
	Piece time.Duration
	// MaxReceives is how often a message is received before it goes to the dead-letter queue. A
	// throttled function uses up receives without a try, so it is more than the tries that a part
	// needs.
	MaxReceives int
	// MemoryMB is the function's memory; 1,769 MB is one full processor.
	MemoryMB int
	// Concurrency is how many copies of the function may run at once, over all runs.
	Concurrency int
	// Due and DueFactor give the time after which the sweep sends an unfinished part again: Due
	// plus DueFactor times the run's length.
	Due       time.Duration
	DueFactor float64
	// Fail is the code of a run whose part failed for good, TimeoutCode if the part ran out of
	// time.
	Fail        errcode.Code
	TimeoutCode errcode.Code
	// Progress is the percentage that a client sees while this is the earliest unfinished stage.
	Progress int
	// In and Out list the kinds of objects that the stage reads and writes.
	In, Out []Kind
	// Layers lists the engines that the function needs.
	Layers []Layer
}

// Webhook is the name of the queue and the function that push webhooks. It is not a stage of a run,
// which has ended by then. The part of its messages has this name and, as its index, the number of
// the try.
const Webhook run.Stage = "webhook"

// Pushes is the table row of the webhooks; it has only the fields that a queue and its function
// need. A dead letter of this queue ends nothing: the run's item records what is still to be
// pushed, and the sweep sends it.
var Pushes = Stage{Name: Webhook, Timeout: 30 * time.Second, MaxReceives: 5, MemoryMB: 512, Concurrency: 20,
	Due: run.PushResend, In: []Kind{Report}}

// Fed returns the rows of all functions that a queue feeds: the stages and Pushes.
func (s Service) Fed() []Stage { return append(slices.Clone(s.Stages), Pushes) }

// Visibility returns the visibility timeout of the stage's queue: 6 times the function's timeout,
// which leaves room for throttling.
func (s Stage) Visibility() time.Duration { return 6 * s.Timeout }

// DeadLetters is the name of the dead-letter queue of all queues, without the stack's prefix. They
// share one, because Lambda's poller of each queue costs something in an idle month.
const DeadLetters = "dead"

// Queue returns the name of the stage's queue without the stack's prefix.
func (s Stage) Queue() string { return string(s.Name) }

// Limit is how long something may take: Floor plus Factor times the length of what it is given.
type Limit struct {
	Floor  time.Duration
	Factor float64
}

// For returns the limit for something of this length.
func (l Limit) For(length time.Duration) time.Duration {
	return l.Floor + time.Duration(float64(length)*l.Factor)
}

// DueFor returns the time after which a part of this stage is sent again, for a run of the given
// length.
func (s Stage) DueFor(length time.Duration) time.Duration {
	return s.Due + time.Duration(float64(length)*s.DueFactor)
}

// Lookup returns the row of a stage. It fails if there is no such stage.
func (s Service) Lookup(name run.Stage) (Stage, error) {
	for _, row := range s.Stages {
		if row.Name == name {
			return row, nil
		}
	}
	return Stage{}, fmt.Errorf("pipeline: no stage %q", name)
}

// First returns the part that starts every run.
func (s Service) First() run.Part { return run.Part{Stage: s.Stages[0].Name} }

// Terms returns the terms on which a run of this length starts.
func (s Service) Terms(length time.Duration, concurrentRuns int, budget run.Budget) run.Terms {
	return run.Terms{ConcurrentRuns: concurrentRuns, First: s.First(), Due: s.Stages[0].DueFor(length), Budget: budget}
}

// A run's deadline, counted from its start: runBudget plus runBudgetFactor times its length.
const (
	runBudget       = 15 * time.Minute
	runBudgetFactor = 1
)

// Budget returns the deadline of a run: 15 minutes plus its length. A fixed one above 0 replaces
// it, to try out STUCK_TIMEOUT.
func Budget(fixed time.Duration) run.Budget {
	return func(r run.Run) time.Duration {
		if fixed > 0 {
			return fixed
		}
		return runBudget + runBudgetFactor*r.Length
	}
}
