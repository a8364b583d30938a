// Package contract checks answers against the OpenAPI document. Tests pass it every answer that
// they receive.
package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"parley/shared/api"
	"parley/shared/errcode"
)

// Answer is one answer of the service, as received.
type Answer struct {
	Method string
	Path   string // with Base, without a query
	Status int
	Header http.Header
	Body   []byte
}

// Document returns the service's own document, parsed, with every rule. It is the same each time.
var Document = sync.OnceValues(func() (*Contract, error) { return New(api.StrictOpenAPI()) })

// Check checks an answer against the service's own document.
func Check(a Answer) error {
	c, err := Document()
	if err != nil {
		return err
	}
	return c.Check(a)
}

// Contract is an OpenAPI 3.1 document, whose schemas are JSON Schema 2020-12. Safe for concurrent
// use.
type Contract struct {
	doc      document
	compiler *jsonschema.Compiler
	lock     sync.Mutex
	schemas  map[string]*jsonschema.Schema // by pointer into the document
}

type document struct {
	Paths      map[string]map[string]operation
	Webhooks   map[string]map[string]event
	Components struct{ Headers map[string]header }
}

// event is a request that the service sends.
type event struct {
	Parameters []struct {
		Name, In string
		Required bool
	}
	RequestBody response
}

type operation struct{ Responses map[string]response }

type response struct {
	Headers map[string]header
	Content map[string]any
}

type header struct {
	Ref      string `json:"$ref"`
	Required bool
	Schema   struct{ Type string }
}

// Delivery is one request that the service sent to a client's server, as received.
type Delivery struct {
	Method string
	Header http.Header
	Body   []byte
}

// CheckDelivery checks a webhook against the service's own document.
func CheckDelivery(d Delivery) error {
	c, err := Document()
	if err != nil {
		return err
	}
	return c.CheckDelivery("runCompleted", d)
}

// CheckDelivery returns every way in which a webhook differs from the documented event of this
// name: its method, headers and body.
func (c *Contract) CheckDelivery(name string, d Delivery) error {
	method := strings.ToLower(d.Method)
	e, ok := c.doc.Webhooks[name][method]
	if !ok {
		return fmt.Errorf("contract: %s by %s is not documented", name, d.Method)
	}
	at := "#/webhooks/" + escape(name) + "/" + method
	var problems []error
	for i, p := range e.Parameters {
		values := d.Header.Values(p.Name)
		switch {
		case p.In != "header":
			problems = append(problems, fmt.Errorf("%s in the %s cannot be checked", p.Name, p.In))
		case len(values) == 0 && p.Required:
			problems = append(problems, fmt.Errorf("the header %s is missing", p.Name))
		case len(values) > 1:
			problems = append(problems, fmt.Errorf("the header %s came %d times", p.Name, len(values)))
		case len(values) == 1:
			raw, _ := json.Marshal(values[0]) // a string always encodes
			if err := c.Schema(at+"/parameters/"+strconv.Itoa(i)+"/schema", raw); err != nil {
				problems = append(problems, fmt.Errorf("the header %s: %w", p.Name, err))
			}
		}
	}
	kind := d.Header.Get("Content-Type")
	if _, ok := e.RequestBody.Content[kind]; !ok {
		problems = append(problems, fmt.Errorf("the Content-Type %q is not documented", kind))
	} else if err := c.Schema(at+"/requestBody/content/"+escape(kind)+"/schema", d.Body); err != nil {
		problems = append(problems, err)
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("contract: the webhook %s %.2000s: %w", name, d.Body, errors.Join(problems...))
}

// The document's own references are resolved against this address.
const where = "openapi.json"

// New reads a document.
func New(raw []byte) (*Contract, error) {
	c := &Contract{compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	if err := json.Unmarshal(raw, &c.doc); err != nil {
		return nil, fmt.Errorf("contract: read the document: %w", err)
	}
	all, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("contract: read the document: %w", err)
	}
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource(where, all); err != nil {
		return nil, fmt.Errorf("contract: read the document: %w", err)
	}
	return c, nil
}

// Operations lists the operations of the document, as METHOD and path, in order.
func (c *Contract) Operations() []string {
	var out []string
	for path, methods := range c.doc.Paths {
		for m := range methods {
			out = append(out, strings.ToUpper(m)+" "+path)
		}
	}
	slices.Sort(out)
	return out
}

// Check returns every way in which an answer differs from the document: its status, headers and
// body. The answer to an undocumented call must be the envelope with the code for that.
func (c *Contract) Check(a Answer) error {
	path, methods := c.find(a.Path)
	op, known := methods[strings.ToLower(a.Method)]
	known = known && a.Method == strings.ToUpper(a.Method) // methods are case-sensitive
	var problems []error
	switch {
	case known:
		problems = c.documented(a, path, op)
	case methods != nil && a.Header.Get("Allow") == "" && a.Status == http.StatusMethodNotAllowed:
		problems = []error{errors.New("405 without the header Allow")}
		fallthrough
	default:
		problems = append(problems, c.refused(a)...)
		if got := codeOf(a); a.Status < 500 && !slices.Contains([]errcode.Code{errcode.NotFound, errcode.MethodNotAllowed, errcode.RequestTooLarge, errcode.RateLimitExceeded}, got) {
			problems = append(problems, fmt.Errorf("%q of what is no call", got))
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("contract: %s %s answered %d %.2000s: %w", a.Method, a.Path, a.Status, a.Body, errors.Join(problems...))
}

// find returns the document's path, and nil methods if there is none.
func (c *Contract) find(path string) (string, map[string]operation) {
	below, ok := strings.CutPrefix(path, api.Base)
	if !ok {
		return "", nil
	}
	if m, ok := c.doc.Paths[below]; ok {
		return below, m
	}
	for p, m := range c.doc.Paths {
		head, rest, templated := strings.Cut(p, "{")
		_, tail, _ := strings.Cut(rest, "}")
		in, begins := strings.CutPrefix(below, head)
		in, ends := strings.CutSuffix(in, tail)
		if templated && begins && ends && in != "" && !strings.Contains(in, "/") {
			return p, m
		}
	}
	return "", nil
}

func (c *Contract) documented(a Answer, path string, op operation) []error {
	status := strconv.Itoa(a.Status)
	r, ok := op.Responses[status]
	if !ok {
		return []error{fmt.Errorf("the status %d is not documented", a.Status)}
	}
	at := "#/paths/" + escape(path) + "/" + strings.ToLower(a.Method) + "/responses/" + status
	problems := c.headers(a, r)
	if len(r.Content) == 0 {
		if len(a.Body) > 0 {
			problems = append(problems, fmt.Errorf("a body of %d bytes where none is documented", len(a.Body)))
		}
		return problems
	}
	kind := a.Header.Get("Content-Type")
	if _, ok := r.Content[kind]; !ok {
		return append(problems, fmt.Errorf("the Content-Type %q is not documented", kind))
	}
	if base, _, err := mime.ParseMediaType(kind); err != nil || base != "application/json" {
		return problems
	}
	problems = append(problems, c.Schema(at+"/content/"+escape(kind)+"/schema", a.Body))
	if a.Status >= 400 {
		problems = append(problems, c.refused(a)...)
	}
	return slices.DeleteFunc(problems, func(err error) bool { return err == nil })
}

func (c *Contract) headers(a Answer, r response) []error {
	var problems []error
	for name, h := range r.Headers {
		at := "#/components/headers/" + strings.TrimPrefix(h.Ref, "#/components/headers/")
		h = c.doc.Components.Headers[strings.TrimPrefix(at, "#/components/headers/")]
		values := a.Header.Values(name)
		switch {
		case len(values) == 0 && h.Required && a.Status < 400:
			problems = append(problems, fmt.Errorf("the header %s is missing", name))
		case len(values) > 1:
			problems = append(problems, fmt.Errorf("the header %s came %d times", name, len(values)))
		case len(values) == 1:
			raw := []byte(values[0])
			if h.Schema.Type == "string" {
				raw, _ = json.Marshal(values[0]) // a string always encodes
			}
			if err := c.Schema(at+"/schema", raw); err != nil {
				problems = append(problems, fmt.Errorf("the header %s: %w", name, err))
			}
		}
	}
	return problems
}

// refused checks what the envelope's schema cannot express: what body and headers share, and who
// answered.
func (c *Contract) refused(a Answer) []error {
	if err := c.Schema("#/components/schemas/Error", a.Body); err != nil {
		return []error{err}
	}
	var e api.Envelope
	if err := json.Unmarshal(a.Body, &e); err != nil {
		return []error{err}
	}
	entry, _ := errcode.Lookup(e.Error.Code)
	id, wait := a.Header.Get("X-Request-Id"), a.Header.Get("Retry-After")
	var problems []error
	add := func(wrong bool, format string, args ...any) {
		if wrong {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	handled := slices.ContainsFunc(entry.By, errcode.Place.Handler)
	elsewhere := slices.ContainsFunc(entry.By, func(p errcode.Place) bool { return !p.Handler() && p != errcode.Chain })
	add(entry.Status != a.Status, "%s is of status %d", entry.Code, entry.Status)
	// If no id could be drawn, there is none.
	add(id == "" && a.Status != http.StatusInternalServerError, "the header X-Request-Id is missing")
	add(e.Error.RequestID != "" && e.Error.RequestID != id, "requestId %q, X-Request-Id %q", e.Error.RequestID, id)
	add(handled && !elsewhere && e.Error.RequestID == "", "%s without requestId, although its handler ran", entry.Code)
	add(!handled && entry.Code != errcode.InternalError && e.Error.RequestID != "", "%s with a requestId, although no handler ran", entry.Code)
	add(wait == "" != (e.Error.RetryAfterSeconds == 0) || wait != "" && wait != strconv.Itoa(e.Error.RetryAfterSeconds), "Retry-After %q, retryAfterSeconds %d", wait, e.Error.RetryAfterSeconds)
	return problems
}

// codeOf returns the code of an envelope, or "" if the body is not one.
func codeOf(a Answer) errcode.Code {
	var e api.Envelope
	if json.Unmarshal(a.Body, &e) != nil {
		return ""
	}
	return e.Error.Code
}

// Schema checks JSON against a schema of the document, named by its pointer:
// #/components/schemas/RunSummary.
func (c *Contract) Schema(pointer string, raw []byte) error {
	s, err := c.compiled(pointer)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	if err := s.Validate(v); err != nil {
		return fmt.Errorf("%s: %w", pointer, err)
	}
	return nil
}

func (c *Contract) compiled(pointer string) (*jsonschema.Schema, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if s, ok := c.schemas[pointer]; ok {
		return s, nil
	}
	s, err := c.compiler.Compile(where + pointer)
	if err != nil {
		return nil, fmt.Errorf("contract: %s: %w", pointer, err)
	}
	c.schemas[pointer] = s
	return s, nil
}

// escape returns a member's name as an element of a JSON pointer in a URL.
func escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D", " ", "%20", ";", "%3B").Replace(name)
}
