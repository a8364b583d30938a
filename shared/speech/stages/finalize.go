package stages

import (
	"context"
	"fmt"

	"parley/shared/engine/credit"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech/report"
	"parley/shared/speech/score"
	"parley/shared/speech/score/accent"
	"parley/shared/speech/score/fluency"
	"parley/shared/speech/score/version"
)

func (w Works) finalize(ctx context.Context, r run.Run, _ run.Part) (pipeline.Result, error) {
	in := report.Input{RequestedLanguage: r.Request.Language, ScoringVersion: version.Version(w.Recogniser.Version(), w.Aligner.Version())}
	var fluent fluency.Draft
	var spoken accent.Result
	for _, part := range []struct {
		of   pipeline.Artefact
		into any
	}{
		{pipeline.Intake, &in.Intake}, {pipeline.Conversation, &in.Conversation},
		{pipeline.VocabularyScore, &in.Vocabulary}, {pipeline.FluencyScore, &fluent}, {pipeline.AccentScore, &spoken},
	} {
		if err := w.load(ctx, r, part.of, 0, part.into); err != nil {
			return pipeline.Result{}, err
		}
	}
	in.Fluency, in.Accent = fluent.Score(spoken.WeakPhones), spoken.Result
	rep := report.Build(in)
	if err := w.store(ctx, r, pipeline.Report, 0, rep); err != nil {
		return pipeline.Result{}, err
	}
	o, err := Outcome(r, report.ScoresOf(rep), in.Conversation.Heard, in.Vocabulary, in.Fluency)
	return pipeline.Result{Outcome: &o}, err
}

// Outcome decides how a run whose scorers are done ends: success with all three scores; partial where the client allows
// it and the accent was measured; else a failure with the code of what was not.
func Outcome(r run.Run, s run.Scores, language string, others ...score.Result) (run.Outcome, error) {
	switch {
	case s.Produced() == 3:
		return run.Succeed(r, s, language), nil
	case s.Accent == nil:
		return run.Outcome{}, errcode.New(errcode.AccentScoreUnavailable)
	case r.Request.AllowPartial:
		return run.Outcome{Status: run.Partial, Scores: s, Charge: credit.PartialCost(r.Cost, s.Produced()), Language: language}, nil
	}
	for _, o := range others {
		if o.Raw == nil {
			return run.Outcome{}, errcode.Newf(errcode.ScoringFailed, "%s", o.Reason)
		}
	}
	return run.Outcome{}, fmt.Errorf("stages: run %s has %d scores", r.ID, s.Produced())
}
