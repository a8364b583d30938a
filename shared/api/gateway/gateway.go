// Package gateway turns an API Gateway REST proxy event into a net/http request, and the answer
// into the event's response, so that the HTTP front is plain net/http.
//
// We tried aws-lambda-go-api-proxy and dropped it for two reasons. It parses the path as a URL, and
// the function fails if the path does not parse; the gateway then answers in its own format. Here
// no event can fail. It also keeps the whole decoded body in memory beside the encoded one; here
// the body is decoded as it is read.
package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"

	"parley/shared/api"
)

// Handler wraps h for lambda.Start. The error of the function it returns is always nil.
func Handler(h http.Handler) func(context.Context, events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
	return func(ctx context.Context, e events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
		w := &response{header: http.Header{}}
		h.ServeHTTP(w, Request(ctx, e))
		return w.event(), nil
	}
}

// Request converts an event into a net/http request. RemoteAddr is the address that the gateway
// itself saw (requestContext.identity.sourceIp). Headers such as X-Forwarded-For, which a client
// can forge, are passed on like any other. A body that claims to be base64 and is not fails when it
// is read.
func Request(ctx context.Context, e events.APIGatewayProxyRequest) *http.Request {
	r := &http.Request{
		Method: strings.ToUpper(e.HTTPMethod), URL: &url.URL{Path: path(e.Path), RawQuery: query(e)},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header(e), RemoteAddr: remote(e.RequestContext.Identity.SourceIP),
	}
	r.Host = r.Header.Get("Host")
	if r.Host == "" {
		r.Host = e.RequestContext.DomainName
	}
	r.RequestURI = r.URL.RequestURI()
	body, size := io.Reader(strings.NewReader(e.Body)), int64(len(e.Body))
	if e.IsBase64Encoded {
		body, size = base64.NewDecoder(base64.StdEncoding, body), int64(decodedLen(e.Body))
	}
	r.Body, r.ContentLength = io.NopCloser(body), size
	if size == 0 {
		r.Body = http.NoBody
	}
	return r.WithContext(ctx)
}

func decodedLen(s string) int {
	return base64.StdEncoding.DecodedLen(len(s)) - (len(s) - len(strings.TrimRight(s, "=")))
}

// path decodes p if it is validly percent-encoded; otherwise it returns p as it is.
func path(p string) string {
	if !strings.HasPrefix(p, "/") {
		p = "/" + p
	}
	if plain, err := url.PathUnescape(p); err == nil {
		return plain
	}
	return p
}

// query encodes the query again, because the gateway passes the parameters decoded.
func query(e events.APIGatewayProxyRequest) string {
	q := url.Values(e.MultiValueQueryStringParameters)
	if len(q) == 0 {
		q = url.Values{}
		for k, v := range e.QueryStringParameters {
			q.Set(k, v)
		}
	}
	return q.Encode()
}

func header(e events.APIGatewayProxyRequest) http.Header {
	h := http.Header{}
	for k, vs := range e.MultiValueHeaders {
		for _, v := range vs {
			h.Add(k, v)
		}
	}
	if len(e.MultiValueHeaders) == 0 {
		for k, v := range e.Headers {
			h.Set(k, v)
		}
	}
	h.Del(api.GatewayIDHeader) // a client may have sent one
	if id := e.RequestContext.RequestID; id != "" {
		h.Set(api.GatewayIDHeader, id)
	}
	h.Del(api.GatewayURLHeader)
	if at := address(e); at != "" {
		h.Set(api.GatewayURLHeader, at)
	}
	return h
}

// address returns the URL at which the client reached the API, without Base. The gateway's context
// has it: the path there begins with the stage, or with the base path of a custom domain.
func address(e events.APIGatewayProxyRequest) string {
	prefix, _, ok := strings.Cut(e.RequestContext.Path, api.Base+"/")
	if !ok || e.RequestContext.DomainName == "" {
		return ""
	}
	return "https://" + e.RequestContext.DomainName + prefix
}

// remote formats ip like http.Request.RemoteAddr. The port is 0, because the gateway does not
// report it.
func remote(ip string) string {
	if ip == "" {
		return ""
	}
	return net.JoinHostPort(ip, "0")
}

// response collects an answer in memory.
type response struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *response) Header() http.Header { return w.header }

func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *response) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

func (w *response) event() events.APIGatewayProxyResponse {
	w.WriteHeader(http.StatusOK)
	a := events.APIGatewayProxyResponse{StatusCode: w.status, MultiValueHeaders: w.header, Body: w.body.String()}
	if !utf8.ValidString(a.Body) {
		a.Body, a.IsBase64Encoded = base64.StdEncoding.EncodeToString(w.body.Bytes()), true
	}
	return a
}
