// Package client speaks Parley's HTTP API for a Go program: it chooses how a recording travels, makes a repeated submit safe,
// keeps the pace that the service asks for, and hands every body back as it came beside what it read from it.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"parley/shared/api"
	"parley/shared/clock"
	"parley/shared/errcode"
)

// The bounds of a call.
const (
	maxTries = 5
	// firstWait bounds the wait after the first try that the answer sets no time for; it doubles with each.
	firstWait = 500 * time.Millisecond
	// maxWait is the longest that an answer may ask for and still be tried again.
	maxWait = time.Minute
	// maxAnswer is more than the service ever answers, in bytes.
	maxAnswer = 16 << 20
	// callTimeout is for one try: a recording of 25 MB over a slow line.
	callTimeout = 10 * time.Minute
)

// Client calls one service with one key. Safe for concurrent use once it is set up.
type Client struct {
	// Notify is told before each wait why a call is tried again; nil: nobody is.
	Notify func(why error, wait time.Duration)

	base string
	key  string
	http *retryablehttp.Client
	// wait passes the time between two polls, hold turns the wait between two tries into what the library waits: tests pass
	// neither.
	wait func(ctx context.Context, d time.Duration) error
	hold func(d time.Duration) time.Duration
	// jitter draws from [0, 1); safe for concurrent use.
	jitter func() float64
}

// New makes a client of the service at server (with or without the /api/v1 of its paths) that sends key. An error says that
// server is no http or https URL.
func New(server, key string) (*Client, error) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("client: %q is not the URL of a service, such as https://parley.example.com", server)
	}
	c := &Client{base: strings.TrimSuffix(strings.TrimSuffix(server, "/"), api.Base) + api.Base, key: key, wait: clock.Sleep,
		hold: func(d time.Duration) time.Duration { return d }, jitter: rand.Float64}
	c.http = retryablehttp.NewClient()
	c.http.Logger = nil
	c.http.RetryMax = maxTries - 1
	c.http.CheckRetry = retry
	c.http.Backoff = c.backoff
	c.http.ErrorHandler = retryablehttp.PassthroughErrorHandler
	c.http.HTTPClient.Timeout = callTimeout
	// The service never redirects; whoever does shall not get the key.
	c.http.HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c, nil
}

// Through sends every call through another transport: a proxy, one that traces, one that checks.
func (c *Client) Through(t http.RoundTripper) { c.http.HTTPClient.Transport = t }

// retry tries again what may end differently: a broken connection, a server's own fault, and whatever says to come again
// within maxWait. Every call is safe to repeat: reads are, a submit by its Idempotency-Key, an upload because it is not paid for.
func retry(ctx context.Context, res *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	var name *net.DNSError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.As(err, &name) && name.IsNotFound:
		return false, nil // nobody is there
	case err != nil:
		return retryablehttp.DefaultRetryPolicy(ctx, res, err)
	}
	if res.StatusCode >= 400 {
		if err := keep(res); err != nil {
			return true, nil //nolint:nilerr // the connection broke within the answer: as good as none
		}
	}
	if res.StatusCode == http.StatusConflict && res.Request.Method == http.MethodDelete {
		return false, nil // a run ends when it ends, which may take minutes
	}
	if res.StatusCode == http.StatusServiceUnavailable && strings.HasSuffix(res.Request.URL.Path, api.Base+healthPath) {
		return false, nil // it is what was asked
	}
	if retryAfter(res.Header) > maxWait {
		return false, nil // the caller knows better whether to stay that long; sooner would be against what was asked
	}
	return res.StatusCode >= 500 && res.StatusCode != http.StatusNotImplemented || res.Header.Get("Retry-After") != "" && res.StatusCode >= 400, nil
}

// kept is the body of a refusal, read whole, which backoff still knows when the library has drained it.
type kept struct {
	io.Reader
	raw []byte
}

func (kept) Close() error { return nil }

func keep(res *http.Response) error {
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return fmt.Errorf("client: read the answer: %w", err)
	}
	res.Body = kept{bytes.NewReader(raw), raw}
	return nil
}

// backoff waits with full jitter (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015): anything up to half a
// second, doubled by each try. It comes on top of what the answer asks for, so that those who were all told the same do not
// come back at once.
func (c *Client) backoff(_, _ time.Duration, try int, res *http.Response) time.Duration {
	wait := time.Duration(c.jitter() * float64(firstWait<<min(try, maxTries)))
	why := errBroken
	if res != nil {
		wait += retryAfter(res.Header) // maxWait at most: retry sees to it
		if k, ok := res.Body.(kept); ok {
			why = failure(res, k.raw)
		}
	}
	if c.Notify != nil {
		c.Notify(why, wait)
	}
	return c.hold(wait)
}

var errBroken = errors.New("client: the connection broke")

func retryAfter(h http.Header) time.Duration {
	s, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || s < 0 {
		return 0
	}
	return time.Duration(s) * time.Second
}

// Error is an answer that refuses.
type Error struct {
	Status    int          // HTTP status
	Code      errcode.Code // empty where the answer was not the service's
	Message   string
	RequestID string
	// RetryAfter is how long to wait before asking again; 0: not said.
	RetryAfter time.Duration
	Details    map[string]any
	Raw        []byte // the body as it came
}

func (e *Error) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("client: HTTP %d: %s", e.Status, e.Message)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Is tells whether err is an Error with this code.
func Is(err error, c errcode.Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == c
}

// failure reads a refusal.
func failure(res *http.Response, raw []byte) *Error {
	e := &Error{Status: res.StatusCode, RequestID: res.Header.Get("X-Request-Id"), RetryAfter: retryAfter(res.Header), Raw: raw}
	var body api.Envelope
	if err := json.Unmarshal(raw, &body); err != nil || body.Error.Code == "" {
		e.Message = fmt.Sprintf("the answer is not one of Parley's (%s). Check the service's URL.", http.StatusText(res.StatusCode))
		return e
	}
	e.Code, e.Message, e.Details = body.Error.Code, body.Error.Message, body.Error.Details
	return e
}

// call does one request and reads its answer into out. Errors: *Error for a refusal, else the transport's.
func (c *Client) call(ctx context.Context, method, path string, header http.Header, body retryablehttp.ReaderFunc, size int64, out any) (raw []byte, h http.Header, err error) {
	raw, h, err = c.send(ctx, method, c.base+path, c.key, header, body, size)
	if err != nil {
		return raw, h, err
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return raw, h, fmt.Errorf("client: %s %s: the answer is no JSON of ours: %w", method, path, err)
	}
	return raw, h, nil
}

func (c *Client) send(ctx context.Context, method, address, key string, header http.Header, body retryablehttp.ReaderFunc, size int64) ([]byte, http.Header, error) {
	var payload any // a nil function in it would count as a body
	if body != nil {
		payload = body
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, method, address, payload)
	if err != nil {
		return nil, nil, fmt.Errorf("client: %s %s: %w", method, address, err)
	}
	maps.Copy(req.Header, header)
	if key != "" {
		req.Header.Set("X-Api-Key", key)
	}
	if body != nil {
		req.ContentLength = size
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("client: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // only read from
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("client: %s %s: read the answer: %w", method, address, err)
	case len(raw) > maxAnswer:
		return nil, nil, fmt.Errorf("client: %s %s: the answer is over %d bytes", method, address, maxAnswer)
	case res.StatusCode < 200 || res.StatusCode > 299:
		return raw, res.Header, failure(res, raw)
	}
	return raw, res.Header, nil
}
