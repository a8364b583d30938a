package api_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
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
	media "parley/shared/speech/audio"
)

var start = time.Date(2026, 4, 21, 12, 34, 56, 789e6, time.UTC)

// house is the whole HTTP front over the memory store, with one client and its key.
type house struct {
	t       testing.TB
	clock   *clock.Manual
	store   *memory.Store
	objects *objects
	queue   *memory.Queue
	log     *bytes.Buffer
	deps    api.Deps
	client  account.Client
	key     account.Key
	secret  string
}

// objects is the memory store's objects, with switches that make calls fail.
type objects struct {
	memory.Objects
	putFails error
	onPut    func()
	readErr  error
	onGet    func()

	deleteFails error // after as many deletes as the test allows
	deletes     int
}

func (o *objects) Put(ctx context.Context, key, kind string, body io.ReadSeeker, size int64) error {
	if o.onPut != nil {
		o.onPut()
	}
	if o.putFails != nil {
		return o.putFails
	}
	return o.Objects.Put(ctx, key, kind, body, size)
}

func (o *objects) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, int64, error) {
	if o.onGet != nil {
		o.onGet()
	}
	if o.readErr != nil {
		return nil, 0, o.readErr
	}
	return o.Objects.Get(ctx, key, offset, length)
}

// prober reads the recordings of these tests: "flac 240000" and padding is a FLAC file of 240,000
// ms, of one channel; "webm 240000 2 1 59001" also has 2 joins and 59,001 ms left out of 1 break;
// "wav 240000 stereo" has two channels. Anything else is not audio.
type prober struct{}

func (prober) Probe(_ context.Context, path string) (media.Info, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return media.Info{}, err
	}
	words := strings.Fields(string(raw[:min(len(raw), 40)]))
	if len(words) < 2 {
		return media.Info{}, errcode.New(errcode.UnsupportedFormat)
	}
	ms, err := strconv.ParseInt(words[1], 10, 64)
	switch {
	case words[0] == "panic":
		panic("the prober's own secret")
	case words[0] == "fault":
		return media.Info{}, errors.New("the prober's own secret")
	case err != nil:
		return media.Info{}, errcode.New(errcode.AudioDurationUnavailable)
	case !slices.ContainsFunc(media.Formats, func(f media.Format) bool { return f.Name == words[0] }):
		return media.Info{}, errcode.New(errcode.UnsupportedFormat)
	case ms < 180_000:
		return media.Info{}, errcode.New(errcode.AudioTooShort)
	case ms > 2_700_000:
		return media.Info{}, errcode.New(errcode.AudioTooLong)
	}
	info := media.Info{DurationMs: ms, Format: words[0], SizeBytes: int64(len(raw)), Channels: 1}
	if slices.Contains(words, "stereo") {
		info.Channels = 2
	}
	_, _ = fmt.Sscan(strings.Join(words[2:], " "), &info.Joins, &info.Breaks.Count, &info.Breaks.LeftOutMs)
	return info, nil
}

// presigner presigns everything.
type presigner struct{}

func (presigner) PresignPost(_ context.Context, key, contentType string, maxBytes int64, _ time.Duration) (string, map[string]string, error) {
	return "https://bucket.test/", map[string]string{"key": key, "max": strconv.FormatInt(maxBytes, 10), "Content-Type": contentType}, nil
}

func (presigner) PresignGet(_ context.Context, key, mediaType string, lasting time.Duration) (string, error) {
	return "https://bucket.test/" + key + "?as=" + mediaType + "&for=" + lasting.String(), nil
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, clock: clock.At(start), store: memory.New(), objects: &objects{}, queue: &memory.Queue{}, log: &bytes.Buffer{}}
	h.deps = api.Deps{
		Service: speech.Service,
		Runs:    h.store, Limits: h.store, Accounts: h.store, Clock: h.clock, Random: rand.Reader,
		Log:     slog.New(slog.NewJSONHandler(h.log, nil)),
		Objects: h.objects, Sender: h.queue, Prober: prober{}, Presigner: presigner{},
		Player: presigner{}, Secrets: h.store,
		Budget: pipeline.Budget(0), PollEvery: 10 * time.Second, TempDir: t.TempDir(),
	}
	h.client, h.key, h.secret = h.newClient(nil)
	h.grant(h.client.ID, 100)
	h.ready(true)
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) newClient(change func(*account.Client, *account.Key)) (account.Client, account.Key, string) {
	h.t.Helper()
	id, err := account.NewID(rand.Reader)
	h.must(err)
	kid, err := account.NewKeyID(rand.Reader)
	h.must(err)
	secret, err := account.NewSecret(rand.Reader)
	h.must(err)
	c := account.Client{ID: id, Name: "A client", Active: true, ConcurrentRuns: 2, Permissions: []account.Permission{account.PermissionSpeech}, CreatedAt: start}
	k := account.Remember(kid, id, secret, start)
	if change != nil {
		change(&c, &k)
	}
	h.must(h.store.PutClient(h.t.Context(), c))
	h.must(h.store.PutKey(h.t.Context(), k))
	return c, k, secret
}

func (h *house) grant(id account.ID, amount int64) {
	h.t.Helper()
	_, err := h.store.Grant(h.t.Context(), id, amount, "", h.clock.Now())
	h.must(err)
}

func (h *house) ready(yes bool) {
	h.t.Helper()
	why := ""
	if !yes {
		why = "the model is being read from /opt"
	}
	h.must(h.store.SetReady(h.t.Context(), run.Readiness{At: h.clock.Now(), Parts: map[string]string{"accent": "", "fluency": why}}))
}

// reply is an answer with its decoded body.
type reply struct {
	t      testing.TB
	status int
	header http.Header
	raw    string
	body   map[string]any
}

// at returns the value at a dotted path in the body; nil if there is none.
func (r reply) at(path string) any {
	var v any = r.body
	for k := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[k]
	}
	return v
}

func (r reply) code() errcode.Code { c, _ := r.at("error.code").(string); return errcode.Code(c) }

// is fails the test unless the answer is an error with code c in the envelope.
func (r reply) is(c errcode.Code) {
	r.t.Helper()
	e, _ := errcode.Lookup(c)
	if r.status != e.Status || r.code() != c {
		r.t.Errorf("got %d %s, want %d %s", r.status, r.raw, e.Status, c)
	}
}

func (r reply) has(status int) {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("got %d %s, want %d", r.status, r.raw, status)
	}
}

func (h *house) do(req *http.Request) reply {
	h.t.Helper()
	w := httptest.NewRecorder()
	api.All(h.deps).ServeHTTP(w, req)
	matches(h.t, req, w)
	return h.read(w)
}

// through sends a request to the handler of one function.
func (h *house) through(handler http.Handler, req *http.Request) reply {
	h.t.Helper()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, req)
	r := h.read(w)
	if r.code() != errcode.NotFound {
		matches(h.t, req, w)
	}
	return r
}

func (h *house) read(w *httptest.ResponseRecorder) reply {
	h.t.Helper()
	r := reply{t: h.t, status: w.Code, header: w.Header(), raw: w.Body.String()}
	if err := json.Unmarshal(w.Body.Bytes(), &r.body); err != nil {
		h.t.Fatalf("the body is not a JSON object: %v: %s", err, r.raw)
	}
	return r
}

func (h *house) request(method, path string, body io.Reader) *http.Request {
	req := httptest.NewRequest(method, path, body)
	req.Header.Set("X-API-Key", h.secret)
	return req
}

func (h *house) get(path string) reply {
	h.t.Helper()
	return h.do(h.request(http.MethodGet, api.Base+path, nil))
}

// part is one part of a submit's form; only a file has a file name.
type part struct{ name, value, file string }

func audio(content string) part { return part{"audio", content, "talk.flac"} }

const fourMinutes = "flac 240000"

func (h *house) submission(parts ...part) *http.Request {
	h.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		var into io.Writer
		var err error
		if p.file != "" {
			into, err = w.CreateFormFile(p.name, p.file)
		} else {
			into, err = w.CreateFormField(p.name)
		}
		h.must(err)
		_, err = io.WriteString(into, p.value)
		h.must(err)
	}
	h.must(w.Close())
	req := h.request(http.MethodPost, api.Base+"/speech/analyze", &b)
	req.Header.Set("Content-Type", w.FormDataContentType())
	return req
}

func (h *house) submit(parts ...part) reply { h.t.Helper(); return h.do(h.submission(parts...)) }

// accept submits four minutes and returns the run's id.
func (h *house) accept(parts ...part) run.ID {
	h.t.Helper()
	r := h.submit(append([]part{audio(fourMinutes)}, parts...)...)
	r.has(http.StatusAccepted)
	id, _ := r.at("id").(string)
	return run.ID(id)
}

func (h *house) run(id run.ID) run.Run {
	h.t.Helper()
	r, err := h.store.Get(h.t.Context(), id)
	h.must(err)
	return r
}

// nothingLeft fails the test if a refused submit left a run, a hold, an object or a file.
func (h *house) nothingLeft() {
	h.t.Helper()
	ctx := h.t.Context()
	a, err := h.store.Account(ctx, h.client.ID)
	h.must(err)
	rs, _, err := h.store.List(ctx, h.client.ID, run.Filter{Limit: 1})
	h.must(err)
	keys, err := h.objects.List(ctx, pipeline.AudioPrefix, "", 1)
	h.must(err)
	if a.Held != 0 || len(rs) != 0 || len(keys) != 0 {
		h.t.Errorf("left behind: %d held, runs %v, objects %v", a.Held, rs, keys)
	}
	h.noFiles()
}

func (h *house) noFiles() {
	h.t.Helper()
	files, err := os.ReadDir(h.deps.TempDir)
	h.must(err)
	if len(files) != 0 {
		h.t.Errorf("%d files left in the temporary folder", len(files))
	}
}

func ptr[T any](v T) *T { return &v }

func (h *house) put(key, content string) {
	h.t.Helper()
	h.must(h.objects.Objects.Put(h.t.Context(), key, "application/json", strings.NewReader(content), int64(len(content))))
}

// succeed ends a run with this report, as finalize does.
func (h *house) succeed(id run.ID, report string) {
	h.t.Helper()
	r := h.run(id)
	h.put(pipeline.Key(id, r.Attempt, pipeline.Report, 0), report)
	_, err := h.store.End(h.t.Context(), r, run.Succeed(r, speech.Service.Dimensions, run.Scores{"vocabulary": 3.5, "fluency": 3.0, "accent": 4.0, "overall": 3.5}, speech.Found{Language: "en"}.Document()), h.clock.Now())
	h.must(err)
}

func (h *house) fail(id run.ID, c errcode.Code) {
	h.t.Helper()
	_, err := h.store.End(h.t.Context(), h.run(id), run.Fail(c, "", "a test"), h.clock.Now())
	h.must(err)
}
