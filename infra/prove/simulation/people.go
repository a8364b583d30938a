package simulation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"time"

	"parley/shared/api"
	"parley/shared/engine/account"
	"parley/shared/engine/credit"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech"
	"parley/shared/speech/audio"
)

// Bounds of what clients do.
const (
	maxClients = 4
	maxActions = 24
	maxBurst   = 6
	maxTries   = 6
	frontLimit = 29 * time.Second
	startMoney = 200
)

// client is a caller, together with the operator who looks after it.
type client struct {
	w       *world
	id      account.ID
	secret  string
	slots   []setting // newest last
	submits []*submit
	ids     []run.ID // in a 202
	entries []credit.Entry
}

type setting struct {
	from time.Time
	n    int
}

// slotsSince returns the largest number of slots that was allowed at any moment since.
func (c *client) slotsSince(since time.Time) int {
	n := c.slots[len(c.slots)-1].n
	for i := len(c.slots) - 1; i > 0 && c.slots[i].from.After(since); i-- {
		n = max(n, c.slots[i-1].n)
	}
	return n
}

// starved reports whether runs wait although slots are free.
func (c *client) starved() bool {
	a, err := c.w.store.Account(context.Background(), c.id)
	return err == nil && a.Queued > 0 && a.Running < c.slots[len(c.slots)-1].n
}

// people creates the clients and plans what they will do.
func (w *world) people() {
	for range 1 + w.tape.pick(maxClients) {
		c := &client{w: w, slots: []setting{{w.clock.now, 1 + w.tape.pick(4)}}}
		if err := c.enrol(); err != nil {
			w.breach("enrol: %v", err)
			return
		}
		w.clients = append(w.clients, c)
		w.known[c.id] = c
		at := time.Duration(0)
		for range 1 + w.tape.pick(maxActions) {
			at += time.Duration(w.tape.pick(180)) * time.Second
			w.at(at, func() {
				if w.storm {
					c.act()
				}
			})
		}
	}
}

func (c *client) enrol() error {
	ctx, now := context.Background(), c.w.clock.now
	var err error
	if c.id, err = account.NewID(c.w.random); err != nil {
		return err
	}
	key, err := account.NewKeyID(c.w.random)
	if err != nil {
		return err
	}
	if c.secret, err = account.NewSecret(c.w.random); err != nil {
		return err
	}
	_, grant := c.w.store.Grant(ctx, c.id, int64(startMoney+c.w.tape.pick(400)), "", now)
	return errors.Join(grant, c.set(true), c.w.store.PutKey(ctx, account.Remember(key, c.id, c.secret, now)))
}

func (c *client) set(active bool) error {
	return c.w.store.PutClient(context.Background(), account.Client{ID: c.id, Active: active, ConcurrentRuns: c.slots[len(c.slots)-1].n,
		Permissions: []account.Permission{account.PermissionSpeech}, CreatedAt: epoch})
}

// act does one thing that a client does, or the operator on its behalf.
func (c *client) act() {
	w := c.w
	switch w.tape.pick(16) {
	case 0, 1, 2, 3, 4, 5:
		c.burst()
	case 6, 7:
		c.poll()
	case 8:
		// The reports of a longer page are read concurrently, but a world has one thread.
		c.get("/runs?limit=1")
	case 9:
		c.get("/credits")
	case 10:
		c.erase()
	case 11:
		w.note("%s is switched off for a while", c.id)
		w.must(c.set(false))
		w.at(time.Duration(w.tape.pick(300))*time.Second, func() { w.must(c.set(true)) })
	case 12:
		n := 1 + w.tape.pick(4)
		w.note("%s may have %d runs at once", c.id, n)
		c.slots = append(c.slots, setting{w.clock.now, n})
		w.must(c.set(true))
	case 13:
		c.money()
	case 14:
		c.stop(c.some(), w.tape.pick(2) == 1)
	case 15:
		c.again(c.some())
	}
}

func (w *world) must(err error) {
	if err != nil {
		w.breach("%v", err)
	}
}

// money grants or adjusts credits, or removes all that are not held.
func (c *client) money() {
	w, amount := c.w, int64(1+c.w.tape.pick(60))
	w.start("ledger of "+string(c.id), frontLimit, func(p *process) {
		ports, ctx := w.portsOf(p), context.Background()
		if w.tape.pick(3) > 0 {
			// Refused or not, the books are what is checked.
			_, _ = ports.Grant(ctx, c.id, amount, "", w.clock.now)
			return
		}
		a, err := ports.Account(ctx, c.id)
		if err == nil && a.Available > 0 {
			_, _ = ports.Adjust(ctx, c.id, -min(amount*3, a.Available), "", w.clock.now)
		}
	}, func(*process) {})
}

// operate does something to a run as an operator's command would. Refused or not, the books are
// what is checked.
func (c *client) operate(id run.ID, do func(ctx context.Context, d pipeline.Deps, o pipeline.Objects) error) {
	if id == "" {
		return
	}
	c.w.start("operator on "+string(id), frontLimit, func(p *process) {
		if err := do(context.Background(), c.w.deps(p), objects{c.w.objects, p}); err != nil {
			c.w.note("refused: %v", err)
		}
	}, func(*process) {})
}

// stop ends a run by hand. If it is to be restarted, stop starts it again immediately.
func (c *client) stop(id run.ID, restart bool) {
	c.operate(id, func(ctx context.Context, d pipeline.Deps, o pipeline.Objects) error {
		_, err := d.Stop(ctx, id, "simulated")
		if err == nil && restart {
			_, err = d.Retry(ctx, id, o)
		}
		return err
	})
}

// again retries a failed run.
func (c *client) again(id run.ID) {
	c.operate(id, func(ctx context.Context, d pipeline.Deps, o pipeline.Objects) error {
		_, err := d.Retry(ctx, id, o)
		return err
	})
}

// some returns one of the runs that the client knows of, or "" if it knows none.
func (c *client) some() run.ID {
	if len(c.ids) == 0 {
		return ""
	}
	return c.ids[c.w.tape.pick(len(c.ids))]
}

// request sends an HTTP request to the front and returns the answer. If the function dies, reply is
// nil.
func (c *client) request(call string, compose func() *http.Request, hear func(reply *httptest.ResponseRecorder)) {
	w := c.w
	rec := httptest.NewRecorder()
	before := w.total()
	w.start(call, frontLimit, func(p *process) {
		d := api.Deps{Service: speech.Service, Runs: w.portsOf(p), Limits: w.portsOf(p), Accounts: accounts{w.store, p}, Clock: w.clock, Random: w.random, Log: w.log,
			Objects: objects{w.objects, p}, Sender: queues{p}, Prober: prober{}, Budget: w.deps(p).Budget, PollEvery: 10 * time.Second, TempDir: w.temp}
		req := compose()
		req.Header.Set("X-API-Key", c.secret)
		api.All(d).ServeHTTP(rec, req)
	}, func(p *process) {
		name, _, _ := strings.Cut(call, " req_")
		name, _, _ = strings.Cut(name, "?")
		if p.dead {
			w.calls[name+" unanswered"]++
			hear(nil)
			return
		}
		w.calls[fmt.Sprintf("%s %d", name, rec.Code)]++
		w.note("%s answers %d", call, rec.Code)
		if rec.Code == http.StatusInternalServerError && w.total() == before {
			w.breach("%s answered %d without a fault: %s", call, rec.Code, rec.Body)
		}
		hear(rec)
	})
}

func (c *client) get(path string) {
	c.request("GET "+path, func() *http.Request { return httptest.NewRequest(http.MethodGet, api.Base+path, nil) }, func(*httptest.ResponseRecorder) {})
}

// poll reads a run. The answer must match what is stored.
func (c *client) poll() {
	id := c.some()
	if id == "" {
		return
	}
	c.request("poll "+string(id), func() *http.Request {
		return httptest.NewRequest(http.MethodGet, api.Base+"/speech/analyze/"+string(id), nil)
	}, func(rec *httptest.ResponseRecorder) {
		if rec != nil && rec.Code == http.StatusNotFound {
			c.w.breach("%s was accepted and is unknown: %s", id, rec.Body)
		}
	})
}

// erase asks for a run's recording and results to be erased. If the answer says so, they must be
// gone.
func (c *client) erase() {
	id := c.some()
	if id == "" {
		return
	}
	c.request("erase "+string(id), func() *http.Request {
		return httptest.NewRequest(http.MethodDelete, api.Base+"/speech/analyze/"+string(id), nil)
	}, func(rec *httptest.ResponseRecorder) {
		if rec == nil || rec.Code != http.StatusNoContent {
			return
		}
		if r, err := c.w.store.Get(context.Background(), id); err != nil || r.ErasedAt.IsZero() {
			c.w.breach("%s was erased and is not (%v)", id, err)
		}
		if _, err := c.w.objects.Size(context.Background(), pipeline.Key(id, 1, pipeline.Original, 0)); err == nil {
			c.w.breach("%s was erased and its recording is still there", id)
		}
	})
}

// submit is one recording that a client wants scored, with all tries to submit it.
type submit struct {
	ref     string // its externalId, unique to this submit
	key     string // Idempotency-Key; empty: none
	minutes int
	partial bool
	hooked  bool // asks for a webhook
	// upload is the upload that brings the recording; empty if it goes with the submit.
	upload string
	tries  int
	given  []run.ID // by 202
}

func (c *client) burst() {
	for range 1 + c.w.tape.pick(maxBurst) {
		if c.w.accepted >= maxAccepted {
			return
		}
		s := &submit{ref: fmt.Sprintf("%s/%d", c.id, len(c.submits)), minutes: 3 + c.w.tape.pick(42), partial: c.w.tape.pick(2) == 1}
		if c.w.tape.pick(3) > 0 {
			s.key = "key " + s.ref
		}
		s.hooked = c.w.tape.pick(2) == 1
		if c.w.tape.pick(3) == 2 {
			c.upload(s)
		}
		c.submits = append(c.submits, s)
		c.submit(s)
		if (s.key != "" || s.upload != "") && c.w.tape.pick(4) == 3 {
			c.submit(s) // a double click
		}
	}
}

// upload posts the recording of s.
func (c *client) upload(s *submit) {
	id, err := run.NewID(c.w.random)
	c.w.must(err)
	s.upload = "upl_" + strings.TrimPrefix(string(id), "req_")
	content := strings.NewReader(s.recording())
	c.w.must(c.w.objects.Put(context.Background(), pipeline.UploadKey(c.id, s.upload), "audio/ogg", content, content.Size()))
}

func (s *submit) recording() string { return fmt.Sprintf("%d minutes", s.minutes) }

// submit sends s, and sends it again if the answer is lost, asks for patience or reports our own
// error.
func (c *client) submit(s *submit) {
	w := c.w
	s.tries++
	c.request("submit", s.request, func(rec *httptest.ResponseRecorder) {
		if rec != nil && rec.Code == http.StatusAccepted {
			s.accepted(c, rec)
			return
		}
		if rec != nil && rec.Code == http.StatusNotFound {
			s.missing(c, rec)
		}
		again := rec == nil || rec.Code >= http.StatusInternalServerError || rec.Code == http.StatusConflict
		if again && s.tries < maxTries && w.storm {
			w.at(time.Duration(1+w.tape.pick(60))*time.Second, func() {
				if w.storm {
					c.submit(s)
				}
			})
		}
	})
}

func (s *submit) request() *http.Request {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	_ = form.WriteField("externalId", s.ref) // a buffer never fails
	_ = form.WriteField("allowPartial", strconv.FormatBool(s.partial))
	if s.hooked {
		_ = form.WriteField("webhookUrl", "https://hooks.example.com/parley")
	}
	if s.upload != "" {
		_ = form.WriteField("uploadId", s.upload)
	} else {
		file, _ := form.CreateFormFile("audio", "interview")
		_, _ = io.WriteString(file, s.recording())
	}
	_ = form.Close()
	r := httptest.NewRequest(http.MethodPost, api.Base+"/speech/analyze", &b)
	r.Header.Set("Content-Type", form.FormDataContentType())
	if s.key != "" {
		r.Header.Set("Idempotency-Key", s.key)
	}
	return r
}

func (s *submit) accepted(c *client, rec *httptest.ResponseRecorder) {
	var v struct{ ID run.ID }
	if err := json.Unmarshal(rec.Body.Bytes(), &v); err != nil || !v.ID.Valid() {
		c.w.breach("a submit answered 202 with %s", rec.Body)
		return
	}
	if r, err := c.w.store.Get(context.Background(), v.ID); err != nil || r.Client != c.id || r.Request.ExternalID != s.ref {
		c.w.breach("a submit answered 202 with %s, which is stored as %+v (%v)", v.ID, r, err)
	}
	s.given = append(s.given, v.ID)
	c.ids = append(c.ids, v.ID)
	if c.w.storm && c.w.tape.pick(12) == 11 {
		c.w.at(time.Duration(c.w.tape.pick(12))*time.Second, func() { c.stop(v.ID, true) })
	}
}

// missing checks an answer that there is no such upload: a run has, or had, its recording.
func (s *submit) missing(c *client, rec *httptest.ResponseRecorder) {
	used, err := c.w.store.Used(context.Background(), c.id, s.upload, c.w.clock.now)
	if err != nil {
		c.w.breach("%s is in no run (%v) and was answered %s", s.upload, err, rec.Body)
		return
	}
	if r, err := c.w.store.Get(context.Background(), used.Run); err != nil || !c.w.stored(r) && !r.Status.Terminal() {
		c.w.breach("%s went into %s, which has no recording (%v), and was answered %s", s.upload, used.Run, err, rec.Body)
	}
}

// settled checks what became of a submit. runs are all the runs that it created.
func (s *submit) settled(w *world, runs []run.Run) {
	if s.key != "" && len(runs) > 1 {
		w.breach("%q stands for %d runs", s.key, len(runs))
	}
	if len(runs) > s.tries {
		w.breach("%d tries of a submit made %d runs", s.tries, len(runs))
	}
	for _, id := range s.given {
		if (s.key != "" || s.upload != "") && id != s.given[0] {
			w.breach("%q of upload %q was answered with %s and %s", s.key, s.upload, s.given[0], id)
		}
	}
}

// prober derives a recording's length from its words.
type prober struct{}

// Probe implements api.Prober.
func (prober) Probe(_ context.Context, path string) (audio.Info, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return audio.Info{}, err
	}
	n, _, _ := strings.Cut(string(raw), " ")
	minutes, err := strconv.Atoi(n)
	if err != nil {
		return audio.Info{}, errcode.New(errcode.UnsupportedFormat)
	}
	return audio.Info{DurationMs: int64(minutes) * 60_000, Format: "ogg", SizeBytes: int64(len(raw))}, nil
}
