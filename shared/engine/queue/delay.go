package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"parley/shared/engine/run"
)

// Delay implements delivery.Delayer: a received message is delivered again after this time, 0 to 12
// h in whole seconds, instead of after the queue's visibility timeout. receipt is the one of this
// delivery.
func (q *Queues) Delay(ctx context.Context, stage run.Stage, receipt string, after time.Duration) error {
	url, ok := q.urls[stage]
	if !ok {
		return fmt.Errorf("queue: delay: no queue for %s", stage)
	}
	if _, err := q.api.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: aws.String(url), ReceiptHandle: aws.String(receipt), VisibilityTimeout: int32(after / time.Second)}); err != nil {
		return fmt.Errorf("queue: delay: %w", err)
	}
	return nil
}
