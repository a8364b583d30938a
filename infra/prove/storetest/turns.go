package storetest

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
)

// Turns makes concurrent calls take turns with their requests, in a drawn order: they interleave at
// any request, and in the same way whenever the same numbers are drawn. A nil Turns lets everyone
// pass.
type Turns struct {
	mu      sync.Mutex
	rand    *rand.Rand
	active  int                   // calls that have not returned
	waiting map[int]chan struct{} // those of them that are waiting to make a request
}

type turnKey struct{}

// Take waits for the turn of the call that ctx belongs to, which then makes one request. Contexts
// of no call pass.
func (t *Turns) Take(ctx context.Context) {
	call, ok := ctx.Value(turnKey{}).(int)
	if !ok || t == nil {
		return
	}
	turn := make(chan struct{})
	t.mu.Lock()
	t.waiting[call] = turn
	t.next()
	t.mu.Unlock()
	<-turn
}

// next gives the turn away once every call is waiting for it. Until then, the call that had it last
// is still working.
func (t *Turns) next() {
	if len(t.waiting) == 0 || len(t.waiting) < t.active {
		return
	}
	calls := slices.Sorted(maps.Keys(t.waiting))
	call := calls[t.rand.IntN(len(calls))]
	close(t.waiting[call])
	delete(t.waiting, call)
}

// together makes n calls at once and waits for all.
func (t *Turns) together(ctx context.Context, random *rand.Rand, n int, call func(ctx context.Context, i int)) {
	if t == nil {
		together(n, func(i int) { call(ctx, i) })
		return
	}
	t.mu.Lock()
	t.rand, t.active, t.waiting = random, n, map[int]chan struct{}{}
	t.mu.Unlock()
	together(n, func(i int) {
		defer func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.active--
			t.next()
		}()
		call(context.WithValue(ctx, turnKey{}, i), i)
	})
}
