package api_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/shared/api"
	"parley/shared/engine/account"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/engine/store/memory"
	"parley/shared/errcode"
)

// provoked says how to provoke each code that is an HTTP answer. Those that cannot be provoked here
// are in elsewhere.
var provoked = map[errcode.Code]func(h *house) reply{
	errcode.MissingAudioFile:         func(h *house) reply { return h.submit() },
	errcode.UnsupportedFormat:        func(h *house) reply { return h.submit(audio("x")) },
	errcode.AudioTooShort:            func(h *house) reply { return h.submit(audio("wav 179999")) },
	errcode.AudioTooLong:             func(h *house) reply { return h.submit(audio("wav 2700001")) },
	errcode.AudioDurationUnavailable: func(h *house) reply { return h.submit(audio("wav ?")) },
	errcode.FileTooLarge:             func(h *house) reply { return h.submit(audio(strings.Repeat("x", 26_214_401))) },
	errcode.InvalidLanguageCode:      func(h *house) reply { return h.submit(part{name: "language", value: "xx"}) },
	errcode.InvalidExternalID:        func(h *house) reply { return h.submit(part{name: "externalId"}) },
	errcode.InvalidMetadata:          func(h *house) reply { return h.submit(part{name: "metadata", value: "x"}) },
	errcode.InvalidStatus:            func(h *house) reply { return h.get("/runs?status=x") },
	errcode.InvalidServiceType:       func(h *house) reply { return h.get("/runs?serviceType=x") },
	errcode.InvalidDate:              func(h *house) reply { return h.get("/runs?createdAfter=x") },
	errcode.InvalidParameters:        func(h *house) reply { return h.submit(part{name: "cutSettings", value: "x"}) },
	errcode.InvalidTags:              func(h *house) reply { return h.submit(part{name: "tags"}) },
	errcode.InvalidLimit:             func(h *house) reply { return h.get("/runs?limit=0") },
	errcode.InvalidCursor:            func(h *house) reply { return h.get("/runs?cursor=x") },
	errcode.InvalidWebhookURL:        func(h *house) reply { return h.submit(part{name: "webhookUrl", value: "x"}) },
	errcode.UploadNotFound:           func(h *house) reply { return h.submit(part{name: "uploadId", value: "x"}) },
	errcode.MissingAPIKey:            func(h *house) reply { h.secret = ""; return h.get("/runs") },
	errcode.InvalidAPIKey:            func(h *house) reply { h.secret = "x"; return h.get("/runs") },
	errcode.APIKeyExpired: func(h *house) reply {
		_, _, h.secret = h.newClient(func(_ *account.Client, k *account.Key) { k.ExpiresAt = ptr(start) })
		return h.get("/runs")
	},
	errcode.ClientInactive: func(h *house) reply {
		_, _, h.secret = h.newClient(func(c *account.Client, _ *account.Key) { c.Active = false })
		return h.get("/runs")
	},
	errcode.InsufficientCredits:    func(h *house) reply { _, _, h.secret = h.newClient(nil); return h.submit(audio(fourMinutes)) },
	errcode.MultilingualNotEnabled: func(h *house) reply { return h.submit(audio(fourMinutes), part{name: "language", value: "fr"}) },
	errcode.IPNotAllowed: func(h *house) reply {
		_, _, h.secret = h.newClient(func(_ *account.Client, k *account.Key) { k.IPs = []string{"10.0.0.0/8"} })
		return h.get("/runs")
	},
	errcode.MissingPermission: func(h *house) reply {
		_, _, h.secret = h.newClient(func(c *account.Client, _ *account.Key) { c.Permissions = nil })
		return h.get("/runs")
	},
	errcode.RequestNotFound:      func(h *house) reply { return h.get("/speech/analyze/x") },
	errcode.NotFound:             func(h *house) reply { return h.get("/speech") },
	errcode.MethodNotAllowed:     func(h *house) reply { return h.do(h.request(http.MethodPut, api.Base+"/runs", nil)) },
	errcode.IdempotencyKeyReused: func(h *house) reply { h.keyed("k", audio("wav 190000")); return h.keyed("k", audio(fourMinutes)) },
	errcode.IdempotencyInProgress: func(h *house) (second reply) {
		h.objects.onPut = func() { h.objects.onPut = nil; second = h.keyed("k", audio(fourMinutes)) }
		h.keyed("k", audio(fourMinutes))
		return second
	},
	errcode.RateLimitExceeded: func(h *house) reply {
		_, _, h.secret = h.newClient(func(_ *account.Client, k *account.Key) { k.Rate = 1 })
		h.submit()
		return h.submit()
	},
	errcode.PollRateLimited: func(h *house) reply {
		id := h.accept()
		h.get("/speech/analyze/" + string(id))
		return h.get("/speech/analyze/" + string(id))
	},
	errcode.RunNotTerminal:   func(h *house) reply { return h.erase(h.accept()) },
	errcode.ServiceWarmingUp: func(h *house) reply { h.ready(false); return h.submit(audio(fourMinutes)) },
	errcode.InternalError:    func(h *house) reply { return h.submit(audio("panic now")) },
}

var elsewhere = []errcode.Code{
	errcode.RequestTooLarge, // the gateway answers it, before any function
}

// middleware lists the codes of requests that do not reach their handler.
var middleware = []errcode.Code{errcode.MissingAPIKey, errcode.InvalidAPIKey, errcode.APIKeyExpired, errcode.ClientInactive, errcode.IPNotAllowed, errcode.MissingPermission, errcode.RateLimitExceeded, errcode.NotFound, errcode.MethodNotAllowed}

// Ensure that every code of the table is either provoked here or listed in elsewhere, and that it
// is answered with its status, its message and the envelope of the contract.
func TestEveryCode(t *testing.T) {
	iso := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)
	for _, e := range errcode.Table {
		if e.Status == 0 || slices.Contains(elsewhere, e.Code) {
			continue
		}
		t.Run(string(e.Code), func(t *testing.T) {
			provoke := provoked[e.Code]
			if provoke == nil {
				t.Fatal("nothing provokes it")
			}
			h := newHouse(t)
			r := provoke(h)
			r.is(e.Code)
			if m, _ := r.at("error.message").(string); m == "" {
				t.Error("it has no message")
			}
			if ts, _ := r.at("error.timestamp").(string); !iso.MatchString(ts) {
				t.Errorf("timestamp %q", ts)
			}
			id := r.header.Get("X-Request-Id")
			if !run.ID(id).Valid() {
				t.Errorf("X-Request-Id %q", id)
			}
			if got, there := r.at("error").(map[string]any)["requestId"]; slices.Contains(middleware, e.Code) && there || !slices.Contains(middleware, e.Code) && got != id {
				t.Errorf("requestId %v, X-Request-Id %s", got, id)
			}
			retry, there := r.at("error.retryAfterSeconds").(float64)
			if (e.Status == 429 || e.Status == 503) && (retry < 1 || r.header.Get("Retry-After") == "") || there != (r.header.Get("Retry-After") != "") {
				t.Errorf("retryAfterSeconds %v, Retry-After %q", retry, r.header.Get("Retry-After"))
			}
			if r.header.Get("Content-Type") != "application/json" || r.header.Get("Cache-Control") != "no-store" {
				t.Errorf("headers %v", r.header)
			}
			for k := range r.at("error").(map[string]any) {
				if !slices.Contains([]string{"code", "message", "timestamp", "requestId", "retryAfterSeconds", "details"}, k) {
					t.Errorf("the envelope holds %s", k)
				}
			}
		})
	}
}

// Ensure that the key is read from either header, and that a malformed key is refused without a
// table read.
func TestKey(t *testing.T) {
	h := newHouse(t)
	_, _, unknown := h.newClient(func(_ *account.Client, k *account.Key) { k.Hash = strings.Repeat("0", 64) })
	revoked, kr, secret := h.newClient(nil)
	kr.Active = false
	h.must(h.store.PutKey(t.Context(), kr))
	_ = revoked
	for _, c := range []struct {
		name   string
		header http.Header
		want   errcode.Code
		reads  int
	}{
		{"no header", http.Header{}, errcode.MissingAPIKey, 0},
		{"an empty header", http.Header{"X-Api-Key": {""}}, errcode.MissingAPIKey, 0},
		{"X-API-Key", http.Header{"X-Api-Key": {h.secret}}, "", 1},
		{"a bearer token", http.Header{"Authorization": {"Bearer " + h.secret}}, "", 1},
		{"a bearer token in lower case", http.Header{"Authorization": {"bearer " + h.secret}}, "", 1},
		{"X-API-Key beside another Authorization", http.Header{"X-Api-Key": {h.secret}, "Authorization": {"Basic eDp5"}}, "", 1},
		{"another scheme", http.Header{"Authorization": {"Basic eDp5"}}, errcode.InvalidAPIKey, 0},
		{"an empty bearer token", http.Header{"Authorization": {"Bearer "}}, errcode.InvalidAPIKey, 0},
		{"a key too short", http.Header{"X-Api-Key": {h.secret[:20]}}, errcode.InvalidAPIKey, 0},
		{"a key with a letter changed", http.Header{"X-Api-Key": {h.secret[:10] + string(h.secret[11]) + string(h.secret[10]) + h.secret[12:]}}, errcode.InvalidAPIKey, 0},
		{"two keys", http.Header{"X-Api-Key": {h.secret, secret}}, errcode.InvalidAPIKey, 0},
		{"an unknown key", http.Header{"X-Api-Key": {unknown}}, errcode.InvalidAPIKey, 1},
		{"a revoked key", http.Header{"X-Api-Key": {secret}}, errcode.InvalidAPIKey, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "a key with a letter changed" && h.secret[10] == h.secret[11] {
				t.Skip("the two letters are the same")
			}
			counted := &counting{Store: h.store}
			deps := h.deps
			deps.Accounts = counted
			req := httptest.NewRequest(http.MethodGet, api.Base+"/credits", nil)
			req.Header = c.header
			r := h.through(api.All(deps), req)
			if c.want == "" {
				r.has(http.StatusOK)
			} else {
				r.is(c.want)
			}
			if counted.reads != c.reads {
				t.Errorf("%d table reads, want %d", counted.reads, c.reads)
			}
			if strings.Contains(h.log.String(), h.secret) {
				t.Error("the key is in the log")
			}
		})
	}
}

type counting struct {
	account.Store
	reads int
}

func (c *counting) KeyByHash(ctx context.Context, hash string) (account.Key, account.Client, error) {
	c.reads++
	return c.Store.KeyByHash(ctx, hash)
}

// Ensure that the caller's address is the connection's, whatever headers claim.
func TestCaller(t *testing.T) {
	h := newHouse(t)
	_, _, h.secret = h.newClient(func(_ *account.Client, k *account.Key) { k.IPs = []string{"203.0.113.0/24", "2001:db8::/32"} })
	for remote, want := range map[string]errcode.Code{
		"203.0.113.9:4711": "", "203.0.113.9": "", "[::ffff:203.0.113.9]:1": "", "[2001:db8::1]:0": "",
		"203.0.114.9:4711": errcode.IPNotAllowed, "[2001:db9::1]:0": errcode.IPNotAllowed, "": errcode.IPNotAllowed, "unknown": errcode.IPNotAllowed,
	} {
		req := h.request(http.MethodGet, api.Base+"/credits", nil)
		req.RemoteAddr = remote
		req.Header.Set("X-Forwarded-For", "203.0.113.9")
		req.Header.Set("X-Real-IP", "203.0.113.9")
		r := h.do(req)
		if want == "" {
			r.has(http.StatusOK)
			continue
		}
		r.is(want)
	}
}

// Ensure that a key's submits are counted per minute, and that every answer to a call with a key
// says how many are left.
func TestRate(t *testing.T) {
	h := newHouse(t)
	_, _, h.secret = h.newClient(func(_ *account.Client, k *account.Key) { k.Rate = 2 })
	want := func(r reply, remaining, reset string) {
		t.Helper()
		got := []string{r.header.Get("RateLimit-Limit"), r.header.Get("RateLimit-Remaining"), r.header.Get("RateLimit-Reset")}
		if !reflect.DeepEqual(got, []string{"2", remaining, reset}) {
			t.Errorf("got %v, want 2 %s %s", got, remaining, reset)
		}
	}
	want(h.submit(), "1", "4") // 12:34:56.789
	want(h.submit(), "0", "4")
	r := h.submit()
	r.is(errcode.RateLimitExceeded)
	want(r, "0", "4")
	if r.header.Get("Retry-After") != "4" {
		t.Errorf("Retry-After %s", r.header.Get("Retry-After"))
	}
	if r := h.get("/credits"); r.status != http.StatusOK || r.header.Get("RateLimit-Limit") != "2" {
		t.Errorf("a read: %d %v", r.status, r.header)
	}
	h.clock.Advance(4 * time.Second)
	want(h.submit(), "1", "60")
	if h := h.get("/health").header; h.Get("RateLimit-Limit") != "" {
		t.Errorf("without a key: %v", h)
	}
}

// Ensure that a call that is refused for what its key may do has the headers too, and that one with
// a key that is revoked tells nothing of it.
func TestRateOfRefusedCalls(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(*account.Client, *account.Key)
		want  string
	}{
		"expired":      {func(_ *account.Client, k *account.Key) { k.Rate, k.ExpiresAt = 7, &start }, "7"},
		"inactive":     {func(c *account.Client, k *account.Key) { k.Rate, c.Active = 7, false }, "7"},
		"of elsewhere": {func(_ *account.Client, k *account.Key) { k.Rate, k.IPs = 7, []string{"203.0.113.1"} }, "7"},
		"revoked":      {func(_ *account.Client, k *account.Key) { k.Rate, k.Active = 7, false }, ""},
	} {
		h := newHouse(t)
		_, _, h.secret = h.newClient(tt.spoil)
		r := h.get("/credits")
		if got := []string{r.header.Get("RateLimit-Limit"), r.header.Get("RateLimit-Remaining")}; r.status < 400 || !reflect.DeepEqual(got, []string{tt.want, tt.want}) {
			t.Errorf("%s: %d %v", name, r.status, r.header)
		}
	}
}

// Ensure that a read says how many submits are left, and does not count as one.
func TestRateOfReads(t *testing.T) {
	h := newHouse(t)
	h.submit()
	for range 2 {
		if r := h.get("/credits"); r.header.Get("RateLimit-Remaining") != "499" {
			t.Errorf("got %v: %s", r.header, r.raw)
		}
	}
}

// Ensure that a path must match completely and accepts only its own methods, and that this is
// checked before the key.
func TestPaths(t *testing.T) {
	h := newHouse(t)
	h.secret = ""
	for _, c := range []struct {
		method, path string
		want         errcode.Code
		allow        string
	}{
		{"GET", "/", errcode.NotFound, ""}, {"GET", "/api/v1", errcode.NotFound, ""}, {"GET", "/api/v1/runs/", errcode.NotFound, ""}, {"GET", "/api/v1//runs", errcode.NotFound, ""},
		{"GET", "/api/v1/../v1/runs", errcode.NotFound, ""}, {"GET", "/api/v1/speech/analyze/", errcode.NotFound, ""}, {"GET", "/api/v1/speech/analyze/a/b", errcode.NotFound, ""}, {"GET", "/runs", errcode.NotFound, ""},
		{"GET", "/api/v1/speech/analyze", errcode.MethodNotAllowed, "POST"}, {"POST", "/api/v1/speech/analyze/x", errcode.MethodNotAllowed, "GET, DELETE"}, {"DELETE", "/api/v1/runs", errcode.MethodNotAllowed, "GET"},
		{"HEAD", "/api/v1/health", errcode.MethodNotAllowed, "GET"}, {"GET", "/api/v1/speech/uploads", errcode.MethodNotAllowed, "POST"},
		{"GET", "/api/v1/runs", errcode.MissingAPIKey, ""},
	} {
		r := h.do(httptest.NewRequest(c.method, c.path, nil))
		r.is(c.want)
		if r.header.Get("Allow") != c.allow {
			t.Errorf("%s %s: Allow %q", c.method, c.path, r.header.Get("Allow"))
		}
	}
}

// Ensure that each function serves only its own calls.
func TestFunctions(t *testing.T) {
	h := newHouse(t)
	paths := []string{"POST /speech/analyze", "GET /speech/analyze/x", "GET /runs", "GET /speech/runs", "GET /credits", "GET /credits/transactions", "POST /speech/uploads", "GET /health"}
	for i, f := range []struct {
		handler http.Handler
		serves  []string
	}{
		{api.Submit(h.deps), paths[0:1]}, {api.Poll(h.deps), paths[1:2]}, {api.Runs(h.deps), paths[2:4]}, {api.Credits(h.deps), paths[4:6]}, {api.Uploads(h.deps), paths[6:7]}, {api.Health(h.deps), paths[7:8]}, {api.All(h.deps), paths},
	} {
		for _, p := range paths {
			method, path, _ := strings.Cut(p, " ")
			r := h.through(f.handler, h.request(method, api.Base+path, nil))
			if unknown := r.code() == errcode.NotFound; unknown == slices.Contains(f.serves, p) {
				t.Errorf("function %d answers %s with %d %s", i, p, r.status, r.raw)
			}
		}
	}
}

// Ensure that an unexpected error is answered as INTERNAL_ERROR, logged in full, and never shown.
func TestUnforeseen(t *testing.T) {
	for _, content := range []string{"panic now", "fault now"} {
		h := newHouse(t)
		r := h.submit(audio(content))
		r.is(errcode.InternalError)
		id := r.header.Get("X-Request-Id")
		if strings.Contains(r.raw, "secret") || !strings.Contains(h.log.String(), "the prober's own secret") || !strings.Contains(h.log.String(), id) {
			t.Errorf("%s: answered %s, logged %s", content, r.raw, h.log)
		}
		h.nothingLeft()
	}
	h := newHouse(t)
	h.deps.Random = broken{}
	h.get("/health").is(errcode.InternalError)
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("no randomness") }

// Ensure that a request leaves one line in the log, with its ids and without the client's data.
func TestLog(t *testing.T) {
	h := newHouse(t)
	req := h.submission(audio(fourMinutes), part{name: "externalId", value: "Jane"}, part{name: "webhookUrl", value: "https://example.com/token"})
	req.Header.Set("X-Gateway-Request-Id", "c6af9ac6")
	r := h.do(req)
	log := h.log.String()
	for _, want := range []string{`"msg":"request"`, `"route":"/speech/analyze"`, `"status":202`, `"gateway":"c6af9ac6"`, r.header.Get("X-Request-Id"), string(h.client.ID), string(h.key.ID), `"msg":"run accepted"`} {
		if !strings.Contains(log, want) {
			t.Errorf("%s is not in %s", want, log)
		}
	}
	for _, never := range []string{h.secret, "Jane", "token", fourMinutes} {
		if strings.Contains(log, never) {
			t.Errorf("%s is in %s", never, log)
		}
	}
}

// Ensure that the readiness is answered without a key, for each part and without reasons, and that
// no record means not ready.
func TestHealth(t *testing.T) {
	h := newHouse(t)
	h.secret = ""
	found := func(r run.Readiness) {
		store := memory.New()
		if h.deps.Limits = store; !r.At.IsZero() {
			h.must(store.SetReady(t.Context(), r))
		}
	}
	for _, tc := range []struct {
		name      string
		why       run.Readiness
		checkedAt any
		parts     map[string]any
	}{
		{"never probed", run.Readiness{}, nil, map[string]any{}},
		{"a part is not", run.Readiness{At: start, Parts: map[string]string{"accent": "", "fluency": "no file /opt/x"}}, "2026-04-21T12:34:56.789Z", map[string]any{"accent": "ready", "fluency": "warming_up"}},
	} {
		found(tc.why)
		r := h.get("/health")
		r.is(errcode.ServiceWarmingUp)
		if want := map[string]any{"parts": tc.parts, "checkedAt": tc.checkedAt}; !reflect.DeepEqual(r.at("error.details"), want) || r.at("error.requestId") == nil {
			t.Errorf("%s: got %s", tc.name, r.raw)
		}
		if r.header.Get("Retry-After") != "30" || r.at("error.retryAfterSeconds") != 30.0 {
			t.Errorf("%s: Retry-After %q in %s", tc.name, r.header.Get("Retry-After"), r.raw)
		}
	}
	// Even if that was long ago.
	found(run.Readiness{At: start.Add(-24 * time.Hour), Parts: map[string]string{"accent": ""}})
	r := h.get("/health")
	r.has(http.StatusOK)
	want := map[string]any{"status": "ready", "timestamp": "2026-04-21T12:34:56.789Z", "checkedAt": "2026-04-20T12:34:56.789Z", "parts": map[string]any{"accent": "ready"}}
	if !reflect.DeepEqual(r.body, want) {
		t.Errorf("got %s", r.raw)
	}
	h.deps.Limits = h.store
	h.ready(false)
	_, _, h.secret = h.newClient(nil)
	h.submit(audio(fourMinutes)).is(errcode.ServiceWarmingUp)
}

func (h *house) askUpload(body string) reply {
	h.t.Helper()
	return h.do(h.request(http.MethodPost, api.Base+"/speech/uploads", strings.NewReader(body)))
}

// Ensure that an upload is allowed for one object of the client's own, within the size of a
// recording.
func TestUploads(t *testing.T) {
	h := newHouse(t)
	r := h.askUpload(`{"sizeBytes":26214400,"contentType":"audio/mpeg"}`)
	r.has(http.StatusCreated)
	id, _ := r.at("uploadId").(string)
	want := map[string]any{"uploadId": id, "url": "https://bucket.test/", "fields": map[string]any{"key": "upload/" + string(h.client.ID) + "/" + id, "max": "26214400", "Content-Type": "audio/mpeg"}, "expiresAt": "2026-04-21T13:34:56.789Z"}
	if !reflect.DeepEqual(r.body, want) || len(id) != 30 || !strings.HasPrefix(id, "upl_") {
		t.Errorf("got %s", r.raw)
	}
	for body, want := range map[string]string{
		`{"sizeBytes":1}`: "application/octet-stream", `{"sizeBytes":1,"contentType":"audio/webm;codecs=opus"}`: "audio/webm;codecs=opus",
	} {
		if got := h.askUpload(body).at("fields.Content-Type"); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
	for body, want := range map[string]errcode.Code{
		`{"sizeBytes":1}`: "", `{"sizeBytes":12000000.0}`: "", `{"sizeBytes":0}`: errcode.InvalidParameters, `{"sizeBytes":26214401}`: errcode.FileTooLarge, `{"sizeBytes":"5"}`: errcode.InvalidParameters, `{"sizeBytes":1.5}`: errcode.InvalidParameters,
		`{}`: errcode.InvalidParameters, ``: errcode.InvalidParameters, `null`: errcode.InvalidParameters, `[1]`: errcode.InvalidParameters, `{"sizeBytes":5,"contentType":5}`: errcode.InvalidParameters, `{"sizeBytes":5,"contentType":"audio"}`: errcode.InvalidParameters,
		`{"sizeBytes":5,"name":"x"}`: errcode.InvalidParameters, `{"sizeBytes":5,"sizeBytes":6}`: errcode.InvalidParameters, `{"SizeBytes":5}`: errcode.InvalidParameters, `{"sizeBytes":5}{}`: errcode.InvalidParameters, `{"sizeBytes":null}`: errcode.InvalidParameters, `{"sizeBytes":5,"contentType":"audio/webm; codecs=\"opus\""}`: "", `{"sizeBytes":5,"contentType":"audio/webm;codecs=opus"}`: "", `{"sizeBytes":5,"contentType":"audio/*"}`: errcode.InvalidParameters, `{"sizeBytes":5,"contentType":"audio/webm\n"}`: errcode.InvalidParameters,
		`{"sizeBytes":5` + strings.Repeat(" ", 4096) + `}`: errcode.InvalidParameters,
	} {
		r := h.askUpload(body)
		if want == "" {
			r.has(http.StatusCreated)
			continue
		}
		r.is(want)
	}
}

// Ensure that an uploaded recording is checked like an inline one, with the same codes, and that
// only its own client can submit it.
func TestSubmitUpload(t *testing.T) {
	for _, c := range []struct {
		name, content string
		want          errcode.Code
	}{
		{"4 minutes", fourMinutes, ""}, {"nothing", "", errcode.UnsupportedFormat}, {"no audio", "x", errcode.UnsupportedFormat}, {"2 minutes", "wav 120000", errcode.AudioTooShort},
		{"25 MB", fourMinutes + strings.Repeat(" ", 26_214_400-len(fourMinutes)), ""}, {"25 MB and a byte", strings.Repeat("x", 26_214_401), errcode.FileTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			id := h.askUpload(`{"sizeBytes":1}`).at("uploadId").(string)
			name := part{name: "uploadId", value: id}
			h.submit(name).is(errcode.UploadNotFound)
			h.must(h.objects.Objects.Put(t.Context(), pipeline.UploadPrefix+string(h.client.ID)+"/"+id, "", strings.NewReader(c.content), int64(len(c.content))))
			own := h.secret
			_, _, h.secret = h.newClient(nil)
			h.submit(name).is(errcode.UploadNotFound)
			h.secret = own
			h.submit(name, audio(fourMinutes)).is(errcode.InvalidParameters)
			r := h.submit(name)
			if c.want != "" {
				r.is(c.want)
				h.nothingLeft()
				return
			}
			r.has(http.StatusAccepted)
			body, _, err := h.objects.Get(t.Context(), pipeline.AudioPrefix+r.at("id").(string), 0, 0)
			h.must(err)
			if got, err := io.ReadAll(body); err != nil || string(got) != c.content {
				t.Errorf("%d bytes stored, %v", len(got), err)
			}
			h.noFiles()
		})
	}
	h := newHouse(t)
	for _, id := range []string{"", "x", "../" + string(h.client.ID), "upl_" + strings.Repeat("a", 27)} {
		h.submit(part{name: "uploadId", value: id}).is(errcode.UploadNotFound)
	}
}
