// Package wire does what every function's main has in common: it sets up the log, the environment,
// the adapters, the engines and the Lambda runtime. The main itself chooses the handler.
package wire

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/transcribe"

	"parley/shared/api"
	"parley/shared/api/gateway"
	"parley/shared/clock"
	"parley/shared/engine/cleanup"
	"parley/shared/engine/config"
	"parley/shared/engine/delivery"
	"parley/shared/engine/deployment"
	"parley/shared/engine/fault"
	"parley/shared/engine/fault/awsfault"
	"parley/shared/engine/metrics"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/engine/store/dynamo"
	"parley/shared/engine/webhook"
	"parley/shared/presentation"
	"parley/shared/process"
	"parley/shared/speech"
	"parley/shared/speech/engines"
	"parley/shared/speech/installed"
	"parley/shared/speech/recogniser/amazon"
	"parley/shared/speech/stages"
	"parley/shared/speech/transcript"
)

// System is everything that a function's handler needs.
type System struct {
	*deployment.System
	Log     *slog.Logger
	Metrics *metrics.Emitter
	Clock   clock.Clock
	Engines *engines.Engines
}

// Open reads the environment and opens the adapters and the engines. If that fails, it logs the
// cause and ends the process.
func Open() System {
	log, measured := printers()
	retried := func() { measured.Add(metrics.TransactionRetries, 1, nil) }
	sys, err := deployment.Open(context.Background(), settings(log), dynamo.WithRetried(retried))
	if err != nil {
		fail(log, err)
	}
	return System{System: sys, Log: log, Metrics: measured, Clock: clock.Real{},
		Engines: engines.Open(os.Getenv(installed.Variable), os.Getenv(installed.ModelVariable), runtime.NumCPU())}
}

// ServeDocs answers the gateway with the documentation, until the process ends. It opens nothing,
// since the documentation is in the program: without the adapters, the program is a third smaller.
func ServeDocs() {
	log, measured := printers()
	cfg := settings(log)
	serveAPI(api.Docs(api.Deps{Service: speech.Service, Clock: clock.Real{}, Random: rand.Reader, Log: log, Metrics: measured, BaseURL: cfg.BaseURL}), cfg)
}

// printers returns the function's log and its metrics, and counts its cold start.
func printers() (*slog.Logger, *metrics.Emitter) {
	name := os.Getenv("AWS_LAMBDA_FUNCTION_NAME")
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil)).With("function", name)
	slog.SetDefault(log)
	measured := metrics.New(os.Stdout, clock.Real{})
	measured.Add(metrics.ColdStarts, 1, []string{name})
	return log, measured
}

// settings reads the environment. If that fails, it logs the cause and ends the process.
func settings(log *slog.Logger) config.Config {
	cfg, err := config.Load(speech.Service)
	if err != nil {
		fail(log, err)
	}
	return cfg
}

// fail logs why a function cannot start, and ends the process.
func fail(log *slog.Logger, cause error) {
	log.Error("cannot start", "cause", cause.Error())
	os.Exit(1)
}

// Deps returns the ports that move runs.
func (s System) Deps() pipeline.Deps {
	return pipeline.Deps{Service: speech.Service, Runs: s.Tables, Clients: s.Tables, Sender: s.Queues, Clock: s.Clock, Log: s.Log, Metrics: s.Metrics, Budget: pipeline.Budget(s.Config.Deadline), Pause: clock.Sleep, Used: process.Used}
}

// Cleanup returns the ports of the cleanup.
func (s System) Cleanup() cleanup.Deps {
	return cleanup.Deps{Runs: s.Tables, Clients: s.Tables, Limits: s.Tables, Objects: s.Objects, Clock: s.Clock, Log: s.Log, Metrics: s.Metrics}
}

// API returns the ports of the handlers behind the gateway.
func (s System) API() api.Deps {
	return api.Deps{Service: speech.Service, Runs: s.Tables, Limits: s.Tables, Accounts: s.Tables, Clock: s.Clock, Random: rand.Reader, Log: s.Log, Metrics: s.Metrics,
		Objects: s.Objects, Sender: s.Queues, Prober: s.Engines.Prober(), Presigner: s.Objects, Player: s.Objects, Secrets: s.Tables, BaseURL: s.Config.BaseURL,
		Budget: pipeline.Budget(s.Config.Deadline), PollEvery: s.Config.PollEvery, Webhooks: s.webhooks()}
}

func (s System) webhooks() webhook.Policy { return webhook.Policy{Loopback: s.Config.WebhookLoopback} }

// ServeWebhooks posts the webhooks that its messages ask for, until the process ends.
func (s System) ServeWebhooks() {
	poster := webhook.Poster{Policy: s.webhooks(), Secrets: s.Tables, Data: presentation.Presenter{Service: speech.Service, Runs: s.Tables, Objects: s.Objects, Clock: s.Clock}.Webhook, Clock: s.Clock}
	lambda.Start(awsfault.Handler(fault.Process(), delivery.Webhooks{Pusher: pipeline.Pusher{Deps: s.Deps(), Poster: poster}, Delayer: s.Queues}.Handle))
}

// ServeAPI answers the gateway with h, until the process ends.
func (s System) ServeAPI(h http.Handler) { serveAPI(h, s.Config) }

func serveAPI(h http.Handler, cfg config.Config) {
	lambda.Start(gateway.Handler(api.CORS(h, cfg.Origins)))
}

func (s System) works() stages.Works {
	e := s.Engines
	return stages.Works{Objects: s.Objects, Record: e.Decoder().Record, Recogniser: e.Whisper, Provider: os.Getenv(installed.RecogniserVariable), Voices: e.Voices, Aligner: e.Aligner, Listener: e.Whisper, Metrics: s.Metrics, Clock: s.Clock}
}

// ServeStage handles the messages of a stage, until the process ends.
func (s System) ServeStage(name run.Stage) { s.serve(name, s.works()) }

// ServeTranscribe is ServeStage of the stage that the deployment's recogniser works in: the only
// function that may call one that works elsewhere.
func (s System) ServeTranscribe() {
	works := s.works()
	languages, chosen, err := amazon.ParseSetting(works.Provider)
	if err != nil || works.Provider != "" && !chosen {
		fail(s.Log, fmt.Errorf("%s=%s names no recogniser", installed.RecogniserVariable, works.Provider))
	}
	if chosen {
		works.Remote = amazon.New(transcribe.NewFromConfig(s.AWS), s.Objects, s.Config.Bucket, s.Engines.Whisper, languages)
	}
	s.serve(speech.Transcribe, works)
}

func (s System) serve(name run.Stage, works stages.Works) {
	row, err := speech.Service.Lookup(name)
	if err != nil {
		panic(err)
	}
	stage := delivery.Stage{Runner: works.Runner(row, s.Deps()), Delayer: s.Queues, Probe: func(ctx context.Context) error {
		for _, l := range row.Layers {
			if err := s.Engines.Ready(ctx, l); err != nil {
				return err
			}
		}
		return nil
	}}
	stage.Runner.Work = faulty(name, stage.Runner.Work)
	lambda.Start(awsfault.Handler(fault.Process(), awsfault.Lossy(fault.Process(), string(name), stage.Handle)))
}

// faulty returns work with fault injection before it, for local systems.
func faulty(name run.Stage, work pipeline.Work) pipeline.Work {
	return func(ctx context.Context, r run.Run, p run.Part) (pipeline.Result, error) {
		switch err := fault.Stage(ctx, string(name)); {
		case err == nil:
			return work(ctx, r, p)
		case errors.Is(err, fault.ErrDenied):
			return pipeline.Result{}, stages.Denied(transcript.ErrDenied)
		default:
			return pipeline.Result{}, err
		}
	}
}

// ServeDead handles the dead letters of all queues, until the process ends.
func (s System) ServeDead() {
	works := s.works()
	d := delivery.Dead{Deps: s.Deps(), Runners: map[run.Stage]pipeline.Runner{}}
	for _, row := range speech.Service.Stages {
		d.Runners[row.Name] = works.Runner(row, s.Deps())
	}
	lambda.Start(d.Handle)
}

// ServeSchedule calls tick for each event of the schedule, until the process ends.
func (s System) ServeSchedule(tick func(ctx context.Context) error) {
	lambda.Start(func(ctx context.Context, _ json.RawMessage) error { return tick(ctx) })
}
