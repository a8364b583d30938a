package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"parley/infra/console"
	"parley/shared/client"
)

const self = "127.0.0.1:8081"

// system answers like the public API, and notes what it was asked.
type system struct {
	asked  []string
	faults []string
}

func (s *system) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	s.asked = append(s.asked, r.Method+" "+r.URL.Path)
	status := http.StatusOK
	var body string
	switch strings.TrimPrefix(r.URL.Path, "/api/v1") {
	case "/runs":
		body = `{"data":[{"id":"req_aaaaaaaaaaaaaaaaaaaaaaaaaa","status":"processing","stage":"transcribe","progress":40}],"nextCursor":null}`
	case "/credits":
		body = `{"balance":10,"held":4,"available":6,"recentTransactions":[]}`
	case "/credits/transactions":
		body = `{"data":[{"id":"txn_000000000001","type":"grant","amount":10}],"nextCursor":null}`
	case "/speech/analyze":
		status, body = http.StatusAccepted, `{"id":"req_aaaaaaaaaaaaaaaaaaaaaaaaaa","status":"processing"}`
	case "/speech/analyze/req_aaaaaaaaaaaaaaaaaaaaaaaaaa/report":
		status, body = http.StatusCreated, `{"url":"http://127.0.0.1:8080/api/v1/reports/token","expiresAt":"2026-04-21T12:34:56.789Z"}`
	default:
		status, body = http.StatusNotFound, `{"error":{"code":"NOT_FOUND","message":"None.","timestamp":"2026-04-21T12:34:56.789Z"}}`
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func open(t *testing.T) (*system, http.Handler) {
	t.Helper()
	s := &system{}
	api := httptest.NewServer(s)
	t.Cleanup(api.Close)
	c, err := client.New(api.URL, "pk_test")
	if err != nil {
		t.Fatal(err)
	}
	return s, console.Handler(console.Sources{Client: c, API: api.URL,
		Queues: func(context.Context) ([]console.Queue, error) {
			return []console.Queue{{Name: "transcribe", Waiting: 1, Dead: 2}}, nil
		},
		Faults: func() ([]string, error) { return s.faults, nil },
		SetFault: func(spec string) error {
			if spec != "accent=error" {
				return errors.New("no such fault")
			}
			s.faults = append(s.faults, spec)
			return nil
		},
		ClearFaults: func() error { s.faults = nil; return nil },
		Offered:     []string{"accent=error"},
	}, self)
}

func ask(h http.Handler, method, path, origin, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = self
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Ensure that the console shows the runs, the queues with their dead letters, the ledger and the
// faults.
func TestState(t *testing.T) {
	_, h := open(t)
	var got struct {
		Runs    []struct{ Stage string }
		Credits struct{ Available int }
		Ledger  struct{ Data []struct{ Type string } }
		Queues  []struct{ Dead int }
		Offered []string
	}
	w := ask(h, http.MethodGet, "/state", "", "")
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Runs[0].Stage != "transcribe" || got.Credits.Available != 6 || got.Ledger.Data[0].Type != "grant" || got.Queues[0].Dead != 2 || len(got.Offered) != 1 {
		t.Errorf("%v %d %s", err, w.Code, w.Body)
	}
}

// Ensure that a dropped recording is submitted, and that a run's report opens.
func TestSubmitAndOpen(t *testing.T) {
	s, h := open(t)
	if w := ask(h, http.MethodPost, "/submit?name=mine.mp3", "http://"+self, "sound"); w.Code != http.StatusAccepted || !strings.Contains(w.Body.String(), "processing") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(h, http.MethodPost, "/report", "http://"+self, "id=req_aaaaaaaaaaaaaaaaaaaaaaaaaa"); w.Code != http.StatusSeeOther || !strings.HasSuffix(w.Header().Get("Location"), "/reports/token") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := ask(h, http.MethodPost, "/report", "http://"+self, "id=unknown"); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "NOT_FOUND") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if len(s.asked) != 3 {
		t.Errorf("asked %v", s.asked)
	}
}

// Ensure that faults are switched on and off, and that a wrong one is refused.
func TestFaults(t *testing.T) {
	s, h := open(t)
	if w := ask(h, http.MethodPost, "/fault", "http://"+self, "accent=error"); w.Code != http.StatusNoContent || len(s.faults) != 1 {
		t.Errorf("%d %v", w.Code, s.faults)
	}
	if w := ask(h, http.MethodPost, "/fault", "http://"+self, "x"); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "no such fault") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(h, http.MethodPost, "/clear", "http://"+self, ""); w.Code != http.StatusNoContent || len(s.faults) != 0 {
		t.Errorf("%d %v", w.Code, s.faults)
	}
}

// Ensure that the console answers its own page only: no other page changes anything, and none reads
// it under a name of its own.
func TestOnlyItsOwnPage(t *testing.T) {
	s, h := open(t)
	for _, path := range []string{"/submit", "/report", "/fault", "/clear"} {
		for _, origin := range []string{"", "null", "http://evil.example", "https://" + self, "http://127.0.0.1:8080"} {
			if w := ask(h, http.MethodPost, path, origin, "accent=error"); w.Code != http.StatusForbidden {
				t.Errorf("%s from %q: %d", path, origin, w.Code)
			}
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/state", nil)
	r.Host = "evil.example:8081"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusForbidden || len(s.asked) != 0 || len(s.faults) != 0 {
		t.Errorf("%d %v %v", w.Code, s.asked, s.faults)
	}
	w = ask(h, http.MethodGet, "/", "", "")
	if policy := w.Header().Get("Content-Security-Policy"); w.Code != http.StatusOK || strings.Contains(w.Body.String(), "{{") || !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("%d %s", w.Code, policy)
	}
}
