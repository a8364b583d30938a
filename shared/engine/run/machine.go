package run

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"parley/shared/errcode"
)

// The state machine, on one page. Each transition is a pure function from a run to the next one.
// The store writes the result, together with the ledger's movement if there is one, on the
// condition that the stored version is still the one that the decision was based on. So a repeat
// finds either another version (ErrStale: read again, decide again) or the work done (ErrGone:
// nothing to do).
//
//	submit ─► queued ─► processing ─► success | partial | failed
//	             └───────── fail ───────────────────────────┘
//	retry:  failed ─► queued or processing, with attempt + 1
//
// Once a run has ended, only its webhook moves on (push.go), and it may be erased once. Links to
// its report page (link.go) come and go in any state, until it is erased.
//
//	transition of         also required             writes in one step              a repeat
//	submit     new        credits; id, upload       run, account, entry, ticket *,  the same run
//	                      unused                    use of the upload
//	promote    queued     first in queue; free slot run, account, ticket *          next, if any
//	done       processing part outstanding          run: part done, next added      ErrGone
//	failure    processing part outstanding          run: why the part failed, due   the same again
//	restarted  processing part outstanding          run: its first part only        ErrGone
//	resent     processing parts outstanding         run: their due times            ErrStale
//	end        not ended  -                         run, account, entries, ticket * ErrGone
//	retry      failed     not erased; credits       as submit, with attempt + 1     ErrGone
//	erase      ended      -                         run: findings, links removed    the same run
//	push …     ended      webhook outstanding       run: its webhook                ErrGone
//	linked     not erased -                         run: its links                  another link
//	unlinked   any        has links                 run: its links                  ErrGone
//
//	* the ticket is added when the run must wait, and removed when it leaves the queue
//
// A process may die before the write, and then nothing has happened. Or it may die after the write,
// and then the sweep does what should have followed (messages, promotion, the deletion of objects).
// The account's side of each transition is in account.go. A run never just expires: the watchdog
// (pipeline.Service.Watch) ends a stuck run at its deadline, and a queued run does not age.

// The errors of the transitions.
var (
	// ErrStale means that the run changed since it was read.
	ErrStale = errors.New("run: moved since it was read")
	// ErrGone means that the run is past this transition: it has ended, it is at another attempt,
	// or the part is done.
	ErrGone = errors.New("run: past this transition")
	// ErrUnknown means that there is no such run.
	ErrUnknown = errors.New("run: unknown")
	// ErrNoSlot means that no slot is free or no run waits.
	ErrNoSlot = errors.New("run: no slot or none waiting")
	// ErrUsed means that the upload went into another run.
	ErrUsed = errors.New("run: upload used by another run")
	// ErrReused means that the idempotency key was used before with different input.
	ErrReused = errors.New("run: idempotency key used with another input")
)

// Budget returns how long a run may take from its start to its deadline.
type Budget func(Run) time.Duration

// Terms are the settings that a run starts with.
type Terms struct {
	ConcurrentRuns int    // how many runs of the client may be in process at once, at least 1
	First          Part   // the part that starts the run
	Budget         Budget // the run's deadline
	// Due is the time after which the first part is sent again.
	Due time.Duration
}

// Start gives a run its slot: queued (or new) → processing, with its first part. Condition:
// neither processing nor terminal. A repeat returns ErrGone.
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

// Outstanding reports whether part p of this attempt is still to be done.
func (r Run) Outstanding(attempt int, p Part) bool {
	_, ok := r.Parts[p]
	return r.Status == Processing && r.Attempt == attempt && ok
}

// Last reports whether p is the only outstanding part, so that finishing it starts the next group.
func (r Run) Last(p Part) bool { _, ok := r.Parts[p]; return ok && len(r.Parts) == 1 }

// Done removes a finished part and adds the parts that follow it, each with the time after which it
// is sent again. Condition: the part is outstanding in this attempt. A repeat returns ErrGone. Done
// must not leave the run without parts: the last part ends the run with End.
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

// NoteFailure records why the last try at a part failed, TimedOut or Errored, and sets when the
// sweep sends the part again, by the time from now, since its message is about to be delivered
// again. The failure decides the error code if the part ends as a dead letter. Condition: the part
// is outstanding in this attempt, else ErrGone.
func (r Run) NoteFailure(attempt int, p Part, failure string, due time.Duration, now time.Time) (Run, error) {
	if !r.Outstanding(attempt, p) {
		return r, ErrGone
	}
	r.Parts = clone(r.Parts)
	v := r.Parts[p]
	v.Failure, v.Due = failure, now.Add(due)
	if failure == TimedOut {
		v.Timeouts++
	}
	r.Parts[p] = v
	r.Version++
	return r, nil
}

// Restarted begins an attempt again with its first part, because a part of it was about to be done
// by another edition than the parts before it. Its hold, slot and deadline stay. Condition: the
// part is outstanding in this attempt, else ErrGone.
func (r Run) Restarted(attempt int, p, first Part, due time.Duration, now time.Time) (Run, error) {
	if !r.Outstanding(attempt, p) {
		return r, ErrGone
	}
	r.Parts = map[Part]Pending{first: {Due: now.Add(due), Sent: 1}}
	r.Edition = ""
	r.Restarts++
	r.Version++
	return r, nil
}

// Resent sets the next due time of parts that the sweep sends again, by their time from now.
// Condition: processing, and the parts are outstanding, else ErrGone.
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
	Dimensions Dimensions // success and partial only: what the service scores
	Scores     Scores     // success and partial only
	Charge     int64      // credits to charge; the rest of the hold is released
	Failure    *Failure
	Found      Document
	Reason     string // for operators
}

// Succeed returns the outcome of a run with a score in each dimension: its whole cost is charged.
func Succeed(r Run, of Dimensions, s Scores, found Document) Outcome {
	return Outcome{Status: Success, Dimensions: of, Scores: s, Charge: r.Cost, Found: found}
}

// SucceedInPart returns the outcome of a run that lacks scores and whose client accepts that: it is
// charged the share of its cost that Dimensions.Charge gives.
func SucceedInPart(r Run, of Dimensions, s Scores, found Document) Outcome {
	return Outcome{Status: Partial, Dimensions: of, Scores: s, Charge: of.Charge(r.Cost, s), Found: found}
}

// Fail returns the outcome of a run that ends with code c: nothing is charged. message is for the
// client (empty: the table's message), reason for operators.
func Fail(c errcode.Code, message, reason string) Outcome {
	if message == "" {
		message = errcode.New(c).Text()
	}
	return Outcome{Status: Failed, Failure: &Failure{Code: c, Message: message}, Reason: reason}
}

// End makes a run terminal and its webhook due. Condition: not terminal. The same transaction
// resolves the hold in the ledger and frees the slot (of a processing run) or the place in the
// queue (of a queued one). A repeat returns ErrGone.
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

// Again prepares a new attempt of a failed run: it clears everything that the last attempt left,
// and Admit does the rest. Condition: failed and not erased (an erased run has no recording), else
// ErrGone.
func (r Run) Again() (Run, error) {
	if r.Status != Failed || !r.ErasedAt.IsZero() {
		return r, ErrGone
	}
	r.Attempt++
	r.Edition, r.Restarts = "", 0
	r.CompletedAt, r.Scores, r.Charged, r.Failure, r.Found, r.Reason, r.Pieces, r.Push = time.Time{}, nil, 0, nil, nil, "", 0, nil
	return r, nil
}

// Erase marks a run as erased, removes what the service found in it and ends its links. It drops an
// outstanding webhook, because nothing is left to report. Condition: terminal. A repeat returns
// ErrGone.
func (r Run) Erase(now time.Time) (Run, error) {
	if !r.Status.Terminal() || !r.ErasedAt.IsZero() {
		return r, ErrGone
	}
	r.Scores, r.Found, r.Links, r.ErasedAt = nil, nil, nil, now
	if p := r.push(r.Attempt); p != nil {
		p.settle()
		r.Push = p
	}
	r.Version++
	return r, nil
}

// Overtaken returns why a decision based on r can no longer be written, given the run as it is
// stored now: ErrGone if that has ended or is at another attempt, ErrStale if it changed otherwise,
// nil if the decision can be written.
func (r Run) Overtaken(now Run) error {
	switch {
	case now.Version == r.Version:
		return nil
	case now.Status.Terminal() || now.Attempt != r.Attempt:
		return ErrGone
	}
	return ErrStale
}

// Follows returns an error unless r can be the result of a transition of before that moves no
// credits.
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
