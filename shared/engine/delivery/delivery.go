// Package delivery handles what Lambda delivers to a stage: a probe from the warm function, or a
// batch of SQS messages, each of which is one of our messages or contains an S3 event. Each message
// succeeds or fails by itself.
package delivery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"parley/shared/engine/metrics"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
)

// Delayer sets when a received message is delivered again. Otherwise a failed message stays
// invisible for the queue's whole visibility timeout, which is too long for a client that waits.
type Delayer interface {
	Delay(ctx context.Context, stage run.Stage, receipt string, after time.Duration) error
}

// Stage handles the deliveries of one stage.
type Stage struct {
	Runner  pipeline.Runner
	Delayer Delayer
	// Probe returns an error if the stage's engines are not ready; nil: the stage has no engines.
	Probe func(ctx context.Context) error
}

// ProbeEvent is the event with which the warm function invokes a stage's function.
type ProbeEvent struct {
	Probe bool `json:"probe"`
}

// ProbeAnswer is the answer to a ProbeEvent. Why says why the function is not ready; empty if it
// is.
type ProbeAnswer struct {
	Why string `json:"why"`
}

// Handle is the Lambda handler. It returns the messages that must be delivered again. If there are
// none it returns an empty list, not nil, because an emulator takes null for a failure.
func (s Stage) Handle(ctx context.Context, raw json.RawMessage) (any, error) {
	var probe ProbeEvent
	if json.Unmarshal(raw, &probe) == nil && probe.Probe {
		return s.probe(ctx), nil
	}
	return each(ctx, s.Runner.Deps, raw, func(ctx context.Context, rec events.SQSMessage, m pipeline.Message, p run.Part) error {
		waited(s.Runner.Deps, rec, m, p)
		return again(ctx, s.Delayer, s.Runner.Stage.Name, rec, s.Runner.Handle(ctx, m, p))
	})
}

// waited measures how long a message waited for its first delivery. A later one waited because we,
// or a throttled function, put it off.
func waited(d pipeline.Deps, rec events.SQSMessage, m pipeline.Message, p run.Part) {
	sent, err := strconv.ParseInt(rec.Attributes["SentTimestamp"], 10, 64)
	if err != nil || rec.Attributes["ApproximateReceiveCount"] != "1" {
		return
	}
	wait := max(d.Clock.Now().Sub(time.UnixMilli(sent)), 0)
	d.Metrics.Add(metrics.QueueWaitSeconds, wait.Seconds(), []string{string(p.Stage)}, "run", string(m.Run), "part", p.String())
}

// again makes a message that must be delivered again come back soon.
func again(ctx context.Context, d Delayer, stage run.Stage, rec events.SQSMessage, err error) error {
	if !errors.Is(err, pipeline.ErrRetry) || d == nil {
		return err
	}
	if failed := d.Delay(ctx, stage, rec.ReceiptHandle, backoff(rec)); failed != nil {
		return errors.Join(err, failed)
	}
	return err
}

// Webhooks handles the messages that ask for a webhook's next try.
type Webhooks struct {
	Pusher  pipeline.Pusher
	Delayer Delayer
}

// Handle is the Lambda handler. It returns the same as Stage.Handle.
func (w Webhooks) Handle(ctx context.Context, raw json.RawMessage) (any, error) {
	return each(ctx, w.Pusher.Deps, raw, func(ctx context.Context, rec events.SQSMessage, m pipeline.Message, p run.Part) error {
		waited(w.Pusher.Deps, rec, m, p)
		return again(ctx, w.Delayer, pipeline.Webhook, rec, w.Pusher.Handle(ctx, m, p))
	})
}

func (s Stage) probe(ctx context.Context) ProbeAnswer {
	if s.Probe == nil {
		return ProbeAnswer{}
	}
	if err := s.Probe(ctx); err != nil {
		s.Runner.Log.Warn("not ready", "stage", s.Runner.Stage.Name, "cause", err.Error())
		return ProbeAnswer{Why: "not ready"}
	}
	return ProbeAnswer{}
}

// backoff returns 1 s, doubled with each further receive, at most 30 s.
func backoff(rec events.SQSMessage) time.Duration {
	n, err := strconv.Atoi(rec.Attributes["ApproximateReceiveCount"])
	if err != nil {
		n = 1
	}
	return min(time.Second<<min(max(n-1, 0), 10), 30*time.Second)
}

// Dead handles the dead letters of every stage. A message's part has the name of its stage.
type Dead struct {
	Deps    pipeline.Deps
	Runners map[run.Stage]pipeline.Runner
}

// Handle is the Lambda handler. It returns the same as Stage.Handle.
func (d Dead) Handle(ctx context.Context, raw json.RawMessage) (any, error) {
	return each(ctx, d.Deps, raw, func(ctx context.Context, _ events.SQSMessage, m pipeline.Message, p run.Part) error {
		if p.Stage == pipeline.Webhook {
			d.Deps.Log.Warn("dead letter of a webhook, left to the sweep", "run", m.Run, "part", p.String())
			return nil
		}
		w, ok := d.Runners[p.Stage]
		if !ok {
			d.Deps.Log.Error("dead letter of no stage", "run", m.Run, "part", p.String())
			return nil
		}
		return w.Dead(ctx, m, p)
	})
}

func each(ctx context.Context, d pipeline.Deps, raw json.RawMessage, do func(context.Context, events.SQSMessage, pipeline.Message, run.Part) error) (any, error) {
	var batch events.SQSEvent
	if err := json.Unmarshal(raw, &batch); err != nil {
		return nil, fmt.Errorf("delivery: not an SQS event: %w", err)
	}
	answer := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, rec := range batch.Records {
		ms, err := messages(d.Service, rec.Body)
		switch {
		case errors.Is(err, pipeline.ErrNewer):
			// A release is being rolled out or back: another copy of the function may know it.
			d.Log.Warn("message to be delivered again", "message", rec.MessageId, "cause", err.Error())
			answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: rec.MessageId})
			continue
		case err != nil:
			d.Log.Error("not one of our messages", "message", rec.MessageId, "cause", err.Error())
			continue
		}
		for _, m := range ms {
			if err := do(ctx, rec, m.message, m.part); err != nil {
				d.Log.Warn("message to be delivered again", "message", rec.MessageId, "run", m.message.Run, "part", m.part.String(),
					"receives", rec.Attributes["ApproximateReceiveCount"], "cause", err.Error())
				answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: rec.MessageId})
				break
			}
		}
	}
	return answer, nil
}

type addressed struct {
	message pipeline.Message
	part    run.Part
}

// messages decodes a body: one of our messages, or an S3 event with any number of new objects. The
// test event that S3 sends when notifications are switched on has none.
func messages(s pipeline.Service, body string) ([]addressed, error) {
	var s3 struct {
		Event   string
		Records []events.S3EventRecord
	}
	if err := json.Unmarshal([]byte(body), &s3); err != nil {
		return nil, fmt.Errorf("delivery: body: %w", err)
	}
	if s3.Event == "s3:TestEvent" {
		return nil, nil
	}
	if len(s3.Records) == 0 {
		m, p, err := pipeline.Decode(body)
		return []addressed{{m, p}}, err
	}
	var out []addressed
	for _, rec := range s3.Records {
		id := run.ID(strings.TrimPrefix(rec.S3.Object.URLDecodedKey, pipeline.AudioPrefix))
		if !id.Valid() {
			continue
		}
		m, p := s.Arrived(id)
		out = append(out, addressed{m, p})
	}
	return out, nil
}
