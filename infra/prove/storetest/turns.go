package storetest

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
)

// Turns lets calls that go on at once make their requests one after the other, in an order that is
// drawn: so they interleave at any request, and the same way whenever the same numbers are drawn. A
// nil Turns lets everyone pass.
type Turns struct {
	mu      sync.Mutex
	rand    *rand.Rand
	active  int                   // calls that have not returned
	waiting map[int]chan struct{} // those of them that want to make a request
}

type turnKey struct{}

// Take waits for the turn of the call that ctx belongs to, which then makes one request. Others
// pass.
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

// next gives the turn away once everyone wants it: until then, the one who had it last is still at
// work.
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
