package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/webhook"
)

func webhookCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "webhook", Short: "Receive webhooks, to try them out", Args: exactly(0, "a subcommand"),
		Example: "  parley webhook listen --addr 127.0.0.1:8090",
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	var asJSON bool
	c.PersistentFlags().BoolVar(&asJSON, "json", false, "print one line of JSON per webhook")
	c.AddCommand(webhookListen(&asJSON))
	return c
}

// Bounds of the listener.
const (
	maxDelivery    = 1 << 20 // bytes of a body
	listenTimeout  = 10 * time.Second
	listenPatience = 2 * time.Second // for answers in progress when it is stopped
)

// secretEnv names the variable with the secret: other users of the machine cannot read it, unlike a
// flag.
const secretEnv = "PARLEY_WEBHOOK_SECRET"

func webhookListen(asJSON *bool) *cobra.Command {
	var addr, secret string
	var status int
	c := &cobra.Command{
		Use: "listen", Short: "Show every webhook received, and check its signature", Args: exactly(0, "no arguments, only flags"),
		Long: `Listens on this machine, prints each webhook and answers 204, until Ctrl-C. If PARLEY_WEBHOOK_SECRET holds the client's secret, it
checks the signatures, and answers 401 if none is valid. You can also pass the secret with --secret, but then everyone who can
list this machine's processes can read it. --status 500 answers as a failing receiver would. A local system posts to this machine
only if it was started with --webhook-loopback.`,
		Example: `  export PARLEY_WEBHOOK_SECRET="$(parley admin webhook secret --client cli_… --local --json | jq -r '.secrets[0].secret')"
  parley webhook listen --addr 127.0.0.1:8090
  parley submit interview.mp3 --webhook-url http://127.0.0.1:8090/`,
		RunE: func(c *cobra.Command, _ []string) error {
			if status < 200 || status > 599 {
				return usage("--status %d: must be 200 to 599", status)
			}
			from := "--secret"
			if !c.Flags().Changed("secret") {
				from, secret = secretEnv, os.Getenv(secretEnv)
			}
			if _, err := account.SigningSecret(secret).Bytes(); secret != "" && err != nil {
				return usage("%s: %w", from, err)
			}
			l, err := net.Listen("tcp", addr)
			if err != nil {
				return exitError{exitUsage, err}
			}
			ear := &listener{out: c.OutOrStdout(), secret: account.SigningSecret(secret), status: status, json: *asJSON, clock: clock.Real{}}
			_ = say(c.ErrOrStderr(), "Listening at http://%s/ (Ctrl-C stops it)\n", l.Addr())
			return ear.serve(c.Context(), l)
		},
	}
	f := c.Flags()
	f.StringVar(&addr, "addr", "127.0.0.1:0", "the address to listen on; port 0: any free port")
	f.StringVar(&secret, "secret", "", "the client's signing secret, whsec_… (default: PARLEY_WEBHOOK_SECRET); without one, signatures are not checked")
	f.IntVar(&status, "status", http.StatusNoContent, "the HTTP status to answer with")
	return c
}

// listener prints the webhooks that it receives.
type listener struct {
	mu     sync.Mutex // guards out: deliveries may be concurrent
	out    io.Writer
	secret account.SigningSecret
	status int
	json   bool
	clock  clock.Clock
}

// deliveryView is one delivery as it is printed.
type deliveryView struct {
	At        time.Time       `json:"at"`
	ID        string          `json:"id"`
	Path      string          `json:"path"`
	Signature string          `json:"signature"` // valid, invalid, unchecked
	Why       string          `json:"why,omitempty"`
	Answered  int             `json:"answered"`
	Body      json.RawMessage `json:"body"` // null: it is not JSON
}

func (l *listener) serve(ctx context.Context, on net.Listener) error {
	s := &http.Server{Handler: l, ReadTimeout: listenTimeout, WriteTimeout: listenTimeout, MaxHeaderBytes: 64 << 10}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), listenPatience)
		defer cancel()
		stopped <- s.Shutdown(end)
	}()
	if err := s.Serve(on); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("webhook: listen: %w", err)
	}
	return <-stopped
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "send webhooks here with POST", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDelivery))
	if err != nil {
		http.Error(w, "the body is too large or incomplete", http.StatusBadRequest)
		return
	}
	v := deliveryView{At: l.clock.Now().UTC(), ID: r.Header.Get(webhook.IDHeader), Path: r.URL.Path, Signature: "unchecked", Answered: l.status}
	if json.Valid(body) {
		v.Body = body
	}
	if l.secret != "" {
		v.Signature = "valid"
		if err := webhook.Verify(l.secret, r.Header, body, l.clock.Now()); err != nil {
			v.Signature, v.Why, v.Answered = "invalid", err.Error(), http.StatusUnauthorized
		}
	}
	l.show(v)
	w.WriteHeader(v.Answered)
}

func (l *listener) show(v deliveryView) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.json {
		// nobody reads on: the deliveries are answered all the same
		_ = json.NewEncoder(l.out).Encode(v)
		return
	}
	var m struct {
		Type string `json:"type"`
		Data struct {
			ID     string `json:"id"`
			Status string `json:"status"`
			Scores struct {
				Overall *float64 `json:"overall"`
			} `json:"scores"`
			Error *struct {
				Code string `json:"code"`
			} `json:"error"`
		} `json:"data"`
	}
	_ = json.Unmarshal(v.Body, &m) // of another shape: its fields stay empty
	line := fmt.Sprintf("%s  %q  run %q  %q", v.At.Format(time.TimeOnly), m.Type, m.Data.ID, m.Data.Status)
	if m.Data.Scores.Overall != nil {
		line += fmt.Sprintf("  overall %.1f", *m.Data.Scores.Overall)
	}
	if m.Data.Error != nil {
		line += fmt.Sprintf("  %q", m.Data.Error.Code)
	}
	line += "  signature " + v.Signature
	if v.Why != "" {
		line += " (" + v.Why + ")"
	}
	_ = say(l.out, "%s  answered %d\n", line, v.Answered) // nobody reads on
}
