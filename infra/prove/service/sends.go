package service

import (
	"testing"
	"time"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
)

// leastSends is how often, at least, each part of a run can be sent within the run's budget.
const leastSends = 5

// HoldsFiveSends fails t unless each part of s can be sent at least five times within its run's
// budget, for the shortest recording and for the longest.
func HoldsFiveSends(t *testing.T, s pipeline.Service) {
	t.Helper()
	for _, length := range []time.Duration{3 * time.Minute, 45 * time.Minute} {
		for _, stage := range s.Stages {
			part := run.Part{Stage: stage.Name}
			now := time.Date(2026, 4, 21, 12, 0, 0, 0, time.UTC)
			r := run.Run{Status: run.Processing, Length: length, Parts: map[run.Part]run.Pending{part: {Due: now.Add(stage.DueFor(length)), Sent: 1}}}
			r.Deadline = now.Add(pipeline.Budget(0)(r))
			for now.Before(r.Deadline) {
				now = r.Parts[part].Due
				a, err := s.Watch(r, now)
				if err != nil {
					t.Fatal(err)
				}
				if a.End != "" {
					break
				}
				if r, err = r.Resent(a.Resend, now); err != nil {
					t.Fatal(err)
				}
			}
			if sent := r.Parts[part].Sent; sent < leastSends {
				t.Errorf("%s of %s is sent %d times", part, length, sent)
			}
		}
	}
}
