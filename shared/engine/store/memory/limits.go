package memory

import (
	"context"
	"fmt"
	"maps"
	"time"

	"parley/shared/engine/run"
)

// window is one rate window of a scope.
type window struct {
	scope  string
	start  time.Time
	length time.Duration
}

// poll is the time of a run's last poll and of the next one allowed.
type poll struct{ at, free time.Time }

// Allow implements run.Limits. Windows start at multiples of their length.
func (s *Store) Allow(_ context.Context, scope string, limit int, length time.Duration, now time.Time) (bool, int, time.Time, error) {
	if limit < 0 || length < time.Second {
		return false, 0, time.Time{}, fmt.Errorf("memory: allow: %d in %s", limit, length)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w := window{scope, now.Truncate(length), length}
	s.windows[w]++
	n := s.windows[w]
	return n <= limit, max(limit-n, 0), w.start.Add(length), nil
}

// Window implements run.Limits.
func (s *Store) Window(_ context.Context, scope string, limit int, length time.Duration, now time.Time) (bool, int, time.Time, error) {
	if limit < 0 || length < time.Second {
		return false, 0, time.Time{}, fmt.Errorf("memory: window: %d in %s", limit, length)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w := window{scope, now.Truncate(length), length}
	n := s.windows[w]
	return n < limit, max(limit-n, 0), w.start.Add(length), nil
}

// Poll implements run.Limits.
func (s *Store) Poll(_ context.Context, id run.ID, every time.Duration, now time.Time) (time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.polls[id]; ok && now.Before(last.at.Add(every)) {
		return last.at.Add(every).Sub(now), nil
	}
	s.polls[id] = poll{now, now.Add(every)}
	return 0, nil
}

// Ready implements run.Limits.
func (s *Store) Ready(context.Context) (run.Readiness, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return run.Readiness{At: s.ready.At, Parts: maps.Clone(s.ready.Parts)}, nil
}

// SetReady implements run.Limits.
func (s *Store) SetReady(_ context.Context, r run.Readiness) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !r.At.Before(s.ready.At) {
		s.ready = run.Readiness{At: r.At, Parts: maps.Clone(r.Parts)}
	}
	return nil
}

// Cursor implements run.Limits.
func (s *Store) Cursor(_ context.Context, walk string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cursors[walk], nil
}

// SetCursor implements run.Limits.
func (s *Store) SetCursor(_ context.Context, walk, at string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cursors[walk] = at
	return nil
}

// Expire implements run.Limits, but looks at all records at once, because maps have no order to
// continue in.
func (s *Store) Expire(_ context.Context, now time.Time, _ string, limit int) (deleted int, next string, err error) {
	if limit < 1 || limit > 1000 {
		return 0, "", fmt.Errorf("memory: expire: limit %d", limit)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.windows) + len(s.polls) + len(s.idempotency) + len(s.uses)
	useless := func(until time.Time) bool { return !now.Before(until.Add(run.LimitSpare)) }
	maps.DeleteFunc(s.windows, func(w window, _ int) bool { return useless(w.start.Add(w.length)) })
	maps.DeleteFunc(s.polls, func(_ run.ID, p poll) bool { return useless(p.free) })
	maps.DeleteFunc(s.idempotency, func(_ idempotencyKey, a accepted) bool { return useless(a.expires) })
	maps.DeleteFunc(s.uses, func(_ useKey, u run.Use) bool { return useless(u.Expires) })
	return before - len(s.windows) - len(s.polls) - len(s.idempotency) - len(s.uses), "", nil
}
