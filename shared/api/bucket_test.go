package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/shared/api"
	"parley/shared/engine/account"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech"
)

// mortal is the front as a process that dies at its n-th write, before or after it: from then on
// nothing that it asks for is done.
type mortal struct {
	left  int
	after bool
	dead  bool
}

var errDead = errors.New("this process is dead")

// write does a write, unless the process is dead or dies first.
func (m *mortal) write(do func() error) error {
	if m.dead {
		return errDead
	}
	if m.left--; m.left > 0 {
		return do()
	}
	m.dead = true
	if m.after {
		_ = do() // nobody hears
	}
	return errDead
}

// front returns the API of h as this process.
func (m *mortal) front(h *house) http.Handler {
	d := h.deps
	d.Runs, d.Objects, d.Log = mortalStore{h.store, m}, mortalObjects{h.deps.Objects, m}, slog.New(slog.DiscardHandler)
	return api.All(d)
}

type mortalStore struct {
	run.Store
	of *mortal
}

func (s mortalStore) Submit(ctx context.Context, sub run.Submission, now time.Time) (r run.Run, again bool, err error) {
	err = s.of.write(func() error { r, again, err = s.Store.Submit(ctx, sub, now); return err })
	return r, again, err
}

func (s mortalStore) Use(ctx context.Context, client account.ID, u run.Use, now time.Time) error {
	return s.of.write(func() error { return s.Store.Use(ctx, client, u, now) })
}

func (s mortalStore) End(ctx context.Context, seen run.Run, o run.Outcome, now time.Time) (r run.Run, err error) {
	err = s.of.write(func() error { r, err = s.Store.End(ctx, seen, o, now); return err })
	return r, err
}

func (s mortalStore) Retry(ctx context.Context, seen run.Run, sub run.Submission, now time.Time) (r run.Run, err error) {
	err = s.of.write(func() error { r, err = s.Store.Retry(ctx, seen, sub, now); return err })
	return r, err
}

func (s mortalStore) Erase(ctx context.Context, seen run.Run, now time.Time) (r run.Run, err error) {
	err = s.of.write(func() error { r, err = s.Store.Erase(ctx, seen, now); return err })
	return r, err
}

type mortalObjects struct {
	pipeline.Objects
	of *mortal
}

func (o mortalObjects) Put(ctx context.Context, key, kind string, body io.ReadSeeker, size int64) error {
	return o.of.write(func() error { return o.Objects.Put(ctx, key, kind, body, size) })
}

func (o mortalObjects) Delete(ctx context.Context, keys ...string) error {
	return o.of.write(func() error { return o.Objects.Delete(ctx, keys...) })
}

// runs returns all runs of the client, the newest first.
func (h *house) runs() []run.Run {
	h.t.Helper()
	all, _, err := h.store.List(h.t.Context(), h.client.ID, run.Filter{Limit: 100})
	h.must(err)
	return all
}

// Ensure that the bucket holds only what it may at each moment of a recording's life: as long as
// nobody has taken the upload that alone, then the run's own copy alone, its work for a day, its
// report for good, and of an erased run nothing.
func TestWhatTheBucketHolds(t *testing.T) {
	const kept = 7
	unclear := part{name: "allowPartial", value: "perhaps"}
	for _, inline := range []bool{true, false} {
		h := newHouse(t)
		h.client.AudioRetentionDays = ptr(kept)
		h.must(h.store.PutClient(t.Context(), h.client))
		part, upload := audio(fourMinutes), []string(nil)
		if !inline {
			part = h.upload(fourMinutes)
			upload = []string{pipeline.UploadKey(h.client.ID, part.value)}
		}

		h.submit(part, unclear).is(errcode.InvalidParameters)
		h.take(97)
		h.submit(part).is(errcode.InsufficientCredits)
		h.holds("refused", upload...)
		h.tidy()
		h.holds("refused, tidied", upload...)

		h.grant(h.client.ID, 97)
		r := h.submit(part)
		r.has(http.StatusAccepted)
		id := run.ID(r.at("id").(string))
		recording := original(r)
		h.holds("accepted", recording)

		work := []string{pipeline.Key(id, 1, speech.PCM, 0), pipeline.Key(id, 1, speech.Words.Kind, 0)}
		for _, k := range work {
			h.put(k, "x")
		}
		h.fail(id, errcode.TranscriptionFailed)
		h.tidy()
		h.holds("failed", append([]string{recording}, work...)...)
		h.clock.Advance(24 * time.Hour)
		h.tidy()
		h.holds("failed a day ago", recording)
		h.clock.Advance(kept * 24 * time.Hour)
		h.tidy()
		h.holds("failed, past its retention")

		if !inline {
			part = h.upload(fourMinutes)
		}
		r = h.submit(part)
		r.has(http.StatusAccepted)
		id = run.ID(r.at("id").(string))
		report := pipeline.Key(id, 1, pipeline.Report, 0)
		h.succeed(id, reportJSON)
		h.holds("succeeded", original(r), report)
		h.clock.Advance(kept * 24 * time.Hour)
		h.tidy()
		h.holds("succeeded, past its retention", report)
		h.erase(id).erased()
		h.holds("erased")
		h.noFiles()
	}
}

// Ensure that a submit that dies at any of its writes loses no recording, keeps no copy too many
// and costs nothing that is not scored: before its client tries again, after that, and once its
// runs have ended and were erased.
func TestASubmitThatDies(t *testing.T) {
	for _, key := range []string{"", "k"} {
		for _, inline := range []bool{true, false} {
			for _, after := range []bool{false, true} {
				for n := 1; ; n++ {
					name := fmt.Sprintf("key %q, inline %v, at write %d, done %v", key, inline, n, after)
					if !submitDies(t, name, key, inline, n, after) {
						if n < 2 {
							t.Errorf("%s: no write", name)
						}
						break
					}
				}
			}
		}
	}
}

// submitDies reports false if the process has fewer writes than n.
func submitDies(t *testing.T, name, key string, inline bool, n int, after bool) bool {
	t.Helper()
	h := newHouse(t)
	part, upload := audio(fourMinutes), ""
	if !inline {
		part = h.upload(fourMinutes)
		upload = pipeline.UploadKey(h.client.ID, part.value)
	}
	once := func(handler http.Handler) reply {
		req := h.submission(part)
		if key != "" {
			req.Header.Set("Idempotency-Key", key)
		}
		return h.through(handler, req)
	}
	m := &mortal{left: n, after: after}
	once(m.front(h))
	if !m.dead {
		return false
	}
	h.justified(name+": dead", upload)
	h.tidy() // 15 minutes pass
	h.justified(name+": tidied", upload)
	stored := map[run.ID]bool{}
	for _, r := range h.runs() {
		_, err := h.objects.Size(t.Context(), pipeline.Key(r.ID, 1, pipeline.Original, 0))
		stored[r.ID] = err == nil
		if err == nil && upload != "" && slices.Contains(h.keys(), upload) {
			t.Errorf("%s: the run has its copy, and the upload is still there", name)
		}
	}

	// The client got no answer and tries again.
	again := once(api.All(h.deps))
	switch {
	case again.status == http.StatusAccepted:
	case again.code() == errcode.UploadNotFound && key == "" && !inline && len(stored) == 1:
		for id := range stored {
			if !stored[id] {
				t.Errorf("%s: the upload is refused, and the run %s has no recording", name, id)
			}
		}
	default:
		t.Errorf("%s: then %d %s", name, again.status, again.raw)
	}
	runs := h.runs()
	if key != "" && len(runs) != 1 {
		t.Errorf("%s: %d runs of one key", name, len(runs))
	}
	if upload != "" && slices.Contains(h.keys(), upload) {
		t.Errorf("%s: accepted, and the upload is still there", name)
	}
	cost := int64(0)
	for _, r := range runs {
		if _, err := h.objects.Size(t.Context(), pipeline.Key(r.ID, 1, pipeline.Original, 0)); err != nil {
			h.fail(r.ID, errcode.StuckTimeout) // as the watchdog does
			continue
		}
		if r.Status == run.Processing {
			cost += r.Cost
			h.succeed(r.ID, reportJSON)
		}
	}
	if a, _ := h.ledger(); a.Held != 0 || a.Balance != 100-cost || cost == 0 {
		t.Errorf("%s: %+v for %d runs that cost %d", name, a, len(runs), cost)
	}
	for _, r := range runs {
		h.erase(r.ID).erased()
	}
	h.holds(name + ": erased")
	return true
}

// justified fails the test if the bucket holds anything but an upload and the recordings of runs.
func (h *house) justified(what, upload string) {
	h.t.Helper()
	for _, k := range h.keys() {
		id, ok := strings.CutPrefix(k, pipeline.AudioPrefix)
		if k != upload && (!ok || !slices.ContainsFunc(h.runs(), func(r run.Run) bool { return string(r.ID) == id })) {
			h.t.Errorf("%s: the bucket holds %s", what, k)
		}
	}
}

// Ensure that a replay that dies at any of its writes, having brought the recording by another
// upload, can be repeated, and that the bucket ends with the run's own copy alone.
func TestAReplayThatDies(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n := 1; n <= 2; n++ {
			h := newHouse(t)
			first := h.keyed("k", h.upload(fourMinutes))
			second := h.upload(fourMinutes)
			req := h.submission(second)
			req.Header.Set("Idempotency-Key", "k")
			m := &mortal{left: n, after: after}
			m.front(h).ServeHTTP(httptest.NewRecorder(), req)
			if !m.dead {
				t.Fatalf("only %d writes", n-1)
			}
			again := h.keyed("k", second)
			if again.has(http.StatusAccepted); again.at("id") != first.at("id") {
				t.Errorf("got %s", again.raw)
			}
			h.holds("replayed again", original(first))
		}
	}
}

// Ensure that an erasure that dies at any of its writes shows nothing more, and that the cleanup
// finishes it, or a repeat.
func TestAnErasureThatDies(t *testing.T) {
	for _, finish := range []string{"repeat", "cleanup"} {
		for _, after := range []bool{false, true} {
			for n := 1; n <= 4; n++ {
				h := newHouse(t)
				up := h.upload(fourMinutes)
				h.objects.deleteFails = errors.New("no bucket") // so the upload is still there
				id := run.ID(h.submit(up).at("id").(string))
				h.objects.deleteFails = nil
				h.succeed(id, reportJSON)
				h.scatter(id)
				m := &mortal{left: n, after: after}
				m.front(h).ServeHTTP(httptest.NewRecorder(), h.request(http.MethodDelete, api.Base+"/speech/analyze/"+string(id), nil))
				if !m.dead {
					t.Fatalf("only %d writes", n-1)
				}
				marked := !h.run(id).ErasedAt.IsZero()
				if marked == (n == 1 && !after) {
					t.Errorf("at write %d, done %v: marked %v", n, after, marked)
				}
				if finish == "repeat" || !marked {
					h.erase(id).erased()
				} else {
					h.tidy()
				}
				h.holds(fmt.Sprintf("%s after write %d, done %v", finish, n, after))
				h.submit(up).is(errcode.UploadNotFound)
			}
		}
	}
}
