package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"parley/infra/local/operate"
	"parley/shared/client"
	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// feeder is one client of the system. It keeps more runs going than it has slots.
type feeder struct {
	name  string
	slots int
	kinds []kind // submitted in turn
	pause time.Duration

	sys *system
	id  account.ID
	key string

	inFlight atomic.Int32 // submits that are waiting for their answer

	mu       sync.Mutex
	accepted map[run.ID]kind
	retried  int
	replayed int
	refused  []string // answers that no submit should have received
}

const (
	// plenty is each client's credits.
	plenty = 1_000_000
	// submitPatience is how long a submit is repeated: far longer than the system takes to start.
	submitPatience = 10 * time.Minute
	retryEvery     = time.Second
	// waiting is how many runs each client keeps in its queue.
	waiting = 2
)

// join creates the client.
func (f *feeder) join(ctx context.Context, s *system) error {
	clk := clock.Real{}
	c, err := operate.NewClient("torture "+f.name, clk)
	if err != nil {
		return err
	}
	c.ConcurrentRuns = f.slots
	if err := operate.CreateClient(ctx, s.admin, c, plenty, clk); err != nil {
		return err
	}
	k, err := operate.CreateKey(ctx, s.admin, c.ID, clk, func(*account.Key) {})
	f.sys, f.id, f.key, f.accepted = s, c.ID, k.Key, map[run.ID]kind{}
	return err
}

// open returns how many of the client's runs have not ended. If that cannot be read, it returns the
// maximum.
func (f *feeder) open(ctx context.Context) int {
	a, err := f.sys.tables().Account(ctx, f.id)
	if err != nil {
		return f.slots + waiting
	}
	return a.Running + a.Queued
}

// feed submits until feeding ends. A submit in progress goes on until it is answered, even after
// that.
func (f *feeder) feed(ctx context.Context, feeding <-chan struct{}) {
	var submits sync.WaitGroup
	defer submits.Wait()
	tick := time.NewTicker(f.pause)
	defer tick.Stop()
	for n := 0; ; {
		select {
		case <-feeding:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if f.open(ctx)+int(f.inFlight.Load()) >= f.slots+waiting {
			continue
		}
		f.inFlight.Add(1)
		number := n
		n++
		submits.Go(func() {
			defer f.inFlight.Add(-1)
			f.submit(ctx, fmt.Sprintf("%s-%d", f.name, number), f.kinds[number%len(f.kinds)])
		})
	}
}

// submit sends a recording with its own key until it is accepted.
func (f *feeder) submit(ctx context.Context, key string, k kind) {
	ctx, stop := context.WithTimeout(ctx, submitPatience)
	defer stop()
	again := false
	c, err := client.New("http://"+f.sys.addr, f.key)
	if err == nil {
		c.Notify = func(error, time.Duration) { again = true }
	}
	var a client.Accepted
	for err == nil {
		if a, err = c.Submit(ctx, k.file(f.sys.dir), client.Options{IdempotencyKey: key}); err == nil || !passing(err) {
			break
		}
		again = true
		if late := clock.Sleep(ctx, retryEvery); late == nil {
			err = nil
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.refused = append(f.refused, fmt.Sprintf("%s: the submit %s was never accepted: %v", f.name, key, err))
		return
	}
	if _, twice := f.accepted[a.ID]; twice {
		f.refused = append(f.refused, fmt.Sprintf("%s: the answer to submit %s names run %s, which belongs to another submit", f.name, key, a.ID))
	}
	f.accepted[a.ID] = k
	if again {
		f.retried++
	}
	if a.Replayed {
		f.replayed++
	}
}

// passing reports whether an answer comes from a killed function or from a system between two
// starts. A client tries again after it.
func passing(err error) bool {
	var e *client.Error
	if !errors.As(err, &e) {
		return true // no answer at all
	}
	return e.Status >= 500 || e.Code == errcode.IdempotencyInProgress
}
