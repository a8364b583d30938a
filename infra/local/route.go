package local

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// restAPI is a deployed REST API, as the gateway describes it.
type restAPI struct {
	id, stage string
	variables map[string]string // of the stage
	binary    []string          // media types whose bodies are passed in base64
	resources []resource
}

// resource is a node of the API's tree of paths.
type resource struct {
	ID       string            `json:"id"`
	ParentID string            `json:"parentId"`
	Path     string            `json:"path"`
	Part     string            `json:"pathPart"`
	Methods  map[string]method `json:"resourceMethods"`
}

type method struct {
	Integration struct {
		Type string `json:"type"`
		URI  string `json:"uri"`
	} `json:"methodIntegration"`
}

// maxResources is how many resources an API may have here. The gateway itself allows 300.
const maxResources = 500

// readAPI asks the emulated gateway for its API.
func readAPI(ctx context.Context, endpoint, id, stage string) (*restAPI, error) {
	api := &restAPI{id: id, stage: stage}
	var described struct{ BinaryMediaTypes []string }
	var staged struct{ Variables map[string]string }
	var list struct{ Item []resource }
	base := endpoint + "/restapis/" + id
	err := errors.Join(fetch(ctx, base, &described), fetch(ctx, base+"/stages/"+stage, &staged),
		fetch(ctx, base+"/resources?embed=methods&limit="+strconv.Itoa(maxResources), &list))
	api.variables, api.binary, api.resources = staged.Variables, described.BinaryMediaTypes, list.Item
	return api, err
}

// fetch reads a JSON object.
func fetch(ctx context.Context, address string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("local: read the gateway's API: %w", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("local: read the gateway's API: %w", err)
	}
	err = json.NewDecoder(res.Body).Decode(into)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return fmt.Errorf("local: read the gateway's API: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("local: read the gateway's API: %s: %s", address, res.Status)
	}
	return nil
}

// route is where a request goes.
type route struct {
	resource resource
	method   method
	params   map[string]string
}

// route returns where the gateway sends a request: to the most specific path, and from there to the
// widest one with the method if that path has it not.
func (a *restAPI) route(verb, path string) (route, bool) {
	segments := slices.DeleteFunc(strings.Split(path, "/"), func(s string) bool { return s == "" })
	at := slices.IndexFunc(a.resources, func(r resource) bool { return r.Path == "/" })
	if at < 0 {
		return route{}, false
	}
	found, params, ok := a.below(a.resources[at], segments, map[string]string{})
	if !ok {
		return route{}, false
	}
	if m, ok := found.serves(verb); ok {
		return route{found, m, params}, true
	}
	return a.widest(verb, segments)
}

// below returns the resource of the segments below a resource. A literal segment is before a
// parameter, and both are before a rest.
func (a *restAPI) below(r resource, segments []string, params map[string]string) (resource, map[string]string, bool) {
	if len(segments) == 0 {
		return r, params, true
	}
	var children []resource
	for _, c := range a.resources {
		if c.ParentID == r.ID {
			children = append(children, c)
		}
	}
	slices.SortStableFunc(children, func(x, y resource) int { return x.width() - y.width() })
	for _, c := range children {
		with := maps.Clone(params)
		switch c.width() {
		case literal:
			if c.Part != segments[0] {
				continue
			}
		case parameter:
			with[c.param()] = segments[0]
		case rest:
			with[c.param()] = strings.Join(segments, "/")
			return c, with, true
		}
		if found, with, ok := a.below(c, segments[1:], with); ok {
			return found, with, true
		}
	}
	return resource{}, nil, false
}

// widest returns the longest resource that takes the rest of the path and has the method.
func (a *restAPI) widest(verb string, segments []string) (out route, ok bool) {
	longest := -1
	for _, r := range a.resources {
		m, serves := r.serves(verb)
		before := slices.DeleteFunc(strings.Split(r.Path, "/"), func(s string) bool { return s == "" })
		if r.width() != rest || !serves || len(before) > len(segments) || len(before) <= longest {
			continue
		}
		before = before[:len(before)-1]
		params, fits := map[string]string{}, true
		for i, part := range before {
			if p := (resource{Part: part}); p.width() == parameter {
				params[p.param()] = segments[i]
			} else if part != segments[i] {
				fits = false
			}
		}
		if fits {
			params[r.param()] = strings.Join(segments[len(before):], "/")
			longest, out, ok = len(before)+1, route{r, m, params}, true
		}
	}
	return out, ok
}

// How wide a part of a path is.
const (
	literal   = iota
	parameter // {name}: one segment
	rest      // {name+}: all that follow
)

func (r resource) width() int {
	switch {
	case !strings.HasPrefix(r.Part, "{"):
		return literal
	case strings.HasSuffix(r.Part, "+}"):
		return rest
	}
	return parameter
}

// param returns the name of the part's parameter.
func (r resource) param() string { return strings.TrimRight(strings.TrimLeft(r.Part, "{"), "+}") }

func (r resource) serves(verb string) (method, bool) {
	m, ok := r.Methods[verb]
	if !ok {
		m, ok = r.Methods["ANY"]
	}
	return m, ok
}

// event returns the event that the gateway makes of a request.
func (a *restAPI) event(r *http.Request, body []byte, to route) events.APIGatewayProxyRequest {
	now, id := time.Now(), newID()
	client, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		client = r.RemoteAddr
	}
	e := events.APIGatewayProxyRequest{
		Resource: to.resource.Path, Path: r.URL.Path, HTTPMethod: r.Method,
		Headers: map[string]string{}, MultiValueHeaders: map[string][]string{},
		PathParameters: to.params, StageVariables: a.variables,
		RequestContext: events.APIGatewayProxyRequestContext{
			AccountID: Account, APIID: a.id, Stage: a.stage, ResourceID: to.resource.ID, ResourcePath: to.resource.Path,
			RequestID: id, ExtendedRequestID: id, HTTPMethod: r.Method, Path: "/" + a.stage + r.URL.Path, Protocol: "HTTP/1.1",
			RequestTime: now.UTC().Format("02/Jan/2006:15:04:05 +0000"), RequestTimeEpoch: now.UnixMilli(),
			Identity: events.APIGatewayRequestIdentity{SourceIP: client, UserAgent: r.UserAgent()},
		},
	}
	for name, values := range passed(r) {
		separator := ", "
		if name == "Cookie" {
			separator = "; "
		}
		all := strings.Join(values, separator)
		e.Headers[name], e.MultiValueHeaders[name] = all, []string{all}
	}
	e.MultiValueQueryStringParameters = parameters(r.URL.RawQuery)
	for name, values := range e.MultiValueQueryStringParameters {
		if e.QueryStringParameters == nil {
			e.QueryStringParameters = map[string]string{}
		}
		e.QueryStringParameters[name] = values[0]
	}
	switch {
	case len(body) == 0:
	case a.passesBytes(r.Header.Get("Content-Type")):
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	default:
		e.Body = string(body)
	}
	return e
}

// passed returns the header fields that the gateway passes on: not those of the connection, and
// none in which a client says where it calls from.
func passed(r *http.Request) http.Header {
	h := r.Header.Clone()
	for _, line := range r.Header.Values("Connection") {
		for name := range strings.SplitSeq(line, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade", "Http2-Settings", "Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		h.Del(name)
	}
	h.Set("Host", r.Host)
	if client, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		h.Set("X-Forwarded-For", client)
	}
	return h
}

// parameters returns a query's parameters, decoded. What is not validly encoded stays as it is, and
// nothing is left out.
func parameters(query string) map[string][]string {
	var out map[string][]string
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		if out == nil {
			out = map[string][]string{}
		}
		name = decoded(name)
		out[name] = append(out[name], decoded(value))
	}
	return out
}

// decoded decodes the escapes that are valid.
func decoded(s string) string {
	s = strings.ReplaceAll(s, "+", " ")
	var out strings.Builder
	for {
		plain, after, found := strings.Cut(s, "%")
		_, _ = out.WriteString(plain)
		switch {
		case !found:
			return strings.ToValidUTF8(out.String(), "\uFFFD")
		case len(after) >= 2:
			if one, err := url.PathUnescape("%" + after[:2]); err == nil {
				_, _ = out.WriteString(one)
				s = after[2:]
				continue
			}
		}
		_ = out.WriteByte('%')
		s = after
	}
}

// passesBytes says whether bodies of this type are passed as they are.
func (a *restAPI) passesBytes(kind string) bool {
	kind, _, _ = strings.Cut(kind, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	family, _, _ := strings.Cut(kind, "/")
	return kind != "" && slices.ContainsFunc(a.binary, func(t string) bool {
		t = strings.ToLower(strings.TrimSpace(t))
		return t == kind || t == "*/*" || t == family+"/*"
	})
}

// write answers a request with a function's answer.
func (a *restAPI) write(w http.ResponseWriter, r *http.Request, raw []byte) error {
	var got events.APIGatewayProxyResponse
	if err := json.Unmarshal(raw, &got); err != nil {
		return fmt.Errorf("local: a function's answer: %w", err)
	}
	if got.StatusCode < 200 || got.StatusCode > 599 {
		return fmt.Errorf("local: a function answered with the status %d", got.StatusCode)
	}
	body := []byte(got.Body)
	if got.IsBase64Encoded && a.passesBytes(r.Header.Get("Accept")) {
		var err error
		if body, err = base64.StdEncoding.DecodeString(got.Body); err != nil {
			return fmt.Errorf("local: a function's answer: %w", err)
		}
	}
	if !ours(got.StatusCode, body) {
		return fmt.Errorf("local: a function answered %d", got.StatusCode)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	for name, value := range got.Headers {
		h.Set(name, value)
	}
	for name, values := range got.MultiValueHeaders {
		if len(values) > 0 {
			h[http.CanonicalHeaderKey(name)] = values
		}
	}
	w.WriteHeader(got.StatusCode)
	_, _ = w.Write(body) // an error means that the client has gone
	return nil
}
