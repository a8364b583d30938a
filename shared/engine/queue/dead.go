package queue

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"parley/shared/engine/run"
)

const (
	// lookTime is for how long a dead letter that was only looked at may stay invisible if we crash
	// before we put it back. It is longer than a look takes, so that none is seen twice.
	lookTime = 5 * time.Minute
	// maxLooked bounds how many dead letters are looked at in one call.
	maxLooked = 10_000
	// maxCounted bounds how many of them are told apart by their stage.
	maxCounted = 1000
)

// DeadLetters are the messages of the dead-letter queue that all queues share.
type DeadLetters struct {
	Depth
	// ByStage counts those that wait, by the stage whose queue gave them up: at most 1,000, and
	// none that deadletter is handling.
	ByStage map[run.Stage]int
}

// Dead counts the dead letters. If any wait, it receives them to learn their stages, and makes them
// visible again at once. That does no harm: there is no limit to how often a dead letter is
// received.
func (q *Queues) Dead(ctx context.Context) (DeadLetters, error) {
	letters := DeadLetters{ByStage: map[run.Stage]int{}}
	if q.dead == "" {
		return letters, errNoDead
	}
	var err error
	if letters.Depth, err = q.depth(ctx, q.dead); err != nil {
		return letters, fmt.Errorf("queue: dead letters: %w", err)
	}
	if letters.Waiting == 0 {
		return letters, nil
	}
	err = q.look(ctx, maxCounted, 0, func(_ types.Message, stage run.Stage) (bool, error) {
		if stage != "" {
			letters.ByStage[stage]++
		}
		return false, nil
	})
	if err != nil {
		return letters, fmt.Errorf("queue: dead letters: %w", err)
	}
	return letters, nil
}

var (
	errNoDead = errors.New("queue: no dead-letter queue is known here")
	// errEnough ends a look.
	errEnough = errors.New("queue: enough")
)

// Redrive moves at most limit dead letters of a stage back to its queue, and returns how many it
// moved. It looks at no more than 10,000. It sends each message before it deletes it. A crash in
// between duplicates the message, which does no harm.
func (q *Queues) Redrive(ctx context.Context, stage run.Stage, limit int) (moved int, err error) {
	url, err := q.url(stage)
	if err != nil {
		return 0, err
	}
	if q.dead == "" {
		return 0, errNoDead
	}
	err = q.look(ctx, maxLooked, 1, func(m types.Message, from run.Stage) (bool, error) {
		if moved == limit {
			return false, errEnough
		}
		if from != stage {
			return false, nil
		}
		if _, err := q.api.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &url, MessageBody: m.Body}); err != nil {
			return false, err
		}
		if _, err := q.api.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &q.dead, ReceiptHandle: m.ReceiptHandle}); err != nil {
			return false, err
		}
		moved++
		return true, nil
	})
	if err != nil {
		return moved, fmt.Errorf("queue: redrive %s: %w", stage, err)
	}
	return moved, nil
}

// look calls see for the dead letters that wait, at most limit, with the stage whose queue gave
// each up (empty: none that is known). It makes those visible again of which see does not say that
// they are gone. It ends when the queue returns none within wait seconds, or see returns errEnough.
func (q *Queues) look(ctx context.Context, limit int, wait int32, see func(m types.Message, stage run.Stage) (gone bool, err error)) (err error) {
	var seen []*string
	defer func() {
		if errors.Is(err, errEnough) {
			err = nil
		}
		err = errors.Join(err, q.putBack(context.WithoutCancel(ctx), seen))
	}()
	for looked := 0; looked < limit; {
		out, err := q.api.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &q.dead, MaxNumberOfMessages: int32(min(limit-looked, maxReceives)),
			VisibilityTimeout: int32(lookTime / time.Second), WaitTimeSeconds: wait,
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameDeadLetterQueueSourceArn}})
		if err != nil {
			return err
		}
		if len(out.Messages) == 0 {
			return nil
		}
		for i, m := range out.Messages {
			gone, err := see(m, q.origin(m))
			if err != nil {
				for _, rest := range out.Messages[i:] {
					seen = append(seen, rest.ReceiptHandle)
				}
				return err
			}
			if !gone {
				seen = append(seen, m.ReceiptHandle)
			}
			looked++
		}
	}
	return nil
}

// origin returns the stage whose queue gave a dead letter up; empty: none that is known here. SQS
// names the queue by its ARN, we know its URL; both end with the queue's name.
func (q *Queues) origin(m types.Message) run.Stage {
	arn := m.Attributes[string(types.MessageSystemAttributeNameDeadLetterQueueSourceArn)]
	name := arn[strings.LastIndex(arn, ":")+1:]
	for stage, url := range q.urls {
		if name != "" && path.Base(url) == name {
			return stage
		}
	}
	return ""
}

// putBack makes received dead letters visible again.
func (q *Queues) putBack(ctx context.Context, receipts []*string) error {
	for some := range slices.Chunk(receipts, batch) {
		entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(some))
		for i, receipt := range some {
			entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: receipt, VisibilityTimeout: 0}
		}
		if _, err := q.api.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.dead, Entries: entries}); err != nil {
			return fmt.Errorf("put dead letters back, which otherwise come back in %v: %w", lookTime, err)
		}
	}
	return nil
}
