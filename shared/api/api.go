// Package api is the HTTP front. It decides who may call, what a submit must contain and what is
// answered, in net/http handlers over the ports of the domain. It knows neither the gateway in
// front of it nor the tables behind it.
//
// Each constructor (Submit, Poll, …) makes the handler of one function and owns its paths; All
// mounts them together. Every error answer is an Envelope with a code of package errcode's table.
package api

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/metrics"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/engine/webhook"
	"parley/shared/presentation"
	"parley/shared/speech/audio"
)

// Base is the prefix of every path.
const Base = "/api/v1"

// Prober inspects an audio file by its content alone.
type Prober interface {
	// Probe returns the format, length and size of the file at path. What the client did wrong is a
	// *errcode.Error: UNSUPPORTED_FORMAT, AUDIO_TOO_SHORT, AUDIO_TOO_LONG,
	// AUDIO_DURATION_UNAVAILABLE.
	Probe(ctx context.Context, path string) (audio.Info, error)
}

// Presigner lets a client post a file straight into the object store.
type Presigner interface {
	// PresignPost allows a POST of 1 to maxBytes bytes under key until lasting has passed. The
	// client posts a form to url: first the returned fields, then the file. Among the fields is
	// Content-Type, contentType unless the client puts another value there.
	PresignPost(ctx context.Context, key, contentType string, maxBytes int64, lasting time.Duration) (url string, fields map[string]string, err error)
}

// Player lets a browser play a recording straight from the object store.
type Player interface {
	// PresignGet returns a URL at which anyone can read the object under key until lasting has
	// passed, as media of this type. It does not check that there is such an object.
	PresignGet(ctx context.Context, key, mediaType string, lasting time.Duration) (url string, err error)
}

// Deps holds the ports that the handlers use. The comment of each constructor lists the ones it
// needs.
type Deps struct {
	Service  pipeline.Service
	Runs     run.Store
	Limits   run.Limits
	Accounts account.Store
	Clock    clock.Clock
	Random   io.Reader // safe for concurrent use; crypto/rand.Reader outside of tests
	Log      *slog.Logger
	Metrics  *metrics.Emitter // Submit; nil: nobody measures

	Objects   pipeline.Objects // Submit, Poll, Erase, Runs
	Sender    pipeline.Sender  // Submit
	Prober    Prober           // Submit
	Presigner Presigner        // Uploads
	Player    Player           // Page; nil: recordings cannot be played
	// Secrets has the secret that signs the links to report pages (Report, Page).
	Secrets account.Signings

	// BaseURL is the URL of the API without Base, for the addresses that we hand out. Empty: the
	// one at which the request arrived.
	BaseURL string

	// Budget is a run's deadline (Submit).
	Budget run.Budget
	// PollEvery is the minimum time between two polls of a run that has not ended (Poll); 0: no
	// minimum.
	PollEvery time.Duration
	// Webhooks decides which webhook addresses are allowed (Submit).
	Webhooks webhook.Policy
	// TempDir holds a submitted file while it is checked (Submit); empty: os.TempDir.
	TempDir string
}

// Submit serves POST /speech/analyze. Every call with a key needs Runs, Limits, Accounts, Clock,
// Random and Log; this one also needs Service, Objects, Sender, Prober, Budget and Webhooks.
func Submit(d Deps) http.Handler { return serve(d, submitRoutes) }

// Report serves POST and DELETE /speech/analyze/{id}/report, and POST /reports. It needs what every
// call with a key needs, Secrets and Random.
func Report(d Deps) http.Handler { return serve(d, reportRoutes) }

// Page serves GET /reports/{token}, GET /reports/{token}/audio and GET /reports/compare/{token},
// without a key. It needs Service, Runs, Limits, Secrets, Objects, Player, Clock, Random and Log.
func Page(d Deps) http.Handler { return serve(d, pageRoutes) }

// Poll serves GET /speech/analyze/{id}. It needs what every call with a key needs, Service, Objects
// and PollEvery.
func Poll(d Deps) http.Handler { return serve(d, pollRoutes, away(eraseRoutes)) }

// Erase serves DELETE /speech/analyze/{id}. It needs what every call with a key needs, and Objects.
func Erase(d Deps) http.Handler { return serve(d, eraseRoutes, away(pollRoutes)) }

// Runs serves GET /runs and GET /speech/runs. It needs what every call with a key needs, Service
// and Objects.
func Runs(d Deps) http.Handler { return serve(d, runsRoutes) }

// Credits serves GET /credits and GET /credits/transactions. It needs what every call with a key
// needs.
func Credits(d Deps) http.Handler { return serve(d, creditsRoutes) }

// Uploads serves POST /speech/uploads. It needs what every call with a key needs, and Presigner.
func Uploads(d Deps) http.Handler { return serve(d, uploadsRoutes) }

// Health serves GET /health, without a key. It needs Limits, Clock, Random and Log.
func Health(d Deps) http.Handler { return serve(d, healthRoutes) }

// Docs serves the documentation without a key: GET /docs, /openapi.json, /openapi-3.0.json,
// /llms.txt and /llms-full.txt. It needs Clock, Random and Log.
func Docs(d Deps) http.Handler { return serve(d, docsRoutes()) }

// All serves every call in one process. It needs everything.
func All(d Deps) http.Handler { return serve(d, allRoutes()) }

func allRoutes() []route {
	return slices.Concat(submitRoutes, pollRoutes, eraseRoutes, uploadsRoutes, runsRoutes, creditsRoutes, healthRoutes, reportRoutes, pageRoutes, docsRoutes())
}

func (d Deps) presenter() presentation.Presenter {
	return presentation.Presenter{Service: d.Service, Runs: d.Runs, Objects: d.Objects, Clock: d.Clock}
}
