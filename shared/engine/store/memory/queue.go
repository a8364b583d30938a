package memory

import (
	"context"
	"slices"
	"sync"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
)

// Queue is pipeline.Sender and the other end of it, one first-in-first-out queue per stage: a whole chain in one process.
// Unlike the product's queues it neither doubles nor reorders by itself; who wants that returns a delivery, or sends
// twice. Safe for concurrent use. Its zero value is empty.
type Queue struct {
	mu      sync.Mutex
	next    int64
	waiting map[run.Stage][]Delivery
	flying  map[int64]Delivery
}

// Delivery is a message handed out and not yet acknowledged.
type Delivery struct {
	Message  pipeline.Message
	Stage    run.Stage
	Receives int   // how often it was handed out, this time included
	Receipt  int64 // names the delivery to Ack and Return
}

// Send implements pipeline.Sender. An error says that a message names no part; nothing is sent then.
func (q *Queue) Send(_ context.Context, messages []pipeline.Message) error {
	parts := make([]run.Part, len(messages))
	for i, m := range messages {
		p, err := run.ParsePart(m.Part)
		if err != nil {
			return err
		}
		parts[i] = p
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting == nil {
		q.waiting, q.flying = map[run.Stage][]Delivery{}, map[int64]Delivery{}
	}
	for i, m := range messages {
		stage := parts[i].Stage
		q.waiting[stage] = append(q.waiting[stage], Delivery{Message: m, Stage: stage})
	}
	return nil
}

// Receive hands out the longest waiting message of a stage; ok is false where none waits.
func (q *Queue) Receive(stage run.Stage) (d Delivery, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting[stage]) == 0 {
		return Delivery{}, false
	}
	d = q.waiting[stage][0]
	q.waiting[stage] = slices.Delete(q.waiting[stage], 0, 1)
	q.next++
	d.Receipt = q.next
	d.Receives++
	q.flying[d.Receipt] = d
	return d, true
}

// Ack removes a delivered message for good; false where the receipt is not in flight.
func (q *Queue) Ack(receipt int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, ok := q.flying[receipt]
	delete(q.flying, receipt)
	return ok
}

// Return puts a delivered message back at the end of its queue; false where the receipt is not in flight.
func (q *Queue) Return(receipt int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	d, ok := q.flying[receipt]
	if ok {
		delete(q.flying, receipt)
		q.waiting[d.Stage] = append(q.waiting[d.Stage], d)
	}
	return ok
}

// Depth counts the messages of a stage that wait and those in flight.
func (q *Queue) Depth(stage run.Stage) (waiting, flying int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, d := range q.flying {
		if d.Stage == stage {
			flying++
		}
	}
	return len(q.waiting[stage]), flying
}
