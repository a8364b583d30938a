package local

import (
	"encoding/base64"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// tree is an API with these paths, each with its methods.
func tree(paths map[string]string) *restAPI {
	api := &restAPI{id: "abc", stage: "live", binary: []string{"multipart/form-data", "image/*"}}
	ids := map[string]string{}
	var add func(path string) string
	add = func(path string) string {
		if id, ok := ids[path]; ok {
			return id
		}
		r := resource{ID: "id" + path, Path: path, Methods: map[string]method{}}
		ids[path] = r.ID
		if path != "/" {
			at := strings.LastIndexByte(path, '/')
			r.Part, r.ParentID = path[at+1:], add("/"+strings.Trim(path[:at], "/"))
		}
		for verb := range strings.FieldsSeq(paths[path]) {
			r.Methods[verb] = method{}
		}
		api.resources = append(api.resources, r)
		return r.ID
	}
	add("/")
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		add(path)
	}
	return api
}

// Ensure that a request goes to the most specific path that has its method, as on the gateway.
func TestARequestsRoute(t *testing.T) {
	api := tree(map[string]string{"/": "ANY", "/{proxy+}": "ANY", "/runs": "GET", "/runs/all": "ANY", "/runs/{id}": "GET DELETE", "/runs/{id}/page": "GET", "/files/{proxy+}": "POST"})
	for _, tt := range []struct {
		verb, path string
		want       string
		params     map[string]string
	}{
		{"GET", "/", "/", nil},
		{"GET", "", "/", nil},
		{"GET", "/runs", "/runs", nil},
		{"GET", "//runs/", "/runs", nil},
		{"POST", "/runs", "/{proxy+}", map[string]string{"proxy": "runs"}},
		{"DELETE", "/runs/all", "/runs/all", nil},
		{"DELETE", "/runs/r1", "/runs/{id}", map[string]string{"id": "r1"}},
		{"PUT", "/runs/r1", "/{proxy+}", map[string]string{"proxy": "runs/r1"}},
		{"GET", "/runs/all/page", "/runs/{id}/page", map[string]string{"id": "all"}},
		{"GET", "/runs/r1/page/2", "/{proxy+}", map[string]string{"proxy": "runs/r1/page/2"}},
		{"POST", "/files/a/b", "/files/{proxy+}", map[string]string{"proxy": "a/b"}},
		{"GET", "/files/a/b", "/{proxy+}", map[string]string{"proxy": "files/a/b"}},
		{"GET", "/files", "/{proxy+}", map[string]string{"proxy": "files"}},
		{"GET", "/runs/a b/page", "/runs/{id}/page", map[string]string{"id": "a b"}},
	} {
		got, ok := api.route(tt.verb, tt.path)
		if !ok || got.resource.Path != tt.want || !maps.Equal(got.params, tt.params) {
			t.Errorf("%s %s: to %s with %v (%v), want %s with %v", tt.verb, tt.path, got.resource.Path, got.params, ok, tt.want, tt.params)
		}
	}
	for name, api := range map[string]*restAPI{"no method": tree(map[string]string{"/runs": "GET"}), "no root": {}} {
		if got, ok := api.route("PUT", "/runs"); ok {
			t.Errorf("%s: to %s", name, got.resource.Path)
		}
	}
}

// Ensure that parameters are decoded as far as they can be, and none is left out.
func TestAQuerysParameters(t *testing.T) {
	for query, want := range map[string]map[string][]string{
		"":                  nil,
		"&":                 nil,
		"a=b&a=c":           {"a": {"b", "c"}},
		"a":                 {"a": {""}},
		"=b":                {"": {"b"}},
		"a=b=c":             {"a": {"b=c"}},
		"a=b;c=d":           {"a": {"b;c=d"}},
		"a+b=c%20d%2B":      {"a b": {"c d+"}},
		"a=%zz&b=%&c=%4&%4": {"a": {"%zz"}, "b": {"%"}, "c": {"%4"}, "%4": {""}},
		"a=%D9%A3":          {"a": {"٣"}},
		"a=x%FFy":           {"a": {"x\uFFFDy"}},
	} {
		if got := parameters(query); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, want %q", query, got, want)
		}
	}
}

// Ensure that a function gets a request as the gateway hands it over: with the client's address as
// the gateway saw it, repeated fields joined, and without the fields of the connection.
func TestARequestsEvent(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "http://parley.test/api/a%20b?x=1&x=2", nil)
	r.RemoteAddr = "192.0.2.7:4711"
	r.Header = http.Header{
		"X-Api-Key": {"k"}, "X-Twice": {"1", "2"}, "Cookie": {"a=1", "b=2"}, "User-Agent": {"test"},
		"X-Forwarded-For": {"203.0.113.9"}, "X-Forwarded-Proto": {"https"}, "Forwarded": {"for=203.0.113.9"},
		"Connection": {"Upgrade, X-Hop"}, "Upgrade": {"h2c"}, "Http2-Settings": {"AAEA"}, "X-Hop": {"1"}, "Te": {"trailers"},
	}
	api := tree(map[string]string{"/{proxy+}": "ANY"})
	api.variables = map[string]string{"color": "blue"}
	to, _ := api.route(r.Method, r.URL.Path)
	e := api.event(r, []byte("hello"), to)
	wantHeaders := map[string]string{"X-Api-Key": "k", "X-Twice": "1, 2", "Cookie": "a=1; b=2", "User-Agent": "test", "X-Forwarded-For": "192.0.2.7", "Host": "parley.test"}
	if !maps.Equal(e.Headers, wantHeaders) {
		t.Errorf("headers %v, want %v", e.Headers, wantHeaders)
	}
	for name, value := range wantHeaders {
		if !slices.Equal(e.MultiValueHeaders[name], []string{value}) {
			t.Errorf("%s: %q", name, e.MultiValueHeaders[name])
		}
	}
	c := e.RequestContext
	if e.Resource != "/{proxy+}" || e.Path != "/api/a b" || e.HTTPMethod != "POST" || e.PathParameters["proxy"] != "api/a b" || e.StageVariables["color"] != "blue" ||
		e.QueryStringParameters["x"] != "1" || !slices.Equal(e.MultiValueQueryStringParameters["x"], []string{"1", "2"}) || e.Body != "hello" || e.IsBase64Encoded {
		t.Errorf("event %+v", e)
	}
	if c.AccountID != Account || c.APIID != "abc" || c.Stage != "live" || c.Path != "/live/api/a b" || c.ResourceID != "id/{proxy+}" || c.ResourcePath != e.Resource || c.HTTPMethod != "POST" ||
		c.Identity.SourceIP != "192.0.2.7" || c.Identity.UserAgent != "test" || len(c.RequestID) != 36 || c.RequestTimeEpoch == 0 || !strings.HasSuffix(c.RequestTime, " +0000") {
		t.Errorf("context %+v", c)
	}
}

// Ensure that a body is passed in base64 exactly if its type is one of the API's binary ones.
func TestABodysEncoding(t *testing.T) {
	api := tree(map[string]string{"/": "ANY"})
	for kind, binary := range map[string]bool{
		"multipart/form-data; boundary=x": true, "Multipart/Form-Data": true, "image/png": true, "multipart/mixed": false, "application/json": false, "": false, "*/*": false,
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Content-Type", kind)
		e := api.event(r, []byte{'a', 0, 'b'}, route{})
		want := "a\x00b"
		if binary {
			want = base64.StdEncoding.EncodeToString([]byte(want))
		}
		if e.Body != want || e.IsBase64Encoded != binary {
			t.Errorf("%q: %q, base64 %v", kind, e.Body, e.IsBase64Encoded)
		}
	}
	if e := api.event(httptest.NewRequest(http.MethodPost, "/", nil), nil, route{}); e.Body != "" || e.IsBase64Encoded {
		t.Errorf("without a body: %+v", e)
	}
}

// Ensure that a function's answer reaches the client as the gateway would pass it on, and that what
// is no answer does not.
func TestAFunctionsAnswer(t *testing.T) {
	api := tree(map[string]string{"/": "ANY"})
	pixel := base64.StdEncoding.EncodeToString([]byte{0xff, 0})
	for name, tt := range map[string]struct {
		answer, accept string
		status         int // 0: it is refused
		body           string
		header         http.Header
	}{
		"plain":                    {`{"statusCode":200,"body":"{}"}`, "", 200, "{}", http.Header{"Content-Type": {"application/json"}}},
		"headers of both kinds":    {`{"statusCode":404,"headers":{"x-one":"1","content-type":"a/b"},"multiValueHeaders":{"X-One":["2","3"],"X-None":[]},"body":"x"}`, "", 404, "x", http.Header{"X-One": {"2", "3"}, "Content-Type": {"a/b"}}},
		"no body":                  {`{"statusCode":204}`, "", 204, "", nil},
		"bytes that are accepted":  {`{"statusCode":200,"body":"` + pixel + `","isBase64Encoded":true}`, "image/png", 200, "\xff\x00", nil},
		"bytes that are not":       {`{"statusCode":200,"body":"` + pixel + `","isBase64Encoded":true}`, "*/*", 200, pixel, nil},
		"no bytes":                 {`{"statusCode":200,"body":"%","isBase64Encoded":true}`, "image/png", 0, "", nil},
		"no JSON":                  {`secret`, "", 0, "", nil},
		"no status":                {`{"body":"secret"}`, "", 0, "", nil},
		"our own refusal":          {`{"statusCode":429,"body":"{\"error\":{\"code\":\"RATE_LIMIT_EXCEEDED\"}}"}`, "", 429, `{"error":{"code":"RATE_LIMIT_EXCEEDED"}}`, nil},
		"a failure that is not so": {`{"statusCode":502,"body":"{\"errorMessage\":\"secret\"}"}`, "", 0, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
			r.Header.Set("Accept", tt.accept)
			err := api.write(w, r, []byte(tt.answer))
			if (err == nil) != (tt.status != 0) {
				t.Fatalf("%v, want the status %d", err, tt.status)
			}
			if err != nil {
				if w.Body.Len() > 0 || len(w.Header()) > 0 {
					t.Errorf("answered %s", w.Body)
				}
				return
			}
			if w.Code != tt.status || w.Body.String() != tt.body {
				t.Errorf("%d %q", w.Code, w.Body)
			}
			for name, values := range tt.header {
				if !slices.Equal(w.Header()[name], values) {
					t.Errorf("%s: %q, want %q", name, w.Header()[name], values)
				}
			}
		})
	}
}

// Ensure that the function of an integration is found, and that a version or alias is left alone.
func TestAnIntegrationsFunction(t *testing.T) {
	const before = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
	for uri, want := range map[string]string{
		before + "arn:aws:lambda:us-east-1:000000000000:function:parley-poll/invocations":      "parley-poll",
		before + "arn:aws:lambda:us-east-1:000000000000:function:parley-poll:live/invocations": "",
		"http://example.com/": "",
		"":                    "",
	} {
		if got := nameOf(uri); got != want {
			t.Errorf("%s: %q, want %q", uri, got, want)
		}
	}
}
