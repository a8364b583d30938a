package api

import (
	"time"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
)

// pollInterval is how long a client is asked to wait before it polls, in s, by the time since the submit.
func pollInterval(age time.Duration) int {
	switch {
	case age < 2*time.Minute:
		return 15
	case age < 5*time.Minute:
		return 30
	}
	return 60
}

// stageQueued is the stage of a run that waits for a slot.
const stageQueued = "queued"

// progress is where a run that has not ended stands: its earliest unfinished stage, and how far it is, 0 to 99 %. Between
// two groups of parts the percentage goes up by the share of the group's parts that are done.
func progress(r run.Run) (stage string, percent int) {
	if r.Status == run.Queued {
		return stageQueued, 0
	}
	group := []run.Part{{Stage: pipeline.Ingest}}
	for range pipeline.Table { // the chain is no longer than the table
		next := pipeline.Following(group[0].Stage, r.Chunks)
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
			from, to := begins(group), 100
			if len(next) > 0 {
				to = begins(next)
			}
			return string(first), min(from+(to-from)*(len(group)-open)/len(group), 99)
		}
		if len(next) == 0 {
			break
		}
		group = next
	}
	return string(pipeline.Finalize), 99
}

func begins(group []run.Part) int {
	s, err := pipeline.Lookup(group[0].Stage)
	if err != nil {
		return 0
	}
	return s.Progress
}
