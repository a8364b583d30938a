// Package credit is the arithmetic of the ledger. Every movement of an account is a pure function
// that returns the next account and the entries that record the movement; the stores only write
// what it returns.
package credit

import (
	"errors"
	"fmt"
	"time"

	"parley/shared/engine/account"
)

// Kind is the type of an entry.
type Kind string

// The kinds of entries. A hold moves credits from available to held. A charge takes held credits
// for good; a release returns them to available. A grant adds credits; an adjustment adds or takes
// some.
const (
	Grant   Kind = "grant"
	Hold    Kind = "hold"
	Charge  Kind = "charge"
	Release Kind = "release"
	Adjust  Kind = "adjust"
)

// ErrInsufficient means that an account would go below zero.
var ErrInsufficient = errors.New("credit: not enough credits")

// Account is a client's credits and slots. Balance = Held + Available always holds, and none is
// ever negative.
type Account struct {
	Client    account.ID
	Balance   int64 // credits owned, including those held
	Held      int64 // credits reserved by runs that have not ended
	Available int64 // credits free to be held
	// Seq counts the entries of this account.
	Seq int64
	// Running counts the client's runs in process, Queued those that wait for a slot.
	Running int
	Queued  int
	// QueueTail is the last ticket given to a queued run. Tickets increase: the lowest is next.
	QueueTail int64
	// Revision counts every write, including those without an entry (promotion).
	Revision int64
}

// Entry is one line of the ledger. It is never changed or removed.
type Entry struct {
	ID     string     `json:"id"` // `txn_` and the sequence number, 12 digits
	Client account.ID `json:"-"`
	Seq    int64      `json:"-"`
	Kind   Kind       `json:"type"`
	// credits; negative only for an adjustment that takes some
	Amount       int64     `json:"amount"`
	RunID        *string   `json:"runId"`
	Attempt      int       `json:"-"` // attempt of the run, from 1; 0 without a run
	BalanceAfter int64     `json:"balanceAfter"`
	HeldAfter    int64     `json:"heldAfter"`
	CreatedAt    time.Time `json:"createdAt"`
	Note         string    `json:"note"`
}

// EntryID returns the id of the entry with number seq (from 1).
func EntryID(seq int64) string { return fmt.Sprintf("txn_%012d", seq) }

// Share returns the cost of a run that produced only some of its scores: cost × produced ÷ all
// credits, rounded down, at least 1.
func Share(cost int64, produced, all int) int64 { return max(cost*int64(produced)/int64(all), 1) }

// Check returns an error if the account breaks its invariant.
func (a Account) Check() error {
	if a.Balance != a.Held+a.Available || a.Balance < 0 || a.Held < 0 || a.Available < 0 || a.Running < 0 || a.Queued < 0 {
		return fmt.Errorf("credit: account %s: balance %d, held %d, available %d, running %d, queued %d", a.Client, a.Balance, a.Held, a.Available, a.Running, a.Queued)
	}
	return nil
}

func (a Account) move(k Kind, amount, balance, held int64, run string, attempt int, note string, now time.Time) (Account, Entry, error) {
	a.Balance += balance
	a.Held += held
	a.Available += balance - held
	a.Seq++
	if a.Available < 0 || a.Held < 0 || a.Balance < 0 {
		return a, Entry{}, ErrInsufficient
	}
	e := Entry{ID: EntryID(a.Seq), Client: a.Client, Seq: a.Seq, Kind: k, Amount: amount, Attempt: attempt,
		BalanceAfter: a.Balance, HeldAfter: a.Held, CreatedAt: now, Note: note}
	if run != "" {
		e.RunID = &run
	}
	return a, e, a.Check()
}

// HoldFor holds cost credits for a run. ErrInsufficient if fewer are available.
func (a Account) HoldFor(run string, attempt int, cost int64, now time.Time) (Account, Entry, error) {
	return a.move(Hold, cost, 0, cost, run, attempt, "", now)
}

// Resolve ends a run's hold of cost credits: it charges some of them (0 to cost) and releases the
// rest. It returns one entry for each of the two that happens.
func (a Account) Resolve(run string, attempt int, cost, charge int64, now time.Time) (Account, []Entry, error) {
	if charge < 0 || charge > cost || cost < 1 {
		return a, nil, fmt.Errorf("credit: resolve %d of a hold of %d", charge, cost)
	}
	var entries []Entry
	if charge > 0 {
		next, e, err := a.move(Charge, charge, -charge, -charge, run, attempt, "", now)
		if err != nil {
			return a, nil, err
		}
		a, entries = next, append(entries, e)
	}
	if rest := cost - charge; rest > 0 {
		next, e, err := a.move(Release, rest, 0, -rest, run, attempt, "", now)
		if err != nil {
			return a, nil, err
		}
		a, entries = next, append(entries, e)
	}
	return a, entries, nil
}

// Grant adds amount (at least 1) credits.
func (a Account) Grant(amount int64, note string, now time.Time) (Account, Entry, error) {
	if amount < 1 {
		return a, Entry{}, fmt.Errorf("credit: grant of %d: must be at least 1", amount)
	}
	return a.move(Grant, amount, amount, 0, "", 0, note, now)
}

// Adjust adds amount credits, or takes them if it is negative. ErrInsufficient if available would
// go below zero.
func (a Account) Adjust(amount int64, note string, now time.Time) (Account, Entry, error) {
	if amount == 0 {
		return a, Entry{}, errors.New("credit: adjustment of 0")
	}
	return a.move(Adjust, amount, amount, 0, "", 0, note, now)
}
