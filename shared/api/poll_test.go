package api_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech"
)

const reportJSON = `{"scoringMethod":"acoustic_lexical","scoringVersion":"v1","audio":{"languageCode":"en","speakerCount":2,"channels":{"count":2,"used":"left","note":"Only the left channel is used."},"quality":{"snrDb":31.4,"clippedPercent":0,"speechPercent":71,"bandwidthHz":7000,"cautions":[]}},
"candidateDetection":{"speaker":"speaker_2","speakerLabel":"Candidate","confidence":"high","reason":"Speaks most.","wordCount":120,"channel":null,"hint":"second"},
"scores":{"vocabulary":null,"vocabularyCefr":null,"vocabularyPercent":null,"fluency":3.0,"fluencyCefr":"B2","fluencyPercent":60,"accent":4.0,"accentCefr":"C1","accentPercent":80,"overall":3.5,"cefrLevel":"B2","overallPercent":70},
"confidence":{"vocabulary":null,"fluency":{"level":"high","interval":[2.90,3.10]},"accent":{"level":"low","interval":[3.1,4.9]},"overall":{"level":"medium","interval":[3,4]}},
"explainability":{"vocabulary":"None.","fluency":"Even.","accent":"Clear <and> steady."},
"analysis":{"vocabulary":{"measures":[],"cautions":[],"reason":"Too few words.","bands":null,"patterns":null,"practice":null},
"fluency":{"measures":[{"name":"pauses","label":"pauses","value":1.0,"unit":"per minute","norm":{"low":20,"high":5,"source":"a book"},"weight":0.5,"contribution":0.25}],"cautions":["Noise."],"reason":null},
"accent":{"measures":[{"name":"rhythm","label":"rhythm","value":null,"unit":"%","norm":null,"weight":0,"contribution":0,"reason":"Not measured."}],"cautions":[],"reason":null,"words":null,"wordsReason":"No word could be matched to English sounds."}},
"hrRecommendation":"Go on.","candidateFeedback":"Well done.",
"transcript":{"segments":[{"speaker":"speaker_2","startMs":0,"endMs":900,"text":"a & b","confidence":0.9,"overlap":false,"words":[{"text":"a","startMs":0,"endMs":400,"confidence":0.9}]}],"speakers":[{"speaker":"speaker_2","speakerLabel":"Candidate","speakingMs":900,"wordCount":3}],"candidateText":"a & b","candidateSpeaker":"speaker_2"}}`

// Ensure that the answer for a run that has not ended says how far it is, and when to poll again.
func TestPollLive(t *testing.T) {
	h := newHouse(t)
	id := h.accept(part{name: "externalId", value: "x"}, part{name: "tags", value: "a"})
	r := h.get("/speech/analyze/" + string(id))
	r.has(http.StatusOK)
	want := map[string]any{
		"id": string(id), "externalId": "x", "status": "processing", "serviceType": "speech", "timestamp": "2026-04-21T12:34:56.789Z", "createdAt": "2026-04-21T12:34:56.789Z",
		"completedAt": nil, "processingTimeMs": nil, "stage": "ingest", "progress": 5.0, "pollIntervalSeconds": 15.0,
		"audio":   map[string]any{"durationMs": 240000.0, "durationFormatted": "4:00", "format": "flac", "sizeBytes": 11.0, "requestedLanguage": "en", "joins": 0.0, "breaks": map[string]any{"count": 0.0, "leftOutMs": 0.0}},
		"credits": map[string]any{"held": 4.0}, "metadata": map[string]any{}, "tags": []any{"a"},
	}
	if !reflect.DeepEqual(r.body, want) {
		t.Errorf("got  %v\nwant %v", r.body, want)
	}
	if r.header.Get("Retry-After") != "15" {
		t.Errorf("headers %v", r.header)
	}
}

// Ensure that the suggested poll interval grows with the run's age.
func TestPollLadder(t *testing.T) {
	for age, want := range map[time.Duration]string{
		0: "15", 2*time.Minute - time.Millisecond: "15", 2 * time.Minute: "30", 5*time.Minute - time.Millisecond: "30", 5 * time.Minute: "60", time.Hour: "60",
	} {
		h := newHouse(t)
		id := h.accept()
		h.clock.Advance(age)
		if got := h.get("/speech/analyze/" + string(id)).header.Get("Retry-After"); got != want {
			t.Errorf("after %s: %s s, want %s s", age, got, want)
		}
	}
}

// Ensure that a run may be polled at most every 10 s until it ends, independently of other runs,
// and without limit after that.
func TestPollRate(t *testing.T) {
	h := newHouse(t)
	id, other := h.accept(), h.accept()
	path := "/speech/analyze/" + string(id)
	h.get(path).has(http.StatusOK)
	h.clock.Advance(10*time.Second - time.Millisecond)
	r := h.get(path)
	r.is(errcode.PollRateLimited)
	if r.header.Get("Retry-After") != "1" || r.at("error.retryAfterSeconds") != 1.0 || r.at("error.requestId") != r.header.Get("X-Request-Id") {
		t.Errorf("got %s %v", r.raw, r.header)
	}
	h.get("/speech/analyze/" + string(other)).has(http.StatusOK)
	h.clock.Advance(time.Millisecond)
	h.get(path).has(http.StatusOK)
	h.fail(id, errcode.ScoringFailed)
	h.get(path).has(http.StatusOK)
	h.get(path).has(http.StatusOK)
}

// Ensure that an unknown run, another client's run and an invalid id get the same answer, and that
// an invalid id needs no table read.
func TestPollUnknown(t *testing.T) {
	h := newHouse(t)
	id := h.accept()
	_, _, h.secret = h.newClient(nil)
	var bodies []string
	for _, path := range []string{string(id), "req_" + strings.Repeat("a", 26), "req_short", "..", "req_" + strings.Repeat("A", 26)} {
		if path == ".." {
			path = "%2e%2e"
		}
		r := h.get("/speech/analyze/" + path)
		r.is(errcode.RequestNotFound)
		bodies = append(bodies, strings.Replace(r.raw, r.header.Get("X-Request-Id"), "", 1))
	}
	for _, b := range bodies {
		if b != bodies[0] {
			t.Errorf("%s\ndiffers from\n%s", b, bodies[0])
		}
	}
}

// Ensure that a run tells of what its file was joined and what was left out, before its end and
// after.
func TestPollTellsOfJoinsAndBreaks(t *testing.T) {
	h := newHouse(t)
	r := h.submit(audio("webm 240000 2 1 59001"))
	r.has(http.StatusAccepted)
	id, _ := r.at("id").(string)
	want := func() {
		t.Helper()
		r := h.get("/speech/analyze/" + id)
		heard, _ := r.body["audio"].(map[string]any)
		if heard["joins"] != 2.0 || !reflect.DeepEqual(heard["breaks"], map[string]any{"count": 1.0, "leftOutMs": 59001.0}) {
			t.Errorf("got %v", heard)
		}
	}
	want()
	h.clock.Advance(90 * time.Second)
	h.succeed(run.ID(id), reportJSON)
	want()
}

// Ensure that the answer for a run that has ended has its report, with each number exactly as
// written, and its credits.
func TestPollSuccess(t *testing.T) {
	h := newHouse(t)
	id := h.accept(part{name: "metadata", value: `{"k":"v"}`})
	h.clock.Advance(90 * time.Second)
	h.succeed(id, reportJSON)
	r := h.get("/speech/analyze/" + string(id))
	r.has(http.StatusOK)
	want := map[string]any{}
	h.must(json.Unmarshal([]byte(reportJSON), &want))
	heard, _ := want["audio"].(map[string]any)
	maps.Copy(heard, map[string]any{"durationMs": 240000.0, "durationFormatted": "4:00", "format": "flac", "sizeBytes": 11.0, "requestedLanguage": "en", "joins": 0.0, "breaks": map[string]any{"count": 0.0, "leftOutMs": 0.0}})
	maps.Copy(want, map[string]any{
		"id": string(id), "externalId": nil, "status": "success", "serviceType": "speech", "timestamp": "2026-04-21T12:36:26.789Z", "createdAt": "2026-04-21T12:34:56.789Z",
		"completedAt": "2026-04-21T12:36:26.789Z", "processingTimeMs": 90000.0,
		"credits": map[string]any{"deducted": 4.0, "remainingBalance": 96.0, "audioDurationMinutes": 4.0}, "error": nil, "metadata": map[string]any{"k": "v"}, "tags": []any{},
	})
	if !reflect.DeepEqual(r.body, want) {
		t.Errorf("got  %v\nwant %v", r.body, want)
	}
	for _, verbatim := range []string{"[2.90,3.10]", `"value":1.0`, "Clear <and> steady.", "a & b"} {
		if !strings.Contains(r.raw, verbatim) {
			t.Errorf("%q is not in %s", verbatim, r.raw)
		}
	}
}

// Ensure that a failed run is answered with 200, says why, charges nothing, and has null, never 0,
// for every measure, even if its report was stored before it failed.
func TestPollFailed(t *testing.T) {
	h := newHouse(t)
	for _, e := range errcode.Table {
		if !e.Terminal {
			continue
		}
		id := h.accept()
		h.put(pipeline.Key(id, 1, pipeline.Report, 0), reportJSON)
		h.fail(id, e.Code)
		r := h.get("/speech/analyze/" + string(id))
		r.has(http.StatusOK)
		if !reflect.DeepEqual(r.at("error"), map[string]any{"code": string(e.Code), "message": e.Message}) || r.at("status") != "failed" {
			t.Errorf("got %s", r.raw)
		}
		if r.at("credits.deducted") != 0.0 || r.at("credits.remainingBalance") != 100.0 {
			t.Errorf("%s: credits %v", e.Code, r.at("credits"))
		}
		for _, k := range []string{"scoringMethod", "scoringVersion", "candidateDetection", "scores", "confidence", "explainability", "analysis", "hrRecommendation", "candidateFeedback", "transcript"} {
			if v, there := r.body[k]; v != nil || !there {
				t.Errorf("%s: %s is %v", e.Code, k, v)
			}
		}
		if r.at("audio.quality") != nil || r.at("audio.languageCode") != nil || r.at("audio.speakerCount") != nil {
			t.Errorf("%s: audio %v", e.Code, r.at("audio"))
		}
	}
}

// Ensure that a success whose report cannot be read is INTERNAL_ERROR, never an answer without
// scores, unless the run was erased.
func TestPollWithoutReport(t *testing.T) {
	h := newHouse(t)
	id := h.accept()
	h.succeed(id, reportJSON)
	h.objects.readErr = errors.New("no bucket")
	h.get("/speech/analyze/" + string(id)).is(errcode.InternalError)
	h.objects.readErr = nil
	h.must(h.objects.Delete(t.Context(), pipeline.Key(id, 1, pipeline.Report, 0)))
	h.get("/speech/analyze/" + string(id)).is(errcode.InternalError)
	_, err := h.store.Erase(t.Context(), h.run(id), h.clock.Now())
	h.must(err)
	r := h.get("/speech/analyze/" + string(id))
	r.has(http.StatusOK)
	if r.at("scores") != nil || r.at("credits.deducted") != 4.0 {
		t.Errorf("got %s", r.raw)
	}
}

// Ensure that the progress of a run only grows, and names its earliest unfinished stage.
func TestPollProgress(t *testing.T) {
	h := newHouse(t)
	id := h.accept()
	transcribe := func(i int) run.Part { return run.Part{Stage: speech.Transcribe, Index: i} }
	part := func(s run.Stage) run.Part { return run.Part{Stage: s} }
	for _, step := range []struct {
		done     run.Part
		stage    string
		progress float64
	}{
		{part(speech.Ingest), "transcribe", 15},
		{transcribe(1), "transcribe", 28},
		{transcribe(0), "transcribe", 42},
		{transcribe(2), "diarize", 56},
		{part(speech.Diarize), "vocabulary", 70},
		{part(speech.Accent), "vocabulary", 78},
		{part(speech.Vocabulary), "fluency", 86},
		{part(speech.Fluency), "finalize", 95},
	} {
		before := h.run(id)
		r := before
		if step.done.Stage == speech.Ingest {
			r.Pieces = 3
		}
		next := map[run.Part]time.Duration{}
		if r.Last(step.done) {
			for _, p := range speech.Service.Following(step.done.Stage, r.Pieces) {
				next[p] = time.Minute
			}
		}
		after, err := r.Done(1, step.done, next, h.clock.Now())
		h.must(err)
		h.must(h.store.Advance(t.Context(), before, after))
		h.clock.Advance(10 * time.Second)
		got := h.get("/speech/analyze/" + string(id))
		if got.at("stage") != step.stage || got.at("progress") != step.progress {
			t.Errorf("after %s: %v at %v %%, want %s at %v %%", step.done, got.at("stage"), got.at("progress"), step.stage, step.progress)
		}
	}
}

// Ensure that the answer for a queued run has its position.
func TestPollQueued(t *testing.T) {
	h := newHouse(t)
	h.accept()
	h.accept()
	r := h.get("/speech/analyze/" + string(h.accept()))
	if r.at("status") != "queued" || r.at("stage") != "queued" || r.at("progress") != 0.0 || r.at("queuePosition") != 1.0 || r.header.Get("Retry-After") != "15" {
		t.Errorf("got %s", r.raw)
	}
}
