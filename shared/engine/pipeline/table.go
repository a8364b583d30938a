// Package pipeline is the chain of stages: one table from which the functions, the queues and the watchdog are built,
// and the runner that carries a run from one stage to the next.
package pipeline

import (
	"fmt"
	"slices"
	"time"

	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// The stages.
const (
	Ingest     run.Stage = "ingest"
	Transcribe run.Stage = "transcribe"
	Diarize    run.Stage = "diarize"
	Vocabulary run.Stage = "vocabulary"
	Fluency    run.Stage = "fluency"
	Accent     run.Stage = "accent"
	Finalize   run.Stage = "finalize"
)

// Webhook names the queue and the function of the pushes. It is no stage of the chain: a run has ended when it begins. A
// message's part is this and the number of the try.
const Webhook run.Stage = "webhook"

// Layer names a set of engines that a function needs (package installed says what is in it).
type Layer string

// The layers.
const (
	LayerFFmpeg     Layer = "ffmpeg"
	LayerRecogniser Layer = "recogniser"
	LayerAligner    Layer = "aligner"
)

// Stage is one row of the table.
type Stage struct {
	Name run.Stage
	// Timeout is the function's own limit. The queue's visibility timeout is 6 times that (Visibility).
	Timeout time.Duration
	// MaxReceives is after how many receives a message goes to the dead-letter queue.
	MaxReceives int
	// MemoryMB is the function's memory; 1,769 MB is one full processor.
	MemoryMB int
	// Concurrency is how many copies may work at once, over all runs.
	Concurrency int
	// Due is the time after which the sweep sends an unfinished part again: a constant and a share of the recording's length.
	Due       time.Duration
	DueFactor float64
	// Fail is the code of a run whose part failed for good, TimeoutCode of one whose part ran out of its time.
	Fail        errcode.Code
	TimeoutCode errcode.Code
	// Progress is the percentage a client reads while this is the earliest unfinished stage.
	Progress int
	// In and Out are the artefacts that the stage reads and writes (artefacts.go).
	In, Out []Artefact
	// Layers are the engines that the function needs.
	Layers []Layer
}

// Table holds every stage in the order of the chain.
var Table = []Stage{
	{Name: Ingest, Timeout: 120 * time.Second, MaxReceives: 3, MemoryMB: 1769, Concurrency: 50,
		Due: 45 * time.Second, DueFactor: 0.03, Fail: errcode.InternalError, TimeoutCode: errcode.InternalError, Progress: 5,
		In: []Artefact{Original}, Out: []Artefact{PCM, Intake}, Layers: []Layer{LayerFFmpeg}},
	{Name: Transcribe, Timeout: 300 * time.Second, MaxReceives: 3, MemoryMB: 1769, Concurrency: 200,
		Due: 60 * time.Second, DueFactor: 0.12, Fail: errcode.TranscriptionFailed, TimeoutCode: errcode.TranscriptionFailed, Progress: 15,
		In: []Artefact{PCM, Intake}, Out: []Artefact{Words}, Layers: []Layer{LayerRecogniser}},
	{Name: Diarize, Timeout: 300 * time.Second, MaxReceives: 3, MemoryMB: 1769, Concurrency: 50,
		Due: 60 * time.Second, DueFactor: 0.1, Fail: errcode.InternalError, TimeoutCode: errcode.InternalError, Progress: 15,
		In: []Artefact{PCM, Intake}, Out: []Artefact{Speakers}},
	{Name: Vocabulary, Timeout: 20 * time.Second, MaxReceives: 2, MemoryMB: 1024, Concurrency: 50,
		Due: 60 * time.Second, Fail: errcode.ScoringFailed, TimeoutCode: errcode.VocabModelTimeout, Progress: 70,
		In: []Artefact{Conversation}, Out: []Artefact{VocabularyScore}},
	{Name: Fluency, Timeout: 180 * time.Second, MaxReceives: 2, MemoryMB: 1769, Concurrency: 50,
		Due: 90 * time.Second, DueFactor: 0.05, Fail: errcode.ScoringFailed, TimeoutCode: errcode.FluencyModelTimeout, Progress: 70,
		In: []Artefact{PCM, Intake, Conversation}, Out: []Artefact{FluencyScore}},
	{Name: Accent, Timeout: 180 * time.Second, MaxReceives: 2, MemoryMB: 1769, Concurrency: 50,
		Due: 90 * time.Second, DueFactor: 0.05, Fail: errcode.AccentScoreUnavailable, TimeoutCode: errcode.AccentScoreUnavailable, Progress: 70,
		In: []Artefact{PCM, Intake, Conversation}, Out: []Artefact{AccentScore}, Layers: []Layer{LayerAligner, LayerRecogniser}},
	{Name: Finalize, Timeout: 60 * time.Second, MaxReceives: 3, MemoryMB: 512, Concurrency: 50,
		Due: 45 * time.Second, Fail: errcode.InternalError, TimeoutCode: errcode.InternalError, Progress: 95,
		In: []Artefact{Intake, Conversation, VocabularyScore, FluencyScore, AccentScore}, Out: []Artefact{Report}},
}

// Pushes is the row of the webhooks: of a stage's facts those that a queue and its function need. A message that is delivered
// too often ends nothing: the run's item says what is still to be pushed, and the sweep sends it.
var Pushes = Stage{Name: Webhook, Timeout: 30 * time.Second, MaxReceives: 3, MemoryMB: 512, Concurrency: 20, Due: run.PushResend, In: []Artefact{Report}}

// Fed are the rows of all functions that a queue feeds: the chain, and the pushes.
var Fed = append(slices.Clone(Table), Pushes)

// Visibility is the visibility timeout of the stage's queue: 6 times the function's, as against throttling.
func (s Stage) Visibility() time.Duration { return 6 * s.Timeout }

// Queue is the name of the stage's queue without the stack's prefix; its dead-letter queue is Queue() + "-dead".
func (s Stage) Queue() string { return string(s.Name) }

// DueFor is the time after which a part of this stage is sent again, for a recording of the given length.
func (s Stage) DueFor(length time.Duration) time.Duration {
	return s.Due + time.Duration(float64(length)*s.DueFactor)
}

// Lookup returns the row of a stage of the chain.
func Lookup(name run.Stage) (Stage, error) {
	for _, s := range Table {
		if s.Name == name {
			return s, nil
		}
	}
	return Stage{}, fmt.Errorf("pipeline: no stage %q", name)
}

// The bounds of a run's own deadline: a constant and a multiple of the recording's length, from the moment it starts.
const (
	runBudget       = 15 * time.Minute
	runBudgetFactor = 1
)

// Budget is the deadline of a run: 15 minutes and once its length. A fixed one above 0 takes its place (for trying out
// STUCK_TIMEOUT).
func Budget(fixed time.Duration) run.Budget {
	return func(r run.Run) time.Duration {
		if fixed > 0 {
			return fixed
		}
		return runBudget + runBudgetFactor*time.Duration(r.Audio.DurationMs)*time.Millisecond
	}
}

// Following are the parts that start when the last outstanding part of a group is done: the whole graph of the chain, and
// its only fan-out and join. chunks is the number of pieces that ingest cut. Empty: the run is to be ended.
func Following(done run.Stage, chunks int) []run.Part {
	switch done {
	case Ingest:
		parts := make([]run.Part, 0, chunks+1)
		for i := range chunks {
			parts = append(parts, run.Part{Stage: Transcribe, Index: i})
		}
		return append(parts, run.Part{Stage: Diarize})
	case Transcribe, Diarize:
		return []run.Part{{Stage: Vocabulary}, {Stage: Fluency}, {Stage: Accent}}
	case Vocabulary, Fluency, Accent:
		return []run.Part{{Stage: Finalize}}
	}
	return nil
}
