package api_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"parley/infra/prove/contract"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/engine/webhook"
	"parley/shared/errcode"
	"parley/shared/presentation"
	"parley/shared/speech"
)

func (r reply) ids() []string {
	r.t.Helper()
	data, ok := r.at("data").([]any)
	if !ok {
		r.t.Fatalf("no list: %s", r.raw)
	}
	ids := []string{}
	for _, d := range data {
		ids = append(ids, d.(map[string]any)["id"].(string))
	}
	return ids
}

// Ensure that each filter finds its own runs, newest first, and that both paths are the same list.
func TestRunsFilters(t *testing.T) {
	h := newHouse(t)
	var ids []string
	for _, p := range [][]part{
		{{name: "externalId", value: "x"}, {name: "tags", value: "a"}}, {{name: "externalId", value: "y"}, {name: "tags", value: "b"}, {name: "tags", value: "a"}}, {{name: "externalId", value: "x"}},
	} {
		ids = append(ids, string(h.accept(p...)))
		h.clock.Advance(time.Minute)
	}
	h.fail(run.ID(ids[0]), errcode.ScoringFailed)
	stranger := h.secret
	for query, want := range map[string][]string{
		"":                                       {ids[2], ids[1], ids[0]},
		"limit=2":                                {ids[2], ids[1]},
		"status=failed":                          {ids[0]},
		"status=processing":                      {ids[1]},
		"status=queued":                          {ids[2]},
		"status=success":                         {},
		"externalId=x":                           {ids[2], ids[0]},
		"tag=a":                                  {ids[1], ids[0]},
		"tag=a&externalId=x":                     {ids[0]},
		"serviceType=speech":                     {ids[2], ids[1], ids[0]},
		"serviceType=cv_deepmatch":               {},
		"createdAfter=2026-04-21T12:35:56.789Z":  {ids[2], ids[1]},
		"createdAfter=2026-04-21T12:35:56.790Z":  {ids[2]},
		"createdBefore=2026-04-21T12:35:56.789Z": {ids[0]},
		"createdBefore=2026-04-21T14:35:56.790%2B02:00": {ids[1], ids[0]},
		"createdAfter=2026-04-21":                       {ids[2], ids[1], ids[0]},
		"createdAfter=2026-04-22":                       {},
	} {
		for _, path := range []string{"/runs", "/speech/runs"} {
			r := h.get(path + "?" + query)
			r.has(http.StatusOK)
			if got := r.ids(); !reflect.DeepEqual(got, want) {
				t.Errorf("%s?%s: %v, want %v of %v", path, query, got, want, ids)
			}
		}
	}
	_, _, h.secret = h.newClient(nil)
	if got := h.get("/runs").ids(); len(got) != 0 {
		t.Errorf("another client sees %v", got)
	}
	h.secret = stranger
}

// Ensure that a bad value of each parameter has its own code, on both sides of each bound.
func TestRunsRefuses(t *testing.T) {
	h := newHouse(t)
	for query, want := range map[string]errcode.Code{
		"limit=0": errcode.InvalidLimit, "limit=1": "", "limit=100": "", "limit=101": errcode.InvalidLimit, "limit=": errcode.InvalidLimit, "limit=x": errcode.InvalidLimit, "limit=1e1": errcode.InvalidLimit, "limit=%2B5": errcode.InvalidLimit, "limit=1&limit=2": errcode.InvalidLimit,
		"status=done": errcode.InvalidStatus, "status=": errcode.InvalidStatus, "status=SUCCESS": errcode.InvalidStatus, "status=queued&status=failed": errcode.InvalidStatus,
		"serviceType=video": errcode.InvalidServiceType, "serviceType=": errcode.InvalidServiceType,
		"createdAfter=yesterday": errcode.InvalidDate, "createdAfter=": errcode.InvalidDate, "createdBefore=2026-13-01": errcode.InvalidDate, "createdBefore=2026-02-30T00:00:00Z": errcode.InvalidDate, "createdAfter=1760000000": errcode.InvalidDate,
		"createdAfter=2026-04-21T12:34": "", "createdAfter=2026-04-21T12:34:56.7": "",
		"externalId=": errcode.InvalidExternalID, "externalId=" + strings.Repeat("x", 255): "", "externalId=" + strings.Repeat("x", 256): errcode.InvalidExternalID,
		"tag=": errcode.InvalidTags, "tag=" + strings.Repeat("x", 40): "", "tag=" + strings.Repeat("x", 41): errcode.InvalidTags,
		"cursor=": errcode.InvalidCursor, "cursor=abc": errcode.InvalidCursor, "cursor=" + strings.Repeat("A", 1000): errcode.InvalidCursor,
	} {
		r := h.get("/runs?" + query)
		if want == "" {
			r.has(http.StatusOK)
			continue
		}
		r.is(want)
	}
}

// Ensure that the pages of a list together are the list, and that a cursor is valid only for its
// own client and query.
func TestRunsPages(t *testing.T) {
	h := newHouse(t)
	h.client.ConcurrentRuns = 10
	h.must(h.store.PutClient(t.Context(), h.client))
	var want []string
	for range 5 { // all in the same millisecond
		want = append(want, string(h.accept(part{name: "tags", value: "a"})))
	}
	seen := map[string]bool{}
	pages, cursor := 0, ""
	for {
		r := h.get("/runs?limit=2&tag=a" + cursor)
		r.has(http.StatusOK)
		for _, id := range r.ids() {
			if seen[id] {
				t.Errorf("%s comes twice", id)
			}
			seen[id] = true
		}
		pages++
		next, more := r.at("nextCursor").(string)
		if !more {
			break
		}
		cursor = "&cursor=" + url.QueryEscape(next)
	}
	if len(seen) != len(want) || pages != 3 {
		t.Errorf("%d of %d runs on %d pages", len(seen), len(want), pages)
	}
	first := h.get("/runs?limit=2&tag=a").at("nextCursor").(string)
	h.get("/runs?limit=1&tag=a&cursor=" + first).has(http.StatusOK)
	h.get("/runs?limit=2&cursor=" + first).is(errcode.InvalidCursor)
	h.get("/runs?limit=2&tag=a&cursor=" + first[:len(first)-1]).is(errcode.InvalidCursor)
	h.get("/credits/transactions?cursor=" + first).is(errcode.InvalidCursor)
	_, _, h.secret = h.newClient(nil)
	h.get("/runs?limit=2&tag=a&cursor=" + first).is(errcode.InvalidCursor)
}

// Ensure that new runs do not disturb paging: no old run is missing or comes twice, and no new run
// appears.
func TestRunsPagesWhileRunsArrive(t *testing.T) {
	h := newHouse(t)
	var want []string
	for i := range 6 {
		want = append([]string{string(h.accept())}, want...)
		if i%2 == 0 {
			h.clock.Advance(time.Millisecond)
		}
	}
	// Runs of the same millisecond may come in any order.
	old := map[string]bool{}
	for _, id := range want {
		old[id] = true
	}
	cursor := ""
	for page := 0; ; page++ {
		r := h.get("/runs?limit=2" + cursor)
		r.has(http.StatusOK)
		for _, id := range r.ids() {
			if !old[id] {
				t.Errorf("%s comes on page %d, twice or new", id, page)
			}
			delete(old, id)
		}
		next, more := r.at("nextCursor").(string)
		if !more {
			break
		}
		cursor = "&cursor=" + next
		h.clock.Advance(time.Millisecond)
		h.accept()
		h.fail(run.ID(want[len(want)-1-page]), errcode.ScoringFailed)
	}
	if len(old) != 0 {
		t.Errorf("missed %v", old)
	}
}

// Ensure that an entry of the list equals the answer to a poll without transcript and analysis, and
// that listing does not count as a poll.
func TestRunsEntries(t *testing.T) {
	h := newHouse(t)
	ended, live := h.accept(), h.accept()
	h.succeed(ended, reportJSON)
	list := h.get("/runs").at("data").([]any)
	for _, id := range []run.ID{ended, live} {
		polled := h.get("/speech/analyze/" + string(id))
		polled.has(http.StatusOK)
		delete(polled.body, "transcript")
		delete(polled.body, "analysis")
		found := false
		for _, entry := range list {
			found = found || reflect.DeepEqual(entry, any(polled.body))
		}
		if !found {
			t.Errorf("no entry is %v", polled.body)
		}
	}
}

// Ensure that a list shows a run with a damaged report, with null results, together with the other
// runs unchanged, and logs the reason. And ensure that an unreadable store does not produce a list
// of nulls.
func TestRunsWithADamagedReport(t *testing.T) {
	for name, damage := range map[string]func(h *house, key string){
		"gone":      func(h *house, key string) { h.must(h.objects.Delete(t.Context(), key)) },
		"cut short": func(h *house, key string) { h.put(key, reportJSON[:len(reportJSON)/2]) },
		"a list":    func(h *house, key string) { h.put(key, "[]") },
		"too large": func(h *house, key string) { h.put(key, strings.Repeat(" ", 4<<20)+"{}") },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			damaged, whole := h.accept(), h.accept()
			h.succeed(damaged, reportJSON)
			h.succeed(whole, reportJSON)
			damage(h, pipeline.Key(damaged, 1, pipeline.Report, 0))
			r := h.get("/runs")
			r.has(http.StatusOK)
			for _, entry := range r.at("data").([]any) {
				e := reply{t: t, body: entry.(map[string]any)}
				told := e.at("id") == string(whole)
				if (e.at("scores") != nil) != told || (e.at("scoringVersion") != nil) != told || e.at("status") != "success" || e.at("credits.deducted") != 4.0 {
					t.Errorf("got %v", entry)
				}
			}
			if log := h.log.String(); strings.Count(log, "run listed without its report") != 1 || !strings.Contains(log, string(damaged)) {
				t.Errorf("logged %s", log)
			}
			h.get("/speech/analyze/" + string(damaged)).is(errcode.InternalError)
			h.objects.readErr = errors.New("no bucket")
			h.get("/runs").is(errcode.InternalError)
		})
	}
}

// Ensure that a report that is damaged anywhere is shown neither in a poll nor in a list, and that
// other runs are shown unchanged.
func TestAReportThatIsBrokenWithin(t *testing.T) {
	for name, tt := range map[string]struct{ broken, with string }{
		"in its transcript": {`"candidateSpeaker":"speaker_2"}`, `"candidateSpeaker":tru}`},
		"in its analysis":   {`"cautions":["Noise."]`, `"cautions":["Noise."}`},
		"in its scores":     {`"overall":3.5`, `"overall":3.5.1`},
		"in its sentences":  {`"Well done."`, `"Well` + "\n" + `done."`},
		"in its audio":      {`"languageCode":"en"`, `"languageCode":7`},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			broken, whole := h.accept(), h.accept()
			h.succeed(broken, strings.Replace(reportJSON, tt.broken, tt.with, 1))
			h.succeed(whole, reportJSON)
			h.get("/speech/analyze/" + string(broken)).is(errcode.InternalError)
			h.get("/speech/analyze/" + string(whole)).has(http.StatusOK)
			r := h.get("/runs")
			r.has(http.StatusOK)
			for _, entry := range r.at("data").([]any) {
				e := reply{t: t, body: entry.(map[string]any)}
				if got, want := e.at("scores") != nil, e.at("id") == string(whole); got != want {
					t.Errorf("scores are shown: %v of %v", got, entry)
				}
			}
		})
	}
}

// Ensure that a webhook has the same data as the list's entry at the same time, in the documented
// shape, however the run ended.
func TestToldIsTheListsEntry(t *testing.T) {
	h := newHouse(t)
	scored := run.Scores{"fluency": 3.0, "accent": 4.0, "overall": 3.5}
	for name, end := range map[string]func(run.ID){
		"failed":                     func(id run.ID) { h.fail(id, errcode.ScoringFailed) },
		"succeeded":                  func(id run.ID) { h.succeed(id, reportJSON) },
		"partial":                    func(id run.ID) { h.partial(id, reportJSON, scored) },
		"succeeded on a bare report": func(id run.ID) { h.succeed(id, `{"scoringVersion":"2026.1"}`) },
		"failed with a report": func(id run.ID) {
			h.put(pipeline.Key(id, 1, pipeline.Report, 0), reportJSON)
			h.fail(id, errcode.AccentScoreUnavailable)
		},
	} {
		t.Run(name, func(t *testing.T) {
			id := h.accept(part{name: "externalId", value: "x<&>\u2028"}, part{name: "webhookUrl", value: "https://hooks.example.com/"}, part{name: "metadata", value: `{"a":"<b>"}`}, part{name: "tags", value: "c"})
			end(id)
			r, err := h.store.Get(t.Context(), id)
			if err != nil || !r.Push.Outstanding() {
				t.Fatalf("%+v %v", r.Push, err)
			}
			data, err := presentation.Presenter{Service: h.deps.Service, Runs: h.deps.Runs, Objects: h.deps.Objects, Clock: h.deps.Clock}.Webhook(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := webhook.Body(r, data)
			if err != nil {
				t.Fatal(err)
			}
			document, err := contract.Document()
			if err != nil {
				t.Fatal(err)
			}
			if err := document.Schema("#/components/schemas/RunCompleted", body); err != nil {
				t.Error(err)
			}
			var told, listed any
			h.must(json.Unmarshal(data, &told))
			listed = h.get("/runs?limit=1").at("data").([]any)[0]
			if !reflect.DeepEqual(told, listed) {
				t.Errorf("posted\n%s\nlisted\n%v", data, listed)
			}
			h.clock.Advance(time.Minute)
		})
	}
}

// partial ends a run without all its scores.
func (h *house) partial(id run.ID, report string, scores run.Scores) {
	h.t.Helper()
	r := h.run(id)
	h.put(pipeline.Key(id, r.Attempt, pipeline.Report, 0), report)
	_, err := h.store.End(h.t.Context(), r, run.SucceedInPart(r, speech.Service.Dimensions, scores, speech.Found{Language: "en"}.Document()), h.clock.Now())
	h.must(err)
}
