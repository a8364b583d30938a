// Package speech is the service that scores how a candidate speaks: what it is asked, what its
// stages pass on, and the definition by which the run engine carries it.
package speech

import (
	"time"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech/audio"
	"parley/shared/speech/installed"
	"parley/shared/speech/score"
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
var Service = Define()

// Define makes the service of Scorings and the table of dimensions as they are now.
func Define() pipeline.Service {
	return pipeline.Service{Name: Name, Stages: stages(), Following: following, Dimensions: dimensions(), Price: Price}
}

// receives is how often each stage's message is received before it is a dead letter: AWS asks for
// five at least, since a throttled function uses receives up. What a run's own tries may take is
// bounded by the stages' limits.
const receives = 5

// stages is the table of stages. A limit is at least three times the processor time that was
// measured for the stage's work (docs/cost.md), and half a minute for a cold engine.
func stages() []pipeline.Stage {
	rows := []pipeline.Stage{
		{Name: Ingest, Timeout: 120 * time.Second, Limit: pipeline.Limit{Floor: 30 * time.Second, Factor: 0.04}, MaxReceives: receives, MemoryMB: 1769, Concurrency: 50,
			Due: 45 * time.Second, DueFactor: 0.03, Fail: errcode.InternalError, TimeoutCode: errcode.InternalError, Progress: 5,
			In: []pipeline.Kind{pipeline.Original}, Out: []pipeline.Kind{PCM, Intake.Kind}, Layers: []pipeline.Layer{installed.LayerFFmpeg}},
		{Name: Transcribe, Timeout: 300 * time.Second, Limit: pipeline.Limit{Floor: 30 * time.Second, Factor: 0.5}, Piece: audio.MaxChunk, MaxReceives: receives, MemoryMB: 1769, Concurrency: 200,
			Due: 60 * time.Second, DueFactor: 0.12, Fail: errcode.TranscriptionFailed, TimeoutCode: errcode.TranscriptionFailed, Progress: 15,
			In: []pipeline.Kind{PCM, Intake.Kind}, Out: []pipeline.Kind{Words.Kind}, Layers: []pipeline.Layer{installed.LayerRecogniser}},
		// It alone hears a long recording whole, in as many copies of its engine as there are
		// processors. 3,008 MB, the most that a new account has, is 1.7 processors.
		{Name: Diarize, Timeout: 300 * time.Second, Limit: pipeline.Limit{Floor: 60 * time.Second, Factor: 0.1}, MaxReceives: receives, MemoryMB: 3008, Concurrency: 50,
			Due: 60 * time.Second, DueFactor: 0.1, Fail: errcode.InternalError, TimeoutCode: errcode.InternalError, Progress: 15,
			In: []pipeline.Kind{PCM, Intake.Kind}, Out: []pipeline.Kind{Speakers.Kind}, Layers: []pipeline.Layer{installed.LayerVoices}},
	}
	last := pipeline.Stage{Name: Finalize, Timeout: 60 * time.Second, MaxReceives: receives, MemoryMB: 512, Concurrency: 50,
		Due: 45 * time.Second, Fail: errcode.InternalError, TimeoutCode: errcode.InternalError, Progress: 95,
		In: []pipeline.Kind{Intake.Kind, Conversation.Kind}, Out: []pipeline.Kind{Report.Kind}}
	for _, s := range Scorings {
		rows = append(rows, s.Stage)
		last.In = append(last.In, s.Out...)
	}
	return append(rows, last)
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
		return scoringParts()
	case Finalize:
		return nil
	}
	return []run.Part{{Stage: Finalize}} // of a scoring
}

// dimensions are what is scored, in the order of the API.
func dimensions() run.Dimensions {
	out := make(run.Dimensions, 0, len(score.Table))
	for _, row := range score.Table {
		out = append(out, run.Scored{Name: run.Dimension(row.Name), Required: row.Required})
	}
	return out
}

// grace is how far beyond a whole minute a recording may go without starting another: what encoders
// add to a recording that was stopped on the minute, and do not tell, is less.
const grace = 100 * time.Millisecond

// Price is 1 credit per started minute, at least 1.
func Price(length time.Duration) int64 {
	return max(int64((length-grace+time.Minute-1)/time.Minute), 1)
}
