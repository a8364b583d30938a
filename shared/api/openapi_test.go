package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"parley/infra/prove/contract"
	"parley/shared/api"
	"parley/shared/errcode"
)

// matches fails the test unless an answer matches the OpenAPI document.
func matches(t testing.TB, req *http.Request, w *httptest.ResponseRecorder) {
	t.Helper()
	if err := contract.Check(contract.Answer{Method: req.Method, Path: req.URL.Path, Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}); err != nil {
		t.Error(err)
	}
}

type openAPI struct {
	Paths map[string]map[string]struct {
		OperationID string
		Summary     string
		Description string
		Responses   map[string]struct {
			Content map[string]struct {
				Examples map[string]struct{ Value json.RawMessage }
			}
		}
		RequestBody struct {
			Content map[string]struct {
				Examples map[string]struct{ Value json.RawMessage }
			}
		}
	}
	Components struct {
		Schemas map[string]json.RawMessage
	}
}

func readOpenAPI(t *testing.T) openAPI {
	t.Helper()
	var d openAPI
	if err := json.Unmarshal(api.OpenAPI(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEveryRouteIsDescribed(t *testing.T) {
	for path, methods := range readOpenAPI(t).Paths {
		for method, o := range methods {
			if o.OperationID == "" || o.Summary == "" || o.Description == "" {
				t.Errorf("%s %s has no description", method, path)
			}
		}
	}
}

func TestEveryExampleHasItsSchema(t *testing.T) {
	c, err := contract.Document()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	escape := strings.NewReplacer("/", "~1", "{", "%7B", "}", "%7D")
	for path, methods := range readOpenAPI(t).Paths {
		for method, o := range methods {
			at := "#/paths/" + escape.Replace(path) + "/" + method
			for status, r := range o.Responses {
				for kind, content := range r.Content {
					for name, e := range content.Examples {
						seen++
						if err := c.Schema(at+"/responses/"+status+"/content/"+escape.Replace(kind)+"/schema", e.Value); err != nil {
							t.Errorf("%s %s %s: example %s: %v", method, path, status, name, err)
						}
					}
				}
			}
			for kind, content := range o.RequestBody.Content {
				for name, e := range content.Examples {
					if err := c.Schema(at+"/requestBody/content/"+escape.Replace(kind)+"/schema", e.Value); err != nil {
						t.Errorf("%s %s: example %s: %v", method, path, name, err)
					}
				}
			}
		}
	}
	if seen < 100 {
		t.Errorf("saw only %d examples", seen)
	}
}

// Ensure that every code of the table with a status is documented for some call, and that no other
// code is.
func TestEveryCodeIsDocumented(t *testing.T) {
	// these belong to no call
	documented := map[errcode.Code]bool{errcode.NotFound: true, errcode.MethodNotAllowed: true}
	for path, methods := range readOpenAPI(t).Paths {
		for method, o := range methods {
			for status, r := range o.Responses {
				for name := range r.Content["application/json"].Examples {
					e, ok := errcode.Lookup(errcode.Code(name))
					if status >= "400" && (!ok || e.Raised(errcode.Chain) && e.Status == 0) {
						t.Errorf("%s %s documents %s", method, path, name)
					}
					documented[e.Code] = true
				}
			}
		}
	}
	for _, e := range errcode.Table {
		if e.Status > 0 && !documented[e.Code] {
			t.Errorf("no call documents %s", e.Code)
		}
	}
}

func TestTheDocumentIsServed(t *testing.T) {
	h := newHouse(t)
	for path, kind := range map[string]string{"/openapi.json": "application/json", "/openapi-3.0.json": "application/json", "/docs": "text/html; charset=utf-8", "/llms-full.txt": "text/plain; charset=utf-8"} {
		t.Run(path, func(t *testing.T) {
			ask := func(method, etag string) *httptest.ResponseRecorder {
				req := httptest.NewRequest(method, api.Base+path, nil)
				if etag != "" {
					req.Header.Set("If-None-Match", etag)
				}
				w := httptest.NewRecorder()
				api.Docs(h.deps).ServeHTTP(w, req)
				matches(t, req, w)
				return w
			}
			w := ask(http.MethodGet, "")
			if w.Code != http.StatusOK || w.Header().Get("Content-Type") != kind || w.Body.Len() < 10_000 {
				t.Fatalf("got %d %v, %d bytes", w.Code, w.Header(), w.Body.Len())
			}
			etag := w.Header().Get("ETag")
			if again := ask(http.MethodGet, etag); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
				t.Errorf("with its own ETag: %d, %d bytes", again.Code, again.Body.Len())
			}
			if other := ask(http.MethodGet, `"another"`); other.Code != http.StatusOK {
				t.Errorf("with another's ETag: %d", other.Code)
			}
			if put := ask(http.MethodPut, ""); put.Code != http.StatusMethodNotAllowed || put.Header().Get("Allow") != "GET" {
				t.Errorf("PUT: %d, Allow %q", put.Code, put.Header().Get("Allow"))
			}
		})
	}
}

// Ensure that the page describes everything and loads nothing.
func TestThePageStandsAlone(t *testing.T) {
	h := newHouse(t)
	w := httptest.NewRecorder()
	api.Docs(h.deps).ServeHTTP(w, httptest.NewRequest(http.MethodGet, api.Base+"/docs", nil))
	text := w.Body.String()
	for _, e := range errcode.Table {
		if !strings.Contains(text, `id="code-`+string(e.Code)+`"`) {
			t.Errorf("%s is not explained", e.Code)
		}
	}
	for path, methods := range readOpenAPI(t).Paths {
		for _, o := range methods {
			if !strings.Contains(text, `id="`+o.OperationID+`"`) {
				t.Errorf("%s (%s) is not on the page", path, o.OperationID)
			}
		}
	}
	for name := range readOpenAPI(t).Components.Schemas {
		if !strings.Contains(text, `id="shape-`+name+`"`) {
			t.Errorf("the shape %s is not on the page", name)
		}
	}
	for _, loads := range []string{"<script src", "<link", "<img", "@import", "url(", "http-equiv", "ZgotmplZ"} {
		if strings.Contains(text, loads) {
			t.Errorf("the page has %s", loads)
		}
	}
	if n := strings.Count(text, "<script"); n != 1 {
		t.Errorf("the page has %d scripts", n)
	}
	if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
		t.Errorf("Content-Security-Policy %q", policy)
	}
}
