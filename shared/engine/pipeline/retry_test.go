package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"parley/infra/prove/service"

	"parley/shared/engine/account"
	"parley/shared/engine/credit"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/engine/store/memory"
	"parley/shared/errcode"
)

// broken makes the accent stage fail for good, or repairs it.
func (s *system) broken(is bool) {
	s.works[service.Accent] = func(context.Context, run.Run, run.Part) (pipeline.Result, error) {
		if is {
			return pipeline.Result{}, errcode.New(errcode.AccentScoreUnavailable)
		}
		return pipeline.Result{}, nil
	}
}

// failed submits a run whose recording is in objects, and lets it fail.
func (s *system) failed(n string, objects *memory.Objects) run.Run {
	s.t.Helper()
	r := s.submit(n, false)
	must(s.t, objects.Put(s.t.Context(), pipeline.Key(r.ID, 1, pipeline.Original, 0), "audio/ogg", strings.NewReader("sound"), 5))
	s.broken(true)
	s.drain()
	s.broken(false)
	r = s.get(r.ID)
	if r.Status != run.Failed {
		s.t.Fatalf("the run is %s", r.Status)
	}
	return r
}

// entries returns the kinds of a run's entries with their attempts, oldest first.
func (s *system) entries(id run.ID) string {
	s.t.Helper()
	all, err := s.store.Entries(s.t.Context(), client, 0, 1000)
	must(s.t, err)
	var out string
	for _, e := range all {
		if e.RunID != nil && run.ID(*e.RunID) == id {
			out = " " + string(e.Kind) + string(rune('0'+e.Attempt)) + out
		}
	}
	return strings.TrimSpace(out)
}

func TestARetryIsANewAttemptThatIsHeldAndChargedOnce(t *testing.T) {
	s, objects := newSystem(t, 1), &memory.Objects{}
	r := s.failed("a", objects)
	s.clock.Advance(time.Hour)
	again, err := s.deps.Retry(t.Context(), r.ID, objects)
	must(t, err)
	if again.Status != run.Processing || again.Attempt != 2 || again.Failure != nil || again.Reason != "" || !again.StartedAt.Equal(s.clock.Now()) ||
		!again.Deadline.Equal(s.clock.Now().Add(19*time.Minute)) || s.available() != 96 {
		t.Fatalf("%+v, %d credits available", again, s.available())
	}
	if _, err := s.deps.Retry(t.Context(), r.ID, objects); !errors.Is(err, run.ErrGone) {
		t.Errorf("a retry of a run under way: %v", err)
	}
	s.drain()
	if got := s.get(r.ID); got.Status != run.Success || s.available() != 96 || s.entries(r.ID) != "hold1 release1 hold2 charge2" {
		t.Errorf("%+v, %d credits available, entries %s", got, s.available(), s.entries(r.ID))
	}
	if got, err := s.deps.Retry(t.Context(), r.ID, objects); !errors.Is(err, run.ErrGone) || got.Status != run.Success {
		t.Errorf("a retry of a run that succeeded: %s, %v", got.Status, err)
	}
}

func TestARetryWaitsItsTurn(t *testing.T) {
	s, objects := newSystem(t, 1), &memory.Objects{}
	r := s.failed("a", objects)
	under, before := s.submit("b", false), s.submit("c", false)
	again, err := s.deps.Retry(t.Context(), r.ID, objects)
	must(t, err)
	if again.Status != run.Queued || !again.Deadline.IsZero() || again.Ticket <= before.Ticket {
		t.Fatalf("%+v behind %+v", again, before)
	}
	if waiting, flying := s.queue.Depth(service.Ingest); waiting+flying != 1 {
		t.Errorf("%d messages of the one run that has a slot", waiting+flying)
	}
	s.drain()
	for _, id := range []run.ID{under.ID, before.ID, r.ID} {
		if got := s.get(id); got.Status != run.Success {
			t.Errorf("%s is %s", id, got.Status)
		}
	}
	if s.get(r.ID).StartedAt.Before(s.get(before.ID).StartedAt) {
		t.Error("the retry overtook a run that waited before it")
	}
}

func TestARetryIsRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*testing.T, *system, *memory.Objects, run.Run) run.ID
		want   error
	}{
		"of a run that does not exist": {func(*testing.T, *system, *memory.Objects, run.Run) run.ID { return "req_none" }, run.ErrUnknown},
		"without its recording": {func(t *testing.T, _ *system, o *memory.Objects, r run.Run) run.ID {
			must(t, o.Delete(t.Context(), pipeline.Key(r.ID, 1, pipeline.Original, 0)))
			return r.ID
		}, pipeline.ErrNoRecording},
		"once it is erased": {func(t *testing.T, s *system, _ *memory.Objects, r run.Run) run.ID {
			_, err := s.store.Erase(t.Context(), r, s.clock.Now())
			must(t, err)
			return r.ID
		}, pipeline.ErrNoRecording},
		"with a credit too few": {func(t *testing.T, s *system, _ *memory.Objects, r run.Run) run.ID {
			_, err := s.store.Adjust(t.Context(), client, -97, "", s.clock.Now())
			must(t, err)
			return r.ID
		}, credit.ErrInsufficient},
		"of a queued run": {func(_ *testing.T, s *system, _ *memory.Objects, _ run.Run) run.ID {
			s.submit("b", false)
			return s.submit("c", false).ID
		}, run.ErrGone},
	} {
		t.Run(name, func(t *testing.T) {
			s, objects := newSystem(t, 1), &memory.Objects{}
			id := tt.change(t, s, objects, s.failed("a", objects))
			before := s.available()
			if _, err := s.deps.Retry(t.Context(), id, objects); !errors.Is(err, tt.want) {
				t.Errorf("%v", err)
			}
			if s.available() != before {
				t.Errorf("%d credits available, %d before", s.available(), before)
			}
		})
	}
	t.Run("but not with just enough credits", func(t *testing.T) {
		s, objects := newSystem(t, 1), &memory.Objects{}
		r := s.failed("a", objects)
		_, err := s.store.Adjust(t.Context(), client, -96, "", s.clock.Now())
		must(t, err)
		_, err = s.deps.Retry(t.Context(), r.ID, objects)
		must(t, err)
	})
}

// between does something else just before a retry or an end is written, as often as there is
// something to do.
type between struct {
	*memory.Store
	do []func()
}

func (b *between) first() {
	if len(b.do) > 0 {
		do := b.do[0]
		b.do = b.do[1:]
		do()
	}
}

func (b *between) Retry(ctx context.Context, seen run.Run, sub run.Submission, now time.Time) (run.Run, error) {
	b.first()
	return b.Store.Retry(ctx, seen, sub, now)
}

func (b *between) End(ctx context.Context, seen run.Run, o run.Outcome, now time.Time) (run.Run, error) {
	b.first()
	return b.Store.End(ctx, seen, o, now)
}

func TestOnlyOneOfTwoRetriesIsMade(t *testing.T) {
	s, objects := newSystem(t, 1), &memory.Objects{}
	r := s.failed("a", objects)
	other := s.deps
	s.deps.Runs = &between{s.store, []func(){func() {
		// The attempt of the other retry fails before this retry reads again. It must not be
		// mistaken for the attempt to be retried.
		_, err := other.Retry(t.Context(), r.ID, objects)
		must(t, err)
		must(t, other.End(t.Context(), s.get(r.ID), run.Fail(errcode.ScoringFailed, "", "")))
	}}}
	if got, err := s.deps.Retry(t.Context(), r.ID, objects); !errors.Is(err, run.ErrGone) || got.Attempt != 2 {
		t.Errorf("attempt %d, %v", got.Attempt, err)
	}
	if got := s.entries(r.ID); got != "hold1 release1 hold2 release2" {
		t.Errorf("entries %s", got)
	}
}

func TestARetryLosesAgainstAnErasure(t *testing.T) {
	s, objects := newSystem(t, 1), &memory.Objects{}
	r := s.failed("a", objects)
	s.deps.Runs = &between{s.store, []func(){func() {
		_, err := s.store.Erase(t.Context(), r, s.clock.Now())
		must(t, err)
	}}}
	if _, err := s.deps.Retry(t.Context(), r.ID, objects); !errors.Is(err, pipeline.ErrNoRecording) || s.available() != 100 {
		t.Errorf("%v, %d credits available", err, s.available())
	}
}

func TestARetryWhoseMessageIsLostIsHealedByTheSweep(t *testing.T) {
	s, objects := newSystem(t, 1), &memory.Objects{}
	r := s.failed("a", objects)
	_, err := s.deps.Retry(t.Context(), r.ID, objects)
	must(t, err)
	lost, ok := s.queue.Receive(service.Ingest)
	if !ok {
		t.Fatal("no message")
	}
	s.queue.Ack(lost.Receipt)
	s.clock.Advance(2 * time.Minute)
	if did, err := s.deps.Sweep(t.Context()); err != nil || did.Resent != 1 {
		t.Fatalf("%+v %v", did, err)
	}
	s.drain()
	if got := s.get(r.ID); got.Status != run.Success {
		t.Errorf("%+v", got)
	}
}

func TestARetryForADeletedClient(t *testing.T) {
	s, objects := newSystem(t, 1), &memory.Objects{}
	r := s.failed("a", objects)
	s.deps.Clients = memory.New()
	if _, err := s.deps.Retry(t.Context(), r.ID, objects); !errors.Is(err, account.ErrUnknown) {
		t.Error(err)
	}
}

func TestAnOperatorStopsARun(t *testing.T) {
	s := newSystem(t, 1)
	under, waiting, next := s.submit("a", false), s.submit("b", false), s.submit("c", false)
	for name, tt := range map[string]struct{ id run.ID }{"a queued one": {waiting.ID}, "one under way": {under.ID}} {
		got, err := s.deps.Stop(t.Context(), tt.id, "the client asked")
		must(t, err)
		if got.Status != run.Failed || got.Failure.Code != errcode.InternalError || strings.Contains(got.Failure.Message, "asked") || got.Reason != "operator: the client asked" {
			t.Errorf("%s: %+v %+v", name, got, got.Failure)
		}
		if _, err := s.deps.Stop(t.Context(), tt.id, "again"); !errors.Is(err, run.ErrGone) {
			t.Errorf("%s, again: %v", name, err)
		}
		if s.get(tt.id).Reason != "operator: the client asked" || s.entries(tt.id) != "hold1 release1" {
			t.Errorf("%s: %s, entries %s", name, s.get(tt.id).Reason, s.entries(tt.id))
		}
	}
	if got := s.get(next.ID); got.Status != run.Processing || s.available() != 96 {
		t.Errorf("the next one is %s, %d credits available", got.Status, s.available())
	}
	if _, err := s.deps.Stop(t.Context(), "req_none", "x"); !errors.Is(err, run.ErrUnknown) {
		t.Error(err)
	}
}

func TestAnOperatorWhoComesTooLateChangesNothing(t *testing.T) {
	s := newSystem(t, 1)
	r := s.submit("a", false)
	s.deps.Runs = &between{s.store, []func(){func() { // the run goes on, then ends
		after, err := r.NoteFailure(1, run.Part{Stage: service.Ingest}, run.Errored, time.Minute, s.clock.Now())
		must(t, err)
		must(t, s.store.Advance(t.Context(), r, after))
	}, func() {
		_, err := s.store.End(t.Context(), s.get(r.ID), run.Fail(errcode.StuckTimeout, "", "late"), s.clock.Now())
		must(t, err)
	}}}
	if got, err := s.deps.Stop(t.Context(), r.ID, "x"); !errors.Is(err, run.ErrGone) || got.Reason != "late" {
		t.Errorf("%+v %v", got, err)
	}
}
