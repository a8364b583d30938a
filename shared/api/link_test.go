package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"parley/shared/api"
	"parley/shared/engine/account"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

func linkPath(id run.ID) string { return api.Base + "/speech/analyze/" + string(id) + "/report" }

func (h *house) askLink(id run.ID, body string) reply {
	h.t.Helper()
	return h.do(h.request(http.MethodPost, linkPath(id), strings.NewReader(body)))
}

// link makes a link and returns its token.
func (h *house) link(id run.ID, body string) string {
	h.t.Helper()
	r := h.askLink(id, body)
	r.has(http.StatusCreated)
	url, _ := r.at("url").(string)
	token, ok := strings.CutPrefix(url, "http://example.com"+api.Base+"/reports/")
	if !ok {
		h.t.Fatalf("url %s", url)
	}
	return token
}

// open reads a report page as a browser does, without a key.
func (h *house) open(token string) *httptest.ResponseRecorder {
	h.t.Helper()
	return h.accepting(token, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
}

func (h *house) accepting(path, kinds string) *httptest.ResponseRecorder {
	h.t.Helper()
	req := httptest.NewRequest(http.MethodGet, api.Base+"/reports/"+path, nil)
	req.Header.Set("Accept", kinds)
	w := httptest.NewRecorder()
	api.All(h.deps).ServeHTTP(w, req)
	matches(h.t, req, w)
	return w
}

func (h *house) revoke(id run.ID) *httptest.ResponseRecorder {
	h.t.Helper()
	w := httptest.NewRecorder()
	req := h.request(http.MethodDelete, linkPath(id), nil)
	api.All(h.deps).ServeHTTP(w, req)
	matches(h.t, req, w)
	return w
}

// Ensure that a link lasts from 1 to 720 hours, 168 if nothing is said, and that anything else is
// named with its bounds.
func TestLinkLasts(t *testing.T) {
	h := newHouse(t)
	id := h.accept()
	for body, want := range map[string]string{
		`{"expiresInHours":1}`:    "2026-04-21T13:34:56.789Z",
		`{"expiresInHours":720}`:  "2026-05-21T12:34:56.789Z",
		`{"expiresInHours":24.0}`: "2026-04-22T12:34:56.789Z",
		`{}`:                      "2026-04-28T12:34:56.789Z",
		``:                        "2026-04-28T12:34:56.789Z",
	} {
		r := h.askLink(id, body)
		r.has(http.StatusCreated)
		if r.at("expiresAt") != want || len(r.body) != 2 {
			t.Errorf("%s: %s", body, r.raw)
		}
	}
	for _, body := range []string{`{"expiresInHours":0}`, `{"expiresInHours":721}`, `{"expiresInHours":1.5}`, `{"expiresInHours":"24"}`, `{"expiresInHours":null}`} {
		r := h.askLink(id, body)
		r.is(errcode.InvalidParameters)
		fields, _ := r.at("error.details.fields").([]any)
		if len(fields) != 1 {
			t.Fatalf("%s: %s", body, r.raw)
		}
		if f := fields[0].(map[string]any); f["name"] != "expiresInHours" || f["min"] != 1.0 || f["max"] != 720.0 {
			t.Errorf("%s: %v", body, f)
		}
	}
	for _, body := range []string{`[]`, `{"hours":3}`, `{"expiresInHours":3} x`, `{"expiresInHours":3}` + strings.Repeat(" ", 1024)} {
		h.askLink(id, body).is(errcode.InvalidParameters)
	}
	if n := len(h.run(id).Links); n != 5 {
		t.Errorf("%d links after 5 answers", n)
	}
}

// Ensure that a link needs the key of the run's own client, and that another client's run looks
// like none.
func TestLinkBelongsToTheClient(t *testing.T) {
	h := newHouse(t)
	id := h.accept()
	token := h.link(id, "")
	_, _, h.secret = h.newClient(nil)
	theirs, nobodys := h.askLink(id, ""), h.askLink("req_"+run.ID(strings.Repeat("a", 26)), "")
	theirs.is(errcode.RequestNotFound)
	if unlike(theirs) != unlike(nobodys) {
		t.Errorf("%s unlike %s", theirs.raw, nobodys.raw)
	}
	if w := h.revoke(id); w.Code != http.StatusNotFound {
		t.Errorf("another client revoked: %d", w.Code)
	}
	if w := h.open(token); w.Code != http.StatusOK {
		t.Errorf("the link ended: %d", w.Code)
	}
	h.secret = ""
	req := httptest.NewRequest(http.MethodPost, linkPath(id), nil)
	h.do(req).is(errcode.MissingAPIKey)
}

// Ensure that a key makes as many links a minute as it may submit, without losing a submit to them,
// and that the end of all links is not counted.
func TestRateOfLinks(t *testing.T) {
	h := newHouse(t)
	id := h.accept()
	h.key.Rate = 2
	h.must(h.store.PutKey(t.Context(), h.key))
	h.link(id, "")
	r := h.askLink(id, "")
	r.has(http.StatusCreated)
	if r.header.Get("RateLimit-Remaining") != "1" { // after one submit
		t.Errorf("headers %v", r.header)
	}
	if w := h.revoke(id); w.Code != http.StatusNoContent {
		t.Errorf("revoked: %d %s", w.Code, w.Body)
	}
	h.askLink(id, "").is(errcode.RateLimitExceeded)
	h.submit(audio(fourMinutes)).has(http.StatusAccepted)
	h.submit(audio(fourMinutes)).is(errcode.RateLimitExceeded)
}

// Ensure that a run of any state that is not erased has its page, and that every such page has the
// headers that keep it to its reader.
func TestReportPageOfEveryState(t *testing.T) {
	h := newHouse(t)
	states := map[string]run.ID{}
	for _, name := range []string{"success", "failed", "partial"} {
		states[name] = h.accept(part{name: "externalId", value: "the " + name + " one"})
		switch name {
		case "success":
			h.succeed(states[name], reportJSON)
		case "failed":
			h.fail(states[name], errcode.AccentScoreUnavailable)
		case "partial":
			r := h.run(states[name])
			h.put(pipeline.Key(r.ID, r.Attempt, pipeline.Report, 0), strings.Replace(reportJSON, `"vocabulary":3.5`, `"vocabulary":null`, 1))
			_, err := h.store.End(t.Context(), r, run.SucceedInPart(r, h.deps.Service.Dimensions, run.Scores{"fluency": 3, "accent": 4, "overall": 3.5}, nil), h.clock.Now())
			h.must(err)
		}
	}
	states["processing"], states["another"], states["queued"] = h.accept(), h.accept(), h.accept()
	delete(states, "another")
	if h.run(states["queued"]).Status != run.Queued {
		t.Fatal("no run is queued")
	}
	for name, want := range map[string]string{"success": "Go on.", "failed": "ACCENT_SCORE_UNAVAILABLE", "partial": "partial", "processing": "reading the recording", "queued": "Place in the queue: 1"} {
		w := h.open(h.link(states[name], ""))
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d without %q", name, w.Code, want)
		}
		for header, want := range map[string]string{"Cache-Control": "private, no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex", "X-Content-Type-Options": "nosniff",
			"Content-Type": "text/html; charset=utf-8"} {
			if got := w.Header().Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		policy := w.Header().Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "style-src 'sha256-", "script-src 'sha256-", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: policy %s", name, policy)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
			t.Errorf("%s: policy %s", name, policy)
		}
		// Only the page of a run whose recording is kept may load it, and only from the store.
		if hears := strings.Contains(policy, "media-src https://bucket.test;"); hears != (name == "success" || name == "partial" || name == "failed") {
			t.Errorf("%s: policy %s", name, policy)
		}
	}
}

// Ensure that whatever opens nothing gets one and the same page, to the last byte, and with JSON
// the same code: a token guessed, altered, expired, revoked, of an erased run, or that was ended by
// too many others.
func TestReportPageThatIsNotThere(t *testing.T) {
	h := newHouse(t)
	id := h.accept()
	h.succeed(id, reportJSON)
	good := h.link(id, "")
	if w := h.open(good); w.Code != http.StatusOK {
		t.Fatalf("%d", w.Code)
	}
	first := h.open(strings.Repeat("A", 94))
	if first.Code != http.StatusNotFound || !strings.Contains(first.Body.String(), "There is no report here") {
		t.Fatalf("%d %s", first.Code, first.Body)
	}
	same := func(name string, w *httptest.ResponseRecorder) {
		t.Helper()
		if w.Code != http.StatusNotFound || w.Body.String() != first.Body.String() {
			t.Errorf("%s: %d, another page", name, w.Code)
		}
		for header, values := range first.Header() {
			if header != "X-Request-Id" && fmt.Sprint(values) != fmt.Sprint(w.Header()[header]) {
				t.Errorf("%s: %s is %v, not %v", name, header, w.Header()[header], values)
			}
		}
		if len(first.Header()) != len(w.Header()) {
			t.Errorf("%s: %v", name, w.Header())
		}
	}
	for _, token := range []string{"x", good[:93], good + "A", strings.ToUpper(good), string(id), "%00", strings.Repeat("A", 5000)} {
		same(token[:min(len(token), 20)], h.open(token))
	}
	// Each character counts.
	for i := range good {
		b := []byte(good)
		b[i] = "AB"[b2i(b[i] == 'A')]
		same(fmt.Sprint("character ", i), h.open(string(b)))
	}

	// Expired: at its end, and not before.
	short := h.link(id, `{"expiresInHours":1}`)
	h.clock.Advance(time.Hour - time.Millisecond)
	if w := h.open(short); w.Code != http.StatusOK {
		t.Errorf("before its end: %d", w.Code)
	}
	h.clock.Advance(time.Millisecond)
	same("expired", h.open(short))

	// Revoked, again and again; a new link works.
	for range 2 {
		if w := h.revoke(id); w.Code != http.StatusNoContent || w.Body.Len() != 0 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	same("revoked", h.open(good))
	again := h.link(id, "")
	if w := h.open(again); w.Code != http.StatusOK {
		t.Errorf("a new link after a revocation: %d", w.Code)
	}

	w := h.accepting("x", "application/json")
	if h.read(w).is(errcode.NotFound); strings.Contains(w.Header().Get("Content-Type"), "html") {
		t.Errorf("%v", w.Header())
	}
	if w := h.accepting(good+"/audio", "*/*"); w.Code != http.StatusNotFound {
		t.Errorf("the sound of a revoked link: %d", w.Code)
	}

	h.erase(id).erased()
	same("erased", h.open(again))
	h.askLink(id, "").is(errcode.RequestNotFound)
	if w := h.revoke(id); w.Code != http.StatusNoContent {
		t.Errorf("revoke the links of an erased run: %d", w.Code)
	}
	if strings.Contains(h.log.String(), good) || strings.Contains(h.log.String(), again) {
		t.Error("the log holds a token")
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Ensure that a run has 20 live links, that one more ends the oldest alone, and that expired ones
// do not count.
func TestLinksAreBounded(t *testing.T) {
	h := newHouse(t)
	id := h.accept()
	opens := func(token string) bool { return h.open(token).Code == http.StatusOK }
	var tokens []string
	for range run.MaxLinks {
		tokens = append(tokens, h.link(id, ""))
	}
	if !opens(tokens[0]) || !opens(tokens[run.MaxLinks-1]) {
		t.Fatal("one of 20 links is dead")
	}
	tokens = append(tokens, h.link(id, `{"expiresInHours":1}`))
	if opens(tokens[0]) || !opens(tokens[1]) || !opens(tokens[run.MaxLinks]) {
		t.Error("the 21st link did not end the oldest alone")
	}
	h.clock.Advance(2 * time.Hour)
	tokens = append(tokens, h.link(id, ""))
	if !opens(tokens[1]) || len(h.run(id).Links) != run.MaxLinks {
		t.Error("an expired link took a place")
	}
}

// Ensure that tokens tell nothing: two of one run have nothing in common, none holds an id, the
// store has none, and a webhook has none.
func TestTokenTellsNothing(t *testing.T) {
	h := newHouse(t)
	id := h.accept()
	a, b := h.link(id, ""), h.link(id, "")
	alike := 0
	for i := range a {
		alike += b2i(a[i] == b[i])
	}
	if len(a) != 94 || alike > 12 {
		t.Errorf("%d characters, %d alike", len(a), alike)
	}
	if strings.Contains(fmt.Sprintf("%+v", h.run(id)), a) || strings.Contains(a, string(id)[4:12]) {
		t.Error("a token is stored, or holds the id")
	}
	// Another deployment's secret opens nothing.
	signing, err := h.store.Signing(t.Context(), account.Deployment)
	h.must(err)
	secret, err := account.NewSigningSecret(strings.NewReader(strings.Repeat("x", 64)))
	h.must(err)
	h.must(h.store.PutSigning(t.Context(), account.Deployment, signing, account.Signing{Version: signing.Version + 1, Secrets: []account.ValidSecret{{Secret: secret, CreatedAt: h.clock.Now()}}}))
	if w := h.open(a); w.Code != http.StatusNotFound {
		t.Errorf("with another secret: %d", w.Code)
	}
	h.succeed(id, reportJSON)
	if list := h.get("/runs"); strings.Contains(list.raw, "link") || strings.Contains(list.raw, a) {
		t.Errorf("a list tells of links: %s", list.raw)
	}
}

// Ensure that guesses cost no read of a run.
func TestGuessedTokensCostNoRead(t *testing.T) {
	h := newHouse(t)
	good := h.link(h.accept(), "")
	counted := &countedRuns{Store: h.store}
	deps := h.deps
	deps.Runs = counted
	page := api.Page(deps)
	for i := range 500 {
		b := []byte(good)
		b[i%94] = "AB"[b2i(b[i%94] == 'A')]
		w := httptest.NewRecorder()
		page.ServeHTTP(w, httptest.NewRequest(http.MethodGet, api.Base+"/reports/"+string(b), nil))
		if w.Code != http.StatusNotFound {
			t.Fatalf("%d", w.Code)
		}
	}
	if counted.gets != 0 {
		t.Errorf("500 guesses cost %d reads", counted.gets)
	}
}

// Ensure that a link is opened at most 120 times a minute, independently of other links, and that
// the answer says so to people and to programs.
func TestReportPageRate(t *testing.T) {
	h := newHouse(t)
	id := h.accept()
	token, other := h.link(id, ""), h.link(id, "")
	for i := range 120 {
		if w := h.open(token); w.Code != http.StatusOK {
			t.Fatalf("opened %d times: %d", i, w.Code)
		}
	}
	w := h.open(token)
	if w.Code != http.StatusTooManyRequests || !strings.Contains(w.Body.String(), "Too many requests") || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	h.read(h.accepting(token, "application/json")).is(errcode.RateLimitExceeded)
	if w := h.open(other); w.Code != http.StatusOK {
		t.Errorf("another link: %d", w.Code)
	}
	h.clock.Advance(time.Minute)
	if w := h.open(token); w.Code != http.StatusOK {
		t.Errorf("a minute later: %d", w.Code)
	}
}

// Ensure that a program gets the body of a poll at the same address, without the balance, and that
// a browser never does.
func TestReportPageAsJSON(t *testing.T) {
	h := newHouse(t)
	id := h.accept()
	token := h.link(id, "")
	live := h.read(h.accepting(token, "application/json"))
	if live.status != http.StatusOK || live.at("status") != "processing" || live.at("stage") != "ingest" {
		t.Errorf("%d %s", live.status, live.raw)
	}
	h.clock.Advance(time.Minute)
	h.succeed(id, reportJSON)
	poll := h.get("/speech/analyze/" + string(id))
	w := h.accepting(token, "application/json")
	got := h.read(w)
	credits, _ := got.body["credits"].(map[string]any)
	if credits["remainingBalance"] != nil || credits["deducted"] != 4.0 {
		t.Errorf("credits %v", credits)
	}
	got.body["credits"], poll.body["credits"] = nil, nil
	if a, b := fmt.Sprint(got.body), fmt.Sprint(poll.body); a != b {
		t.Errorf("got  %s\nwant %s", a, b)
	}
	if w.Header().Get("Cache-Control") != "private, no-store" || w.Header().Get("Referrer-Policy") != "no-referrer" || w.Header().Get("X-Robots-Tag") != "noindex" {
		t.Errorf("headers %v", w.Header())
	}
	for _, kinds := range []string{"", "*/*", "text/html", "text/html, application/json", "application/json, text/html;q=0.1", "application/jsonx", ";;"} {
		if w := h.accepting(token, kinds); !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			t.Errorf("Accept %q: %s", kinds, w.Header().Get("Content-Type"))
		}
	}
}

// Ensure that the sound is a link of five minutes to this run's recording, and that there is none
// once the recording is gone; the page then says so.
func TestReportSound(t *testing.T) {
	h := newHouse(t)
	id := h.accept()
	h.succeed(id, reportJSON)
	token := h.link(id, "")
	r := h.read(h.accepting(token+"/audio", "*/*"))
	if r.status != http.StatusOK || r.at("url") != "https://bucket.test/audio/"+string(id)+"?as=audio/flac&for=5m0s" || r.at("expiresAt") != "2026-04-21T12:39:56.789Z" {
		t.Errorf("%d %s", r.status, r.raw)
	}
	if r.header.Get("Cache-Control") != "private, no-store" || r.header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("headers %v", r.header)
	}
	if page := h.open(token).Body.String(); !strings.Contains(page, `data-ask="`+token+`/audio"`) {
		t.Error("the page does not ask for the sound")
	}
	h.must(h.objects.Delete(t.Context(), pipeline.Key(id, 1, pipeline.Original, 0)))
	h.read(h.accepting(token+"/audio", "*/*")).is(errcode.NotFound)
	if page := h.open(token).Body.String(); strings.Contains(page, "data-ask") || !strings.Contains(page, "cannot be played here") {
		t.Error("the page offers a recording that is gone")
	}
}

// Ensure that whatever a client or a candidate said stands on the page as text.
func TestReportPageEscapes(t *testing.T) {
	h := newHouse(t)
	evil := `</title></script><script>alert(1)</script><img src=x onerror=alert(1)>"'`
	id := h.accept(part{name: "externalId", value: evil}, part{name: "metadata", value: `{"<script>x":"<img src=x onerror=alert(2)>"}`}, part{name: "tags", value: `["<b onclick=x>"]`})
	raw, err := json.Marshal(evil)
	h.must(err)
	h.succeed(id, strings.ReplaceAll(strings.ReplaceAll(reportJSON, `"a & b"`, string(raw)), `"text":"a"`, `"text":`+string(raw)))
	page := h.open(h.link(id, "")).Body.String()
	for _, bad := range []string{"<script>alert", "<script>x", "<img", "<b onclick", "onerror=alert(1)>\"'"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	if strings.Count(page, "<script") != 1 || !strings.Contains(page, "&lt;script&gt;") {
		t.Error("the texts are not there as texts")
	}
}

// Ensure that a run that moves all the time still gets its link, and that the error is ours if it
// never stands still.
func TestLinkOfAMovingRun(t *testing.T) {
	h := newHouse(t)
	id := h.accept()
	moving := &movingRuns{Store: h.store, times: 9}
	h.deps.Runs = moving
	h.link(id, "")
	moving.times = 10
	h.askLink(id, "").is(errcode.InternalError)
}

// Ensure that the link is on the address at which the API was reached, or that the deployment
// names.
func TestLinkIsOnTheAPIsOwnAddress(t *testing.T) {
	h := newHouse(t)
	id := h.accept()
	at := func(change func(*http.Request)) string {
		req := h.request(http.MethodPost, linkPath(id), nil)
		change(req)
		r := h.do(req)
		r.has(http.StatusCreated)
		url, _ := r.at("url").(string)
		before, _, _ := strings.Cut(url, api.Base+"/reports/")
		return before
	}
	if got := at(func(*http.Request) {}); got != "http://example.com" {
		t.Error(got)
	}
	if got := at(func(r *http.Request) { r.Header.Set(api.GatewayURLHeader, "https://api.test/live") }); got != "https://api.test/live" {
		t.Error(got)
	}
	h.deps.BaseURL = "https://parley.test"
	if got := at(func(*http.Request) {}); got != "https://parley.test" {
		t.Error(got)
	}
}

// countedRuns counts the reads of runs.
type countedRuns struct {
	run.Store
	gets int
}

func (c *countedRuns) Get(ctx context.Context, id run.ID) (run.Run, error) {
	c.gets++
	return c.Store.Get(ctx, id)
}

// movingRuns refuses this many writes as stale, as if the run had moved each time.
type movingRuns struct {
	run.Store
	times int
}

func (m *movingRuns) Advance(ctx context.Context, before, after run.Run) error {
	if m.times > 0 {
		m.times--
		return run.ErrStale
	}
	return m.Store.Advance(ctx, before, after)
}
