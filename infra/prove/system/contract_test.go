package system_test

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"testing"

	"parley/infra/prove/contract"
)

// held is the transport of every call of these tests. It checks each answer of the system against
// its OpenAPI document.
type held struct {
	t    *testing.T
	base string // the system's URL
}

func (h held) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil || req.URL.Host != host(h.base) {
		return res, err // uploads go to the object store
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if err := res.Body.Close(); err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	if err := contract.Check(contract.Answer{Method: req.Method, Path: req.URL.Path, Status: res.StatusCode, Header: res.Header, Body: body}); err != nil {
		h.t.Error(err)
	}
	return res, nil
}

func host(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	return u.Host
}

// Ensure that the documentation is served without a key, as documented.
func TestTheDocumentationIsServed(t *testing.T) {
	s := need(t)
	t.Parallel()
	for path, kind := range map[string]string{"/openapi.json": "application/json", "/openapi-3.0.json": "application/json", "/docs": "text/html; charset=utf-8", "/llms.txt": "text/plain; charset=utf-8", "/llms-full.txt": "text/plain; charset=utf-8"} {
		r := send(t, http.MethodGet, s.URL+"/api/v1"+path, http.Header{}, nil)
		if r.status != http.StatusOK || r.header.Get("Content-Type") != kind {
			t.Errorf("%s: HTTP %d %s", path, r.status, r.header.Get("Content-Type"))
		}
		again := send(t, http.MethodGet, s.URL+"/api/v1"+path, http.Header{"If-None-Match": {r.header.Get("ETag")}}, nil)
		if again.status != http.StatusNotModified || len(again.raw) != 0 {
			t.Errorf("%s again: HTTP %d, %d bytes", path, again.status, len(again.raw))
		}
	}
}
