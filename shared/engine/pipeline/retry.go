package pipeline

import (
	"context"
	"errors"
	"fmt"

	"parley/shared/engine/metrics"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// An operator can retry a failed run, and stop one that has not ended. If the run changes
// meanwhile, both read it and decide again.

// ErrNoRecording means that a run cannot be retried, because its recording was deleted or never
// arrived.
var ErrNoRecording = errors.New("pipeline: its recording is gone")

// Retry starts a new attempt of a failed run, as a submit would: it holds the cost again and gives
// the run a slot, and sends its first part, or a place at the end of its client's queue. The
// recording must still exist. Retry returns the run as stored, or, with one of these errors, as
// last read:
//
//	run.ErrUnknown          there is no such run
//	run.ErrGone             the run is not failed, or another retry of the same attempt came first
//	ErrNoRecording          the recording is gone
//	credit.ErrInsufficient  the client cannot pay for another attempt
//	account.ErrUnknown      the client no longer exists
//
// Condition: the run is failed, not erased, and at the attempt that was first read. A repeat
// returns run.ErrGone. If Retry dies after the write and before the message, the sweep sends the
// first part once it is due, as after a submit.
func (d Deps) Retry(ctx context.Context, id run.ID, objects Objects) (run.Run, error) {
	attempt := 0
	for try := range maxTries {
		r, err := d.Runs.Get(ctx, id)
		if err != nil {
			return r, fmt.Errorf("pipeline: retry %s: %w", id, err)
		}
		if attempt == 0 {
			attempt = r.Attempt
		}
		switch {
		case r.Status != run.Failed, r.Attempt != attempt:
			return r, fmt.Errorf("pipeline: retry %s: %w", id, run.ErrGone)
		case !r.ErasedAt.IsZero():
			return r, fmt.Errorf("pipeline: retry %s: %w", id, ErrNoRecording)
		}
		switch _, err := objects.Size(ctx, Key(id, r.Attempt+1, Original, 0)); {
		case errors.Is(err, ErrNoObject):
			return r, fmt.Errorf("pipeline: retry %s: %w", id, ErrNoRecording)
		case err != nil:
			return r, fmt.Errorf("pipeline: retry %s: %w", id, err)
		}
		c, err := d.Clients.Client(ctx, r.Client)
		if err != nil {
			return r, fmt.Errorf("pipeline: retry %s: client %s: %w", id, r.Client, err)
		}
		again, err := d.Runs.Retry(ctx, r, run.Submission{Run: r, Terms: d.Service.Terms(r.Length, c.ConcurrentRuns, d.Budget)}, d.Clock.Now())
		switch {
		case err == nil:
			d.Metrics.Add(metrics.CreditsHeld, float64(again.Cost), nil, "run", string(id))
			d.Log.Info("run retried", "run", id, "attempt", again.Attempt, "status", again.Status, "held", again.Cost)
			if again.Status == run.Processing {
				d.send(ctx, again, []run.Part{d.Service.First()})
			}
			return again, nil
		case !errors.Is(err, run.ErrStale) && !errors.Is(err, run.ErrGone):
			return r, fmt.Errorf("pipeline: retry %s: %w", id, err)
		}
		d.pause(ctx, try)
	}
	return run.Run{}, fmt.Errorf("pipeline: run %s is too contended", id)
}

// Stop ends a queued or processing run for an operator. Its client sees INTERNAL_ERROR; why is
// recorded for operators. The hold is released, the slot or the place in the queue becomes free,
// and the client's next run starts. Stop returns the run as stored, or, with an error, as last
// read: run.ErrUnknown, or run.ErrGone if the run has already ended, also for a repeat.
func (d Deps) Stop(ctx context.Context, id run.ID, why string) (run.Run, error) {
	r, err := d.Runs.Get(ctx, id)
	if err != nil {
		return r, fmt.Errorf("pipeline: stop %s: %w", id, err)
	}
	if r.Status.Terminal() {
		return r, fmt.Errorf("pipeline: stop %s: %w", id, run.ErrGone)
	}
	reason := "operator: " + why
	if err := d.End(ctx, r, run.Fail(errcode.InternalError, "", reason)); err != nil {
		return r, fmt.Errorf("pipeline: stop %s: %w", id, err)
	}
	if r, err = d.Runs.Get(ctx, id); err == nil && r.Reason != reason {
		err = run.ErrGone // something else ended it first
	}
	if err != nil {
		return r, fmt.Errorf("pipeline: stop %s: %w", id, err)
	}
	return r, nil
}
