package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/metrics"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// Result is what the work of a stage returns besides its artefacts.
type Result struct {
	// Pieces is the number of pieces that the first stage divided the work into; 0 for other
	// stages.
	Pieces int
	// Outcome ends the run. Only the last stage sets it.
	Outcome *run.Outcome
}

// Work does one part. It writes its artefacts before it returns, the same bytes each time, and it
// stops when ctx ends. ErrPending says that the work goes on elsewhere. An *errcode.Error with a
// terminal code other than INTERNAL_ERROR is a finding, and ends the run at once. Any other error
// is a failure: the part is tried again.
type Work func(ctx context.Context, r run.Run, p run.Part) (Result, error)

// Join is the work to do once all parts of a group are finished, before the next group starts. Its
// errors mean the same as those of Work.
type Join func(ctx context.Context, r run.Run) error

// Deps holds the ports that every stage, the sweep and the dead letters share.
type Deps struct {
	Service Service
	Runs    run.Store
	Clients account.Store
	Sender  Sender
	Clock   clock.Clock
	Log     *slog.Logger
	// Metrics gets the measurements; nil: nobody measures.
	Metrics *metrics.Emitter
	// Budget is a run's deadline.
	Budget run.Budget
	// Pause waits between two tries at a contended write, or until ctx ends; nil: no wait.
	Pause func(ctx context.Context, d time.Duration) error
	// Random returns a number in [0, 1), for jitter; nil: math/rand.
	Random func() float64
	// Used returns the processor time of this process and its engines; nil: unknown. It tells a
	// part that hangs from one that only gets too little of a processor.
	Used func() time.Duration
}

// Runner takes runs through one stage.
type Runner struct {
	Deps
	Stage Stage
	// Edition is the version of the work. Where it differs from that of the parts before it, the
	// run begins again; empty: it never does.
	Edition string
	Work    Work
	// Join is the work between this stage's group and the next; nil: none.
	Join Join
	// Forget deletes what another service keeps of a task (TaskOf) that has ended; nil: the work
	// goes on nowhere else. A task that is unknown is not an error.
	Forget func(ctx context.Context, task string) error
	// Unscored replaces a part of this stage that failed for good, if the client allows a partial
	// result: it writes an artefact that says "not measured, because". Nil: the run fails.
	Unscored func(ctx context.Context, r run.Run, why string) error
}

// grace is how much of a function's time is reserved to record that the work ran out of time.
const grace = 3 * time.Second

// maxTries bounds the tries at a contended write: at most about 70 parts of a run finish at once.
const maxTries = 100

// ErrRetry means that the message must be delivered again.
var ErrRetry = errors.New("pipeline: to be tried again")

// currentAttempt stands for the run's current attempt, because an object's event does not know the
// number.
const currentAttempt = 0

// Arrived returns the message that the arrival of a recording amounts to: the first part of the
// run's current attempt.
func (s Service) Arrived(id run.ID) (Message, run.Part) {
	p := s.First()
	return Message{Format: Format, Run: id, Attempt: currentAttempt, Part: p.String()}, p
}

// addressed reads the run that a message in the queue of stage is about. It returns the run, the
// message with its attempt filled in, and a log that names both; a nil log means that there is
// nothing to do. ErrRetry.
func (d Deps) addressed(ctx context.Context, stage run.Stage, m Message, p run.Part) (run.Run, Message, *slog.Logger, error) {
	log := d.Log.With("run", m.Run, "part", p.String(), "attempt", m.Attempt)
	if p.Stage != stage {
		log.Error("message in the wrong queue", "stage", stage)
		return run.Run{}, m, nil, nil
	}
	r, err := d.Runs.Get(ctx, m.Run)
	switch {
	case errors.Is(err, run.ErrUnknown):
		log.Warn("message for a run that does not exist")
		return r, m, nil, nil
	case err != nil:
		return r, m, nil, fmt.Errorf("%w: %w", ErrRetry, err)
	case m.Attempt == currentAttempt:
		m.Attempt = r.Attempt
	}
	return r, m, log, nil
}

// Handle does the part that a message asks for. Nil: done, or nothing to do. ErrRetry (with its
// cause): deliver the message again.
func (w Runner) Handle(ctx context.Context, m Message, p run.Part) error {
	r, m, log, err := w.addressed(ctx, w.Stage.Name, m, p)
	if err != nil || log == nil {
		return err
	}
	if !r.Outstanding(m.Attempt, p) || m.Task != "" && m.Task != TaskOf(r, p) {
		log.Info("part not outstanding", "status", r.Status)
		w.forget(ctx, log, m.Task)
		return nil
	}
	if w.otherEdition(r, p) {
		return w.restart(ctx, log, m, p)
	}
	log.Info("part started")
	began := w.Clock.Now()
	res, err := w.bounded(ctx, r, p)
	var finding *errcode.Error
	switch {
	case err == nil:
	case errors.Is(err, ErrPending):
		log.Info("part goes on elsewhere", "cause", err.Error())
		return nil
	case errors.As(err, &finding) && terminal(finding.Code):
		log.Info("part found the run cannot go on", "code", finding.Code, "cause", finding.Error())
		return w.forgetting(ctx, log, r, p, w.fail(ctx, r, p, finding))
	default:
		return w.failed(ctx, log, m, p, err)
	}
	took := w.Clock.Now().Sub(began)
	log.Info("part done", "ms", took.Milliseconds())
	w.Metrics.Add(metrics.StageSeconds, took.Seconds(), []string{string(p.Stage)}, "run", string(r.ID), "part", p.String())
	return w.forgetting(ctx, log, r, p, w.finish(ctx, r, p, res))
}

// otherEdition reports whether the parts before p were made with another edition than this one.
func (w Runner) otherEdition(r run.Run, p run.Part) bool {
	return w.Edition != "" && p != w.Service.First() && r.Edition != w.Edition
}

// restart begins the run's attempt again: a deployment changed the edition while it was in process,
// and a result of two editions would have no version. Where functions of both editions are at work,
// the run may begin again more than once, until its deadline.
func (w Runner) restart(ctx context.Context, log *slog.Logger, m Message, p run.Part) error {
	first := w.Service.First()
	s, err := w.Service.Lookup(first.Stage)
	if err != nil {
		return err
	}
	var was, after run.Run
	err = w.change(ctx, m.Run, func(r run.Run) (_ run.Run, err error) {
		if !w.otherEdition(r, p) {
			return r, run.ErrGone
		}
		was = r
		after, err = r.Restarted(m.Attempt, p, first, s.DueFor(r.Length), w.Clock.Now())
		return after, err
	})
	switch {
	case errors.Is(err, run.ErrGone):
		return nil
	case err != nil:
		return fmt.Errorf("%w: restart: %w", ErrRetry, err)
	}
	log.Warn("run begins again", "edition", w.Edition, "before", was.Edition, "restarts", after.Restarts)
	w.send(ctx, after, []run.Part{first})
	return nil
}

func terminal(c errcode.Code) bool {
	e, ok := errcode.Lookup(c)
	return ok && e.Terminal && c != errcode.InternalError
}

// failed records why the part failed and asks for another delivery. When there are no more
// deliveries, the dead letter ends the run. A part that ran out of time too often ends it at once.
func (w Runner) failed(ctx context.Context, log *slog.Logger, m Message, p run.Part, cause error) error {
	how := run.Errored
	if errors.Is(cause, context.DeadlineExceeded) {
		how = run.TimedOut
	}
	log.Error("part failed", "how", how, "cause", cause.Error())
	var noted run.Run
	err := w.change(ctx, m.Run, func(r run.Run) (_ run.Run, err error) {
		noted, err = r.NoteFailure(m.Attempt, p, how, w.Stage.given(r, r.Parts[p].Sent-1), w.Clock.Now())
		return noted, err
	})
	switch {
	case errors.Is(err, run.ErrGone):
		return nil
	case err == nil && how == run.TimedOut && noted.Parts[p].Timeouts >= MaxTimeouts:
		log.Error("part given up", "timeouts", noted.Parts[p].Timeouts, "code", w.Stage.TimeoutCode)
		return w.fail(ctx, noted, p, errcode.New(w.Stage.TimeoutCode))
	}
	return errors.Join(fmt.Errorf("%w: %w", ErrRetry, cause), err)
}

// fail ends the run with a finding, or lets it go on without this score.
func (w Runner) fail(ctx context.Context, r run.Run, p run.Part, finding *errcode.Error) error {
	if r.Request.AllowPartial && w.Unscored != nil {
		if err := w.Unscored(ctx, r, finding.Text()); err != nil {
			return fmt.Errorf("%w: %w", ErrRetry, err)
		}
		return w.finish(ctx, r, p, Result{})
	}
	return w.end(ctx, r, run.Fail(finding.Code, finding.Message, fmt.Sprintf("%s: %v", p, finding)))
}

// Dead handles a dead letter, a message that was delivered too often: it ends the run with the code
// of its stage, or lets the run go on without this score. ErrRetry.
func (w Runner) Dead(ctx context.Context, m Message, p run.Part) error {
	r, m, log, err := w.addressed(ctx, w.Stage.Name, m, p)
	if err != nil || log == nil || !r.Outstanding(m.Attempt, p) {
		return err
	}
	c := w.Stage.Fail
	if r.Parts[p].Failure == run.TimedOut {
		c = w.Stage.TimeoutCode
	}
	log.Error("part dead", "code", c)
	return w.fail(ctx, r, p, errcode.New(c))
}

// finish removes the part p from the run, or ends the run if the result has an outcome. After the
// last part of a group it does the join and starts the next group.
// It does nothing if the run has begun again since began was read, because the result is then not
// among the objects of the run.
func (w Runner) finish(ctx context.Context, began run.Run, p run.Part, res Result) error {
	id, attempt, joined := began.ID, began.Attempt, false
	for try := range maxTries {
		r, err := w.Runs.Get(ctx, id)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrRetry, err)
		}
		if !r.Outstanding(attempt, p) || r.Restarts != began.Restarts {
			return nil
		}
		if res.Outcome != nil {
			return w.end(ctx, r, *res.Outcome)
		}
		if res.Pieces > 0 {
			r.Pieces = res.Pieces
		}
		if p == w.Service.First() {
			r.Edition = w.Edition
		}
		var next []run.Part
		if r.Last(p) {
			if w.Join != nil && !joined {
				if err := w.join(ctx, r, p); errors.Is(err, errEnded) {
					return nil
				} else if err != nil {
					return err
				}
				joined = true
			}
			next = w.Service.Following(p.Stage, r.Pieces)
		}
		due := map[run.Part]time.Duration{}
		for _, n := range next {
			s, err := w.Service.Lookup(n.Stage)
			if err != nil {
				return err
			}
			due[n] = s.DueFor(r.Length)
		}
		after, err := r.Done(attempt, p, due, w.Clock.Now())
		if err != nil {
			return err
		}
		switch err := w.Runs.Advance(ctx, r, after); {
		case errors.Is(err, run.ErrStale):
			w.pause(ctx, try)
			continue
		case err != nil:
			return fmt.Errorf("%w: %w", ErrRetry, err)
		}
		w.send(ctx, after, next)
		return nil
	}
	return fmt.Errorf("%w: pipeline: %s of run %s is too contended", ErrRetry, p, id)
}

// errEnded tells finish that the join ended the run.
var errEnded = errors.New("pipeline: ended by the join")

func (w Runner) join(ctx context.Context, r run.Run, p run.Part) error {
	err := w.Join(ctx, r)
	var finding *errcode.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &finding) && terminal(finding.Code):
		w.Log.Info("join found the run cannot go on", "run", r.ID, "part", p.String(), "code", finding.Code)
		if err := w.end(ctx, r, run.Fail(finding.Code, finding.Message, fmt.Sprintf("join after %s: %v", p, finding))); err != nil {
			return err
		}
		return errEnded
	}
	return fmt.Errorf("%w: join after %s: %w", ErrRetry, p, err)
}

// End ends the run, settles its hold, and gives its slot to the client's next run. If the run has
// already ended, that is not an error. ErrRetry.
func (d Deps) End(ctx context.Context, r run.Run, o run.Outcome) error {
	return d.endWhile(ctx, r, o, func(run.Run) bool { return true })
}

// end is End with a result, which counts for nothing once the run has begun again.
func (d Deps) end(ctx context.Context, r run.Run, o run.Outcome) error {
	return d.endWhile(ctx, r, o, func(now run.Run) bool { return now.Attempt == r.Attempt && now.Restarts == r.Restarts })
}

func (d Deps) endWhile(ctx context.Context, r run.Run, o run.Outcome, holds func(run.Run) bool) error {
	for try := range maxTries {
		ended, err := d.Runs.End(ctx, r, o, d.Clock.Now())
		switch {
		case err == nil:
			d.Log.Info("run ended", "run", r.ID, "status", ended.Status, "charged", ended.Charged, "code", failureCode(ended), "reason", ended.Reason)
			d.Metrics.Add(metrics.RunsEnded, 1, []string{string(ended.Status), string(failureCode(ended))}, "run", string(r.ID))
			d.push(ctx, ended)
			d.PromoteAll(ctx, r.Client)
			return nil
		case errors.Is(err, run.ErrGone):
			return nil
		case !errors.Is(err, run.ErrStale):
			return fmt.Errorf("%w: %w", ErrRetry, err)
		}
		d.pause(ctx, try)
		if r, err = d.Runs.Get(ctx, r.ID); err != nil {
			return fmt.Errorf("%w: %w", ErrRetry, err)
		}
		if !holds(r) {
			return nil
		}
	}
	return fmt.Errorf("%w: pipeline: run %s is too contended", ErrRetry, r.ID)
}

func failureCode(r run.Run) errcode.Code {
	if r.Failure == nil {
		return ""
	}
	return r.Failure.Code
}

// PromoteAll gives free slots to the client's queued runs, first in, first out, and sends their
// first parts. It only logs a failure, because the sweep tries again.
func (d Deps) PromoteAll(ctx context.Context, client account.ID) {
	c, err := d.Clients.Client(ctx, client)
	if err != nil {
		d.Log.Error("promotion put off", "client", client, "cause", err.Error())
		return
	}
	terms := d.Service.Terms(0, c.ConcurrentRuns, d.Budget)
	for range c.ConcurrentRuns {
		r, err := d.Runs.Promote(ctx, client, terms, d.Clock.Now())
		if err != nil {
			if !errors.Is(err, run.ErrNoSlot) {
				d.Log.Error("promotion put off", "client", client, "cause", err.Error())
			}
			return
		}
		d.Log.Info("run promoted", "run", r.ID)
		d.send(ctx, r, []run.Part{terms.First})
	}
}

// send sends the messages for parts. If it fails, the sweep sends them once they are due, since the
// run itself records them.
func (d Deps) send(ctx context.Context, r run.Run, parts []run.Part) {
	if len(parts) == 0 {
		return
	}
	ms := make([]Message, len(parts))
	for i, p := range parts {
		ms[i] = MessageFor(r, p)
	}
	if err := d.Sender.Send(ctx, ms); err != nil {
		d.Log.Error("messages left to the sweep", "run", r.ID, "cause", err.Error())
	}
}

// push sends the message for the next try of the run's webhook, if one is outstanding.
func (d Deps) push(ctx context.Context, r run.Run) {
	if r.Push.Outstanding() {
		d.send(ctx, r, []run.Part{{Stage: Webhook, Index: r.Push.Tries}})
	}
}

// PushAgain makes the webhook of a run that has ended due again and sends its message, for an
// operator. run.ErrUnknown; run.ErrGone if the run has not ended, is erased, or has no webhook.
func (d Deps) PushAgain(ctx context.Context, id run.ID) (run.Run, error) {
	var after run.Run
	err := d.change(ctx, id, func(r run.Run) (_ run.Run, err error) {
		after, err = r.PushAgain(d.Clock.Now())
		return after, err
	})
	if err != nil {
		return run.Run{}, fmt.Errorf("pipeline: push %s again: %w", id, err)
	}
	d.push(ctx, after)
	return after, nil
}

// change applies a decision to the stored run. If the run changes meanwhile, it decides again.
func (d Deps) change(ctx context.Context, id run.ID, decide func(run.Run) (run.Run, error)) error {
	for try := range maxTries {
		before, err := d.Runs.Get(ctx, id)
		if err != nil {
			return err
		}
		after, err := decide(before)
		if err != nil {
			return err
		}
		if err = d.Runs.Advance(ctx, before, after); !errors.Is(err, run.ErrStale) {
			return err
		}
		d.pause(ctx, try)
	}
	return fmt.Errorf("pipeline: run %s is too contended", id)
}

// pause waits with full jitter: a random time of up to 10 ms, doubled with each try, at most 500
// ms.
func (d Deps) pause(ctx context.Context, try int) {
	if d.Pause == nil {
		return
	}
	_ = d.Pause(ctx, time.Duration(d.draw()*float64(min(10*time.Millisecond<<min(try, 10), 500*time.Millisecond))))
}

// draw returns a random number in [0, 1).
func (d Deps) draw() float64 {
	if d.Random == nil {
		return rand.Float64()
	}
	return d.Random()
}
