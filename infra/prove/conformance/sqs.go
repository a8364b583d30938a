package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"parley/shared/clock"
)

// queues is shared by the SQS checks.
type queues struct {
	*sqs.Client
	prefix              string
	stage, dead, deadID string // URLs of a queue and its dead-letter queue, and the latter's ARN
}

func (q *queues) make(ctx context.Context, name string, attributes map[string]string) (url, arn string, err error) {
	made, err := q.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(q.prefix + "-" + name), Attributes: attributes})
	if err != nil {
		return "", "", err
	}
	got, err := q.attributes(ctx, *made.QueueUrl)
	return *made.QueueUrl, got["QueueArn"], err
}

func (q *queues) attributes(ctx context.Context, url string) (map[string]string, error) {
	out, err := q.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{"All"}})
	if err != nil {
		return nil, err
	}
	return out.Attributes, nil
}

func (q *queues) send(ctx context.Context, url, body string) error {
	_, err := q.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body})
	return err
}

// receive receives at most n messages and waits at most wait seconds for the first. They stay
// invisible for visibility seconds.
func (q *queues) receive(ctx context.Context, url string, n, wait, visibility int32) ([]types.Message, error) {
	out, err := q.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: n, WaitTimeSeconds: wait, VisibilityTimeout: visibility,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}, MessageAttributeNames: []string{"All"},
	})
	if err != nil {
		return nil, err
	}
	return out.Messages, nil
}

// one receives exactly one message, with this body.
func (q *queues) one(ctx context.Context, url, body string, wait, visibility int32) (types.Message, error) {
	got, err := q.receive(ctx, url, 1, wait, visibility)
	if err != nil {
		return types.Message{}, err
	}
	if len(got) != 1 || aws.ToString(got[0].Body) != body {
		return types.Message{}, fmt.Errorf("received %d messages, want one: %q", len(got), body)
	}
	return got[0], nil
}

// none returns an error if a message can be received now.
func (q *queues) none(ctx context.Context, url, when string) error {
	got, err := q.receive(ctx, url, 1, 0, 1)
	if err == nil && len(got) > 0 {
		err = fmt.Errorf("a message is delivered %s", when)
	}
	return err
}

func (q *queues) delete(ctx context.Context, url string, m types.Message) error {
	_, err := q.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle})
	return err
}

func queueChecks(cfg aws.Config, unique string) []check {
	q := &queues{Client: sqs.NewFromConfig(cfg), prefix: unique}
	return []check{
		{name: "a queue is made, with its ARN", run: func(ctx context.Context) (err error) {
			q.dead, q.deadID, err = q.make(ctx, "dead", nil)
			if err == nil && q.deadID == "" {
				err = errors.New("no ARN")
			}
			return err
		}},
		{name: "a queue is made with a redrive policy", run: func(ctx context.Context) error {
			policy, err := json.Marshal(map[string]any{"deadLetterTargetArn": q.deadID, "maxReceiveCount": 2})
			if err != nil {
				return err
			}
			_, _, err = q.make(ctx, "stage", map[string]string{"VisibilityTimeout": "1", "RedrivePolicy": string(policy)})
			return err
		}},
		{name: "a queue is found by its name", run: func(ctx context.Context) error {
			out, err := q.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(unique + "-stage")})
			if err == nil {
				q.stage = *out.QueueUrl
			}
			return err
		}},
		{name: "an unknown queue is QueueDoesNotExist", run: func(ctx context.Context) error {
			_, err := q.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(unique + "-none")})
			if _, ok := errors.AsType[*types.QueueDoesNotExist](err); !ok {
				return fmt.Errorf("got %w", err)
			}
			return nil
		}},
		{name: "a message arrives whole, with its attributes", run: q.arrivesWhole},
		{name: "a received message is hidden, then delivered again and counted", run: q.hidesAndReturns},
		{name: "ChangeMessageVisibility brings a message back at once, or later", run: q.changesVisibility},
		{name: "a message goes to the dead-letter queue after maxReceiveCount", run: q.redrives},
		{name: "DelaySeconds holds a message back and counts it as delayed", run: q.delays},
		{name: "a long poll wakes when a message is sent", run: q.wakes},
		{name: "batches of 10 are sent, and deleted but for a wrong handle", run: q.batches},
		{name: "a batch of 11 is refused", run: func(ctx context.Context) error {
			entries := make([]types.SendMessageBatchRequestEntry, 11)
			for i := range entries {
				entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String("x")}
			}
			_, err := q.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &q.stage, Entries: entries})
			if err == nil || !strings.Contains(err.Error(), "TooManyEntries") {
				return fmt.Errorf("want TooManyEntries, got %w", err)
			}
			return nil
		}},
		{name: "a FIFO queue keeps the order of a group, one in flight, without duplicates", run: q.keepsOrder},
		{name: "a FIFO queue refuses a message without a group", run: func(ctx context.Context) error {
			if err := q.send(ctx, strings.Replace(q.stage, "-stage", "-order.fifo", 1), "x"); err == nil {
				return errors.New("accepted")
			}
			return nil
		}},
		{name: "20 consumers receive 500 messages once each", run: q.sharesOut},
		{name: "a message of 900 KiB is taken, one above 1 MiB refused", run: func(ctx context.Context) error {
			url, _, err := q.make(ctx, "big", nil)
			if err != nil {
				return err
			}
			if err := q.send(ctx, url, strings.Repeat("x", 900<<10)); err != nil {
				return err
			}
			if err := q.send(ctx, url, strings.Repeat("x", 1<<20+1)); err == nil {
				return errors.New("a message above 1 MiB is accepted")
			}
			return nil
		}},
		{name: "queues are purged, changed, listed and tagged", run: q.administers},
		{name: "StartMessageMoveTask moves dead letters", gap: "it has no such action", run: q.moves},
	}
}

func tidyQueues(ctx context.Context, cfg aws.Config, unique string) error {
	client := sqs.NewFromConfig(cfg)
	out, err := client.ListQueues(ctx, &sqs.ListQueuesInput{QueueNamePrefix: &unique})
	if err != nil {
		return err
	}
	for _, url := range out.QueueUrls {
		if _, err := client.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &url}); err != nil {
			return err
		}
	}
	return nil
}

func (q *queues) arrivesWhole(ctx context.Context) error {
	_, err := q.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &q.stage, MessageBody: aws.String("hello ✓"), MessageAttributes: map[string]types.MessageAttributeValue{
		"text":   {DataType: aws.String("String"), StringValue: aws.String("v")},
		"number": {DataType: aws.String("Number"), StringValue: aws.String("7")},
		"bytes":  {DataType: aws.String("Binary"), BinaryValue: []byte{1, 2}},
	}})
	if err != nil {
		return err
	}
	m, err := q.one(ctx, q.stage, "hello ✓", 1, 30)
	if err != nil {
		return err
	}
	return errors.Join(
		same("receives", m.Attributes["ApproximateReceiveCount"], "1"),
		same("sent at all", m.Attributes["SentTimestamp"] != "", true),
		same("attributes", len(m.MessageAttributes), 3),
		q.delete(ctx, q.stage, m),
	)
}

func (q *queues) hidesAndReturns(ctx context.Context) error {
	if err := q.send(ctx, q.stage, "hidden"); err != nil {
		return err
	}
	if _, err := q.one(ctx, q.stage, "hidden", 1, 2); err != nil {
		return err
	}
	if err := q.none(ctx, q.stage, "while another consumer has it"); err != nil {
		return err
	}
	m, err := q.one(ctx, q.stage, "hidden", 5, 5)
	if err != nil {
		return err
	}
	return errors.Join(same("receives", m.Attributes["ApproximateReceiveCount"], "2"), q.delete(ctx, q.stage, m))
}

func (q *queues) changesVisibility(ctx context.Context) error {
	if err := q.send(ctx, q.stage, "changed"); err != nil {
		return err
	}
	m, err := q.one(ctx, q.stage, "changed", 1, 30)
	if err != nil {
		return err
	}
	change := func(seconds int32) error {
		_, err := q.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &q.stage, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: seconds})
		return err
	}
	if err := change(0); err != nil {
		return err
	}
	if m, err = q.one(ctx, q.stage, "changed", 1, 1); err != nil {
		return err
	}
	if err := change(20); err != nil {
		return err
	}
	if err := clock.Sleep(ctx, 1300*time.Millisecond); err != nil {
		return err
	}
	return errors.Join(q.none(ctx, q.stage, "before its longer time is up"), q.delete(ctx, q.stage, m))
}

func (q *queues) redrives(ctx context.Context) error {
	if err := q.send(ctx, q.stage, "poison"); err != nil {
		return err
	}
	for range 2 {
		if _, err := q.one(ctx, q.stage, "poison", 3, 1); err != nil {
			return err
		}
		if err := clock.Sleep(ctx, 1200*time.Millisecond); err != nil {
			return err
		}
	}
	if err := q.none(ctx, q.stage, "a third time"); err != nil {
		return err
	}
	m, err := q.one(ctx, q.dead, "poison", 3, 5)
	if err != nil {
		return err
	}
	return q.delete(ctx, q.dead, m)
}

func (q *queues) delays(ctx context.Context) error {
	if _, err := q.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &q.stage, MessageBody: aws.String("later"), DelaySeconds: 2}); err != nil {
		return err
	}
	if err := q.none(ctx, q.stage, "before its delay is up"); err != nil {
		return err
	}
	got, err := q.attributes(ctx, q.stage)
	if err != nil {
		return err
	}
	if err := same("delayed", got["ApproximateNumberOfMessagesDelayed"], "1"); err != nil {
		return err
	}
	m, err := q.one(ctx, q.stage, "later", 5, 5)
	if err != nil {
		return err
	}
	return q.delete(ctx, q.stage, m)
}

func (q *queues) wakes(ctx context.Context) error {
	sent := make(chan error, 1)
	go func() {
		if err := clock.Sleep(ctx, 500*time.Millisecond); err != nil {
			sent <- err
			return
		}
		sent <- q.send(ctx, q.stage, "wake")
	}()
	began := time.Now()
	m, err := q.one(ctx, q.stage, "wake", 20, 5)
	took := time.Since(began)
	if err := errors.Join(err, <-sent); err != nil {
		return err
	}
	if err := q.delete(ctx, q.stage, m); err != nil {
		return err
	}
	// Half of the poll's wait, far from both the send and the poll's end.
	return same("woken well before the poll's end", took < 10*time.Second, true)
}

func (q *queues) batches(ctx context.Context) error {
	sends := make([]types.SendMessageBatchRequestEntry, 10)
	for i := range sends {
		sends[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(strconv.Itoa(i))}
	}
	sent, err := q.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &q.stage, Entries: sends})
	if err != nil {
		return err
	}
	if err := same("sent", len(sent.Successful), 10); err != nil {
		return err
	}
	var got []types.Message
	for range 10 {
		more, err := q.receive(ctx, q.stage, 10, 1, 30)
		if err != nil {
			return err
		}
		if got = append(got, more...); len(got) >= 10 {
			break
		}
	}
	if err := same("received", len(got), 10); err != nil {
		return err
	}
	deletes := make([]types.DeleteMessageBatchRequestEntry, 10)
	for i, m := range got {
		deletes[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle}
	}
	deletes[9].ReceiptHandle = aws.String("not a handle")
	out, err := q.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &q.stage, Entries: deletes})
	if err != nil {
		return err
	}
	return errors.Join(same("deleted", len(out.Successful), 9), same("failed", len(out.Failed), 1), q.delete(ctx, q.stage, got[9]))
}

func (q *queues) keepsOrder(ctx context.Context) error {
	url, _, err := q.make(ctx, "order.fifo", map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": "30"})
	if err != nil {
		return err
	}
	// The last is a duplicate.
	for _, body := range []string{"A0", "B0", "A1", "B1", "A2", "B2", "A0"} {
		if _, err := q.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body, MessageGroupId: aws.String(body[:1])}); err != nil {
			return err
		}
	}
	order := map[string]string{}
	for range 12 {
		flight, err := q.receive(ctx, url, 1, 1, 30)
		if err != nil {
			return err
		}
		other, err := q.receive(ctx, url, 1, 0, 30)
		if err != nil {
			return err
		}
		if len(flight) == 1 && len(other) == 1 && flight[0].Attributes["MessageGroupId"] == other[0].Attributes["MessageGroupId"] {
			return errors.New("two messages of a group are in flight")
		}
		if flight = append(flight, other...); len(flight) == 0 {
			break
		}
		for _, m := range flight {
			order[m.Attributes["MessageGroupId"]] += *m.Body
			if err := q.delete(ctx, url, m); err != nil {
				return err
			}
		}
	}
	return errors.Join(same("group A", order["A"], "A0A1A2"), same("group B", order["B"], "B0B1B2"))
}

func (q *queues) sharesOut(ctx context.Context) error {
	const messages, consumers = 500, 20
	url, _, err := q.make(ctx, "shared", map[string]string{"VisibilityTimeout": "60"})
	if err != nil {
		return err
	}
	for b := range messages / 10 {
		entries := make([]types.SendMessageBatchRequestEntry, 10)
		for i := range entries {
			entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(strconv.Itoa(b*10 + i))}
		}
		if _, err := q.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &url, Entries: entries}); err != nil {
			return err
		}
	}
	var (
		mu     sync.Mutex
		times  = map[string]int{}
		failed error
		group  sync.WaitGroup
	)
	for range consumers {
		group.Go(func() {
			for range messages {
				got, err := q.receive(ctx, url, 10, 1, 60)
				for _, m := range got {
					err = errors.Join(err, q.delete(ctx, url, m))
				}
				mu.Lock()
				for _, m := range got {
					times[*m.Body]++
				}
				failed = errors.Join(failed, err)
				all := len(times) == messages
				mu.Unlock()
				if err != nil || all && len(got) == 0 {
					return // the last poll found nothing, so there was no second delivery
				}
			}
		})
	}
	group.Wait()
	if failed != nil {
		return failed
	}
	for body, n := range times {
		if n > 1 {
			return fmt.Errorf("message %s was received %d times", body, n)
		}
	}
	left, err := q.attributes(ctx, url)
	return errors.Join(err, same("received", len(times), messages), same("left", left["ApproximateNumberOfMessages"], "0"),
		same("in flight", left["ApproximateNumberOfMessagesNotVisible"], "0"))
}

func (q *queues) administers(ctx context.Context) error {
	url, _, err := q.make(ctx, "admin", nil)
	if err != nil {
		return err
	}
	if err := q.send(ctx, url, "x"); err != nil {
		return err
	}
	if _, err := q.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: &url}); err != nil {
		return err
	}
	if _, err := q.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: map[string]string{"VisibilityTimeout": "77"}}); err != nil {
		return err
	}
	got, err := q.attributes(ctx, url)
	if err != nil {
		return err
	}
	list, err := q.ListQueues(ctx, &sqs.ListQueuesInput{QueueNamePrefix: aws.String(q.prefix + "-admin")})
	if err != nil {
		return err
	}
	_, err = q.TagQueue(ctx, &sqs.TagQueueInput{QueueUrl: &url, Tags: map[string]string{"a": "b"}})
	return errors.Join(err, same("visibility", got["VisibilityTimeout"], "77"), same("messages", got["ApproximateNumberOfMessages"], "0"), same("listed", len(list.QueueUrls), 1))
}

func (q *queues) moves(ctx context.Context) error {
	for i := range 3 {
		if err := q.send(ctx, q.dead, "dead "+strconv.Itoa(i)); err != nil {
			return err
		}
	}
	to, id, err := q.make(ctx, "moved", nil)
	if err != nil {
		return err
	}
	if _, err := q.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{SourceArn: &q.deadID, DestinationArn: &id}); err != nil {
		return err
	}
	moved := 0
	for range 10 {
		got, err := q.receive(ctx, to, 10, 1, 30)
		if err != nil {
			return err
		}
		if moved += len(got); moved == 3 {
			return nil
		}
	}
	return fmt.Errorf("%d of 3 dead letters moved", moved)
}
