package run

import (
	"context"
	"slices"
	"time"

	"parley/shared/engine/account"
	"parley/shared/engine/credit"
)

// Submission is a run to be accepted.
type Submission struct {
	// Run has everything but Status, Version, StartedAt, Deadline, Ticket and Parts.
	Run Run
	Terms
	// Idempotency is nil if the client sent no key.
	Idempotency *Idempotency
	// Use is nil if the recording did not come by an upload.
	Use *Use
	// Instead is the run that used the upload before and lost its recording; empty: none did.
	Instead ID
}

// Use records which run an upload went into. An upload goes into one run only.
type Use struct {
	Upload  string // the upload's id, unique per client
	Content string // hash of the recording; a replay is recognised by it after the upload is gone
	Run     ID
	Expires time.Time
}

// UseLasting is how long a Use is kept. Its upload is gone by then: it may be posted for an hour,
// cleanup deletes it 25 hours later, and a bucket's lifecycle after 2 days, which S3 rounds up.
const UseLasting = 4 * 24 * time.Hour

// Idempotency ties a submit to the client's Idempotency-Key.
type Idempotency struct {
	Key     string // as the client sent it, 1 to 255 characters; unique per client
	Input   string // hash of the whole input
	Expires time.Time
}

// Filter selects runs of a client's list. Zero fields select all.
type Filter struct {
	Status        Status
	ExternalID    string
	Tag           string
	CreatedAfter  time.Time // inclusive
	CreatedBefore time.Time // exclusive
	Limit         int       // 1 to 100
	// After is the position of the last run of the previous page. Zero: start with the newest run.
	After Position
}

// Position is a position in a client's list, which has the newest run first.
type Position struct {
	CreatedAt time.Time
	ID        ID
}

// Matches reports whether r passes the filter, ignoring After and Limit.
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

// Repeats tells what was submitted before. Its reads are consistent.
type Repeats interface {
	// Replay finds the run of an idempotency key. ErrUnknown if there is none or the key has
	// expired; ErrReused if the input differs.
	Replay(ctx context.Context, client account.ID, i Idempotency, now time.Time) (Run, error)
	// Used returns the use of a client's upload. ErrUnknown if there is none or it has expired.
	Used(ctx context.Context, client account.ID, upload string, now time.Time) (Use, error)
	// Use records that an upload went into a run that exists already: a replay brought the same
	// recording once more. ErrUsed if it went into another run. A repeat changes nothing.
	Use(ctx context.Context, client account.ID, u Use, now time.Time) error
}

// Store keeps runs and the ledger. Its methods are the transitions of the state machine. Each is
// one conditional write or one transaction, and is safe to repeat. Reads by id are consistent.
// Every method may also return an error of the underlying technology, after its own bounded
// retries.
type Store interface {
	Repeats
	// Submit accepts a run in one transaction, which writes the run, the hold and its entry, and a
	// slot, or a place at the end of the queue if no slot is free or others already wait. It
	// returns the run as stored. If the idempotency key was seen before, it returns the first run
	// and replayed = true, or ErrReused if the input differs. ErrUsed if the upload went into
	// another run than s.Instead. credit.ErrInsufficient: too few credits are available, or the
	// client has no account yet.
	Submit(ctx context.Context, s Submission, now time.Time) (r Run, replayed bool, err error)
	// Get reads a run. ErrUnknown.
	Get(ctx context.Context, id ID) (Run, error)
	// Advance replaces before by after. ErrStale if before is no longer stored. It is for the
	// transitions that move no credits: Done, NoteFailure, Resent, Linked, Unlinked, and those of a
	// push.
	Advance(ctx context.Context, before, after Run) error
	// End ends the run that was read as seen. One transaction writes the run and the ledger's
	// entries, and frees the slot or the place in the queue. It returns the run as stored.
	// ErrStale, ErrGone.
	End(ctx context.Context, seen Run, o Outcome, now time.Time) (Run, error)
	// Promote gives a free slot to the client's first queued run, in one transaction. It returns
	// the started run; the caller sends its first part. ErrNoSlot if no slot is free or no run
	// waits.
	Promote(ctx context.Context, client account.ID, t Terms, now time.Time) (Run, error)
	// Retry starts a new attempt of a failed run: it holds the cost again and gives the run a slot
	// or a place in the queue, as Submit does. ErrGone if the run is not failed;
	// credit.ErrInsufficient.
	Retry(ctx context.Context, seen Run, s Submission, now time.Time) (Run, error)
	// Erase marks a terminal run as erased. ErrGone if the run is not terminal.
	Erase(ctx context.Context, seen Run, now time.Time) (Run, error)

	// List returns a page of the client's runs, newest first, and the position to continue from
	// (zero at the end).
	List(ctx context.Context, client account.ID, f Filter) ([]Run, Position, error)
	// QueuePosition returns the position of a queued run, from 1; 0 for any other run.
	QueuePosition(ctx context.Context, r Run) (int, error)
	// Due returns at most limit (1 to 1000) runs whose NextDue is set and not after now, longest
	// overdue first. It may read a stale index, so the caller reads each run again with Get before
	// it decides anything.
	Due(ctx context.Context, now time.Time, limit int) ([]ID, error)
	// Waiting returns at most limit clients that have queued runs, for the sweep's promotion.
	Waiting(ctx context.Context, limit int) ([]account.ID, error)

	// Account reads a client's account. If nothing was ever granted, it is zero except for Client.
	Account(ctx context.Context, client account.ID) (credit.Account, error)
	// Grant adds credits, in one transaction with the ledger's entry.
	Grant(ctx context.Context, client account.ID, amount int64, note string, now time.Time) (credit.Entry, error)
	// Adjust adds or takes credits, in one transaction with the ledger's entry.
	// credit.ErrInsufficient.
	Adjust(ctx context.Context, client account.ID, amount int64, note string, now time.Time) (credit.Entry, error)
	// Entries returns at most limit (1 to 1000) entries of the ledger, newest first, with Seq below
	// before (0: from the newest).
	Entries(ctx context.Context, client account.ID, before int64, limit int) ([]credit.Entry, error)
}

// Limits keeps records that lose their use with time: rate windows, polls, readiness, cursors.
type Limits interface {
	// Allow counts a call within the current window of scope. It returns whether the call is within
	// limit, how many calls remain, and when the window ends. It is atomic: parallel calls are all
	// counted.
	Allow(ctx context.Context, scope string, limit int, window time.Duration, now time.Time) (ok bool, remaining int, reset time.Time, err error)
	// Window returns the same as Allow but counts no call: ok is whether another call would be
	// within limit.
	Window(ctx context.Context, scope string, limit int, window time.Duration, now time.Time) (ok bool, remaining int, reset time.Time, err error)
	// Poll records a poll of the run, unless the last one was less than every ago: then it returns
	// how long to wait.
	Poll(ctx context.Context, id ID, every time.Duration, now time.Time) (wait time.Duration, err error)
	// Ready reads the last recorded readiness; its time is zero if there is none.
	Ready(ctx context.Context) (Readiness, error)
	// SetReady records r, unless a readiness with a later time is on record: probes overlap, and
	// the slower one may be the older.
	SetReady(ctx context.Context, r Readiness) error
	// Cursor reads how far the walk of this name has come, as SetCursor recorded it; empty if it
	// has not.
	Cursor(ctx context.Context, walk string) (string, error)
	// SetCursor records how far a walk has come. The last write wins.
	SetCursor(ctx context.Context, walk, at string) error
	// Expire deletes rate windows, last polls, idempotency records and uses of uploads that have
	// been of no use for LimitSpare. It looks at no more than limit records (1 to 1000), starting
	// at the position that an earlier call returned as next (empty: at the first), and returns how
	// many it deleted; next is empty at the end. A record that is used again meanwhile stays.
	// Nothing depends on a record being deleted. With an error, deleted counts the deletions up to
	// then.
	Expire(ctx context.Context, now time.Time, after string, limit int) (deleted int, next string, err error)
}

// LimitSpare is how long a record of Limits is kept after its use has ended, in case clocks differ.
const LimitSpare = time.Hour

// Readiness is what the warm function last found.
type Readiness struct {
	At time.Time `json:"at"`
	// Parts maps each probed part to why it is not ready; empty if it is ready.
	Parts map[string]string `json:"parts"`
}

// Ready reports whether the parts were probed and all are ready.
func (r Readiness) Ready() bool {
	for _, why := range r.Parts {
		if why != "" {
			return false
		}
	}
	return !r.At.IsZero()
}
