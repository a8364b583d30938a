package run_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"parley/shared/engine/run"
	"parley/shared/errcode"
)

var (
	now    = time.Date(2026, 4, 21, 12, 0, 0, 0, time.UTC)
	ingest = run.Part{Stage: "ingest"}
	words  = run.Part{Stage: "transcribe", Index: 1}
	terms  = run.Terms{ConcurrentRuns: 1, First: ingest, Due: time.Minute, Budget: func(run.Run) time.Duration { return time.Hour }}
	three  = run.Dimensions{{Name: "vocabulary"}, {Name: "fluency"}, {Name: "accent", Required: true}}
)

func started(t *testing.T) run.Run {
	t.Helper()
	r, err := run.Run{ID: "req_a", Status: run.Queued, Attempt: 1, Cost: 4, Version: 1}.Start(terms, now)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestStart(t *testing.T) {
	r := started(t)
	if r.Status != run.Processing || !r.StartedAt.Equal(now) || !r.Deadline.Equal(now.Add(time.Hour)) || r.Version != 2 || !r.Last(ingest) {
		t.Errorf("%+v", r)
	}
	if !r.NextDue().Equal(now.Add(time.Minute)) {
		t.Errorf("next due %v", r.NextDue())
	}
	if _, err := r.Start(terms, now); !errors.Is(err, run.ErrGone) {
		t.Errorf("a run that has its slot is started again: %v", err)
	}
}

func TestDone(t *testing.T) {
	r := started(t)
	next, err := r.Done(1, ingest, map[run.Part]time.Duration{{Stage: "transcribe"}: time.Minute, words: time.Minute}, now)
	if err != nil || len(next.Parts) != 2 || next.Version != r.Version+1 {
		t.Fatalf("%+v %v", next, err)
	}
	if len(r.Parts) != 1 {
		t.Error("the decision changed what it was made of")
	}
	if next.Last(words) {
		t.Error("one of two parts is taken for the last")
	}
	for name, tt := range map[string]struct {
		attempt int
		part    run.Part
	}{
		"a part done already":        {1, ingest},
		"a part of no attempt":       {2, words},
		"a part that does not exist": {1, run.Part{Stage: "transcribe", Index: 2}},
		"a part of attempt zero":     {0, words},
	} {
		if _, err := next.Done(tt.attempt, tt.part, nil, now); !errors.Is(err, run.ErrGone) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := r.Done(1, ingest, nil, now); err == nil || errors.Is(err, run.ErrGone) {
		t.Errorf("a run was left without parts: %v", err)
	}
}

func TestNoteFailureAndResent(t *testing.T) {
	r := started(t)
	noted, err := r.NoteFailure(1, ingest, run.TimedOut, time.Minute, now)
	if err != nil || noted.Parts[ingest] != (run.Pending{Due: now.Add(time.Minute), Sent: 1, Failure: run.TimedOut, Timeouts: 1}) || r.Parts[ingest].Failure != "" {
		t.Fatalf("%+v %v", noted, err)
	}
	if twice, err := noted.NoteFailure(1, ingest, run.Errored, time.Minute, now); err != nil || twice.Parts[ingest].Failure != run.Errored || twice.Parts[ingest].Timeouts != 1 {
		t.Errorf("%+v %v", twice, err)
	}
	again, err := noted.Resent(map[run.Part]time.Duration{ingest: 2 * time.Minute}, now.Add(time.Minute))
	if err != nil || again.Parts[ingest].Sent != 2 || !again.Parts[ingest].Due.Equal(now.Add(3*time.Minute)) {
		t.Fatalf("%+v %v", again, err)
	}
	if _, err := r.Resent(map[run.Part]time.Duration{words: time.Minute}, now); !errors.Is(err, run.ErrGone) {
		t.Errorf("a part that is not outstanding is sent again: %v", err)
	}
}

func TestEnd(t *testing.T) {
	all := run.Scores{"vocabulary": 3, "fluency": 3.1, "accent": 2.9, "overall": 3}
	two := run.Scores{"fluency": 3.1, "accent": 2.9}
	for name, tt := range map[string]struct {
		outcome run.Outcome
		ok      bool
	}{
		"success with three scores":            {run.Outcome{Status: run.Success, Dimensions: three, Scores: all, Charge: 4}, true},
		"success with two":                     {run.Outcome{Status: run.Success, Dimensions: three, Scores: two, Charge: 4}, false},
		"success charged in part":              {run.Outcome{Status: run.Success, Dimensions: three, Scores: all, Charge: 3}, false},
		"partial with two":                     {run.Outcome{Status: run.Partial, Dimensions: three, Scores: two, Charge: 2}, true},
		"partial without the accent":           {run.Outcome{Status: run.Partial, Dimensions: three, Scores: run.Scores{"fluency": 3}, Charge: 1}, false},
		"partial for nothing":                  {run.Outcome{Status: run.Partial, Dimensions: three, Scores: two}, false},
		"partial for more than was held":       {run.Outcome{Status: run.Partial, Dimensions: three, Scores: two, Charge: 5}, false},
		"partial with all three":               {run.Outcome{Status: run.Partial, Dimensions: three, Scores: all, Charge: 2}, false},
		"success of no dimension":              {run.Outcome{Status: run.Success, Scores: all, Charge: 4}, false},
		"failed":                               {run.Fail(errcode.ScoringFailed, "", ""), true},
		"failed but charged":                   {run.Outcome{Status: run.Failed, Failure: &run.Failure{Code: errcode.ScoringFailed}, Charge: 1}, false},
		"failed without a code":                {run.Outcome{Status: run.Failed}, false},
		"success with a code":                  {run.Outcome{Status: run.Success, Dimensions: three, Scores: all, Charge: 4, Failure: &run.Failure{}}, false},
		"an outcome that does not end the run": {run.Outcome{Status: run.Processing}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := started(t).End(tt.outcome, now.Add(time.Minute))
			if (err == nil) != tt.ok {
				t.Fatalf("error %v", err)
			}
			if !tt.ok {
				return
			}
			if !r.Status.Terminal() || len(r.Parts) != 0 || !r.CompletedAt.Equal(now.Add(time.Minute)) || !r.NextDue().IsZero() {
				t.Errorf("%+v", r)
			}
			if _, err := r.End(tt.outcome, now); !errors.Is(err, run.ErrGone) {
				t.Errorf("ended twice: %v", err)
			}
		})
	}
}

func TestIDs(t *testing.T) {
	id, err := run.NewID(strings.NewReader(strings.Repeat("x", 17)))
	if err != nil || !id.Valid() {
		t.Fatalf("%q %v", id, err)
	}
	if _, err := run.NewID(strings.NewReader("short")); err == nil {
		t.Error("an id was drawn from too little")
	}
	for _, bad := range []run.ID{"", "req_", id[:len(id)-1], id + "a", "REQ_" + id[4:], "req_" + run.ID(strings.Repeat("/", 26))} {
		if bad.Valid() {
			t.Errorf("%q is taken for an id", bad)
		}
	}
}

func TestPartsSurviveStorage(t *testing.T) {
	for _, p := range []run.Part{ingest, words, {Stage: "transcribe", Index: 9999}} {
		if got, err := run.ParsePart(p.String()); err != nil || got != p {
			t.Errorf("%v became %v, %v", p, got, err)
		}
	}
	for _, bad := range []string{"", "ingest", "/1", "ingest/", "ingest/-1", "ingest/10000", "ingest/x"} {
		if p, err := run.ParsePart(bad); err == nil {
			t.Errorf("%q was read as %v", bad, p)
		}
	}
}
