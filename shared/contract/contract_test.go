package contract_test

import (
	"net/http"
	"strings"
	"testing"

	"parley/shared/contract"
)

// Ensure that a good answer passes, and that each way of being wrong is found.
func TestCheck(t *testing.T) {
	const id = "req_aaaaaaaaaaaaaaaaaaaaaaaaaa"
	const ready = `{"status":"ready","timestamp":"2026-04-21T12:34:56.789Z","checkedAt":"2026-04-21T12:34:16.789Z","parts":{"accent":"ready"}}`
	const tooOften = `{"error":{"code":"POLL_RATE_LIMITED","message":"Wait.","timestamp":"2026-04-21T12:34:56.789Z","requestId":"` + id + `","retryAfterSeconds":7}}`
	const none = `{"error":{"code":"NOT_FOUND","message":"None.","timestamp":"2026-04-21T12:34:56.789Z"}}`
	head := func(more ...string) http.Header {
		h := http.Header{"Content-Type": {"application/json"}, "X-Request-Id": {id}}
		for i := 0; i < len(more); i += 2 {
			h[more[i]] = []string{more[i+1]}
		}
		return h
	}
	health := func(status int, h http.Header, body string) contract.Answer {
		return contract.Answer{Method: "GET", Path: "/api/v1/health", Status: status, Header: h, Body: []byte(body)}
	}
	poll := func(h http.Header, body string) contract.Answer {
		return contract.Answer{Method: "GET", Path: "/api/v1/speech/analyze/" + id, Status: 429, Header: h, Body: []byte(body)}
	}
	other := func(method, path string, status int, h http.Header, body string) contract.Answer {
		return contract.Answer{Method: method, Path: path, Status: status, Header: h, Body: []byte(body)}
	}
	notAllowed := strings.Replace(none, "NOT_FOUND", "METHOD_NOT_ALLOWED", 1)
	for name, tt := range map[string]struct {
		answer contract.Answer
		want   string // empty: right
	}{
		"a documented answer":            {health(200, head(), ready), ""},
		"a status of no answer":          {health(201, head(), ready), "the status 201"},
		"a body that is no JSON":         {health(200, head(), "ready"), "no JSON"},
		"two bodies":                     {health(200, head(), ready+ready), "more than one"},
		"a member that is not there":     {health(200, head(), strings.Replace(ready, `"checkedAt":"2026-04-21T12:34:16.789Z",`, "", 1)), "checkedAt"},
		"a member too many":              {health(200, head(), strings.Replace(ready, `{`, `{"more":1,`, 1)), "more"},
		"a time without milliseconds":    {health(200, head(), strings.Replace(ready, ".789Z", "Z", 1)), "timestamp"},
		"no request id":                  {health(200, http.Header{"Content-Type": {"application/json"}}, ready), "X-Request-Id"},
		"another content type":           {health(200, head("Content-Type", "text/plain"), ready), "Content-Type"},
		"a refusal":                      {poll(head("Retry-After", "7"), tooOften), ""},
		"a refusal with another wait":    {poll(head("Retry-After", "8"), tooOften), "Retry-After"},
		"a refusal without its wait":     {poll(head(), tooOften), "Retry-After"},
		"a refusal without requestId":    {poll(head("Retry-After", "7"), strings.Replace(tooOften, `"requestId":"`+id+`",`, "", 1)), "without requestId"},
		"a refusal with another's id":    {poll(head("Retry-After", "7", "X-Request-Id", "other"), tooOften), "requestId"},
		"a refusal of another call":      {poll(head("Retry-After", "7"), strings.Replace(tooOften, "POLL_RATE_LIMITED", "SERVICE_WARMING_UP", 1)), "code"},
		"an unknown path":                {other("GET", "/nothing", 404, head(), none), ""},
		"an unknown path that is served": {other("GET", "/nothing", 200, head(), ready), "schema"},
		"a wrong method":                 {other("PUT", "/api/v1/health", 405, head("Allow", "GET"), notAllowed), ""},
		"a wrong method without Allow":   {other("PUT", "/api/v1/health", 405, head(), notAllowed), "Allow"},
	} {
		t.Run(name, func(t *testing.T) {
			err := contract.Check(tt.answer)
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want it to tell of %s", err, tt.want)
			}
		})
	}
}
