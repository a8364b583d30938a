package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/shared/engine/run"
)

// Poster posts the webhook of a run that has ended.
type Poster interface {
	// Prepare reads the data to post and returns post, which makes one try: it bounds its own time,
	// well below run.PushResend, and returns the status of the answer or the reason why there is
	// none. An error means that nothing was tried.
	Prepare(ctx context.Context, r run.Run) (post func(ctx context.Context) run.Try, err error)
}

// Pusher delivers webhooks.
type Pusher struct {
	Deps
	Poster Poster
}

// Handle makes the try that a message asks for, exactly once. Messages are only hints: of several
// that ask for the same try, the first to write that it has begun makes it. Nil: done, or nothing
// to do. ErrRetry (with its cause): deliver the message again.
func (w Pusher) Handle(ctx context.Context, m Message, p run.Part) error {
	r, m, log, err := w.addressed(ctx, Webhook, m, p)
	if err != nil || log == nil {
		return err
	}
	begun, err := r.PushBegun(m.Attempt, p.Index, w.Clock.Now())
	if errors.Is(err, run.ErrGone) {
		log.Info("webhook not outstanding", "status", r.Status)
		return nil
	}
	post, err := w.Poster.Prepare(ctx, r)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRetry, err)
	}
	switch err := w.Runs.Advance(ctx, r, begun); {
	case errors.Is(err, run.ErrStale): // begun by another message, erased, or sent again
		log.Info("webhook moved on")
		return nil
	case err != nil:
		return fmt.Errorf("%w: %w", ErrRetry, err)
	}
	began := w.Clock.Now()
	t := post(ctx)
	var after run.Run
	err = w.change(ctx, m.Run, func(r run.Run) (_ run.Run, err error) {
		after, err = r.PushTried(m.Attempt, p.Index, t, w.draw(), w.Clock.Now())
		return after, err
	})
	switch {
	case errors.Is(err, run.ErrGone), errors.Is(err, run.ErrUnknown):
		log.Info("webhook tried, and no longer asked for", "status", t.Status, "why", t.Why)
		return nil
	case err != nil:
		return fmt.Errorf("%w: result of try %d: %w", ErrRetry, p.Index, err)
	}
	log.Info("webhook tried", "status", t.Status, "why", t.Why, "ms", w.Clock.Now().Sub(began).Milliseconds(), "delivered", t.Delivered(), "next", next(after.Push))
	if !t.Delivered() && !after.Push.Outstanding() {
		log.Error("webhook given up", "tries", after.Push.Tries)
	}
	return nil
}

func next(p *run.Push) string {
	if !p.Outstanding() {
		return ""
	}
	return p.Due.UTC().Format(time.RFC3339)
}
