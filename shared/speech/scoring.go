package speech

import (
	"context"
	"time"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech/installed"
	"parley/shared/speech/score"
	"parley/shared/speech/score/accent"
	"parley/shared/speech/score/fluency"
	"parley/shared/speech/score/timing"
	"parley/shared/speech/score/vocabulary"
)

// Scoring is the stage of one dimension: its row in the table of stages, named as the dimension,
// and its scorer.
type Scoring struct {
	pipeline.Stage
	// Score measures the dimension. speech is the candidate's in m, with its timing. A result with
	// a reason was not measured, and the run then fails with the row's Fail; an error is a failure
	// of our own, and the part is tried again.
	Score func(ctx context.Context, m score.Material, speech timing.Speech, e accent.Engines) (score.Result, error)
}

// Dimension is the one that the stage scores.
func (s Scoring) Dimension() score.Dimension { return score.Dimension(s.Name) }

// ResultOf is where a dimension's score lies.
func ResultOf(d score.Dimension) pipeline.Artefact[score.Result] {
	return pipeline.One[score.Result](string(d))
}

// What the scorers read: the words alone, or the sound as well.
var (
	words = []pipeline.Kind{Conversation.Kind}
	sound = []pipeline.Kind{PCM, Intake.Kind, Conversation.Kind}
)

// Scorings are the stages between the conversation and the report: one for each row of score.Table.
var Scorings = []Scoring{
	{pipeline.Stage{Name: Vocabulary, Timeout: 20 * time.Second, MaxReceives: receives, MemoryMB: 1024, Concurrency: 50,
		Due: 60 * time.Second, Fail: errcode.ScoringFailed, TimeoutCode: errcode.VocabModelTimeout, Progress: 70,
		In: words, Out: []pipeline.Kind{ResultOf(score.Vocabulary).Kind}},
		func(_ context.Context, m score.Material, _ timing.Speech, _ accent.Engines) (score.Result, error) {
			return vocabulary.Score(m) //nolint:wrapcheck // named by the scorer
		}},
	{pipeline.Stage{Name: Fluency, Timeout: 180 * time.Second, Limit: pipeline.Limit{Floor: 60 * time.Second, Factor: 0.1}, MaxReceives: receives, MemoryMB: 1769, Concurrency: 50,
		Due: 90 * time.Second, DueFactor: 0.05, Fail: errcode.ScoringFailed, TimeoutCode: errcode.FluencyModelTimeout, Progress: 70,
		In: sound, Out: []pipeline.Kind{ResultOf(score.Fluency).Kind}},
		func(_ context.Context, m score.Material, speech timing.Speech, _ accent.Engines) (score.Result, error) {
			return fluency.Score(m, speech), nil
		}},
	{pipeline.Stage{Name: Accent, Timeout: 180 * time.Second, Limit: pipeline.Limit{Floor: 60 * time.Second, Factor: 0.1}, MaxReceives: receives, MemoryMB: 1769, Concurrency: 50,
		Due: 90 * time.Second, DueFactor: 0.05, Fail: errcode.AccentScoreUnavailable, TimeoutCode: errcode.AccentScoreUnavailable, Progress: 70,
		In: sound, Out: []pipeline.Kind{ResultOf(score.Accent).Kind},
		Layers: []pipeline.Layer{installed.LayerAligner, installed.LayerRecogniser}},
		accent.Score},
}

// scoringParts are the parts of all scorings.
func scoringParts() []run.Part {
	var out []run.Part
	for _, s := range Scorings {
		out = append(out, run.Part{Stage: s.Name})
	}
	return out
}
