package main

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/infra/measure/usage"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/speech"
)

// steady takes a second for each part, in two pieces.
func steady(copies int) model {
	return model{
		service: func(run.Stage, time.Duration) time.Duration { return time.Second },
		pieces:  func(time.Duration) int { return 2 },
		copies:  func(pipeline.Stage) int { return copies },
	}
}

// Ensure that without queues every run takes as long as its longest parts one after the other.
func TestRunsWithoutQueues(t *testing.T) {
	m := steady(0)
	if got := alone(m, interview); got != 4*time.Second { // ingest, transcribe, scores, finalize
		t.Fatalf("alone it takes %s", got)
	}
	o := simulate(m, load{perSecond: 50, length: interview, lasting: time.Minute, seed: 1}, true)
	if o.left != 0 || o.came < 2500 || o.came > 3500 || at(o.took, 0) != 4*time.Second || at(o.took, 1) != 4*time.Second {
		t.Errorf("%d came, %d left, they took %s to %s", o.came, o.left, at(o.took, 0), at(o.took, 1))
	}
	if waits := o.stages[speech.Transcribe].waits; len(waits) != 2*o.came || at(waits, 1) != 0 {
		t.Errorf("%d pieces, one waited %s", len(waits), at(waits, 1))
	}
}

// Ensure that a stage never has more parts at work than copies, that its queue grows once more
// comes than it carries, and not before.
func TestAStageCarriesWhatItsCopiesDo(t *testing.T) {
	m := steady(10)
	table := speech.Service.Stages
	transcribe := table[slices.IndexFunc(table, func(s pipeline.Stage) bool { return s.Name == speech.Transcribe })]
	if got := m.carries(transcribe); got != 5 {
		t.Errorf("it carries %g", got)
	}
	for rate, grows := range map[float64]bool{4: false, 7: true} {
		o := simulate(m, load{perSecond: rate, length: interview, lasting: 10 * time.Minute, seed: 1}, false)
		s := o.stages[speech.Transcribe]
		if s.busiest > 10 || (s.queued > 500) != grows || (at(s.waits, 0.99) > time.Minute) != grows {
			t.Errorf("at %g a second: %d at work, %d wait, 99 %% waited %s", rate, s.busiest, s.queued, at(s.waits, 0.99))
		}
	}
}

// Ensure that the same load has the same outcome.
func TestALoadIsRepeatable(t *testing.T) {
	l := load{perSecond: 20, length: interview, lasting: time.Minute, seed: 7}
	if a, b := simulate(steady(30), l, false), simulate(steady(30), l, false); !reflect.DeepEqual(a, b) {
		t.Error("it had not")
	}
	l.seed = 8
	if a, b := simulate(steady(30), load{perSecond: 20, length: interview, lasting: time.Minute, seed: 7}, false), simulate(steady(30), l, false); reflect.DeepEqual(a.took, b.took) {
		t.Error("another seed changed nothing")
	}
}

// Ensure that the times lie on the line through the two measurements, are never less for a longer
// recording, and follow the memory of the function.
func TestTimesAreThoseMeasured(t *testing.T) {
	of := func(stage run.Stage, s float64) usage.Part { return usage.Part{Stage: stage, CPUSeconds: s} }
	m := modelOf(usage.Measured{
		Interview: usage.Run{Seconds: 240, Parts: []usage.Part{of(speech.Ingest, 2), of(speech.Diarize, 10), of(speech.Transcribe, 20), of(speech.Transcribe, 30), of(speech.Finalize, 1), of(speech.Accent, 9)}},
		Long:      usage.Run{Seconds: 720, Parts: []usage.Part{of(speech.Ingest, 4), of(speech.Diarize, 40), of(speech.Transcribe, 28), of(speech.Finalize, 1), of(speech.Accent, 8)}},
	}, free)
	for stage, want := range map[run.Stage][2]float64{speech.Ingest: {2, 6}, speech.Diarize: {10 * 1769.0 / 3008, 70 * 1769.0 / 3008}, speech.Transcribe: {30, 30}, speech.Finalize: {1 * 1769.0 / 512, 1 * 1769.0 / 512}, speech.Accent: {9, 9}} {
		for i, length := range []time.Duration{4 * time.Minute, 20 * time.Minute} {
			if got := m.service(stage, length).Seconds(); got < want[i]-0.001 || got > want[i]+0.001 {
				t.Errorf("%s of %s takes %g s, want %g", stage, length, got, want[i])
			}
		}
	}
	if m.pieces(4*time.Minute) != 2 || m.pieces(45*time.Minute) != 22 {
		t.Errorf("%d and %d pieces", m.pieces(4*time.Minute), m.pieces(45*time.Minute))
	}
}

// Ensure that the page names the most strained limit first, and asks for quotas only where the
// default ones are too small.
func TestWhatBreaksFirst(t *testing.T) {
	q := quotas{LambdaConcurrency: 1000, GatewayRequests: 10_000, StageRequests: 1000, DynamoTableWrites: 40_000, SQSInFlight: 120_000}
	m := steady(10)
	ls := limits(m, usage.Measured{}, q, 100)
	for i := 1; i < len(ls); i++ {
		if ls[i].need/ls[i].have > ls[i-1].need/ls[i-1].have {
			t.Errorf("%+v stands before %+v", ls[i-1], ls[i])
		}
	}
	if got := ask(m, usage.Measured{}, q, 1); !strings.Contains(got, "suffice") || strings.Contains(got, "more copies") {
		t.Error(got)
	}
	if got := ask(m, usage.Measured{}, q, 60); !strings.Contains(got, "suffice") || !strings.Contains(got, "more copies") {
		t.Error(got)
	}
	if got := ask(m, usage.Measured{}, q, 1000); !strings.Contains(got, "Lambda's concurrent executions") || strings.Contains(got, "suffice") {
		t.Error(got)
	}
}
