package browser_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"parley/infra/console"
	"parley/infra/prove/browser"
	"parley/shared/api"
	"parley/shared/client"
	"parley/shared/clock"
	"parley/shared/page"
)

// need starts the browser, or skips the test.
func need(t *testing.T) *browser.Browser {
	t.Helper()
	if os.Getenv("PARLEY_HEAVY") == "" {
		t.Skip("PARLEY_HEAVY is not set")
	}
	if !browser.Installed() {
		t.Skip("chromium is not installed (apt-get install chromium)")
	}
	b, err := browser.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// entry returns one run of a list.
func entry(id, name string, score float64) []byte {
	return fmt.Appendf(nil, `{"id":%q,"externalId":%q,"status":"success","createdAt":"2026-04-21T10:00:00.000Z","completedAt":"2026-04-21T10:02:00.000Z","audio":{"quality":{"cautions":["It is noisy."]}},
		"scores":{"overall":%v,"cefrLevel":"B2","fluency":3},"confidence":{"overall":{"level":"low","interval":[%v,%v]}},"credits":{"deducted":4},"error":null}`, id, name, score, score-0.5, score+0.5)
}

// pages serves every page that the service and the local system show to people, without the
// engines.
func pages(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	send := func(p page.Page, err error) http.HandlerFunc {
		if err != nil {
			t.Fatal(err)
		}
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Security-Policy", p.CSP)
			_, _ = w.Write(p.HTML)
		}
	}
	for _, name := range []string{"success", "processing", "failed"} {
		raw, err := os.ReadFile(filepath.Join("../../../shared/api/examples", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		mux.HandleFunc("GET /report/"+name, send(page.Make(raw, page.Options{Docs: "../api/v1/docs"})))
	}
	mux.HandleFunc("GET /compare", send(page.Compare([][]byte{entry("req_a", "Ada", 3), entry("req_b", "Bob", 3.4), entry("req_c", "Cem", 1)}, page.CompareOptions{Title: "june", Links: map[string]string{"req_a": "report/success"}})))
	mux.HandleFunc("GET /refused", send(page.Refusal(http.StatusNotFound), nil))
	mux.Handle("GET /api/v1/docs", api.Docs(api.Deps{Clock: clock.Real{}, Random: rand.Reader, Log: slog.New(slog.DiscardHandler)}))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// own serves the console over canned answers of the public API.
func own(t *testing.T) *httptest.Server {
	t.Helper()
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		body := map[string]string{
			"/runs":                 `{"data":[` + string(entry("req_a", "Ada", 3)) + `,{"id":"req_b","status":"processing","stage":"transcribe","progress":40,"credits":{"held":4}}],"nextCursor":null}`,
			"/credits":              `{"balance":10,"held":4,"available":6,"recentTransactions":[]}`,
			"/credits/transactions": `{"data":[{"id":"txn_000000000001","type":"grant","amount":10,"createdAt":"2026-04-21T10:00:00.000Z","runId":null,"note":"initial credits"}],"nextCursor":null}`,
			"/speech/analyze":       `{"id":"req_b","status":"processing"}`,
		}[strings.TrimPrefix(r.URL.Path, api.Base)]
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusAccepted)
		}
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(front.Close)
	c, err := client.New(front.URL, "pk_test")
	if err != nil {
		t.Fatal(err)
	}
	var faults []string
	sources := console.Sources{Client: c, API: front.URL, Offered: []string{"accent=error", "ready=false"},
		Queues: func(context.Context) ([]console.Queue, error) {
			return []console.Queue{{Name: "transcribe", Waiting: 1, Dead: 2}}, nil
		},
		Faults:      func() ([]string, error) { return faults, nil },
		SetFault:    func(spec string) error { faults = append(faults, spec); return nil },
		ClearFaults: func() error { faults = nil; return nil },
	}
	s := httptest.NewUnstartedServer(nil)
	s.Config.Handler = console.Handler(sources, s.Listener.Addr().String())
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// Ensure that no page has a fault of accessibility, complains in the console, asks another origin
// or scrolls sideways, on a telephone, a tablet and a desktop, light and dark.
func TestPagesForEverybody(t *testing.T) {
	b := need(t)
	s, c := pages(t), own(t)
	for _, address := range []string{s.URL + "/report/success", s.URL + "/report/processing", s.URL + "/report/failed", s.URL + "/compare", s.URL + "/refused", s.URL + "/api/v1/docs", c.URL + "/"} {
		for _, width := range []int{360, 768, 1440} {
			v := browser.View{Width: width, Dark: width == 768}
			if strings.HasPrefix(address, c.URL) {
				v.Then = []chromedp.Action{chromedp.WaitVisible("#run-rows tr")}
			}
			if dir := os.Getenv("PARLEY_SHOTS"); dir != "" {
				v.Shot = filepath.Join(dir, fmt.Sprintf("%s-%d.png", strings.Trim(strings.ReplaceAll(strings.SplitN(address, "/", 4)[3], "/", "-"), "-")+"-page", width))
			}
			seen, err := b.Look(address, v)
			if err != nil {
				t.Fatal(err)
			}
			if !seen.OK() {
				t.Errorf("%s at %d px: %+v", address, width, seen)
			}
		}
	}
}

// Ensure that the search of the documentation finds a code, and that its link leads there.
func TestTheDocsAreSearched(t *testing.T) {
	b := need(t)
	var first, here string
	seen, err := b.Look(pages(t).URL+"/api/v1/docs", browser.View{Width: 1440, Then: []chromedp.Action{
		chromedp.SendKeys("#search", "TRANSCRIPTION_LOW_CONFIDENCE"), chromedp.WaitVisible("#found a"),
		chromedp.Text("#found a", &first), chromedp.Click("#found a"), chromedp.Evaluate("location.hash", &here),
	}})
	if err != nil || first != "TRANSCRIPTION_LOW_CONFIDENCE" || here != "#code-TRANSCRIPTION_LOW_CONFIDENCE" || !seen.OK() {
		t.Errorf("%q leads to %q: %v %+v", first, here, err, seen)
	}
}

// Ensure that the console takes a recording, and switches a fault on and off.
func TestTheConsoleIsUsed(t *testing.T) {
	b := need(t)
	recording := filepath.Join(t.TempDir(), "mine.mp3")
	if err := os.WriteFile(recording, []byte("sound"), 0o600); err != nil {
		t.Fatal(err)
	}
	var said, on, off string
	says := func(selector, want string) chromedp.Action {
		return chromedp.Poll(fmt.Sprintf("document.querySelector(%q).textContent.includes(%q)", selector, want), nil, chromedp.WithPollingTimeout(30*time.Second))
	}
	seen, err := b.Look(own(t).URL+"/", browser.View{Width: 1440, Then: []chromedp.Action{
		chromedp.WaitVisible("#run-rows tr"),
		chromedp.SetUploadFiles("#file", []string{recording}), says("#said", "is processing"), chromedp.Text("#said", &said),
		chromedp.Click("#fault button"), says("#in-effect", "accent=error"), chromedp.Text("#in-effect", &on),
		chromedp.Click("#clear"), says("#in-effect", "None"), chromedp.Text("#in-effect", &off),
	}})
	if err != nil || !seen.OK() || !strings.HasPrefix(said, "mine.mp3") {
		t.Errorf("%v %+v: %q, %q, %q", err, seen, said, on, off)
	}
}
