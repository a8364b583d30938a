package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"parley/shared/errcode"
)

// docsRoutes is a function, not a variable, because the document that these routes serve describes
// them too: a variable would be an initialisation cycle.
func docsRoutes() []route {
	return []route{
		{method: http.MethodGet, pattern: "/openapi.json", open: true, do: (*call).openAPI},
		{method: http.MethodGet, pattern: "/openapi-3.0.json", open: true, do: (*call).olderOpenAPI},
		{method: http.MethodGet, pattern: "/docs", open: true, do: (*call).docs},
		{method: http.MethodGet, pattern: "/llms.txt", open: true, do: (*call).llms},
		{method: http.MethodGet, pattern: "/llms-full.txt", open: true, do: (*call).llmsFull},
	}
}

func (c *call) openAPI() (answer, error) {
	return answer{http.StatusOK, newDocument(kindJSON, c.placed(OpenAPI()))}, nil
}

func (c *call) olderOpenAPI() (answer, error) {
	return answer{http.StatusOK, newDocument(kindJSON, OlderOpenAPI())}, nil
}

// page holds the HTML after the first request for it.
var page struct {
	once sync.Once
	document
	err error
}

func (c *call) docs() (answer, error) {
	page.once.Do(func() { page.document, page.err = newPage() })
	if page.err != nil {
		return answer{}, page.err
	}
	d := newDocument(kindHTML, c.placedPage(page.body))
	d.csp = page.csp
	return answer{http.StatusOK, d}, nil
}

var (
	//go:embed docs.html
	pageSource string
	//go:embed docs.css
	pageStyle string
	//go:embed docs.js
	pageScript string
)

var pageTemplate = template.Must(template.New("docs").Funcs(template.FuncMap{"prose": prose}).Parse(pageSource))

// newPage renders the guides and the document as one page that loads nothing. Its one script
// searches the page. The Content-Security-Policy allows that script and the style, by their hashes,
// and nothing else.
func newPage() (document, error) {
	v := viewOf(served.of(openAPI()))
	var err error
	if v.Guides, err = guideViews(); err != nil {
		return document{}, err
	}
	if v.Validation, err = toHTML(validation()); err != nil {
		return document{}, err
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, v); err != nil {
		return document{}, fmt.Errorf("api: docs: %w", err)
	}
	d := newDocument(kindHTML, b.Bytes())
	d.csp = "default-src 'none'; style-src " + hashOf(pageStyle) + "; script-src " + hashOf(pageScript) + "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return d, nil
}

// hashOf names an inline style or script in a Content-Security-Policy.
func hashOf(source string) string {
	sum := sha256.Sum256([]byte(source))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// prose turns a description into HTML: blank lines separate paragraphs, backticks mark code.
func prose(s string) template.HTML {
	var b strings.Builder
	for p := range strings.SplitSeq(s, "\n\n") {
		b.WriteString("<p>")
		for i, piece := range strings.Split(p, "`") {
			piece = template.HTMLEscapeString(piece)
			if i%2 == 1 {
				piece = "<code>" + piece + "</code>"
			}
			b.WriteString(piece)
		}
		b.WriteString("</p>")
	}
	return template.HTML(b.String()) //nolint:gosec // every piece is escaped
}

type docsView struct {
	Style      template.CSS
	Script     template.JS
	Title      string
	Version    string
	Intro      string
	Guides     []guideView
	Validation template.HTML
	Groups     []groupView
	Hooks      []callView
	Shapes     []shapeView
	Codes      []errcode.Entry
}

type groupView struct {
	Name, Text string
	Calls      []callView
}

type callView struct {
	ID, Method, Path, Summary, Text string
	Open                            bool
	Parameters                      []rowView
	BodyKind                        string
	Body                            []rowView
	BodyText                        string
	BodyRef                         string
	BodyExample                     string // compact JSON, for curl
	Curl                            string
	Answers                         []answerView
	Refusals                        []refusalView
}

// rowView is a property, a parameter or a header.
type rowView struct {
	Name, Where, Type, Text, Ref string
	Required                     bool
}

type answerView struct {
	Status, Text string
	Refs         []string
	Headers      []rowView
	Examples     []exampleView
}

type exampleView struct{ Summary, JSON string }

type refusalView struct {
	Status string
	Code   string
	Text   string
	JSON   string
}

type shapeView struct {
	Name, Text string
	Either     []string // the shapes of which it is one
	Rows       []rowView
}

func viewOf(doc node) docsView {
	info := child(doc, "info")
	v := docsView{Style: template.CSS(pageStyle), Script: template.JS(pageScript), Title: word(info, "title"), Version: word(info, "version"), Intro: word(info, "description"), Codes: errcode.Table} //nolint:gosec // our own file
	tags, _ := doc.get("tags").([]node)
	for _, t := range tags {
		v.Groups = append(v.Groups, groupView{Name: word(t, "name"), Text: word(t, "description")})
	}
	headers := child(child(doc, "components"), "headers")
	for _, p := range child(doc, "paths") {
		methods, _ := p.value.(node)
		for _, m := range methods {
			op, _ := m.value.(node)
			c := callOf(strings.ToUpper(m.key), p.key, op, headers)
			tags, _ := op.get("tags").([]string)
			i := slices.IndexFunc(v.Groups, func(g groupView) bool { return slices.Contains(tags, g.Name) })
			v.Groups[i].Calls = append(v.Groups[i].Calls, c)
		}
	}
	for _, h := range child(doc, "webhooks") {
		methods, _ := h.value.(node)
		for _, m := range methods {
			op, _ := m.value.(node)
			v.Hooks = append(v.Hooks, callOf(strings.ToUpper(m.key), "your webhookUrl", op, headers))
		}
	}
	for _, s := range child(child(doc, "components"), "schemas") {
		schema, _ := s.value.(node)
		shape := shapeView{Name: s.key, Text: word(schema, "description"), Rows: rowsOf(schema)}
		either, _ := schema.get("oneOf").([]node)
		for _, e := range either {
			shape.Either = append(shape.Either, refOf(e))
		}
		v.Shapes = append(v.Shapes, shape)
	}
	v.Groups = slices.DeleteFunc(v.Groups, func(g groupView) bool { return len(g.Calls) == 0 })
	return v
}

func callOf(method, path string, op, headers node) callView {
	c := callView{ID: word(op, "operationId"), Method: method, Path: path, Summary: word(op, "summary"), Text: word(op, "description")}
	security, set := op.get("security").([]node)
	c.Open = set && len(security) == 0
	params, _ := op.get("parameters").([]node)
	for _, p := range params {
		required, _ := p.get("required").(bool)
		c.Parameters = append(c.Parameters, rowView{Name: word(p, "name"), Where: word(p, "in"), Required: required, Type: typeOf(child(p, "schema")), Text: word(p, "description")})
	}
	body := child(op, "requestBody")
	c.BodyText = word(body, "description")
	for _, m := range child(body, "content") {
		content, _ := m.value.(node)
		schema := child(content, "schema")
		c.BodyKind, c.BodyRef, c.Body = m.key, refOf(schema), rowsOf(schema)
		for _, e := range child(content, "examples") {
			one, _ := e.value.(node)
			if raw, err := plain(one.get("value")); err == nil {
				c.BodyExample = string(raw)
			}
		}
	}
	for _, r := range child(op, "responses") {
		response, _ := r.value.(node)
		status, _ := strconv.Atoi(r.key)
		for _, m := range child(response, "content") {
			content, _ := m.value.(node)
			if status >= 400 {
				c.Refusals = append(c.Refusals, refusalsOf(r.key, content)...)
			}
		}
		if status < 400 {
			c.Answers = append(c.Answers, answerOf(r.key, response, headers))
		}
	}
	c.Curl = curl(c)
	return c
}

func answerOf(status string, response, headers node) answerView {
	a := answerView{Status: status, Text: word(response, "description")}
	for _, h := range child(response, "headers") {
		shared := child(headers, strings.ReplaceAll(h.key, "-", ""))
		required, _ := shared.get("required").(bool)
		a.Headers = append(a.Headers, rowView{Name: h.key, Required: required, Type: typeOf(child(shared, "schema")), Text: word(shared, "description")})
	}
	for _, m := range child(response, "content") {
		content, _ := m.value.(node)
		schema := child(content, "schema")
		if r := refOf(schema); r != "" {
			a.Refs = append(a.Refs, r)
		}
		for _, e := range child(content, "examples") {
			one, _ := e.value.(node)
			a.Examples = append(a.Examples, exampleView{word(one, "summary"), indented(one.get("value"))})
		}
	}
	return a
}

func refusalsOf(status string, content node) []refusalView {
	var out []refusalView
	for _, e := range child(content, "examples") {
		one, _ := e.value.(node)
		out = append(out, refusalView{status, e.key, word(one, "summary"), indented(one.get("value"))})
	}
	return out
}

// curl returns a command that tries the call from a terminal.
func curl(c callView) string {
	if !strings.HasPrefix(c.Path, "/") {
		return ""
	}
	var b strings.Builder
	b.WriteString("curl")
	if c.Method != http.MethodGet && c.BodyKind == "" {
		b.WriteString(" -X " + c.Method)
	}
	if !c.Open {
		b.WriteString(` -H "X-API-Key: $PARLEY_API_KEY"`)
	}
	switch c.BodyKind {
	case kindForm:
		b.WriteString(" \\\n  -H 'Idempotency-Key: interview-1042' \\\n  -F audio=@interview.mp3 -F externalId=interview-1042")
	case kindJSON:
		b.WriteString(" \\\n  -H 'Content-Type: application/json' -d '" + c.BodyExample + "'")
	}
	b.WriteString(" \\\n  \"$" + urlVariable + Base + strings.NewReplacer("{id}", exampleRequest, "{token}", exampleLinkEnd).Replace(c.Path) + `"`)
	return b.String()
}

func rowsOf(schema node) []rowView {
	required, _ := schema.get("required").([]string)
	var out []rowView
	for _, p := range child(schema, "properties") {
		s, _ := p.value.(node)
		out = append(out, rowView{Name: p.key, Required: slices.Contains(required, p.key), Type: typeOf(s), Text: word(s, "description"), Ref: refOf(s)})
		if len(child(s, "properties")) > 0 {
			for _, r := range rowsOf(s) {
				r.Name = p.key + "." + r.Name
				out = append(out, r)
			}
		}
	}
	return out
}

// refOf returns the name of the shape that a schema refers to, also through null and lists; empty
// if there is none.
func refOf(schema node) string {
	if r := word(schema, "$ref"); r != "" {
		return r[strings.LastIndexByte(r, '/')+1:]
	}
	if either, _ := schema.get("anyOf").([]node); len(either) > 0 {
		return refOf(either[0])
	}
	if items := child(schema, "items"); items != nil {
		return refOf(items)
	}
	return ""
}

// maxValues is how many values of an enum are listed; a longer enum is only counted.
const maxValues = 60

// typeOf describes a schema's type and bounds in words.
func typeOf(schema node) string {
	var parts []string
	switch kind := schema.get("type").(type) {
	case string:
		parts = append(parts, kind)
	case []any:
		parts = append(parts, fmt.Sprintf("%v or %v", kind...))
	}
	if either, _ := schema.get("anyOf").([]node); isNull(either) {
		parts = append(parts, "object or null")
	} else if len(parts) == 0 && refOf(schema) != "" {
		parts = append(parts, "object")
	}
	if f := word(schema, "format"); f != "" {
		parts = append(parts, f)
	}
	span := func(low, high, unit string) {
		switch l, h := schema.get(low), schema.get(high); {
		case l != nil && h != nil:
			parts = append(parts, fmt.Sprintf("%v to %v%s", l, h, unit))
		case l != nil:
			parts = append(parts, fmt.Sprintf("at least %v%s", l, unit))
		case h != nil:
			parts = append(parts, fmt.Sprintf("at most %v%s", h, unit))
		}
	}
	span("minimum", "maximum", "")
	span("minLength", "maxLength", " characters")
	span("minItems", "maxItems", " items")
	span("minProperties", "maxProperties", " keys")
	if raw, err := json.Marshal(schema.get("enum")); err == nil && string(raw) != "null" {
		values := strings.Split(strings.ReplaceAll(strings.Trim(string(raw), "[]"), `"`, ""), ",")
		if n := len(values); n > maxValues {
			parts = append(parts, fmt.Sprintf("one of %d values, all in the OpenAPI document", n))
		} else {
			parts = append(parts, "one of "+strings.Join(values, ", "))
		}
	}
	if d := schema.get("default"); d != nil {
		parts = append(parts, fmt.Sprintf("default %v", d))
	}
	return strings.Join(parts, ", ")
}

func child(n node, key string) node {
	c, _ := n.get(key).(node)
	return c
}

func word(n node, key string) string {
	s, _ := n.get(key).(string)
	return s
}

func indented(v any) string {
	raw, err := plain(v)
	if err != nil {
		return ""
	}
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		return ""
	}
	return b.String()
}
