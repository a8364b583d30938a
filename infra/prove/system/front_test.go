package system_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"parley/infra/local/operate"
	"parley/shared/client"
	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/credit"
	"parley/shared/errcode"
)

// Ensure that every refusal, by handler, middleware, gateway or proxy, comes in the one envelope,
// with the code of what is wrong.
func TestRefusalsHaveOneEnvelope(t *testing.T) {
	s := need(t)
	t.Parallel()
	c := s.newcomer(t, 100)
	asleep := s.newcomer(t, 100, func(a *account.Client) { a.Active = false })
	expired, err := operate.CreateKey(t.Context(), s.admin, c.id, clock.Real{}, func(k *account.Key) { k.ExpiresAt = &k.CreatedAt })
	must(t, err)
	quiet := silence(t, 200)
	form := func(file []byte, fields ...string) func() reply {
		return func() reply { return c.submit(file, fields...) }
	}
	get := func(path string) func() reply {
		return func() reply { return c.call(http.MethodGet, path, nil, nil) }
	}
	with := func(name, value string) func() reply {
		return func() reply { return send(t, http.MethodGet, s.URL+"/api/v1/credits", http.Header{name: {value}}, nil) }
	}
	for name, tt := range map[string]struct {
		do     func() reply
		status int
		code   errcode.Code
		see    func(t *testing.T, r reply, e map[string]any)
	}{
		"no key":                       {with("Accept", "*/*"), 401, errcode.MissingAPIKey, nil},
		"a key that is none":           {with("X-Api-Key", "none"), 401, errcode.InvalidAPIKey, nil},
		"a bearer that is none":        {with("Authorization", "Bearer none"), 401, errcode.InvalidAPIKey, nil},
		"a key that has expired":       {with("Authorization", "Bearer "+expired.Key), 401, errcode.APIKeyExpired, nil},
		"a client that is not active":  {with("X-Api-Key", asleep.key), 401, errcode.ClientInactive, nil},
		"no recording":                 {form(nil, "language", "en"), 400, errcode.MissingAudioFile, nil},
		"an empty recording":           {form([]byte{}), 400, errcode.UnsupportedFormat, nil},
		"a text":                       {form([]byte(strings.Repeat("not a recording ", 1000))), 400, errcode.UnsupportedFormat, nil},
		"a recording of 179 s":         {form(silence(t, 179)), 400, errcode.AudioTooShort, nil},
		"half a recording":             {form(quiet[:len(quiet)/2]), 400, errcode.AudioDurationUnavailable, nil},
		"a language that is none":      {form(quiet, "language", "english"), 400, errcode.InvalidLanguageCode, nil},
		"a language without its grant": {form(quiet, "language", "de"), 403, errcode.MultilingualNotEnabled, nil},
		"an external id too long":      {form(quiet, "externalId", strings.Repeat("x", 256)), 400, errcode.InvalidExternalID, nil},
		"metadata that is a list":      {form(quiet, "metadata", "[1]"), 400, errcode.InvalidMetadata, nil},
		"a tag too long":               {form(quiet, "tags", strings.Repeat("x", 41)), 400, errcode.InvalidTags, nil},
		"a cut out of its bounds": {form(quiet, "cutSettings", `{"paddingMs":501}`), 400, errcode.InvalidParameters, func(t *testing.T, _ reply, e map[string]any) {
			if details, _ := e["details"].(map[string]any); details["fields"] == nil {
				t.Errorf("details %v", e["details"])
			}
		}},
		"an upload that is none":           {form(nil, "uploadId", "upl_none"), 404, errcode.UploadNotFound, nil},
		"a run that is none":               {get("/speech/analyze/none"), 404, errcode.RequestNotFound, nil},
		"a status that is none":            {get("/runs?status=done"), 400, errcode.InvalidStatus, nil},
		"a limit of 0":                     {get("/runs?limit=0"), 400, errcode.InvalidLimit, nil},
		"a cursor that is none":            {get("/credits/transactions?cursor=none"), 400, errcode.InvalidCursor, nil},
		"a date that is none":              {get("/runs?createdAfter=yesterday"), 400, errcode.InvalidDate, nil},
		"a service that is none":           {get("/runs?serviceType=tarot"), 400, errcode.InvalidServiceType, nil},
		"an unknown path":                  {get("/nothing"), 404, errcode.NotFound, nil},
		"an unknown path below a known":    {get("/credits/nothing"), 404, errcode.NotFound, nil},
		"a path outside of the interface":  {func() reply { return send(t, http.MethodGet, s.URL+"/", http.Header{}, nil) }, 404, errcode.NotFound, nil},
		"a method that the path lacks":     {func() reply { return c.call(http.MethodPut, "/credits", nil, nil) }, 405, errcode.MethodNotAllowed, allows("GET")},
		"a submit that is read":            {get("/speech/analyze"), 405, errcode.MethodNotAllowed, allows("POST")},
		"a submit over what Lambda takes":  {form(bytes.Repeat([]byte("RIFF"), 6<<18)), 413, errcode.RequestTooLarge, uploadsInstead},
		"a submit over what gateways take": {form(bytes.Repeat([]byte("RIFF"), 11<<18)), 413, errcode.RequestTooLarge, uploadsInstead},
	} {
		t.Run(name, func(t *testing.T) {
			r := tt.do()
			e := refused(t, r, tt.status, tt.code)
			if tt.see != nil && e != nil {
				tt.see(t, r, e)
			}
		})
	}
	c.balance(100, 0)
	list, err := c.Runs(t.Context(), client.Filter{})
	must(t, err)
	if len(list.Data) != 0 {
		t.Errorf("refused submits left %s", list.Raw)
	}
	c.audited()
}

func allows(method string) func(*testing.T, reply, map[string]any) {
	return func(t *testing.T, r reply, _ map[string]any) {
		t.Helper()
		if got := r.header.Get("Allow"); !strings.Contains(got, method) {
			t.Errorf("Allow %q, want %s in it", got, method)
		}
	}
}

func uploadsInstead(t *testing.T, _ reply, e map[string]any) {
	t.Helper()
	if details, _ := e["details"].(map[string]any); details["uploadsUrl"] != "/api/v1/speech/uploads" {
		t.Errorf("details %v", e["details"])
	}
}

// Ensure that a client without enough credits is told the cost, and that nothing remains of its
// submit.
func TestTooFewCreditsLeaveNothing(t *testing.T) {
	s := need(t)
	t.Parallel()
	c := s.newcomer(t, 3)
	e := refused(t, c.submit(silence(t, 200)), http.StatusPaymentRequired, errcode.InsufficientCredits)
	if details, _ := e["details"].(map[string]any); details["cost"] != 4.0 || details["available"] != 3.0 {
		t.Errorf("details %v", e["details"])
	}
	list, err := c.Runs(t.Context(), client.Filter{})
	must(t, err)
	ledger, err := c.Transactions(t.Context(), 100, "")
	must(t, err)
	if len(list.Data) != 0 || len(ledger.Data) != 1 || ledger.Data[0].Type != credit.Grant {
		t.Errorf("left are the runs %s and the entries %s", list.Raw, ledger.Raw)
	}
	c.balance(3, 0)
	c.audited()
}

// Ensure that silence is never scored or charged, and that repeating a submit with its
// Idempotency-Key returns the same run.
func TestSilenceFailsAndARepeatIsTheSameRun(t *testing.T) {
	s := need(t)
	t.Parallel()
	c := s.newcomer(t, 10)
	quiet := silence(t, 200)
	post := func(fields ...string) reply {
		header, body := multi(t, quiet, fields...)
		header.Set("Idempotency-Key", "once")
		return c.call(http.MethodPost, "/speech/analyze", header, body)
	}
	first := post("externalId", "a")
	if first.status != http.StatusAccepted || first.header.Get("Idempotency-Replayed") != "" {
		t.Fatalf("HTTP %d %s", first.status, first.raw)
	}
	again := post("externalId", "a")
	if again.status != http.StatusAccepted || again.header.Get("Idempotency-Replayed") != "true" || again.body["id"] != first.body["id"] {
		t.Errorf("repeated: HTTP %d %v %s", again.status, again.header, again.raw)
	}
	refused(t, post("externalId", "b"), http.StatusConflict, errcode.IdempotencyKeyReused)
	list, err := c.Runs(t.Context(), client.Filter{})
	must(t, err)
	if len(list.Data) != 1 {
		t.Fatalf("the runs are %s", list.Raw)
	}
	id := list.Data[0].ID
	r := c.end(id)
	c.failed(r, 10, errcode.TranscriptionFailed)
	c.entries(id, credit.Hold, credit.Release)
	c.audited()
}
