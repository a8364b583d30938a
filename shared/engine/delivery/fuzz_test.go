package delivery_test

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"parley/infra/prove/service"

	"github.com/aws/aws-lambda-go/events"

	"parley/shared/clock"
	"parley/shared/engine/delivery"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/engine/store/memory"
)

// handlers returns every handler that a queue feeds, over a store without runs.
func handlers(t *testing.T) []func(json.RawMessage) (any, error) {
	s, log := memory.New(), slog.New(slog.DiscardHandler)
	d := pipeline.Deps{Service: service.Sample, Runs: s, Clients: s, Sender: &memory.Queue{}, Clock: clock.At(run.Run{}.CreatedAt), Log: log, Budget: pipeline.Budget(0)}
	ingest, err := service.Sample.Lookup(service.Ingest)
	if err != nil {
		t.Fatal(err)
	}
	runner := pipeline.Runner{Deps: d, Stage: ingest}
	stage := delivery.Stage{Runner: runner}
	dead := delivery.Dead{Deps: d, Runners: map[run.Stage]pipeline.Runner{service.Ingest: runner}}
	webhooks := delivery.Webhooks{Pusher: pipeline.Pusher{Deps: d}}
	return []func(json.RawMessage) (any, error){
		func(raw json.RawMessage) (any, error) { return stage.Handle(t.Context(), raw) },
		func(raw json.RawMessage) (any, error) { return dead.Handle(t.Context(), raw) },
		func(raw json.RawMessage) (any, error) { return webhooks.Handle(t.Context(), raw) },
	}
}

// Ensure that an event either is not a batch, or is answered with a list of its own messages to
// deliver again, never with null.
func FuzzBatch(f *testing.F) {
	for _, s := range []string{
		`{"Records":[{"messageId":"a","receiptHandle":"r","body":"{\"run\":\"req_aaaaaaaaaaaaaaaaaaaaaaaaaa\",\"attempt\":1,\"part\":\"ingest/0\"}","attributes":{"ApproximateReceiveCount":"2"}}]}`,
		`{"Records":[{"messageId":"a","body":"{\"Records\":[{\"s3\":{\"object\":{\"key\":\"audio/req_aaaaaaaaaaaaaaaaaaaaaaaaaa\"}}}]}"},{"messageId":"b","body":"nonsense"}]}`,
		`{"Records":[{"messageId":"a","body":"{\"Event\":\"s3:TestEvent\"}"}]}`, `{"Records":null}`, `{"probe":true}`, `{}`, `null`, `[]`, `"x"`, ``, `{"Records":[{"body":"{\"Records\":[{\"s3\":{\"object\":{\"key\":\"%zz\"}}}]}"}]}`,
	} {
		f.Add([]byte(s))
	}
	for _, name := range []string{"ingest", "transcribe", "deadletter", "webhook"} {
		raw, err := os.ReadFile(filepath.Join("..", "..", "..", "events", name+".json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var batch events.SQSEvent
		none := json.Unmarshal(raw, &batch) != nil
		for i, handle := range handlers(t) {
			answer, err := handle(raw)
			if _, probe := answer.(delivery.ProbeAnswer); probe {
				continue
			}
			if (err != nil) != none {
				t.Fatalf("handler %d: %v", i, err)
			}
			if err != nil {
				continue
			}
			again, ok := answer.(events.SQSEventResponse)
			if !ok || again.BatchItemFailures == nil || len(again.BatchItemFailures) > len(batch.Records) {
				t.Errorf("handler %d answers %+v", i, answer)
			}
		}
	})
}

// Ensure that the body of a message is either decoded or rejected, and that the keys of an S3 event
// decide which of its objects are ours.
func FuzzS3Event(f *testing.F) {
	f.Add("audio/req_aaaaaaaaaaaaaaaaaaaaaaaaaa", "s3:ObjectCreated:Put")
	f.Add("audio%2Freq_aaaaaaaaaaaaaaaaaaaaaaaaaa", "")
	f.Add("audio/../audio/req_a", "s3:TestEvent")
	f.Add("%", "\xff")
	f.Fuzz(func(t *testing.T, key, event string) {
		type object struct {
			Key string `json:"key"`
		}
		type record struct {
			EventName string `json:"eventName"`
			S3        struct {
				Object object `json:"object"`
			} `json:"s3"`
		}
		var arrival struct{ Records []record }
		rec := record{EventName: event}
		rec.S3.Object.Key = key
		arrival.Records = append(arrival.Records, rec)
		body, err := json.Marshal(arrival)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(events.SQSEvent{Records: []events.SQSMessage{{MessageId: "a", Body: string(body)}}})
		if err != nil {
			t.Fatal(err)
		}
		for i, handle := range handlers(t) {
			answer, err := handle(raw)
			if again, ok := answer.(events.SQSEventResponse); err != nil || !ok || again.BatchItemFailures == nil {
				t.Errorf("handler %d: %+v, %v", i, answer, err)
			}
		}
	})
}
