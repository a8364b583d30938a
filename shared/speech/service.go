// Package speech is the service that scores how a candidate speaks: what it is asked, what its stages
// pass on, and the definition by which the run engine carries it.
package speech

import (
	"time"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech/installed"
)

// Name is the service's in the API.
const Name = "speech"

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

// Service is what the engine knows of speech.
var Service = pipeline.Service{
	Name:       Name,
	Stages:     stages,
	Following:  following,
	Dimensions: dimensions(),
	Price:      Price,
}

var stages = []pipeline.Stage{
	{Name: Ingest, Timeout: 120 * time.Second, MaxReceives: 3, MemoryMB: 1769, Concurrency: 50,
		Due: 45 * time.Second, DueFactor: 0.03, Fail: errcode.InternalError, TimeoutCode: errcode.InternalError, Progress: 5,
		In: []pipeline.Kind{pipeline.Original}, Out: []pipeline.Kind{PCM, Intake.Kind}, Layers: []pipeline.Layer{installed.LayerFFmpeg}},
	{Name: Transcribe, Timeout: 300 * time.Second, MaxReceives: 3, MemoryMB: 1769, Concurrency: 200,
		Due: 60 * time.Second, DueFactor: 0.12, Fail: errcode.TranscriptionFailed, TimeoutCode: errcode.TranscriptionFailed, Progress: 15,
		In: []pipeline.Kind{PCM, Intake.Kind}, Out: []pipeline.Kind{Words.Kind}, Layers: []pipeline.Layer{installed.LayerRecogniser}},
	{Name: Diarize, Timeout: 300 * time.Second, MaxReceives: 3, MemoryMB: 1769, Concurrency: 50,
		Due: 60 * time.Second, DueFactor: 0.1, Fail: errcode.InternalError, TimeoutCode: errcode.InternalError, Progress: 15,
		In: []pipeline.Kind{PCM, Intake.Kind}, Out: []pipeline.Kind{Speakers.Kind}},
	{Name: Vocabulary, Timeout: 20 * time.Second, MaxReceives: 2, MemoryMB: 1024, Concurrency: 50,
		Due: 60 * time.Second, Fail: errcode.ScoringFailed, TimeoutCode: errcode.VocabModelTimeout, Progress: 70,
		In: []pipeline.Kind{Conversation.Kind}, Out: []pipeline.Kind{VocabularyScore.Kind}},
	{Name: Fluency, Timeout: 180 * time.Second, MaxReceives: 2, MemoryMB: 1769, Concurrency: 50,
		Due: 90 * time.Second, DueFactor: 0.05, Fail: errcode.ScoringFailed, TimeoutCode: errcode.FluencyModelTimeout, Progress: 70,
		In: []pipeline.Kind{PCM, Intake.Kind, Conversation.Kind}, Out: []pipeline.Kind{FluencyDraft.Kind}},
	{Name: Accent, Timeout: 180 * time.Second, MaxReceives: 2, MemoryMB: 1769, Concurrency: 50,
		Due: 90 * time.Second, DueFactor: 0.05, Fail: errcode.AccentScoreUnavailable, TimeoutCode: errcode.AccentScoreUnavailable, Progress: 70,
		In: []pipeline.Kind{PCM, Intake.Kind, Conversation.Kind}, Out: []pipeline.Kind{AccentScore.Kind},
		Layers: []pipeline.Layer{installed.LayerAligner, installed.LayerRecogniser}},
	{Name: Finalize, Timeout: 60 * time.Second, MaxReceives: 3, MemoryMB: 512, Concurrency: 50,
		Due: 45 * time.Second, Fail: errcode.InternalError, TimeoutCode: errcode.InternalError, Progress: 95,
		In:  []pipeline.Kind{Intake.Kind, Conversation.Kind, VocabularyScore.Kind, FluencyDraft.Kind, AccentScore.Kind},
		Out: []pipeline.Kind{Report.Kind}},
}

// following is the graph of the chain, with its only fan-out and its two joins.
func following(done run.Stage, pieces int) []run.Part {
	switch done {
	case Ingest:
		parts := make([]run.Part, 0, pieces+1)
		for i := range pieces {
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

// dimensions are what is scored, in the order of the API. A run whose accent could not be measured always
// fails: ACCENT_SCORE_UNAVAILABLE.
func dimensions() run.Dimensions {
	return run.Dimensions{{Name: "vocabulary"}, {Name: "fluency"}, {Name: "accent", Required: true}}
}

// Price is 1 credit per started minute, at least 1.
func Price(length time.Duration) int64 {
	return max(int64((length+time.Minute-1)/time.Minute), 1)
}
