package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"

	"parley/shared/engine/account"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// GatewayIDHeader carries the gateway's own id of the request, for the log. Package gateway sets it
// and removes any that a client sent.
const GatewayIDHeader = "X-Gateway-Request-Id"

// GatewayURLHeader carries the URL at which the client reached the API, without Base. Package
// gateway sets it and removes any that a client sent.
const GatewayURLHeader = "X-Gateway-Url"

// route is one call.
type route struct {
	method  string
	pattern string // below Base; a name in braces matches any one segment
	open    bool   // needs no key
	needs   account.Permission
	counts  window // what the call counts against; empty: it is not counted
	do      func(*call) (answer, error)
	page    bool // a person reads the answers, the errors too, unless JSON is asked for
	away    bool // served by another function; listed here only for Allow
}

// away marks routes that another function serves on a path that this one serves too.
func away(routes []route) []route {
	others := slices.Clone(routes)
	for i := range others {
		others[i].away = true
	}
	return others
}

// call is one request while it is handled.
type call struct {
	Deps
	w       http.ResponseWriter
	r       *http.Request
	log     *slog.Logger
	id      run.ID // of the request; a submit's run has the same id
	segment string // the value of the name in braces
	client  account.Client
	key     account.Key
	secrets *secrets
}

// answer is the result of a call that did not fail.
type answer struct {
	status int
	body   any // nil: no body
}

type server struct {
	deps    Deps
	routes  []route
	secrets *secrets
}

func serve(d Deps, groups ...[]route) http.Handler {
	return server{deps: d, routes: slices.Concat(groups...), secrets: &secrets{}}
}

// match finds the route of r. If the path exists but not with this method, it returns the methods
// that the path accepts.
func (s server) match(r *http.Request) (found *route, segment string, allow []string) {
	for i := range s.routes {
		seg, ok := fits(Base+s.routes[i].pattern, r.URL.Path)
		switch {
		case !ok:
		case s.routes[i].method == r.Method && !s.routes[i].away:
			return &s.routes[i], seg, nil
		default:
			allow = append(allow, s.routes[i].method)
		}
	}
	return nil, "", allow
}

func fits(pattern, path string) (segment string, ok bool) {
	head, rest, param := strings.Cut(pattern, "{")
	if !param {
		return "", pattern == path
	}
	_, tail, _ := strings.Cut(rest, "}")
	segment, ok = strings.CutPrefix(path, head)
	if !ok {
		return "", false
	}
	segment, ok = strings.CutSuffix(segment, tail)
	return segment, ok && segment != "" && !strings.Contains(segment, "/")
}

// ServeHTTP makes the request's id, finds the route, admits the key, counts the rate, and answers.
// It builds an answer completely before it sends any of it, so that a handler that panics half-way
// still answers with an error.
func (s server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := s.deps.Clock.Now()
	c := &call{Deps: s.deps, w: w, r: r, log: s.deps.Log, secrets: s.secrets}
	if g := r.Header.Get(GatewayIDHeader); g != "" {
		c.log = c.log.With("gateway", g)
	}
	handled := "" // the request id, once the call's own handler runs
	pattern := "-"
	status, refused, asPage := 0, (*errcode.Error)(nil), false
	refuse := func(e *errcode.Error) {
		if e.Code == errcode.InternalError {
			c.log.Error("request failed", "cause", e.Error())
		}
		entry, _ := errcode.Lookup(e.Code)
		status, refused = entry.Status, e
		if asPage {
			status = refusePage(w, e)
			return
		}
		Refuse(w, e, handled, s.deps.Clock.Now())
	}
	defer func() {
		if v := recover(); v != nil {
			c.log.Error("request panicked", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			refuse(errcode.New(errcode.InternalError))
		}
		attrs := []any{"method", r.Method, "route", pattern, "status", status, "ms", s.deps.Clock.Now().Sub(began).Milliseconds()}
		if c.client.ID != "" {
			attrs = append(attrs, "client", c.client.ID, "key", c.key.ID)
		}
		if refused != nil {
			attrs = append(attrs, "code", refused.Code)
		}
		c.log.Info("request", attrs...)
	}()

	id, err := run.NewID(s.deps.Random)
	if err != nil {
		refuse(errcode.Of(err))
		return
	}
	c.id, c.log = id, c.log.With("request", id)
	w.Header().Set("X-Request-Id", string(id))

	found, segment, allow := s.match(r)
	if found == nil {
		if len(allow) == 0 {
			refuse(errcode.New(errcode.NotFound))
			return
		}
		w.Header().Set("Allow", strings.Join(allow, ", "))
		refuse(errcode.New(errcode.MethodNotAllowed))
		return
	}
	pattern, c.segment = found.pattern, segment
	if run.ID(segment).Valid() {
		c.log = c.log.With("run", segment)
	}
	asPage = found.page && !wantsJSON(r)
	if !found.open {
		if err := c.admit(found.needs); err != nil {
			if c.key.ID != "" {
				// The refusal is the answer, even if the rate cannot be read.
				_ = c.count("")
			}
			refuse(errcode.Of(err))
			return
		}
		if err := c.count(found.counts); err != nil {
			refuse(errcode.Of(err))
			return
		}
	}
	handled = string(id)
	a, err := found.do(c)
	if err != nil {
		refuse(errcode.Of(err))
		return
	}
	if d, ok := a.body.(document); ok {
		status = d.send(w, r)
		return
	}
	if p, ok := a.body.(shown); ok {
		status = a.status
		p.send(w, a.status)
		return
	}
	if t, ok := a.body.(shownTable); ok {
		status = a.status
		t.send(w, a.status)
		return
	}
	var body []byte
	switch v := a.body.(type) {
	case nil:
	case encoded:
		body = v
	default:
		if body, err = encode(v); err != nil {
			refuse(errcode.Of(err))
			return
		}
	}
	status = a.status
	write(w, a.status, body)
}

// encoded is a body that already is JSON.
type encoded []byte

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("api: encode the answer: %w", err)
	}
	return b.Bytes(), nil
}
