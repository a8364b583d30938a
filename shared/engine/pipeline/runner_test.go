package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"parley/infra/prove/service"

	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/engine/store/memory"
	"parley/shared/errcode"
)

const client account.ID = "cli_aaaaaaaaaaaaaaaaaaaa"

// system is a pipeline over package memory; a test sets the work of its stages.
type system struct {
	t       *testing.T
	store   *memory.Store
	queue   *memory.Queue
	clock   *clock.Manual
	deps    pipeline.Deps
	works   map[run.Stage]pipeline.Work
	join    pipeline.Join
	joins   int
	unscore bool
	forget  func(ctx context.Context, task string) error
}

func newSystem(t *testing.T, slots int) *system {
	t.Helper()
	s := &system{t: t, store: memory.New(), queue: &memory.Queue{}, clock: clock.At(time.Date(2026, 4, 21, 12, 0, 0, 0, time.UTC)), works: map[run.Stage]pipeline.Work{}}
	s.deps = pipeline.Deps{Service: service.Sample, Runs: s.store, Clients: s.store, Sender: s.queue, Clock: s.clock, Log: slog.New(slog.DiscardHandler), Budget: pipeline.Budget(0)}
	must(t, s.store.PutClient(t.Context(), account.Client{ID: client, Active: true, ConcurrentRuns: slots, CreatedAt: s.clock.Now()}))
	if _, err := s.store.Grant(t.Context(), client, 100, "", s.clock.Now()); err != nil {
		t.Fatal(err)
	}
	for _, st := range service.Sample.Stages {
		s.works[st.Name] = func(context.Context, run.Run, run.Part) (pipeline.Result, error) { return pipeline.Result{}, nil }
	}
	s.works[service.Ingest] = func(context.Context, run.Run, run.Part) (pipeline.Result, error) {
		return pipeline.Result{Pieces: 3}, nil
	}
	s.works[service.Finalize] = func(_ context.Context, r run.Run, _ run.Part) (pipeline.Result, error) {
		v := 3.0
		o := run.Succeed(r, service.Sample.Dimensions, run.Scores{"vocabulary": v, "fluency": v, "accent": v, "overall": v}, nil)
		return pipeline.Result{Outcome: &o}, nil
	}
	s.join = func(context.Context, run.Run) error { s.joins++; return nil }
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *system) runner(stage run.Stage) pipeline.Runner {
	row, err := service.Sample.Lookup(stage)
	must(s.t, err)
	w := pipeline.Runner{Deps: s.deps, Stage: row, Work: s.works[stage]}
	if stage == service.Transcribe {
		w.Forget = s.forget
	}
	if stage == service.Transcribe || stage == service.Diarize {
		w.Join = s.join
	}
	if s.unscore && (stage == service.Vocabulary || stage == service.Fluency) {
		w.Unscored = func(context.Context, run.Run, string) error { return nil }
	}
	return w
}

func (s *system) submit(n string, partial bool) run.Run {
	s.t.Helper()
	id, err := run.NewID(repeat(n))
	must(s.t, err)
	r, _, err := s.store.Submit(s.t.Context(), run.Submission{
		Run:   run.Run{ID: id, Client: client, Attempt: 1, CreatedAt: s.clock.Now(), Cost: 4, Length: 4 * time.Minute, Request: run.Request{AllowPartial: partial}},
		Terms: service.Sample.Terms(4*time.Minute, 1, s.deps.Budget)}, s.clock.Now())
	must(s.t, err)
	if r.Status == run.Processing {
		must(s.t, s.queue.Send(s.t.Context(), []pipeline.Message{pipeline.MessageFor(r, service.Sample.First())}))
	}
	s.clock.Advance(time.Second)
	return r
}

type repeat string

func (r repeat) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = r[0]
	}
	return len(b), nil
}

// drain delivers every message once, including new ones, until there are none. It returns how many
// were to be tried again.
func (s *system) drain() (again int) {
	s.t.Helper()
	for range 1000 {
		idle := true
		for _, st := range service.Sample.Stages {
			for {
				d, ok := s.queue.Receive(st.Name)
				if !ok {
					break
				}
				idle = false
				p, err := run.ParsePart(d.Message.Part)
				must(s.t, err)
				if err := s.runner(st.Name).Handle(s.t.Context(), d.Message, p); err != nil {
					if !errors.Is(err, pipeline.ErrRetry) {
						s.t.Fatal(err)
					}
					again++
				}
				s.queue.Ack(d.Receipt)
			}
		}
		if idle {
			return again
		}
	}
	s.t.Fatal("the queues never empty")
	return again
}

func (s *system) get(id run.ID) run.Run {
	s.t.Helper()
	r, err := s.store.Get(s.t.Context(), id)
	must(s.t, err)
	return r
}

func (s *system) available() int64 {
	s.t.Helper()
	a, err := s.store.Account(s.t.Context(), client)
	must(s.t, err)
	must(s.t, a.Check())
	return a.Available
}

func TestARunGoesThroughEveryStageOnce(t *testing.T) {
	s := newSystem(t, 1)
	seen := map[string]int{}
	for stage, w := range s.works {
		s.works[stage] = func(ctx context.Context, r run.Run, p run.Part) (pipeline.Result, error) {
			seen[p.String()]++
			return w(ctx, r, p)
		}
	}
	r := s.submit("a", false)
	s.drain()
	if got := s.get(r.ID); got.Status != run.Success || got.Charged != 4 || got.Pieces != 3 {
		t.Fatalf("%+v", got)
	}
	for _, p := range []string{"ingest/0", "transcribe/0", "transcribe/1", "transcribe/2", "diarize/0", "vocabulary/0", "fluency/0", "accent/0", "finalize/0"} {
		if seen[p] != 1 {
			t.Errorf("%s was done %d times", p, seen[p])
		}
	}
	if s.joins != 1 || s.available() != 96 {
		t.Errorf("joined %d times, %d credits available", s.joins, s.available())
	}
}

// Ensure that nothing changes if each message is delivered twice and every finished part is asked
// for again.
func TestARepeatedDeliveryChangesNothing(t *testing.T) {
	s := newSystem(t, 1)
	r := s.submit("a", false)
	for _, st := range service.Sample.Stages {
		for i := range 3 {
			p := run.Part{Stage: st.Name, Index: i}
			if st.Name != service.Transcribe && i > 0 {
				continue
			}
			for range 2 {
				must(t, s.runner(st.Name).Handle(t.Context(), pipeline.MessageFor(r, p), p))
			}
		}
	}
	before := s.get(r.ID)
	s.drain()
	if after := s.get(r.ID); before.Status != run.Success || after.Version != before.Version || s.available() != 96 {
		t.Fatalf("before %+v after %+v", before, after)
	}
}

func TestAFindingEndsTheRunAndReleasesTheHold(t *testing.T) {
	find := func(c errcode.Code) pipeline.Work {
		return func(context.Context, run.Run, run.Part) (pipeline.Result, error) {
			return pipeline.Result{}, errcode.Newf(c, "said so")
		}
	}
	for name, tt := range map[string]struct {
		stage   run.Stage
		code    errcode.Code
		partial bool
		status  run.Status
	}{
		"no accent":                               {service.Accent, errcode.AccentScoreUnavailable, false, run.Failed},
		"no accent, partial allowed":              {service.Accent, errcode.AccentScoreUnavailable, true, run.Failed},
		"no vocabulary":                           {service.Vocabulary, errcode.ScoringFailed, false, run.Failed},
		"no vocabulary, partial allowed: goes on": {service.Vocabulary, errcode.ScoringFailed, true, run.Success},
		"nothing heard":                           {service.Transcribe, errcode.TranscriptionFailed, true, run.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSystem(t, 1)
			s.unscore = true
			s.works[tt.stage] = find(tt.code)
			r := s.submit("a", tt.partial)
			if again := s.drain(); again != 0 {
				t.Errorf("%d messages were to be tried again", again)
			}
			got := s.get(r.ID)
			if got.Status != tt.status {
				t.Fatalf("%+v", got)
			}
			if tt.status == run.Failed && (got.Failure.Code != tt.code || got.Failure.Message != "said so" || s.available() != 100) {
				t.Errorf("%+v, %d credits available", got.Failure, s.available())
			}
		})
	}
}

func TestAJoinThatFindsTheRunCannotGoOnEndsIt(t *testing.T) {
	s := newSystem(t, 1)
	s.join = func(context.Context, run.Run) error { return errcode.New(errcode.TranscriptionLowConfidence) }
	r := s.submit("a", false)
	s.drain()
	if got := s.get(r.ID); got.Status != run.Failed || got.Failure.Code != errcode.TranscriptionLowConfidence {
		t.Fatalf("%+v", got)
	}
}

func TestADeadLetterEndsTheRunWithTheCodeOfItsStage(t *testing.T) {
	for name, tt := range map[string]struct {
		stage run.Stage
		err   error
		want  errcode.Code
	}{
		"an error in vocabulary":          {service.Vocabulary, errors.New("boom"), errcode.ScoringFailed},
		"vocabulary out of time":          {service.Vocabulary, context.DeadlineExceeded, errcode.VocabModelTimeout},
		"fluency out of time":             {service.Fluency, context.DeadlineExceeded, errcode.FluencyModelTimeout},
		"an error in accent":              {service.Accent, errors.New("boom"), errcode.AccentScoreUnavailable},
		"an error in transcription":       {service.Transcribe, errors.New("boom"), errcode.TranscriptionFailed},
		"our own mistake in finalization": {service.Finalize, errcode.New(errcode.InternalError), errcode.InternalError},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSystem(t, 1)
			s.works[tt.stage] = func(context.Context, run.Run, run.Part) (pipeline.Result, error) {
				return pipeline.Result{}, tt.err
			}
			r := s.submit("a", false)
			if again := s.drain(); again == 0 {
				t.Fatal("no message was to be tried again")
			}
			p := run.Part{Stage: tt.stage}
			for range 2 {
				must(t, s.runner(tt.stage).Dead(t.Context(), pipeline.MessageFor(r, p), p))
			}
			if got := s.get(r.ID); got.Status != run.Failed || got.Failure.Code != tt.want || s.available() != 100 {
				t.Fatalf("%+v %+v", got, got.Failure)
			}
		})
	}
}

// Ensure that a part that runs out of time is tried twice more, each time sent again from then on,
// and then ends the run, however often its message could still be received.
func TestAPartThatHangsIsGivenUpAfterItsTries(t *testing.T) {
	s := newSystem(t, 1)
	s.works[service.Diarize] = func(context.Context, run.Run, run.Part) (pipeline.Result, error) {
		return pipeline.Result{}, fmt.Errorf("the engine: %w", context.DeadlineExceeded)
	}
	r := s.submit("a", false)
	s.drain()
	p := run.Part{Stage: service.Diarize}
	row, err := service.Sample.Lookup(p.Stage)
	must(t, err)
	for try := 2; try <= pipeline.MaxTimeouts; try++ {
		got := s.get(r.ID)
		if v := got.Parts[p]; v.Timeouts != try-1 || !v.Due.Equal(s.clock.Now().Add(row.DueFor(r.Length))) || !service.Sample.LastSent(got, p).Equal(s.clock.Now()) {
			t.Fatalf("before try %d: %+v", try, v)
		}
		s.clock.Advance(time.Minute)
		err := s.runner(p.Stage).Handle(t.Context(), pipeline.MessageFor(r, p), p)
		if last := try == pipeline.MaxTimeouts; last != (err == nil) {
			t.Fatalf("try %d: %v", try, err)
		}
	}
	if got := s.get(r.ID); got.Status != run.Failed || got.Failure.Code != row.TimeoutCode || s.available() != 100 {
		t.Fatalf("%+v %+v", got, got.Failure)
	}
}

// Ensure that a run begins again, once, if a deployment changes the edition while it is in process,
// that it ends with parts of one edition only, and that a function of the old edition that is still
// at work changes nothing.
func TestARunIsOfOneEdition(t *testing.T) {
	s := newSystem(t, 1)
	edition := "1"
	made := map[string]map[run.Part]bool{}
	for stage, work := range s.works {
		s.works[stage] = func(ctx context.Context, r run.Run, p run.Part) (pipeline.Result, error) {
			if made[edition] == nil {
				made[edition] = map[run.Part]bool{}
			}
			made[edition][p] = true
			return work(ctx, r, p)
		}
	}
	handle := func(r run.Run, p run.Part) {
		t.Helper()
		w := s.runner(p.Stage)
		w.Edition = edition
		must(t, w.Handle(t.Context(), pipeline.MessageFor(r, p), p))
	}
	r := s.submit("a", false)
	ingest, first, second := run.Part{Stage: service.Ingest}, run.Part{Stage: service.Transcribe}, run.Part{Stage: service.Transcribe, Index: 1}
	handle(r, ingest)
	handle(r, first)
	if got := s.get(r.ID); got.Edition != "1" || len(got.Parts) != 3 {
		t.Fatalf("%+v", got)
	}
	old := s.works[second.Stage]
	s.works[second.Stage] = func(ctx context.Context, r run.Run, p run.Part) (pipeline.Result, error) {
		// While the old edition is still at work, the new one gets the other piece.
		s.works[second.Stage] = old
		edition = "2"
		handle(r, run.Part{Stage: service.Transcribe, Index: 2})
		return old(ctx, r, p)
	}
	handle(r, second)
	got := s.get(r.ID)
	if _, again := got.Parts[ingest]; !again || len(got.Parts) != 1 || got.Restarts != 1 || got.Edition != "" || got.Attempt != 1 || !got.Deadline.Equal(r.Deadline) {
		t.Fatalf("%+v", got)
	}
	delete(made, "2")
	for range 100 {
		got = s.get(r.ID)
		if got.Status.Terminal() {
			break
		}
		for p := range got.Parts {
			handle(r, p)
		}
	}
	if got.Status != run.Success || got.Edition != "2" || got.Restarts != 1 || len(made["2"]) != 9 || s.available() != 96 {
		t.Errorf("%d parts of the new edition, %+v", len(made["2"]), got)
	}
}

// Ensure that a run that an older release began, which names no edition, begins again.
func TestARunWithoutAnEditionBeginsAgain(t *testing.T) {
	s := newSystem(t, 1)
	r := s.submit("a", false)
	p := run.Part{Stage: service.Ingest}
	must(t, s.runner(p.Stage).Handle(t.Context(), pipeline.MessageFor(r, p), p))
	p = run.Part{Stage: service.Diarize}
	w := s.runner(p.Stage)
	w.Edition = "2"
	must(t, w.Handle(t.Context(), pipeline.MessageFor(r, p), p))
	if got := s.get(r.ID); got.Restarts != 1 || len(got.Parts) != 1 {
		t.Errorf("%+v", got)
	}
}

// Ensure that a try's limit follows the length of what the part is given, grows with each try that
// ran out of time, and stays within the function's own.
func TestTheLimitOfATry(t *testing.T) {
	p := run.Part{Stage: service.Transcribe, Index: 1}
	limit := pipeline.Limit{Floor: 10 * time.Second, Factor: 0.5}
	for name, tt := range map[string]struct {
		stage    pipeline.Stage
		length   time.Duration
		timeouts int
		want     time.Duration
	}{
		"a stage without a limit":        {pipeline.Stage{Timeout: time.Minute}, time.Hour, 0, 57 * time.Second},
		"one that may take 4 s":          {pipeline.Stage{Timeout: 4 * time.Second}, time.Hour, 0, 2 * time.Second},
		"by the length of the run":       {pipeline.Stage{Timeout: time.Hour, Limit: limit}, 3 * time.Minute, 0, 100 * time.Second},
		"by the longest piece":           {pipeline.Stage{Timeout: time.Hour, Limit: limit, Piece: time.Minute}, 3 * time.Minute, 0, 40 * time.Second},
		"of a run shorter than a piece":  {pipeline.Stage{Timeout: time.Hour, Limit: limit, Piece: time.Hour}, 3 * time.Minute, 0, 100 * time.Second},
		"after a try that ran out of it": {pipeline.Stage{Timeout: time.Hour, Limit: limit}, 3 * time.Minute, 1, 125 * time.Second},
		"after two":                      {pipeline.Stage{Timeout: time.Hour, Limit: limit}, 3 * time.Minute, 2, 150 * time.Second},
		"after more":                     {pipeline.Stage{Timeout: time.Hour, Limit: limit}, 3 * time.Minute, 9, 150 * time.Second},
		"no longer than the function's":  {pipeline.Stage{Timeout: 2 * time.Minute, Limit: limit}, 3 * time.Minute, 2, 117 * time.Second},
	} {
		r := run.Run{Length: tt.length, Parts: map[run.Part]run.Pending{p: {Timeouts: tt.timeouts}}}
		if got := tt.stage.TryLimit(r, p); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestWorkThatPanicsIsTriedAgain(t *testing.T) {
	s := newSystem(t, 1)
	s.works[service.Diarize] = func(context.Context, run.Run, run.Part) (pipeline.Result, error) { panic("boom") }
	s.submit("a", false)
	if again := s.drain(); again != 1 {
		t.Errorf("%d messages were to be tried again", again)
	}
}

func TestTheNextInTheQueueStartsWhenASlotFrees(t *testing.T) {
	s := newSystem(t, 1)
	a, b, c := s.submit("a", false), s.submit("b", false), s.submit("c", false)
	if a.Status != run.Processing || b.Status != run.Queued || c.Status != run.Queued {
		t.Fatalf("%s %s %s", a.Status, b.Status, c.Status)
	}
	s.drain()
	first, second := s.get(b.ID), s.get(c.ID)
	if first.Status != run.Success || second.Status != run.Success || second.StartedAt.Before(first.StartedAt) {
		t.Fatalf("%+v\n%+v", first, second)
	}
	if s.available() != 88 {
		t.Errorf("%d credits available", s.available())
	}
}

func TestWatch(t *testing.T) {
	s := newSystem(t, 1)
	r := s.submit("a", false)
	terms := service.Sample.Terms(4*time.Minute, 1, pipeline.Budget(0))
	part, due := terms.First, terms.Due
	start := r.StartedAt
	for name, tt := range map[string]struct {
		run    run.Run
		at     time.Time
		end    bool
		resend bool
	}{
		"a run whose part is not due":               {r, start.Add(due - time.Millisecond), false, false},
		"a run whose part is due":                   {r, start.Add(due), false, true},
		"a run a moment before its deadline":        {r, r.Deadline.Add(-time.Millisecond), false, true},
		"a run at its deadline":                     {r, r.Deadline, true, false},
		"a queued run, however old":                 {run.Run{Status: run.Queued}, start.Add(1000 * time.Hour), false, false},
		"a run that has ended, whatever it left be": {run.Run{Status: run.Success, Deadline: start}, start.Add(time.Hour), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := service.Sample.Watch(tt.run, tt.at)
			must(t, err)
			if _, again := a.Resend[part]; (a.End != "") != tt.end || again != tt.resend {
				t.Errorf("%+v", a)
			}
		})
	}
}

// Ensure that a part that only waits behind others is not sent too often, and that one that is lost
// again and again is sent often enough.
func TestAPartThatIsSentAgainIsGivenTwiceAsLong(t *testing.T) {
	terms := service.Sample.Terms(4*time.Minute, 1, pipeline.Budget(0))
	part, due := terms.First, terms.Due
	now := time.Date(2026, 4, 21, 12, 0, 0, 0, time.UTC)
	for sent, want := range map[int]time.Duration{1: 2 * due, 2: 2 * due, 100: 2 * due} {
		r := run.Run{Status: run.Processing, Deadline: now.Add(time.Hour), Length: 4 * time.Minute, Parts: map[run.Part]run.Pending{part: {Due: now, Sent: sent}}}
		if a, err := service.Sample.Watch(r, now); err != nil || a.Resend[part] != want {
			t.Errorf("sent %d times: due after %v, want %v (%v)", sent, a.Resend[part], want, err)
		}
	}
}

func TestABudgetHoldsFiveSends(t *testing.T) { service.HoldsFiveSends(t, service.Sample) }

func TestTheSweepHealsWhatWasLostAndEndsWhatIsStuck(t *testing.T) {
	s := newSystem(t, 1)
	r := s.submit("a", false)
	lost, ok := s.queue.Receive(service.Ingest)
	if !ok {
		t.Fatal("no message")
	}
	s.queue.Ack(lost.Receipt)
	did, err := s.deps.Sweep(t.Context())
	if err != nil || did.Resent != 0 {
		t.Fatalf("a part that is not due: %+v %v", did, err)
	}
	s.clock.Advance(2 * time.Minute)
	if did, err = s.deps.Sweep(t.Context()); err != nil || did.Resent != 1 {
		t.Fatalf("%+v %v", did, err)
	}
	stuck := s.get(r.ID)
	s.clock.Advance(time.Hour)
	waiting := s.submit("b", false)
	if did, err = s.deps.Sweep(t.Context()); err != nil || did.Ended != 1 {
		t.Fatalf("%+v %v", did, err)
	}
	got := s.get(r.ID)
	if got.Status != run.Failed || got.Failure.Code != errcode.StuckTimeout || got.Reason == "" {
		t.Fatalf("%+v (was %+v)", got, stuck)
	}
	s.drain()
	if b := s.get(waiting.ID); b.Status != run.Success {
		t.Errorf("the run that waited is %s", b.Status)
	}
	if s.available() != 96 {
		t.Errorf("%d credits available", s.available())
	}
}
