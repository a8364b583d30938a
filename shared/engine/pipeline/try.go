package pipeline

import (
	"context"
	"fmt"
	"time"

	"parley/shared/clock"
	"parley/shared/engine/run"
)

// One try at a part has a limit, by the length of what the part is given, so that a stage that
// hangs is noticed long before its function's own time is up. The limit is one of processor time.
// On the clock it only ends a try that hardly uses the processor: one that has to share it with
// others is slow, and a new try would not be faster.

// MaxTimeouts is how many tries at a part may run out of time. After the last one the part has
// failed for good, however often its message could still be received.
const MaxTimeouts = 3

// patience is the factor by which the limit of a try grows with each try that ran out of time: the
// part may not hang but be slower than measured.
var patience = [MaxTimeouts]float64{1, 1.25, 1.5}

const (
	// idleShare is the share of the clock's time below which a try that uses the processor hangs.
	idleShare = 0.05
	// recheck bounds how long a slow try goes on until it is looked at again.
	recheck, minRecheck = 5 * time.Second, time.Second
)

// TryLimit returns how long the next try at part p of r may take.
func (s Stage) TryLimit(r run.Run, p run.Part) time.Duration {
	length := r.Length
	if s.Piece > 0 {
		length = min(length, s.Piece)
	}
	return s.tryLimit(length, r, p)
}

// tryLimit is TryLimit of a part that is given this length.
func (s Stage) tryLimit(length time.Duration, r run.Run, p run.Part) time.Duration {
	if s.Limit == (Limit{}) {
		return s.longestTry()
	}
	return min(time.Duration(float64(s.Limit.For(length))*patience[min(r.Parts[p].Timeouts, MaxTimeouts-1)]), s.longestTry())
}

// longestTry is the function's own time, less what it takes to record that it ran out.
func (s Stage) longestTry() time.Duration { return max(s.Timeout-grace, s.Timeout/2) }

// more returns how much longer a try goes on that has taken, and used of the processor, so much; 0:
// it is given up.
func more(took, used, limit time.Duration) time.Duration {
	if used >= limit || float64(used) < idleShare*float64(took) {
		return 0
	}
	return max(min(limit-used, recheck), minRecheck)
}

// tryKey is the key of a try's announcements in the context of its work.
type tryKey struct{}

// Given tells the runner the length of what a part is given, where that is not the run's or the
// longest piece's. The work calls it once it knows.
func Given(ctx context.Context, length time.Duration) {
	if given, ok := ctx.Value(tryKey{}).(chan time.Duration); ok {
		select {
		case given <- length:
		default: // announced before
		}
	}
}

// bounded runs the work within its try's limit, and within the function's time less grace. If the
// work ignores its context, bounded returns without it, and the function's own timeout ends it.
func (w Runner) bounded(ctx context.Context, r run.Run, p run.Part) (Result, error) {
	longest := w.Stage.longestTry()
	if end, ok := ctx.Deadline(); ok {
		left := time.Until(end)
		longest = min(longest, max(left-grace, left/2))
	}
	given := make(chan time.Duration, 1)
	wctx, cancel := context.WithTimeout(context.WithValue(ctx, tryKey{}, given), longest)
	defer cancel()
	type answer struct {
		res Result
		err error
	}
	done := make(chan answer, 1)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				done <- answer{err: fmt.Errorf("pipeline: %s panicked: %v", p, v)}
			}
		}()
		res, err := w.Work(wctx, r, p)
		done <- answer{res, err}
	}()
	now := clock.Real{}.Now // the context's clock, whatever the run's is
	began, before := now(), w.used()
	limit := w.Stage.TryLimit(r, p)
	timer := time.NewTimer(limit) //nolint:forbidigo // the context's clock
	defer timer.Stop()
	for {
		select {
		case a := <-done:
			if a.err != nil && wctx.Err() != nil {
				return a.res, fmt.Errorf("%w: %w", context.DeadlineExceeded, a.err)
			}
			return a.res, a.err
		case <-wctx.Done():
			return Result{}, wctx.Err()
		case length := <-given:
			limit = w.Stage.tryLimit(length, r, p)
			timer.Reset(max(limit-now().Sub(began), 0))
		case <-timer.C:
			wait := more(now().Sub(began), w.used()-before, limit)
			if wait == 0 {
				return Result{}, fmt.Errorf("pipeline: %s gave no result within %s: %w", p, limit, context.DeadlineExceeded)
			}
			timer.Reset(wait)
		}
	}
}

// used is Used, or 0 where that is unknown.
func (d Deps) used() time.Duration {
	if d.Used == nil {
		return 0
	}
	return d.Used()
}
