package memory

import (
	"context"
	"fmt"
	"maps"
	"time"

	"parley/shared/run"
)

// window is one rate window of a scope.
type window struct {
	scope string
	start time.Time
}

// Allow implements run.Limits. Windows are aligned to multiples of their length.
func (s *Store) Allow(_ context.Context, scope string, limit int, length time.Duration, now time.Time) (bool, int, time.Time, error) {
	if limit < 0 || length < time.Second {
		return false, 0, time.Time{}, fmt.Errorf("memory: allow: %d in %s", limit, length)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w := window{scope, now.Truncate(length)}
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
	w := window{scope, now.Truncate(length)}
	n := s.windows[w]
	return n < limit, max(limit-n, 0), w.start.Add(length), nil
}

// Poll implements run.Limits.
func (s *Store) Poll(_ context.Context, id run.ID, every time.Duration, now time.Time) (time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.polls[id]; ok && now.Before(last.Add(every)) {
		return last.Add(every).Sub(now), nil
	}
	s.polls[id] = now
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
	s.ready = run.Readiness{At: r.At, Parts: maps.Clone(r.Parts)}
	return nil
}
