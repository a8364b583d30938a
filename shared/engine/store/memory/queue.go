package memory

import (
	"context"
	"slices"
	"sync"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
)

// Queue implements pipeline.Sender and the receiving end, with one first-in, first-out queue per
// stage, so that a whole pipeline runs in one process. Unlike the product's queues, it neither
// duplicates nor reorders messages by itself; to get that, return a delivery or send a message
// twice. Safe for concurrent use. Its zero value is empty.
type Queue struct {
	mu      sync.Mutex
	next    int64
	waiting map[run.Stage][]Delivery
	flying  map[int64]Delivery
}

// Delivery is a message that was received and not yet acknowledged.
type Delivery struct {
	Message  pipeline.Message
	Stage    run.Stage
	Receives int   // how often it was received, including this time
	Receipt  int64 // identifies the delivery to Ack and Return
}

// Send implements pipeline.Sender. If a message has no valid part, it returns an error and sends
// nothing.
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

// Receive returns the message of a stage that has waited longest; ok is false if none waits.
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

// Ack deletes a received message. It returns false if the receipt is not in flight.
func (q *Queue) Ack(receipt int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, ok := q.flying[receipt]
	delete(q.flying, receipt)
	return ok
}

// Return puts a received message back at the end of its queue. It returns false if the receipt is
// not in flight.
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

// Depth returns how many messages of a stage wait and how many are in flight.
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
