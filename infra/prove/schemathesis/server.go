package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"parley/infra/local"
	"parley/shared/api"
	"parley/shared/api/gateway"
	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/engine/store/memory"
	"parley/shared/errcode"
	"parley/shared/speech"
	"parley/shared/speech/audio"
	"parley/shared/speech/installed"
	"parley/shared/speech/report"
)

// plenty is more credits, and a higher rate, than any fuzzing uses up.
const plenty = 1_000_000_000

// house is the whole front in one process: the handlers over the model store, behind the gateway's
// events.
type house struct {
	server *httptest.Server
	asked  atomic.Int64
	store  *memory.Store
	files  *memory.Objects
	deps   api.Deps
	keys   [2]string // of two clients
	stop   context.CancelFunc
	ended  chan struct{}
}

func serve(temp string) (*house, error) {
	s := &house{store: memory.New(), files: &memory.Objects{}, ended: make(chan struct{})}
	s.deps = api.Deps{Service: speech.Service, Runs: s.store, Limits: s.store, Accounts: s.store, Clock: clock.Real{}, Random: rand.Reader,
		Log: slog.New(slog.DiscardHandler), Objects: s.files, Sender: &memory.Queue{}, Prober: audio.Prober{FFmpeg: installed.FFmpeg(installed.Dir())},
		Presigner: presigner{}, Secrets: s.store, Budget: pipeline.Budget(0), PollEvery: 10 * time.Second, TempDir: temp}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	for i := range s.keys {
		var err error
		if s.keys[i], err = s.newcomer(ctx); err != nil {
			stop()
			return nil, err
		}
	}
	if err := s.store.SetReady(ctx, run.Readiness{At: time.Now(), Parts: map[string]string{string(speech.Accent): ""}}); err != nil {
		stop()
		return nil, fmt.Errorf("contract: %w", err)
	}
	handler := gateway.Handler(api.All(s.deps))
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		front(w, r, handler)
	}))
	go s.endRuns(ctx)
	return s, nil
}

func (s *house) close() {
	s.stop()
	<-s.ended
	s.server.Close()
}

func (s *house) newcomer(ctx context.Context) (string, error) {
	id, err := account.NewID(rand.Reader)
	if err != nil {
		return "", fmt.Errorf("contract: %w", err)
	}
	key, err := account.NewKeyID(rand.Reader)
	if err != nil {
		return "", fmt.Errorf("contract: %w", err)
	}
	secret, err := account.NewSecret(rand.Reader)
	if err != nil {
		return "", fmt.Errorf("contract: %w", err)
	}
	now := time.Now()
	k := account.Remember(key, id, secret, now)
	k.Rate = plenty
	c := account.Client{ID: id, Name: "Fuzzer", Active: true, ConcurrentRuns: account.DefaultConcurrentRuns, Permissions: []account.Permission{account.PermissionSpeech},
		Grants: []account.Grant{account.GrantMultilingual}, CreatedAt: now}
	_, granted := s.store.Grant(ctx, id, plenty, "", now)
	if err := errors.Join(s.store.PutClient(ctx, c), s.store.PutKey(ctx, k), granted); err != nil {
		return "", fmt.Errorf("contract: %w", err)
	}
	return secret, nil
}

// endRuns replaces the stages: it ends every run a moment after it began, one in three without
// scores.
func (s *house) endRuns(ctx context.Context) {
	defer close(s.ended)
	scored, err := json.Marshal(report.Build(report.Input{RequestedLanguage: api.DefaultLanguage, ScoringVersion: "fuzzed"}))
	if err != nil {
		panic(err) // strings and numbers
	}
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		clients, err := s.store.Clients(ctx)
		if err != nil {
			panic(err) // the model store has no errors of its own
		}
		for _, c := range clients {
			live, _, err := s.store.List(ctx, c.ID, run.Filter{Status: run.Processing, Limit: 100})
			if err != nil {
				panic(err)
			}
			for _, r := range live {
				n++
				s.end(ctx, r, n%3 == 0, scored)
			}
		}
	}
}

func (s *house) end(ctx context.Context, r run.Run, fails bool, scored []byte) {
	outcome := run.Fail(errcode.TranscriptionFailed, "", "fuzzed")
	if !fails {
		key := pipeline.Key(r.ID, r.Attempt, pipeline.Report, 0)
		if err := s.files.Put(ctx, key, "application/json", bytes.NewReader(scored), int64(len(scored))); err != nil {
			panic(err)
		}
		outcome = run.Succeed(r, speech.Service.Dimensions, run.Scores{"vocabulary": 3, "fluency": 3, "accent": 3, "overall": 3}, speech.Found{Language: "en"}.Document())
	}
	d := pipeline.Deps{Service: speech.Service, Runs: s.store, Clients: s.store, Sender: s.deps.Sender, Clock: s.deps.Clock, Log: s.deps.Log, Budget: s.deps.Budget}
	_ = d.End(ctx, r, outcome) // a run that changed in the meantime ends at the next tick
}

// front turns a request into the gateway's event, and the function's result into the answer, within
// the gateway's limits.
func front(w http.ResponseWriter, r *http.Request, handle func(context.Context, events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error)) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, local.MaxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge), base64.StdEncoding.EncodedLen(len(body)) > local.MaxPayload:
		e := errcode.New(errcode.RequestTooLarge).With("uploadsUrl", api.Base+"/speech/uploads")
		w.Header().Set("X-Request-Id", rand.Text())
		api.Refuse(w, e, "", time.Now())
		return
	case err != nil:
		panic(http.ErrAbortHandler)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	e := events.APIGatewayProxyRequest{HTTPMethod: r.Method, Path: r.URL.EscapedPath(), MultiValueHeaders: r.Header, MultiValueQueryStringParameters: r.URL.Query(), Body: string(body)}
	e.RequestContext.Identity.SourceIP = host
	e.RequestContext.RequestID = rand.Text()
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == "multipart/form-data" {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	a, err := handle(r.Context(), e)
	if err != nil {
		panic(err) // the adapter has none
	}
	maps.Copy(w.Header(), a.MultiValueHeaders)
	w.WriteHeader(a.StatusCode)
	_, _ = io.Copy(w, strings.NewReader(a.Body)) // the client is gone
}

// presigner issues forms that nobody posts.
type presigner struct{}

func (presigner) PresignPost(_ context.Context, key, contentType string, _ int64, _ time.Duration) (string, map[string]string, error) {
	return "https://bucket.example/", map[string]string{"key": key, "Content-Type": contentType}, nil
}
