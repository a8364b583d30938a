package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"parley/shared/api"
	"parley/shared/engine/credit"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech"
)

func (h *house) erase(id run.ID) reply {
	h.t.Helper()
	w := httptest.NewRecorder()
	api.All(h.deps).ServeHTTP(w, h.request(http.MethodDelete, api.Base+"/speech/analyze/"+string(id), nil))
	r := reply{t: h.t, status: w.Code, header: w.Header(), raw: w.Body.String()}
	if r.raw != "" {
		h.must(json.Unmarshal(w.Body.Bytes(), &r.body))
	}
	return r
}

// erased fails the test unless the answer is 204 without a body and with only the headers of every
// answer.
func (r reply) erased() {
	r.t.Helper()
	if r.status != http.StatusNoContent || r.raw != "" || r.header.Get("Content-Type") != "" || r.header.Get("Content-Length") != "" ||
		!run.ID(r.header.Get("X-Request-Id")).Valid() || r.header.Get("RateLimit-Limit") == "" {
		r.t.Fatalf("got %d %q %v", r.status, r.raw, r.header)
	}
}

// scatter writes the objects that several attempts at a run leave, and returns their keys.
func (h *house) scatter(id run.ID) []string {
	h.t.Helper()
	for _, key := range []string{
		pipeline.Key(id, 1, speech.PCM, 0), pipeline.Key(id, 1, speech.Words.Kind, 0), pipeline.Key(id, 1, speech.Words.Kind, 12), pipeline.Key(id, 2, speech.Conversation.Kind, 0),
		pipeline.Key(id, 2, pipeline.Report, 0),
	} {
		h.must(h.objects.Objects.Put(h.t.Context(), key, "application/json", strings.NewReader("x"), 1))
	}
	return h.keys()
}

func (h *house) keys() []string {
	h.t.Helper()
	page, err := h.objects.List(h.t.Context(), "", "", 1000)
	h.must(err)
	var keys []string
	for _, o := range page {
		keys = append(keys, o.Key)
	}
	return keys
}

func (h *house) ledger() (credit.Account, []credit.Entry) {
	h.t.Helper()
	a, err := h.store.Account(h.t.Context(), h.client.ID)
	h.must(err)
	entries, err := h.store.Entries(h.t.Context(), h.client.ID, 0, 100)
	h.must(err)
	return a, entries
}

// Ensure that an erased run has no objects left, that every view says when it was erased and shows
// no results, that its credits stay as they were, and that another run keeps everything.
func TestErase(t *testing.T) {
	h := newHouse(t)
	kept := h.accept()
	h.clock.Advance(time.Second)
	id := h.accept(part{name: "externalId", value: "x"})
	h.succeed(kept, reportJSON)
	h.succeed(id, reportJSON)
	if n := len(h.scatter(id)); n != 9 {
		t.Fatalf("%d objects", n)
	}
	account, entries := h.ledger()
	h.clock.Advance(time.Hour)
	h.erase(id).erased()
	for _, k := range h.keys() {
		if strings.Contains(k, string(id)) {
			t.Errorf("left %s", k)
		}
	}
	if left := h.keys(); len(left) != 2 {
		t.Errorf("left %v", left)
	}
	if a, e := h.ledger(); a != account || !reflect.DeepEqual(e, entries) {
		t.Errorf("the ledger moved: %+v, %v", a, e)
	}
	poll := h.get("/speech/analyze/" + string(id))
	poll.has(http.StatusOK)
	list := h.get("/runs")
	list.has(http.StatusOK)
	data, _ := list.body["data"].([]any)
	if len(data) != 2 {
		t.Fatalf("got %s", list.raw)
	}
	for name, r := range map[string]reply{"poll": poll, "runs": {t: t, body: data[0].(map[string]any), raw: list.raw}} {
		for path, want := range map[string]any{
			"id": string(id), "status": "success", "externalId": "x", "erasedAt": "2026-04-21T13:34:57.789Z", "completedAt": "2026-04-21T12:34:57.789Z", "error": nil,
			"credits.deducted": 4.0, "audio.durationMs": 240000.0, "audio.requestedLanguage": "en", "audio.languageCode": nil, "audio.quality": nil, "audio.speakerCount": nil,
			"scores": nil, "confidence": nil, "explainability": nil, "analysis": nil, "transcript": nil, "candidateDetection": nil, "hrRecommendation": nil, "candidateFeedback": nil,
			"scoringMethod": nil, "scoringVersion": nil,
		} {
			if got := r.at(path); got != want {
				t.Errorf("%s: %s is %v, want %v", name, path, got, want)
			}
		}
	}
	if r := h.get("/speech/analyze/" + string(kept)); r.at("scores.overall") != 3.5 || r.at("erasedAt") != nil {
		t.Errorf("the other run: %s", r.raw)
	}
}

// Ensure that a repeat gets the same answer, and that the time of the first erasure stays.
func TestEraseAgain(t *testing.T) {
	h := newHouse(t)
	id := h.accept()
	h.fail(id, errcode.ScoringFailed)
	h.erase(id).erased()
	before := h.run(id)
	h.clock.Advance(time.Minute)
	h.erase(id).erased()
	if after := h.run(id); after.Version != before.Version || !after.ErasedAt.Equal(start) {
		t.Errorf("before %+v\nafter  %+v", before, after)
	}
	if n := strings.Count(h.log.String(), `"run erased"`); n != 1 {
		t.Errorf("%d events in the log", n)
	}
	r := h.get("/speech/analyze/" + string(id))
	if r.at("status") != "failed" || r.at("error.code") != "SCORING_FAILED" || r.at("erasedAt") != "2026-04-21T12:34:56.789Z" {
		t.Errorf("got %s", r.raw)
	}
}

// Ensure that a queued or processing run is not erased, and that the answer says when to try again.
func TestEraseLive(t *testing.T) {
	h := newHouse(t)
	ids := []run.ID{h.accept(), h.accept(), h.accept()} // two are in process, one waits
	for _, age := range []time.Duration{0, 2 * time.Minute, time.Hour} {
		h.clock.Advance(age)
		for _, id := range ids {
			before, keys := h.run(id), h.keys()
			r := h.erase(id)
			r.is(errcode.RunNotTerminal)
			if want := (map[time.Duration]float64{0: 15, 2 * time.Minute: 30, time.Hour: 60})[age]; r.at("error.retryAfterSeconds") != want || r.header.Get("Retry-After") != fmt.Sprint(want) {
				t.Errorf("after %s: %s, %v", age, r.raw, r.header)
			}
			if after := h.run(id); after.Version != before.Version || len(h.keys()) != len(keys) {
				t.Errorf("%s was touched: %+v", id, after)
			}
		}
	}
}

// Ensure that an unknown run, another client's run and an invalid id get the same answer, and that
// nothing is deleted.
func TestEraseUnknown(t *testing.T) {
	h := newHouse(t)
	id := h.accept()
	h.succeed(id, reportJSON)
	_, _, h.secret = h.newClient(nil)
	var bodies []string
	for _, path := range []run.ID{id, run.ID("req_" + strings.Repeat("a", 26)), "req_short", "%2e%2e"} {
		r := h.erase(path)
		r.is(errcode.RequestNotFound)
		bodies = append(bodies, strings.Replace(r.raw, r.header.Get("X-Request-Id"), "", 1))
	}
	for _, b := range bodies {
		if b != bodies[0] {
			t.Errorf("%s\ndiffers from\n%s", b, bodies[0])
		}
	}
	if len(h.keys()) != 2 || !h.run(id).ErasedAt.IsZero() {
		t.Errorf("left %v of %+v", h.keys(), h.run(id))
	}
}

// Ensure that a deletion that fails half-way is an error that the client can retry, that nothing is
// shown meanwhile, and that the retry finishes it.
func TestEraseCutOff(t *testing.T) {
	for cut := range 4 { // the recording, the reports, the work; then none
		h := newHouse(t)
		id := h.accept()
		h.succeed(id, reportJSON)
		h.scatter(id)
		h.objects.deleteFails, h.objects.deletes = errors.New("the bucket's own secret"), cut
		r := h.erase(id)
		if cut == 3 {
			r.erased()
			continue
		}
		r.is(errcode.InternalError)
		if strings.Contains(r.raw, "secret") || !h.run(id).ErasedAt.Equal(start) {
			t.Errorf("got %s, run %+v", r.raw, h.run(id))
		}
		if p := h.get("/speech/analyze/" + string(id)); p.at("scores") != nil || p.at("erasedAt") == nil {
			t.Errorf("it shows %s", p.raw)
		}
		h.objects.deleteFails = nil
		h.erase(id).erased()
		if k := h.keys(); len(k) != 0 {
			t.Errorf("cut off at %d: left %v", cut, k)
		}
	}
}

// Ensure that a run that is erased during a poll is shown as erased, not as an error.
func TestEraseUnderAPoll(t *testing.T) {
	h := newHouse(t)
	id := h.accept()
	h.succeed(id, reportJSON)
	h.objects.onGet = func() { h.objects.onGet = nil; h.erase(id).erased() }
	r := h.get("/speech/analyze/" + string(id))
	if r.status != http.StatusOK || r.at("scores") != nil || r.at("erasedAt") != "2026-04-21T12:34:56.789Z" {
		t.Errorf("got %s", r.raw)
	}
}

// Ensure that each of the two functions of a path serves its own method, and lists both for any
// other method.
func TestEraseFunction(t *testing.T) {
	h := newHouse(t)
	for name, function := range map[string]http.Handler{"poll": api.Poll(h.deps), "erase": api.Erase(h.deps)} {
		r := h.through(function, h.request(http.MethodPut, api.Base+"/speech/analyze/x", nil))
		r.is(errcode.MethodNotAllowed)
		if a := r.header.Get("Allow"); !strings.Contains(a, "GET") || !strings.Contains(a, "DELETE") {
			t.Errorf("%s: Allow %q", name, a)
		}
	}
	h.through(api.Erase(h.deps), h.request(http.MethodDelete, api.Base+"/speech/analyze/x", nil)).is(errcode.RequestNotFound)
	h.through(api.Poll(h.deps), h.request(http.MethodGet, api.Base+"/speech/analyze/x", nil)).is(errcode.RequestNotFound)
}

// Delete fails after as many calls as the test allows.
func (o *objects) Delete(ctx context.Context, keys ...string) error {
	if o.deleteFails != nil {
		if o.deletes == 0 {
			return o.deleteFails
		}
		o.deletes--
	}
	return o.Objects.Delete(ctx, keys...)
}

// Ensure that deleting a recording changes no view of its run, and that a submit repeated with its
// key gets the first answer and starts nothing again.
func TestADeletedRecording(t *testing.T) {
	for name, end := range map[string]func(*house, run.ID){
		"of a success":             func(h *house, id run.ID) { h.succeed(id, reportJSON) },
		"of a fault of our own":    func(h *house, id run.ID) { h.fail(id, errcode.InternalError) },
		"of a run that was erased": func(h *house, id run.ID) { h.fail(id, errcode.InternalError); h.erase(id).erased() },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			first := h.keyed("k", audio(fourMinutes))
			first.has(http.StatusAccepted)
			id := run.ID(first.at("id").(string))
			before := h.run(id)
			after, err := before.Done(1, run.Part{Stage: speech.Ingest}, map[run.Part]time.Duration{{Stage: speech.Diarize}: time.Minute}, h.clock.Now())
			h.must(err)
			after.Pieces = 3
			h.must(h.store.Advance(t.Context(), before, after))
			end(h, id)
			reading := h.get("/speech/analyze/" + string(id))
			h.must(h.objects.Delete(t.Context(), pipeline.Key(id, 1, pipeline.Original, 0)))
			if r := h.get("/speech/analyze/" + string(id)); r.status != http.StatusOK || !reflect.DeepEqual(r.body, reading.body) {
				t.Errorf("before %s\nafter  %s", reading.raw, r.raw)
			}
			ended := h.run(id)
			again := h.keyed("k", audio(fourMinutes))
			if again.status != http.StatusAccepted || again.header.Get("Idempotency-Replayed") != "true" || again.at("id") != string(id) || h.run(id).Version != ended.Version {
				t.Errorf("replayed %d %s", again.status, again.raw)
			}
		})
	}
}
