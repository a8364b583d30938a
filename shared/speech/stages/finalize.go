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
	in.RequestedLanguage, in.ScoringVersion = asked.Language, w.Edition()
	rep := report.Build(in)
	if err := speech.Report.Save(ctx, w.Objects, r, 0, rep); err != nil {
		return pipeline.Result{}, err
	}
	o, err := Outcome(r, report.ScoresOf(rep), in.Results, speech.Found{Language: in.Conversation.Heard})
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
	in.Intake = in.Intake.Of(in.Conversation.Candidate.Channel.Track())
	in.Results = score.Results{}
	for _, s := range speech.Scorings {
		if in.Results[s.Dimension()], err = speech.ResultOf(s.Dimension()).Load(ctx, w.Objects, r, 0); err != nil {
			return in, err
		}
	}
	return in, nil
}

// Outcome decides how a run whose scorers are done ends: success with a score in each dimension;
// partial where the client allows it and what is required was measured; else a failure with the
// code of what was not, of what is required first. s are the scores of the report, results what it
// was made of.
func Outcome(r run.Run, s run.Scores, results score.Results, found speech.Found) (run.Outcome, error) {
	of := speech.Service.Dimensions
	switch {
	case of.Complete(s):
		return run.Succeed(r, of, s, found.Document()), nil
	case of.Enough(s) && r.Request.AllowPartial:
		return run.SucceedInPart(r, of, s, found.Document()), nil
	}
	for _, required := range []bool{true, false} {
		for _, d := range of {
			if _, scored := s[d.Name]; !scored && d.Required == required {
				return run.Outcome{}, unmeasured(d, results[score.Dimension(d.Name)])
			}
		}
	}
	return run.Outcome{}, fmt.Errorf("stages: run %s has %d scores", r.ID, of.Produced(s))
}

// unmeasured is the finding that a dimension has no score.
func unmeasured(d run.Scored, r score.Result) error {
	row, err := speech.Service.Lookup(run.Stage(d.Name))
	switch {
	case err != nil:
		return fmt.Errorf("stages: %w", err)
	case d.Required:
		return errcode.New(row.Fail)
	case r.Raw != nil:
		return fmt.Errorf("stages: the score %g of %s is none", *r.Raw, d.Name)
	}
	return errcode.Newf(row.Fail, "%s", r.Reason)
}
