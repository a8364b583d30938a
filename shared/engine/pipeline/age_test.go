package pipeline_test

import (
	"testing"
	"time"

	"parley/infra/prove/service"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
)

func TestWhenAPartWasLastSent(t *testing.T) {
	s := newSystem(t, 1)
	r := s.submit("a", false)
	promoted := s.submit("b", false)
	ingest := run.Part{Stage: service.Ingest}
	if got := service.Sample.LastSent(s.get(r.ID), ingest); !got.Equal(r.StartedAt) {
		t.Errorf("sent at %s, started at %s", got, r.StartedAt)
	}
	s.clock.Advance(time.Minute)
	for n := 1; n < 4; n++ {
		if _, err := s.deps.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := s.get(r.ID)
		if v := got.Parts[ingest]; v.Sent != n+1 || !service.Sample.LastSent(got, ingest).Equal(s.clock.Now()) {
			t.Fatalf("sent %d times, last at %s; now %s", v.Sent, service.Sample.LastSent(got, ingest), s.clock.Now())
		}
		s.clock.Advance(got.Parts[ingest].Due.Sub(s.clock.Now()))
	}
	if got := service.Sample.LastSent(s.get(promoted.ID), ingest); !got.IsZero() {
		t.Errorf("a part of a queued run was sent at %s", got)
	}
	s.drain()
	if got := service.Sample.LastSent(s.get(r.ID), ingest); !got.IsZero() {
		t.Errorf("a part that is done was sent at %s", got)
	}
	if got := service.Sample.LastSent(run.Run{Parts: map[run.Part]run.Pending{{Stage: "none"}: {}}}, run.Part{Stage: "none"}); !got.IsZero() {
		t.Errorf("a part of no stage was sent at %s", got)
	}
}

func TestAFollowingPartWasSentWhenTheOneBeforeItWasDone(t *testing.T) {
	s := newSystem(t, 1)
	r := s.submit("a", false)
	s.clock.Advance(5 * time.Second)
	p := run.Part{Stage: service.Ingest}
	must(t, s.runner(service.Ingest).Handle(t.Context(), pipeline.MessageFor(r, p), p))
	got := s.get(r.ID)
	for p := range got.Parts {
		if !service.Sample.LastSent(got, p).Equal(s.clock.Now()) {
			t.Errorf("%s was sent at %s, want %s", p, service.Sample.LastSent(got, p), s.clock.Now())
		}
	}
}
