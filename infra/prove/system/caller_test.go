package system_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/infra/local/operate"
	"parley/shared/client"
	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/audit"
	"parley/shared/engine/credit"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech"
)

// caller is one client of the system.
type caller struct {
	*client.Client
	t   *testing.T
	sys *system
	id  account.ID
	key string
}

// newcomer creates a client with credits and a key; change sets what differs from the defaults.
func (s *system) newcomer(t *testing.T, credits int64, change ...func(*account.Client)) *caller {
	t.Helper()
	clk := clock.Real{}
	c, err := operate.NewClient(t.Name(), clk)
	must(t, err)
	for _, f := range change {
		f(&c)
	}
	must(t, operate.CreateClient(t.Context(), s.admin, c, credits, clk))
	k, err := operate.CreateKey(t.Context(), s.admin, c.ID, clk, func(*account.Key) {})
	must(t, err)
	who := &caller{t: t, sys: s, id: c.ID, key: k.Key}
	who.connect()
	return who
}

// connect points the caller to where the system is now.
func (c *caller) connect() {
	c.t.Helper()
	var err error
	c.Client, err = client.New(c.sys.URL, c.key)
	must(c.t, err)
	c.Through(held{c.t, c.sys.URL})
}

// reply is an answer as received.
type reply struct {
	status int
	header http.Header
	raw    []byte
	body   map[string]any // nil if it is not a JSON object
}

// call sends one request with the caller's key, once, without retries.
func (c *caller) call(method, path string, header http.Header, body io.Reader) reply {
	c.t.Helper()
	if header == nil {
		header = http.Header{}
	}
	if _, set := header["X-Api-Key"]; !set {
		header.Set("X-Api-Key", c.key)
	}
	return send(c.t, method, c.sys.URL+"/api/v1"+path, header, body)
}

func send(t *testing.T, method, address string, header http.Header, body io.Reader) reply {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	must(t, err)
	req.Header = header
	res, err := (&http.Client{Transport: held{t, address}}).Do(req)
	must(t, err)
	defer res.Body.Close()
	r := reply{status: res.StatusCode, header: res.Header}
	r.raw, err = io.ReadAll(res.Body)
	must(t, err)
	_ = json.Unmarshal(r.raw, &r.body) // if the body is none, it stays nil
	return r
}

// multi returns a multipart form. fields are name, value, name, value …; file, if not nil, is the
// audio.
func multi(t *testing.T, file []byte, fields ...string) (http.Header, io.Reader) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(fields); i += 2 {
		must(t, w.WriteField(fields[i], fields[i+1]))
	}
	if file != nil {
		part, err := w.CreateFormFile("audio", "recording")
		must(t, err)
		_, err = part.Write(file)
		must(t, err)
	}
	must(t, w.Close())
	return http.Header{"Content-Type": {w.FormDataContentType()}}, &b
}

// submit posts a recording inline, once.
func (c *caller) submit(file []byte, fields ...string) reply {
	c.t.Helper()
	header, body := multi(c.t, file, fields...)
	return c.call(http.MethodPost, "/speech/analyze", header, body)
}

// accepted is like submit, but fails the test unless the submit is accepted.
func (c *caller) accepted(file []byte, fields ...string) run.ID {
	c.t.Helper()
	r := c.submit(file, fields...)
	if r.status != http.StatusAccepted {
		c.t.Fatalf("submit: HTTP %d %s", r.status, r.raw)
	}
	id, _ := r.body["id"].(string)
	return run.ID(id)
}

// poll reads a run again after pace, however often others read it.
func (c *caller) poll(id run.ID) reply {
	c.t.Helper()
	for {
		r := c.call(http.MethodGet, "/speech/analyze/"+string(id), nil, nil)
		if r.status != http.StatusTooManyRequests {
			return r
		}
		c.pause(pollEvery)
	}
}

func (c *caller) pause(d time.Duration) {
	c.t.Helper()
	select {
	case <-time.After(d):
	case <-c.t.Context().Done():
		c.t.Fatal("the test has ended")
	}
}

func terminal(r reply) bool {
	s, _ := r.body["status"].(string)
	return run.Status(s).Terminal()
}

// until polls a run until it is as asked, or has ended. seen, if not nil, is called with each
// reading.
func (c *caller) until(id run.ID, asked func(reply) bool, seen func(reply)) reply {
	c.t.Helper()
	for end := time.Now().Add(patience); ; c.pause(pace) {
		r := c.poll(id)
		if r.status != http.StatusOK {
			c.t.Fatalf("poll %s: HTTP %d %s", id, r.status, r.raw)
		}
		if seen != nil {
			seen(r)
		}
		if asked != nil && asked(r) || terminal(r) {
			return r
		}
		if time.Now().After(end) {
			c.t.Fatalf("the run %s has not ended in %s: %s", id, patience, r.raw)
		}
	}
}

// end waits for a run's end.
func (c *caller) end(id run.ID) reply { c.t.Helper(); return c.until(id, nil, nil) }

// ended checks that a run succeeded.
func (c *caller) succeeded(r reply) {
	c.t.Helper()
	if r.body["status"] != string(run.Success) || r.body["error"] != nil {
		c.t.Fatalf("the run is %v with error %v", r.body["status"], r.body["error"])
	}
}

// failed checks that a run failed with one of the codes and shows no score, and that its hold was
// released in full: the credits are as before the run.
func (c *caller) failed(r reply, credits int64, codes ...errcode.Code) {
	c.t.Helper()
	failure, _ := r.body["error"].(map[string]any)
	got, _ := failure["code"].(string)
	known := false
	for _, want := range codes {
		known = known || got == string(want)
	}
	if r.body["status"] != string(run.Failed) || !known {
		c.t.Errorf("the run is %v with error %v; want it failed with %v", r.body["status"], r.body["error"], codes)
	}
	if text, _ := failure["message"].(string); text == "" {
		c.t.Errorf("the failure has no message: %v", failure)
	}
	if scores, ok := r.body["scores"].(map[string]any); ok {
		for name, v := range scores {
			if v != nil {
				c.t.Errorf("a failed run shows %s %v", name, v)
			}
		}
	}
	if got := r.at("credits.deducted"); got != 0.0 {
		c.t.Errorf("a failed run was charged %v credits", got)
	}
	c.balance(credits, 0)
}

// balance checks the account.
func (c *caller) balance(balance, held int64) {
	c.t.Helper()
	a, err := c.Credits(c.t.Context())
	must(c.t, err)
	if a.Balance != balance || a.Held != held || a.Available != balance-held {
		c.t.Errorf("balance %d, held %d, available %d; want %d, %d, %d", a.Balance, a.Held, a.Available, balance, held, balance-held)
	}
}

// entries checks the ledger's kinds of entries for one run, oldest first.
func (c *caller) entries(id run.ID, want ...credit.Kind) {
	c.t.Helper()
	page, err := c.Transactions(c.t.Context(), 100, "")
	must(c.t, err)
	var got []credit.Kind
	for i := len(page.Data) - 1; i >= 0; i-- {
		if e := page.Data[i]; e.RunID != nil && *e.RunID == id {
			got = append(got, e.Type)
		}
	}
	if len(got) != len(want) {
		c.t.Errorf("the ledger of the run has %v, want %v", got, want)
		return
	}
	for i := range got {
		if got[i] != want[i] {
			c.t.Errorf("the ledger of the run has %v, want %v", got, want)
		}
	}
}

// audited recomputes the caller's books.
func (c *caller) audited() {
	c.t.Helper()
	rep, err := audit.All(c.t.Context(), c.sys.admin.Tables, speech.Service.Dimensions, c.id)
	must(c.t, err)
	for _, v := range rep.Violations {
		c.t.Errorf("audit: %s", v)
	}
	if rep.Clients != 1 {
		c.t.Errorf("audited %d clients", rep.Clients)
	}
}

// at returns the value at a dotted path of the body.
func (r reply) at(path string) any {
	v := any(r.body)
	for name := range strings.SplitSeq(path, ".") {
		o, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = o[name]
	}
	return v
}

// bytes returns the JSON of a field of the body, byte for byte.
func (r reply) bytes(t *testing.T, name string) string {
	t.Helper()
	var fields map[string]json.RawMessage
	must(t, json.Unmarshal(r.raw, &fields))
	return string(fields[name])
}

// refused checks the one envelope of every error.
func refused(t *testing.T, r reply, status int, c errcode.Code) map[string]any {
	t.Helper()
	e, _ := r.body["error"].(map[string]any)
	if r.status != status || e["code"] != string(c) {
		t.Errorf("HTTP %d %s; want %d %s", r.status, r.raw, status, c)
		return e
	}
	if text, _ := e["message"].(string); text == "" {
		t.Errorf("%s has no message", c)
	}
	stamp(t, "error.timestamp", e["timestamp"])
	if kind := r.header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("%s: Content-Type %q", c, kind)
	}
	if id := r.header.Get("X-Request-Id"); e["requestId"] != nil && e["requestId"] != id {
		t.Errorf("%s: requestId %v, X-Request-Id %q", c, e["requestId"], id)
	}
	for name := range e {
		switch name {
		case "code", "message", "timestamp", "requestId", "retryAfterSeconds", "details":
		default:
			t.Errorf("%s: the envelope has %q", c, name)
		}
	}
	return e
}

// stamp checks a time: ISO 8601, UTC, milliseconds.
func stamp(t *testing.T, name string, v any) time.Time {
	t.Helper()
	text, _ := v.(string)
	at, err := time.Parse("2006-01-02T15:04:05.000Z", text)
	if err != nil {
		t.Errorf("%s is %v: %v", name, v, err)
	}
	return at
}

// together calls functions concurrently and waits for all.
func together(n int, do func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}
