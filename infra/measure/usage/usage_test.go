package usage

import (
	"testing"
	"time"

	"parley/shared/engine/run"
	"parley/shared/speech"
)

// Ensure that the longest part of a stage counts, and that one too short to be counted takes a
// tick: a stage of no time would carry any number of runs.
func TestTheLongestPartOfAStageCounts(t *testing.T) {
	r := Run{Parts: []Part{{Stage: speech.Transcribe, CPUSeconds: 2}, {Stage: speech.Transcribe, CPUSeconds: 3}, {Stage: speech.Finalize}}}
	for stage, want := range map[run.Stage]time.Duration{speech.Transcribe: 3 * time.Second, speech.Finalize: 10 * time.Millisecond, speech.Diarize: 0} {
		if got := r.Stage(stage); got != want {
			t.Errorf("%s takes %v, want %v", stage, got, want)
		}
	}
}
