// Package console is the page of a local system: drop a recording, watch its stages, open its
// report; the runs, the queues with their dead letters, the demo client's ledger, and the faults to
// switch. It calls the public API with the client's key, and reads what the operator's commands
// read. It is part of the local system and never deployed.
package console

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"parley/shared/client"
	"parley/shared/engine/run"
)

// Queue is a queue of the system, with its counts.
type Queue struct {
	Name     string `json:"name"`
	Waiting  int    `json:"waiting"`
	InFlight int    `json:"inFlight"`
	Delayed  int    `json:"delayed"`
	Dead     int    `json:"dead"`
}

// Sources are what the console shows and switches.
type Sources struct {
	// Client calls the public API.
	Client *client.Client
	// API is the address of the public API, whose pages the console links to.
	API string
	// Queues reads the queues.
	Queues func(context.Context) ([]Queue, error)
	// Faults reads the faults in effect; SetFault adds one by its text, ClearFaults removes all.
	Faults      func() ([]string, error)
	SetFault    func(spec string) error
	ClearFaults func() error
	// Offered are the faults that the page offers.
	Offered []string
}

const (
	// maxUpload bounds what is dropped, in bytes: a little more than the service accepts, so that
	// it is the service that refuses.
	maxUpload = 40 << 20
	// maxShort bounds any other body, in bytes.
	maxShort = 1 << 10
	// listed is how many runs and ledger entries are shown.
	listed = 50
	// patience bounds a look at the system.
	patience = 10 * time.Second
)

var (
	//go:embed console.html
	page string
	//go:embed console.css
	style string
	//go:embed console.js
	script string
)

// Serve serves the console on the listener until ctx ends.
func Serve(ctx context.Context, l net.Listener, s Sources) error {
	server := &http.Server{Handler: Handler(s, l.Addr().String()), ReadHeaderTimeout: patience}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		_ = server.Close() // requests in flight are only looks at the system
	}()
	err := server.Serve(l)
	<-stopped
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("console: %w", err)
}

// Handler answers the console's requests. host is its own address: requests for another are
// refused, so that no web page reaches the console through a name that it made point here, and so
// are changes that another page asks for.
func Handler(s Sources, host string) http.Handler {
	c := &server{Sources: s}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", c.show)
	mux.HandleFunc("GET /state", c.state)
	mux.HandleFunc("POST /submit", c.submit)
	mux.HandleFunc("POST /report", c.report)
	mux.HandleFunc("POST /fault", c.fault)
	mux.HandleFunc("POST /clear", c.clear)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, port, _ := net.SplitHostPort(host)
		own := r.Host == host || r.Host == "localhost:"+port
		if origin := r.Header.Get("Origin"); !own || r.Method != http.MethodGet && origin != "http://"+r.Host {
			http.Error(w, "the console answers its own page only", http.StatusForbidden)
			return
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin") // with no-referrer a form would hide its origin
		h.Set("Content-Security-Policy", c.policy())
		mux.ServeHTTP(w, r)
	})
}

type server struct {
	Sources
	submits sync.Mutex // one recording at a time is held on disk
}

// policy allows the page's own style and script, and a form that leads to a report.
func (c *server) policy() string {
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; style-src " + hash(style) + "; script-src " + hash(script) + "; connect-src 'self'; form-action 'self' " + c.API + "; base-uri 'none'; frame-ancestors 'none'"
}

func (c *server) show(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// The browser has gone.
	_, _ = io.WriteString(w, strings.NewReplacer("{{style}}", style, "{{script}}", script, "{{api}}", c.API).Replace(page))
}

// state is everything that the page shows.
type state struct {
	Runs    []json.RawMessage `json:"runs"`
	Credits json.RawMessage   `json:"credits"`
	Ledger  json.RawMessage   `json:"ledger"`
	Queues  []Queue           `json:"queues"`
	Faults  []string          `json:"faults"`
	Offered []string          `json:"offered"`
}

func (c *server) state(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	v := state{Runs: []json.RawMessage{}, Offered: c.Offered}
	runs, err := c.Client.Runs(ctx, client.Filter{Limit: listed})
	for _, one := range runs.Data {
		v.Runs = append(v.Runs, one.Raw)
	}
	credits, failed := c.Client.Credits(ctx)
	v.Credits = credits.Raw
	err = errors.Join(err, failed)
	ledger, failed := c.Client.Transactions(ctx, listed, "")
	v.Ledger = ledger.Raw
	err = errors.Join(err, failed)
	v.Queues, failed = c.Queues(ctx)
	err = errors.Join(err, failed)
	v.Faults, failed = c.Faults()
	if err = errors.Join(err, failed); err != nil {
		refuse(w, http.StatusBadGateway, err)
		return
	}
	answer(w, http.StatusOK, v)
}

// submit takes a recording as the body, under the name in the query, and submits it.
func (c *server) submit(w http.ResponseWriter, r *http.Request) {
	c.submits.Lock()
	defer c.submits.Unlock()
	dir, err := os.MkdirTemp("", "parley-console-")
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }() // the system's temporary folder is cleared anyway
	file := filepath.Join(dir, "recording")
	f, err := os.Create(file)
	if err == nil {
		_, err = io.Copy(f, http.MaxBytesReader(w, r.Body, maxUpload))
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, fmt.Errorf("read the recording: %w", err))
		return
	}
	name := []rune(r.URL.Query().Get("name"))
	got, err := c.Client.Submit(r.Context(), file, client.Options{ExternalID: string(name[:min(len(name), 255)]), AllowPartial: true, IdempotencyKey: r.Header.Get("Idempotency-Key")})
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	answer(w, http.StatusAccepted, got.Raw)
}

// report leads to the page of a run, by a link for an hour.
func (c *server) report(w http.ResponseWriter, r *http.Request) {
	asked, err := body(w, r)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	fields, err := url.ParseQuery(asked)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	link, err := c.Client.CreateReport(r.Context(), run.ID(fields.Get("id")), time.Hour)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	http.Redirect(w, r, link.URL, http.StatusSeeOther)
}

func (c *server) fault(w http.ResponseWriter, r *http.Request) {
	spec, err := body(w, r)
	if err == nil {
		err = c.SetFault(spec)
	}
	c.done(w, err)
}

func (c *server) clear(w http.ResponseWriter, _ *http.Request) { c.done(w, c.ClearFaults()) }

func (c *server) done(w http.ResponseWriter, err error) {
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func body(w http.ResponseWriter, r *http.Request) (string, error) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxShort))
	if err != nil {
		return "", fmt.Errorf("read the request: %w", err)
	}
	return string(raw), nil
}

func refuse(w http.ResponseWriter, status int, err error) {
	answer(w, status, map[string]string{"error": err.Error()})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the browser has gone
}
