// Package clock injects time: nothing in the logic asks the machine for it, so that a test or a simulation can
// stand at any moment.
package clock

import (
	"context"
	"sync"
	"time"
)

// Clock tells the time.
type Clock interface {
	// Now is the current time in UTC, to the millisecond: the precision of everything that is stored or answered.
	Now() time.Time
}

// Real is the machine's clock.
type Real struct{}

// Now implements Clock.
func (Real) Now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// Manual is a clock that stands still until it is moved. Its zero value stands at the zero time. Safe for concurrent use.
type Manual struct {
	mu sync.Mutex
	t  time.Time
}

// At returns a Manual that stands at t.
func At(t time.Time) *Manual { return &Manual{t: t.UTC().Truncate(time.Millisecond)} }

// Now implements Clock.
func (m *Manual) Now() time.Time { m.mu.Lock(); defer m.mu.Unlock(); return m.t }

// Advance moves the clock forward by d.
func (m *Manual) Advance(d time.Duration) { m.mu.Lock(); defer m.mu.Unlock(); m.t = m.t.Add(d) }

// Sleep waits for d, or until ctx ends, and then returns its error; at once where ctx has ended or d is not above 0. Whoever waits
// takes it as a parameter, so that a test need not.
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
