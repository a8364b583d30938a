package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"parley/shared/engine/metrics"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// Action is what the watchdog does with a run.
type Action struct {
	// End is the reason to end the run with STUCK_TIMEOUT; empty: the run goes on.
	End string
	// Resend lists the parts to send again, each with the time until it is due next.
	Resend map[run.Part]time.Duration
	// Push sends the next try of the run's webhook; GiveUp gives the webhook up.
	Push, GiveUp bool
}

// Watch decides what to do with a run at the time now. It is pure. It leaves a queued run alone,
// because that does not age. If a run has ended, it looks only at its webhook.
func (svc Service) Watch(r run.Run, now time.Time) (Action, error) {
	if r.Status.Terminal() && r.Push.Outstanding() && !now.Before(r.Push.Due) {
		done := r.Push.Exhausted() || r.Push.Sent >= run.PushSends
		return Action{Push: !done, GiveUp: done}, nil
	}
	if r.Status != run.Processing {
		return Action{}, nil
	}
	if !now.Before(r.Deadline) {
		return Action{End: fmt.Sprintf("past its deadline %s with %v outstanding", r.Deadline.Format(time.RFC3339), svc.outstanding(r))}, nil
	}
	var a Action
	for p, v := range r.Parts {
		if now.Before(v.Due) {
			continue
		}
		s, err := svc.Lookup(p.Stage)
		if err != nil {
			return Action{}, err
		}
		if a.Resend == nil {
			a.Resend = map[run.Part]time.Duration{}
		}
		a.Resend[p] = s.given(r, v.Sent)
	}
	return a, nil
}

// maxDoublings bounds how far a part's due time grows. A part that was sent again gets twice as
// long, since its message may only be waiting behind others, and another copy would make them all
// wait longer. It gets no longer than that, so that a part can be sent at least five times within a
// run's budget, even if its function dies again and again.
const maxDoublings = 1

func (svc Service) outstanding(r run.Run) []string {
	var parts []string
	for _, s := range svc.Stages {
		for i := range max(r.Pieces, 1) {
			p := run.Part{Stage: s.Name, Index: i}
			if _, ok := r.Parts[p]; ok {
				parts = append(parts, p.String())
			}
		}
	}
	return parts
}

// The bounds of one sweep.
const (
	sweepRuns    = 500
	sweepClients = 500
)

// Swept is what a sweep did.
type Swept struct {
	Looked, Ended, Resent int
	Pushed                int // messages for webhooks
}

// Sweep looks at every run that is due. It ends runs past their deadline, sends lost parts again,
// and promotes queued runs that a dead function left behind. If one run fails, it goes on with the
// others, and joins the errors.
func (d Deps) Sweep(ctx context.Context) (Swept, error) {
	var did Swept
	ids, err := d.Runs.Due(ctx, d.Clock.Now(), sweepRuns)
	if err != nil {
		return did, fmt.Errorf("pipeline: sweep: %w", err)
	}
	var errs []error
	for _, id := range ids {
		if ctx.Err() != nil {
			break
		}
		did.Looked++
		if err := d.sweepOne(ctx, id, &did); err != nil {
			errs = append(errs, fmt.Errorf("run %s: %w", id, err))
		}
	}
	clients, err := d.Runs.Waiting(ctx, sweepClients)
	if err != nil {
		errs = append(errs, err)
	}
	for _, c := range clients {
		d.PromoteAll(ctx, c)
	}
	d.measure(did)
	return did, errors.Join(errs...)
}

// measure counts what a sweep did.
func (d Deps) measure(did Swept) {
	for act, n := range map[string]int{metrics.SweptEnded: did.Ended, metrics.Resent: did.Resent, metrics.Pushed: did.Pushed} {
		if n > 0 {
			d.Metrics.Add(metrics.SweepActs, float64(n), []string{act})
		}
	}
}

func (d Deps) sweepOne(ctx context.Context, id run.ID, did *Swept) error {
	r, err := d.Runs.Get(ctx, id)
	if err != nil {
		return err
	}
	now := d.Clock.Now()
	a, err := d.Service.Watch(r, now)
	switch {
	case err != nil:
		return err
	case a.End != "":
		d.Log.Warn("run stuck", "run", id, "reason", a.End)
		did.Ended++
		return d.End(ctx, r, run.Fail(errcode.StuckTimeout, "", a.End))
	case a.Push || a.GiveUp:
		return d.sweepPush(ctx, r, a, did)
	case len(a.Resend) == 0:
		return nil
	}
	after, err := r.Resent(a.Resend, now)
	if err != nil {
		return err
	}
	if err := d.Runs.Advance(ctx, r, after); err != nil {
		if errors.Is(err, run.ErrStale) {
			return nil // it changed meanwhile, so it is not stuck
		}
		return err
	}
	parts := slices.SortedFunc(maps.Keys(a.Resend), func(a, b run.Part) int { return cmp.Compare(a.String(), b.String()) })
	for _, p := range parts {
		d.Log.Warn("part sent again", "run", id, "part", p.String(), "attempt", r.Attempt, "sent", after.Parts[p].Sent)
	}
	did.Resent += len(parts)
	d.send(ctx, after, parts)
	return nil
}

func (d Deps) sweepPush(ctx context.Context, r run.Run, a Action, did *Swept) error {
	decide := r.PushSent
	if a.GiveUp {
		decide = r.PushGivenUp
	}
	after, err := decide(d.Clock.Now())
	if err != nil {
		return err
	}
	if err := d.Runs.Advance(ctx, r, after); err != nil {
		if errors.Is(err, run.ErrStale) {
			return nil // it changed meanwhile, so it is not stuck
		}
		return err
	}
	if a.GiveUp {
		d.Log.Error("webhook given up", "run", r.ID, "attempt", r.Attempt, "tries", r.Push.Tries, "sent", r.Push.Sent)
		return nil
	}
	did.Pushed++
	d.push(ctx, after)
	return nil
}
