package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"parley/shared/client"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// service stands for Parley: it answers "METHOD /path" below /api/v1 with a status and a body.
func service(answers map[string]answer) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := answers[r.Method+" "+r.URL.RequestURI()]
		if !ok {
			a = answer{http.StatusNotFound, `{"error":{"code":"RESOURCE_NOT_FOUND","message":"There is no such path."}}`}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.status)
		_, _ = w.Write([]byte(a.body))
	}))
}

type answer struct {
	status int
	body   string
}

// recording writes a file to submit and returns its path; the folder is the caller's to remove.
func recording() (path, dir string) {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		log.Fatal(err)
	}
	path = filepath.Join(dir, "interview.mp3")
	if err := os.WriteFile(path, []byte("ID3"), 0o600); err != nil {
		log.Fatal(err)
	}
	return path, dir
}

// Submit a recording, wait for its end, read the scores.
func Example() {
	server := service(map[string]answer{
		"POST /api/v1/speech/analyze": {http.StatusAccepted, `{"id":"req_1","status":"processing","pollIntervalSeconds":15,"credits":{"held":4}}`},
		"GET /api/v1/speech/analyze/req_1": {http.StatusOK, `{"id":"req_1","status":"success",
			"scores":{"vocabulary":3.5,"vocabularyCefr":"C1","fluency":3.8,"fluencyCefr":"C1","accent":null,"accentCefr":null,"overall":3.6,"cefrLevel":"C1"}}`},
	})
	defer server.Close()
	file, dir := recording()
	defer func() { _ = os.RemoveAll(dir) }()

	c, err := client.New(server.URL, "pk_…")
	if err != nil {
		log.Fatal(err)
	}
	accepted, err := c.Submit(context.Background(), file, client.Options{Language: "en", ExternalID: "interview-1042"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(accepted.ID, accepted.Status, "holds", accepted.Credits.Held, "credits")

	r, err := c.Wait(context.Background(), accepted.ID, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Status, "fluency", r.Scores["fluency"].Points)
	if _, measured := r.Scores["accent"]; !measured {
		fmt.Println("accent not measured")
	}
	// Output:
	// req_1 processing holds 4 credits
	// success fluency 3.8
	// accent not measured
}

// A server may be named with or without the base path of the API.
func ExampleNew() {
	for _, server := range []string{"https://parley.example.com", "https://parley.example.com/api/v1/", "parley.example.com"} {
		_, err := client.New(server, "pk_…")
		fmt.Println(err)
	}
	// Output:
	// <nil>
	// <nil>
	// client: "parley.example.com" is not the URL of a service, such as https://parley.example.com
}

// The same file with the same options is the same run for 24 hours: a submit that is repeated after
// a crash is not paid twice.
func ExampleClient_Submit() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("with a key that makes it safe to repeat:", r.Header.Get("Idempotency-Key") != "")
		w.Header().Set("Idempotency-Replayed", "true")
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write([]byte(`{"id":"req_1","status":"queued","queuePosition":2,"credits":{"held":4}}`))
	}))
	defer server.Close()
	file, dir := recording()
	defer func() { _ = os.RemoveAll(dir) }()

	c, err := client.New(server.URL, "pk_…")
	if err != nil {
		log.Fatal(err)
	}
	a, err := c.Submit(context.Background(), file, client.Options{Tags: []string{"june"}})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(a.ID, a.Status, "at", a.QueuePosition, "- replayed:", a.Replayed)
	// Output:
	// with a key that makes it safe to repeat: true
	// req_1 queued at 2 - replayed: true
}

// A run under way says which stage it is in and when to ask again. Scores come with its end.
func ExampleClient_Poll() {
	server := service(map[string]answer{
		"GET /api/v1/speech/analyze/req_1": {http.StatusOK, `{"id":"req_1","status":"processing","stage":"transcribe","progress":40}`},
	})
	defer server.Close()

	c, err := client.New(server.URL, "pk_…")
	if err != nil {
		log.Fatal(err)
	}
	r, err := c.Poll(context.Background(), "req_1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %s, %d %%, scores: %t\n", r.Status, r.Stage, r.Progress, r.Scores != nil)
	// Output:
	// processing: transcribe, 40 %, scores: false
}

// Show each reading while waiting. A failed run is no error: its Failure says why.
func ExampleClient_Wait() {
	server := service(map[string]answer{
		"GET /api/v1/speech/analyze/req_1": {http.StatusOK, `{"id":"req_1","status":"failed","scores":null,
			"error":{"code":"TRANSCRIPTION_FAILED","message":"No speech was found in the recording."}}`},
	})
	defer server.Close()

	c, err := client.New(server.URL, "pk_…")
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Hour)
	defer stop()
	r, err := c.Wait(ctx, "req_1", func(r client.Run) { fmt.Println("read:", r.Status) })
	if err != nil {
		log.Fatal(err)
	}
	if r.Status == run.Failed {
		fmt.Println(r.Failure.Code)
	}
	// Output:
	// read: failed
	// TRANSCRIPTION_FAILED
}

// Read a list page by page, newest first.
func ExampleClient_Runs() {
	server := service(map[string]answer{
		"GET /api/v1/runs?status=failed":            {http.StatusOK, `{"data":[{"id":"req_3"},{"id":"req_2"}],"nextCursor":"abc"}`},
		"GET /api/v1/runs?cursor=abc&status=failed": {http.StatusOK, `{"data":[{"id":"req_1"}],"nextCursor":null}`},
	})
	defer server.Close()

	c, err := client.New(server.URL, "pk_…")
	if err != nil {
		log.Fatal(err)
	}
	for f := (client.Filter{Status: run.Failed}); ; {
		page, err := c.Runs(context.Background(), f)
		if err != nil {
			log.Fatal(err)
		}
		for _, r := range page.Data {
			fmt.Println(r.ID)
		}
		if page.NextCursor == nil {
			break
		}
		f.Cursor = *page.NextCursor
	}
	// Output:
	// req_3
	// req_2
	// req_1
}

// What is held is still the client's, but not available: running runs will be charged with it.
func ExampleClient_Credits() {
	server := service(map[string]answer{
		"GET /api/v1/credits": {http.StatusOK, `{"balance":996,"held":8,"available":988,"usage":{"today":4,"last30Days":null}}`},
	})
	defer server.Close()

	c, err := client.New(server.URL, "pk_…")
	if err != nil {
		log.Fatal(err)
	}
	account, err := c.Credits(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(account.Balance, "=", account.Held, "held +", account.Available, "available")
	// Output:
	// 996 = 8 held + 988 available
}

// Read the ledger's newest entries.
func ExampleClient_Transactions() {
	server := service(map[string]answer{
		"GET /api/v1/credits/transactions?limit=2": {http.StatusOK, `{"data":[
			{"id":"txn_000000000002","type":"charge","amount":4,"runId":"req_1","balanceAfter":96,"heldAfter":0},
			{"id":"txn_000000000001","type":"grant","amount":100,"runId":null,"balanceAfter":100,"heldAfter":0}],"nextCursor":null}`},
	})
	defer server.Close()

	c, err := client.New(server.URL, "pk_…")
	if err != nil {
		log.Fatal(err)
	}
	page, err := c.Transactions(context.Background(), 2, "")
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range page.Data {
		fmt.Println(e.Type, e.Amount, "leaves", e.BalanceAfter)
	}
	// Output:
	// charge 4 leaves 96
	// grant 100 leaves 100
}

// A service that is warming up is no error.
func ExampleClient_Health() {
	server := service(map[string]answer{
		"GET /api/v1/health": {http.StatusServiceUnavailable, `{"error":{"code":"SERVICE_WARMING_UP",
			"message":"The service is warming up.","details":{"parts":{"accent":"warming_up","ingest":"ready"}}}}`},
	})
	defer server.Close()

	c, err := client.New(server.URL, "")
	if err != nil {
		log.Fatal(err)
	}
	h, err := c.Health(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(h.Status, "- accent:", h.Parts["accent"])
	// Output:
	// warming_up - accent: warming_up
}

// A run can be erased once it has ended.
func ExampleClient_Erase() {
	server := service(map[string]answer{
		"DELETE /api/v1/speech/analyze/req_1": {http.StatusNoContent, ""},
		"DELETE /api/v1/speech/analyze/req_2": {http.StatusConflict, `{"error":{"code":"RUN_NOT_TERMINAL","message":"The run has not ended yet."}}`},
	})
	defer server.Close()

	c, err := client.New(server.URL, "pk_…")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Erase(context.Background(), "req_1"))
	fmt.Println(c.Erase(context.Background(), "req_2"))
	// Output:
	// <nil>
	// RUN_NOT_TERMINAL: The run has not ended yet.
}

// Hand somebody without a key a page about a run, and end every such link.
func ExampleClient_CreateReport() {
	server := service(map[string]answer{
		"POST /api/v1/speech/analyze/req_1/report":   {http.StatusCreated, `{"url":"https://parley.example.com/api/v1/reports/c2Fk","expiresAt":"2026-04-22T12:34:56.789Z"}`},
		"DELETE /api/v1/speech/analyze/req_1/report": {http.StatusNoContent, ""},
	})
	defer server.Close()

	c, err := client.New(server.URL, "pk_…")
	if err != nil {
		log.Fatal(err)
	}
	link, err := c.CreateReport(context.Background(), "req_1", 24*time.Hour)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(link.URL, "until", time.Time(link.ExpiresAt).Format(time.DateTime))
	fmt.Println(c.RevokeReports(context.Background(), "req_1"))
	// Output:
	// https://parley.example.com/api/v1/reports/c2Fk until 2026-04-22 12:34:56
	// <nil>
}

// Compare the newest runs with one tag on a page.
func ExampleClient_Compare() {
	server := service(map[string]answer{
		"POST /api/v1/reports": {http.StatusCreated, `{"url":"https://parley.example.com/api/v1/reports/compare/c2Fk","expiresAt":"2026-04-28T12:34:56.789Z","runs":7}`},
	})
	defer server.Close()

	c, err := client.New(server.URL, "pk_…")
	if err != nil {
		log.Fatal(err)
	}
	comparison, err := c.Compare(context.Background(), client.ByTag, "june", 0)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(comparison.Runs, "runs:", comparison.URL)
	// Output:
	// 7 runs: https://parley.example.com/api/v1/reports/compare/c2Fk
}

// Tell refusals apart by their code, never by their message.
func ExampleIs() {
	server := service(map[string]answer{
		"GET /api/v1/speech/analyze/req_9": {http.StatusNotFound, `{"error":{"code":"REQUEST_NOT_FOUND","message":"There is no such run."}}`},
	})
	defer server.Close()

	c, err := client.New(server.URL, "pk_…")
	if err != nil {
		log.Fatal(err)
	}
	_, err = c.Poll(context.Background(), "req_9")
	fmt.Println(client.Is(err, errcode.RequestNotFound), client.Is(err, errcode.InternalError))
	// Output:
	// true false
}

// The status, the request's id and how long to wait come with a refusal.
func ExampleError() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		w.Header().Set("X-Request-Id", "abc")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = w.Write([]byte(`{"error":{"code":"RATE_LIMIT_EXCEEDED","message":"Too many requests."}}`))
	}))
	defer server.Close()

	c, err := client.New(server.URL, "pk_…")
	if err != nil {
		log.Fatal(err)
	}
	_, err = c.Credits(context.Background())
	if refused, ok := errors.AsType[*client.Error](err); ok {
		fmt.Println(refused.Status, refused.Code, refused.RequestID, "again in", refused.RetryAfter)
	}
	// Output:
	// 429 RATE_LIMIT_EXCEEDED abc again in 1h0m0s
}

// Send every call through another transport, here one that counts.
func ExampleClient_Through() {
	server := service(map[string]answer{"GET /api/v1/health": {http.StatusOK, `{"status":"ready"}`}})
	defer server.Close()

	c, err := client.New(server.URL, "")
	if err != nil {
		log.Fatal(err)
	}
	calls := 0
	c.Through(transport(func(r *http.Request) (*http.Response, error) {
		calls++
		return http.DefaultTransport.RoundTrip(r)
	}))
	if _, err := c.Health(context.Background()); err != nil {
		log.Fatal(err)
	}
	fmt.Println(calls, "call")
	// Output:
	// 1 call
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }
