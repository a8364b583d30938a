package api_test

import (
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/shared/api"
	"parley/shared/engine/cleanup"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// upload posts a file to a new upload and returns the field that submits it.
func (h *house) upload(content string) part {
	h.t.Helper()
	id, _ := h.askUpload(`{"sizeBytes":1}`).at("uploadId").(string)
	h.post(id, content)
	return part{name: "uploadId", value: id}
}

func (h *house) post(upload, content string) {
	h.t.Helper()
	h.put(pipeline.UploadKey(h.client.ID, upload), content)
}

// holds fails the test unless these are all objects of the bucket.
func (h *house) holds(what string, keys ...string) {
	h.t.Helper()
	slices.Sort(keys)
	if got := h.keys(); !slices.Equal(got, keys) {
		h.t.Errorf("%s: the bucket holds %v, want %v", what, got, keys)
	}
}

func original(r reply) string { return pipeline.AudioPrefix + r.at("id").(string) }

// tidy runs the cleanup as the sweep does, until each walk has ended.
func (h *house) tidy() {
	h.t.Helper()
	h.clock.Advance(cleanup.Every)
	d := cleanup.Deps{Runs: h.store, Clients: h.store, Limits: h.store, Objects: &h.objects.Objects, Clock: h.clock, Log: h.deps.Log}
	_, err := d.Tidy(h.t.Context())
	h.must(err)
}

// take takes credits away from the client.
func (h *house) take(amount int64) {
	h.t.Helper()
	_, err := h.store.Adjust(h.t.Context(), h.client.ID, -amount, "", h.clock.Now())
	h.must(err)
}

// Ensure that an accepted upload is used up: only the run's own copy is left, and only a repeat
// with its key gets the first answer again, as long as the key is remembered.
func TestAnUploadIsUsedUp(t *testing.T) {
	h := newHouse(t)
	up := h.upload(fourMinutes)
	first := h.keyed("k", up)
	first.has(http.StatusAccepted)
	h.holds("accepted", original(first))
	again := h.keyed("k", up)
	again.has(http.StatusAccepted)
	if !reflect.DeepEqual(first.body, again.body) || again.header.Get("Idempotency-Replayed") != "true" || again.header.Get("Location") != first.header.Get("Location") {
		t.Errorf("first %s\nagain %s %v", first.raw, again.raw, again.header)
	}
	for name, r := range map[string]reply{
		"without a key": h.submit(up), "with another key": h.keyed("other", up),
		"with another field": h.submit(up, part{name: "externalId", value: "x"}),
	} {
		if r.is(errcode.UploadNotFound); !strings.Contains(r.raw, "already submitted") {
			t.Errorf("%s: %s", name, r.raw)
		}
	}
	h.keyed("k", up, part{name: "externalId", value: "x"}).is(errcode.IdempotencyKeyReused)
	h.succeed(run.ID(first.at("id").(string)), reportJSON)
	h.keyed("k", up).has(http.StatusAccepted)
	h.submit(up).is(errcode.UploadNotFound)
	h.clock.Advance(24 * time.Hour)
	h.keyed("k", up).is(errcode.UploadNotFound)
	if a, _ := h.ledger(); a.Held != 0 || a.Balance != 96 {
		t.Errorf("account %+v", a)
	}
	h.noFiles()
}

// Ensure that a key is tied to the recording and not to the upload: the same recording once more,
// uploaded or inline, is a repeat, and uses that upload up too; another one is another input.
func TestTheSameRecordingByAnotherUpload(t *testing.T) {
	h := newHouse(t)
	first := h.keyed("k", h.upload(fourMinutes))
	first.has(http.StatusAccepted)
	second := h.upload(fourMinutes)
	for range 2 {
		again := h.keyed("k", second)
		again.has(http.StatusAccepted)
		if again.at("id") != first.at("id") || again.header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("got %s", again.raw)
		}
		h.holds("replayed", original(first))
	}
	h.submit(second).is(errcode.UploadNotFound)
	h.keyed("k", audio(fourMinutes)).has(http.StatusAccepted)

	other := h.upload("flac 240001")
	h.keyed("k", other).is(errcode.IdempotencyKeyReused)
	h.holds("refused", original(first), pipeline.UploadKey(h.client.ID, other.value))
	h.keyed("k", part{name: "uploadId", value: "upl_" + strings.Repeat("a", 26)}).is(errcode.IdempotencyKeyReused)
	h.keyed("new", part{name: "uploadId", value: "upl_" + strings.Repeat("a", 26)}).is(errcode.UploadNotFound)

	inline := h.keyed("inline", audio("flac 240002"))
	inline.has(http.StatusAccepted)
	third := h.upload("flac 240002")
	if r := h.keyed("inline", third); r.at("id") != inline.at("id") {
		t.Errorf("got %s", r.raw)
	}
	h.submit(third).is(errcode.UploadNotFound)
}

// Ensure that a refused submit leaves the upload as it was, so that it can be submitted once the
// cause is mended.
func TestARefusedSubmitLeavesTheUpload(t *testing.T) {
	for name, tt := range map[string]struct {
		content string
		parts   []part
		change  func(h *house)
		want    errcode.Code
		mend    func(h *house)
	}{
		"too few credits":       {content: fourMinutes, change: func(h *house) { h.take(97) }, want: errcode.InsufficientCredits, mend: func(h *house) { h.grant(h.client.ID, 97) }},
		"a field out of bounds": {content: fourMinutes, parts: []part{{name: "allowPartial", value: "perhaps"}}, want: errcode.InvalidParameters},
		"no grant":              {content: fourMinutes, parts: []part{{name: "language", value: "de"}}, want: errcode.MultilingualNotEnabled},
		"an unready service":    {content: fourMinutes, change: func(h *house) { h.ready(false) }, want: errcode.ServiceWarmingUp, mend: func(h *house) { h.ready(true) }},
		"a short recording":     {content: "flac 1000", want: errcode.AudioTooShort},
		"no audio":              {content: "x", want: errcode.UnsupportedFormat},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			up := h.upload(tt.content)
			if tt.change != nil {
				tt.change(h)
			}
			for _, key := range []string{"k", "l"} {
				h.keyed(key, append([]part{up}, tt.parts...)...).is(tt.want)
				h.nothingLeft()
				h.holds("refused", pipeline.UploadKey(h.client.ID, up.value))
			}
			if tt.mend != nil {
				tt.mend(h)
			}
			if strings.HasPrefix(tt.content, "flac 24") {
				r := h.keyed("k", up)
				r.has(http.StatusAccepted)
				h.holds("accepted", original(r))
			}
		})
	}
}

// Ensure that of several submits of one upload at once one is accepted. The others learn that it
// was used, or, while its recording is not yet stored, that they must wait.
func TestOneUploadSubmittedAtOnce(t *testing.T) {
	h := newHouse(t)
	h.client.ConcurrentRuns = 20
	h.must(h.store.PutClient(t.Context(), h.client))
	up := h.upload(fourMinutes)
	handler := api.All(h.deps)
	requests := make([]*http.Request, 12)
	for i := range requests {
		requests[i] = h.submission(up)
		if i%2 == 0 {
			requests[i].Header.Set("Idempotency-Key", strconv.Itoa(i))
		}
	}
	answers := make([]reply, len(requests))
	var all sync.WaitGroup
	for i, req := range requests {
		all.Go(func() { answers[i] = h.through(handler, req) })
	}
	all.Wait()
	var won []reply
	for _, r := range answers {
		switch {
		case r.status == http.StatusAccepted:
			won = append(won, r)
		case r.code() != errcode.UploadNotFound && r.code() != errcode.IdempotencyInProgress:
			t.Errorf("got %s", r.raw)
		}
	}
	if a, _ := h.ledger(); len(won) != 1 || a.Held != 4 {
		t.Fatalf("%d accepted, %d held", len(won), a.Held)
	}
	h.holds("afterwards", original(won[0]))
	h.submit(up).is(errcode.UploadNotFound)
	h.noFiles()
}

// Ensure what a second submit of an upload hears while the first has not stored its recording.
func TestAnUploadWhoseSubmitIsUnderWay(t *testing.T) {
	h := newHouse(t)
	up := h.upload(fourMinutes)
	var during []reply
	h.objects.onPut = func() {
		h.objects.onPut = nil
		during = []reply{h.submit(up), h.keyed("k", up), h.keyed("other", up)}
	}
	h.keyed("k", up).has(http.StatusAccepted)
	for _, r := range during {
		r.is(errcode.IdempotencyInProgress)
	}
	h.submit(up).is(errcode.UploadNotFound)
}

// Ensure that a submit that could not store the recording leaves the upload usable: with its key
// the same run starts again, without it a new one.
func TestAnUploadThatCouldNotBeStored(t *testing.T) {
	for _, key := range []string{"k", "", "other"} {
		h := newHouse(t)
		up := h.upload(fourMinutes)
		h.objects.putFails = errors.New("no bucket")
		failed := h.keyed("k", up)
		failed.is(errcode.InternalError)
		h.holds("failed", pipeline.UploadKey(h.client.ID, up.value))
		h.objects.putFails = nil
		var r reply
		if key == "" {
			r = h.submit(up)
		} else {
			r = h.keyed(key, up)
		}
		r.has(http.StatusAccepted)
		if same := r.at("id") == failed.header.Get("X-Request-Id"); same != (key == "k") {
			t.Errorf("%q: the same run: %v", key, same)
		}
		h.holds("then", original(r))
		if a, _ := h.ledger(); a.Held != 4 || a.Running != 1 {
			t.Errorf("%q: account %+v", key, a)
		}
		h.submit(up).is(errcode.UploadNotFound)
		h.keyed("k", up).has(http.StatusAccepted) // the run that failed, or that started again
		if a, _ := h.ledger(); a.Held != 4 || a.Running != 1 {
			t.Errorf("%q, replayed: account %+v", key, a)
		}
	}
}

// Ensure that erasing a run removes every copy of its recording, and that its upload is never
// submitted again, not even if the form, which is good for an hour, is posted once more.
func TestEraseTakesTheUpload(t *testing.T) {
	h := newHouse(t)
	up := h.upload(fourMinutes)
	h.objects.deleteFails = errors.New("no bucket")
	r := h.keyed("k", up)
	r.has(http.StatusAccepted)
	h.holds("accepted, the upload not deleted", original(r), pipeline.UploadKey(h.client.ID, up.value))
	if !strings.Contains(h.log.String(), "upload left to the cleanup") {
		t.Errorf("the log says %s", h.log)
	}
	h.submit(up).is(errcode.UploadNotFound)
	h.objects.deleteFails = nil
	id := run.ID(r.at("id").(string))
	h.succeed(id, reportJSON)
	h.scatter(id)
	h.erase(id).erased()
	h.holds("erased")
	h.submit(up).is(errcode.UploadNotFound)
	h.keyed("k", up).has(http.StatusAccepted)
	for range 2 {
		h.post(up.value, fourMinutes)
		h.submit(up).is(errcode.UploadNotFound)
		h.keyed("other", up).is(errcode.UploadNotFound)
		h.tidy()
		h.holds("posted once more, tidied")
	}
	if !h.run(id).ErasedAt.After(start.Add(-time.Second)) || h.run(id).Found != nil {
		t.Errorf("left %+v", h.run(id))
	}
}
