package gateway_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"parley/infra/measure/corpus"
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
)

// root is the repository's folder.
func root(t testing.TB) string {
	t.Helper()
	dir, err := corpus.Root()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func recorded(t testing.TB, name string) events.APIGatewayProxyRequest {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root(t), "events", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var e events.APIGatewayProxyRequest
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// prober treats any FLAC file as 200 s long.
type prober struct{}

func (prober) Probe(_ context.Context, path string) (audio.Info, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return audio.Info{}, err
	}
	if !bytes.HasPrefix(raw, []byte("fLaC")) {
		return audio.Info{}, errcode.New(errcode.UnsupportedFormat)
	}
	return audio.Info{DurationMs: 200_000, Format: "flac"}, nil
}

type presigner struct{}

func (presigner) PresignPost(context.Context, string, string, int64, time.Duration) (string, map[string]string, error) {
	return "https://bucket.test/", map[string]string{"policy": "x"}, nil
}

// front returns everything that the recorded events need: the client whose key they have, with
// credits, and the run that they poll.
func front(t testing.TB) (api.Deps, *bytes.Buffer) {
	t.Helper()
	now := time.Date(2026, 4, 21, 12, 34, 56, 789e6, time.UTC)
	store, log := memory.New(), &bytes.Buffer{}
	secret, err := account.NewSecret(bytes.NewReader(make([]byte, 64)))
	if err != nil {
		t.Fatal(err)
	}
	c := account.Client{ID: "cli_" + account.ID(strings.Repeat("a", 20)), Active: true, ConcurrentRuns: 8, Permissions: []account.Permission{account.PermissionSpeech}}
	k := account.Remember("key_"+account.KeyID(strings.Repeat("a", 20)), c.ID, secret, now)
	k.IPs = []string{"203.0.113.0/24"}
	ctx := t.Context()
	for _, err := range []error{
		store.PutClient(ctx, c), store.PutKey(ctx, k), store.SetReady(ctx, run.Readiness{At: now, Parts: map[string]string{"accent": ""}}),
		second(store.Grant(ctx, c.ID, 10, "", now)),
		third(store.Submit(ctx, run.Submission{Run: run.Run{ID: "req_" + run.ID(strings.Repeat("a", 26)), Client: c.ID, Key: k.ID, Attempt: 1, CreatedAt: now, Cost: 4,
			Request: run.Request{Asked: speech.Request{Language: "en"}.Document(), Tags: []string{"berlin"}},
			Length:  4 * time.Minute, Material: speech.File{Format: "mp3", SizeBytes: 1}.Document()},
			Terms: speech.Service.Terms(0, 8, pipeline.Budget(0))}, now)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return api.Deps{Service: speech.Service, Runs: store, Limits: store, Accounts: store, Clock: clock.At(now), Random: rand.Reader, Log: slog.New(slog.NewJSONHandler(log, nil)),
		Objects: &memory.Objects{}, Sender: &memory.Queue{}, Prober: prober{}, Presigner: presigner{}, Secrets: store, Budget: pipeline.Budget(0), PollEvery: 10 * time.Second, TempDir: t.TempDir()}, log
}

func second[A any](_ A, err error) error        { return err }
func third[A, B any](_ A, _ B, err error) error { return err }

// Ensure that each function answers the event that was recorded for it.
func TestRecordedEvents(t *testing.T) {
	for name, want := range map[string]struct {
		function func(api.Deps) http.Handler
		status   int
		body     string // a part of it
	}{
		"submit":  {api.Submit, 202, `"externalId":"candidate-4711"`},
		"poll":    {api.Poll, 200, `"stage":"ingest"`},
		"erase":   {api.Erase, 409, `"code":"RUN_NOT_TERMINAL"`},
		"runs":    {api.Runs, 200, `"id":"req_aaaaaaaaaaaaaaaaaaaaaaaaaa"`},
		"credits": {api.Credits, 200, `"available":6`},
		"uploads": {api.Uploads, 201, `"uploadId":"upl_`},
		"health":  {api.Health, 200, `"status":"ready"`},
		"docs":    {api.Docs, 200, `"openapi": "3.1.0"`},
		"report":  {api.Report, 201, `"url":"https://abc123def4.execute-api.eu-central-1.amazonaws.com/prod/api/v1/reports/`},
		"page":    {api.Page, 404, `<h1>There is no report here</h1>`},
	} {
		t.Run(name, func(t *testing.T) {
			deps, log := front(t)
			e := recorded(t, name)
			a, err := gateway.Handler(want.function(deps))(t.Context(), e)
			if err != nil || a.StatusCode != want.status || a.IsBase64Encoded || !strings.Contains(a.Body, want.body) {
				t.Fatalf("got %d %s, %v", a.StatusCode, a.Body, err)
			}
			if id := http.Header(a.MultiValueHeaders).Get("X-Request-Id"); !run.ID(id).Valid() {
				t.Errorf("headers %v", a.MultiValueHeaders)
			}
			if !strings.Contains(log.String(), `"gateway":"`+e.RequestContext.RequestID+`"`) {
				t.Errorf("the gateway's id is not in %s", log)
			}
		})
	}
}

// Ensure that links are on the address at which the gateway was reached, with its stage or without
// one on a domain of its own, and that no header of the client's changes it.
func TestAddress(t *testing.T) {
	for want, change := range map[string]func(*events.APIGatewayProxyRequest){
		"https://abc123def4.execute-api.eu-central-1.amazonaws.com/prod": func(e *events.APIGatewayProxyRequest) {
			e.MultiValueHeaders["X-Gateway-Url"] = []string{"https://evil.test"}
			e.MultiValueHeaders["Host"] = []string{"evil.test"}
		},
		"https://parley.test": func(e *events.APIGatewayProxyRequest) {
			e.RequestContext.DomainName, e.RequestContext.Path = "parley.test", e.Path
		},
		"https://parley.test/speaking": func(e *events.APIGatewayProxyRequest) {
			e.RequestContext.DomainName, e.RequestContext.Path = "parley.test", "/speaking"+e.Path
		},
		"": func(e *events.APIGatewayProxyRequest) {
			e.RequestContext.DomainName = ""
			e.MultiValueHeaders["X-Gateway-Url"] = []string{"https://evil.test"}
		},
	} {
		e := recorded(t, "report")
		change(&e)
		if got := gateway.Request(t.Context(), e).Header.Get(api.GatewayURLHeader); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// healthURL finds the example of the health check in the page of the documentation.
var healthURL = regexp.MustCompile(`&#34;([^ ;]*)/health&#34;`)

// addresses are the addresses that the API hands out.
type addresses struct {
	poll, credits, server, docs, report string
}

// handedOut makes the calls that hand out addresses, through the gateway.
func handedOut(t *testing.T, deps api.Deps, change func(*events.APIGatewayProxyRequest)) addresses {
	t.Helper()
	ask := func(event string, function func(api.Deps) http.Handler, path string) events.APIGatewayProxyResponse {
		e := recorded(t, event)
		if path != "" {
			e.RequestContext.Path = strings.TrimSuffix(e.RequestContext.Path, e.Path) + path
			e.Path = path
		}
		change(&e)
		a, err := gateway.Handler(function(deps))(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	between := func(s, before, after string) string {
		_, s, ok := strings.Cut(s, before)
		s, _, end := strings.Cut(s, after)
		if !ok || !end {
			t.Fatalf("nothing between %q and %q", before, after)
		}
		return s
	}
	submitted := ask("submit", api.Submit, "")
	if submitted.StatusCode != http.StatusAccepted {
		t.Fatalf("%d %s", submitted.StatusCode, submitted.Body)
	}
	// What is left of the 10 credits pays for no other run.
	again := change
	change = func(e *events.APIGatewayProxyRequest) {
		again(e)
		delete(e.MultiValueHeaders, "Idempotency-Key")
	}
	refused := ask("submit", api.Submit, "")
	return addresses{
		poll:    http.Header(submitted.MultiValueHeaders).Get("Location"),
		credits: between(refused.Body, "see GET ", "."+`"`),
		server: between(ask("docs", api.Docs, "").Body, `"servers": [
    {
      "url": "`, `"`),
		docs:   healthURL.FindStringSubmatch(ask("docs", api.Docs, "/api/v1/docs").Body)[1],
		report: between(ask("report", api.Report, "").Body, `"url":"`, "/reports/"),
	}
}

// Ensure that every address that the API hands out leads back to it: behind a stage, on a custom
// domain with and without a path, and where a call did not come by the custom domain.
func TestEveryAddressLeadsBack(t *testing.T) {
	const stage = "https://abc123def4.execute-api.eu-central-1.amazonaws.com/prod"
	by := func(domain, prefix string) func(*events.APIGatewayProxyRequest) {
		return func(e *events.APIGatewayProxyRequest) {
			e.RequestContext.DomainName, e.RequestContext.Path = domain, prefix+e.Path
		}
	}
	for _, c := range []struct {
		name, base string
		change     func(*events.APIGatewayProxyRequest)
		reference  string // what stands before Base for the client itself
		absolute   string // and for others
	}{
		{"a stage", "", func(*events.APIGatewayProxyRequest) {}, "/prod", stage},
		{"a custom domain", "https://api.acme.test", by("api.acme.test", ""), "", "https://api.acme.test"},
		{"a path of a custom domain", "https://api.acme.test/speaking", by("api.acme.test", "/speaking"), "/speaking", "https://api.acme.test/speaking"},
		{"a stage beside a custom domain", "https://api.acme.test", func(*events.APIGatewayProxyRequest) {}, "https://api.acme.test", "https://api.acme.test"},
		{"a custom domain that is not configured", "", by("other.test", ""), "", "https://other.test"},
		{"a local system", "http://127.0.0.1:8080", by("", "/live"), "", "http://127.0.0.1:8080"},
	} {
		t.Run(c.name, func(t *testing.T) {
			deps, _ := front(t)
			deps.BaseURL = c.base
			got := handedOut(t, deps, c.change)
			id := got.poll[strings.LastIndex(got.poll, "/")+1:]
			want := addresses{
				poll: c.reference + "/api/v1/speech/analyze/" + id, credits: c.reference + "/api/v1/credits",
				server: c.reference + "/api/v1", docs: c.absolute + "/api/v1", report: c.absolute + "/api/v1",
			}
			if got != want || !run.ID(id).Valid() {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

// Ensure that the answer to any event fits the contract and is never an error of the function.
func TestMalformedEvents(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*events.APIGatewayProxyRequest)
		want   errcode.Code
	}{
		{"nothing", func(e *events.APIGatewayProxyRequest) { *e = events.APIGatewayProxyRequest{} }, errcode.NotFound},
		{"a path that cannot be decoded", func(e *events.APIGatewayProxyRequest) { e.Path = "/api/v1/%zz" }, errcode.NotFound},
		{"a path with a line break", func(e *events.APIGatewayProxyRequest) { e.Path = "/api/v1/\n" }, errcode.NotFound},
		{"a method of no letters", func(e *events.APIGatewayProxyRequest) { e.HTTPMethod = "" }, errcode.MethodNotAllowed},
		{"no headers", func(e *events.APIGatewayProxyRequest) { e.Headers, e.MultiValueHeaders = nil, nil }, errcode.MissingAPIKey},
		{"a body that is not base64", func(e *events.APIGatewayProxyRequest) { e.Body = "!" + e.Body }, errcode.InvalidParameters},
		{"a body cut short", func(e *events.APIGatewayProxyRequest) { e.Body = e.Body[:len(e.Body)/8*4] }, errcode.InvalidParameters},
		{"no body", func(e *events.APIGatewayProxyRequest) { e.Body = "" }, errcode.MissingAudioFile},
		{"no source address", func(e *events.APIGatewayProxyRequest) { e.RequestContext.Identity.SourceIP = "" }, errcode.IPNotAllowed},
		{"another source address than its X-Forwarded-For", func(e *events.APIGatewayProxyRequest) { e.RequestContext.Identity.SourceIP = "198.51.100.1" }, errcode.IPNotAllowed},
	} {
		t.Run(c.name, func(t *testing.T) {
			deps, _ := front(t)
			e := recorded(t, "submit")
			c.change(&e)
			a, err := gateway.Handler(api.Submit(deps))(t.Context(), e)
			var body api.Envelope
			if err != nil || json.Unmarshal([]byte(a.Body), &body) != nil || body.Error.Code != c.want {
				t.Errorf("got %d %s, %v; want %s", a.StatusCode, a.Body, err, c.want)
			}
		})
	}
}

// Ensure that an event becomes the request that the client sent.
func TestRequest(t *testing.T) {
	body := []byte{0, 1, 0xff, '\r', '\n', 0x80}
	for _, n := range []int{len(body), 5, 4, 0} { // with and without padding
		e := events.APIGatewayProxyRequest{
			HTTPMethod: "post", Path: "/a%20b", Body: base64.StdEncoding.EncodeToString(body[:n]), IsBase64Encoded: true,
			Headers: map[string]string{"X-One": "2"}, MultiValueHeaders: map[string][]string{"x-one": {"1", "2"}, "host": {"example.com"}, "x-gateway-request-id": {"forged"}},
			QueryStringParameters: map[string]string{"t": "b&c"}, MultiValueQueryStringParameters: map[string][]string{"t": {"a+", "b&c"}},
			RequestContext: events.APIGatewayProxyRequestContext{RequestID: "real", Identity: events.APIGatewayRequestIdentity{SourceIP: "2001:db8::1"}},
		}
		r := gateway.Request(t.Context(), e)
		got, err := io.ReadAll(r.Body)
		if err != nil || !bytes.Equal(got, body[:n]) || r.ContentLength != int64(n) {
			t.Errorf("body %v of %d, %v", got, r.ContentLength, err)
		}
		if r.Method != http.MethodPost || r.URL.Path != "/a b" || r.Host != "example.com" || r.RemoteAddr != "[2001:db8::1]:0" || r.Header.Get(api.GatewayIDHeader) != "real" {
			t.Errorf("request %+v", r)
		}
		if v := r.Header.Values("X-One"); !reflect.DeepEqual(v, []string{"1", "2"}) {
			t.Errorf("header %v", v)
		}
		if v := r.URL.Query()["t"]; !reflect.DeepEqual(v, []string{"a+", "b&c"}) {
			t.Errorf("query %v", v)
		}
	}
	r := gateway.Request(t.Context(), events.APIGatewayProxyRequest{Headers: map[string]string{"x-one": "1"}, QueryStringParameters: map[string]string{"t": "a"}, Body: "plain"})
	if got, err := io.ReadAll(r.Body); err != nil || string(got) != "plain" || r.Header.Get("X-One") != "1" || r.URL.Query().Get("t") != "a" || r.URL.Path != "/" {
		t.Errorf("single values: %+v, %q, %v", r, got, err)
	}
}

// Ensure that an answer is passed on completely: its status, each value of a header, and bytes that
// are not text.
func TestAnswer(t *testing.T) {
	for _, c := range []struct {
		name  string
		serve http.HandlerFunc
		want  events.APIGatewayProxyResponse
	}{
		{"text", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add("X-One", "1")
			w.Header().Add("X-One", "2")
			w.WriteHeader(http.StatusCreated)
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, "é")
		}, events.APIGatewayProxyResponse{StatusCode: http.StatusCreated, MultiValueHeaders: map[string][]string{"X-One": {"1", "2"}}, Body: "é"}},
		{"bytes", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte{0xff}) }, events.APIGatewayProxyResponse{StatusCode: http.StatusOK, MultiValueHeaders: map[string][]string{}, Body: "/w==", IsBase64Encoded: true}},
		{"nothing", func(http.ResponseWriter, *http.Request) {}, events.APIGatewayProxyResponse{StatusCode: http.StatusOK, MultiValueHeaders: map[string][]string{}}},
	} {
		a, err := gateway.Handler(c.serve)(t.Context(), events.APIGatewayProxyRequest{})
		if err != nil || !reflect.DeepEqual(a, c.want) {
			t.Errorf("%s: got %+v, %v", c.name, a, err)
		}
	}
}

// Ensure that a handler can read a request from any event, and that its answer fits the contract.
func FuzzEvent(f *testing.F) {
	for _, name := range []string{"submit", "poll", "erase", "runs", "credits", "uploads", "health", "docs"} {
		raw, err := json.Marshal(recorded(f, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"path":"/api/v1/%zz","httpMethod":"get","body":"!","isBase64Encoded":true}`))
	f.Add([]byte(`{"path":"/api/v1/health","httpMethod":"GET","queryStringParameters":{"a":"\ud800"},"multiValueHeaders":{"\r\n":["\r\n"]}}`))
	deps, log := front(f)
	deps.Random = &endless{}
	handle := gateway.Handler(api.All(deps))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var e events.APIGatewayProxyRequest
		if json.Unmarshal(raw, &e) != nil {
			return
		}
		log.Reset()
		a, err := handle(t.Context(), e)
		if err != nil || a.StatusCode < 200 || a.StatusCode > 499 {
			t.Fatalf("answered %d %s, %v; logged %s", a.StatusCode, a.Body, err, log)
		}
		var body api.Envelope
		if a.StatusCode >= 400 {
			if err := json.Unmarshal([]byte(a.Body), &body); err != nil {
				t.Fatalf("no envelope: %s", a.Body)
			}
			if entry, ok := errcode.Lookup(body.Error.Code); !ok || entry.Status != a.StatusCode {
				t.Errorf("%d %s", a.StatusCode, a.Body)
			}
		}
		for name, values := range a.MultiValueHeaders {
			for _, v := range values {
				if strings.ContainsAny(name+v, "\r\n\x00") {
					t.Errorf("header %q: %q", name, v)
				}
			}
		}
	})
}

// endless is a source of randomness for fuzzing with many thousand calls: its bytes are never the
// same.
type endless struct{ n uint64 }

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		e.n = e.n*6364136223846793005 + 1442695040888963407
		b[i] = byte(e.n >> 56)
	}
	return len(b), nil
}
