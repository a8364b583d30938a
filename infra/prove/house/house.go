// Package house runs all functions in one process: their handlers, wired as their mains wire them,
// over the model of the store, with events as Lambda would deliver them. Tests follow runs through
// it, and measurements count what a run asks of AWS.
package house

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"parley/shared/api"
	"parley/shared/api/gateway"
	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/cleanup"
	"parley/shared/engine/delivery"
	"parley/shared/engine/metrics"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/engine/store/memory"
	"parley/shared/engine/webhook"
	"parley/shared/presentation"
	"parley/shared/speech"
	"parley/shared/speech/stages"
)

// House is a system in one process, with one client. Its functions log, and write their
// measurements, as they do on AWS.
type House struct {
	Store   *memory.Store
	Tables  Tables // Store, or what stands before it
	Objects pipeline.Objects
	Clock   clock.Clock
	Works   stages.Works
	Prober  api.Prober
	Poster  pipeline.Poster // nil: the real one, over the network
	// Work replaces a stage's work; nil: Works does it.
	Work func(stage run.Stage, own pipeline.Work) pipeline.Work
	Log  io.Writer
	// Metrics gets the measurements; nil: nobody measures.
	Metrics io.Writer
	// Patience, if above 0, is how long each part may take, in place of its stage's limits.
	Patience time.Duration
	// Before is called before each invocation, and what it returns after it; nil: nothing is.
	Before func(function string) (after func())

	Client account.ID
	Key    string // its API key

	mu   sync.Mutex
	sent int
	left []delivered
}

// Tables is everything that is stored in tables.
type Tables interface {
	run.Store
	run.Limits
	account.Store
	account.Signings
}

// delivered is a message in its queue.
type delivered struct {
	stage    run.Stage
	body     string
	receives int
	dead     bool
	id       int
}

// New returns a house whose client has credits.
func New(ctx context.Context, c clock.Clock) (*House, error) {
	h := &House{Store: memory.New(), Objects: &memory.Objects{}, Clock: c, Log: io.Discard}
	h.Tables = h.Store
	var err1, err2, err3 error
	h.Client, err1 = account.NewID(rand.Reader)
	key, err2 := account.NewKeyID(rand.Reader)
	h.Key, err3 = account.NewSecret(rand.Reader)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, fmt.Errorf("house: %w", err)
	}
	client := account.Client{ID: h.Client, Active: true, ConcurrentRuns: 8, Permissions: []account.Permission{account.PermissionSpeech}, CreatedAt: c.Now()}
	_, err := h.Store.Grant(ctx, h.Client, 10_000, "", c.Now())
	if err := errors.Join(err, h.Store.PutClient(ctx, client), h.Store.PutKey(ctx, account.Remember(key, h.Client, h.Key, c.Now())),
		h.Store.SetReady(ctx, run.Readiness{At: c.Now(), Parts: map[string]string{"accent": ""}})); err != nil {
		return nil, fmt.Errorf("house: %w", err)
	}
	return h, nil
}

// log returns the log of a function, as its main opens it.
func (h *House) log(function string) *slog.Logger {
	return slog.New(slog.NewJSONHandler(h.Log, nil)).With("function", function)
}

func (h *House) emitter() *metrics.Emitter {
	if h.Metrics == nil {
		return nil
	}
	return metrics.New(h.Metrics, h.Clock)
}

func (h *House) deps(function string) pipeline.Deps {
	return pipeline.Deps{Service: speech.Service, Runs: h.Tables, Clients: h.Tables, Sender: h, Clock: h.Clock, Log: h.log(function), Metrics: h.emitter(), Budget: pipeline.Budget(0)}
}

// invoked notes an invocation, and returns what to call after it.
func (h *House) invoked(function string) func() {
	if h.Before == nil {
		return func() {}
	}
	return h.Before(function)
}

// Call makes a call of the API through the gateway's event, by the function that answers it, with
// the client's key.
func (h *House) Call(ctx context.Context, function string, serve func(api.Deps) http.Handler, e events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
	defer h.invoked(function)()
	d := api.Deps{Service: speech.Service, Runs: h.Tables, Limits: h.Tables, Accounts: h.Tables, Clock: h.Clock, Random: rand.Reader, Log: h.log(function), Metrics: h.emitter(),
		Objects: arriving{h.Objects, h}, Sender: h, Prober: h.Prober, Secrets: h.Tables, Budget: pipeline.Budget(0)}
	if e.MultiValueHeaders == nil {
		e.MultiValueHeaders = map[string][]string{}
	}
	e.MultiValueHeaders["X-Api-Key"] = []string{h.Key}
	return gateway.Handler(serve(d))(ctx, e) //nolint:wrapcheck // always nil
}

// Send implements pipeline.Sender.
func (h *House) Send(_ context.Context, messages []pipeline.Message) error {
	for _, m := range messages {
		p, err := run.ParsePart(m.Part)
		if err != nil {
			return fmt.Errorf("house: %w", err)
		}
		body, err := json.Marshal(m)
		if err != nil {
			return fmt.Errorf("house: %w", err)
		}
		h.Enqueue(p.Stage, string(body))
	}
	return nil
}

// Enqueue puts the body of a message into the queue of a stage.
func (h *House) Enqueue(stage run.Stage, body string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sent++
	h.left = append(h.left, delivered{stage: stage, body: body, id: h.sent})
}

// Sent returns how many messages were sent so far.
func (h *House) Sent() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sent
}

// arriving is the bucket as submit sees it: a recording that arrives sends S3's event to the first
// stage.
type arriving struct {
	pipeline.Objects
	h *House
}

// Put implements pipeline.Objects.
func (a arriving) Put(ctx context.Context, key, kind string, body io.ReadSeeker, size int64) error {
	if err := a.Objects.Put(ctx, key, kind, body, size); err != nil {
		return err //nolint:wrapcheck // the port's own
	}
	if strings.HasPrefix(key, pipeline.AudioPrefix) {
		a.h.Enqueue(speech.Service.First().Stage, fmt.Sprintf(`{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"object":{"key":%q}}}]}`, key))
	}
	return nil
}

// delayer lets messages come again at once.
type delayer struct{}

// Delay implements delivery.Delayer.
func (delayer) Delay(context.Context, run.Stage, string, time.Duration) error { return nil }

// maxDeliveries bounds Drain.
const maxDeliveries = 10_000

// Drain delivers messages, one after the other, until none is left. One that fails comes again, and
// becomes a dead letter after as many receives as its queue allows.
func (h *House) Drain(ctx context.Context) error {
	for range maxDeliveries {
		h.mu.Lock()
		if len(h.left) == 0 {
			h.mu.Unlock()
			return nil
		}
		d := h.left[0]
		h.left = h.left[1:]
		h.mu.Unlock()
		row := rowOf(d.stage)
		if d.receives++; !d.dead && d.receives > row.MaxReceives {
			d.dead, d.receives = true, 1
		}
		again, err := h.deliver(ctx, d, row)
		if err != nil {
			return err
		}
		if again {
			h.mu.Lock()
			h.left = append(h.left, d)
			h.mu.Unlock()
		}
	}
	return errors.New("house: the queues never empty")
}

func rowOf(stage run.Stage) pipeline.Stage {
	fed := speech.Service.Fed()
	return fed[slices.IndexFunc(fed, func(s pipeline.Stage) bool { return s.Name == stage })]
}

// deliver hands a message to its function and reports whether it must come again.
func (h *House) deliver(ctx context.Context, d delivered, row pipeline.Stage) (again bool, err error) {
	function := string(d.stage)
	if d.dead {
		function = "deadletter"
	}
	now := strconv.FormatInt(h.Clock.Now().UnixMilli(), 10)
	raw, err := json.Marshal(events.SQSEvent{Records: []events.SQSMessage{{MessageId: strconv.Itoa(d.id), ReceiptHandle: strconv.Itoa(d.id), Body: d.body, EventSource: "aws:sqs",
		Attributes: map[string]string{"ApproximateReceiveCount": strconv.Itoa(d.receives), "SentTimestamp": now}}}})
	if err != nil {
		return false, fmt.Errorf("house: %w", err)
	}
	defer h.invoked(function)()
	var out any
	switch {
	case d.dead:
		dead := delivery.Dead{Deps: h.deps(function), Runners: map[run.Stage]pipeline.Runner{}}
		for _, s := range speech.Service.Stages {
			dead.Runners[s.Name] = h.runner(s, function)
		}
		out, err = dead.Handle(ctx, raw)
	case d.stage == pipeline.Webhook:
		out, err = delivery.Webhooks{Pusher: pipeline.Pusher{Deps: h.deps(function), Poster: h.poster()}, Delayer: delayer{}}.Handle(ctx, raw)
	default:
		out, err = delivery.Stage{Runner: h.runner(row, function), Delayer: delayer{}}.Handle(ctx, raw)
	}
	if err != nil {
		return false, fmt.Errorf("house: %s: %w", function, err)
	}
	answer, ok := out.(events.SQSEventResponse)
	if !ok {
		return false, fmt.Errorf("house: %s answered %v", function, out)
	}
	return len(answer.BatchItemFailures) > 0, nil
}

func (h *House) runner(s pipeline.Stage, function string) pipeline.Runner {
	w := h.Works
	w.Objects, w.Metrics, w.Clock = h.Objects, h.emitter(), h.Clock
	if h.Patience > 0 {
		s.Timeout, s.Limit = h.Patience, pipeline.Limit{}
	}
	r := w.Runner(s, h.deps(function))
	if h.Work != nil {
		r.Work, r.Join = h.Work(s.Name, r.Work), nil
	}
	return r
}

func (h *House) poster() pipeline.Poster {
	if h.Poster != nil {
		return h.Poster
	}
	return webhook.Poster{Secrets: h.Tables, Clock: h.Clock,
		Data: presentation.Presenter{Service: speech.Service, Runs: h.Tables, Objects: h.Objects, Clock: h.Clock}.Webhook}
}

// Sweep is the schedule's minute.
func (h *House) Sweep(ctx context.Context) error {
	const function = "sweep"
	defer h.invoked(function)()
	_, err := h.deps(function).Sweep(ctx)
	_, also := cleanup.Deps{Runs: h.Tables, Clients: h.Tables, Limits: h.Tables, Objects: h.Objects, Clock: h.Clock, Log: h.log(function), Metrics: h.emitter()}.Tidy(ctx)
	return errors.Join(err, also)
}

// Lines splits a log into its lines.
func Lines(log *bytes.Buffer) []string { return strings.Split(strings.TrimSpace(log.String()), "\n") }
