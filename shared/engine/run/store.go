package run

import (
	"context"
	"slices"
	"time"

	"parley/shared/engine/account"
	"parley/shared/engine/credit"
)

// Submission is a run that asks to be accepted.
type Submission struct {
	// Run carries everything but Status, Version, StartedAt, Deadline, Ticket and Parts.
	Run Run
	Terms
	// Idempotency is nil where the client sent no key.
	Idempotency *Idempotency
}

// Idempotency ties a submit to the client's key for it.
type Idempotency struct {
	Key     string // as the client sent it, 1 to 255 characters; its scope is the client
	Input   string // hash of the whole input
	Expires time.Time
}

// Filter narrows a list of a client's runs. Zero fields do not.
type Filter struct {
	Status        Status
	ExternalID    string
	Tag           string
	CreatedAfter  time.Time // inclusive
	CreatedBefore time.Time // exclusive
	Limit         int       // 1 to 100
	// After is the position behind which the page starts: the last run of the page before. Zero: the newest.
	After Position
}

// Position is a place in a client's list, newest first.
type Position struct {
	CreatedAt time.Time
	ID        ID
}

// Matches tells whether r passes the filter (position and limit aside).
func (f Filter) Matches(r Run) bool {
	if f.Status != "" && r.Status != f.Status || f.ExternalID != "" && r.Request.ExternalID != f.ExternalID {
		return false
	}
	if !f.CreatedAfter.IsZero() && r.CreatedAt.Before(f.CreatedAfter) || !f.CreatedBefore.IsZero() && !r.CreatedAt.Before(f.CreatedBefore) {
		return false
	}
	if f.Tag == "" {
		return true
	}
	return slices.Contains(r.Request.Tags, f.Tag)
}

// Store keeps runs and the ledger. Its methods are the transitions of the state machine: each one conditional write or
// one transaction, safe to repeat. Reads by id are consistent. Every method may also return an error of the technology
// beneath, after its own bounded retries.
type Store interface {
	// Submit accepts a run in one transaction: the run, the hold and its entry, and a slot, or a place at the end of the
	// queue where no slot is free or others wait already. Returns the run as stored. With an idempotency key seen before:
	// the first run and replayed = true, or ErrReused where the input differs. credit.ErrInsufficient: not enough is
	// available (also where the client has no account yet).
	Submit(ctx context.Context, s Submission, now time.Time) (r Run, replayed bool, err error)
	// Replay looks up the run of an idempotency key: ErrUnknown where there is none (or it has expired), ErrReused where
	// the input differs.
	Replay(ctx context.Context, client account.ID, i Idempotency, now time.Time) (Run, error)
	// Get reads a run: ErrUnknown.
	Get(ctx context.Context, id ID) (Run, error)
	// Advance writes after, which a decision made of before, where before is still what is stored: else ErrStale. For the
	// transitions without money: Done, Noted, Resent, and those of a push.
	Advance(ctx context.Context, before, after Run) error
	// End ends the run that seen is a reading of, in one transaction with the ledger's entries and the slot or the place in
	// the queue: ErrStale, ErrGone. Returns the run as stored.
	End(ctx context.Context, seen Run, o Outcome, now time.Time) (Run, error)
	// Promote gives a free slot to the client's first queued run, in one transaction; ErrNoSlot where no slot is free or
	// none waits. Returns the started run, whose first part the caller sends.
	Promote(ctx context.Context, client account.ID, t Terms, now time.Time) (Run, error)
	// Retry makes a failed run a new attempt: holds its cost again and gives it a slot or a place in the queue, as
	// Submit does. ErrGone where it is not failed, credit.ErrInsufficient.
	Retry(ctx context.Context, seen Run, s Submission, now time.Time) (Run, error)
	// Erase marks a terminal run's objects as gone. ErrGone where it is not terminal.
	Erase(ctx context.Context, seen Run, now time.Time) (Run, error)

	// List returns a page of the client's runs, newest first, and the position to go on from (zero at the end).
	List(ctx context.Context, client account.ID, f Filter) ([]Run, Position, error)
	// QueuePosition is the 1-based place of a queued run; 0 for any other.
	QueuePosition(ctx context.Context, r Run) (int, error)
	// Due returns runs that have a NextDue which is not after now, the longest overdue first, at most limit (1 to 1000).
	// It may read an index: what it returns is looked at again by Get before anything is decided.
	Due(ctx context.Context, now time.Time, limit int) ([]ID, error)
	// Waiting returns clients that have queued runs, at most limit; for the sweep's promotion.
	Waiting(ctx context.Context, limit int) ([]account.ID, error)

	// Account reads a client's account; the zero account (with Client set) where nothing was ever granted.
	Account(ctx context.Context, client account.ID) (credit.Account, error)
	// Grant adds credits, Adjust adds or takes: one transaction with the entry. credit.ErrInsufficient.
	Grant(ctx context.Context, client account.ID, amount int64, note string, now time.Time) (credit.Entry, error)
	Adjust(ctx context.Context, client account.ID, amount int64, note string, now time.Time) (credit.Entry, error)
	// Entries returns the ledger newest first: entries with Seq below before (0: from the newest), at most limit (1 to 1000).
	Entries(ctx context.Context, client account.ID, before int64, limit int) ([]credit.Entry, error)
}

// Limits keeps what is counted over time.
type Limits interface {
	// Allow counts a call within the current window of scope and tells whether it is within limit, how many remain, and when
	// the window ends. Atomic: parallel calls are all counted.
	Allow(ctx context.Context, scope string, limit int, window time.Duration, now time.Time) (ok bool, remaining int, reset time.Time, err error)
	// Window tells the same as Allow without counting a call: ok is whether another one would be within limit.
	Window(ctx context.Context, scope string, limit int, window time.Duration, now time.Time) (ok bool, remaining int, reset time.Time, err error)
	// Poll records a poll of the run unless its last one is less than every ago; then it returns how long to wait.
	Poll(ctx context.Context, id ID, every time.Duration, now time.Time) (wait time.Duration, err error)
	// Ready reads the last readiness that warm recorded; zero time where none is recorded.
	Ready(ctx context.Context) (Readiness, error)
	// SetReady records it, unless one found later is on record: probes overlap, and the slower one may be the older.
	SetReady(ctx context.Context, r Readiness) error
	// Cursor reads how far the walk of this name has come, as SetCursor recorded it; empty where nothing is recorded.
	Cursor(ctx context.Context, walk string) (string, error)
	// SetCursor records it; the last to write wins.
	SetCursor(ctx context.Context, walk, at string) error
	// Expire deletes rate windows, last polls and idempotency records that have been of no use for LimitSpare. It looks at most
	// at limit records (1 to 1000), from the place that an earlier call returned as next (empty: the first), and tells how many
	// it deleted; next is empty at the end. One that is used anew meanwhile stays. No reading rests on a record being deleted.
	// With an error, deleted tells what was done until then.
	Expire(ctx context.Context, now time.Time, after string, limit int) (deleted int, next string, err error)
}

// LimitSpare is how long what Limits keeps outlives its use, against clocks that differ.
const LimitSpare = time.Hour

// Readiness is what the warm function last found.
type Readiness struct {
	At time.Time `json:"at"`
	// Parts is each probed part by name: empty where it is ready, else why not.
	Parts map[string]string `json:"parts"`
}

// Ready tells whether every part is.
func (r Readiness) Ready() bool {
	for _, why := range r.Parts {
		if why != "" {
			return false
		}
	}
	return !r.At.IsZero()
}
