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

// maxReport bounds a stored report, in bytes: a function's answer ends at 6 MiB, and a 45-minute transcript takes about 1.
const maxReport = 4 << 20

// report is the stored report of a run, as far as its parts are passed on: each as it was written, to the last digit. What is nil is
// not in it.
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
	Quality      json.RawMessage `json:"quality"`
}

// ErrDamaged says that a stored report is not what was once stored: to read it again would be of no use.
var ErrDamaged = errors.New("presentation: damaged report")

// report reads the stored report of a run that has ended; the empty one where the run never had one, or was erased. A run that is
// erased since it was read is read again into r. ErrDamaged where what is stored, or is no longer, is no report.
func (p Presenter) report(ctx context.Context, r *run.Run) (report, error) {
	var rep report
	if !r.ErasedAt.IsZero() {
		return rep, nil
	}
	body, size, err := p.Objects.Get(ctx, pipeline.Key(r.ID, r.Attempt, pipeline.Report, 0), 0, 0)
	switch {
	case errors.Is(err, pipeline.ErrNoObject) && r.Status == run.Failed:
		return rep, nil
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
	defer func() { _ = body.Close() }() // only read from
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

// reportOf reads a report.
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
