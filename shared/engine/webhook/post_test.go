package webhook_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"parley/infra/prove/contract"
	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/run"
	"parley/shared/engine/store/memory"
	"parley/shared/engine/webhook"
)

const client account.ID = "cli_aaaaaaaaaaaaaaaaaaaa"

var ended = run.Run{ID: "req_aaaaaaaaaaaaaaaaaaaaaaaaaa", Client: client, Attempt: 2, Status: run.Success,
	CompletedAt: time.Date(2026, 4, 21, 12, 34, 56, 789e6, time.UTC), Request: run.Request{WebhookURL: "https://example.com/hook?a=b"}}

// names resolves each host to its lists of addresses in turn, and repeats the last one.
type names struct {
	answers [][]netip.Addr
	asked   int
	err     error
}

func (n *names) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	n.asked++
	if n.err != nil {
		return nil, n.err
	}
	return slices.Clone(n.answers[min(n.asked, len(n.answers))-1]), nil
}

func at(addresses ...string) []netip.Addr {
	var all []netip.Addr
	for _, a := range addresses {
		all = append(all, netip.MustParseAddr(a))
	}
	return all
}

// world is a receiver behind the public name example.com, and the poster that reaches it.
type world struct {
	t      *testing.T
	server *httptest.Server
	names  *names
	dialed []string
	store  *memory.Store
	poster webhook.Poster
}

// entry is what a list shows of a failed run.
const entry = `{"id":"req_aaaaaaaaaaaaaaaaaaaaaaaaaa","externalId":null,"status":"failed","serviceType":"speech","timestamp":"2026-04-21T12:34:57.000Z","createdAt":"2026-04-21T12:34:00.000Z",` +
	`"completedAt":"2026-04-21T12:34:56.789Z","processingTimeMs":56789,"scoringMethod":null,"scoringVersion":null,` +
	`"audio":{"durationMs":200000,"durationFormatted":"3:20","format":"flac","sizeBytes":42226,"joins":0,"breaks":{"count":0,"leftOutMs":0},"languageCode":null,"requestedLanguage":"en","speakerCount":null,"channels":null,"quality":null},` +
	`"candidateDetection":null,"scores":null,"confidence":null,"explainability":null,"hrRecommendation":null,"candidateFeedback":null,` +
	`"credits":{"deducted":0,"remainingBalance":12,"audioDurationMinutes":3.33},"error":{"code":"SCORING_FAILED","message":"A scorer failed after its retry."},"metadata":{},"tags":[]}`

// documented checks every webhook that a receiver gets against the OpenAPI document.
func documented(t *testing.T, receive http.HandlerFunc) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if err := contract.CheckDelivery(contract.Delivery{Method: r.Method, Header: r.Header, Body: body}); err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		receive(rw, r)
	}
}

func newWorld(t *testing.T, receive http.HandlerFunc) *world {
	t.Helper()
	w := &world{t: t, server: httptest.NewTLSServer(documented(t, receive)), names: &names{answers: [][]netip.Addr{at("93.184.216.34")}}, store: memory.New()}
	w.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(w.server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(w.server.Certificate())
	w.poster = webhook.Poster{Secrets: w.store, Clock: clock.Real{}, Resolver: w.names, TLS: &tls.Config{RootCAs: roots},
		Data: func(context.Context, run.Run) (json.RawMessage, error) { return json.RawMessage(entry), nil },
		Dialer: func(ctx context.Context, network, address string) (net.Conn, error) {
			w.dialed = append(w.dialed, address)
			return (&net.Dialer{}).DialContext(ctx, network, w.server.Listener.Addr().String())
		}}
	if _, err := account.FirstSecret(t.Context(), w.store, client, bytes.NewReader(bytes.Repeat([]byte{5}, 32)), time.Now()); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) post(r run.Run) run.Try {
	w.t.Helper()
	post, err := w.poster.Prepare(w.t.Context(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	return post(w.t.Context())
}

func TestAPostCarriesWhatStandardWebhooksAskFor(t *testing.T) {
	var got *http.Request
	var body []byte
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		rw.WriteHeader(http.StatusNoContent)
	})
	if try := w.post(ended); try.Status != 204 || !try.Delivered() {
		t.Fatalf("%+v", try)
	}
	if got.Method != http.MethodPost || got.Host != "example.com" || got.URL.String() != "/hook?a=b" || got.Header.Get("Content-Type") != "application/json" || got.TLS.ServerName != "example.com" {
		t.Errorf("%s %s %s %v", got.Method, got.Host, got.URL, got.Header)
	}
	if want := `{"type":"run.completed","timestamp":"2026-04-21T12:34:56.789Z","data":` + entry + `}`; string(body) != want {
		t.Errorf("body %s", body)
	}
	if id := got.Header.Get("webhook-id"); id != "msg_req_aaaaaaaaaaaaaaaaaaaaaaaaaa_2" {
		t.Errorf("id %s", id)
	}
	if len(w.dialed) != 1 || w.dialed[0] != "93.184.216.34:443" {
		t.Errorf("dialed %v", w.dialed)
	}
	verify := func(s account.SigningSecret) error {
		library, err := standardwebhooks.NewWebhook(s.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		if ours := webhook.Verify(s, got.Header, body, time.Now()); (ours == nil) != (library.Verify(body, got.Header) == nil) {
			t.Errorf("the library disagrees with us: %v", ours)
		}
		return library.Verify(body, got.Header)
	}
	first, err := w.store.Signing(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	old := first.Secrets[0].Secret
	if err := verify(old); err != nil {
		t.Error(err)
	}
	rotated, err := account.RotateSecret(t.Context(), w.store, client, bytes.NewReader(bytes.Repeat([]byte{6}, 32)), time.Hour, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(rotated.Secrets[0].Secret); err == nil {
		t.Error("an older message holds by a newer secret")
	}
	w.post(ended)
	for _, s := range rotated.Secrets {
		if err := verify(s.Secret); err != nil || strings.Count(got.Header.Get("webhook-signature"), "v1,") != 2 {
			t.Errorf("while both are valid: %v", err)
		}
	}
	body[0] = '['
	if err := verify(old); err == nil {
		t.Error("a changed body holds")
	}
	body[0] = '{'
	for _, off := range []time.Duration{webhook.Tolerance + 2*time.Second, -webhook.Tolerance - 2*time.Second} {
		if webhook.Verify(old, got.Header, body, time.Now().Add(off)) == nil {
			t.Errorf("a message holds %s from when it was sent", off)
		}
	}
}

func TestOnlyCheckedAddressesAreReached(t *testing.T) {
	for name, tt := range map[string]struct {
		answers []netip.Addr
		why     string
		dialed  string
	}{
		"a public address":                      {at("93.184.216.34"), "", "93.184.216.34:443"},
		"a public IPv6 address":                 {at("2606:2800:220:1::1"), "", "[2606:2800:220:1::1]:443"},
		"a mapped public address":               {at("::ffff:93.184.216.34"), "", "93.184.216.34:443"},
		"loopback":                              {at("127.0.0.1"), webhook.WhyAddress, ""},
		"a private address after a public one":  {at("93.184.216.34", "10.0.0.1"), webhook.WhyAddress, ""},
		"a private address before a public one": {at("10.0.0.1", "93.184.216.34"), webhook.WhyAddress, ""},
		"metadata":                              {at("169.254.169.254"), webhook.WhyAddress, ""},
		"metadata by IPv6":                      {at("fd00:ec2::254"), webhook.WhyAddress, ""},
		"IPv4-mapped loopback":                  {at("::ffff:127.0.0.1"), webhook.WhyAddress, ""},
		"a private address behind NAT64":        {at("64:ff9b::a00:1"), webhook.WhyAddress, ""},
		"no address":                            {nil, webhook.WhyResolve, ""},
		"more addresses than any host has":      {make([]netip.Addr, 65), webhook.WhyResolve, ""},
		"an invalid address":                    {make([]netip.Addr, 1), webhook.WhyAddress, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(http.ResponseWriter, *http.Request) {})
			w.names.answers = [][]netip.Addr{tt.answers}
			try := w.post(ended)
			if try.Why != tt.why || strings.Join(w.dialed, " ") != tt.dialed || try.Delivered() != (tt.why == "") {
				t.Errorf("%+v, dialed %v", try, w.dialed)
			}
		})
	}
}

// Ensure that a name is resolved only once in a try: if it changes a moment later, the try is not
// affected and the next one notices.
func TestAnAddressIsPinned(t *testing.T) {
	w := newWorld(t, func(http.ResponseWriter, *http.Request) {})
	w.names.answers = [][]netip.Addr{at("93.184.216.34"), at("127.0.0.1")}
	if try := w.post(ended); !try.Delivered() || w.names.asked != 1 || w.dialed[0] != "93.184.216.34:443" {
		t.Fatalf("%+v: asked %d times, dialed %v", try, w.names.asked, w.dialed)
	}
	if try := w.post(ended); try.Why != webhook.WhyAddress || len(w.dialed) != 1 {
		t.Errorf("%+v, dialed %v", try, w.dialed)
	}
}

func TestTheNextAddressIsTriedIfOneDoesNotConnect(t *testing.T) {
	w := newWorld(t, func(http.ResponseWriter, *http.Request) {})
	w.names.answers = [][]netip.Addr{at("93.184.216.34", "93.184.216.35", "93.184.216.36", "93.184.216.37")}
	through := w.poster.Dialer
	failures := 2
	w.poster.Dialer = func(ctx context.Context, network, address string) (net.Conn, error) {
		if failures--; failures >= 0 {
			return nil, errors.New("refused")
		}
		return through(ctx, network, address)
	}
	if try := w.post(ended); !try.Delivered() || w.dialed[0] != "93.184.216.36:443" {
		t.Errorf("%+v, dialed %v", try, w.dialed)
	}
	failures = 100
	if try := w.post(ended); try.Why != webhook.WhyConnect || failures != 97 {
		t.Errorf("%+v after %d dials", try, 100-failures)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	var posts atomic.Int64
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		posts.Add(1)
		http.Redirect(rw, r, "https://169.254.169.254/latest/meta-data", http.StatusTemporaryRedirect)
	})
	if try := w.post(ended); try.Status != 307 || try.Delivered() || posts.Load() != 1 || len(w.dialed) != 1 {
		t.Errorf("%+v, %d posts, dialed %v", try, posts.Load(), w.dialed)
	}
}

func TestAProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("ALL_PROXY", "http://127.0.0.1:1")
	w := newWorld(t, func(http.ResponseWriter, *http.Request) {})
	if try := w.post(ended); !try.Delivered() || w.dialed[0] != "93.184.216.34:443" {
		t.Errorf("%+v, dialed %v", try, w.dialed)
	}
}

func TestAnAnswersBodyAndHeadersAreBounded(t *testing.T) {
	var sent atomic.Int64
	gone := make(chan struct{})
	w := newWorld(t, func(rw http.ResponseWriter, _ *http.Request) {
		defer close(gone)
		for sent.Load() < 1<<30 {
			n, err := rw.Write(make([]byte, 1<<16))
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	})
	if try := w.post(ended); try.Status != 200 {
		t.Errorf("%+v", try)
	}
	<-gone
	if sent.Load() >= 1<<30 {
		t.Error("a body without end was read to its end")
	}
	wide := newWorld(t, func(rw http.ResponseWriter, _ *http.Request) { rw.Header().Set("X-Wide", strings.Repeat("x", 64<<10)) })
	if try := wide.post(ended); try.Why != webhook.WhyProtocol {
		t.Errorf("%+v", try)
	}
}

// Ensure that a receiver that never answers, or never ends its answer, cannot make a try longer
// than its bound.
func TestAReceiverThatIsSlow(t *testing.T) {
	hold := func(r *http.Request) { <-r.Context().Done() } // until the try hangs up
	for name, tt := range map[string]struct {
		receive http.HandlerFunc
		want    run.Try
	}{
		"with its answer": {func(_ http.ResponseWriter, r *http.Request) {
			// otherwise the server does not notice that the client hangs up
			_, _ = io.Copy(io.Discard, r.Body)
			hold(r)
		}, run.Try{Why: webhook.WhyTimeout}},
		"with its body, after its status": {func(rw http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			rw.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(rw).Flush()
			hold(r)
		}, run.Try{Status: 200}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, tt.receive)
			post, err := w.poster.Prepare(t.Context(), ended)
			if err != nil {
				t.Fatal(err)
			}
			// in place of Timeout
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if try := post(ctx); try != tt.want {
				t.Errorf("%+v", try)
			}
		})
	}
}

func TestWhyATryFails(t *testing.T) {
	ok := func(http.ResponseWriter, *http.Request) {}
	for name, tt := range map[string]struct {
		change func(*world)
		run    func(*run.Run)
		why    string
	}{
		"an address that is no longer allowed":  {nil, func(r *run.Run) { r.Request.WebhookURL = "http://example.com/" }, webhook.WhyURL},
		"an address on loopback":                {nil, func(r *run.Run) { r.Request.WebhookURL = "https://127.0.0.1/" }, webhook.WhyURL},
		"an unknown name":                       {func(w *world) { w.names.err = errors.New("no such host") }, nil, webhook.WhyResolve},
		"a certificate of an unknown authority": {func(w *world) { w.poster.TLS = nil }, nil, webhook.WhyTLS},
		"a certificate of another host":         {nil, func(r *run.Run) { r.Request.WebhookURL = "https://other.org/" }, webhook.WhyTLS},
		"a client without a secret":             {func(w *world) { w.poster.Secrets = memory.New() }, nil, webhook.WhySecret},
		"a host that does not speak TLS": {func(w *world) {
			w.server.Close()
			w.server = httptest.NewServer(http.HandlerFunc(ok))
			w.t.Cleanup(w.server.Close)
		}, nil, webhook.WhyProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			w, r := newWorld(t, ok), ended
			if tt.change != nil {
				tt.change(w)
			}
			if tt.run != nil {
				tt.run(&r)
			}
			try := w.post(r)
			if try.Status != 0 || try.Why != tt.why {
				t.Errorf("%+v, want %s", try, tt.why)
			}
			if webhook.Outcome(try) == tt.why || strings.ContainsAny(try.Why, " \n") {
				t.Errorf("%q is described as %q", try.Why, webhook.Outcome(try))
			}
		})
	}
}

func TestLoopbackIsReachedOnlyWhereItIsAllowed(t *testing.T) {
	posts := 0
	plain := httptest.NewServer(documented(t, func(http.ResponseWriter, *http.Request) { posts++ }))
	t.Cleanup(plain.Close)
	w := newWorld(t, nil)
	w.poster.Dialer, w.poster.TLS = nil, nil
	r := ended
	r.Request.WebhookURL = plain.URL
	if try := w.post(r); try.Why != webhook.WhyURL || posts != 0 {
		t.Errorf("%+v", try)
	}
	w.poster.Policy.Loopback = true
	if try := w.post(r); !try.Delivered() || posts != 1 {
		t.Errorf("%+v", try)
	}
	w.names.answers = [][]netip.Addr{at("10.0.0.1")}
	r.Request.WebhookURL = "https://example.com/"
	if try := w.post(r); try.Why != webhook.WhyAddress {
		t.Errorf("%+v", try)
	}
}

// Ensure that a receiver can recognise by its id a webhook that it has already handled: the id is
// the same in each try, after a function died, in two posts of one try, and when an operator sends
// it again. Another attempt at the run has another id.
func TestAnIDIsTheSameInAllTries(t *testing.T) {
	var ids []string
	w := newWorld(t, func(rw http.ResponseWriter, r *http.Request) {
		ids = append(ids, r.Header.Get(webhook.IDHeader))
		rw.WriteHeader(http.StatusServiceUnavailable)
	})
	r, now := ended, ended.CompletedAt
	r.Push = &run.Push{Due: now.Add(run.PushResend), Sent: 1}
	begin := func() {
		t.Helper()
		now = now.Add(time.Hour)
		var err error
		if r, err = r.PushBegun(r.Attempt, r.Push.Tries, now); err != nil {
			t.Fatal(err)
		}
	}
	end := func() {
		t.Helper()
		var err error
		if r, err = r.PushTried(r.Attempt, r.Push.Tries-1, w.post(r), 0, now); err != nil {
			t.Fatal(err)
		}
	}
	begin()
	w.post(r) // two workers, one try
	end()
	begin() // and its function dies
	begin()
	end()
	for r.Push.Outstanding() {
		begin()
		end()
	}
	again, err := r.PushAgain(now)
	if err != nil {
		t.Fatal(err)
	}
	r = again
	begin()
	end()
	if len(ids) != 1+1+1+(len(run.PushSchedule)+1-3)+1 {
		t.Errorf("%d posts", len(ids))
	}
	for _, id := range ids {
		if id != "msg_req_aaaaaaaaaaaaaaaaaaaaaaaaaa_2" {
			t.Errorf("id %s", id)
		}
	}
	r.Attempt = 3
	w.post(r)
	if last := ids[len(ids)-1]; last == ids[0] || last != webhook.ID(r) {
		t.Errorf("another attempt at the run has the id %s", last)
	}
}
