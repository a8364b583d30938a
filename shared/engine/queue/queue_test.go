package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/infra/prove/service"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go/middleware"

	"parley/infra/prove/storetest"
	"parley/shared/engine/awsbody"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
)

var made atomic.Int64

var stages = []run.Stage{service.Ingest, service.Transcribe, service.Diarize}

func open(t *testing.T) (*Queues, *sqs.Client) {
	t.Helper()
	endpoint := storetest.Endpoint(t)
	api := sqs.New(sqs.Options{Region: "us-east-1", BaseEndpoint: aws.String(endpoint), Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		APIOptions: []func(*middleware.Stack) error{awsbody.KeepAnswers}})
	urls := map[run.Stage]string{}
	n := made.Add(1)
	ctx := context.WithoutCancel(t.Context())
	create := func(name string, attributes map[string]string) string {
		out, err := api.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(fmt.Sprintf("test-%d-%d-%s", os.Getpid(), n, name)), Attributes: attributes})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if _, err := api.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: out.QueueUrl}); err != nil {
				t.Log(err)
			}
		})
		return *out.QueueUrl
	}
	dead := create(pipeline.DeadLetters, nil)
	of, err := api.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &dead, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn}})
	if err != nil {
		t.Fatal(err)
	}
	redrive := map[string]string{"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":1}`, of.Attributes["QueueArn"])}
	for _, stage := range stages {
		urls[stage] = create(string(stage), redrive)
	}
	return New(api, urls, dead), api
}

func TestSender(t *testing.T) {
	storetest.Sender(t, func(t *testing.T) (pipeline.Sender, func(run.Stage) []pipeline.Message) {
		q, api := open(t)
		return q, func(stage run.Stage) (all []pipeline.Message) {
			for {
				url := q.urls[stage]
				out, err := api.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: maxReceives})
				if err != nil {
					t.Fatal(err)
				}
				if len(out.Messages) == 0 {
					return all
				}
				for _, m := range out.Messages {
					message, _, err := pipeline.Decode(*m.Body)
					if err != nil {
						t.Fatal(err)
					}
					all = append(all, message)
					if _, err := api.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	})
}

// die lets a stage's queue give up n messages.
func die(t *testing.T, q *Queues, api *sqs.Client, stage run.Stage, n int) {
	t.Helper()
	url := q.urls[stage]
	for i := range n {
		if _, err := api.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String(fmt.Sprint(stage, " ", i))}); err != nil {
			t.Fatal(err)
		}
	}
	// A queue gives a message up when it would be received once more than it allows.
	for {
		out, err := api.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: maxReceives, VisibilityTimeout: 60})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return
		}
		for _, m := range out.Messages {
			if err := q.Delay(t.Context(), stage, *m.ReceiptHandle, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Ensure that the dead letters of all queues, which share one, are counted by the queue that they
// come from, and that a redrive moves as many of one queue as requested and none of another.
func TestDeadLettersOfOneQueueAmongOthers(t *testing.T) {
	q, api := open(t)
	die(t, q, api, service.Ingest, 12)
	die(t, q, api, service.Transcribe, 3)
	// One that came from no queue of ours.
	if _, err := api.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &q.dead, MessageBody: aws.String("a stray")}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ limit, moved, waiting, dead int }{{0, 0, 0, 12}, {11, 11, 11, 1}, {100, 1, 12, 0}, {100, 0, 12, 0}} {
		moved, err := q.Redrive(t.Context(), service.Ingest, step.limit)
		if err != nil || moved != step.moved {
			t.Fatalf("moved %d, %v; want %d", moved, err, step.moved)
		}
		depth, err := q.Depth(t.Context(), service.Ingest)
		if want := (Depth{Waiting: step.waiting}); err != nil || depth != want {
			t.Errorf("%+v, %v; want %+v", depth, err, want)
		}
		letters, err := q.Dead(t.Context())
		if err != nil || letters.Waiting != step.dead+4 || letters.ByStage[service.Ingest] != step.dead || letters.ByStage[service.Transcribe] != 3 || len(letters.ByStage) > 2 {
			t.Errorf("%+v, %v; want %d of ingest, 3 of transcribe and a stray", letters, err, step.dead)
		}
	}
}

// failing is an SQS that cannot delete.
type failing struct{ API }

var errNoDelete = errors.New("no deletes today")

func (failing) DeleteMessage(context.Context, *sqs.DeleteMessageInput, ...func(*sqs.Options)) (*sqs.DeleteMessageOutput, error) {
	return nil, errNoDelete
}

// Ensure that what a redrive received before an error is at once there for the next.
func TestARedriveThatFailsHidesNothing(t *testing.T) {
	q, api := open(t)
	die(t, q, api, service.Ingest, 3)
	q.api = failing{api}
	if moved, err := q.Redrive(t.Context(), service.Ingest, 100); !errors.Is(err, errNoDelete) || moved != 0 {
		t.Errorf("moved %d, %v", moved, err)
	}
	q.api = api
	if moved, err := q.Redrive(t.Context(), service.Ingest, 100); err != nil || moved != 3 {
		t.Errorf("moved %d, %v; want 3", moved, err)
	}
}

// Ensure that a deployment whose dead-letter queue is not known says so.
func TestWithoutADeadLetterQueue(t *testing.T) {
	q := New(nil, map[run.Stage]string{service.Ingest: "url"}, "")
	if _, err := q.Dead(t.Context()); err == nil {
		t.Error("it counted the dead letters of no queue")
	}
	if _, err := q.Redrive(t.Context(), service.Ingest, 1); err == nil {
		t.Error("it redrove from no queue")
	}
}

// refusing is an SQS that rejects messages of a batch; left says how often, by the message's body.
type refusing struct {
	groups []string // of what was sent
	API
	left map[string]int
	sent []string
	err  error
}

func (r *refusing) SendMessageBatch(_ context.Context, in *sqs.SendMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.SendMessageBatchOutput, error) {
	if r.err != nil {
		return nil, r.err
	}
	out := &sqs.SendMessageBatchOutput{}
	for _, e := range in.Entries {
		var m pipeline.Message
		if err := json.Unmarshal([]byte(*e.MessageBody), &m); err != nil {
			return nil, err
		}
		if r.left[m.Part] > 0 {
			r.left[m.Part]--
			out.Failed = append(out.Failed, types.BatchResultErrorEntry{Id: e.Id, Code: aws.String("InternalError"), Message: aws.String("busy")})
			continue
		}
		r.sent = append(r.sent, m.Part)
		r.groups = append(r.groups, aws.ToString(e.MessageGroupId))
	}
	return out, nil
}

// Ensure that a message is of its client's group, so that the queue is fair.
func TestAQueueIsFairToClients(t *testing.T) {
	api := &refusing{}
	messages := []pipeline.Message{{Run: "r", Client: "cli_a", Attempt: 1, Part: "transcribe/0"}, {Run: "s", Client: "cli_b", Attempt: 1, Part: "transcribe/0"}, {Run: "t", Attempt: 1, Part: "transcribe/0"}}
	if err := New(api, map[run.Stage]string{service.Transcribe: "url"}, "").Send(t.Context(), messages); err != nil || !slices.Equal(api.groups, []string{"cli_a", "cli_b", ""}) {
		t.Errorf("%v; groups %q", err, api.groups)
	}
}

func TestRejectedMessagesAreSentAgain(t *testing.T) {
	messages := []pipeline.Message{{Run: "r", Attempt: 1, Part: "transcribe/0"}, {Run: "r", Attempt: 1, Part: "transcribe/1"}, {Run: "r", Attempt: 1, Part: "transcribe/2"}}
	urls := map[run.Stage]string{service.Transcribe: "url"}
	for _, tc := range []struct {
		name  string
		left  int
		sent  string
		waits int
		ok    bool
	}{
		{"a message that is refused once is sent again alone", 1, "transcribe/0 transcribe/2 transcribe/1", 1, true},
		{"a message that is refused 4 times is still sent", maxAttempts - 1, "transcribe/0 transcribe/2 transcribe/1", maxAttempts - 1, true},
		{"a message that is refused 5 times is an error, and the others are sent", maxAttempts, "transcribe/0 transcribe/2", maxAttempts - 1, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			api := &refusing{left: map[string]int{"transcribe/1": tc.left}}
			waits := 0
			q := New(api, urls, "", WithSleep(func(context.Context, time.Duration) error { waits++; return nil }, func() float64 { return 1 }))
			err := q.Send(t.Context(), messages)
			if (err == nil) != tc.ok || waits != tc.waits || strings.Join(api.sent, " ") != tc.sent {
				t.Errorf("%v; %d waits; sent %v", err, waits, api.sent)
			}
		})
	}
	t.Run("an error of SQS, and the end of the context, end it", func(t *testing.T) {
		broken := errors.New("broken")
		if err := New(&refusing{err: broken}, urls, "").Send(t.Context(), messages); !errors.Is(err, broken) {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := New(&refusing{left: map[string]int{"transcribe/1": 1}}, urls, "").Send(ctx, messages)
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Run("a stage without a queue sends nothing at all", func(t *testing.T) {
		api := &refusing{}
		err := New(api, urls, "").Send(t.Context(), append(messages, pipeline.Message{Run: "r", Attempt: 1, Part: "ingest/0"}))
		if err == nil || len(api.sent) != 0 {
			t.Errorf("%v; sent %v", err, api.sent)
		}
	})
}
