package pipeline

import (
	"time"

	"parley/shared/engine/run"
)

// LastSent is when an outstanding part was last sent, from what the run says of it: its due time less the time that it was
// given then. Zero where the part is not outstanding, or its stage is unknown. A part that the sweep is sending right now may
// be told as not yet sent.
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
		// Sent as the run starts, with a due time that a promotion sets by another length.
		return r.StartedAt
	}
	return v.Due.Add(-s.given(r, v.Sent-1))
}

// given is how long a part may take until it is sent again, once it was sent again so many times.
func (s Stage) given(r run.Run, again int) time.Duration {
	return s.DueFor(r.Length) << min(max(again, 0), maxDoublings)
}
