// Package client calls Parley's HTTP API from a Go program. It sends a recording inline or by
// upload, makes a repeated submit safe, retries and polls at the pace that the service asks for,
// and returns every body unchanged beside what it decoded from it.
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
	// firstWait bounds the random wait after the first try. The bound doubles with each further
	// try.
	firstWait = 500 * time.Millisecond
	// maxWait is the longest Retry-After that the client waits for by itself.
	maxWait = time.Minute
	// maxAnswer is larger than any answer of the service, in bytes.
	maxAnswer = 16 << 20
	// callTimeout bounds one try. It is enough for 25 MB over a slow line.
	callTimeout = 10 * time.Minute
)

// Client calls one service with one key. Once set up, it is safe for concurrent use.
type Client struct {
	// Notify, if not nil, is called before each wait with the reason for the retry.
	Notify func(why error, wait time.Duration)

	base string
	key  string
	http *retryablehttp.Client
	// wait sleeps between two polls. hold maps the wait between two tries to the time that the HTTP
	// library sleeps. Tests replace both so as not to sleep.
	wait func(ctx context.Context, d time.Duration) error
	hold func(d time.Duration) time.Duration
	// jitter returns a random number in [0, 1). It is safe for concurrent use.
	jitter func() float64
}

// New returns a client that sends key to the service at server, a URL with or without /api/v1. It
// fails if server is not an http or https URL.
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
	// The service never redirects, so a redirect must not get the key.
	c.http.HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c, nil
}

// Through sends every call through t: a proxy, or a transport that traces or checks calls.
func (c *Client) Through(t http.RoundTripper) { c.http.HTTPClient.Transport = t }

// retry repeats a call that may end differently: after a broken connection, a server error, or a
// Retry-After of at most maxWait. Every call is safe to repeat: a read changes nothing, a submit
// has an Idempotency-Key, and an upload or one more link costs nothing.
func retry(ctx context.Context, res *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	var name *net.DNSError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED), errors.As(err, &name) && name.IsNotFound:
		return false, nil // there is no server
	case err != nil:
		return retryablehttp.DefaultRetryPolicy(ctx, res, err)
	}
	if res.StatusCode >= 400 {
		if err := keep(res); err != nil {
			return true, nil //nolint:nilerr // the connection broke within the answer, so it counts as none
		}
	}
	if res.StatusCode == http.StatusConflict && res.Request.Method == http.MethodDelete {
		return false, nil // the run has not ended, which may take minutes more
	}
	if res.StatusCode == http.StatusServiceUnavailable && strings.HasSuffix(res.Request.URL.Path, api.Base+healthPath) {
		return false, nil // this is the answer of a health check, not a failure
	}
	if retryAfter(res.Header) > maxWait {
		return false, nil // the caller decides whether to wait that long
	}
	return res.StatusCode >= 500 && res.StatusCode != http.StatusNotImplemented || res.Header.Get("Retry-After") != "" && res.StatusCode >= 400, nil
}

// kept is the body of an error answer, read completely, so that backoff can use it after the
// library has drained it.
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

// backoff waits with full jitter (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog,
// 2015): a random time of up to firstWait, doubled by each try. The jitter is added to Retry-After,
// so that clients that got the same Retry-After do not all come back at once.
func (c *Client) backoff(_, _ time.Duration, try int, res *http.Response) time.Duration {
	wait := time.Duration(c.jitter() * float64(firstWait<<min(try, maxTries)))
	why := errBroken
	if res != nil {
		wait += retryAfter(res.Header) // at most maxWait: retry has checked it
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

// Error is an error answer: any status but 2xx.
type Error struct {
	Status    int          // HTTP status
	Code      errcode.Code // empty if the answer is not Parley's
	Message   string
	RequestID string
	// RetryAfter is how long to wait before asking again; 0: the answer does not say.
	RetryAfter time.Duration
	Details    map[string]any
	Raw        []byte // the body, unchanged
}

func (e *Error) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("client: HTTP %d: %s", e.Status, e.Message)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Is reports whether err wraps an Error with code c.
func Is(err error, c errcode.Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == c
}

// failure decodes an error answer.
func failure(res *http.Response, raw []byte) *Error {
	e := &Error{Status: res.StatusCode, RequestID: res.Header.Get("X-Request-Id"), RetryAfter: retryAfter(res.Header), Raw: raw}
	var body api.Envelope
	if err := json.Unmarshal(raw, &body); err != nil || body.Error.Code == "" {
		e.Message = fmt.Sprintf("the answer is not from Parley (%s). Check the service's URL.", http.StatusText(res.StatusCode))
		return e
	}
	e.Code, e.Message, e.Details = body.Error.Code, body.Error.Message, body.Error.Details
	return e
}

// call sends one request and decodes the answer into out. An error answer is an *Error; other
// errors are the transport's.
func (c *Client) call(ctx context.Context, method, path string, header http.Header, body retryablehttp.ReaderFunc, size int64, out any) (raw []byte, h http.Header, err error) {
	raw, h, err = c.send(ctx, method, c.base+path, c.key, header, body, size)
	if err != nil {
		return raw, h, err
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return raw, h, fmt.Errorf("client: %s %s: the answer cannot be decoded: %w", method, path, err)
	}
	return raw, h, nil
}

func (c *Client) send(ctx context.Context, method, address, key string, header http.Header, body retryablehttp.ReaderFunc, size int64) ([]byte, http.Header, error) {
	var payload any // stays nil without a body: a nil function in it would count as one
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
	defer func() { _ = res.Body.Close() }() // it was only read
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
