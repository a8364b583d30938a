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
	"parley/shared/speech/score/norms"
	"parley/shared/speech/score/timing"
	"parley/shared/speech/score/vocabulary"
)

// Scoring is the stage of one dimension: its row in the table of stages, named as the dimension,
// and its scorer.
type Scoring struct {
	pipeline.Stage
	// Score measures the dimension. speech is the candidate's in m, with its timing. A draft with a
	// reason was not measured, and the run then fails with the row's Fail; an error is a failure of
	// our own, and the part is tried again.
	Score func(ctx context.Context, m score.Material, speech timing.Speech, e accent.Engines) (Draft, error)
}

// Dimension is the one that the stage scores.
func (s Scoring) Dimension() score.Dimension { return score.Dimension(s.Name) }

// Draft is the score of a dimension as its stage leaves it. That of fluency lacks the clearness of
// the sounds, which accent finds; Complete adds it.
type Draft struct {
	fluency.Draft
	// WeakPhones is what accent leaves for fluency (accent.Result).
	WeakPhones norms.Values `json:"weakPhones,omitempty"`
}

// Finished is the draft of a dimension to which nothing is added.
func Finished(r score.Result) Draft { return Draft{Draft: fluency.Draft{Result: r}} }

// DraftOf is where a dimension's draft lies.
func DraftOf(d score.Dimension) pipeline.Artefact[Draft] { return pipeline.One[Draft](string(d)) }

// Complete makes results of the drafts of all dimensions.
func Complete(drafts map[score.Dimension]Draft) score.Results {
	out := score.Results{}
	for d, draft := range drafts {
		out[d] = draft.Score(drafts[score.Accent].WeakPhones)
	}
	return out
}

// What the scorers read: the words alone, or the sound as well.
var (
	words = []pipeline.Kind{Conversation.Kind}
	sound = []pipeline.Kind{PCM, Intake.Kind, Conversation.Kind}
)

// Scorings are the stages between the conversation and the report: one for each row of score.Table.
var Scorings = []Scoring{
	{pipeline.Stage{Name: Vocabulary, Timeout: 20 * time.Second, MaxReceives: 2, MemoryMB: 1024, Concurrency: 50,
		Due: 60 * time.Second, Fail: errcode.ScoringFailed, TimeoutCode: errcode.VocabModelTimeout, Progress: 70,
		In: words, Out: []pipeline.Kind{DraftOf(score.Vocabulary).Kind}},
		func(_ context.Context, m score.Material, _ timing.Speech, _ accent.Engines) (Draft, error) {
			r, err := vocabulary.Score(m)
			return Finished(r), err
		}},
	{pipeline.Stage{Name: Fluency, Timeout: 180 * time.Second, MaxReceives: 2, MemoryMB: 1769, Concurrency: 50,
		Due: 90 * time.Second, DueFactor: 0.05, Fail: errcode.ScoringFailed, TimeoutCode: errcode.FluencyModelTimeout, Progress: 70,
		In: sound, Out: []pipeline.Kind{DraftOf(score.Fluency).Kind}},
		func(_ context.Context, m score.Material, speech timing.Speech, _ accent.Engines) (Draft, error) {
			return Draft{Draft: fluency.Measure(m, speech)}, nil
		}},
	{pipeline.Stage{Name: Accent, Timeout: 180 * time.Second, MaxReceives: 2, MemoryMB: 1769, Concurrency: 50,
		Due: 90 * time.Second, DueFactor: 0.05, Fail: errcode.AccentScoreUnavailable, TimeoutCode: errcode.AccentScoreUnavailable, Progress: 70,
		In: sound, Out: []pipeline.Kind{DraftOf(score.Accent).Kind},
		Layers: []pipeline.Layer{installed.LayerAligner, installed.LayerRecogniser}},
		func(ctx context.Context, m score.Material, speech timing.Speech, e accent.Engines) (Draft, error) {
			r, err := accent.Score(ctx, m, speech, e)
			d := Finished(r.Result)
			d.WeakPhones = r.WeakPhones
			return d, err
		}},
}

// scoringParts are the parts of all scorings.
func scoringParts() []run.Part {
	var out []run.Part
	for _, s := range Scorings {
		out = append(out, run.Part{Stage: s.Name})
	}
	return out
}
