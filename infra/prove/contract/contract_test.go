package contract_test

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"parley/infra/prove/contract"
	"parley/shared/api"
)

// Ensure that a correct answer passes, and that each kind of error is found.
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
		want   string // empty: no error
	}{
		"a documented answer":            {health(200, head(), ready), ""},
		"a status of no answer":          {health(201, head(), ready), "the status 201"},
		"a body that is no JSON":         {health(200, head(), "ready"), "not JSON"},
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

// told returns the body of a webhook whose data is an entry of the documented example of a runs
// list.
func told(t *testing.T) string {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]struct {
					Examples map[string]struct {
						Value struct{ Data []json.RawMessage }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(api.OpenAPI(), &doc); err != nil {
		t.Fatal(err)
	}
	for _, e := range doc.Paths["/runs"]["get"].Responses["200"].Content["application/json"].Examples {
		for _, entry := range e.Value.Data {
			if strings.Contains(string(entry), `"completedAt": "`) {
				return `{"type":"run.completed","timestamp":"2026-04-21T12:34:56.789Z","data":` + string(entry) + `}`
			}
		}
	}
	t.Fatal("no run of the example has ended")
	return ""
}

// Ensure that a correct webhook passes, and that each kind of error is found.
func TestCheckDelivery(t *testing.T) {
	const signature = "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="
	body := told(t)
	for name, tt := range map[string]struct {
		method string
		header []string // replaces what is right
		body   string
		want   string // empty: no error
	}{
		"a documented webhook":            {body: body},
		"two signatures":                  {header: []string{"Webhook-Signature", signature + " " + signature}, body: body},
		"another method":                  {method: "PUT", body: body, want: "by PUT"},
		"no signature":                    {header: []string{"Webhook-Signature", ""}, body: body, want: "webhook-signature"},
		"a signature of another version":  {header: []string{"Webhook-Signature", "v2,x"}, body: body, want: "webhook-signature"},
		"an id that is empty":             {header: []string{"Webhook-Id", ""}, body: body, want: "webhook-id"},
		"a timestamp that is no number":   {header: []string{"Webhook-Timestamp", "2026-04-21T12:34:56Z"}, body: body, want: "webhook-timestamp"},
		"another content type":            {header: []string{"Content-Type", "text/plain"}, body: body, want: "Content-Type"},
		"not JSON":                        {body: "run.completed", want: "not JSON"},
		"another type":                    {body: strings.Replace(body, "run.completed", "run.begun", 1), want: "type"},
		"a time without milliseconds":     {body: strings.Replace(body, ".789Z", "Z", 1), want: "timestamp"},
		"a member too many":               {body: strings.Replace(body, "{", `{"more":1,`, 1), want: "more"},
		"a run that has not ended":        {body: strings.Replace(body, `"status": "failed"`, `"status": "processing"`, 1), want: "status"},
		"a run with its transcript":       {body: strings.Replace(body, `"status": "failed"`, `"transcript": null, "status": "failed"`, 1), want: "transcript"},
		"a run of which something is not": {body: strings.Replace(body, `"processingTimeMs"`, `"processingTime"`, 1), want: "processingTimeMs"},
	} {
		t.Run(name, func(t *testing.T) {
			d := contract.Delivery{Method: cmp.Or(tt.method, "POST"), Body: []byte(tt.body), Header: http.Header{
				"Content-Type": {"application/json"}, "Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {"1776774896"}, "Webhook-Signature": {signature}}}
			for i := 0; i < len(tt.header); i += 2 {
				d.Header.Set(tt.header[i], tt.header[i+1])
			}
			err := contract.CheckDelivery(d)
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want it to tell of %s", err, tt.want)
			}
		})
	}
	missing := contract.Delivery{Method: "POST", Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}
	for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
		if err := contract.CheckDelivery(missing); err == nil || !strings.Contains(err.Error(), "the header "+name+" is missing") {
			t.Errorf("without %s: %v", name, err)
		}
	}
}
