// Package fault injects faults that an emulated AWS does not produce: functions that fail, hang or
// die half-way, messages that arrive twice, late or out of order, tables that reject a write, a
// recogniser that rejects our credentials.
//
// It does nothing unless the environment variable PARLEY_FAULTS names a file. `parley local faults`
// writes the file, and each decision reads it again, so that a fault also affects functions that
// already run. All processes share a fault with a count (transcribe=error:2): each use removes one
// token file beside the fault file, and a file can be removed only once.
//
// This package parses faults and decides, and knows nothing of AWS. Package awsfault applies its
// decisions to Lambda handlers and SDK clients.
package fault

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"time"
)

// EnvFile is the environment variable that names the fault file. If it is unset or empty, there are
// never any faults.
const EnvFile = "PARLEY_FAULTS"

// The errors with which a decision tells its caller what to do.
var (
	// ErrInjected makes the stage fail as if its own work had failed.
	ErrInjected = errors.New("fault: injected error")
	// ErrDenied makes the recogniser answer like a provider that rejects our credentials.
	ErrDenied = errors.New("fault: injected refusal of the recogniser's credentials")
	// ErrConflict makes a DynamoDB write fail because of a concurrent transaction.
	ErrConflict = errors.New("fault: injected transaction conflict")
	// ErrThrottled makes a DynamoDB write fail because of throttling.
	ErrThrottled = errors.New("fault: injected throttling")
)

// Injector decides, at each point where a fault can be injected, whether to inject one. A nil
// Injector never injects any.
type Injector struct {
	path  string
	share func() float64 // uniform in [0,1)
	hang  func()         // never returns, except in tests
}

// FromEnv returns an injector for the file that PARLEY_FAULTS names, or nil if it names none. The
// file need not exist yet.
func FromEnv() *Injector {
	path := os.Getenv(EnvFile)
	if path == "" {
		return nil
	}
	return &Injector{path: path, share: rand.Float64, hang: func() { select {} }}
}

var process = FromEnv()

// Process returns the injector of this process, made by FromEnv when the process started.
func Process() *Injector { return process }

// Stage is Process().Stage.
func Stage(ctx context.Context, stage string) error { return process.Stage(ctx, stage) }

// Ready is Process().Ready.
func Ready() bool { return process.Ready() }

// Loses decides, before a stage's function sees a delivery, whether STAGE=drop loses it.
func (i *Injector) Loses(ctx context.Context, stage string) bool {
	_, ok := i.take(ctx, stage, func(a Action) bool { return a == Drop })
	return ok
}

// Stage decides for one delivery to a stage, before its work begins. It returns nil to go on,
// ErrInjected to fail, or ErrDenied (transcribe only). With STAGE=timeout it never returns, even if
// ctx ends, so that the function's own time limit ends it. With STAGE=crash it returns nil and
// dooms the process: see Doomed.
func (i *Injector) Stage(ctx context.Context, stage string) error {
	spec, ok := i.take(ctx, stage, func(a Action) bool { return a != Drop })
	if !ok {
		return nil
	}
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

// Table decides for one DynamoDB write: ErrConflict or ErrThrottled for the configured share of the
// writes, nil for the others.
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

// Written is called after each write to AWS of any function. With write=crash, the process dies
// after the configured share of the writes, so that what should follow the write never happens.
func (i *Injector) Written(operation string) {
	spec, ok := i.find(TargetWrite)
	if !ok || i.share() >= spec.Share {
		return
	}
	slog.Warn("fault injected", "operation", operation, "fault", spec.String())
	die()
}

// MaxReorder bounds how long deliver=reorder holds a message back so that others overtake it.
const MaxReorder = 3 * time.Second

// Deliver decides for one message that has arrived: how often to deliver it (1 or 2 times), and how
// long to hold it back first.
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

// Ready is false while ready=false is set: the scorers are then reported as not ready.
func (i *Injector) Ready() bool {
	_, notReady := i.find(TargetReady)
	return !notReady
}

// find returns the fault of a target, if it has one.
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

// take is find for the faults of a stage whose action is wanted. Such a fault may have a count, of
// which take uses up one; ok is false if none is left.
func (i *Injector) take(ctx context.Context, stage string, wanted func(Action) bool) (spec Spec, ok bool) {
	spec, ok = i.find(stage)
	if !ok || !wanted(spec.Action) || spec.Times != 0 && !takeToken(i.path, stage) {
		return Spec{}, false
	}
	slog.WarnContext(ctx, "fault injected", "stage", stage, "fault", spec.String())
	return spec, true
}
