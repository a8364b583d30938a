package delivery_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/infra/prove/service"

	"github.com/aws/aws-lambda-go/events"

	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/delivery"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/engine/store/memory"
	"parley/shared/errcode"
)

// recorded is the id of the run in the recorded events.
var recorded = run.ID("req_" + strings.Repeat("a", 26))

func event(t *testing.T, name string) json.RawMessage {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "events", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// at returns a store whose recorded run has the parts of one stage outstanding, and deps over it.
func at(t *testing.T, stage run.Stage) (*memory.Store, pipeline.Deps) {
	t.Helper()
	s, clk := memory.New(), clock.At(time.Date(2026, 4, 21, 12, 0, 0, 0, time.UTC))
	d := pipeline.Deps{Service: service.Sample, Runs: s, Clients: s, Sender: &memory.Queue{}, Clock: clk, Log: slog.New(slog.DiscardHandler), Budget: pipeline.Budget(0)}
	client := account.ID("cli_aaaaaaaaaaaaaaaaaaaa")
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	check(s.PutClient(t.Context(), account.Client{ID: client, Active: true, ConcurrentRuns: 1}))
	_, err := s.Grant(t.Context(), client, 10, "", clk.Now())
	check(err)
	r, _, err := s.Submit(t.Context(), run.Submission{Run: run.Run{ID: recorded, Client: client, Attempt: 1, CreatedAt: clk.Now(), Cost: 4, Length: 4 * time.Minute},
		Terms: service.Sample.Terms(0, 1, d.Budget)}, clk.Now())
	check(err)
	for _, step := range []struct {
		part run.Part
		next []run.Part
	}{
		{service.Sample.First(), service.Sample.Following(service.Ingest, 2)},
		{run.Part{Stage: service.Transcribe}, nil},
		{run.Part{Stage: service.Transcribe, Index: 1}, nil},
		{run.Part{Stage: service.Diarize}, service.Sample.Following(service.Diarize, 2)},
		{run.Part{Stage: service.Vocabulary}, nil},
		{run.Part{Stage: service.Fluency}, nil},
		{run.Part{Stage: service.Accent}, service.Sample.Following(service.Accent, 2)},
	} {
		for p := range r.Parts {
			if p.Stage == stage {
				return s, d
			}
		}
		next := map[run.Part]time.Duration{}
		for _, p := range step.next {
			next[p] = time.Minute
		}
		after, err := r.Done(1, step.part, next, clk.Now())
		check(err)
		after.Pieces = 2
		check(s.Advance(t.Context(), r, after))
		r = after
	}
	return s, d
}

type delays []time.Duration

func (d *delays) Delay(_ context.Context, _ run.Stage, receipt string, after time.Duration) error {
	if receipt == "" {
		return errors.New("no receipt")
	}
	*d = append(*d, after)
	return nil
}

func failures(t *testing.T, answer any) []events.SQSBatchItemFailure {
	t.Helper()
	r, ok := answer.(events.SQSEventResponse)
	if !ok || r.BatchItemFailures == nil {
		t.Fatalf("answered %#v", answer)
	}
	return r.BatchItemFailures
}

// Ensure each stage's recorded event reaches its work with the right part.
func TestEachStageReadsItsRecordedEvent(t *testing.T) {
	for _, row := range service.Sample.Stages {
		t.Run(string(row.Name), func(t *testing.T) {
			_, d := at(t, row.Name)
			var did []run.Part
			st := delivery.Stage{Runner: pipeline.Runner{Deps: d, Stage: row, Work: func(_ context.Context, r run.Run, p run.Part) (pipeline.Result, error) {
				did = append(did, p)
				v := 3.0
				o := run.Succeed(r, service.Sample.Dimensions, run.Scores{"vocabulary": v, "fluency": v, "accent": v}, nil)
				switch row.Name {
				case service.Ingest:
					return pipeline.Result{Pieces: 2}, nil
				case service.Finalize:
					return pipeline.Result{Outcome: &o}, nil
				}
				return pipeline.Result{}, nil
			}}}
			answer, err := st.Handle(t.Context(), event(t, string(row.Name)))
			if err != nil || len(failures(t, answer)) != 0 || len(did) != 1 || did[0].Stage != row.Name {
				t.Fatalf("did %v, answered %+v, %v", did, answer, err)
			}
			if row.Name == service.Transcribe && did[0].Index != 1 {
				t.Errorf("did %v", did[0])
			}
		})
	}
}

// Ensure that a message in the format of the release before reaches its work, and that one in a
// format that we do not know yet is left in its queue.
func TestMessagesOfOtherReleases(t *testing.T) {
	for _, row := range []run.Stage{service.Transcribe, service.Finalize} {
		_, d := at(t, row)
		stage, err := service.Sample.Lookup(row)
		if err != nil {
			t.Fatal(err)
		}
		did := 0
		st := delivery.Stage{Runner: pipeline.Runner{Deps: d, Stage: stage, Work: func(context.Context, run.Run, run.Part) (pipeline.Result, error) {
			did++
			return pipeline.Result{}, errors.New("boom")
		}}}
		raw, err := os.ReadFile(filepath.Join("testdata", "format1", string(row)+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if answer, err := st.Handle(t.Context(), raw); err != nil || did != 1 || len(failures(t, answer)) != 1 {
			t.Errorf("%s of format 1: did %d, answered %+v, %v", row, did, answer, err)
		}
		newer := strings.ReplaceAll(string(event(t, string(row))), `{\"format\":2,`, `{\"format\":3,\"more\":{},`)
		if answer, err := st.Handle(t.Context(), json.RawMessage(newer)); err != nil || did != 1 || len(failures(t, answer)) != 1 {
			t.Errorf("%s of format 3: did %d, answered %+v, %v", row, did, answer, err)
		}
	}
}

// posts counts the posts that are prepared, and fails each so that it is tried again.
type posts int

func (p *posts) Prepare(context.Context, run.Run) (func(context.Context) run.Try, error) {
	*p++
	return nil, errors.New("boom")
}

func TestAWebhooksRecordedEventReachesThePoster(t *testing.T) {
	s, d := at(t, service.Finalize)
	r, err := s.Get(t.Context(), recorded)
	if err != nil {
		t.Fatal(err)
	}
	hooked := r
	hooked.Request.WebhookURL = "https://example.com/hook"
	hooked.Version++
	if err := s.Advance(t.Context(), r, hooked); err != nil {
		t.Fatal(err)
	}
	if err := d.End(t.Context(), hooked, run.Fail(errcode.ScoringFailed, "", "")); err != nil {
		t.Fatal(err)
	}
	var prepared posts
	var asked delays
	w := delivery.Webhooks{Pusher: pipeline.Pusher{Deps: d, Poster: &prepared}, Delayer: &asked}
	answer, err := w.Handle(t.Context(), event(t, "webhook"))
	if err != nil || len(failures(t, answer)) != 1 || prepared != 1 || len(asked) != 1 {
		t.Errorf("%+v %v: prepared %d times, asked for %v", answer, err, prepared, asked)
	}
	dead := delivery.Dead{Deps: d, Runners: map[run.Stage]pipeline.Runner{}}
	if answer, err = dead.Handle(t.Context(), event(t, "webhook")); err != nil || len(failures(t, answer)) != 0 {
		t.Errorf("as a dead letter: %+v %v", answer, err)
	}
	if r, err = s.Get(t.Context(), recorded); err != nil || !r.Push.Outstanding() {
		t.Errorf("%+v %v", r.Push, err)
	}
}

func TestAFailedMessageComesAgainSoon(t *testing.T) {
	_, d := at(t, service.Fluency)
	var asked delays
	row, err := service.Sample.Lookup(service.Fluency)
	if err != nil {
		t.Fatal(err)
	}
	st := delivery.Stage{Delayer: &asked, Runner: pipeline.Runner{Deps: d, Stage: row, Work: func(context.Context, run.Run, run.Part) (pipeline.Result, error) {
		return pipeline.Result{}, errors.New("boom")
	}}}
	answer, err := st.Handle(t.Context(), event(t, "fluency"))
	if got := failures(t, answer); err != nil || len(got) != 1 || got[0].ItemIdentifier != "059f36b4-87a3-44ab-83d2-661975830a7d" {
		t.Fatalf("%+v %v", answer, err)
	}
	if len(asked) != 1 || asked[0] != time.Second {
		t.Errorf("asked for %v", asked)
	}
}

func TestADeadLetterEndsTheRun(t *testing.T) {
	s, d := at(t, service.Vocabulary)
	dead := delivery.Dead{Deps: d, Runners: map[run.Stage]pipeline.Runner{}}
	for _, row := range service.Sample.Stages {
		dead.Runners[row.Name] = pipeline.Runner{Deps: d, Stage: row}
	}
	answer, err := dead.Handle(t.Context(), event(t, "deadletter"))
	if err != nil || len(failures(t, answer)) != 0 {
		t.Fatalf("%+v %v", answer, err)
	}
	r, err := s.Get(t.Context(), recorded)
	if err != nil || r.Status != run.Failed || r.Failure.Code != errcode.ScoringFailed {
		t.Fatalf("%+v %v", r, err)
	}
}

func TestForeignMessagesAreSkipped(t *testing.T) {
	for name, body := range map[string]string{
		"no JSON":                           "hello",
		"another object":                    `{"hello":1}`,
		"an invalid part":                   `{"run":"req_aaaaaaaaaaaaaaaaaaaaaaaaaa","attempt":1,"part":"fluency"}`,
		"an invalid run id":                 `{"run":"x","attempt":1,"part":"fluency/0"}`,
		"attempt zero":                      `{"run":"req_aaaaaaaaaaaaaaaaaaaaaaaaaa","attempt":0,"part":"fluency/0"}`,
		"the event of a new notification":   `{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}`,
		"an object that is not a recording": `{"Records":[{"s3":{"object":{"key":"audio/..%2Fx"}}}]}`,
		"a stage of another queue":          `{"run":"req_aaaaaaaaaaaaaaaaaaaaaaaaaa","attempt":1,"part":"accent/0"}`,
		"a run that does not exist":         `{"run":"req_bbbbbbbbbbbbbbbbbbbbbbbbbb","attempt":1,"part":"fluency/0"}`,
		"a past or a future attempt":        `{"run":"req_aaaaaaaaaaaaaaaaaaaaaaaaaa","attempt":2,"part":"fluency/0"}`,
	} {
		t.Run(name, func(t *testing.T) {
			_, d := at(t, service.Fluency)
			row, err := service.Sample.Lookup(service.Fluency)
			if err != nil {
				t.Fatal(err)
			}
			st := delivery.Stage{Runner: pipeline.Runner{Deps: d, Stage: row, Work: func(context.Context, run.Run, run.Part) (pipeline.Result, error) {
				t.Error("the work was done")
				return pipeline.Result{}, nil
			}}}
			raw, err := json.Marshal(events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", ReceiptHandle: "r", Body: body}}})
			if err != nil {
				t.Fatal(err)
			}
			answer, err := st.Handle(t.Context(), raw)
			if err != nil || len(failures(t, answer)) != 0 {
				t.Errorf("%+v %v", answer, err)
			}
		})
	}
}

func TestAProbeIsAnswered(t *testing.T) {
	row, err := service.Sample.Lookup(service.Accent)
	if err != nil {
		t.Fatal(err)
	}
	_, d := at(t, service.Accent)
	for name, tt := range map[string]struct {
		probe func(context.Context) error
		why   string
	}{
		"a stage without an engine":   {nil, ""},
		"an engine that is ready":     {func(context.Context) error { return nil }, ""},
		"an engine that is not ready": {func(context.Context) error { return errors.New("no model at /secret") }, "not ready"},
	} {
		t.Run(name, func(t *testing.T) {
			st := delivery.Stage{Runner: pipeline.Runner{Deps: d, Stage: row}, Probe: tt.probe}
			answer, err := st.Handle(t.Context(), json.RawMessage(`{"probe":true}`))
			if got, ok := answer.(delivery.ProbeAnswer); err != nil || !ok || got.Why != tt.why {
				t.Errorf("%+v %v", answer, err)
			}
		})
	}
}
