package local

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"parley/shared/api"
	"parley/shared/clock"
	"parley/shared/errcode"
)

// The limits of the gateway and of Lambda, which the emulator does not enforce.
const (
	// MaxBody is the largest request body that the gateway accepts, in bytes.
	MaxBody = 10 << 20
	// MaxPayload is the largest event and the largest answer of a function, in bytes.
	MaxPayload = 6 << 20
	// maxHeaders is the total size of a request's header lines, in bytes.
	maxHeaders = 10240
	// eventOverhead is the size of an event without body and headers, in bytes.
	eventOverhead = 2 << 10
	// gatewayPatience is how long the gateway waits for a function.
	gatewayPatience = 29 * time.Second
	// maxForwarded is how many requests the functions have at once. The others wait their turn:
	// each would need a process of 30 MB, and none would be answered any sooner.
	maxForwarded = 8
	// drainPatience is how long a stop waits for requests in flight.
	drainPatience = gatewayPatience + time.Second
)

// uploads is the path at which to request an upload if a request is too large.
const uploads = api.Base + "/speech/uploads"

// proxy is in front of the emulated gateway. It maps the API's paths to the gateway's stage and
// enforces the gateway's limits.
type proxy struct {
	server *http.Server
	failed chan error // the server ended by itself
}

func startProxy(listener net.Listener, s System, d *direct) *proxy {
	p := &proxy{failed: make(chan error, 1), server: &http.Server{
		ConnContext: watched, ConnState: nextHead,
		Handler:           newGateway(s, d, gatewayPatience, make(chan struct{}, maxForwarded)),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second,
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		// beyond this the library itself refuses, without the envelope
		MaxHeaderBytes: 10 * maxHeaders,
	}}
	go func() {
		if err := p.server.Serve(watch{listener}); !errors.Is(err, http.ErrServerClosed) {
			p.failed <- err
		}
	}()
	return p
}

// stop ends the proxy after the requests in flight.
func (p *proxy) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), drainPatience)
	defer cancel()
	if err := p.server.Shutdown(ctx); err != nil {
		_ = p.server.Close() // requests still in flight are interrupted
	}
}

// ascii escapes every byte of a query that is not allowed in a request line, because the emulator
// would reject the request without an answer.
func ascii(query string) string {
	var out strings.Builder
	for i := range len(query) {
		if b := query[i]; b <= ' ' || b > '~' {
			_, _ = fmt.Fprintf(&out, "%%%02X", b)
		} else {
			_ = out.WriteByte(b)
		}
	}
	return out.String()
}

// newGateway returns the proxy's handler. What d, if not nil, does not answer, it forwards to the
// emulated gateway. patience is how long a request waits for its turn and its answer; turns has
// room for as many requests as may be answered at once.
func newGateway(s System, d *direct, patience time.Duration, turns chan struct{}) http.Handler {
	// The emulator serves all gateways on one port; only the path distinguishes them.
	target, err := url.Parse(s.Endpoint + "/_aws/execute-api/" + s.Outputs["ApiId"] + "/" + s.Outputs["ApiStage"])
	if err != nil {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { refuse(w, errcode.New(errcode.InternalError)) })
	}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			// Otherwise the library would drop parameters that it cannot parse, and nobody would
			// reject them.
			r.Out.URL.RawQuery = ascii(r.In.URL.RawQuery)
			// The gateway stays with HTTP/1.1. The emulator would switch to HTTP/2 if a client
			// offers it, as Java's does, and the answer would be lost.
			for _, name := range []string{"Connection", "Upgrade", "Http2-Settings"} {
				r.Out.Header.Del(name)
			}
			// The gateway tells a function the client's address; a header from the client must not.
			client, _, err := net.SplitHostPort(r.In.RemoteAddr)
			if err == nil {
				r.Out.Header.Set("X-Forwarded-For", client)
			}
		},
		ModifyResponse: checkAnswer,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			refuse(w, errcode.New(errcode.InternalError))
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if framedTwice(r) {
			w.Header().Set("Connection", "close")
			refuse(w, errcode.Newf(errcode.InvalidParameters, "The request has both Content-Length and Transfer-Encoding. Send only one of them."))
			return
		}
		if headers(r) > maxHeaders {
			refuse(w, errcode.Newf(errcode.InvalidParameters, "The request's headers are larger than %d bytes in total. Send fewer or shorter headers.", maxHeaders))
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge), err == nil && payload(r, body) > MaxPayload:
			refuse(w, errcode.New(errcode.RequestTooLarge).With("uploadsUrl", uploads))
			return
		case err != nil:
			// The client has gone, or its body is malformed. Returning would answer 200.
			panic(http.ErrAbortHandler)
		}
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		done := sync.OnceFunc(func() { <-turns })
		select {
		case turns <- struct{}{}:
		case <-ctx.Done():
			// As the gateway answers a request beyond its rate, and Lambda one beyond its copies.
			refuse(w, &errcode.Error{Code: errcode.RateLimitExceeded, RetryAfter: time.Second})
			return
		}
		r = r.WithContext(ctx)
		if d != nil && d.answer(w, r, body, done) {
			return
		}
		defer done()
		r.Body, r.ContentLength, r.TransferEncoding = io.NopCloser(bytes.NewReader(body)), int64(len(body)), nil
		forward.ServeHTTP(w, r)
	})
}

// headers returns the size of a request's header lines, in bytes.
func headers(r *http.Request) int {
	size := len("Host: \r\n") + len(r.Host)
	for name, values := range r.Header {
		for _, v := range values {
			size += len(name) + len(": \r\n") + len(v)
		}
	}
	return size
}

// payload returns the approximate size of the event that Lambda would get, in bytes. The event has
// the body in base64 if it is binary for the gateway, and otherwise escaped as JSON.
func payload(r *http.Request, body []byte) int {
	size := eventOverhead + 2*len(r.URL.String())
	for name, values := range r.Header {
		for _, v := range values {
			size += 2 * (len(name) + len(v) + 8) // an event has the headers twice
		}
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == "multipart/form-data" {
		return size + base64.StdEncoding.EncodedLen(len(body))
	}
	escaped, err := json.Marshal(string(body))
	if err != nil {
		return size + len(body)
	}
	return size + len(escaped)
}

// checkAnswer enforces the size limit of a function's answer, and rejects the answer of a function
// that failed.
func checkAnswer(res *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(res.Body, MaxPayload+1))
	if err != nil {
		return fmt.Errorf("local: read the gateway's answer: %w", err)
	}
	if err := res.Body.Close(); err != nil {
		return fmt.Errorf("local: read the gateway's answer: %w", err)
	}
	if len(body) > MaxPayload {
		return fmt.Errorf("local: a function's answer is over %d bytes", MaxPayload)
	}
	if !ours(res.StatusCode, body) {
		return fmt.Errorf("local: the gateway answered %s", res.Status)
	}
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return nil
}

// ours says whether an answer is a function's own. A function that failed answers with its error,
// and one that has no copy left with Lambda's refusal; the gateway shows clients neither.
func ours(status int, body []byte) bool {
	if status < http.StatusInternalServerError && status != http.StatusTooManyRequests {
		return true
	}
	var envelope api.Envelope
	return json.Unmarshal(body, &envelope) == nil && envelope.Error.Code != ""
}

// refuse answers in the error envelope as the gateway does: with an X-Request-Id of its own, but
// without a requestId, since no handler ran.
func refuse(w http.ResponseWriter, e *errcode.Error) {
	w.Header().Set("X-Request-Id", rand.Text())
	api.Refuse(w, e, "", clock.Real{}.Now())
}
