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
	DeleteMessage(context.Context, *sqs.DeleteMessageInput, ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error)
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
}

// Queues holds the queues of the stages. Safe for concurrent use.
type Queues struct {
	api    API
	urls   map[run.Stage]string
	jitter func() float64
	sleep  func(context.Context, time.Duration) error
}

// Option is an option of New.
type Option func(*Queues)

// WithSleep replaces the wait between two attempts and its source of randomness, numbers in [0, 1).
func WithSleep(sleep func(context.Context, time.Duration) error, jitter func() float64) Option {
	return func(q *Queues) { q.sleep, q.jitter = sleep, jitter }
}

// New returns Queues for the URLs of the stages' queues.
func New(api API, urls map[run.Stage]string, options ...Option) *Queues {
	q := &Queues{api: api, urls: urls, jitter: rand.Float64, sleep: clock.Sleep}
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

// deadSuffix, appended to the URL of a stage's queue, is the URL of its dead-letter queue
// (pipeline.Stage.Queue).
const deadSuffix = "-dead"

// Depth is how many messages a queue has, approximately, as SQS counts them.
type Depth struct {
	Waiting  int `json:"waiting"`
	InFlight int `json:"inFlight"` // received, and neither deleted nor visible again
	Delayed  int `json:"delayed"`
	Dead     int `json:"dead"` // in the dead-letter queue
}

// Depth counts the messages of a stage's queue and of its dead-letter queue.
func (q *Queues) Depth(ctx context.Context, stage run.Stage) (Depth, error) {
	live, err := q.attributes(ctx, stage, "")
	if err != nil {
		return Depth{}, err
	}
	dead, err := q.attributes(ctx, stage, deadSuffix)
	if err != nil {
		return Depth{}, err
	}
	live.Dead = dead.Waiting + dead.InFlight + dead.Delayed
	return live, nil
}

func (q *Queues) attributes(ctx context.Context, stage run.Stage, suffix string) (Depth, error) {
	url, err := q.url(stage)
	if err != nil {
		return Depth{}, err
	}
	url += suffix
	names := []types.QueueAttributeName{types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible, types.QueueAttributeNameApproximateNumberOfMessagesDelayed}
	out, err := q.api.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: names})
	if err != nil {
		return Depth{}, fmt.Errorf("queue: depth of %s%s: %w", stage, suffix, err)
	}
	var n [3]int
	for i, name := range names {
		if n[i], err = strconv.Atoi(out.Attributes[string(name)]); err != nil {
			return Depth{}, fmt.Errorf("queue: depth of %s%s: %w", stage, suffix, err)
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

// Redrive moves at most limit messages from a stage's dead-letter queue back to its queue, and
// returns how many it moved. It sends each message before it deletes it. A crash in between
// duplicates the message, which does no harm.
func (q *Queues) Redrive(ctx context.Context, stage run.Stage, limit int) (moved int, err error) {
	url, err := q.url(stage)
	if err != nil {
		return 0, err
	}
	dead := url + deadSuffix
	for moved < limit {
		out, err := q.api.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &dead, MaxNumberOfMessages: int32(min(limit-moved, maxReceives)), WaitTimeSeconds: 1})
		if err != nil {
			return moved, fmt.Errorf("queue: redrive %s: %w", stage, err)
		}
		if len(out.Messages) == 0 {
			return moved, nil
		}
		for _, m := range out.Messages {
			if _, err := q.api.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &url, MessageBody: m.Body}); err != nil {
				return moved, fmt.Errorf("queue: redrive %s: %w", stage, err)
			}
			if _, err := q.api.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &dead, ReceiptHandle: m.ReceiptHandle}); err != nil {
				return moved, fmt.Errorf("queue: redrive %s: %w", stage, err)
			}
			moved++
		}
	}
	return moved, nil
}
