package client

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
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/shared/api"
	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/engine/store/memory"
	"parley/shared/errcode"
	"parley/shared/speech"
	"parley/shared/speech/audio"
)

// service is the whole HTTP front on a socket, over the memory store, with an object store that
// accepts uploads.
type service struct {
	t       *testing.T
	clock   *clock.Manual
	store   *memory.Store
	objects *memory.Objects
	client  *Client
	account account.ID

	mu sync.Mutex
	// before may answer instead of the service. It returns true if it did.
	before func(w http.ResponseWriter, r *http.Request) bool
	seen   []string // method and path of every request
	keys   []string // X-API-Key of every request to the object store
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{t: t, clock: clock.At(time.Date(2026, 4, 21, 12, 0, 0, 0, time.UTC)), store: memory.New(), objects: &memory.Objects{}}
	var front http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen = append(s.seen, r.Method+" "+r.URL.Path)
		before := s.before
		s.mu.Unlock()
		switch {
		case before != nil && before(w, r):
		case r.URL.Path == "/bucket":
			s.bucket(w, r)
		default:
			front.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	secret, err := account.NewSecret(rand.Reader)
	s.must(err)
	s.account = "cli_aaaaaaaaaaaaaaaaaaaa"
	s.must(s.store.PutClient(t.Context(), account.Client{ID: s.account, Active: true, ConcurrentRuns: 8, Permissions: []account.Permission{account.PermissionSpeech}}))
	s.must(s.store.PutKey(t.Context(), account.Remember("key_aaaaaaaaaaaaaaaaaaaa", s.account, secret, s.clock.Now())))
	s.must(s.store.SetReady(t.Context(), run.Readiness{At: s.clock.Now()}))
	_, err = s.store.Grant(t.Context(), s.account, 100, "", s.clock.Now())
	s.must(err)
	front = api.All(api.Deps{Service: speech.Service, Runs: s.store, Limits: s.store, Accounts: s.store, Clock: s.clock, Random: rand.Reader, Log: slog.New(slog.DiscardHandler), Objects: s.objects,
		Sender: &memory.Queue{}, Prober: prober{}, Presigner: presigner{server.URL + "/bucket"}, Secrets: s.store, Budget: pipeline.Budget(0), PollEvery: 10 * time.Second, TempDir: t.TempDir()})
	s.client, err = New(server.URL, secret)
	s.must(err)
	s.client.hold = func(time.Duration) time.Duration { return 0 }
	s.client.jitter = func() float64 { return 0.5 }
	s.client.wait = func(_ context.Context, d time.Duration) error { s.clock.Advance(d); return nil }
	return s
}

func (s *service) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// bucket accepts a POST as an object store does: with a known length, first the fields and then the
// file.
func (s *service) bucket(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.keys = append(s.keys, r.Header.Get("X-API-Key"))
	s.mu.Unlock()
	parts, err := r.MultipartReader()
	if err != nil || r.ContentLength < 1 {
		w.WriteHeader(http.StatusLengthRequired)
		return
	}
	key := ""
	for {
		p, err := parts.NextPart()
		if err != nil {
			break
		}
		raw, err := io.ReadAll(p)
		if err != nil {
			break
		}
		switch p.FormName() {
		case "key":
			key = string(raw)
		case "file":
			if err := s.objects.Put(r.Context(), key, "", bytes.NewReader(raw), int64(len(raw))); err == nil {
				w.WriteHeader(http.StatusNoContent)
				return
			}
		}
	}
	w.WriteHeader(http.StatusForbidden)
}

func (s *service) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.seen
	s.seen = nil
	return out
}

type prober struct{}

func (prober) Probe(_ context.Context, path string) (audio.Info, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return audio.Info{}, err
	}
	if !bytes.HasPrefix(raw, []byte("talk")) {
		return audio.Info{}, errcode.New(errcode.UnsupportedFormat)
	}
	return audio.Info{DurationMs: 240_000, Format: "wav"}, nil
}

type presigner struct{ url string }

func (p presigner) PresignPost(_ context.Context, key, contentType string, _ int64, _ time.Duration) (string, map[string]string, error) {
	return p.url, map[string]string{"key": key, "policy": "x", "Content-Type": contentType}, nil
}

func (s *service) file(content string) string {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "interview.wav")
	s.must(os.WriteFile(path, []byte(content), 0o600))
	return path
}

// Ensure that a recording is sent inline up to the limit and uploaded above it, that it arrives
// unchanged, and that the object store does not get the API key.
func TestSubmitBySize(t *testing.T) {
	inline := []string{"POST /api/v1/speech/analyze"}
	uploaded := []string{"POST /api/v1/speech/uploads", "POST /bucket", "POST /api/v1/speech/analyze"}
	for _, c := range []struct {
		name    string
		size    int
		options Options
		want    []string
	}{
		{"a small one", 4, Options{}, inline}, {"the largest inline", InlineMax, Options{}, inline}, {"a byte more", InlineMax + 1, Options{}, uploaded}, {"a small one on request", 4, Options{Upload: true}, uploaded},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newService(t)
			content := "talk" + strings.Repeat("x", c.size-4)
			a, err := s.client.Submit(t.Context(), s.file(content), c.options)
			s.must(err)
			if got := s.requests(); !reflect.DeepEqual(got, c.want) {
				t.Errorf("requests %v, want %v", got, c.want)
			}
			if a.Status != run.Processing || a.Credits.Held != 4 || a.PollIntervalSeconds != 15 || !strings.Contains(string(a.Raw), `"serviceType":"speech"`) {
				t.Errorf("accepted %+v", a)
			}
			body, _, err := s.objects.Get(t.Context(), pipeline.AudioPrefix+string(a.ID), 0, 0)
			s.must(err)
			if got, err := io.ReadAll(body); err != nil || string(got) != content {
				t.Errorf("%d bytes arrived, %v", len(got), err)
			}
			for _, k := range s.keys {
				if k != "" {
					t.Error("the object store was sent a key")
				}
			}
		})
	}
}

// Ensure that the client uploads a recording if the service refuses it inline as too large.
func TestSubmitTooLargeInline(t *testing.T) {
	s := newService(t)
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/api/v1/speech/analyze" && r.ContentLength > 1000 {
			api.Refuse(w, errcode.New(errcode.RequestTooLarge), "", s.clock.Now())
			return true
		}
		return false
	}
	a, err := s.client.Submit(t.Context(), s.file("talk"+strings.Repeat("x", 1000)), Options{})
	s.must(err)
	if !a.ID.Valid() || len(s.requests()) != 4 {
		t.Errorf("accepted %+v", a)
	}
}

// Ensure that the same file with the same options is the same run, inline or uploaded, and that
// anything else is another run.
func TestSubmitTwice(t *testing.T) {
	s := newService(t)
	path := s.file("talk")
	all := Options{Language: "en", ExternalID: "x", Metadata: map[string]string{"a": "b", "c": "d"}, Tags: []string{"t", "u"}, CutSettings: json.RawMessage(`{"paddingMs":0}`), AllowPartial: true, CandidateSpeaks: "second", WebhookURL: "https://example.com/"}
	first, err := s.client.Submit(t.Context(), path, all)
	s.must(err)
	all.Upload = true
	again, err := s.client.Submit(t.Context(), path, all)
	s.must(err)
	if again.ID != first.ID || !again.Replayed || first.Replayed {
		t.Errorf("first %+v, again %+v", first, again)
	}
	r, err := s.store.Get(t.Context(), first.ID)
	s.must(err)
	if q := r.Request; q.ExternalID != "x" || !reflect.DeepEqual(q.Metadata, all.Metadata) || !reflect.DeepEqual(q.Tags, all.Tags) || !strings.Contains(string(q.Asked), `"paddingMs":0`) || !strings.Contains(string(q.Asked), `"candidateSpeaks":"second"`) || !q.AllowPartial || q.WebhookURL != all.WebhookURL {
		t.Errorf("asked for %+v", q)
	}
	all.ExternalID = "y"
	other, err := s.client.Submit(t.Context(), path, all)
	s.must(err)
	anew, err := s.client.Submit(t.Context(), path, Options{IdempotencyKey: "mine"})
	s.must(err)
	if other.ID == first.ID || anew.ID == first.ID || anew.ID == other.ID {
		t.Error("another submit is the same run")
	}
	if _, err := s.client.Submit(t.Context(), path, Options{IdempotencyKey: "mine", Tags: []string{"z"}}); !Is(err, errcode.IdempotencyKeyReused) {
		t.Errorf("got %v", err)
	}
}

// Ensure that a refusal is an error with its code and its unchanged body, and is not retried.
func TestRefusal(t *testing.T) {
	s := newService(t)
	_, err := s.client.Submit(t.Context(), s.file("nothing"), Options{})
	var e *Error
	if !errors.As(err, &e) || e.Code != errcode.UnsupportedFormat || e.Status != 400 || e.RequestID == "" || !bytes.Contains(e.Raw, []byte(`"UNSUPPORTED_FORMAT"`)) {
		t.Errorf("got %#v", err)
	}
	if _, err := s.client.Submit(t.Context(), s.file("talk"), Options{CutSettings: json.RawMessage(`{"speed":2}`)}); !errors.As(err, &e) || e.Details["fields"] == nil {
		t.Errorf("got %#v", err)
	}
	if n := len(s.requests()); n != 2 {
		t.Errorf("%d requests", n)
	}
	if _, err := s.client.Submit(t.Context(), filepath.Join(t.TempDir(), "none"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// Ensure that a call that may end differently is retried up to the maximum, at the requested pace
// plus jitter and with the whole body each time, and that the caller gets the last answer.
func TestRetries(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(w http.ResponseWriter)
		waits  []time.Duration
		last   errcode.Code
	}{
		{"a service warming up", func(w http.ResponseWriter) {
			api.Refuse(w, &errcode.Error{Code: errcode.ServiceWarmingUp, RetryAfter: 30 * time.Second}, "", time.Time{})
		}, []time.Duration{30.25e9, 30.5e9, 31e9, 32e9}, errcode.ServiceWarmingUp},
		{"a fault of its own", func(w http.ResponseWriter) { api.Refuse(w, errcode.New(errcode.InternalError), "", time.Time{}) }, []time.Duration{0.25e9, 0.5e9, 1e9, 2e9}, errcode.InternalError},
		{"a first submit in flight", func(w http.ResponseWriter) {
			api.Refuse(w, &errcode.Error{Code: errcode.IdempotencyInProgress, RetryAfter: 2 * time.Second}, "", time.Time{})
		}, []time.Duration{2.25e9, 2.5e9, 3e9, 4e9}, errcode.IdempotencyInProgress},
		{"a gateway's page", func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway); _, _ = io.WriteString(w, "<html>") }, []time.Duration{0.25e9, 0.5e9, 1e9, 2e9}, ""},
		{"the longest wait", func(w http.ResponseWriter) {
			api.Refuse(w, &errcode.Error{Code: errcode.ServiceWarmingUp, RetryAfter: maxWait}, "", time.Time{})
		}, []time.Duration{60.25e9, 60.5e9, 61e9, 62e9}, errcode.ServiceWarmingUp},
		{"a broken connection", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, []time.Duration{0.25e9, 0.5e9, 1e9, 2e9}, ""},
	} {
		for _, fails := range []int{2, 5} {
			t.Run(fmt.Sprintf("%s, %d times", c.name, fails), func(t *testing.T) {
				s := newService(t)
				var tries atomic.Int32 // a goroutine for each connection
				s.before = func(w http.ResponseWriter, r *http.Request) bool {
					n := int(tries.Add(1))
					if n > fails {
						return false
					}
					if body, err := io.ReadAll(r.Body); err != nil || !bytes.Contains(body, []byte("talk")) {
						t.Errorf("try %d brought %d bytes, %v", n, len(body), err)
					}
					c.answer(w)
					return true
				}
				var waits []time.Duration
				s.client.Notify = func(why error, wait time.Duration) {
					waits = append(waits, wait)
					if c.last != "" && !Is(why, c.last) {
						t.Errorf("it says %v", why)
					}
				}
				_, err := s.client.Submit(t.Context(), s.file("talk"), Options{})
				want := c.waits[:min(fails, len(c.waits))]
				if !reflect.DeepEqual(waits, want) {
					t.Errorf("waited %v, want %v", waits, want)
				}
				if (err == nil) != (fails == 2) || fails == 5 && c.last != "" && !Is(err, c.last) {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}

// Ensure that a run that has ended can be erased, any number of times; that a run in process is
// refused at once, with the time to wait; and that an erasure is retried if its answer was lost.
func TestErase(t *testing.T) {
	s := newService(t)
	a, err := s.client.Submit(t.Context(), s.file("talk"), Options{})
	s.must(err)
	s.requests()
	var refused *Error
	if err := s.client.Erase(t.Context(), a.ID); !errors.As(err, &refused) || refused.Code != errcode.RunNotTerminal || refused.RetryAfter != 15*time.Second || len(s.requests()) != 1 {
		t.Errorf("got %v", err)
	}
	r, err := s.store.Get(t.Context(), a.ID)
	s.must(err)
	_, err = s.store.End(t.Context(), r, run.Fail(errcode.ScoringFailed, "", ""), s.clock.Now())
	s.must(err)
	n := 0
	s.before = func(w http.ResponseWriter, _ *http.Request) bool {
		if n++; n > 1 {
			return false
		}
		w.WriteHeader(http.StatusBadGateway)
		return true
	}
	for range 2 {
		s.must(s.client.Erase(t.Context(), a.ID))
	}
	if got := s.requests(); len(got) != 3 || got[0] != "DELETE /api/v1/speech/analyze/"+string(a.ID) {
		t.Errorf("requests %v", got)
	}
	got, err := s.client.Poll(t.Context(), a.ID)
	if err != nil || got.ErasedAt == nil || got.Status != run.Failed {
		t.Errorf("got %s, %v", got.Raw, err)
	}
	if err := s.client.Erase(t.Context(), "req_other"); !Is(err, errcode.RequestNotFound) {
		t.Errorf("got %v", err)
	}
}

// Ensure that no call is retried sooner than Retry-After, and that no wait is longer than maxWait
// without the caller's consent.
func TestALongRetryAfterIsLeftToTheCaller(t *testing.T) {
	s := newService(t)
	s.before = func(w http.ResponseWriter, _ *http.Request) bool {
		api.Refuse(w, &errcode.Error{Code: errcode.RateLimitExceeded, RetryAfter: maxWait + time.Second}, "", time.Time{})
		return true
	}
	s.client.Notify = func(_ error, d time.Duration) { t.Errorf("it waits %s", d) }
	_, err := s.client.Submit(t.Context(), s.file("talk"), Options{})
	var refused *Error
	if !errors.As(err, &refused) || refused.Code != errcode.RateLimitExceeded || refused.RetryAfter != maxWait+time.Second || len(s.requests()) != 1 {
		t.Errorf("got %v", err)
	}
}

// Ensure that a missing service is reported at once.
func TestUnreachable(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	c, err := New(server.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	c.Notify = func(why error, _ time.Duration) { t.Errorf("it waits: %v", why) }
	var refusal *Error
	if _, err := c.Health(t.Context()); err == nil || errors.As(err, &refusal) {
		t.Errorf("got %v", err)
	}
	for _, bad := range []string{"", "127.0.0.1:8080", "ftp://x", "http://", "http://%"} {
		if _, err := New(bad, ""); err == nil {
			t.Errorf("%q is taken for a service", bad)
		}
	}
}

// Ensure that waiting polls at the service's pace, shows each reading, and ends with the run,
// however it ends.
func TestWait(t *testing.T) {
	s := newService(t)
	a, err := s.client.Submit(t.Context(), s.file("talk"), Options{})
	s.must(err)
	var waits []time.Duration
	s.client.wait = func(_ context.Context, d time.Duration) error {
		waits = append(waits, d)
		s.clock.Advance(d)
		if len(waits) == 11 {
			r, err := s.store.Get(t.Context(), a.ID)
			s.must(err)
			_, err = s.store.End(t.Context(), r, run.Fail(errcode.StuckTimeout, "", ""), s.clock.Now())
			s.must(err)
		}
		return nil
	}
	readings := 0
	r, err := s.client.Wait(t.Context(), a.ID, func(Run) { readings++ })
	s.must(err)
	if r.Status != run.Failed || r.Failure.Code != errcode.StuckTimeout || r.Scores != nil || !bytes.Contains(r.Raw, []byte(`"transcript":null`)) || readings != 12 {
		t.Errorf("after %d readings: %+v", readings, r)
	}
	want := []time.Duration{15e9, 15e9, 15e9, 15e9, 15e9, 15e9, 15e9, 15e9, 30e9, 30e9, 30e9}
	if !reflect.DeepEqual(waits, want) {
		t.Errorf("waited %v", waits)
	}
	if _, err := s.client.Wait(t.Context(), "req_unknown", nil); !Is(err, errcode.RequestNotFound) {
		t.Errorf("got %v", err)
	}
}

// Ensure that waiting ends with its context.
func TestWaitStops(t *testing.T) {
	s := newService(t)
	a, err := s.client.Submit(t.Context(), s.file("talk"), Options{})
	s.must(err)
	ctx, stop := context.WithCancel(t.Context())
	s.client.wait = clock.Sleep
	if _, err := s.client.Wait(ctx, a.ID, func(Run) { stop() }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// Ensure that lists and accounts are decoded and have their unchanged bodies.
func TestReads(t *testing.T) {
	s := newService(t)
	for i := range 3 {
		_, err := s.client.Submit(t.Context(), s.file("talk"), Options{ExternalID: "x", Tags: []string{fmt.Sprint("t", i)}})
		s.must(err)
		s.clock.Advance(time.Second)
	}
	page, err := s.client.Runs(t.Context(), Filter{ExternalID: "x", Status: run.Processing, CreatedAfter: s.clock.Now().Add(-time.Hour), CreatedBefore: s.clock.Now(), Limit: 2})
	s.must(err)
	if len(page.Data) != 2 || page.NextCursor == nil || page.Data[0].Tags[0] != "t2" || page.Data[0].Stage != "ingest" || !json.Valid(page.Data[0].Raw) || !json.Valid(page.Raw) {
		t.Errorf("got %+v", page)
	}
	one, err := s.client.Runs(t.Context(), Filter{Tag: "t1"})
	s.must(err)
	if len(one.Data) != 1 || one.NextCursor != nil {
		t.Errorf("got %+v", one)
	}
	credits, err := s.client.Credits(t.Context())
	s.must(err)
	if credits.Balance != 100 || credits.Held != 12 || credits.Available != 88 || len(credits.Recent) != 4 || *credits.Usage.Today != 0 || !json.Valid(credits.Raw) {
		t.Errorf("got %+v", credits)
	}
	first, err := s.client.Transactions(t.Context(), 3, "")
	s.must(err)
	last, err := s.client.Transactions(t.Context(), 3, *first.NextCursor)
	s.must(err)
	if len(first.Data) != 3 || len(last.Data) != 1 || last.NextCursor != nil || last.Data[0].Type != "grant" {
		t.Errorf("got %+v, then %+v", first, last)
	}
}

// Ensure that a service that is not ready is reported at once, with its parts, and is not an error.
func TestHealth(t *testing.T) {
	s := newService(t)
	for status, why := range map[string]string{"ready": "", "warming_up": "cold"} {
		s.must(s.store.SetReady(t.Context(), run.Readiness{At: s.clock.Now(), Parts: map[string]string{"accent": why}}))
		h, err := s.client.Health(t.Context())
		s.must(err)
		if n := len(s.requests()); h.Status != status || h.Parts["accent"] != status || !json.Valid(h.Raw) || n != 1 {
			t.Errorf("got %+v after %d requests, want %s", h, n, status)
		}
	}
}

// Ensure that jitter never shortens a requested wait, and covers the whole range of ours.
func TestBackoff(t *testing.T) {
	c, err := New("http://127.0.0.1", "")
	if err != nil {
		t.Fatal(err)
	}
	asked := &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"7"}}}
	for _, tc := range []struct {
		drawn float64
		try   int
		res   *http.Response
		want  time.Duration
	}{
		{0, 0, nil, 0}, {0.5, 0, nil, 250 * time.Millisecond}, {0.5, 3, nil, 2 * time.Second},
		{0, 3, asked, 7 * time.Second}, {0.5, 0, asked, 7250 * time.Millisecond}, {0.75, 3, asked, 10 * time.Second},
	} {
		c.jitter = func() float64 { return tc.drawn }
		if got := c.backoff(0, 0, tc.try, tc.res); got != tc.want {
			t.Errorf("%v drawn at try %d: %s, want %s", tc.drawn, tc.try, got, tc.want)
		}
	}
}
