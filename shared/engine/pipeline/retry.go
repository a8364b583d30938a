package pipeline

import (
	"context"
	"errors"
	"fmt"

	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// What an operator does to one run: try a failed one again, end one that goes on. Both decide on the run as it stands, and
// again where it moved meanwhile.

// ErrNoRecording says that a run cannot be tried again, since its recording was erased or never arrived.
var ErrNoRecording = errors.New("pipeline: its recording is gone")

// Retry makes a failed run a new attempt, on the terms of a submit: its cost is held again, and it gets a slot, whose first
// part is sent, or a place at the end of its client's queue. Its recording must still be there. It returns the run as stored;
// with a refusal, the run as it was last read:
//
//	run.ErrUnknown          there is no such run
//	run.ErrGone             it is not failed, or another retry of the same attempt came first
//	ErrNoRecording          its recording is gone
//	credit.ErrInsufficient  the client cannot pay for another attempt
//	account.ErrUnknown      there is no such client any more
//
// Condition: the run is failed, not erased, and at the attempt that was first read. A repeat answers run.ErrGone. Cut between
// the write and the message, the sweep sends the first part once it is due, as after a submit.
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

// Stop ends a queued or processing run for an operator: INTERNAL_ERROR to its client, why on the run for operators. Its hold is
// released, its slot or place in the queue is free, and the client's next run starts. It returns the run as stored; with a
// refusal, the run as it was last read: run.ErrUnknown, or run.ErrGone where it has ended already (a repeat too).
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
