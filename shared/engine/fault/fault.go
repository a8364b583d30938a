// Package fault injects what an emulated AWS cannot show: functions that fail, hang or die half-way, messages that
// come twice, late or out of order, tables that refuse a write, a recogniser that refuses our credentials.
//
// It is asleep unless the environment variable PARLEY_FAULTS names a file. The file is written by
// `parley local faults` and read anew at each decision, so a fault takes effect in functions that already run.
// A fault with a count (transcribe=error:2) is shared by all processes: each use takes one token file beside the
// fault file, and a file can be removed only once.
//
// This package parses and decides and knows nothing of AWS; package awsfault beside it applies the decisions to
// Lambda handlers and SDK clients.
package fault

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"time"
)

// EnvFile is the environment variable that names the fault file; unset or empty means no faults, ever.
const EnvFile = "PARLEY_FAULTS"

// What a decision can ask of its caller.
var (
	// ErrInjected asks the stage to fail, as if its own work had.
	ErrInjected = errors.New("fault: injected error")
	// ErrDenied asks the recogniser to answer as a provider that refuses our credentials.
	ErrDenied = errors.New("fault: injected refusal of the recogniser's credentials")
	// ErrConflict asks a DynamoDB write to be refused by a concurrent transaction.
	ErrConflict = errors.New("fault: injected transaction conflict")
	// ErrThrottled asks a DynamoDB write to be refused for its rate.
	ErrThrottled = errors.New("fault: injected throttling")
)

// Injector decides, at each point where a fault can strike, whether one does. The nil Injector never does.
type Injector struct {
	path  string
	share func() float64 // uniform in [0,1)
	hang  func()         // never returns, but in tests
}

// FromEnv returns the injector of this process, nil unless PARLEY_FAULTS names a file. The file need not exist yet.
func FromEnv() *Injector {
	path := os.Getenv(EnvFile)
	if path == "" {
		return nil
	}
	return &Injector{path: path, share: rand.Float64, hang: func() { select {} }}
}

var process = FromEnv()

// Process returns the injector of this process, read from the environment once at its start.
func Process() *Injector { return process }

// Stage is Process().Stage.
func Stage(ctx context.Context, stage string) error { return process.Stage(ctx, stage) }

// Ready is Process().Ready.
func Ready() bool { return process.Ready() }

// Loses decides for one delivery to a stage, before its function sees it: true where STAGE=drop loses it.
func (i *Injector) Loses(ctx context.Context, stage string) bool {
	if spec, ok := i.find(stage); !ok || spec.Action != Drop {
		return false
	}
	spec, ok := i.take(stage)
	if ok {
		slog.WarnContext(ctx, "fault injected", "stage", stage, "fault", spec.String())
	}
	return ok
}

// Stage decides for one delivery to a stage, before its work begins. It returns nil to go on, ErrInjected
// to fail, or ErrDenied (transcribe only). STAGE=timeout never returns, whatever ctx says, so that the
// function's own time limit cuts it. STAGE=crash returns nil with the process doomed: see Doomed.
func (i *Injector) Stage(ctx context.Context, stage string) error {
	if spec, ok := i.find(stage); !ok || spec.Action == Drop {
		return nil
	}
	spec, ok := i.take(stage)
	if !ok {
		return nil
	}
	slog.WarnContext(ctx, "fault injected", "stage", stage, "fault", spec.String())
	switch spec.Action {
	case Error:
		return ErrInjected
	case Denied:
		return ErrDenied
	case Timeout:
		i.hang()
	case Crash:
		doomed.Store(true)
	}
	return nil
}

// Table decides for one DynamoDB write: nil, ErrConflict or ErrThrottled, by the share asked for.
func (i *Injector) Table() error {
	spec, ok := i.find(TargetTable)
	if !ok || i.share() >= spec.Share {
		return nil
	}
	if spec.Action == Throttle {
		return ErrThrottled
	}
	return ErrConflict
}

// Written decides after each write to AWS of any function: with write=crash set, the process dies in that share of them, so
// that what was to follow the write never happens.
func (i *Injector) Written(operation string) {
	spec, ok := i.find(TargetWrite)
	if !ok || i.share() >= spec.Share {
		return
	}
	slog.Warn("fault injected", "operation", operation, "fault", spec.String())
	die()
}

// MaxReorder bounds how long deliver=reorder holds a message back, so that others overtake it.
const MaxReorder = 3 * time.Second

// Deliver decides for one message that has arrived: how many times to hand it over (1 or 2), and how long to hold
// it back first.
func (i *Injector) Deliver() (times int, hold time.Duration) {
	spec, ok := i.find(TargetDeliver)
	if !ok {
		return 1, 0
	}
	switch spec.Action {
	case Duplicate:
		return 2, 0
	case Reorder:
		return 1, time.Duration(i.share() * float64(MaxReorder))
	default:
		return 1, spec.Delay
	}
}

// Ready is false while ready=false is set: whoever reports the scorers' readiness then says they are not warm.
func (i *Injector) Ready() bool {
	_, notReady := i.find(TargetReady)
	return !notReady
}

// find returns the fault set on a target, if any.
func (i *Injector) find(target string) (Spec, bool) {
	if i == nil {
		return Spec{}, false
	}
	state, err := load(i.path)
	if err != nil {
		slog.Error("fault file unreadable; no fault injected", "error", err.Error())
		return Spec{}, false
	}
	for _, e := range state.Faults {
		spec, err := Parse(e.Spec)
		if err == nil && spec.Target == target {
			return spec, true
		}
	}
	return Spec{}, false
}

// take is find for faults that may be counted: it uses one up.
func (i *Injector) take(target string) (Spec, bool) {
	spec, ok := i.find(target)
	if !ok || spec.Times == 0 {
		return spec, ok
	}
	return spec, takeToken(i.path, target)
}
