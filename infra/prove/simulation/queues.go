package simulation

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/speech"
)

// message is one message of a queue. It is invisible while delivered, and becomes a dead letter
// after too many receives.
type message struct {
	id       int
	stage    run.Stage
	body     string
	receives int
	dead     bool // in the dead-letter queue
	gone     bool // acknowledged or lost
	turn     int  // counts changes of its visibility: plans for an older one are void
}

// deadVisibility is the visibility timeout of the dead-letter queue: 6 times its function's limit.
const (
	deadLimit      = 30 * time.Second
	deadVisibility = 6 * deadLimit
)

func body(m pipeline.Message) string {
	raw, err := json.Marshal(m)
	if err != nil {
		panic(err) // strings and numbers
	}
	return string(raw)
}

// arrival is the event for a created object.
func arrival(key string) string {
	return fmt.Sprintf(`{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"object":{"key":%q}}}]}`, key)
}

// send puts a message into a stage's queue, unless the world keeps it from arriving.
func (w *world) send(stage run.Stage, text string) {
	m := &message{id: len(w.messages), stage: stage, body: text}
	w.messages = append(w.messages, m)
	w.undelivered++
	wait := time.Duration(w.tape.pick(200)) * time.Millisecond
	kind, struck := w.strike(Drop, Duplicate, Reorder, Delay)
	switch {
	case !struck:
	case kind == Drop:
		w.hit(Drop, "message %d to %s is lost: %s", m.id, stage, text)
		w.forget(m)
		return
	case kind == Duplicate:
		w.hit(Duplicate, "message %d to %s comes twice", m.id, stage)
		w.at(wait+time.Duration(w.tape.pick(30))*time.Second, func() { w.invoke(m) })
	case kind == Reorder:
		w.hit(Reorder, "message %d to %s is overtaken", m.id, stage)
		wait += time.Duration(1+w.tape.pick(5)) * time.Second
	case kind == Delay:
		w.hit(Delay, "message %d to %s is delayed", m.id, stage)
		wait += time.Duration(1+w.tape.pick(120)) * time.Second
	}
	w.show(m, wait)
}

func (w *world) forget(m *message) {
	if !m.gone {
		m.gone = true
		w.undelivered--
	}
}

// show makes m visible after wait.
func (w *world) show(m *message, wait time.Duration) {
	m.turn++
	turn := m.turn
	w.at(wait, func() {
		if !m.gone && m.turn == turn {
			w.receive(m)
		}
	})
}

func (w *world) receive(m *message) {
	row := rowOf(m.stage)
	m.receives++
	visibility := deadVisibility
	if !m.dead {
		if m.receives > row.MaxReceives {
			w.note("message %d of %s is dead", m.id, m.stage)
			m.dead, m.receives = true, 0
			w.show(m, time.Second)
			return
		}
		visibility = row.Visibility()
	}
	w.show(m, visibility)
	if _, struck := w.strike(Throttle); struck {
		// Lambda has no copy free. The receive counts all the same.
		w.hit(Throttle, "message %d of %s finds its function throttled", m.id, m.stage)
		return
	}
	w.invoke(m)
}

// rowOf returns the row of the function that a queue feeds.
func rowOf(stage run.Stage) pipeline.Stage {
	i := slices.IndexFunc(speech.Service.Fed(), func(s pipeline.Stage) bool { return s.Name == stage })
	return speech.Service.Fed()[i]
}

// invoke delivers m to its function, and acknowledges it if the function says so.
func (w *world) invoke(m *message) {
	if m.gone {
		return
	}
	rec := events.SQSMessage{MessageId: strconv.Itoa(m.id), Body: m.body, ReceiptHandle: fmt.Sprintf("%d:%d", m.id, m.turn),
		Attributes: map[string]string{"ApproximateReceiveCount": strconv.Itoa(m.receives)}}
	raw, err := json.Marshal(events.SQSEvent{Records: []events.SQSMessage{rec}})
	if err != nil {
		panic(err) // strings and numbers
	}
	name, limit := string(m.stage), deadLimit
	if m.dead {
		name = "deadletter"
	} else {
		limit = rowOf(m.stage).Timeout
	}
	var out any
	var failed error
	w.start(name+" "+rec.MessageId, limit, func(p *process) { out, failed = w.handle(p, m, raw) }, func(p *process) {
		batch, ok := out.(events.SQSEventResponse)
		switch {
		case p.dead || failed != nil:
		case !ok:
			w.breach("%s answered %v", p.name, out)
		case len(batch.BatchItemFailures) == 0:
			w.forget(m)
		}
	})
}

// delayReceipt is ChangeMessageVisibility. It accepts only the receipt of the last delivery.
func (w *world) delayReceipt(receipt string, after time.Duration) bool {
	var id, turn int
	if _, err := fmt.Sscanf(receipt, "%d:%d", &id, &turn); err != nil || w.messages[id].gone || w.messages[id].turn != turn {
		return false
	}
	w.show(w.messages[id], after)
	return true
}
