package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/run"
)

// The bounds of one try.
const (
	// Timeout covers everything: resolving the host, connecting, sending, reading the answer.
	Timeout     = 10 * time.Second
	dialTimeout = 3 * time.Second // per address
	maxDials    = 3               // addresses to try in turn
	maxHosts    = 64              // addresses that a name may have
	maxHeaders  = 16 << 10        // bytes of the answer's headers
	maxAnswer   = 64 << 10        // bytes of the answer's body to read; none are kept
)

// Why a try has no answer: the values of run.Try.Why.
const (
	WhyURL      = "url"      // the URL is not allowed
	WhyResolve  = "resolve"  // the host has no address
	WhyAddress  = "address"  // the host has an address that is not public
	WhyConnect  = "connect"  // the host does not accept the connection
	WhyTLS      = "tls"      // the certificate is not valid, or the host does not speak TLS
	WhyTimeout  = "timeout"  // it took longer than Timeout
	WhyProtocol = "protocol" // the answer is not HTTP, or too large
	WhySecret   = "secret"   // the client has no signing secret
)

// Resolver finds the addresses of a host; net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Dialer connects to a checked address; net.Dialer's DialContext is one.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// Data returns the data to post about a run that has ended, as JSON.
type Data func(ctx context.Context, r run.Run) (json.RawMessage, error)

// Poster implements pipeline.Poster.
type Poster struct {
	Policy  Policy
	Secrets account.Signings
	Data    Data
	Clock   clock.Clock
	// Resolver and Dialer reach the network; nil: the system's own.
	Resolver Resolver
	Dialer   Dialer
	// TLS sets the certificate authorities to trust; nil: the system's.
	TLS *tls.Config
}

// Prepare implements pipeline.Poster.
func (p Poster) Prepare(ctx context.Context, r run.Run) (func(context.Context) run.Try, error) {
	data, err := p.Data(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	body, err := Body(r, data)
	if err != nil {
		return nil, err
	}
	signing, err := p.Secrets.Signing(ctx, r.Client)
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	now := p.Clock.Now()
	secrets := signing.At(now)
	if len(secrets) == 0 {
		return func(context.Context) run.Try { return run.Try{Why: WhySecret} }, nil
	}
	signatures, err := Signatures(secrets, ID(r), now, body)
	if err != nil {
		return nil, err
	}
	h := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"Parley-Webhook/1"}}
	h.Set(IDHeader, ID(r))
	h.Set(TimestampHeader, stamp(now))
	h.Set(SignatureHeader, signatures)
	return func(ctx context.Context) run.Try { return p.post(ctx, r.Request.WebhookURL, h, body) }, nil
}

// post makes one try. It records only a status or one of our own words, never text from the
// receiver.
func (p Poster) post(ctx context.Context, raw string, h http.Header, body []byte) run.Try {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	u, err := p.Policy.parse(raw)
	if err != nil {
		return run.Try{Why: WhyURL}
	}
	addresses, why := p.resolve(ctx, u.Hostname())
	if why != "" {
		return run.Try{Why: why}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return run.Try{Why: WhyURL}
	}
	req.Header = h
	transport := p.transport(u, addresses)
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	if err != nil {
		return run.Try{Why: reason(ctx, err)}
	}
	// Only the status counts. We read and discard the body so that the receiver does not see a
	// broken connection.
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer)
	_ = answer.Body.Close()
	return run.Try{Status: answer.StatusCode}
}

// resolve finds the host's addresses. If one of them is not public, it rejects them all: otherwise
// whoever controls the name could keep trying until we picked that one.
func (p Poster) resolve(ctx context.Context, host string) (addresses []netip.Addr, why string) {
	if a, err := netip.ParseAddr(host); err == nil {
		addresses = []netip.Addr{a}
	} else {
		resolver := p.Resolver
		if resolver == nil {
			resolver = net.DefaultResolver
		}
		addresses, err = resolver.LookupNetIP(ctx, "ip", host)
		switch {
		case ctx.Err() != nil:
			return nil, WhyTimeout
		case err != nil, len(addresses) == 0, len(addresses) > maxHosts:
			return nil, WhyResolve
		}
	}
	for i, a := range addresses {
		if p.Policy.allowed(a) != nil {
			return nil, WhyAddress
		}
		addresses[i] = a.Unmap()
	}
	return addresses, ""
}

// transport connects only to the checked addresses, whatever address it is asked for, and uses no
// proxy. The certificate is still checked against the host's name.
func (p Poster) transport(u *url.URL, addresses []netip.Addr) *http.Transport {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	dial := p.Dialer
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	return &http.Transport{
		Proxy:                  nil,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeaders,
		TLSClientConfig:        p.TLS.Clone(),
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var last error
			for _, a := range addresses[:min(len(addresses), maxDials)] {
				call, cancel := context.WithTimeout(ctx, dialTimeout)
				conn, err := dial(call, network, net.JoinHostPort(a.String(), port))
				cancel()
				if err == nil {
					return conn, nil
				}
				last = err
			}
			return nil, dialError{last}
		},
	}
}

// dialError marks an error that occurred before there was a connection.
type dialError struct{ error }

func (e dialError) Unwrap() error { return e.error }

func reason(ctx context.Context, err error) string {
	var dialed dialError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case ctx.Err() != nil:
		return WhyTimeout
	case errors.As(err, &dialed):
		return WhyConnect
	case errors.As(err, &certificate), errors.As(err, &record), errors.As(err, &alert):
		return WhyTLS
	}
	return WhyProtocol
}

// Outcome describes the result of a try, for people.
func Outcome(t run.Try) string {
	if t.Status != 0 {
		if text := http.StatusText(t.Status); text != "" {
			return strconv.Itoa(t.Status) + " " + text
		}
		return strconv.Itoa(t.Status)
	}
	if text, ok := words[t.Why]; ok {
		return text
	}
	return t.Why
}

var words = map[string]string{
	WhyURL:      "the URL is not allowed",
	WhyResolve:  "the host has no address",
	WhyAddress:  "the host has an address that is not public",
	WhyConnect:  "the host does not accept the connection",
	WhyTLS:      "the host's certificate is not valid",
	WhyTimeout:  "no answer within " + Timeout.String(),
	WhyProtocol: "the answer is not HTTP, or too large",
	WhySecret:   "the client has no signing secret; `parley admin webhook secret` makes one",
	run.Begun:   "begun, no result (yet)",
	run.Unsent:  "given up: no function took its messages",
}
