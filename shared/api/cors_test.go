package api

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestOnlyPagesOfTheNamedOriginsMayCall(t *testing.T) {
	const ours, other = "https://app.example", "https://other.example"
	answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for _, tc := range []struct {
		name             string
		origins          []string
		method, origin   string
		status           int
		allowed, methods string
	}{
		{"no origins: a page's call gets an answer that its browser hides", nil, http.MethodGet, ours, http.StatusTeapot, "", ""},
		{"a page of ours", []string{ours}, http.MethodGet, ours, http.StatusTeapot, ours, ""},
		{"a page of another origin", []string{ours}, http.MethodGet, other, http.StatusTeapot, "", ""},
		{"a server, which names no origin", []string{ours}, http.MethodGet, "", http.StatusTeapot, "", ""},
		{"a preflight of ours", []string{ours}, http.MethodOptions, ours, http.StatusNoContent, ours, http.MethodPost},
		{"a preflight of another origin", []string{ours}, http.MethodOptions, other, http.StatusNoContent, "", ""},
		{"a preflight without origins reaches the handler", nil, http.MethodOptions, ours, http.StatusTeapot, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := httptest.NewRequest(tc.method, Base+"/speech/analyze", nil)
			if tc.origin != "" {
				r.Header.Set("Origin", tc.origin)
			}
			if tc.method == http.MethodOptions {
				r.Header.Set("Access-Control-Request-Method", http.MethodPost)
				r.Header.Set("Access-Control-Request-Headers", "content-type,x-api-key")
			}
			w := httptest.NewRecorder()
			CORS(answer, tc.origins).ServeHTTP(w, r)
			h := w.Header()
			if w.Code != tc.status || h.Get("Access-Control-Allow-Origin") != tc.allowed || h.Get("Access-Control-Allow-Methods") != tc.methods {
				t.Errorf("status %d, headers %v", w.Code, h)
			}
			if h.Get("Access-Control-Allow-Credentials") != "" {
				t.Error("cookies are allowed, and we have none")
			}
		})
	}
}
