package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/infra/prove/service"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// provider is another service that works at pieces.
type provider struct {
	ended     map[string]bool
	asked     []string // tasks, in order
	forgotten []string
	err       error
}

func (v *provider) work(_ context.Context, r run.Run, p run.Part) (pipeline.Result, error) {
	task := pipeline.TaskOf(r, p)
	v.asked = append(v.asked, task)
	switch {
	case v.ended[task]:
		return pipeline.Result{}, v.err
	default:
		return pipeline.Result{}, fmt.Errorf("%s: %w", task, pipeline.ErrPending)
	}
}

func (v *provider) forget(_ context.Context, task string) error {
	v.forgotten = append(v.forgotten, task)
	return nil
}

// elsewhere is a system whose pieces are worked at by a provider, with a run that waits for it.
func elsewhere(t *testing.T) (*system, *provider, run.Run) {
	t.Helper()
	s, v := newSystem(t, 1), &provider{ended: map[string]bool{}}
	s.works[service.Transcribe], s.forget = v.work, v.forget
	r := s.submit("a", false)
	if again := s.drain(); again != 0 || len(v.asked) != 3 {
		t.Fatalf("%d messages come again, asked %v", again, v.asked)
	}
	return s, v, r
}

// ends delivers the message of the provider's event about each task.
func (s *system) ends(tasks ...string) {
	s.t.Helper()
	for _, task := range tasks {
		m, p, err := pipeline.Decode(fmt.Sprintf(`{"format":%d,"task":"a-bucket.%s"}`, pipeline.Format, task))
		must(s.t, err)
		must(s.t, s.runner(p.Stage).Handle(s.t.Context(), m, p))
	}
	s.drain()
}

func TestAPartThatGoesOnElsewhereEndsWithItsEvent(t *testing.T) {
	s, v, r := elsewhere(t)
	tasks := slices.Clone(v.asked)
	for _, task := range tasks {
		v.ended[task] = true
	}
	s.ends(tasks...)
	s.ends(tasks[0]) // events may come twice
	if got := s.get(r.ID); got.Status != run.Success {
		t.Fatalf("%s %+v", got.Status, got.Failure)
	}
	if want := append(tasks, tasks[0]); !slices.Equal(v.forgotten, want) {
		t.Errorf("forgot %v, want %v", v.forgotten, want)
	}
}

func TestAnEventThatIsLostIsMadeUpForByTheSweep(t *testing.T) {
	s, v, r := elsewhere(t)
	for _, task := range v.asked {
		v.ended[task] = true
	}
	s.clock.Advance(5 * time.Minute)
	_, err := s.deps.Sweep(t.Context())
	must(t, err)
	s.drain()
	if got := s.get(r.ID); got.Status != run.Success {
		t.Fatalf("%s %+v", got.Status, got.Failure)
	}
}

func TestAProviderThatNeverEndsEndsTheRunAtItsDeadline(t *testing.T) {
	s, v, r := elsewhere(t)
	for range 25 {
		s.clock.Advance(time.Minute)
		_, err := s.deps.Sweep(t.Context())
		must(t, err)
		s.drain()
	}
	got := s.get(r.ID)
	if got.Status != run.Failed || got.Failure.Code != errcode.StuckTimeout {
		t.Fatalf("%s %+v", got.Status, got.Failure)
	}
	if len(v.asked) > 3*8 {
		t.Errorf("the provider was asked %d times", len(v.asked))
	}
	s.ends(v.asked[0]) // too late, but nothing of it is kept
	if !slices.Equal(v.forgotten, v.asked[:1]) {
		t.Errorf("forgot %v", v.forgotten)
	}
}

func TestAFindingOfAPartElsewhereEndsTheRun(t *testing.T) {
	s, v, r := elsewhere(t)
	v.err = errcode.New(errcode.TranscriptionFailed)
	v.ended[v.asked[1]] = true
	s.ends(v.asked[1])
	if got := s.get(r.ID); got.Status != run.Failed || got.Failure.Code != errcode.TranscriptionFailed {
		t.Fatalf("%s %+v", got.Status, got.Failure)
	}
	if !slices.Equal(v.forgotten, v.asked[1:2]) {
		t.Errorf("forgot %v", v.forgotten)
	}
}

func TestAFailureThatComesAgainKeepsItsTask(t *testing.T) {
	s, v, _ := elsewhere(t)
	v.err = errors.New("the answer could not be read")
	v.ended[v.asked[0]] = true
	m, p, err := pipeline.Decode(`{"format":2,"task":"` + v.asked[0] + `"}`)
	must(t, err)
	if err := s.runner(p.Stage).Handle(t.Context(), m, p); !errors.Is(err, pipeline.ErrRetry) || len(v.forgotten) != 0 {
		t.Errorf("%v, forgot %v", err, v.forgotten)
	}
}

// Ensure that the end of what an earlier life of the run began counts for nothing.
func TestATaskOfAnEarlierLifeIsForgotten(t *testing.T) {
	s, v, r := elsewhere(t)
	v.asked = nil
	stale := strings.Replace(pipeline.TaskOf(s.get(r.ID), run.Part{Stage: service.Transcribe}), ".1.", ".1-7.", 1)
	s.ends(stale)
	if len(v.asked) != 0 || !slices.Equal(v.forgotten, []string{stale}) {
		t.Errorf("asked %v, forgot %v", v.asked, v.forgotten)
	}
}

func TestWhatIsNoTaskIsNoMessage(t *testing.T) {
	for _, task := range []string{"x", "a.b.c.d", "req_x.1.transcribe.0", "req_aaaaaaaaaaaaaaaaaaaaaaaaaa.1.transcribe", "req_aaaaaaaaaaaaaaaaaaaaaaaaaa.0.transcribe.0"} {
		if m, _, err := pipeline.Decode(`{"format":2,"task":"` + task + `"}`); err == nil {
			t.Errorf("%s: %+v", task, m)
		}
	}
}
