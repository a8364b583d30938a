// Package memory stores runs, ledger, accounts, limits, objects and queues in the memory of one
// process. It is the model that the product's adapters are compared with, and simulations run on
// it. It uses one lock, copies everything that goes in or out, and its results depend only on the
// calls made.
package memory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"parley/shared/engine/account"
	"parley/shared/engine/audit"
	"parley/shared/engine/credit"
	"parley/shared/engine/run"
)

// Store implements run.Store, account.Store, account.Signings, run.Limits and audit.Source. Safe
// for concurrent use.
type Store struct {
	mu          sync.Mutex
	runs        map[run.ID]run.Run
	due         map[run.ID]struct{} // runs that have a NextDue
	books       map[account.ID]*book
	idempotency map[idempotencyKey]accepted
	uses        map[useKey]run.Use

	clients  map[account.ID]account.Client
	keys     map[account.KeyID]account.Key
	signings map[account.ID]account.Signing

	windows map[window]int
	polls   map[run.ID]poll
	ready   run.Readiness
	cursors map[string]string
}

// book is what the store keeps per client: its account, entries, queue and runs.
type book struct {
	account credit.Account
	moved   time.Time // the account's last write
	entries []credit.Entry
	queue   []audit.Ticket // lowest first
	runs    []run.Position // oldest first
}

type idempotencyKey struct {
	client account.ID
	key    string
}

type useKey struct {
	client account.ID
	upload string
}

type accepted struct {
	run     run.ID
	input   string
	expires time.Time
}

// New returns an empty store.
func New() *Store {
	return &Store{
		runs: map[run.ID]run.Run{}, due: map[run.ID]struct{}{}, books: map[account.ID]*book{},
		idempotency: map[idempotencyKey]accepted{}, uses: map[useKey]run.Use{},
		clients: map[account.ID]account.Client{}, keys: map[account.KeyID]account.Key{}, signings: map[account.ID]account.Signing{},
		windows: map[window]int{}, polls: map[run.ID]poll{}, cursors: map[string]string{},
	}
}

// Clone returns a copy of the store as it is now.
func (s *Store) Clone() *Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := &Store{
		runs: maps.Clone(s.runs), due: maps.Clone(s.due), books: make(map[account.ID]*book, len(s.books)),
		idempotency: maps.Clone(s.idempotency), uses: maps.Clone(s.uses),
		clients: maps.Clone(s.clients), keys: maps.Clone(s.keys), signings: maps.Clone(s.signings),
		windows: maps.Clone(s.windows), polls: maps.Clone(s.polls), ready: s.ready, cursors: maps.Clone(s.cursors),
	}
	for id, b := range s.books {
		n.books[id] = &book{account: b.account, moved: b.moved, entries: slices.Clone(b.entries), queue: slices.Clone(b.queue), runs: slices.Clone(b.runs)}
	}
	return n
}

// book returns the client's book. If there is none, it returns an empty one, which is not stored.
func (s *Store) book(client account.ID) *book {
	if b, ok := s.books[client]; ok {
		return b
	}
	return &book{account: credit.Account{Client: client}}
}

// keep writes an account with its new entries.
func (s *Store) keep(b *book, a credit.Account, entries []credit.Entry, now time.Time) {
	a.Revision++
	b.account, b.moved = a, now
	for _, e := range entries {
		b.entries = append(b.entries, cloneEntry(e))
	}
	s.books[a.Client] = b
}

func (s *Store) put(r run.Run) {
	s.runs[r.ID] = cloneRun(r)
	if r.NextDue().IsZero() {
		delete(s.due, r.ID)
	} else {
		s.due[r.ID] = struct{}{}
	}
}

// Submit implements run.Store.
func (s *Store) Submit(_ context.Context, sub run.Submission, now time.Time) (run.Run, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := sub.Run
	if err := sub.Check(); err != nil {
		return run.Run{}, false, err
	}
	if sub.Idempotency != nil {
		first, err := s.replay(r.Client, *sub.Idempotency, now)
		if !errors.Is(err, run.ErrUnknown) {
			return first, err == nil && first.ID != r.ID, err
		}
	}
	if had, ok := s.runs[r.ID]; ok {
		if had.Client != r.Client {
			return run.Run{}, false, fmt.Errorf("memory: submit: id %s is taken", r.ID)
		}
		return cloneRun(had), false, nil
	}
	if u := sub.Use; u != nil {
		if was, ok := s.used(r.Client, u.Upload, now); ok && was.Run != sub.Instead {
			return run.Run{}, false, run.ErrUsed
		}
	}
	b := s.book(r.Client)
	r.Version = 0
	a, r, entry, err := sub.Admit(b.account, r, now)
	if err != nil {
		return run.Run{}, false, err
	}
	s.keep(b, a, []credit.Entry{entry}, now)
	s.enqueue(b, r)
	s.put(r)
	at := run.Position{CreatedAt: r.CreatedAt, ID: r.ID}
	i, _ := slices.BinarySearchFunc(b.runs, at, older)
	b.runs = slices.Insert(b.runs, i, at)
	if i := sub.Idempotency; i != nil {
		s.idempotency[idempotencyKey{r.Client, i.Key}] = accepted{r.ID, i.Input, i.Expires}
	}
	if u := sub.Use; u != nil {
		s.uses[useKey{r.Client, u.Upload}] = *u
	}
	return cloneRun(r), false, nil
}

func (s *Store) used(client account.ID, upload string, now time.Time) (run.Use, bool) {
	u, ok := s.uses[useKey{client, upload}]
	return u, ok && now.Before(u.Expires)
}

// Used implements run.Store.
func (s *Store) Used(_ context.Context, client account.ID, upload string, now time.Time) (run.Use, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u, ok := s.used(client, upload, now); ok {
		return u, nil
	}
	return run.Use{}, run.ErrUnknown
}

// Use implements run.Store.
func (s *Store) Use(_ context.Context, client account.ID, u run.Use, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if was, ok := s.used(client, u.Upload, now); ok && was.Run != u.Run {
		return run.ErrUsed
	}
	s.uses[useKey{client, u.Upload}] = u
	return nil
}

func (s *Store) enqueue(b *book, r run.Run) {
	if r.Status == run.Queued {
		b.queue = append(b.queue, audit.Ticket{Number: r.Ticket, Run: r.ID})
	}
}

// Replay implements run.Store.
func (s *Store) Replay(_ context.Context, client account.ID, i run.Idempotency, now time.Time) (run.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replay(client, i, now)
}

func (s *Store) replay(client account.ID, i run.Idempotency, now time.Time) (run.Run, error) {
	first, ok := s.idempotency[idempotencyKey{client, i.Key}]
	switch {
	case !ok || !now.Before(first.expires):
		return run.Run{}, run.ErrUnknown
	case first.input != i.Input:
		return run.Run{}, run.ErrReused
	}
	return s.get(first.run)
}

// Get implements run.Store.
func (s *Store) Get(_ context.Context, id run.ID) (run.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.get(id)
}

func (s *Store) get(id run.ID) (run.Run, error) {
	r, ok := s.runs[id]
	if !ok {
		return run.Run{}, run.ErrUnknown
	}
	return cloneRun(r), nil
}

// moved returns why a decision based on seen can no longer be written, or nil if it can.
func (s *Store) moved(seen run.Run) error {
	r, ok := s.runs[seen.ID]
	if !ok {
		return run.ErrUnknown
	}
	return seen.Overtaken(r)
}

// Advance implements run.Store.
func (s *Store) Advance(_ context.Context, before, after run.Run) error {
	if err := after.Follows(before); err != nil {
		return fmt.Errorf("memory: advance: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.moved(before); err != nil {
		if errors.Is(err, run.ErrGone) {
			err = run.ErrStale
		}
		return err
	}
	s.put(after)
	return nil
}

// End implements run.Store.
func (s *Store) End(_ context.Context, seen run.Run, o run.Outcome, now time.Time) (run.Run, error) {
	after, err := seen.End(o, now)
	if err != nil {
		return run.Run{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.moved(seen); err != nil {
		return run.Run{}, err
	}
	b := s.book(seen.Client)
	a, entries, err := seen.Settle(b.account, o.Charge, now)
	if err != nil {
		return run.Run{}, err
	}
	if seen.Status == run.Queued {
		b.queue = slices.DeleteFunc(b.queue, func(t audit.Ticket) bool { return t.Number == seen.Ticket })
	}
	s.keep(b, a, entries, now)
	s.put(after)
	return cloneRun(after), nil
}

// Promote implements run.Store.
func (s *Store) Promote(_ context.Context, client account.ID, t run.Terms, now time.Time) (run.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.book(client)
	a, err := run.Promote(b.account, t.ConcurrentRuns)
	if err != nil {
		return run.Run{}, err
	}
	r, err := s.get(b.queue[0].Run)
	if err != nil {
		return run.Run{}, err
	}
	if r, err = r.Start(t, now); err != nil {
		return run.Run{}, err
	}
	b.queue = b.queue[1:]
	s.keep(b, a, nil, now)
	s.put(r)
	return cloneRun(r), nil
}

// Retry implements run.Store. An erased run has no recording, so it is ErrGone.
func (s *Store) Retry(_ context.Context, seen run.Run, sub run.Submission, now time.Time) (run.Run, error) {
	r, err := seen.Again()
	if err != nil {
		return run.Run{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.moved(seen); err != nil {
		return run.Run{}, err
	}
	b := s.book(r.Client)
	a, r, entry, err := sub.Admit(b.account, r, now)
	if err != nil {
		return run.Run{}, err
	}
	s.keep(b, a, []credit.Entry{entry}, now)
	s.enqueue(b, r)
	s.put(r)
	return cloneRun(r), nil
}

// Erase implements run.Store. A run that is already erased stays as it is.
func (s *Store) Erase(_ context.Context, seen run.Run, now time.Time) (run.Run, error) {
	if !seen.Status.Terminal() {
		return run.Run{}, run.ErrGone
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.get(seen.ID)
	switch {
	case err != nil:
		return run.Run{}, err
	case !r.Status.Terminal():
		return run.Run{}, run.ErrGone
	case !r.ErasedAt.IsZero():
		return r, nil
	case r.Version != seen.Version:
		return run.Run{}, run.ErrStale
	}
	if r, err = r.Erase(now); err != nil {
		return run.Run{}, err
	}
	s.put(r)
	return cloneRun(r), nil
}

// older compares positions; the oldest comes first.
func older(a, b run.Position) int {
	if c := a.CreatedAt.Compare(b.CreatedAt); c != 0 {
		return c
	}
	return cmp.Compare(a.ID, b.ID)
}

// List implements run.Store.
func (s *Store) List(_ context.Context, client account.ID, f run.Filter) ([]run.Run, run.Position, error) {
	if f.Limit < 1 || f.Limit > 100 {
		return nil, run.Position{}, fmt.Errorf("memory: list: limit %d", f.Limit)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	page := []run.Run{}
	for _, at := range slices.Backward(s.book(client).runs) {
		if f.After != (run.Position{}) && older(at, f.After) >= 0 {
			continue
		}
		r := s.runs[at.ID]
		if !f.Matches(r) {
			continue
		}
		if len(page) == f.Limit {
			last := page[len(page)-1]
			return page, run.Position{CreatedAt: last.CreatedAt, ID: last.ID}, nil
		}
		page = append(page, cloneRun(r))
	}
	return page, run.Position{}, nil
}

// QueuePosition implements run.Store.
func (s *Store) QueuePosition(_ context.Context, r run.Run) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Status != run.Queued {
		return 0, nil
	}
	return 1 + slices.Index(s.book(r.Client).queue, audit.Ticket{Number: r.Ticket, Run: r.ID}), nil
}

// Due implements run.Store.
func (s *Store) Due(_ context.Context, now time.Time, limit int) ([]run.ID, error) {
	if limit < 1 || limit > 1000 {
		return nil, fmt.Errorf("memory: due: limit %d", limit)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	type due struct {
		at time.Time
		id run.ID
	}
	var all []due
	for id := range s.due {
		if at := s.runs[id].NextDue(); !at.After(now) {
			all = append(all, due{at, id})
		}
	}
	slices.SortFunc(all, func(a, b due) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.id, b.id)) })
	ids := []run.ID{}
	for _, d := range all[:min(limit, len(all))] {
		ids = append(ids, d.id)
	}
	return ids, nil
}

// Waiting implements run.Store. The clients whose accounts have not changed for longest come first,
// since a client whose queue moves needs no help.
func (s *Store) Waiting(_ context.Context, limit int) ([]account.ID, error) {
	if limit < 1 || limit > 1000 {
		return nil, fmt.Errorf("memory: waiting: limit %d", limit)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := []account.ID{}
	for id, b := range s.books {
		if b.account.Queued > 0 {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b account.ID) int {
		return cmp.Or(s.books[a].moved.Compare(s.books[b].moved), cmp.Compare(a, b))
	})
	return ids[:min(limit, len(ids))], nil
}

// Account implements run.Store.
func (s *Store) Account(_ context.Context, client account.ID) (credit.Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.book(client).account, nil
}

// Grant implements run.Store.
func (s *Store) Grant(_ context.Context, client account.ID, amount int64, note string, now time.Time) (credit.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.book(client)
	a, e, err := b.account.Grant(amount, note, now)
	return s.entry(b, a, e, err, now)
}

// Adjust implements run.Store.
func (s *Store) Adjust(_ context.Context, client account.ID, amount int64, note string, now time.Time) (credit.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.book(client)
	a, e, err := b.account.Adjust(amount, note, now)
	return s.entry(b, a, e, err, now)
}

func (s *Store) entry(b *book, a credit.Account, e credit.Entry, err error, now time.Time) (credit.Entry, error) {
	if err != nil {
		return credit.Entry{}, err
	}
	s.keep(b, a, []credit.Entry{e}, now)
	return cloneEntry(e), nil
}

// Entries implements run.Store.
func (s *Store) Entries(_ context.Context, client account.ID, before int64, limit int) ([]credit.Entry, error) {
	if limit < 1 || limit > 1000 {
		return nil, fmt.Errorf("memory: entries: limit %d", limit)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	entries := s.book(client).entries
	if before > 0 && before-1 < int64(len(entries)) {
		entries = entries[:before-1]
	}
	page := []credit.Entry{}
	for _, e := range slices.Backward(entries[max(0, len(entries)-limit):]) {
		page = append(page, cloneEntry(e))
	}
	return page, nil
}

// Owners implements audit.Source.
func (s *Store) Owners(context.Context) ([]account.ID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.books)), nil
}

// Ledger implements audit.Source.
func (s *Store) Ledger(_ context.Context, client account.ID) (audit.Ledger, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.book(client)
	l := audit.Ledger{Account: b.account, Tickets: slices.Clone(b.queue)}
	for _, e := range b.entries {
		l.Entries = append(l.Entries, cloneEntry(e))
	}
	for _, at := range b.runs {
		l.Runs = append(l.Runs, cloneRun(s.runs[at.ID]))
	}
	return l, nil
}

func cloneEntry(e credit.Entry) credit.Entry {
	if e.RunID != nil {
		id := *e.RunID
		e.RunID = &id
	}
	return e
}

func cloneRun(r run.Run) run.Run {
	r.Request.Metadata = maps.Clone(r.Request.Metadata)
	r.Request.Tags = slices.Clone(r.Request.Tags)
	r.Parts, r.Links = maps.Clone(r.Parts), slices.Clone(r.Links)
	if r.Push != nil {
		p := *r.Push
		p.Log = slices.Clone(p.Log)
		r.Push = &p
	}
	if r.Failure != nil {
		f := *r.Failure
		r.Failure = &f
	}
	r.Scores = r.Scores.Clone()
	r.Request.Asked, r.Material, r.Found = slices.Clone(r.Request.Asked), slices.Clone(r.Material), slices.Clone(r.Found)
	return r
}
