package pipeline

import (
	"time"

	"parley/shared/engine/run"
)

// LastSent returns when an outstanding part was last sent: its due time less the time that it was
// given then. It is zero if the part is not outstanding or its stage is unknown. While the sweep is
// sending a part again, this may still be the time before.
func (svc Service) LastSent(r run.Run, p run.Part) time.Time {
	v, ok := r.Parts[p]
	if !ok {
		return time.Time{}
	}
	s, err := svc.Lookup(p.Stage)
	switch {
	case err != nil:
		return time.Time{}
	case p == svc.First() && v.Sent <= 1:
		// The first part is sent when the run starts. Its due time may not fit the run's length,
		// because a promotion sets it without knowing the run.
		return r.StartedAt
	}
	// A try that failed sets the due time anew, as if the part had been sent then.
	return v.Due.Add(-s.given(r, v.Sent-1))
}

// given returns how long a part may take before it is sent again, if it was sent again that many
// times.
func (s Stage) given(r run.Run, again int) time.Duration {
	return s.DueFor(r.Length) << min(max(again, 0), maxDoublings)
}
