package cleanup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/infra/prove/service"

	"parley/infra/prove/storetest"
	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/cleanup"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/engine/store/memory"
	"parley/shared/errcode"
)

// house is a store and a bucket with their cleanup.
type house struct {
	t       *testing.T
	clock   *clock.Manual
	store   *store
	objects *objects
	log     *bytes.Buffer
	deps    cleanup.Deps
	next    int
}

// store and objects are those of package memory, with calls that can fail.
type store struct {
	*memory.Store
	fails run.ID
	gets  int
	onGet func()
}

func (s *store) Get(ctx context.Context, id run.ID) (run.Run, error) {
	s.gets++
	if s.onGet != nil {
		s.onGet()
	}
	if id == s.fails {
		return run.Run{}, errors.New("the table is away")
	}
	if err := ctx.Err(); err != nil {
		return run.Run{}, err
	}
	return s.Store.Get(ctx, id)
}

type objects struct {
	memory.Objects
	fails string // a key that cannot be deleted
	list  error
}

func (o *objects) List(ctx context.Context, prefix, after string, limit int) ([]pipeline.Object, error) {
	if o.list != nil && strings.HasPrefix(prefix, pipeline.AudioPrefix) {
		return nil, o.list
	}
	return o.Objects.List(ctx, prefix, after, limit)
}

func (o *objects) Delete(ctx context.Context, keys ...string) error {
	if slices.Contains(keys, o.fails) {
		return errors.New("the bucket is away")
	}
	return o.Objects.Delete(ctx, keys...)
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, clock: clock.At(storetest.Start), store: &store{Store: memory.New()}, objects: &objects{}, log: &bytes.Buffer{}}
	h.objects.Clock = h.clock
	h.deps = cleanup.Deps{Runs: h.store, Clients: h.store, Limits: h.store, Objects: h.objects, Clock: h.clock, Log: slog.New(slog.NewJSONHandler(h.log, nil))}
	h.client(1, nil)
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) client(n int, retention *int) {
	h.t.Helper()
	h.must(h.store.PutClient(h.t.Context(), account.Client{ID: storetest.ClientID(n), Active: true, ConcurrentRuns: 1000, AudioRetentionDays: retention}))
	_, err := h.store.Grant(h.t.Context(), storetest.ClientID(n), 1_000_000, "", h.clock.Now())
	h.must(err)
}

// submit accepts a run of a client, with its recording and some work.
func (h *house) submit(of int) run.ID {
	h.t.Helper()
	h.next++
	r, _, err := h.store.Submit(h.t.Context(), run.Submission{Run: run.Run{ID: storetest.RunID(h.next), Client: storetest.ClientID(of), Attempt: 1, CreatedAt: h.clock.Now(), Cost: 1},
		Terms: service.Sample.Terms(time.Minute, 1000, pipeline.Budget(0))}, h.clock.Now())
	h.must(err)
	h.put(pipeline.Key(r.ID, 1, pipeline.Original, 0), pipeline.Key(r.ID, 1, service.PCM, 0), pipeline.Key(r.ID, 1, service.Words, 0))
	return r.ID
}

// end ends a run, with a report.
func (h *house) end(id run.ID) {
	h.t.Helper()
	r, err := h.store.Store.Get(h.t.Context(), id)
	h.must(err)
	h.put(pipeline.Key(id, 1, pipeline.Report, 0))
	_, err = h.store.End(h.t.Context(), r, run.Fail(errcode.ScoringFailed, "", "a test"), h.clock.Now())
	h.must(err)
}

func (h *house) put(keys ...string) {
	h.t.Helper()
	for _, k := range keys {
		h.must(h.objects.Put(h.t.Context(), k, "application/octet-stream", strings.NewReader("sound"), 5))
	}
}

func (h *house) tidy() cleanup.Tidied {
	h.t.Helper()
	did, err := h.deps.Tidy(h.t.Context())
	h.must(err)
	return did
}

// left returns the kinds of a run's objects that still exist: audio, report, work.
func (h *house) left(id run.ID) string {
	h.t.Helper()
	var kinds []string
	page, err := h.objects.Objects.List(h.t.Context(), "", "", 1000)
	h.must(err)
	for _, o := range page {
		if kind, _, _ := strings.Cut(o.Key, "/"); strings.Contains(o.Key, string(id)) && !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return strings.Join(kinds, " ")
}

// Ensure that a recording is kept as long as its client wants, its work for at most a day and its
// report for good, and that a run in process keeps everything.
func TestRetention(t *testing.T) {
	h := newHouse(t)
	none, seven := 0, 7
	h.client(2, &none)
	h.client(3, &seven)
	runs := map[string]run.ID{"default": h.submit(1), "none": h.submit(2), "seven days": h.submit(3), "under way": h.submit(2)}
	for _, name := range []string{"default", "none", "seven days"} {
		h.end(runs[name])
	}
	const all = "audio report work"
	for _, step := range []struct {
		at   time.Duration
		want map[string]string
	}{
		{0, map[string]string{"default": all, "none": "report", "seven days": all, "under way": "audio work"}},
		{day - time.Millisecond, map[string]string{"default": all, "none": "report", "seven days": all, "under way": "audio work"}},
		{day + cleanup.Every, map[string]string{"default": "audio report", "none": "report", "seven days": "audio report", "under way": "audio work"}},
		{7*day - time.Millisecond, map[string]string{"default": "audio report", "none": "report", "seven days": "audio report", "under way": "audio work"}},
		{7*day + cleanup.Every, map[string]string{"default": "audio report", "none": "report", "seven days": "report", "under way": "audio work"}},
		{30*day - time.Millisecond, map[string]string{"default": "audio report", "none": "report", "seven days": "report", "under way": "audio work"}},
		{30*day + cleanup.Every, map[string]string{"default": "report", "none": "report", "seven days": "report", "under way": "audio work"}},
	} {
		h.clock.Advance(storetest.Start.Add(step.at).Sub(h.clock.Now()))
		h.tidy()
		for name, want := range step.want {
			if got := h.left(runs[name]); got != want {
				t.Errorf("after %s, %s: left %q, want %q", step.at, name, got, want)
			}
		}
	}
}

const day = 24 * time.Hour

// Ensure that an upload in no run is deleted 25 hours after it was posted.
func TestUploads(t *testing.T) {
	h := newHouse(t)
	h.put("upload/cli_x/upl_a")
	h.clock.Advance(time.Hour)
	h.put("upload/cli_x/upl_b")
	h.clock.Advance(24*time.Hour - time.Millisecond)
	if did := h.tidy(); did.Deleted != 0 || did.Looked != 2 {
		t.Errorf("%+v", did)
	}
	h.clock.Advance(cleanup.Every)
	if did := h.tidy(); did.Deleted != 1 {
		t.Errorf("%+v", did)
	}
	if _, err := h.objects.Size(t.Context(), "upload/cli_x/upl_b"); err != nil {
		t.Error(err)
	}
	if !strings.Contains(h.log.String(), `"object":"upload/cli_x/upl_a"`) || !strings.Contains(h.log.String(), `"reason":"upload past its use"`) {
		t.Errorf("the log says %s", h.log)
	}
}

// Ensure that the upload of a run is deleted once the run has its own copy, and again if it was
// posted once more, even after the run was erased; and that it is kept while the run has no copy.
func TestUsedUploads(t *testing.T) {
	h := newHouse(t)
	used := func(upload string, id run.ID) string {
		h.must(h.store.Use(t.Context(), storetest.ClientID(1), run.Use{Upload: upload, Run: id, Expires: h.clock.Now().Add(run.UseLasting)}, h.clock.Now()))
		key := pipeline.UploadKey(storetest.ClientID(1), upload)
		h.put(key)
		return key
	}
	there := func(key string) bool {
		_, err := h.objects.Size(t.Context(), key)
		return err == nil
	}
	has, lacks := h.submit(1), h.submit(1)
	original := pipeline.Key(lacks, 1, pipeline.Original, 0)
	h.must(h.objects.Objects.Delete(t.Context(), original))
	one, two, foreign := used("upl_a", has), used("upl_b", lacks), "upload/readme.txt"
	h.put(foreign)
	h.tidy()
	if there(one) || !there(two) || !there(foreign) {
		t.Errorf("the upload of a run with a copy is there: %v, without: %v, what is nobody's: %v", there(one), there(two), there(foreign))
	}
	if !strings.Contains(h.log.String(), `"object":"upload/`+string(storetest.ClientID(1))+`/upl_a","bytes":5,"reason":"upload used"`) {
		t.Errorf("the log says %s", h.log)
	}
	h.put(original)
	h.end(has)
	r, err := h.store.Get(t.Context(), has)
	h.must(err)
	_, err = h.store.Erase(t.Context(), r, h.clock.Now())
	h.must(err)
	h.put(one)
	h.clock.Advance(cleanup.Every)
	h.tidy()
	if there(one) || there(two) {
		t.Errorf("of an erased run: %v, of a run that has its copy now: %v", there(one), there(two))
	}
}

// Ensure that an upload whose run cannot be read stays, and does not stop the others.
func TestUploadErrors(t *testing.T) {
	h := newHouse(t)
	for _, upload := range []string{"upl_a", "upl_b"} {
		id := h.submit(1)
		h.must(h.store.Use(t.Context(), storetest.ClientID(1), run.Use{Upload: upload, Run: id, Expires: h.clock.Now().Add(run.UseLasting)}, h.clock.Now()))
		h.put(pipeline.UploadKey(storetest.ClientID(1), upload))
	}
	h.store.fails = storetest.RunID(1)
	if _, err := h.deps.Tidy(t.Context()); err == nil || !strings.Contains(err.Error(), "upl_a") {
		t.Errorf("error %v", err)
	}
	page, err := h.objects.Objects.List(t.Context(), pipeline.UploadPrefix, "", 10)
	h.must(err)
	if len(page) != 1 || !strings.HasSuffix(page[0].Key, "upl_a") {
		t.Errorf("left %v", page)
	}
}

// Ensure that these are deleted: what a crash left of an erased run, what a worker writes for it
// afterwards, and an old recording without a run.
func TestLeftovers(t *testing.T) {
	h := newHouse(t)
	id := h.submit(1)
	h.end(id)
	r, err := h.store.Get(t.Context(), id)
	h.must(err)
	_, err = h.store.Erase(t.Context(), r, h.clock.Now())
	h.must(err)
	orphan, foreign := storetest.RunID(4711), "audio/readme.txt"
	h.put(pipeline.Key(orphan, 1, pipeline.Original, 0), foreign)
	h.tidy()
	if got := h.left(id); got != "" {
		t.Errorf("left %s", got)
	}
	h.put(pipeline.Key(id, 1, service.Speakers, 0)) // a worker that did not know
	h.clock.Advance(cleanup.Every)
	h.tidy()
	if got := h.left(id); got != "" {
		t.Errorf("then left %s", got)
	}
	h.clock.Advance(day - cleanup.Every - time.Millisecond)
	h.tidy()
	if got := h.left(orphan); got != "audio" {
		t.Errorf("of no run, within a day: %q", got)
	}
	h.clock.Advance(cleanup.Every)
	h.tidy()
	if got := h.left(orphan); got != "" {
		t.Errorf("of no run, after a day: %q", got)
	}
	if _, err := h.objects.Size(t.Context(), foreign); err != nil {
		t.Errorf("what is nobody's: %v", err)
	}
}

// Ensure that expired records of limits are deleted.
func TestLimits(t *testing.T) {
	h := newHouse(t)
	_, err := h.store.Poll(t.Context(), storetest.RunID(1), time.Second, h.clock.Now())
	h.must(err)
	if did := h.tidy(); did.Expired != 0 {
		t.Errorf("%+v", did)
	}
	h.clock.Advance(run.LimitSpare + time.Second)
	if did := h.tidy(); did.Expired != 1 {
		t.Errorf("%+v", did)
	}
}

// Ensure that a tick looks at a bounded number of objects, that together the ticks look at all of
// them, and that a walk pauses once it has ended.
func TestSteps(t *testing.T) {
	h := newHouse(t)
	const many = 2*cleanup.Step + 1
	var ids []run.ID
	for range many {
		h.next++
		ids = append(ids, storetest.RunID(h.next))
		h.put(pipeline.Key(ids[len(ids)-1], 1, pipeline.Original, 0))
	}
	h.clock.Advance(day)
	for tick, want := range []int{cleanup.Step, cleanup.Step, 1, 0, 0} {
		before := h.store.gets
		did := h.tidy()
		if did.Looked != want || did.Deleted != want || h.store.gets-before != want {
			t.Errorf("tick %d: %+v, %d reads, want %d", tick, did, h.store.gets-before, want)
		}
		h.clock.Advance(time.Minute)
	}
	h.put(pipeline.Key(ids[0], 1, pipeline.Original, 0))
	h.clock.Advance(cleanup.Every - 5*time.Minute - time.Millisecond)
	if did := h.tidy(); did.Looked != 0 {
		t.Errorf("a walk that rests: %+v", did)
	}
	h.clock.Advance(time.Millisecond)
	if did := h.tidy(); did.Looked != 1 {
		t.Errorf("a walk that has rested: %+v", did)
	}
}

// Ensure that a run that cannot be read, or an object that cannot be deleted, does not stop the
// others.
func TestErrors(t *testing.T) {
	h := newHouse(t)
	none := 0
	h.client(2, &none)
	unread, undeleted, other := h.submit(2), h.submit(2), h.submit(2)
	for _, id := range []run.ID{unread, undeleted, other} {
		h.end(id)
	}
	h.store.fails, h.objects.fails = unread, pipeline.Key(undeleted, 1, pipeline.Original, 0)
	_, err := h.deps.Tidy(t.Context())
	if err == nil || !strings.Contains(err.Error(), string(unread)) || !strings.Contains(err.Error(), "the bucket is away") {
		t.Errorf("error %v", err)
	}
	for id, want := range map[run.ID]string{unread: "audio report work", undeleted: "audio report", other: "report"} {
		if got := h.left(id); got != want {
			t.Errorf("%s: left %q, want %q", id, got, want)
		}
	}
	h.store.fails, h.objects.fails = "", ""
	h.clock.Advance(cleanup.Every)
	h.tidy()
	for _, id := range []run.ID{unread, undeleted} {
		if got := h.left(id); got != "report" {
			t.Errorf("%s: then left %q", id, got)
		}
	}
}

// Ensure that a walk that could not begin or was interrupted continues at the next tick, without a
// pause.
func TestInterrupted(t *testing.T) {
	h := newHouse(t)
	none := 0
	h.client(2, &none)
	ids := []run.ID{h.submit(2), h.submit(2)}
	for _, id := range ids {
		h.end(id)
	}
	h.objects.list = errors.New("the bucket is away")
	if _, err := h.deps.Tidy(t.Context()); err == nil {
		t.Error("no error")
	}
	h.objects.list = nil
	ctx, stop := context.WithCancel(t.Context())
	h.store.onGet = stop
	if _, err := h.deps.Tidy(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	h.store.onGet = nil
	h.tidy()
	for _, id := range ids {
		if got := h.left(id); got != "report" {
			t.Errorf("%s: left %q", id, got)
		}
	}
}

// Ensure that an unreadable cursor restarts the walk.
func TestCursor(t *testing.T) {
	h := newHouse(t)
	for _, walk := range []string{"limits", "upload", "audio", "report", "work"} {
		h.must(h.store.SetCursor(t.Context(), walk, "{"))
	}
	h.put("upload/cli_x/upl_a")
	h.clock.Advance(2 * day)
	if did := h.tidy(); did.Deleted != 1 {
		t.Errorf("%+v", did)
	}
}

// Ensure that the log has one event for each run and kind, with the reason and without any speech.
func TestLog(t *testing.T) {
	h := newHouse(t)
	none := 0
	h.client(2, &none)
	id := h.submit(2)
	h.end(id)
	h.tidy()
	for _, want := range []string{
		fmt.Sprintf(`"msg":"objects of a run deleted","run":"%s","below":"audio/","objects":1,"bytes":5,"reason":"past the client's retention"`, id),
		fmt.Sprintf(`"msg":"objects of a run deleted","run":"%s","below":"work/","objects":2,"bytes":10,"reason":"run ended"`, id),
	} {
		if strings.Count(h.log.String(), want) != 1 {
			t.Errorf("no %s in %s", want, h.log)
		}
	}
}
