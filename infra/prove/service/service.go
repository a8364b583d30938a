// Package service is a service for the tests of the engine, so that they do not need the real one.
// Like the real one, its stages include a fan-out, two joins and a part that a partial result can
// lack.
package service

import (
	"time"

	"parley/shared/engine/pipeline"
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

// What the stages pass on.
var (
	PCM      = pipeline.Raw("pcm")
	Words    = pipeline.Pieces[string]("words").Kind
	Speakers = pipeline.One[string]("speakers").Kind
)

// Dimensions are the dimensions that the service scores.
var Dimensions = run.Dimensions{{Name: "vocabulary"}, {Name: "fluency"}, {Name: "accent", Required: true}}

// Sample is the service.
var Sample = pipeline.Service{
	Name: "sample",
	Stages: []pipeline.Stage{
		{Name: Ingest, Timeout: 120 * time.Second, MaxReceives: 5, Due: 45 * time.Second, DueFactor: 0.03, Progress: 5,
			Fail: errcode.InternalError, TimeoutCode: errcode.InternalError, Layers: []pipeline.Layer{"ffmpeg"},
			In: []pipeline.Kind{pipeline.Original}, Out: []pipeline.Kind{PCM}},
		{Name: Transcribe, Timeout: 300 * time.Second, Limit: pipeline.Limit{Floor: 30 * time.Second, Factor: 0.5}, Piece: 140 * time.Second, MaxReceives: 5, Due: 60 * time.Second, DueFactor: 0.12, Progress: 15,
			Fail: errcode.TranscriptionFailed, TimeoutCode: errcode.TranscriptionFailed, Layers: []pipeline.Layer{"recogniser"},
			In: []pipeline.Kind{PCM}, Out: []pipeline.Kind{Words}},
		{Name: Diarize, Timeout: 300 * time.Second, MaxReceives: 5, Due: 60 * time.Second, DueFactor: 0.1, Progress: 15,
			Fail: errcode.InternalError, TimeoutCode: errcode.InternalError, In: []pipeline.Kind{PCM}, Out: []pipeline.Kind{Speakers}},
		{Name: Vocabulary, Timeout: 20 * time.Second, MaxReceives: 5, Due: 60 * time.Second, Progress: 70,
			Fail: errcode.ScoringFailed, TimeoutCode: errcode.VocabModelTimeout},
		{Name: Fluency, Timeout: 180 * time.Second, MaxReceives: 5, Due: 90 * time.Second, DueFactor: 0.05, Progress: 70,
			Fail: errcode.ScoringFailed, TimeoutCode: errcode.FluencyModelTimeout},
		{Name: Accent, Timeout: 180 * time.Second, MaxReceives: 5, Due: 90 * time.Second, DueFactor: 0.05, Progress: 70,
			Fail: errcode.AccentScoreUnavailable, TimeoutCode: errcode.AccentScoreUnavailable, Layers: []pipeline.Layer{"aligner", "recogniser"}},
		{Name: Finalize, Timeout: 60 * time.Second, MaxReceives: 5, Due: 45 * time.Second, Progress: 95,
			Fail: errcode.InternalError, TimeoutCode: errcode.InternalError, Out: []pipeline.Kind{pipeline.Report}},
	},
	Following:  following,
	Dimensions: Dimensions,
	Price:      func(length time.Duration) int64 { return max(int64((length+time.Minute-1)/time.Minute), 1) },
}

func following(done run.Stage, pieces int) []run.Part {
	switch done {
	case Ingest:
		var parts []run.Part
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
