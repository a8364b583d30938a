package stages

import (
	"context"
	"fmt"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech"
	"parley/shared/speech/report"
	"parley/shared/speech/score"
	"parley/shared/speech/score/version"
)

func (w Works) finalize(ctx context.Context, r run.Run, _ run.Part) (pipeline.Result, error) {
	asked, err := speech.RequestOf(r)
	if err != nil {
		return pipeline.Result{}, err
	}
	in, err := w.gather(ctx, r)
	if err != nil {
		return pipeline.Result{}, err
	}
	in.RequestedLanguage, in.ScoringVersion = asked.Language, version.Of(w.Recogniser.Version(), w.Aligner.Version())
	rep := report.Build(in)
	if err := speech.Report.Save(ctx, w.Objects, r, 0, rep); err != nil {
		return pipeline.Result{}, err
	}
	o, err := Outcome(r, report.ScoresOf(rep), speech.Found{Language: in.Conversation.Heard}, in.Results[score.Vocabulary], in.Results[score.Fluency])
	return pipeline.Result{Outcome: &o}, err
}

// gather loads what the report is made of.
func (w Works) gather(ctx context.Context, r run.Run) (in report.Input, err error) {
	if in.Intake, err = speech.Intake.Load(ctx, w.Objects, r, 0); err != nil {
		return in, err
	}
	if in.Conversation, err = speech.Conversation.Load(ctx, w.Objects, r, 0); err != nil {
		return in, err
	}
	words, err := speech.VocabularyScore.Load(ctx, w.Objects, r, 0)
	if err != nil {
		return in, err
	}
	draft, err := speech.FluencyDraft.Load(ctx, w.Objects, r, 0)
	if err != nil {
		return in, err
	}
	spoken, err := speech.AccentScore.Load(ctx, w.Objects, r, 0)
	in.Results = score.Results{score.Vocabulary: words, score.Fluency: draft.Score(spoken.WeakPhones), score.Accent: spoken.Result}
	return in, err
}

// Outcome decides how a run whose scorers are done ends: success with a score in each dimension; partial
// where the client allows it and what is required was measured; else a failure with the code of what was
// not.
func Outcome(r run.Run, s run.Scores, found speech.Found, others ...score.Result) (run.Outcome, error) {
	of := speech.Service.Dimensions
	switch {
	case of.Complete(s):
		return run.Succeed(r, of, s, found.Document()), nil
	case !of.Enough(s):
		return run.Outcome{}, errcode.New(errcode.AccentScoreUnavailable)
	case r.Request.AllowPartial:
		return run.SucceedInPart(r, of, s, found.Document()), nil
	}
	for _, o := range others {
		if o.Raw == nil {
			return run.Outcome{}, errcode.Newf(errcode.ScoringFailed, "%s", o.Reason)
		}
	}
	return run.Outcome{}, fmt.Errorf("stages: run %s has %d scores", r.ID, of.Produced(s))
}
