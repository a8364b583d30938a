package presentation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
)

// maxReport bounds a stored report, in bytes. A function may answer at most 6 MiB; a 45-minute
// transcript takes about 1.
const maxReport = 4 << 20

// report holds the members of a stored report that are passed on, each exactly as it was written. A
// nil member is missing from the report.
type report struct {
	ScoringMethod      json.RawMessage
	ScoringVersion     json.RawMessage
	Audio              heardAudio
	CandidateDetection json.RawMessage
	Scores             json.RawMessage
	Confidence         json.RawMessage
	Explainability     json.RawMessage
	Analysis           json.RawMessage
	HRRecommendation   json.RawMessage
	CandidateFeedback  json.RawMessage
	Transcript         json.RawMessage
}

type heardAudio struct {
	LanguageCode *string         `json:"languageCode"`
	SpeakerCount json.RawMessage `json:"speakerCount"`
	Channels     json.RawMessage `json:"channels"`
	Quality      json.RawMessage `json:"quality"`
}

// ErrDamaged means that a stored report is missing, too large or not valid. Reading it again would
// not help.
var ErrDamaged = errors.New("presentation: damaged report")

// report reads the stored report of a run that has ended. The report is empty if the run failed,
// even if its report was stored before it did, or was erased. If the run was erased after r was
// read, it reads the run again into r. ErrDamaged.
func (p Presenter) report(ctx context.Context, r *run.Run) (report, error) {
	var rep report
	if !r.ErasedAt.IsZero() || r.Status == run.Failed {
		return rep, nil
	}
	body, size, err := p.Objects.Get(ctx, pipeline.KeyOf(*r, pipeline.Report, 0), 0, 0)
	switch {
	case errors.Is(err, pipeline.ErrNoObject):
		now, again := p.Runs.Get(ctx, r.ID)
		switch {
		case again != nil:
			return rep, fmt.Errorf("presentation: report of %s: %w", r.ID, errors.Join(err, again))
		case now.ErasedAt.IsZero():
			return rep, fmt.Errorf("%w of %s: %w", ErrDamaged, r.ID, err)
		}
		*r = now
		return rep, nil
	case err != nil:
		return rep, fmt.Errorf("presentation: report of %s: %w", r.ID, err)
	}
	defer func() { _ = body.Close() }() // it was only read
	if size > maxReport {
		return rep, fmt.Errorf("%w of %s: %d bytes", ErrDamaged, r.ID, size)
	}
	raw := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	if _, err := raw.ReadFrom(io.LimitReader(body, maxReport+1)); err != nil {
		return rep, fmt.Errorf("presentation: report of %s: %w", r.ID, err)
	}
	if rep, err = reportOf(raw.Bytes()); err != nil {
		return report{}, fmt.Errorf("%w of %s: %w", ErrDamaged, r.ID, err)
	}
	return rep, nil
}

func reportOf(raw []byte) (r report, err error) {
	members, err := membersOfObject(raw)
	if err != nil {
		return r, err
	}
	r = report{ScoringMethod: members["scoringMethod"], ScoringVersion: members["scoringVersion"], CandidateDetection: members["candidateDetection"],
		Scores: members["scores"], Confidence: members["confidence"], Explainability: members["explainability"], Analysis: members["analysis"],
		HRRecommendation: members["hrRecommendation"], CandidateFeedback: members["candidateFeedback"], Transcript: members["transcript"]}
	if audio, ok := members["audio"]; ok {
		err = json.Unmarshal(audio, &r.Audio)
	}
	return r, err
}
