package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"parley/shared/api"
	"parley/shared/engine/account"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

func (h *house) askComparison(body string) reply {
	h.t.Helper()
	return h.do(h.request(http.MethodPost, api.Base+"/reports", strings.NewReader(body)))
}

// comparison makes a link to a comparison and returns the end of its address.
func (h *house) comparison(body string) string {
	h.t.Helper()
	r := h.askComparison(body)
	r.has(http.StatusCreated)
	url, _ := r.at("url").(string)
	end, ok := strings.CutPrefix(url, "http://example.com"+api.Base+"/reports/")
	if !ok || !strings.HasPrefix(end, "compare/") {
		h.t.Fatalf("url %s", url)
	}
	return end
}

// scored accepts a run with fields and ends it with scores.
func (h *house) scored(parts ...part) run.ID {
	h.t.Helper()
	id := h.accept(parts...)
	h.succeed(id, reportJSON)
	return id
}

// Ensure that a comparison shows the client's runs with the tag or the externalId, each with a link
// to its own page, and no others.
func TestComparison(t *testing.T) {
	h := newHouse(t)
	june, july := part{name: "tags", value: "june"}, part{name: "tags", value: "july"}
	ada, bob := part{name: "externalId", value: "Ada"}, part{name: "externalId", value: "Bob"}
	h.scored(june, ada)
	h.scored(june, bob)
	h.scored(july, bob)
	h.accept(june, part{name: "externalId", value: "Cem"})
	r := h.askComparison(`{"by":"tag","value":" june "}`)
	if r.has(http.StatusCreated); r.at("runs") != 3.0 || r.at("expiresAt") != "2026-04-28T12:34:56.789Z" {
		t.Errorf("%s", r.raw)
	}
	w := h.open(h.comparison(`{"by":"tag","value":"june"}`))
	text := w.Body.String()
	for _, part := range []string{"Ada", "Bob", "Cem", "Not finished yet", "not told apart"} {
		if !strings.Contains(text, part) {
			t.Errorf("the page lacks %s", part)
		}
	}
	if n := strings.Count(text, "<tr><td>"); n != 3 || w.Header().Get("Cache-Control") != "private, no-store" || w.Header().Get("Referrer-Policy") != "no-referrer" || w.Header().Get("X-Robots-Tag") != "noindex" {
		t.Errorf("%d rows, %v", n, w.Header())
	}
	_, rest, _ := strings.Cut(text, `<a href="../`)
	own, _, _ := strings.Cut(rest, `"`)
	if page := h.open(own); page.Code != http.StatusOK || !strings.Contains(page.Body.String(), "Speaking report") {
		t.Errorf("a row's link: %d", page.Code)
	}
	if text := h.open(h.comparison(`{"by":"externalId","value":"Bob"}`)).Body.String(); strings.Count(text, "<tr><td>") != 2 || strings.Contains(text, "Ada") {
		t.Error("the comparison of an externalId has other runs")
	}
}

// Ensure that a comparison is also a table and JSON, neither with the client's balance.
func TestComparisonInOtherForms(t *testing.T) {
	h := newHouse(t)
	h.scored(part{name: "tags", value: "june"}, part{name: "externalId", value: "=Ada"})
	end := h.comparison(`{"by":"tag","value":"june"}`)
	table := h.accepting(end+"?format=csv&sort=fluency", "*/*")
	if table.Code != http.StatusOK || table.Header().Get("Content-Type") != "text/csv; charset=utf-8" || !strings.Contains(table.Body.String(), ",'=Ada,success,") || table.Header().Get("Cache-Control") != "private, no-store" {
		t.Errorf("%d %v %s", table.Code, table.Header(), table.Body)
	}
	var got struct {
		Data []struct {
			ExternalID string
			Credits    map[string]any
			Transcript any
		}
	}
	w := h.accepting(end, "application/json")
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got.Data) != 1 || got.Data[0].ExternalID != "=Ada" || got.Data[0].Credits["remainingBalance"] != nil || got.Data[0].Transcript != nil {
		t.Errorf("%v %s", err, w.Body)
	}
}

// Ensure that what does not name runs is refused, with each fault.
func TestComparisonAsked(t *testing.T) {
	h := newHouse(t)
	h.scored(part{name: "tags", value: "june"})
	for body, want := range map[string]string{
		"": "body", "[]": "body", `{"value":"june"}`: "by", `{"by":"name","value":"june"}`: "by", `{"by":null,"value":"june"}`: "by", `{"by":"tag"}`: "value", `{"by":"tag","value":""}`: "value",
		`{"by":"tag","value":" "}`: "value", `{"by":"tag","value":1}`: "value", `{"by":"tag","value":null}`: "value", `{"by":"externalId","value":"` + strings.Repeat("x", 256) + `"}`: "value",
		`{"by":"tag","value":"june","expiresInHours":0}`: "expiresInHours", `{"by":"tag","value":"june","expiresInHours":721}`: "expiresInHours", `{"by":"tag","value":"june","more":1}`: "more",
		`{"by":"tag","value":"` + strings.Repeat("x", 5000) + `"}`: "body",
	} {
		r := h.askComparison(body)
		r.is(errcode.InvalidParameters)
		fields, _ := r.at("error.details.fields").([]any)
		if len(fields) != 1 || fields[0].(map[string]any)["name"] != want {
			t.Errorf("%.60s: %s", body, r.raw)
		}
	}
	h.askComparison(`{"by":"tag","value":"may"}`).is(errcode.RequestNotFound)
	h.askComparison(`{"by":"tag","value":"june","expiresInHours":1}`).has(http.StatusCreated)
	h.askComparison(`{"by":"externalId","value":"` + strings.Repeat("\u00fc", 255) + `"}`).is(errcode.RequestNotFound)
}

// Ensure that a token that is guessed, altered, expired, revoked, of another kind or of erased runs
// always gets the same page.
func TestComparisonThatIsNotThere(t *testing.T) {
	h := newHouse(t)
	first, second := h.scored(part{name: "tags", value: "june"}), h.scored(part{name: "tags", value: "june"})
	good := h.comparison(`{"by":"tag","value":"june"}`)
	token := strings.TrimPrefix(good, "compare/")
	none := h.open("compare/" + strings.Repeat("A", len(token)))
	if none.Code != http.StatusNotFound {
		t.Fatalf("%d", none.Code)
	}
	same := func(name string, w *httptest.ResponseRecorder) {
		t.Helper()
		if w.Code != http.StatusNotFound || w.Body.String() != none.Body.String() || len(w.Header()) != len(none.Header()) {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
	for _, guess := range []string{"x", token[:len(token)-1], token + "A", strings.ToUpper(token), string(first), strings.Repeat("A", 5000), h.link(first, "")} {
		same(guess[:min(len(guess), 20)], h.open("compare/"+guess))
	}
	same("a comparison as a report", h.open(token))
	for i := range token {
		b := []byte(token)
		b[i] = "AB"[b2i(b[i] == 'A')]
		same(fmt.Sprint("character ", i), h.open("compare/"+string(b)))
	}
	short := h.comparison(`{"by":"tag","value":"june","expiresInHours":1}`)
	h.clock.Advance(time.Hour - time.Millisecond)
	if w := h.open(short); w.Code != http.StatusOK {
		t.Errorf("before its end: %d", w.Code)
	}
	h.clock.Advance(time.Millisecond)
	same("expired", h.open(short))

	h.erase(first).erased()
	if w := h.open(good); w.Code != http.StatusOK || strings.Count(w.Body.String(), "<tr><td>") != 1 {
		t.Errorf("after one erasure: %d", w.Code)
	}
	h.revoke(second)
	same("erased and revoked", h.open(good))
	if r := h.askComparison(`{"by":"tag","value":"june"}`); r.at("runs") != 1.0 {
		t.Errorf("an erased run is compared: %s", r.raw)
	}
	h.erase(second).erased()
	h.askComparison(`{"by":"tag","value":"june"}`).is(errcode.RequestNotFound)
	if strings.Contains(h.log.String(), token) {
		t.Error("the log holds a token")
	}
}

// Ensure that a comparison has the runs of its own client alone, at most 50, and that each is bound
// by the rates.
func TestComparisonBelongsToTheClient(t *testing.T) {
	h := newHouse(t)
	h.client.ConcurrentRuns = 100
	h.must(h.store.PutClient(t.Context(), h.client))
	h.grant(h.client.ID, 1000)
	h.scored(part{name: "tags", value: "june"})
	mine := h.secret
	_, _, h.secret = h.newClient(nil)
	h.askComparison(`{"by":"tag","value":"june"}`).is(errcode.RequestNotFound)
	h.secret = mine
	for range 55 {
		h.accept(part{name: "tags", value: "june"})
		h.clock.Advance(time.Second)
	}
	end := h.comparison(`{"by":"tag","value":"june"}`)
	if n := strings.Count(h.open(end).Body.String(), "<tr><td>"); n != 50 {
		t.Errorf("%d runs", n)
	}
	for range 119 {
		h.open(end)
	}
	if w := h.open(end); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("opened 121 times in a minute: %d", w.Code)
	}
	_, _, h.secret = h.newClient(func(c *account.Client, _ *account.Key) { c.Permissions = nil })
	h.askComparison(`{"by":"tag","value":"june"}`).is(errcode.MissingPermission)
}
