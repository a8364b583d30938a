// Package clock injects time. The logic never asks the machine for the time, so that a test or a
// simulation can choose it.
package clock

import (
	"context"
	"sync"
	"time"
)

// Clock tells the time.
type Clock interface {
	// Now returns the current time in UTC, truncated to milliseconds: the precision of every time
	// that is stored or answered.
	Now() time.Time
}

// Real is the machine's clock.
type Real struct{}

// Now implements Clock.
func (Real) Now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// Manual is a clock that only moves when told to. Its zero value shows the zero time. It is safe
// for concurrent use.
type Manual struct {
	mu sync.Mutex
	t  time.Time
}

// At returns a Manual that shows t.
func At(t time.Time) *Manual { return &Manual{t: t.UTC().Truncate(time.Millisecond)} }

// Now implements Clock.
func (m *Manual) Now() time.Time { m.mu.Lock(); defer m.mu.Unlock(); return m.t }

// Advance moves the clock forward by d.
func (m *Manual) Advance(d time.Duration) { m.mu.Lock(); defer m.mu.Unlock(); m.t = m.t.Add(d) }

// Sleep waits for d, or until ctx ends, and then returns ctx's error. It returns at once if ctx has
// ended or d is not above 0. Code that waits takes Sleep as a parameter, so that its tests need not
// wait.
func Sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil || d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
