// Package queue sends messages through SQS, and lets an operator inspect and redrive the queues.
package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
)

// API lists the methods of *sqs.Client that Queues calls.
type API interface {
	SendMessageBatch(context.Context, *sqs.SendMessageBatchInput, ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error)
	GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	ChangeMessageVisibility(context.Context, *sqs.ChangeMessageVisibilityInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityOutput, error)
	ChangeMessageVisibilityBatch(context.Context, *sqs.ChangeMessageVisibilityBatchInput, ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error)
	DeleteMessage(context.Context, *sqs.DeleteMessageInput, ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error)
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
}

// Queues holds the queues of the stages and their dead-letter queue. Safe for concurrent use.
type Queues struct {
	api    API
	urls   map[run.Stage]string
	dead   string // URL of the dead-letter queue
	jitter func() float64
	sleep  func(context.Context, time.Duration) error
}

// Option is an option of New.
type Option func(*Queues)

// WithSleep replaces the wait between two attempts and its source of randomness, numbers in [0, 1).
func WithSleep(sleep func(context.Context, time.Duration) error, jitter func() float64) Option {
	return func(q *Queues) { q.sleep, q.jitter = sleep, jitter }
}

// New returns Queues for the URLs of the stages' queues and of the dead-letter queue that they
// share. dead may be empty; then only Dead and Redrive fail.
func New(api API, urls map[run.Stage]string, dead string, options ...Option) *Queues {
	q := &Queues{api: api, urls: urls, dead: dead, jitter: rand.Float64, sleep: clock.Sleep}
	for _, o := range options {
		o(q)
	}
	return q
}

// The bounds of sending.
const (
	batch       = 10 // the maximum of messages that SQS accepts in one request
	maxAttempts = 5  // to send a batch, for the messages that SQS rejected
	firstPause  = 50 * time.Millisecond
	maxReceives = 10 // the maximum of messages that SQS returns in one request
)

// Send implements pipeline.Sender. If there is no queue for a message's part, it returns an error
// and sends nothing.
func (q *Queues) Send(ctx context.Context, messages []pipeline.Message) error {
	bodies := map[run.Stage][]outgoing{}
	var stages []run.Stage
	for _, m := range messages {
		p, err := run.ParsePart(m.Part)
		if err != nil {
			return fmt.Errorf("queue: send: %w", err)
		}
		if q.urls[p.Stage] == "" {
			return fmt.Errorf("queue: send: no queue of stage %q is known here", p.Stage)
		}
		body, err := json.Marshal(m)
		if err != nil {
			return fmt.Errorf("queue: send: %w", err)
		}
		if _, known := bodies[p.Stage]; !known {
			stages = append(stages, p.Stage)
		}
		bodies[p.Stage] = append(bodies[p.Stage], outgoing{string(body), m.Client})
	}
	for _, stage := range stages {
		for some := range slices.Chunk(bodies[stage], batch) {
			if err := q.send(ctx, stage, some); err != nil {
				return err
			}
		}
	}
	return nil
}

// outgoing is a message with the client whose work it is.
type outgoing struct {
	body   string
	client account.ID
}

// send sends up to 10 messages. It sends those that SQS rejects again. The client is the message's
// group: in a standard queue that makes SQS fair, so that one client's many messages do not keep
// others waiting.
func (q *Queues) send(ctx context.Context, stage run.Stage, bodies []outgoing) error {
	left := make([]types.SendMessageBatchRequestEntry, len(bodies))
	for i := range bodies {
		left[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: &bodies[i].body}
		if c := bodies[i].client; c != "" {
			left[i].MessageGroupId = aws.String(string(c))
		}
	}
	var refused error
	for attempt := range maxAttempts {
		if attempt > 0 {
			if err := q.sleep(ctx, time.Duration(q.jitter()*float64(firstPause<<attempt))); err != nil {
				return fmt.Errorf("queue: send to %s: %w", stage, errors.Join(err, refused))
			}
		}
		url := q.urls[stage]
		out, err := q.api.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &url, Entries: left})
		if err != nil {
			return fmt.Errorf("queue: send to %s: %w", stage, err)
		}
		if len(out.Failed) == 0 {
			return nil
		}
		failed := map[string]bool{}
		for _, f := range out.Failed {
			failed[aws.ToString(f.Id)] = true
			refused = fmt.Errorf("%s: %s", aws.ToString(f.Code), aws.ToString(f.Message))
		}
		left = slices.DeleteFunc(left, func(e types.SendMessageBatchRequestEntry) bool { return !failed[*e.Id] })
	}
	return fmt.Errorf("queue: send to %s: %d messages refused %d times: %w", stage, len(left), maxAttempts, refused)
}

// Depth is how many messages a queue has, approximately, as SQS counts them.
type Depth struct {
	Waiting  int `json:"waiting"`
	InFlight int `json:"inFlight"` // received, and neither deleted nor visible again
	Delayed  int `json:"delayed"`
}

// All is the number of all its messages.
func (d Depth) All() int { return d.Waiting + d.InFlight + d.Delayed }

// Depth counts the messages of a stage's queue.
func (q *Queues) Depth(ctx context.Context, stage run.Stage) (Depth, error) {
	url, err := q.url(stage)
	if err != nil {
		return Depth{}, err
	}
	d, err := q.depth(ctx, url)
	if err != nil {
		return d, fmt.Errorf("queue: depth of %s: %w", stage, err)
	}
	return d, nil
}

func (q *Queues) depth(ctx context.Context, url string) (Depth, error) {
	names := []types.QueueAttributeName{types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible, types.QueueAttributeNameApproximateNumberOfMessagesDelayed}
	out, err := q.api.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: names})
	if err != nil {
		return Depth{}, err
	}
	var n [3]int
	for i, name := range names {
		if n[i], err = strconv.Atoi(out.Attributes[string(name)]); err != nil {
			return Depth{}, err
		}
	}
	return Depth{Waiting: n[0], InFlight: n[1], Delayed: n[2]}, nil
}

func (q *Queues) url(stage run.Stage) (string, error) {
	if url := q.urls[stage]; url != "" {
		return url, nil
	}
	return "", fmt.Errorf("queue: no queue of stage %q is known here", stage)
}
