package run

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"parley/shared/errcode"
)

// The state machine, on one page. Each transition is a pure function from a run to the next one; the store writes the
// result on the condition that the stored version is still the one decided on, together with the ledger's movement
// where there is one. So a repeat finds either the version moved (ErrStale: read again, decide again) or the work
// done (ErrGone: nothing to do).
//
//	submit ─► queued ─► processing ─► success | partial | failed
//	             └───────── fail ───────────────────────────┘        retry: failed ─► queued or processing, attempt + 1
//
// A run that has ended moves on only in its webhook (push.go), and once when it is erased.
//
//	transition   of            condition, beside the version          writes in one go                                 a repeat
//	submit       new           credits for its cost; id unused        run, account, hold entry; ticket where it waits  the run as it was accepted
//	promote      queued        first of its client's queue, a slot    run, account; ticket removed                     ErrNoSlot, or the next in line
//	done         processing    part outstanding in this attempt       run: part removed, the next ones added           ErrGone
//	noted        processing    the same                               run: what the part died of                       the same again
//	resent       processing    parts outstanding                      run: their due times                             ErrStale
//	end          not terminal  -                                      run, account, charge and release; ticket removed ErrGone
//	retry        failed        not erased; credits for its cost       run: attempt + 1, account, hold; ticket          ErrGone
//	erase        terminal      -                                      run: its scores gone                             the run as it is
//	push …       terminal      webhook outstanding                    run: its webhook                                 ErrGone
//
// Each may be cut off before its write, when nothing has happened, or after it, when what follows (messages, promotion, the
// deletion of objects) is what the sweep finds due. The account's sides stand in account.go. Nothing expires a run: what hangs
// is ended at its deadline by the watchdog (pipeline.Watch), and a queued run does not age.

// The refusals of the transitions.
var (
	// ErrStale says that the run moved since it was read.
	ErrStale = errors.New("run: moved since it was read")
	// ErrGone says that the run is past this transition: ended, another attempt, or the part is done already.
	ErrGone = errors.New("run: past this transition")
	// ErrUnknown says that there is no such run.
	ErrUnknown = errors.New("run: unknown")
	// ErrNoSlot says that no slot is free, or that none waits.
	ErrNoSlot = errors.New("run: no slot or none waiting")
	// ErrReused says that an idempotency key was used with another input.
	ErrReused = errors.New("run: idempotency key used with another input")
)

// Budget is the run's own deadline as a function of its length.
type Budget func(Run) time.Duration

// Terms are what a run is started on.
type Terms struct {
	ConcurrentRuns int    // how many runs of the client may process at once, 1 or more
	First          Part   // the part that starts it
	Budget         Budget // its own deadline
	// Due is the time after which the first part is sent again.
	Due time.Duration
}

// Start gives a run its slot: queued (or new) → processing with its first part. Condition: not
// processing, not terminal. A repeat answers ErrGone.
func (r Run) Start(t Terms, now time.Time) (Run, error) {
	if r.Status != Queued && r.Status != "" {
		return r, ErrGone
	}
	r.Status = Processing
	r.StartedAt = now
	r.Deadline = now.Add(t.Budget(r))
	r.Parts = map[Part]Pending{t.First: {Due: now.Add(t.Due), Sent: 1}}
	r.Version++
	return r, nil
}

// Outstanding tells whether this part of this attempt is still to be done.
func (r Run) Outstanding(attempt int, p Part) bool {
	_, ok := r.Parts[p]
	return r.Status == Processing && r.Attempt == attempt && ok
}

// Last tells whether p is the only outstanding part, so that finishing it starts what comes next.
func (r Run) Last(p Part) bool { _, ok := r.Parts[p]; return ok && len(r.Parts) == 1 }

// Done removes a finished part and adds the parts that follow it, each with the time after which it is sent again.
// Condition: the part is outstanding in this attempt. A repeat answers ErrGone. The run may not be left without parts:
// the last one ends it with End.
func (r Run) Done(attempt int, p Part, next map[Part]time.Duration, now time.Time) (Run, error) {
	if !r.Outstanding(attempt, p) {
		return r, ErrGone
	}
	parts := make(map[Part]Pending, len(r.Parts)+len(next))
	for k, v := range r.Parts {
		if k != p {
			parts[k] = v
		}
	}
	for k, due := range next {
		if _, twice := parts[k]; twice || k == p {
			return r, fmt.Errorf("run: %s: part %s added twice", r.ID, k)
		}
		parts[k] = Pending{Due: now.Add(due), Sent: 1}
	}
	if len(parts) == 0 {
		return r, fmt.Errorf("run: %s: left without parts after %s", r.ID, p)
	}
	r.Parts = parts
	r.Version++
	return r, nil
}

// Noted records what the last attempt at a part died of, for the dead letter's code. Condition and repeat as in Done.
func (r Run) Noted(attempt int, p Part, failure string) (Run, error) {
	if !r.Outstanding(attempt, p) {
		return r, ErrGone
	}
	r.Parts = clone(r.Parts)
	v := r.Parts[p]
	v.Failure = failure
	r.Parts[p] = v
	r.Version++
	return r, nil
}

// Resent pushes back the due time of parts that the sweep sends again. Condition: processing.
func (r Run) Resent(due map[Part]time.Duration, now time.Time) (Run, error) {
	if r.Status != Processing {
		return r, ErrGone
	}
	r.Parts = clone(r.Parts)
	for p, d := range due {
		v, ok := r.Parts[p]
		if !ok {
			return r, ErrGone
		}
		v.Due, v.Sent = now.Add(d), v.Sent+1
		r.Parts[p] = v
	}
	r.Version++
	return r, nil
}

// Outcome is how a run ends.
type Outcome struct {
	Status     Status     // success, partial or failed
	Dimensions Dimensions // of success and partial: what the service scores
	Scores     Scores     // of success and partial
	Charge     int64      // credits of the hold that are charged; the rest is released
	Failure    *Failure
	Found      Document
	Reason     string // for operators
}

// Succeed is the outcome of a run with a score in each dimension: the whole cost is charged.
func Succeed(r Run, of Dimensions, s Scores, found Document) Outcome {
	return Outcome{Status: Success, Dimensions: of, Scores: s, Charge: r.Cost, Found: found}
}

// SucceedInPart is the outcome of a run that lacks scores which its client can do without: the share of
// the cost that the produced ones are is charged.
func SucceedInPart(r Run, of Dimensions, s Scores, found Document) Outcome {
	return Outcome{Status: Partial, Dimensions: of, Scores: s, Charge: of.Charge(r.Cost, s), Found: found}
}

// Fail is the outcome of a run that ends with c: nothing is charged.
func Fail(c errcode.Code, message, reason string) Outcome {
	if message == "" {
		message = errcode.New(c).Text()
	}
	return Outcome{Status: Failed, Failure: &Failure{Code: c, Message: message}, Reason: reason}
}

// End makes a run terminal, and its webhook due. Condition: not terminal. The ledger resolves the hold, and the slot (of a processing run) or
// the place in the queue (of a queued one) is freed, in the same transaction. A repeat answers ErrGone.
func (r Run) End(o Outcome, now time.Time) (Run, error) {
	if r.Status.Terminal() {
		return r, ErrGone
	}
	switch {
	case !o.Status.Terminal(),
		(o.Status == Failed) != (o.Failure != nil),
		o.Status == Failed && o.Charge != 0,
		o.Status != Failed && len(o.Dimensions) == 0,
		o.Status == Success && (!o.Dimensions.Complete(o.Scores) || o.Charge != r.Cost),
		o.Status == Partial && (!o.Dimensions.Enough(o.Scores) || o.Dimensions.Complete(o.Scores) || o.Charge < 1 || o.Charge > r.Cost):
		return r, fmt.Errorf("run: %s: impossible outcome %+v", r.ID, o)
	}
	r.Status = o.Status
	r.Scores = o.Scores
	r.Charged = o.Charge
	r.Failure = o.Failure
	r.Found = o.Found
	if o.Reason != "" {
		r.Reason = o.Reason
	}
	r.CompletedAt = now
	r.Parts = nil
	if r.Request.WebhookURL != "" {
		r.Push = &Push{Due: now.Add(PushResend), Sent: 1}
	}
	r.Version++
	return r, nil
}

// Again is what a new attempt of a failed run begins from: nothing is left of the last one but its number; Admit does the
// rest. Condition: failed, and not erased (there is no audio left then). ErrGone.
func (r Run) Again() (Run, error) {
	if r.Status != Failed || !r.ErasedAt.IsZero() {
		return r, ErrGone
	}
	r.Attempt++
	r.CompletedAt, r.Scores, r.Charged, r.Failure, r.Found, r.Reason, r.Pieces, r.Push = time.Time{}, nil, 0, nil, nil, "", 0, nil
	return r, nil
}

// Erase marks a run's objects as gone. A webhook that is still outstanding is dropped: there is nothing left to tell.
// Condition: terminal. A repeat answers ErrGone.
func (r Run) Erase(now time.Time) (Run, error) {
	if !r.Status.Terminal() || !r.ErasedAt.IsZero() {
		return r, ErrGone
	}
	r.Scores, r.ErasedAt = nil, now
	if p := r.push(r.Attempt); p != nil {
		p.settle()
		r.Push = p
	}
	r.Version++
	return r, nil
}

// Overtaken tells why a decision made of r can no longer be written, from what is stored now: nil where it can, ErrGone where the run
// has ended or is at another attempt, ErrStale where it moved otherwise.
func (r Run) Overtaken(now Run) error {
	switch {
	case now.Version == r.Version:
		return nil
	case now.Status.Terminal() || now.Attempt != r.Attempt:
		return ErrGone
	}
	return ErrStale
}

// Follows returns an error unless r can be what a transition without money made of before.
func (r Run) Follows(before Run) error {
	if before.ID != r.ID || r.Version != before.Version+1 || r.Status != before.Status || r.Attempt != before.Attempt {
		return fmt.Errorf("%s does not follow from %s", r.ID, before.ID)
	}
	return nil
}

func clone(m map[Part]Pending) map[Part]Pending {
	n := make(map[Part]Pending, len(m))
	maps.Copy(n, m)
	return n
}
