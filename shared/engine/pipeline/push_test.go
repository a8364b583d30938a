package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// receiver gives its answers in turn, and repeats the last one.
type receiver struct {
	answers []run.Try
	posts   int
	unready error
	during  func()
}

func (r *receiver) Prepare(context.Context, run.Run) (func(context.Context) run.Try, error) {
	return func(context.Context) run.Try {
		r.posts++
		if r.during != nil {
			r.during()
		}
		return r.answers[min(r.posts, len(r.answers))-1]
	}, r.unready
}

func ended(s *system) run.Run {
	s.t.Helper()
	r := s.submit("a", false)
	hooked := r
	hooked.Request.WebhookURL = "https://example.com/hook"
	hooked.Version++
	must(s.t, s.store.Advance(s.t.Context(), r, hooked))
	must(s.t, s.deps.End(s.t.Context(), hooked, run.Fail(errcode.ScoringFailed, "", "")))
	return s.get(r.ID)
}

// push handles every waiting webhook message, each twice, and returns how many there were.
func (s *system) push(to *receiver) (n int) {
	s.t.Helper()
	w := pipeline.Pusher{Deps: s.deps, Poster: to}
	for {
		d, ok := s.queue.Receive(pipeline.Webhook)
		if !ok {
			return n
		}
		p, err := run.ParsePart(d.Message.Part)
		must(s.t, err)
		for range 2 {
			must(s.t, w.Handle(s.t.Context(), d.Message, p))
		}
		s.queue.Ack(d.Receipt)
		n++
	}
}

func TestAWebhookIsPostedOnceHoweverOftenItsMessageComes(t *testing.T) {
	s, to := newSystem(t, 1), &receiver{answers: []run.Try{{Status: 204}}}
	r := ended(s)
	if n := s.push(to); n != 1 || to.posts != 1 {
		t.Fatalf("%d messages, %d posts", n, to.posts)
	}
	if r = s.get(r.ID); !r.Push.Delivered() || r.Push.Outstanding() {
		t.Errorf("%+v", r.Push)
	}
	s.clock.Advance(48 * time.Hour)
	if did, err := s.deps.Sweep(t.Context()); err != nil || did.Looked != 0 {
		t.Errorf("%+v %v", did, err)
	}
}

func TestAWebhookWhoseMessageIsLostIsSentByTheSweep(t *testing.T) {
	s, to := newSystem(t, 1), &receiver{answers: []run.Try{{Status: 200}}}
	r := ended(s)
	lost, _ := s.queue.Receive(pipeline.Webhook)
	s.queue.Ack(lost.Receipt)
	s.clock.Advance(run.PushResend - time.Millisecond)
	if did, err := s.deps.Sweep(t.Context()); err != nil || did.Pushed != 0 {
		t.Fatalf("%+v %v", did, err)
	}
	s.clock.Advance(time.Millisecond)
	if did, err := s.deps.Sweep(t.Context()); err != nil || did.Pushed != 1 {
		t.Fatalf("%+v %v", did, err)
	}
	if s.push(to); !s.get(r.ID).Push.Delivered() || to.posts != 1 {
		t.Errorf("%d posts", to.posts)
	}
}

func TestAFailingWebhookIsTriedOverADayAndGivenUp(t *testing.T) {
	s, to := newSystem(t, 1), &receiver{answers: []run.Try{{Status: 500}, {Why: "timeout"}, {Status: 301}}}
	r := ended(s)
	start := s.clock.Now()
	var last time.Time
	for s.get(r.ID).Push.Outstanding() {
		if s.push(to) > 0 {
			last = s.clock.Now()
		}
		s.clock.Advance(time.Minute)
		if _, err := s.deps.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if took := last.Sub(start); to.posts != len(run.PushSchedule)+1 || took < 20*time.Hour || took > 28*time.Hour {
		t.Errorf("%d posts over %s", to.posts, took)
	}
	again, err := s.deps.PushAgain(t.Context(), r.ID)
	must(t, err)
	to.answers = []run.Try{{Status: 200}}
	if s.push(to); again.Push.Since != 10 || !s.get(r.ID).Push.Delivered() {
		t.Errorf("%+v", s.get(r.ID).Push)
	}
}

func TestATryWhoseFunctionDiesIsFollowedByTheNext(t *testing.T) {
	s, to := newSystem(t, 1), &receiver{answers: []run.Try{{Status: 200}}}
	r := ended(s)
	dying := &receiver{answers: []run.Try{{Status: 200}}, during: func() { panic("dies") }}
	func() {
		defer func() { _ = recover() }()
		s.push(dying)
	}()
	if p := s.get(r.ID).Push; p.Tries != 1 || p.Log[0].Why != run.Begun || !p.Outstanding() {
		t.Fatalf("%+v", p)
	}
	s.clock.Advance(run.PushResend)
	if _, err := s.deps.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.push(to)
	if p := s.get(r.ID).Push; to.posts != 1 || p.Tries != 2 || !p.Delivered() || p.Log[0].Why != run.Begun {
		t.Errorf("%+v", p)
	}
}

func TestAPushThatCannotBePreparedDoesNotCountAsATry(t *testing.T) {
	s, to := newSystem(t, 1), &receiver{unready: errors.New("boom")}
	r := ended(s)
	d, _ := s.queue.Receive(pipeline.Webhook)
	p, err := run.ParsePart(d.Message.Part)
	must(t, err)
	w := pipeline.Pusher{Deps: s.deps, Poster: to}
	if err := w.Handle(t.Context(), d.Message, p); !errors.Is(err, pipeline.ErrRetry) {
		t.Errorf("%v", err)
	}
	if got := s.get(r.ID).Push; got.Tries != 0 {
		t.Errorf("%+v", got)
	}
	for range 60 * 48 {
		s.clock.Advance(time.Minute)
		if _, err := s.deps.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if waiting, _ := s.queue.Depth(pipeline.Webhook); waiting != run.PushSends-1 || s.get(r.ID).Push.Outstanding() {
		t.Errorf("sent %d times more, %+v", waiting, s.get(r.ID).Push)
	}
}

func TestAWebhookOfAnErasedRunOrOfAnEarlierAttemptIsNotPosted(t *testing.T) {
	s, to := newSystem(t, 1), &receiver{answers: []run.Try{{Status: 200}}}
	r := ended(s)
	_, err := s.store.Erase(t.Context(), r, s.clock.Now())
	must(t, err)
	if s.push(to); to.posts != 0 {
		t.Errorf("%d posts", to.posts)
	}
	if _, err := s.deps.PushAgain(t.Context(), r.ID); !errors.Is(err, run.ErrGone) {
		t.Errorf("%v", err)
	}
	if err := (pipeline.Pusher{Deps: s.deps, Poster: to}).Handle(t.Context(), pipeline.Message{Run: r.ID, Attempt: 2}, run.Part{Stage: pipeline.Webhook}); err != nil || to.posts != 0 {
		t.Errorf("%v, %d posts", err, to.posts)
	}
}
