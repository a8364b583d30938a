package api

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/presentation"
	"parley/shared/speech/audio"
	"parley/shared/speech/score"
)

// The OpenAPI document is built from what the handlers use: the table of codes, the bounds and the
// routes. Only the prose and the shapes of answers are written by hand, and a test checks those
// shapes against the types that are encoded.

// node is a JSON object whose members keep their order, because people read the document from the
// top.
type node []member

type member struct {
	key   string
	value any
}

// MarshalJSON implements json.Marshaler.
func (n node) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := plain(m.key)
		if err != nil {
			return nil, err
		}
		value, err := plain(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// plain encodes v without HTML escapes.
func plain(v any) ([]byte, error) {
	raw, err := encode(v)
	return bytes.TrimSpace(raw), err
}

func (n node) get(key string) any {
	for _, m := range n {
		if m.key == key {
			return m.value
		}
	}
	return nil
}

// with returns a copy of n with more members at its end.
func (n node) with(more ...member) node { return append(slices.Clone(n), more...) }

//go:embed examples/*.json
var exampleFiles embed.FS

// example returns an answer recorded from a running system.
func example(name string) json.RawMessage {
	raw, err := exampleFiles.ReadFile("examples/" + name + ".json")
	if err != nil {
		panic(err) // part of the program
	}
	return raw
}

// interfaceVersion is the version of the contract. Raise it when something that clients can see
// changes.
const interfaceVersion = "1.0.0"

// introduction returns the text that the document begins with.
func introduction() string {
	all := score.Listed("and", func(score.Row) bool { return true })
	return `Parley scores how well a candidate speaks in a recorded interview. It scores ` + all + `, each from 0 to 5, and reports for each score its CEFR level, its interval and the measures behind it.

Submit a recording, poll its run until the run ends (or set a webhook), and read the scores. All bodies are JSON in camelCase, except for the submit, which is a multipart form. All times are ISO 8601 in UTC with milliseconds.

Every call needs a key, except for the health check, this documentation and the report pages, whose links are keys of their own: ` + "`X-API-Key: <key>` or `Authorization: Bearer <key>`" + `. Every answer has an ` + "`X-Request-Id`" + `. Every answer to a call whose key was accepted also has ` + "`RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset`" + `, which count the key's submits and the links to report pages that it makes.

Every 4xx and 5xx answer has the same envelope, ` + "`{\"error\": {…}}`. It always has `code`, `message` and `timestamp`. It has `requestId`" + ` if the call's own handler ran, ` + "`retryAfterSeconds`" + ` with 429 and 503 (the same as the ` + "`Retry-After` header), and `details`" + ` with some codes. An unknown path answers 404 NOT_FOUND. A method that a path does not accept answers 405 METHOD_NOT_ALLOWED, with ` + "`Allow`" + `. We never rename a code; we may add codes, and fields in answers.`
}

func openAPI() node {
	return node{
		{"openapi", "3.1.0"},
		{"info", node{
			{"title", "Parley"}, {"version", interfaceVersion}, {"summary", "Scores for spoken English in recorded interviews."},
			{"description", introduction()},
			{"contact", node{{"name", "The support team of your deployment"}}},
			{"license", node{{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}},
		}},
		{"servers", []node{{{"url", Base}, {"description", "The deployment that served this document."}}}},
		{"security", []node{{{"key", []string{}}}, {{"bearer", []string{}}}}},
		{"tags", tagNodes()},
		{"paths", pathNodes()},
		{"webhooks", webhookNodes()},
		{"components", node{
			{"schemas", schemaNodes()},
			{"headers", headerNodes()},
			{"securitySchemes", node{
				{"key", node{{"type", "apiKey"}, {"in", "header"}, {"name", "X-API-Key"}, {"description", "The API key: `pk_` followed by 47 characters."}}},
				{"bearer", node{{"type", "http"}, {"scheme", "bearer"}, {"description", "The same key as a bearer token."}}},
			}},
		}},
		{"x-error-codes", codeNodes()},
	}
}

// operation describes one call.
type operation struct {
	route
	id, tag, summary, text string
	raises                 []errcode.Place // in addition to the places that every call passes
	params                 []node
	body                   node // nil: the call has no body
	answers                []described
}

// described is an answer that is not an error.
type described struct {
	status   int
	text     string
	headers  []string
	kind     string // media type; empty: no body
	schema   node
	examples []named
	table    bool // a table is answered too, if it is asked for
}

type named struct {
	name, summary string
	value         any
}

// key identifies an operation: its method and its path below Base.
func (o operation) key() string { return o.method + " " + o.pattern }

// places lists every place that can refuse the call.
func (o operation) places() []errcode.Place {
	ps := []errcode.Place{errcode.Gateway, errcode.Router}
	if !o.open {
		ps = append(ps, errcode.Key)
	}
	if o.needs != "" {
		ps = append(ps, errcode.Permission)
	}
	if o.counts != "" {
		ps = append(ps, errcode.Rate)
	}
	return append(ps, o.raises...)
}

// codes returns the errors that the call can answer, by status.
func (o operation) codes() map[int][]errcode.Entry {
	out := map[int][]errcode.Entry{}
	for _, e := range errcode.Table {
		// An unknown path and a wrong method are of no operation. A link that opens nothing is.
		elsewhere := e.Code == errcode.MethodNotAllowed || e.Code == errcode.NotFound && !slices.Contains(o.raises, errcode.Page)
		switch {
		case e.Status == 0, !slices.ContainsFunc(o.places(), e.Raised), elsewhere:
		case e.Code == errcode.RequestTooLarge && o.body == nil:
		default:
			out[e.Status] = append(out[e.Status], e)
		}
	}
	return out
}

func pathNodes() node {
	var paths node
	for _, o := range operations() {
		method := member{strings.ToLower(o.method), o.node()}
		if i := slices.IndexFunc(paths, func(m member) bool { return m.key == o.pattern }); i >= 0 {
			at, _ := paths[i].value.(node)
			paths[i].value = append(at, method)
			continue
		}
		paths = append(paths, member{o.pattern, node{method}})
	}
	return paths
}

func (o operation) node() node {
	n := node{{"operationId", o.id}, {"tags", []string{o.tag}}, {"summary", o.summary}, {"description", o.text}}
	if o.open {
		n = append(n, member{"security", []node{}})
	}
	if len(o.params) > 0 {
		n = append(n, member{"parameters", o.params})
	}
	if o.body != nil {
		n = append(n, member{"requestBody", o.body})
	}
	var responses node
	for _, a := range o.answers {
		responses = append(responses, member{strconv.Itoa(a.status), a.node(o)})
	}
	codes := o.codes()
	statuses := make([]int, 0, len(codes))
	for status := range codes {
		statuses = append(statuses, status)
	}
	slices.Sort(statuses)
	for _, status := range statuses {
		responses = append(responses, member{strconv.Itoa(status), refusal(status, codes[status], o.page)})
	}
	return append(n, member{"responses", responses})
}

func (a described) node(o operation) node {
	headers := []string{"X-Request-Id"}
	if !o.open {
		headers = append(headers, "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
	}
	if slices.Contains(o.raises, errcode.Page) {
		headers = append(headers, "Referrer-Policy", "X-Robots-Tag")
	}
	var hs node
	for _, h := range append(headers, a.headers...) {
		hs = append(hs, member{h, ref("headers", strings.ReplaceAll(h, "-", ""))})
	}
	n := node{{"description", a.text}, {"headers", hs}}
	if a.kind == "" {
		return n
	}
	content := node{{"schema", a.schema}}
	if len(a.examples) > 0 {
		content = append(content, member{"examples", exampleNodes(a.examples)})
	}
	all := node{{a.kind, content}}
	if o.page {
		all = append(all, htmlContent())
	}
	if a.table {
		all = append(all, member{kindCSV, node{{"schema", node{{"type", "string"}, {"description", "CSV."}}}}})
	}
	return append(n, member{"content", all})
}

func exampleNodes(es []named) node {
	var n node
	for _, e := range es {
		n = append(n, member{e.name, node{{"summary", e.summary}, {"value", e.value}}})
	}
	return n
}

// refusal describes the answer with an error status: the codes that it can have, each with an
// example.
//
// For a call whose answers people read it is a page, unless JSON is asked for.
func refusal(status int, entries []errcode.Entry, page bool) node {
	var names []string
	var examples []named
	for _, e := range entries {
		names = append(names, string(e.Code))
		examples = append(examples, named{string(e.Code), e.Message, envelopeOf(e)})
	}
	headers := node{{"X-Request-Id", ref("headers", "XRequestId")}}
	retry := status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
	if retry || status == http.StatusConflict {
		headers = append(headers, member{"Retry-After", ref("headers", "RetryAfter")})
	}
	content := node{{kindJSON, node{
		{"schema", ref("schemas", "Error").with(strictly("properties", node{{"error", narrowed(names, retry)}}))},
		{"examples", exampleNodes(examples)},
	}}}
	if page {
		content = append(content, htmlContent())
	}
	return node{
		{"description", strconv.Itoa(status) + " " + http.StatusText(status) + ": " + strings.Join(names, ", ") + "."},
		{"headers", headers},
		{"content", content},
	}
}

func htmlContent() member {
	return member{kindHTML, node{{"schema", node{{"type", "string"}, {"description", "HTML."}}}}}
}

// narrowed is the schema of what an envelope with one status has beyond every envelope.
func narrowed(names []string, retry bool) node {
	n := node{{"properties", node{{"code", node{{"enum", names}}}}}}
	if retry {
		n = append(n, member{"required", []string{"retryAfterSeconds"}})
	}
	return n
}

// exampleAt is the timestamp of the error examples, the one that the client documentation uses.
var exampleAt = time.Date(2026, 4, 21, 12, 34, 56, 789e6, time.UTC)

const exampleLinkEnd = "c2FtcGxlIHRva2VuIG9mIGEgbGluayB0byBhIHJlcG9ydCBwYWdlIHRoYXQgb3BlbnMgbm90aGluZyBhdCBhbGwuLi4uLg"

// exampleComparisonEnd opens nothing either.
var exampleComparisonEnd = strings.Repeat("c2FtcGxl", comparisonLength(2)/8+1)[:comparisonLength(2)]

const exampleRequest = "req_it5zluieka5jtfkjhon4jx2hce"

// exampleDetails holds example details for the codes that have details.
var exampleDetails = map[errcode.Code]map[string]any{
	errcode.InvalidParameters:        {"fields": []any{map[string]any{"name": "paddingMs", "reason": "outOfBounds", "min": 0, "max": 500, "value": 501}}},
	errcode.AudioTooShort:            {"durationMs": 179_000, "minDurationMs": audio.Bounds.MinLength.Milliseconds()},
	errcode.AudioTooLong:             {"durationMs": 2_701_000, "maxDurationMs": audio.Bounds.MaxLength.Milliseconds()},
	errcode.AudioDurationUnavailable: {"durationMs": 77_760},
	errcode.InsufficientCredits:      {"cost": 4, "available": 3},
	errcode.RequestTooLarge:          {"uploadsUrl": Base + "/speech/uploads"},
	errcode.ServiceWarmingUp:         {"parts": map[string]any{"accent": stateWarmingUp, "ingest": stateReady, "transcribe": stateReady}, "checkedAt": presentation.Stamp(exampleAt.Add(-20 * time.Second))},
}

// exampleWaits holds example values of retryAfterSeconds, in s.
var exampleWaits = map[errcode.Code]int{
	errcode.RateLimitExceeded: 12, errcode.PollRateLimited: 7, errcode.ServiceWarmingUp: int(warmingRetry / time.Second),
	errcode.IdempotencyInProgress: int(inFlightRetry / time.Second), errcode.RunNotTerminal: presentation.PollInterval(0),
}

func envelopeOf(e errcode.Entry) Envelope {
	env := EnvelopeError{Code: e.Code, Message: e.Message, Timestamp: presentation.Stamp(exampleAt), RetryAfterSeconds: exampleWaits[e.Code], Details: exampleDetails[e.Code]}
	// A key's rate is counted before the handler runs.
	if slices.ContainsFunc(e.By, errcode.Place.Handler) && !e.Raised(errcode.Rate) || e.Code == errcode.InternalError {
		env.RequestID = exampleRequest
	}
	return Envelope{env}
}

func codeNodes() []node {
	var out []node
	for _, e := range errcode.Table {
		n := node{{"code", e.Code}}
		if e.Status > 0 {
			n = append(n, member{"status", e.Status})
		}
		out = append(out, n.with(member{"endsRuns", e.Terminal}, member{"retryable", e.Retryable}, member{"message", e.Message}, member{"raisedBy", e.By}))
	}
	return out
}

func ref(kind, name string) node { return node{{"$ref", "#/components/" + kind + "/" + name}} }

// document is an answer made once as bytes, which the client may cache.
type document struct {
	kind string
	body []byte
	etag string
	csp  string // Content-Security-Policy; empty: none
}

func newDocument(kind string, body []byte) document {
	sum := sha256.Sum256(body)
	return document{kind: kind, body: body, etag: `"` + hex.EncodeToString(sum[:8]) + `"`}
}

// documentLasting is how long a client may cache a document without asking again, in s. For as
// long, a client may miss a new deployment.
const documentLasting = 300

// known reports whether the client already has the document.
func (d document) known(r *http.Request) bool {
	for v := range strings.SplitSeq(strings.Join(r.Header.Values("If-None-Match"), ","), ",") {
		if v = strings.TrimPrefix(strings.TrimSpace(v), "W/"); v == d.etag || v == "*" {
			return true
		}
	}
	return false
}

// send answers 200 with the document, or 304, and returns which.
func (d document) send(w http.ResponseWriter, r *http.Request) int {
	h := w.Header()
	h.Set("ETag", d.etag)
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", documentLasting))
	h.Set("X-Content-Type-Options", "nosniff")
	if d.csp != "" {
		h.Set("Content-Security-Policy", d.csp)
	}
	if d.known(r) {
		w.WriteHeader(http.StatusNotModified)
		return http.StatusNotModified
	}
	h.Set("Content-Type", d.kind)
	h.Set("Content-Length", strconv.Itoa(len(d.body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(d.body) // it fails only if the client has gone
	return http.StatusOK
}

// statusNames returns the run statuses that pass keep, as schema values.
func statusNames(keep func(run.Status) bool) []string {
	var out []string
	for _, s := range run.Statuses {
		if keep(s) {
			out = append(out, string(s))
		}
	}
	return out
}
