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
	"time"

	"parley/shared/api"
	"parley/shared/clock"
	"parley/shared/errcode"
)

// The limits of the gateway and of Lambda behind it, which the emulator does not hold.
const (
	// MaxBody is the largest request that the gateway takes, in bytes.
	MaxBody = 10 << 20
	// MaxPayload is the largest event and the largest answer of a function, in bytes.
	MaxPayload = 6 << 20
	// maxHeaders is the most that the lines of a request's headers take together, in bytes.
	maxHeaders = 10240
	// eventOverhead is what an event holds beside the body and the headers, in bytes.
	eventOverhead = 2 << 10
	// gatewayPatience is how long the gateway waits for a function.
	gatewayPatience = 29 * time.Second
	// drainPatience is how long a stop waits for what is in flight.
	drainPatience = gatewayPatience + time.Second
)

// uploads is where a request that is too large belongs.
const uploads = api.Base + "/speech/uploads"

// proxy stands in front of the emulated gateway: it maps the short paths onto the gateway's stage, and has its limits.
type proxy struct {
	server *http.Server
	failed chan error // the server ended by itself
}

func startProxy(listener net.Listener, s System) *proxy {
	p := &proxy{failed: make(chan error, 1), server: &http.Server{
		Handler:           newGateway(s, gatewayPatience),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second,
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    10 * maxHeaders, // beyond this the library's own refusal, outside the envelope
	}}
	go func() {
		if err := p.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			p.failed <- err
		}
	}()
	return p
}

// stop lets what is in flight end first.
func (p *proxy) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), drainPatience)
	defer cancel()
	if err := p.server.Shutdown(ctx); err != nil {
		_ = p.server.Close() // what is still in flight is cut
	}
}

// ascii is a query with every byte escaped that a request's first line may not hold: the emulator refuses it without a word.
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

// newGateway is the proxy's handler; patience is how long it waits for an answer.
func newGateway(s System, patience time.Duration) http.Handler {
	// The emulator serves every gateway on its one port; only the path tells them apart.
	target, err := url.Parse(s.Endpoint + "/_aws/execute-api/" + s.Outputs["ApiId"] + "/" + s.Outputs["ApiStage"])
	if err != nil {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { refuse(w, errcode.New(errcode.InternalError)) })
	}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.URL.RawQuery = ascii(r.In.URL.RawQuery) // else the library leaves out what it cannot read, and nobody refuses it
			// The gateway tells a function who called; what the client itself says of it does not count.
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
		if headers(r) > maxHeaders {
			refuse(w, errcode.Newf(errcode.InvalidParameters, "The request's headers take more than %d bytes together.", maxHeaders))
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge), err == nil && payload(r, body) > MaxPayload:
			refuse(w, errcode.New(errcode.RequestTooLarge).With("uploadsUrl", uploads))
			return
		case err != nil:
			// The client has gone, or its body makes no sense: to return would answer 200.
			panic(http.ErrAbortHandler)
		}
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		r = r.WithContext(ctx)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		forward.ServeHTTP(w, r)
	})
}

// headers is how many bytes the lines of a request's headers take.
func headers(r *http.Request) int {
	size := len("Host: \r\n") + len(r.Host)
	for name, values := range r.Header {
		for _, v := range values {
			size += len(name) + len(": \r\n") + len(v)
		}
	}
	return size
}

// payload is about how large the event is that Lambda would get: the body in base64 where it is binary for the gateway,
// else escaped as JSON.
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

// checkAnswer holds the limit of a function's answer, and lets nothing of a failed function through.
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
	var envelope api.Envelope
	if res.StatusCode >= 500 && (json.Unmarshal(body, &envelope) != nil || envelope.Error.Code == "") {
		return fmt.Errorf("local: the gateway answered %s", res.Status)
	}
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return nil
}

// refuse answers in the error envelope as the gateway does: with an id of its own, which is no requestId, since no handler ran.
func refuse(w http.ResponseWriter, e *errcode.Error) {
	w.Header().Set("X-Request-Id", rand.Text())
	api.Refuse(w, e, "", clock.Real{}.Now())
}
