package api_test

import (
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/shared/api"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech"
)

func (h *house) keyed(key string, parts ...part) reply {
	h.t.Helper()
	req := h.submission(parts...)
	req.Header.Set("Idempotency-Key", key)
	return h.do(req)
}

// Ensure that the same key with the same input repeats the first 202 for exactly 24 h, without a
// second hold or run.
func TestIdempotency(t *testing.T) {
	h := newHouse(t)
	parts := []part{{name: "metadata", value: `{"a":1,"b":"2"}`}, audio(fourMinutes)}
	first := h.keyed("k", parts...)
	first.has(http.StatusAccepted)
	h.clock.Advance(24*time.Hour - time.Millisecond)
	again := h.keyed("k", audio(fourMinutes), part{name: "metadata", value: ` {"b":2, "a":"1"}`})
	again.has(http.StatusAccepted)
	if !reflect.DeepEqual(first.body, again.body) || again.header.Get("Idempotency-Replayed") != "true" || first.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("first %s %v\nagain %s %v", first.raw, first.header, again.raw, again.header)
	}
	if again.header.Get("Location") != first.header.Get("Location") {
		t.Errorf("it leads to %s", again.header.Get("Location"))
	}
	if a, err := h.store.Account(t.Context(), h.client.ID); err != nil || a.Held != 4 || a.Running != 1 {
		t.Errorf("account %+v, %v", a, err)
	}
	h.clock.Advance(time.Millisecond)
	late := h.keyed("k", parts...)
	late.has(http.StatusAccepted)
	if late.at("id") == first.at("id") || late.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("after 24 h it was replayed: %s", late.raw)
	}
}

// Ensure that a replay repeats the first 202 whatever has happened since: the place in the queue
// and how many of the client's runs were in process, too.
func TestAReplayRepeatsTheFirstAnswer(t *testing.T) {
	h := newHouse(t)
	h.client.ConcurrentRuns = 1
	h.must(h.store.PutClient(t.Context(), h.client))
	first, second, third := h.keyed("1", audio(fourMinutes)), h.keyed("2", audio(fourMinutes)), h.keyed("3", audio(fourMinutes))
	if first.at("status") != "processing" || first.at("activeRequests") != 1.0 || third.at("status") != "queued" || third.at("queuePosition") != 2.0 {
		t.Fatalf("first %s\nthird %s", first.raw, third.raw)
	}
	id := func(r reply) run.ID { return run.ID(r.at("id").(string)) }
	h.succeed(id(first), "{}")
	for range 2 {
		_, err := h.store.Promote(t.Context(), h.client.ID, speech.Service.Terms(4*time.Minute, 2, h.deps.Budget), h.clock.Now())
		h.must(err)
	}
	h.fail(id(second), errcode.ScoringFailed)
	for key, was := range map[string]reply{"1": first, "2": second, "3": third} {
		if again := h.keyed(key, audio(fourMinutes)); !reflect.DeepEqual(again.body, was.body) {
			t.Errorf("first %s\nagain %s", was.raw, again.raw)
		}
	}
}

// Ensure that a replay costs nothing: it is answered even with no credits left, and after the run
// has ended.
func TestIdempotencyAfterTheEnd(t *testing.T) {
	h := newHouse(t)
	first := h.keyed("k", audio(fourMinutes))
	_, err := h.store.Adjust(t.Context(), h.client.ID, -96, "", start)
	h.must(err)
	h.keyed("k", audio(fourMinutes)).has(http.StatusAccepted)
	h.succeed(run.ID(first.at("id").(string)), "{}")
	again := h.keyed("k", audio(fourMinutes))
	again.has(http.StatusAccepted)
	if again.at("status") != "processing" || again.at("id") != first.at("id") {
		t.Errorf("got %s", again.raw)
	}
}

// Ensure that the key is tied to all of the input, and to the client.
func TestIdempotencyKeyReused(t *testing.T) {
	for _, other := range []part{audio("flac 240001"), {name: "language", value: "de"}, {name: "externalId", value: "x"}, {name: "metadata", value: `{"a":"b"}`}, {name: "tags", value: "x"},
		{name: "cutSettings", value: `{"paddingMs":0}`}, {name: "allowPartial", value: "true"}, {name: "webhookUrl", value: "https://example.com"}} {
		t.Run("another "+other.name, func(t *testing.T) {
			h := newHouse(t)
			h.keyed("k", audio(fourMinutes)).has(http.StatusAccepted)
			parts := []part{audio(fourMinutes), other}
			if other.name == "audio" {
				parts = parts[1:]
			}
			h.keyed("k", parts...).is(errcode.IdempotencyKeyReused)
			_, _, h.secret = h.newClient(nil)
			// for another client, this is a new submit
			h.keyed("k", audio(fourMinutes)).is(errcode.InsufficientCredits)
		})
	}
}

// Ensure that the key must have 1 to 255 characters and be sent only once.
func TestIdempotencyKeyBounds(t *testing.T) {
	h := newHouse(t)
	h.keyed("", audio(fourMinutes)).is(errcode.InvalidParameters)
	h.keyed("x", audio(fourMinutes)).has(http.StatusAccepted)
	h.keyed(strings.Repeat("x", 255), audio(fourMinutes)).has(http.StatusAccepted)
	h.keyed(strings.Repeat("x", 256), audio(fourMinutes)).is(errcode.InvalidParameters)
	req := h.submission(audio(fourMinutes))
	req.Header["Idempotency-Key"] = []string{"a", "b"}
	h.do(req).is(errcode.InvalidParameters)
}

// Ensure that while the first submit is between its transaction and its recording, a second one is
// told to retry, and that once the first cannot still be running, the second finishes its work.
func TestIdempotencyInProgress(t *testing.T) {
	h := newHouse(t)
	var second reply
	h.objects.onPut = func() {
		h.objects.onPut = nil
		second = h.keyed("k", audio(fourMinutes))
	}
	first := h.keyed("k", audio(fourMinutes))
	first.has(http.StatusAccepted)
	second.is(errcode.IdempotencyInProgress)
	if second.header.Get("Retry-After") != "2" || second.at("error.retryAfterSeconds") != 2.0 {
		t.Errorf("got %s %v", second.raw, second.header)
	}
	key := pipeline.AudioPrefix + first.at("id").(string)
	h.must(h.objects.Delete(t.Context(), key)) // as if the first had died
	// A client that waits as it is told is still there when the first is given up.
	for _, wait := range []string{"2", "4", "12"} {
		r := h.keyed("k", audio(fourMinutes))
		r.is(errcode.IdempotencyInProgress)
		if r.header.Get("Retry-After") != wait {
			t.Errorf("got %s, want %s", r.header.Get("Retry-After"), wait)
		}
		seconds, _ := strconv.Atoi(wait)
		h.clock.Advance(time.Duration(seconds) * time.Second)
	}
	h.clock.Advance(11 * time.Second) // 29 s since the first
	h.keyed("k", audio(fourMinutes)).is(errcode.IdempotencyInProgress)
	h.clock.Advance(time.Second)
	h.keyed("k", audio(fourMinutes)).has(http.StatusAccepted)
	if _, err := h.objects.Size(t.Context(), key); err != nil {
		t.Error(err)
	}
}

// Ensure that a submit that could not store its recording can be retried with its key: the same run
// starts again, with one hold.
func TestIdempotencyAfterAFailedStore(t *testing.T) {
	h := newHouse(t)
	h.objects.putFails = errors.New("no bucket")
	failed := h.keyed("k", audio(fourMinutes))
	failed.is(errcode.InternalError)
	h.objects.putFails = nil
	r := h.keyed("k", audio(fourMinutes))
	r.has(http.StatusAccepted)
	if r.at("id") != failed.header.Get("X-Request-Id") || r.at("status") != "processing" {
		t.Errorf("got %s", r.raw)
	}
	if a, err := h.store.Account(t.Context(), h.client.ID); err != nil || a.Held != 4 || a.Running != 1 {
		t.Errorf("account %+v, %v", a, err)
	}
}

// Ensure that concurrent submits with one key become one run with one hold: each is answered with
// that run, or told to retry.
func TestIdempotencyRace(t *testing.T) {
	h := newHouse(t)
	handler := api.All(h.deps)
	requests := make([]*http.Request, 16)
	for i := range requests {
		requests[i] = h.submission(audio(fourMinutes))
		requests[i].Header.Set("Idempotency-Key", "k")
	}
	answers := make([]reply, len(requests))
	var all sync.WaitGroup
	for i, req := range requests {
		all.Go(func() { answers[i] = h.through(handler, req) })
	}
	all.Wait()
	ids := map[any]bool{}
	for _, r := range answers {
		if r.status == http.StatusAccepted {
			ids[r.at("id")] = true
			continue
		}
		r.is(errcode.IdempotencyInProgress)
	}
	if a, err := h.store.Account(t.Context(), h.client.ID); err != nil || a.Held != 4 || a.Running != 1 || len(ids) != 1 {
		t.Errorf("account %+v, %v, runs %v", a, err, ids)
	}
	h.noFiles()
}
