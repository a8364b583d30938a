package api_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"parley/shared/api"
	"parley/shared/engine/account"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// One test for each entry of the OWASP API Security Top 10 of 2023
// (https://owasp.org/API-Security/editions/2023/en/0x11-t10/), which shows that the attack fails
// here. The test for the inventory is in infra/stack, where the routes are.

// unlike returns what a refusal has besides its timestamp and its own id, in order to compare two
// of them.
func unlike(r reply) string {
	return regexp.MustCompile(`"(timestamp|requestId)":"[^"]*"`).ReplaceAllString(r.raw, "")
}

// Ensure that another client's objects look like objects that do not exist, in whatever way a
// request names them.
func TestOWASP_API1_BrokenObjectLevelAuthorization(t *testing.T) {
	h := newHouse(t)
	var first run.ID
	for i := range 3 {
		r := h.keyed(fmt.Sprint("key ", i), audio(fourMinutes), part{name: "externalId", value: "x"})
		r.has(http.StatusAccepted)
		if i == 0 {
			first = run.ID(r.at("id").(string))
		}
	}
	h.succeed(first, "{}")
	page := h.get("/runs?limit=1")
	cursor := page.at("nextCursor").(string)
	ledger := h.get("/credits/transactions?limit=1").at("nextCursor").(string)
	upload := h.askUpload(`{"sizeBytes":11}`).at("uploadId").(string)
	h.must(h.objects.Objects.Put(t.Context(), pipeline.UploadPrefix+string(h.client.ID)+"/"+upload, "", strings.NewReader(fourMinutes), int64(len(fourMinutes))))
	owner := h.client.ID
	before, entries := h.ledger()
	h.client, h.key, h.secret = h.newClient(nil)
	h.grant(h.client.ID, 100)

	none := "req_" + strings.Repeat("a", 26)
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		theirs := h.do(h.request(method, api.Base+"/speech/analyze/"+string(first), nil))
		theirs.is(errcode.RequestNotFound)
		if nobody := h.do(h.request(method, api.Base+"/speech/analyze/"+none, nil)); unlike(theirs) != unlike(nobody) || len(theirs.header) != len(nobody.header) {
			t.Errorf("%s tells a run of another client from none:\n%s %v\n%s %v", method, theirs.raw, theirs.header, nobody.raw, nobody.header)
		}
	}
	theirs, nobody := h.submit(part{name: "uploadId", value: upload}), h.submit(part{name: "uploadId", value: "upl_" + strings.Repeat("a", 26)})
	theirs.is(errcode.UploadNotFound)
	if unlike(theirs) != unlike(nobody) {
		t.Errorf("an upload of another client: %s, of nobody: %s", theirs.raw, nobody.raw)
	}
	h.get("/runs?limit=1&cursor=" + cursor).is(errcode.InvalidCursor)
	h.get("/credits/transactions?limit=1&cursor=" + ledger).is(errcode.InvalidCursor)
	for _, list := range []string{"/runs", "/speech/runs", "/runs?externalId=x", "/runs?status=success"} {
		if ids := h.get(list).ids(); len(ids) != 0 {
			t.Errorf("%s shows %v", list, ids)
		}
	}
	mine := h.keyed("key 0", audio(fourMinutes), part{name: "externalId", value: "x"})
	mine.has(http.StatusAccepted)
	if mine.at("id") == string(first) || mine.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("another client's key is replayed: %s", mine.raw)
	}
	if h.run(first).ErasedAt != (run.Run{}).ErasedAt {
		t.Error("another client erased the run")
	}
	h.client.ID = owner
	if after, now := h.ledger(); !reflect.DeepEqual(before, after) || len(entries) != len(now) {
		t.Errorf("the other's account was %+v and is %+v", before, after)
	}
}

// Ensure that guessed keys cost us no table read, that only a hash is looked up, and that a key
// works only in the headers meant for it.
func TestOWASP_API2_BrokenAuthentication(t *testing.T) {
	h := newHouse(t)
	counted := &counting{Store: h.store}
	deps := h.deps
	deps.Accounts = counted
	ask := func(key string) reply {
		h.secret = key
		return h.through(api.All(deps), h.request(http.MethodGet, api.Base+"/credits", nil))
	}
	good := h.secret
	alphabet := "abcdefghijklmnopqrstuvwxyz234567"
	guess := []byte(good)
	for range 2000 {
		b := make([]byte, 40)
		_, _ = rand.Read(b)
		for i := range b {
			guess[3+i] = alphabet[b[i]%32]
		}
		ask(string(guess)).is(errcode.InvalidAPIKey)
	}
	if counted.reads > 1 { // one in 2^32 has the right checksum
		t.Errorf("2000 guesses cost %d reads", counted.reads)
	}
	// A key cannot be guessed letter by letter: one with a correct beginning is refused like any
	// other.
	wrong, err := account.NewSecret(rand.Reader)
	h.must(err)
	if a, b := ask(wrong), ask(good[:20]+wrong[20:]); unlike(a) != unlike(b) {
		t.Errorf("%s unlike %s", a.raw, b.raw)
	}
	for name, req := range map[string]*http.Request{
		"query":  httptest.NewRequest(http.MethodGet, api.Base+"/credits?key="+good+"&apiKey="+good+"&X-API-Key="+good, nil),
		"cookie": httptest.NewRequest(http.MethodGet, api.Base+"/credits", nil),
		"body":   httptest.NewRequest(http.MethodGet, api.Base+"/credits", strings.NewReader(`{"key":"`+good+`"}`)),
	} {
		req.AddCookie(&http.Cookie{Name: "X-API-Key", Value: good})
		if r := h.do(req); r.code() != errcode.MissingAPIKey {
			t.Errorf("a key is taken from the %s: %s", name, r.raw)
		}
	}
	ask(good).has(http.StatusOK)
	// A revocation takes effect at once.
	h.key.Active = false
	h.must(h.store.PutKey(t.Context(), h.key))
	ask(good).is(errcode.InvalidAPIKey)
	if strings.Contains(h.log.String(), good) || strings.Contains(h.log.String(), account.Hash(good)) {
		t.Error("the log holds the key")
	}
}

// Ensure that a client can only set and read the fields of the contract.
func TestOWASP_API3_BrokenObjectPropertyLevelAuthorization(t *testing.T) {
	h := newHouse(t)
	never := []string{"status", "cost", "credits", "charged", "client", "id", "attempt", "deadline", "scores", "key", "durationMs", "serviceType"}
	for _, name := range never {
		r := h.submit(audio(fourMinutes), part{name: name, value: "1"})
		r.is(errcode.InvalidParameters)
		if fields, _ := r.at("error.details.fields").([]any); len(fields) != 1 || fields[0].(map[string]any)["name"] != name {
			t.Errorf("%s: %s", name, r.raw)
		}
		h.askUpload(`{"sizeBytes":5,"` + name + `":"x"}`).is(errcode.InvalidParameters)
		h.submit(audio(fourMinutes), part{name: "cutSettings", value: `{"` + name + `":1}`}).is(errcode.InvalidParameters)
	}
	h.nothingLeft()
	// The fields that a client may choose freely change nothing else.
	id := h.accept(part{name: "metadata", value: `{"status":"success","cost":"0","client":"cli_x"}`}, part{name: "tags", value: "__proto__"})
	r := h.run(id)
	if r.Cost != 4 || r.Client != h.client.ID || r.Status != run.Processing {
		t.Errorf("stored %+v", r)
	}
	h.succeed(id, "{}")
	for _, path := range []string{"/speech/analyze/" + string(id), "/runs", "/credits", "/credits/transactions"} {
		raw := h.get(path).raw
		for _, secret := range []string{string(h.client.ID), string(h.key.ID), h.secret, h.key.Hash, h.client.Name, pipeline.AudioPrefix + string(id)} {
			if strings.Contains(raw, secret) {
				t.Errorf("%s shows %s: %s", path, secret, raw)
			}
		}
	}
}

// Ensure that everything whose size, number or frequency a client decides is bounded.
func TestOWASP_API4_UnrestrictedResourceConsumption(t *testing.T) {
	h := newHouse(t)
	deep := strings.Repeat(`{"a":`, 4000) + "1" + strings.Repeat("}", 4000)
	for name, tt := range map[string]struct {
		do   func() reply
		want errcode.Code
	}{
		"a recording":             {func() reply { return h.submit(audio(strings.Repeat("x", 26_214_401))) }, errcode.FileTooLarge},
		"an upload":               {func() reply { return h.askUpload(`{"sizeBytes":26214401}`) }, errcode.FileTooLarge},
		"parts":                   {func() reply { return h.submit(many(101)...) }, errcode.InvalidParameters},
		"a field":                 {func() reply { return h.submit(part{name: "tags", value: strings.Repeat("x", 33<<10)}) }, errcode.InvalidTags},
		"names of fields":         {func() reply { return h.submit(part{name: strings.Repeat("x", 64<<10), value: "x"}) }, errcode.InvalidParameters},
		"metadata in depth":       {func() reply { return h.submit(part{name: "metadata", value: deep[:8000]}) }, errcode.InvalidMetadata},
		"cut settings in depth":   {func() reply { return h.submit(part{name: "cutSettings", value: deep}) }, errcode.InvalidParameters},
		"tags":                    {func() reply { return h.submit(part{name: "tags", value: list(21)}) }, errcode.InvalidTags},
		"the JSON of an upload":   {func() reply { return h.askUpload(`{"sizeBytes":5}` + strings.Repeat(" ", 5000)) }, errcode.InvalidParameters},
		"that JSON in depth":      {func() reply { return h.askUpload(deep[:4000]) }, errcode.InvalidParameters},
		"a page":                  {func() reply { return h.get("/runs?limit=1000000") }, errcode.InvalidLimit},
		"a cursor":                {func() reply { return h.get("/runs?cursor=" + strings.Repeat("A", 5000)) }, errcode.InvalidCursor},
		"the name of a recording": {func() reply { return h.get("/runs?externalId=" + strings.Repeat("x", 5000)) }, errcode.InvalidExternalID},
		"an idempotency key":      {func() reply { return h.keyed(strings.Repeat("x", 256), audio(fourMinutes)) }, errcode.InvalidParameters},
	} {
		r := tt.do()
		r.is(tt.want)
		if len(r.raw) > 4096 {
			t.Errorf("%s: an answer of %d bytes", name, len(r.raw))
		}
	}
	h.nothingLeft()
	_, _, h.secret = h.newClient(func(_ *account.Client, k *account.Key) { k.Rate = 3 })
	for range 3 {
		h.submit()
	}
	h.submit(audio(fourMinutes)).is(errcode.RateLimitExceeded)
	h.client, h.key, h.secret = h.newClient(nil)
	h.grant(h.client.ID, 10)
	live := string(h.accept())
	h.get("/speech/analyze/" + live).has(http.StatusOK)
	h.get("/speech/analyze/" + live).is(errcode.PollRateLimited)
}

// Ensure that a client without the permission can call nothing, and that no path offers an
// operator's action.
func TestOWASP_API5_BrokenFunctionLevelAuthorization(t *testing.T) {
	h := newHouse(t)
	id := string(h.accept())
	allowed := h.secret
	_, _, h.secret = h.newClient(func(c *account.Client, _ *account.Key) { c.Permissions = nil })
	for _, call := range []string{"POST /speech/analyze", "GET /speech/analyze/" + id, "DELETE /speech/analyze/" + id, "GET /runs", "GET /speech/runs", "POST /speech/uploads"} {
		method, path, _ := strings.Cut(call, " ")
		h.do(h.request(method, api.Base+path, strings.NewReader("{}"))).is(errcode.MissingPermission)
	}
	h.secret = allowed
	for _, call := range []string{"POST /credits", "PUT /credits", "PATCH /credits", "POST /credits/transactions", "DELETE /credits/transactions", "POST /runs", "PUT /speech/analyze/" + id, "PATCH /speech/analyze/" + id,
		"POST /admin", "GET /admin/clients", "GET /clients", "POST /clients", "POST /keys", "POST /credits/grant", "POST /runs/" + id + "/retry", "POST /speech/analyze/" + id + "/fail", "GET /queues", "GET /audit", "GET /metrics", "GET /debug/pprof/"} {
		method, path, _ := strings.Cut(call, " ")
		r := h.do(h.request(method, api.Base+path, strings.NewReader(`{"amount":1000}`)))
		if c := r.code(); c != errcode.NotFound && c != errcode.MethodNotAllowed {
			t.Errorf("%s: %d %s", call, r.status, r.raw)
		}
	}
	// A header cannot turn one method into another either.
	req := h.request(http.MethodGet, api.Base+"/speech/analyze/"+id, nil)
	for _, name := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL"} {
		req.Header.Set(name, http.MethodDelete)
	}
	h.do(req).has(http.StatusOK)
}

// Ensure that concurrent submits neither spend a credit twice nor start a run twice.
func TestOWASP_API6_UnrestrictedAccessToSensitiveBusinessFlows(t *testing.T) {
	h := newHouse(t)
	count := func(n int, requests func(i int) *http.Request) map[int]int {
		statuses := map[int]int{}
		var lock sync.Mutex
		var all sync.WaitGroup
		handler := api.All(h.deps)
		for i := range n {
			req := requests(i)
			all.Go(func() {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, req)
				lock.Lock()
				defer lock.Unlock()
				statuses[w.Code]++
			})
		}
		all.Wait()
		return statuses
	}
	h.client, h.key, h.secret = h.newClient(func(c *account.Client, _ *account.Key) { c.ConcurrentRuns = 100 })
	h.grant(h.client.ID, 13) // three runs of 4 credits
	got := count(20, func(int) *http.Request { return h.submission(audio(fourMinutes)) })
	if got[http.StatusAccepted] != 3 || got[http.StatusPaymentRequired] != 17 {
		t.Errorf("of 20 submits on 13 credits: %v", got)
	}
	if a, _ := h.ledger(); a.Held != 12 || a.Balance != 13 || a.Running != 3 {
		t.Errorf("the account is %+v", a)
	}
	h.client, h.key, h.secret = h.newClient(nil)
	h.grant(h.client.ID, 13)
	got = count(20, func(int) *http.Request {
		req := h.submission(audio(fourMinutes))
		req.Header.Set("Idempotency-Key", "once")
		return req
	})
	if a, _ := h.ledger(); a.Held != 4 || a.Running != 1 || got[http.StatusAccepted] < 1 || got[http.StatusAccepted]+got[http.StatusConflict] != 20 {
		t.Errorf("20 submits with one key: %v, the account is %+v", got, a)
	}
}

// Ensure that no webhook to an internal address is accepted, however the address is written.
func TestOWASP_API7_ServerSideRequestForgery(t *testing.T) {
	h := newHouse(t)
	for _, address := range []string{
		"http://hooks.example.com/", "https://localhost/", "https://localhost./", "https://LOCALHOST/", "https://127.0.0.1/", "https://127.1/", "https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/", "https://0/", "https://0.0.0.0/",
		"https://169.254.169.254/latest/meta-data/", "https://[fd00:ec2::254]/", "https://[::ffff:169.254.169.254]/", "https://[::ffff:a9fe:a9fe]/", "https://[::1]/", "https://[64:ff9b::a9fe:a9fe]/", "https://[2002:7f00:1::]/", "https://[fe80::1%25eth0]/",
		"https://10.0.0.1/", "https://192.168.0.1/", "https://172.16.0.1/", "https://100.100.100.200/", "https://metadata.google.internal/", "https://db.local/", "https://router.lan/", "https://intranet/",
		"https://hooks.example.com@127.0.0.1/", "https://127.0.0.1#@hooks.example.com/", `https://hooks.example.com\@127.0.0.1/`, "https://hooks.example.com:99999/", "https:127.0.0.1", "https:///x", "//hooks.example.com/",
		"file:///etc/passwd", "gopher://127.0.0.1:6379/_FLUSHALL", "ftp://hooks.example.com/", "javascript:alert(1)", "https://hooks.example.com/\r\nHost: inside", "https://１２７.0.0.1/",
	} {
		h.submit(audio(fourMinutes), part{name: "webhookUrl", value: address}).is(errcode.InvalidWebhookURL)
	}
	h.nothingLeft()
}

// Ensure that no answer reveals what we run on or lets another site read it, and that no detail of
// a failure leaks.
func TestOWASP_API8_SecurityMisconfiguration(t *testing.T) {
	h := newHouse(t)
	id := string(h.accept())
	calls := []*http.Request{
		h.request(http.MethodGet, api.Base+"/credits", nil), h.request(http.MethodGet, api.Base+"/speech/analyze/"+id, nil), h.request(http.MethodGet, api.Base+"/runs?limit=x", nil),
		h.request(http.MethodGet, api.Base+"/nothing", nil), h.request(http.MethodOptions, api.Base+"/credits", nil), h.request(http.MethodTrace, api.Base+"/credits", nil), h.request("CONNECT", "/", nil),
		h.request(http.MethodGet, api.Base+"/health", nil), httptest.NewRequest(http.MethodGet, api.Base+"/credits", nil), h.submission(audio("panic now")), h.submission(audio("fault now")),
		h.request(http.MethodGet, "/.env", nil), h.request(http.MethodGet, "/.git/config", nil), h.request(http.MethodGet, api.Base+"/speech/analyze/..%2f..%2fruns", nil),
	}
	for _, req := range calls {
		req.Header.Set("Origin", "https://evil.example")
		req.Header.Set("Access-Control-Request-Method", "GET")
		r := h.do(req)
		what := req.Method + " " + req.URL.Path
		for name := range r.header {
			if strings.HasPrefix(name, "Access-Control-") || slices.Contains([]string{"Server", "X-Powered-By", "Via", "Set-Cookie"}, name) {
				t.Errorf("%s: %s: %v", what, name, r.header[name])
			}
		}
		if r.header.Get("X-Content-Type-Options") != "nosniff" || r.header.Get("Cache-Control") != "no-store" || r.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %v", what, r.header)
		}
		for _, leak := range []string{"goroutine", ".go:", "panic", "secret", "/tmp", "runtime error", "parley/"} {
			if strings.Contains(r.raw, leak) {
				t.Errorf("%s: %q in %s", what, leak, r.raw)
			}
		}
	}
	// The documentation page runs no code from elsewhere.
	w := httptest.NewRecorder()
	api.All(h.deps).ServeHTTP(w, httptest.NewRequest(http.MethodGet, api.Base+"/docs", nil))
	if w.Header().Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("the page's headers: %v", w.Header())
	}
}

// Ensure that we do not trust data from our own stores and providers either.
func TestOWASP_API10_UnsafeConsumptionOfAPIs(t *testing.T) {
	for name, report := range map[string]string{
		"nothing": "", "no JSON": "<html>the bucket's own secret</html>", "cut short": `{"scores":{"overall":`, "a list": `["the bucket's own secret"]`, "of the wrong types": `{"audio":"the bucket's own secret"}`,
		"endless": `{"x":"` + strings.Repeat("x", 17<<20) + `"}`, "endlessly deep": strings.Repeat("[", 20_000),
	} {
		h := newHouse(t)
		id := h.accept()
		h.succeed(id, report)
		r := h.get("/speech/analyze/" + string(id))
		if r.status != http.StatusInternalServerError || r.code() != errcode.InternalError || strings.Contains(r.raw, "secret") || len(r.raw) > 1024 {
			t.Errorf("a report that is %s: %d %.200s", name, r.status, r.raw)
		}
	}
	h := newHouse(t)
	id := h.accept()
	h.succeed(id, "{}")
	for _, err := range []error{errors.New("s3: the bucket's own secret"), fmt.Errorf("the bucket's own secret: %w", pipeline.ErrNoObject)} {
		h.objects.readErr = err
		r := h.get("/speech/analyze/" + string(id))
		r.is(errcode.InternalError)
		if strings.Contains(r.raw, "secret") {
			t.Errorf("it shows %s", r.raw)
		}
	}
	// The content of a report is passed on as data only: here as JSON, which no browser takes for a
	// page.
	h.objects.readErr = nil
	other := h.accept()
	h.succeed(other, `{"hrRecommendation":"<script>alert(1)</script>\u2028"}`)
	r := h.get("/speech/analyze/" + string(other))
	r.has(http.StatusOK)
	if r.header.Get("Content-Type") != "application/json" || r.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers %v", r.header)
	}
}
