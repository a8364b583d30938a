package system_test

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/infra/local"
	"parley/infra/local/operate"
	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// The walk over the table of codes: a client meets every code over HTTP on the running system. Two
// maps hold what it does for each code; the table shows whether there is something for each.

// met is how a code is met.
type met struct {
	// do provokes the refusal, given a client with credits.
	do func(w walk) reply
	// handled is whether the call's own handler ran. Only then does the envelope hold the
	// requestId.
	handled bool
	// counted is whether the request had an active key. Only then is its rate told.
	counted bool
}

// The three depths at which a request may end.
func atTheDoor(do func(walk) reply) met { return met{do, false, false} }
func atTheRate(do func(walk) reply) met { return met{do, false, true} }
func inTheCall(do func(walk) reply) met { return met{do, true, true} }

// walk is a client on its way.
type walk struct {
	*caller
	quiet []byte // a valid recording, of silence
	live  run.ID // a run that does not end during the walk
}

// sends submits a valid recording with these fields.
func sends(fields ...string) func(walk) reply {
	return func(w walk) reply { return w.submit(w.quiet, fields...) }
}

// recording submits a recording.
func recording(file []byte) func(walk) reply {
	return func(w walk) reply { return w.submit(file) }
}

// asks sends a request without a body.
func asks(method, path string) func(walk) reply {
	return func(w walk) reply { return w.call(method, path, nil, nil) }
}

// onLive sends a request on the live run.
func onLive(method string) func(walk) reply {
	return func(w walk) reply { return w.call(method, "/speech/analyze/"+string(w.live), nil, nil) }
}

// carrying sends a request with this header instead of the client's key.
func carrying(name, value string) func(walk) reply {
	return func(w walk) reply {
		return send(w.t, http.MethodGet, w.sys.URL+"/api/v1/credits", http.Header{name: {value}}, nil)
	}
}

// with sends a request with another key of the client.
func with(change func(*account.Key), do func(walk) reply) func(walk) reply {
	return func(w walk) reply {
		k, err := operate.CreateKey(w.t.Context(), w.sys.admin, w.id, clock.Real{}, change)
		must(w.t, err)
		other := *w.caller
		other.key = k.Key
		w.caller = &other
		return do(w)
	}
}

// as sends a request as another client.
func as(credits int64, change func(*account.Client), do func(walk) reply) func(walk) reply {
	return func(w walk) reply {
		w.caller = w.sys.newcomer(w.t, credits, change)
		return do(w)
	}
}

// keyed submits with the Idempotency-Key of the live run.
func keyed(fields ...string) func(walk) reply {
	return func(w walk) reply {
		header, body := multi(w.t, w.quiet, fields...)
		header.Set("Idempotency-Key", "live")
		return w.call(http.MethodPost, "/speech/analyze", header, body)
	}
}

// lasting returns a WAV of silence at 1 kHz, in seconds: small whatever its length.
func lasting(seconds int) []byte {
	b := wav(make([]int16, 500*seconds)) // of 8 bits, 1,000 per second
	le := binary.LittleEndian
	le.PutUint32(b[24:], 1000)
	le.PutUint32(b[28:], 1000)
	le.PutUint16(b[32:], 1)
	le.PutUint16(b[34:], 8)
	return b
}

func keep(*account.Client) {}

// refusals holds how to meet each code that is an HTTP answer.
var refusals = map[errcode.Code]met{
	errcode.MissingAudioFile:         inTheCall(func(w walk) reply { return w.submit(nil, "language", "en") }),
	errcode.UnsupportedFormat:        inTheCall(recording([]byte(strings.Repeat("not a recording ", 1000)))),
	errcode.AudioTooShort:            inTheCall(recording(lasting(179))),
	errcode.AudioTooLong:             inTheCall(recording(lasting(2702))),
	errcode.AudioDurationUnavailable: inTheCall(recording(lasting(200)[:100_000])),
	errcode.FileTooLarge: inTheCall(func(w walk) reply {
		return w.call(http.MethodPost, "/speech/uploads", nil, strings.NewReader(`{"sizeBytes":26214401}`))
	}),
	errcode.InvalidLanguageCode: inTheCall(sends("language", "english")),
	errcode.InvalidExternalID:   inTheCall(sends("externalId", "")),
	errcode.InvalidMetadata:     inTheCall(sends("metadata", "[1]")),
	errcode.InvalidStatus:       inTheCall(asks(http.MethodGet, "/runs?status=done")),
	errcode.InvalidServiceType:  inTheCall(asks(http.MethodGet, "/runs?serviceType=tarot")),
	errcode.InvalidDate:         inTheCall(asks(http.MethodGet, "/runs?createdBefore=yesterday")),
	errcode.InvalidParameters:   inTheCall(sends("cutSettings", `{"paddingMs":501}`)),
	errcode.InvalidTags:         inTheCall(sends("tags", "")),
	errcode.InvalidLimit:        inTheCall(asks(http.MethodGet, "/runs?limit=101")),
	errcode.InvalidCursor:       inTheCall(asks(http.MethodGet, "/runs?cursor=none")),
	errcode.InvalidWebhookURL:   inTheCall(sends("webhookUrl", "http://169.254.169.254/latest/meta-data/")),
	errcode.UploadNotFound:      inTheCall(func(w walk) reply { return w.submit(nil, "uploadId", "upl_none") }),

	errcode.MissingAPIKey:  atTheDoor(carrying("Accept", "*/*")),
	errcode.InvalidAPIKey:  atTheDoor(carrying("Authorization", "Bearer none")),
	errcode.APIKeyExpired:  atTheRate(with(func(k *account.Key) { k.ExpiresAt = &k.CreatedAt }, asks(http.MethodGet, "/credits"))),
	errcode.ClientInactive: atTheRate(as(0, func(c *account.Client) { c.Active = false }, asks(http.MethodGet, "/credits"))),

	errcode.InsufficientCredits: inTheCall(as(3, keep, sends())),

	errcode.MultilingualNotEnabled: inTheCall(sends("language", "de")),
	errcode.IPNotAllowed:           atTheRate(with(func(k *account.Key) { k.IPs = []string{"192.0.2.0/24"} }, asks(http.MethodGet, "/credits"))),
	errcode.MissingPermission:      atTheRate(as(0, func(c *account.Client) { c.Permissions = nil }, asks(http.MethodGet, "/runs"))),

	errcode.RequestNotFound:  inTheCall(asks(http.MethodGet, "/speech/analyze/none")),
	errcode.NotFound:         atTheDoor(asks(http.MethodGet, "/nothing")),
	errcode.MethodNotAllowed: atTheDoor(asks(http.MethodPut, "/credits")),

	errcode.IdempotencyKeyReused: inTheCall(keyed("externalId", "another")),
	// The first submit died between its transaction and the recording.
	errcode.IdempotencyInProgress: inTheCall(func(w walk) reply {
		must(w.t, w.sys.admin.Objects.Delete(w.t.Context(), pipeline.Key(w.live, 1, pipeline.Original, 0)))
		return keyed()(w)
	}),
	errcode.RunNotTerminal: inTheCall(onLive(http.MethodDelete)),

	errcode.RequestTooLarge: atTheDoor(recording(bytes.Repeat([]byte("RIFF"), 6<<18))),

	errcode.RateLimitExceeded: atTheRate(with(func(k *account.Key) { k.Rate = 1 }, func(w walk) reply {
		// The second may fall into the next minute.
		var r reply
		for range 3 {
			if r = w.submit(nil); r.status == http.StatusTooManyRequests {
				break
			}
		}
		return r
	})),
	errcode.PollRateLimited: inTheCall(func(w walk) reply { onLive(http.MethodGet)(w); return onLive(http.MethodGet)(w) }),

	errcode.ServiceWarmingUp: inTheCall(func(w walk) reply {
		w.sys.faults(w.t, "ready=false")
		defer func() {
			must(w.t, local.ClearFaults(w.sys.data()))
			w.becomes("ready") // or the next test is refused
		}()
		w.becomes("warming_up")
		return sends()(w)
	}),
	errcode.InternalError: inTheCall(func(w walk) reply {
		w.sys.faults(w.t, "table=throttle:1")
		defer func() { must(w.t, local.ClearFaults(w.sys.data())) }()
		w.pause(pollEvery) // or the poll's own limit answers
		return onLive(http.MethodGet)(w)
	}),
}

// unmet lists the codes of the table that no client meets: those that are answers, and those that
// end runs.
func unmet() (answers, endings []errcode.Code) {
	for _, e := range errcode.Table {
		if _, ok := refusals[e.Code]; e.Status > 0 && !ok {
			answers = append(answers, e.Code)
		}
		if _, ok := ends[e.Code]; e.Terminal && !ok {
			endings = append(endings, e.Code)
		}
	}
	return answers, endings
}

// Ensure that every code has a test, and that every test is of a known code. This runs without a
// system, so that a new code is noticed at once.
func TestNoCodeIsWithoutItsTest(t *testing.T) {
	answers, endings := unmet()
	for _, c := range answers {
		t.Errorf("no client meets %s as an answer", c)
	}
	for _, c := range endings {
		t.Errorf("no client reads %s as the end of a run", c)
	}
	for c := range refusals {
		if e, ok := errcode.Lookup(c); !ok || e.Status == 0 {
			t.Errorf("%s is no HTTP answer", c)
		}
	}
	for c := range ends {
		if e, ok := errcode.Lookup(c); !ok || !e.Terminal {
			t.Errorf("%s ends no run", c)
		}
	}
	for _, c := range first {
		if _, ok := refusals[c]; !ok {
			t.Errorf("%s is to come first, and there is no way to it", c)
		}
	}
}

// first lists the codes that need the live run while it is young, in this order. The rest of the
// table follows.
var first = []errcode.Code{errcode.IdempotencyInProgress, errcode.PollRateLimited, errcode.RunNotTerminal, errcode.InternalError}

// Ensure that a client meets every code that is an HTTP answer, each with its status, envelope and
// headers.
func TestEveryCodeOverHTTP(t *testing.T) {
	s := need(t)
	w := walk{caller: s.newcomer(t, 100), quiet: silence(t, 200)}
	s.faults(t, "ingest=drop")
	live := keyed()(w)
	if live.status != http.StatusAccepted {
		t.Fatalf("HTTP %d %s", live.status, live.raw)
	}
	id, _ := live.body["id"].(string)
	w.live = run.ID(id)
	order := slices.Clone(first)
	for _, e := range errcode.Table {
		if !slices.Contains(order, e.Code) {
			order = append(order, e.Code)
		}
	}
	for _, c := range order {
		e, _ := errcode.Lookup(c)
		if e.Status == 0 {
			continue
		}
		t.Run(string(c), func(t *testing.T) {
			how, ok := refusals[c]
			if !ok {
				t.Skip("there is no way to it: see TestNoCodeIsWithoutItsTest")
			}
			w, c := w, *w.caller
			c.t = t
			w.caller = &c
			asEveryCode(t, how.do(w), e, how)
		})
	}
}

// asEveryCode checks what holds for every refusal.
func asEveryCode(t *testing.T, r reply, e errcode.Entry, how met) {
	t.Helper()
	body := refused(t, r, e.Status, e.Code)
	id := r.header.Get("X-Request-Id")
	if id == "" {
		t.Error("no X-Request-Id")
	}
	if told, there := body["requestId"]; there != how.handled || there && told != id {
		t.Errorf("requestId %v beside X-Request-Id %q; the handler ran: %v", told, id, how.handled)
	}
	after, told := body["retryAfterSeconds"].(float64)
	header := r.header.Get("Retry-After")
	if told != (header != "") || told && (after < 1 || strconv.Itoa(int(after)) != header) {
		t.Errorf("retryAfterSeconds %v, Retry-After %q", body["retryAfterSeconds"], header)
	}
	if (e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable) && !told {
		t.Errorf("HTTP %d does not say when to come again", e.Status)
	}
	for _, name := range []string{"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"} {
		if n, err := strconv.Atoi(r.header.Get(name)); how.counted != (err == nil && n >= 0) {
			t.Errorf("%s: %q; the key is active: %v", name, r.header.Get(name), how.counted)
		}
	}
	if allow := r.header.Get("Allow"); (e.Status == http.StatusMethodNotAllowed) != (allow != "") {
		t.Errorf("Allow %q", allow)
	}
	if r.header.Get("Cache-Control") != "no-store" || r.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers %v", r.header)
	}
}

// ends holds how to meet each code that ends a run: the faults to set, and what to send.
var ends = map[errcode.Code]struct {
	faults []string
	send   func(w walk) run.ID
	// deadline is every run's deadline, for codes with which the watchdog ends runs.
	deadline time.Duration
}{
	errcode.TranscriptionFailed:        {nil, func(w walk) run.ID { return w.accepted(w.quiet) }, 0},
	errcode.TranscriptionLowConfidence: {nil, func(w walk) run.ID { return w.accepted(shortened(w.t, 60), "language", "de") }, 0},
	// The accent would otherwise refuse first, for so little speech.
	errcode.ScoringFailed:             {[]string{"vocabulary=error", "accent=drop"}, spoke, 0},
	errcode.VocabModelTimeout:         {[]string{"vocabulary=timeout", "accent=drop"}, spoke, 0},
	errcode.FluencyModelTimeout:       {[]string{"fluency=timeout", "accent=drop"}, spoke, 0},
	errcode.AccentScoreUnavailable:    {[]string{"accent=error"}, spoke, 0},
	errcode.ServiceConfigurationError: {[]string{"transcribe=denied"}, spoke, 0},
	errcode.StuckTimeout:              {[]string{"accent=drop"}, spoke, 75 * time.Second},
	errcode.InternalError:             {[]string{"ingest=error"}, func(w walk) run.ID { return w.accepted(w.quiet) }, 0},
}

func spoke(w walk) run.ID { return w.accepted(shortened(w.t, 60)) }

// Ensure that a client can read every code that may end a run in an answer with status 200, and is
// charged for none.
func TestEveryCodeThatEndsARun(t *testing.T) {
	s := heavy(t)
	quiet := silence(t, 200)
	for _, e := range errcode.Table {
		if !e.Terminal {
			continue
		}
		t.Run(string(e.Code), func(t *testing.T) {
			how, ok := ends[e.Code]
			if !ok {
				t.Skip("there is no way to it: see TestNoCodeIsWithoutItsTest")
			}
			if how.deadline > 0 {
				s.restart(t, how.deadline)
				t.Cleanup(func() { s.restart(t, 0) })
			}
			w := walk{quiet: quiet, caller: s.newcomer(t, 10, func(c *account.Client) { c.Grants = []account.Grant{account.GrantMultilingual} })}
			s.faults(t, how.faults...)
			r := w.end(how.send(w))
			w.failed(r, 10, e.Code)
			w.audited()
		})
	}
}
