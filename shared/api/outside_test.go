package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"parley/shared/api"
	"parley/shared/engine/account"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech"
)

// What a client may try that only knows the contract.

// Ensure that no path accepts a method that Allow does not list, including those that browsers and
// proxies send by themselves, and that no other spelling of a path works.
func TestMethodsAndSpellings(t *testing.T) {
	h := newHouse(t)
	for path, allow := range map[string]string{
		"/speech/analyze": "POST", "/speech/analyze/x": "GET, DELETE", "/runs": "GET", "/speech/runs": "GET", "/credits": "GET", "/credits/transactions": "GET",
		"/speech/uploads": "POST", "/health": "GET", "/openapi.json": "GET", "/openapi-3.0.json": "GET", "/docs": "GET", "/llms.txt": "GET", "/llms-full.txt": "GET",
	} {
		for _, method := range []string{"HEAD", "OPTIONS", "PUT", "PATCH", "TRACE", "GET", "POST", "DELETE", "get", "PROPFIND"} {
			if strings.Contains(allow, method) {
				continue
			}
			r := h.do(h.request(method, api.Base+path, nil))
			r.is(errcode.MethodNotAllowed)
			if r.header.Get("Allow") != allow {
				t.Errorf("%s %s: Allow %q", method, path, r.header.Get("Allow"))
			}
		}
		for _, other := range []string{path + "/", strings.ToUpper(path), "/" + path, path + "/.", path + ".json", path + ";a=b", path + "%20"} {
			if r := h.do(h.request("GET", api.Base+other, nil)); r.code() != errcode.NotFound && r.code() != errcode.RequestNotFound {
				t.Errorf("GET %s: %d %s", other, r.status, r.raw)
			}
		}
	}
}

// Ensure that the request id is ours, even if the client sent one.
func TestTheRequestsIDIsOurs(t *testing.T) {
	h := newHouse(t)
	req := h.request(http.MethodGet, api.Base+"/runs?limit=0", nil)
	req.Header.Set("X-Request-Id", "req_"+strings.Repeat("z", 26))
	r := h.do(req)
	if id := r.header.Get("X-Request-Id"); id == req.Header.Get("X-Request-Id") || !run.ID(id).Valid() || r.at("error.requestId") != id {
		t.Errorf("%s: %s", id, r.raw)
	}
}

// Ensure that a document is not sent again to a client that has it, in any form of If-None-Match,
// and that it may be cached for a while.
func TestADocumentMayBeKept(t *testing.T) {
	h := newHouse(t)
	for _, path := range []string{"/openapi.json", "/openapi-3.0.json", "/docs", "/llms.txt", "/llms-full.txt"} {
		ask := func(match ...string) *httptest.ResponseRecorder {
			req := httptest.NewRequest(http.MethodGet, api.Base+path, nil)
			req.Header["If-None-Match"] = match
			w := httptest.NewRecorder()
			api.Docs(h.deps).ServeHTTP(w, req)
			matches(t, req, w)
			if w.Header().Get("Cache-Control") != "public, max-age=300" || w.Header().Get("ETag") == "" {
				t.Errorf("%s: %v", path, w.Header())
			}
			return w
		}
		first := ask()
		etag := first.Header().Get("ETag")
		for match, want := range map[string]int{
			etag: 304, "W/" + etag: 304, `"other", ` + etag: 304, `W/"other",W/` + etag: 304, "*": 304,
			"": 200, `"other"`: 200, strings.Trim(etag, `"`): 200, strings.ToUpper(etag): 200, "W/": 200,
		} {
			if strings.ToUpper(etag) == etag && want == 200 && match == etag {
				continue
			}
			w := ask(match)
			if w.Code != want || (w.Body.Len() == 0) != (want == 304) || want == 304 && w.Header().Get("Content-Type") != "" {
				t.Errorf("%s with %s: %d, %d bytes, %v", path, match, w.Code, w.Body.Len(), w.Header())
			}
		}
		if w := ask(`"other"`, etag); w.Code != http.StatusNotModified {
			t.Errorf("%s with the question in two headers: %d", path, w.Code)
		}
	}
}

// Ensure that a repeated parameter is refused with that parameter's own code.
func TestAParameterIsSentOnce(t *testing.T) {
	h := newHouse(t)
	for query, want := range map[string]errcode.Code{
		"limit=1&limit=1": errcode.InvalidLimit, "status=failed&status=failed": errcode.InvalidStatus, "serviceType=speech&serviceType=speech": errcode.InvalidServiceType,
		"externalId=a&externalId=b": errcode.InvalidExternalID, "tag=a&tag=b": errcode.InvalidTags, "createdAfter=2026-04-21&createdAfter=2026-04-21": errcode.InvalidDate,
		"createdBefore=2026-04-21&createdBefore=2026-04-21": errcode.InvalidDate, "cursor=a&cursor=a": errcode.InvalidCursor,
	} {
		for _, path := range []string{"/runs", "/speech/runs"} {
			h.get(path + "?" + query).is(want)
		}
	}
	h.get("/credits/transactions?limit=1&limit=1").is(errcode.InvalidLimit)
	h.get("/credits/transactions?cursor=a&cursor=a").is(errcode.InvalidCursor)
}

// Ensure that text is kept exactly as sent: texts that only look alike differ in answers, in
// filters and as tags. And ensure that a character is a code point, also beyond the Basic
// Multilingual Plane.
func TestTextIsKeptAsSent(t *testing.T) {
	h := newHouse(t)
	const composed, decomposed, ligature = "caf\u00e9", "cafe\u0301", "\ufb01n"
	ids := map[string]string{}
	for _, text := range []string{composed, decomposed, ligature, "fin", "FIN", "\u4e09\U0001f469\u200d\U0001f467", "a b", "a  b", "%", "+", "a&b=c#d?"} {
		r := h.submit(audio(fourMinutes), part{name: "externalId", value: text}, part{name: "tags", value: text}, part{name: "metadata", value: fmt.Sprintf(`{%q:%q}`, text, text)})
		r.has(http.StatusAccepted)
		ids[text], _ = r.at("id").(string)
		h.must(h.end(run.ID(ids[text])))
		poll := h.get("/speech/analyze/" + ids[text])
		for _, got := range []reply{r, poll} {
			if got.at("externalId") != text || !reflect.DeepEqual(got.at("tags"), []any{text}) || !reflect.DeepEqual(got.at("metadata"), map[string]any{text: text}) {
				t.Errorf("%+q came back as %s", text, got.raw)
			}
		}
	}
	for text, id := range ids {
		for _, name := range []string{"externalId", "tag"} {
			if got := h.get("/runs?" + name + "=" + url.QueryEscape(text)).ids(); !reflect.DeepEqual(got, []string{id}) {
				t.Errorf("%s %+q finds %v, want %s", name, text, got, id)
			}
		}
	}
	both := h.submit(audio(fourMinutes), part{name: "tags", value: fmt.Sprintf("[%q,%q,%q]", composed, decomposed, composed)})
	if !reflect.DeepEqual(both.at("tags"), []any{composed, decomposed}) {
		t.Errorf("tags %v", both.at("tags"))
	}
	wide := strings.Repeat("\U0001f469", 255)
	if r := h.submit(audio(fourMinutes), part{name: "externalId", value: wide}, part{name: "tags", value: wide[:4*40]}); r.status != http.StatusAccepted || r.at("externalId") != wide {
		t.Errorf("255 characters of 4 bytes: %d %s", r.status, r.raw)
	}
	h.submit(audio(fourMinutes), part{name: "externalId", value: wide + "x"}).is(errcode.InvalidExternalID)
}

// Ensure that only an accepted submit binds an idempotency key to its input: after a refused submit
// it is free for any input. And ensure that it belongs to the client, whichever of its API keys is
// used.
func TestAnIdempotencyKeyIsBoundByWhatWasAccepted(t *testing.T) {
	h := newHouse(t)
	rich := h.client
	h.client, h.key, h.secret = h.newClient(nil)
	h.keyed("k", audio("wav 1000")).is(errcode.AudioTooShort)
	h.keyed("k", audio(fourMinutes), part{name: "language", value: "xx"}).is(errcode.InvalidLanguageCode)
	h.keyed("k", audio(fourMinutes)).is(errcode.InsufficientCredits)
	h.nothingLeft()
	h.grant(h.client.ID, 10)
	first := h.keyed("k", audio("wav 200000"), part{name: "externalId", value: "x"})
	if first.status != http.StatusAccepted || first.header.Get("Idempotency-Replayed") != "" {
		t.Fatalf("%d %s %v", first.status, first.raw, first.header)
	}
	other, err := account.NewSecret(strings.NewReader(strings.Repeat("another key ", 10)))
	h.must(err)
	h.must(h.store.PutKey(t.Context(), account.Remember("key_other", h.client.ID, other, start)))
	h.secret = other
	again := h.keyed("k", audio("wav 200000"), part{name: "externalId", value: "x"})
	if again.status != http.StatusAccepted || again.header.Get("Idempotency-Replayed") != "true" || again.at("id") != first.at("id") {
		t.Errorf("by another key of the client: %d %s", again.status, again.raw)
	}
	if a, err := h.store.Account(t.Context(), rich.ID); err != nil || a.Held != 0 {
		t.Errorf("another client's account: %+v %v", a, err)
	}
}

// Ensure that a key repeats its first 202 even after the run failed, without a hold or a start: to
// try a failed run again, a client needs another key.
func TestAReplayAfterAFailure(t *testing.T) {
	for _, c := range []errcode.Code{errcode.TranscriptionFailed, errcode.ScoringFailed, errcode.AccentScoreUnavailable, errcode.ServiceConfigurationError, errcode.StuckTimeout, errcode.InternalError} {
		h := newHouse(t)
		first := h.keyed("k", audio(fourMinutes))
		first.has(http.StatusAccepted)
		id, _ := first.at("id").(string)
		h.fail(run.ID(id), c)
		// Retention may have removed the recording meanwhile.
		h.must(h.objects.Delete(t.Context(), pipeline.Key(run.ID(id), 1, pipeline.Original, 0)))
		h.clock.Advance(time.Hour)
		again := h.keyed("k", audio(fourMinutes))
		if again.status != http.StatusAccepted || again.header.Get("Idempotency-Replayed") != "true" || again.at("id") != id || again.at("timestamp") != first.at("timestamp") || again.at("credits.held") != 4.0 {
			t.Errorf("after %s: %d %s", c, again.status, again.raw)
		}
		if a, err := h.store.Account(t.Context(), h.client.ID); err != nil || a.Held != 0 || a.Running != 0 || h.run(run.ID(id)).Attempt != 1 {
			t.Errorf("after %s: %+v %v", c, a, err)
		}
		if r := h.keyed("k2", audio(fourMinutes)); r.status != http.StatusAccepted || r.at("id") == id {
			t.Errorf("by another key after %s: %d %s", c, r.status, r.raw)
		}
	}
}

// Ensure that a key's length is counted in Unicode characters, and that keys differ by case and by
// inner spaces.
func TestIdempotencyKeysAreText(t *testing.T) {
	h := newHouse(t)
	h.client.ConcurrentRuns = 10
	h.must(h.store.PutClient(t.Context(), h.client))
	seen := map[any]string{}
	for _, key := range []string{"a", "A", "a b", "a  b", strings.Repeat("ü", 255), `"quoted"`, "a,b"} {
		r := h.keyed(key, audio(fourMinutes))
		r.has(http.StatusAccepted)
		if other, twice := seen[r.at("id")]; twice {
			t.Errorf("%q is taken for %q", key, other)
		}
		seen[r.at("id")] = key
	}
	for _, key := range []string{strings.Repeat("ü", 256), "\xff", "a\xc3"} {
		h.keyed(key, audio(fourMinutes)).is(errcode.InvalidParameters)
	}
}

// Ensure that polls and lists show a partial run as such: charged for the scores produced, null for
// the others, and without an error.
func TestPollPartial(t *testing.T) {
	h := newHouse(t)
	id := h.accept(part{name: "allowPartial", value: "true"})
	h.partial(id, reportJSON, run.Scores{"fluency": 3.0, "accent": 4.0, "overall": 3.5})
	for name, r := range map[string]reply{"poll": h.get("/speech/analyze/" + string(id)), "list": {t: t, body: h.get("/runs?status=partial").at("data").([]any)[0].(map[string]any)}} {
		for path, want := range map[string]any{
			"status": "partial", "error": nil, "credits.deducted": 2.0, "credits.remainingBalance": 98.0, "scores.vocabulary": nil, "scores.vocabularyCefr": nil, "scores.vocabularyPercent": nil,
			"confidence.vocabulary": nil, "scores.fluency": 3.0,
		} {
			if got := r.at(path); got != want {
				t.Errorf("%s: %s is %v, want %v", name, path, got, want)
			}
		}
	}
	if a, err := h.store.Account(t.Context(), h.client.ID); err != nil || a.Balance != 98 || a.Held != 0 || a.Available != 98 {
		t.Errorf("%+v %v", a, err)
	}
	var kinds []any
	for _, e := range h.get("/credits").at("recentTransactions").([]any) {
		kinds = append(kinds, e.(map[string]any)["type"], e.(map[string]any)["amount"])
	}
	if want := []any{"release", 2.0, "charge", 2.0, "hold", 4.0, "grant", 100.0}; !reflect.DeepEqual(kinds, want) {
		t.Errorf("the ledger has %v, want %v", kinds, want)
	}
}

// Ensure that new entries do not shift the later pages of the ledger.
func TestTransactionPagesWhileEntriesArrive(t *testing.T) {
	h := newHouse(t)
	for range 9 {
		h.grant(h.client.ID, 1)
	}
	var got []string
	for cursor := ""; ; {
		r := h.get("/credits/transactions?limit=3" + cursor)
		r.has(http.StatusOK)
		got = append(got, r.ids()...)
		next, more := r.at("nextCursor").(string)
		if !more {
			break
		}
		cursor = "&cursor=" + next
		h.grant(h.client.ID, 1)
		h.accept()
	}
	var want []string
	for i := 10; i > 0; i-- {
		want = append(want, fmt.Sprintf("txn_%012d", i))
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Ensure that the pages of a list have every run, and that a last page has no next page even if it
// is full.
func TestTheLastPage(t *testing.T) {
	for n, pages := range map[int]int{0: 1, 1: 1, 2: 1, 3: 2, 4: 2, 5: 3} {
		h := newHouse(t)
		for range n {
			h.accept()
			h.clock.Advance(time.Millisecond)
		}
		got, seen := 0, 0
		for cursor := ""; got < 10; {
			r := h.get("/runs?limit=2" + cursor)
			got++
			seen += len(r.ids())
			next, more := r.at("nextCursor").(string)
			if !more {
				break
			}
			cursor = "&cursor=" + next
		}
		if got != pages || seen != n {
			t.Errorf("%d runs: %d on %d pages, want %d pages", n, seen, got, pages)
		}
	}
}

// Ensure that a filter applies to every page, and that a run that stops matching meanwhile ends no
// page early.
func TestFilteredPages(t *testing.T) {
	h := newHouse(t)
	h.client.ConcurrentRuns = 20
	h.must(h.store.PutClient(t.Context(), h.client))
	var want []string
	for i := range 12 {
		id := h.accept(part{name: "tags", value: fmt.Sprint("t", i%3)})
		h.clock.Advance(time.Millisecond)
		if i%3 == 1 {
			want = append([]string{string(id)}, want...)
		}
	}
	var got []string
	for cursor := ""; ; {
		r := h.get("/runs?limit=1&tag=t1&status=processing" + cursor)
		r.has(http.StatusOK)
		got = append(got, r.ids()...)
		next, more := r.at("nextCursor").(string)
		if !more {
			break
		}
		h.must(h.end(run.ID(got[len(got)-1])))
		cursor = "&cursor=" + url.QueryEscape(next)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Ensure that an entry of the ledger never changes, whatever is written, ended, retried and erased
// after it, and that each entry follows from the one before.
func TestEntriesStayAsTheyWere(t *testing.T) {
	h := newHouse(t)
	var before []any
	step := func(what string, do func()) {
		t.Helper()
		do()
		h.clock.Advance(time.Hour)
		r := h.get("/credits/transactions?limit=100")
		r.has(http.StatusOK)
		now := r.at("data").([]any)
		if len(now) < len(before) || len(before) > 0 && !reflect.DeepEqual(now[len(now)-len(before):], before) {
			t.Errorf("after %s: %v\nbefore: %v", what, now, before)
		}
		before = now
	}
	var won, lost, half run.ID
	step("submits", func() {
		won, lost = h.accept(), h.accept()
		half = h.accept(part{name: "allowPartial", value: "true"})
	})
	step("a success", func() { h.succeed(won, reportJSON) })
	step("a failure", func() { h.fail(lost, errcode.ScoringFailed) })
	step("a partial run", func() {
		h.partial(half, reportJSON, run.Scores{"fluency": 3.0, "accent": 4.0, "overall": 3.5})
	})
	step("a correction", func() {
		_, err := h.store.Adjust(t.Context(), h.client.ID, -7, "a correction", h.clock.Now())
		h.must(err)
	})
	step("an erasure", func() { h.erase(won).erased() })
	step("another attempt", func() {
		r := h.run(lost)
		_, err := h.store.Retry(t.Context(), r, run.Submission{Run: r, Terms: speech.Service.Terms(0, 2, pipeline.Budget(0))}, h.clock.Now())
		h.must(err)
	})
	step("refused submits", func() { h.submit(audio("wav 2000000")); h.submit(audio("x")) })
	balance, held := 0.0, 0.0
	for i := len(before) - 1; i >= 0; i-- {
		e := reply{t: t, body: before[i].(map[string]any)}
		amount := e.at("amount").(float64)
		switch e.at("type") {
		case "grant", "adjust":
			balance += amount
		case "hold":
			held += amount
		case "release":
			held -= amount
		case "charge":
			held, balance = held-amount, balance-amount
		}
		if e.at("balanceAfter") != balance || e.at("heldAfter") != held {
			t.Errorf("entry %v, by those before it %v and %v", e.body, balance, held)
		}
	}
	if c := h.get("/credits"); c.at("balance") != balance || c.at("held") != held || c.at("available") != balance-held {
		t.Errorf("the account is %s, its entries make %v and %v", c.raw, balance, held)
	}
}

// Ensure that createdAfter is inclusive and createdBefore exclusive, and that a list is empty if
// the two cross.
func TestBoundsOfTime(t *testing.T) {
	h := newHouse(t)
	id := string(h.accept()) // at 12:34:56.789
	for query, want := range map[string][]string{
		"createdAfter=2026-04-21T12:34:56.789Z&createdBefore=2026-04-21T12:34:56.790Z": {id},
		"createdAfter=2026-04-21T12:34:56.789Z&createdBefore=2026-04-21T12:34:56.789Z": {},
		"createdAfter=2026-04-22&createdBefore=2026-04-20":                             {},
		"createdAfter=2026-04-21T14:34:56.789%2B02:00":                                 {id},
		"createdAfter=2026-04-21T12:34:56,789Z":                                        {id},
		"createdAfter=2026-04-21T12:34:56.7891Z":                                       {},
		"createdBefore=2026-04-21T12:34:56.7891Z":                                      {id},
		"createdBefore=9999-12-31T23:59:59Z":                                           {id},
		"createdAfter=1900-01-01T00:00:00Z":                                            {id},
		"createdBefore=1969-12-31T23:59:59Z":                                           {},
		"createdAfter=0001-01-01T00:00:00Z":                                            {id},
		"createdBefore=0001-01-01T00:00:00Z":                                           {},
		"createdAfter=20260421T123456.789Z":                                            {id},
		"createdAfter=20260421T143456.789%2B0200":                                      {id},
		"createdAfter=2026-04-21T14:34:56.789%2B0200":                                  {id},
		"createdAfter=2026-04-21T14:34:56.790%2B02":                                    {},
		"createdBefore=20260421":                                                       {},
	} {
		if got := h.get("/runs?" + query).ids(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s finds %v, want %v", query, got, want)
		}
	}
	for _, bad := range []string{"2026-04-21T12:34:60Z", "2026-04-21T24:00:00Z", "2026-04-21 12:34:56Z", "2026-04-21T12:34:56+02:00", "2026-04-21T12:34:56z", "20260421 123456Z", "1776774896", "10000-01-01T00:00:00Z", "2026-02-29"} {
		h.get("/runs?createdAfter=" + strings.ReplaceAll(bad, " ", "%20")).is(errcode.InvalidDate)
	}
}
