package presentation

import (
	"time"

	"parley/shared/engine/run"
)

// PollInterval returns how long a client should wait before its next poll, in s. age is the time
// since the submit.
func PollInterval(age time.Duration) int {
	switch {
	case age < 2*time.Minute:
		return 15
	case age < 5*time.Minute:
		return 30
	}
	return 60
}

// StageQueued is the stage of a run that waits for a slot.
const StageQueued = "queued"

// progress returns the earliest unfinished stage of a run that has not ended, and how far the run
// is, 0 to 99 %. Between the percentages of two groups of parts, it rises with the share of the
// group's parts that are done.
func (pr Presenter) progress(r run.Run) (stage string, percent int) {
	if r.Status == run.Queued {
		return StageQueued, 0
	}
	group := []run.Part{pr.Service.First()}
	for range pr.Service.Stages { // a run has at most as many groups as stages
		next := pr.Service.Following(group[0].Stage, r.Pieces)
		var first run.Stage
		open := 0
		for _, p := range group {
			if _, ok := r.Parts[p]; ok {
				open++
				if first == "" {
					first = p.Stage
				}
			}
		}
		if open > 0 {
			from, to := pr.begins(group), 100
			if len(next) > 0 {
				to = pr.begins(next)
			}
			return string(first), min(from+(to-from)*(len(group)-open)/len(group), 99)
		}
		if len(next) == 0 {
			break
		}
		group = next
	}
	return string(group[0].Stage), 99
}

func (pr Presenter) begins(group []run.Part) int {
	s, err := pr.Service.Lookup(group[0].Stage)
	if err != nil {
		return 0
	}
	return s.Progress
}
