package system_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/shared/client"
	"parley/shared/engine/credit"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// Ensure that the sample interview, sent as users would send it, is accepted, reports its progress,
// ends with measured scores of the right speaker, and is charged once. Its samples as a WAV file,
// too large to be sent inline, must have the same scores.
func TestTheSampleIsScored(t *testing.T) {
	s := need(t)
	t.Parallel()
	c := s.newcomer(t, 10)
	accepted := c.submit(sample(t), "externalId", "interview-1", "metadata", `{"role":"supervisor","year":2026}`, "tags", `["sample"," two voices "]`)
	if accepted.status != http.StatusAccepted {
		t.Fatalf("HTTP %d %s", accepted.status, accepted.raw)
	}
	shape(t, accepted.body, map[string]string{
		"id": "text", "status": "text", "externalId": "text", "serviceType": "text", "timestamp": "time", "pollIntervalSeconds": "whole", "activeRequests": "whole",
		"audio": "object", "audio.durationMs": "whole", "audio.durationFormatted": "text", "audio.format": "text", "audio.sizeBytes": "whole",
		"credits": "object", "credits.held": "whole", "metadata": "object", "metadata.role": "text", "metadata.year": "text", "tags": "list",
	})
	for path, want := range map[string]any{
		"status": "processing", "externalId": "interview-1", "serviceType": "speech", "pollIntervalSeconds": 15.0, "activeRequests": 1.0,
		"credits.held": float64(sampleCredits), "audio.format": "ogg", "audio.sizeBytes": float64(len(sample(t))), "metadata.year": "2026",
	} {
		if got := accepted.at(path); got != want {
			t.Errorf("accepted: %s is %v, want %v", path, got, want)
		}
	}
	id, _ := accepted.body["id"].(string)
	if got := accepted.header.Get("Location"); got != "/api/v1/speech/analyze/"+id || !strings.HasPrefix(id, "req_") {
		t.Errorf("Location %q of %q", got, id)
	}
	if accepted.header.Get("X-Request-Id") == "" || accepted.header.Get("RateLimit-Remaining") == "" {
		t.Errorf("headers %v", accepted.header)
	}
	c.balance(10, sampleCredits)
	twin := s.newcomer(t, sampleCredits)
	uploaded := twin.uploaded(samplePCM(t))

	hurried(c, run.ID(id))
	progress, stages := 0.0, []string{}
	end := c.until(run.ID(id), nil, func(r reply) {
		if terminal(r) {
			return
		}
		live(t, r)
		now, _ := r.body["progress"].(float64)
		if now < progress || now >= 100 {
			t.Errorf("progress %v after %v", now, progress)
		}
		progress = now
		if stage, _ := r.body["stage"].(string); !slices.Contains(stages, stage) {
			stages = append(stages, stage)
		}
	})
	c.succeeded(end)
	t.Logf("stages seen: %v; %v ms from its slot to its end", stages, end.body["processingTimeMs"])
	if len(stages) < 2 {
		t.Errorf("only the stages %v were seen", stages)
	}
	scored(t, end)
	for path, want := range map[string]any{
		"id": id, "externalId": "interview-1", "audio.languageCode": "en", "audio.requestedLanguage": "en", "audio.speakerCount": 2.0, "scoringMethod": "acoustic_lexical",
		"credits.deducted": float64(sampleCredits), "credits.remainingBalance": 10.0 - sampleCredits, "metadata.role": "supervisor",
	} {
		if got := end.at(path); got != want {
			t.Errorf("ended: %s is %v, want %v", path, got, want)
		}
	}
	if got, want := fmt.Sprint(end.body["tags"]), "[sample two voices]"; got != want {
		t.Errorf("tags %s, want %s", got, want)
	}
	c.balance(10-sampleCredits, 0)
	c.entries(run.ID(id), credit.Hold, credit.Charge)
	c.audited()

	again := c.poll(run.ID(id))
	for name := range end.body {
		if name != "timestamp" && again.bytes(t, name) != end.bytes(t, name) {
			t.Errorf("a second reading has another %s", name)
		}
	}
	list, err := c.Runs(t.Context(), client.Filter{Tag: "two voices"})
	must(t, err)
	if len(list.Data) != 1 || list.Data[0].ID != run.ID(id) || list.Data[0].Scores == nil || strings.Contains(string(list.Raw), `"transcript"`) {
		t.Errorf("the list of runs is %s", list.Raw)
	}
	stranger := s.newcomer(t, 0)
	theirs, unknown := stranger.poll(run.ID(id)), stranger.poll("req_"+run.ID(strings.Repeat("a", 26)))
	refused(t, theirs, http.StatusNotFound, errcode.RequestNotFound)
	refused(t, unknown, http.StatusNotFound, errcode.RequestNotFound)
	if theirs.at("error.message") != unknown.at("error.message") {
		t.Errorf("another client's run (%v) can be told from an unknown one (%v)", theirs.at("error.message"), unknown.at("error.message"))
	}

	large := twin.end(uploaded)
	twin.succeeded(large)
	if large.at("audio.format") != "wav" {
		t.Errorf("the format is %v", large.at("audio.format"))
	}
	same(t, end, large)
	twin.balance(0, 0)
	twin.audited()
}

// hurried polls a run several times at once: all polls but the first are told to wait.
func hurried(c *caller, id run.ID) {
	c.t.Helper()
	replies := make([]reply, 4)
	together(len(replies), func(i int) { replies[i] = c.call(http.MethodGet, "/speech/analyze/"+string(id), nil, nil) })
	turned := 0
	for _, r := range replies {
		if r.status != http.StatusTooManyRequests {
			continue
		}
		turned++
		e := refused(c.t, r, http.StatusTooManyRequests, errcode.PollRateLimited)
		if after, _ := e["retryAfterSeconds"].(float64); after < 1 || r.header.Get("Retry-After") != fmt.Sprint(after) {
			c.t.Errorf("retryAfterSeconds %v, Retry-After %q", e["retryAfterSeconds"], r.header.Get("Retry-After"))
		}
	}
	if turned == 0 {
		c.t.Errorf("%d polls at once were all answered", len(replies))
	}
}

// live checks a poll of a run that has not ended.
func live(t *testing.T, r reply) {
	t.Helper()
	shape(t, r.body, map[string]string{
		"id": "text", "externalId": "text?", "status": "text", "serviceType": "text", "timestamp": "time", "createdAt": "time", "completedAt": "null", "processingTimeMs": "null",
		"stage": "text", "progress": "whole", "pollIntervalSeconds": "whole", "audio": "object", "audio.requestedLanguage": "text", "audio.durationMs": "whole",
		"audio.durationFormatted": "text", "audio.format": "text", "audio.sizeBytes": "whole", "audio.joins": "whole", "audio.breaks": "object", "audio.breaks.count": "whole", "audio.breaks.leftOutMs": "whole", "credits": "object", "credits.held": "whole", "metadata": "object", "metadata.role": "text?", "metadata.year": "text?", "tags": "list",
	})
	if got, want := r.header.Get("Retry-After"), fmt.Sprint(r.body["pollIntervalSeconds"]); got != want {
		t.Errorf("Retry-After %q beside pollIntervalSeconds %s", got, want)
	}
}

// terminalShape lists every field of a run that succeeded.
var terminalShape = func() map[string]string {
	fields := map[string]string{
		"id": "text", "externalId": "text?", "status": "text", "serviceType": "text", "timestamp": "time", "createdAt": "time", "completedAt": "time", "processingTimeMs": "whole",
		"scoringMethod": "text", "scoringVersion": "text",
		"audio": "object", "audio.durationMs": "whole", "audio.durationFormatted": "text", "audio.languageCode": "text", "audio.requestedLanguage": "text", "audio.speakerCount": "whole",
		"audio.format": "text", "audio.sizeBytes": "whole", "audio.joins": "whole", "audio.breaks": "object", "audio.breaks.count": "whole", "audio.breaks.leftOutMs": "whole", "audio.quality": "object", "audio.quality.snrDb": "number", "audio.quality.clippedPercent": "number", "audio.quality.speechPercent": "number",
		"audio.quality.bandwidthHz": "number", "audio.quality.cautions": "list", "audio.channels": "object", "audio.channels.count": "whole", "audio.channels.used": "text", "audio.channels.note": "text?",
		"candidateDetection": "object", "candidateDetection.speaker": "text", "candidateDetection.speakerLabel": "text", "candidateDetection.confidence": "level", "candidateDetection.reason": "text", "candidateDetection.wordCount": "whole",
		"candidateDetection.channel": "text?", "candidateDetection.hint": "text?",
		"scores": "object", "scores.overall": "score", "scores.cefrLevel": "text", "scores.overallPercent": "whole",
		"confidence": "object", "explainability": "object", "analysis": "object", "hrRecommendation": "text", "candidateFeedback": "text",
		"confidence.overall": "object", "confidence.overall.level": "level", "confidence.overall.interval": "list",
		"analysis.vocabulary.bands": "list", "analysis.vocabulary.patterns": "list", "analysis.vocabulary.practice": "list", "analysis.accent.words": "list", "analysis.accent.wordsReason": "null",
		"transcript": "object", "transcript.segments": "list", "transcript.speakers": "list", "transcript.candidateText": "text", "transcript.candidateSpeaker": "text",
		"credits": "object", "credits.deducted": "whole", "credits.remainingBalance": "whole", "credits.audioDurationMinutes": "number",
		"error": "null", "metadata": "object", "metadata.role": "text?", "metadata.year": "text?", "tags": "list",
	}
	for _, d := range dimensions {
		maps.Copy(fields, map[string]string{
			"scores." + d: "score", "scores." + d + "Cefr": "text", "scores." + d + "Percent": "whole",
			"confidence." + d: "object", "confidence." + d + ".level": "level", "confidence." + d + ".interval": "list", "explainability." + d: "text",
			"analysis." + d: "object", "analysis." + d + ".measures": "list", "analysis." + d + ".cautions": "list", "analysis." + d + ".reason": "null",
		})
	}
	return fields
}()

var dimensions = []string{"vocabulary", "fluency", "accent"}

// scored checks a whole report: every field is there with its type, and the values are consistent.
func scored(t *testing.T, r reply) {
	t.Helper()
	shape(t, r.body, terminalShape)
	if stamp(t, "completedAt", r.body["completedAt"]).Before(stamp(t, "createdAt", r.body["createdAt"])) {
		t.Error("it ended before it began")
	}
	for _, d := range append(slices.Clone(dimensions), "overall") {
		v, _ := r.at("scores." + d).(float64)
		interval, _ := r.at("confidence." + d + ".interval").([]any)
		if len(interval) != 2 {
			t.Errorf("%s has the interval %v", d, interval)
			continue
		}
		low, _ := interval[0].(float64)
		high, _ := interval[1].(float64)
		if v <= 0 || low < 0 || low > v || v > high || high > 5 {
			t.Errorf("%s is %v within [%v, %v]", d, v, low, high)
		}
		percent, _ := r.at("scores." + d + "Percent").(float64)
		if percent < 20*v-1.5 || percent > 20*v+1.5 {
			t.Errorf("%s is %v and %v %%", d, v, percent)
		}
	}
	for _, d := range dimensions {
		measured(t, r, d)
	}
	said(t, r)
}

// measured checks the measures of one dimension.
func measured(t *testing.T, r reply, dimension string) {
	t.Helper()
	measures, _ := r.at("analysis." + dimension + ".measures").([]any)
	weights := 0.0
	for _, v := range measures {
		m, _ := v.(map[string]any)
		name, _ := m["name"].(string)
		value, isNumber := m["value"].(float64)
		_, why := m["reason"].(string)
		if name == "" || m["label"] == "" || !isNumber && (m["value"] != nil || !why) {
			t.Errorf("%s: the measure %v has the value %v (%v)", dimension, m, m["value"], value)
		}
		if _, ok := m["unit"].(string); !ok {
			t.Errorf("%s: %s has no unit", dimension, name)
		}
		weight, _ := m["weight"].(float64)
		weights += weight
		if norm, _ := m["norm"].(map[string]any); weight > 0 && (norm["low"] == norm["high"] || norm["source"] == "") {
			t.Errorf("%s: %s counts with the norm %v", dimension, name, m["norm"])
		}
	}
	if weights < 0.98 || weights > 1.02 {
		t.Errorf("%s: the weights of %d measures sum to %.3f", dimension, len(measures), weights)
	}
}

// said checks the transcript: in order, within the recording, by two voices, of which the one that
// speaks most is the candidate.
func said(t *testing.T, r reply) {
	t.Helper()
	var body struct {
		Audio      struct{ DurationMs int64 }
		Transcript struct {
			Segments []struct {
				Speaker        string
				StartMs, EndMs int64
				Text           string
				Confidence     float64
				Words          []struct {
					Text           string
					StartMs, EndMs int64
					Confidence     *float64
				}
			}
			Speakers []struct {
				Speaker      string
				SpeakerLabel string
				SpeakingMs   int64
				WordCount    int
			}
			CandidateText    string
			CandidateSpeaker string
		}
		CandidateDetection struct {
			Speaker   string
			WordCount int
		}
	}
	must(t, json.Unmarshal(r.raw, &body))
	tr := body.Transcript
	if d := body.Audio.DurationMs; d/1000 != sampleSeconds {
		t.Errorf("the recording is %d ms long", d)
	}
	var last, words int64
	for _, seg := range tr.Segments {
		if seg.StartMs < 0 || seg.StartMs > seg.EndMs || seg.EndMs > body.Audio.DurationMs || seg.Text == "" || seg.Confidence <= 0 || seg.Confidence > 1 {
			t.Errorf("segment %d to %d ms of %d: %q, %v", seg.StartMs, seg.EndMs, body.Audio.DurationMs, seg.Text, seg.Confidence)
		}
		for _, w := range seg.Words {
			words++
			if w.StartMs < last || w.EndMs < w.StartMs || w.EndMs > body.Audio.DurationMs || w.Text == "" || w.Confidence == nil || *w.Confidence < 0 || *w.Confidence > 1 {
				t.Errorf("word %q from %d to %d ms, after one from %d ms", w.Text, w.StartMs, w.EndMs, last)
			}
			last = w.StartMs
		}
	}
	if len(tr.Speakers) != 2 || words < 300 {
		t.Fatalf("%d speakers said %d words", len(tr.Speakers), words)
	}
	most := slices.MaxFunc(tr.Speakers, func(a, b struct {
		Speaker      string
		SpeakerLabel string
		SpeakingMs   int64
		WordCount    int
	}) int {
		return int(a.SpeakingMs - b.SpeakingMs)
	})
	if most.Speaker != tr.CandidateSpeaker || most.Speaker != body.CandidateDetection.Speaker || most.WordCount != body.CandidateDetection.WordCount {
		t.Errorf("%s with %d words says the most; the candidate is %s, by the transcript %s", most.Speaker, most.WordCount, body.CandidateDetection.Speaker, tr.CandidateSpeaker)
	}
	own := strings.ToLower(tr.CandidateText)
	for phrase, candidates := range map[string]bool{"warehouse supervisor": true, "kind of pressure": true, "the right doors in another city": true, "tell me a little about": false, "situation with a customer": false} {
		if strings.Contains(own, phrase) != candidates {
			t.Errorf("that the candidate said %q is %v: %s", phrase, !candidates, tr.CandidateText)
		}
	}
}

// uploaded submits samples as a WAV file that has to be uploaded first.
func (c *caller) uploaded(pcm []int16) run.ID {
	c.t.Helper()
	raw := wav(pcm)
	if len(raw) <= client.InlineMax {
		c.t.Fatalf("%d bytes go inline", len(raw))
	}
	return c.sent(raw)
}

// sent submits a recording inline or by upload, depending on its size.
func (c *caller) sent(recording []byte) run.ID {
	c.t.Helper()
	path := filepath.Join(c.t.TempDir(), "recording")
	must(c.t, os.WriteFile(path, recording, 0o600))
	a, err := c.Submit(c.t.Context(), path, client.Options{})
	must(c.t, err)
	return a.ID
}

// same checks that two runs have the same result, to the last digit.
func same(t *testing.T, a, b reply) {
	t.Helper()
	for _, name := range []string{"scoringVersion", "candidateDetection", "scores", "confidence", "explainability", "analysis", "hrRecommendation", "candidateFeedback", "transcript"} {
		x, y := a.bytes(t, name), b.bytes(t, name)
		if x != y || x == "" || x == "null" {
			t.Errorf("%s differs:\n%.2000s\n%.2000s", name, x, y)
		}
	}
}

// Ensure that the sample sent twice, and its samples as WAV and FLAC, have the same scores.
func TestTheSameAudioHasTheSameScores(t *testing.T) {
	s := heavy(t)
	t.Parallel()
	c := s.newcomer(t, 4*sampleCredits)
	pcm := samplePCM(t)
	ids := []run.ID{c.accepted(sample(t)), c.accepted(sample(t)), c.accepted(flac(t, wav(pcm))), c.uploaded(pcm)}
	first := c.end(ids[0])
	c.succeeded(first)
	for _, id := range ids[1:] {
		other := c.end(id)
		c.succeeded(other)
		same(t, first, other)
	}
	c.balance(0, 0)
	c.audited()
}

// shape checks that a body has exactly these fields, by dotted path, each of its kind: text, whole,
// number, score (0 to 5 with one decimal), level, time, list, object, null. A field with ? may be
// null or absent. Lists are not inspected.
func shape(t *testing.T, body map[string]any, want map[string]string) {
	t.Helper()
	found := map[string]bool{}
	var walk func(prefix string, o map[string]any)
	walk = func(prefix string, o map[string]any) {
		for name, v := range o {
			path := prefix + name
			kind, known := want[path]
			if !known {
				t.Errorf("%s is not in the contract: %.200v", path, v)
				continue
			}
			found[path] = true
			if optional, ok := strings.CutSuffix(kind, "?"); ok {
				if v == nil {
					continue
				}
				kind = optional
			}
			if !is(kind, v) {
				t.Errorf("%s is no %s: %.200v", path, kind, v)
			}
			if inner, ok := v.(map[string]any); ok {
				walk(path+".", inner)
			}
		}
	}
	walk("", body)
	for path, kind := range want {
		if !found[path] && !strings.HasSuffix(kind, "?") {
			t.Errorf("%s is missing", path)
		}
	}
}

func is(kind string, v any) bool {
	n, number := v.(float64)
	text, isText := v.(string)
	switch kind {
	case "text":
		return isText && text != ""
	case "time":
		return isText && len(text) == len("2026-04-21T12:34:56.789Z") && strings.HasSuffix(text, "Z")
	case "level":
		return text == "high" || text == "medium" || text == "low"
	case "whole":
		return number && n == float64(int64(n))
	case "number":
		return number
	case "score":
		return number && n >= 0 && n <= 5 && fmt.Sprint(n) == fmt.Sprint(float64(int(n*10+0.5))/10)
	case "list":
		_, ok := v.([]any)
		return ok
	case "object":
		_, ok := v.(map[string]any)
		return ok
	case "null":
		return v == nil
	}
	return false
}
