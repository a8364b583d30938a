package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"parley/shared/pipeline"
	"parley/shared/run"
)

// maxReport bounds a stored report, in bytes: a function's answer ends at 6 MiB, and a 45-minute transcript takes about 1.
const maxReport = 4 << 20

// head is what every reading of a run begins with.
type head struct {
	ID               run.ID     `json:"id"`
	ExternalID       *string    `json:"externalId"`
	Status           run.Status `json:"status"`
	ServiceType      string     `json:"serviceType"`
	Timestamp        Stamp      `json:"timestamp"` // of this answer
	CreatedAt        Stamp      `json:"createdAt"`
	CompletedAt      *Stamp     `json:"completedAt"`
	ProcessingTimeMs *int64     `json:"processingTimeMs"` // from its slot to its end
}

// liveView is a run that has not ended.
type liveView struct {
	head
	Stage               string            `json:"stage"`
	Progress            int               `json:"progress"`
	PollIntervalSeconds int               `json:"pollIntervalSeconds"`
	QueuePosition       *int              `json:"queuePosition,omitempty"` // queued only
	Audio               liveAudio         `json:"audio"`
	Credits             heldView          `json:"credits"`
	Metadata            map[string]string `json:"metadata"`
	Tags                []string          `json:"tags"`
}

type liveAudio struct {
	fileView
	RequestedLanguage string `json:"requestedLanguage"`
}

// summaryView is a run that has ended, as lists and webhooks show it. What is null was not measured.
type summaryView struct {
	head
	ScoringMethod      json.RawMessage   `json:"scoringMethod"`
	ScoringVersion     json.RawMessage   `json:"scoringVersion"`
	Audio              doneAudio         `json:"audio"`
	CandidateDetection json.RawMessage   `json:"candidateDetection"`
	Scores             json.RawMessage   `json:"scores"`
	Confidence         json.RawMessage   `json:"confidence"`
	Explainability     json.RawMessage   `json:"explainability"`
	HRRecommendation   json.RawMessage   `json:"hrRecommendation"`
	CandidateFeedback  json.RawMessage   `json:"candidateFeedback"`
	Credits            doneCredits       `json:"credits"`
	Error              *run.Failure      `json:"error"`
	ErasedAt           *Stamp            `json:"erasedAt,omitempty"` // only then: nothing of what was heard is here
	Metadata           map[string]string `json:"metadata"`
	Tags               []string          `json:"tags"`
}

// doneView is a run that has ended, whole.
type doneView struct {
	summaryView
	Analysis   json.RawMessage `json:"analysis"`
	Transcript json.RawMessage `json:"transcript"`
}

type doneAudio struct {
	fileView
	LanguageCode      *string         `json:"languageCode"` // heard
	RequestedLanguage string          `json:"requestedLanguage"`
	SpeakerCount      json.RawMessage `json:"speakerCount"`
	Quality           json.RawMessage `json:"quality"`
}

type doneCredits struct {
	Deducted             int64   `json:"deducted"`
	RemainingBalance     int64   `json:"remainingBalance"`
	AudioDurationMinutes float64 `json:"audioDurationMinutes"` // two decimals; what is billed is the started minute
}

// report is the stored report of a run, as far as its parts are passed on: each as it was written, to the last digit.
type report struct {
	ScoringMethod  json.RawMessage `json:"scoringMethod"`
	ScoringVersion json.RawMessage `json:"scoringVersion"`
	Audio          struct {
		LanguageCode *string         `json:"languageCode"`
		SpeakerCount json.RawMessage `json:"speakerCount"`
		Quality      json.RawMessage `json:"quality"`
	} `json:"audio"`
	CandidateDetection json.RawMessage `json:"candidateDetection"`
	Scores             json.RawMessage `json:"scores"`
	Confidence         json.RawMessage `json:"confidence"`
	Explainability     json.RawMessage `json:"explainability"`
	Analysis           json.RawMessage `json:"analysis"`
	HRRecommendation   json.RawMessage `json:"hrRecommendation"`
	CandidateFeedback  json.RawMessage `json:"candidateFeedback"`
	Transcript         json.RawMessage `json:"transcript"`
}

// errDamaged says that a stored report is not what was once stored: to read it again would be of no use.
var errDamaged = errors.New("api: damaged report")

// report reads the stored report of a run that has ended; the empty one where the run never had one, or was erased. A run that is
// erased since it was read is read again into r. errDamaged where what is stored, or is no longer, is no report.
func (c *call) report(r *run.Run) (report, error) {
	var rep report
	if !r.ErasedAt.IsZero() {
		return rep, nil
	}
	body, size, err := c.Objects.Get(c.r.Context(), pipeline.Key(r.ID, r.Attempt, pipeline.Report, 0), 0, 0)
	switch {
	case errors.Is(err, pipeline.ErrNoObject) && r.Status == run.Failed:
		return rep, nil
	case errors.Is(err, pipeline.ErrNoObject):
		now, again := c.Runs.Get(c.r.Context(), r.ID)
		switch {
		case again != nil:
			return rep, fmt.Errorf("api: report of %s: %w", r.ID, errors.Join(err, again))
		case now.ErasedAt.IsZero():
			return rep, fmt.Errorf("%w of %s: %w", errDamaged, r.ID, err)
		}
		*r = now
		return rep, nil
	case err != nil:
		return rep, fmt.Errorf("api: report of %s: %w", r.ID, err)
	}
	defer func() { _ = body.Close() }() // only read from
	if size > maxReport {
		return rep, fmt.Errorf("%w of %s: %d bytes", errDamaged, r.ID, size)
	}
	raw, err := io.ReadAll(io.LimitReader(body, maxReport+1))
	if err != nil {
		return rep, fmt.Errorf("api: report of %s: %w", r.ID, err)
	}
	if err := json.Unmarshal(raw, &rep); err != nil {
		return report{}, fmt.Errorf("%w of %s: %w", errDamaged, r.ID, err)
	}
	return rep, nil
}

func (c *call) head(r run.Run) head {
	h := head{ID: r.ID, ExternalID: external(r), Status: r.Status, ServiceType: run.ServiceSpeech, Timestamp: Stamp(c.Clock.Now()),
		CreatedAt: Stamp(r.CreatedAt), CompletedAt: maybe(r.CompletedAt)}
	if !r.CompletedAt.IsZero() && !r.StartedAt.IsZero() {
		ms := r.CompletedAt.Sub(r.StartedAt).Milliseconds()
		h.ProcessingTimeMs = &ms
	}
	return h
}

func (c *call) live(r run.Run) liveView {
	stage, percent := progress(r)
	return liveView{head: c.head(r), Stage: stage, Progress: percent, PollIntervalSeconds: pollInterval(c.Clock.Now().Sub(r.CreatedAt)),
		Audio: liveAudio{fileOf(r.Audio), r.Request.Language}, Credits: heldView{r.Cost}, Metadata: metadataOf(r), Tags: tagsOf(r)}
}

func (c *call) summary(r run.Run, rep report, balance int64) summaryView {
	heard := rep.Audio.LanguageCode
	if heard == nil && r.Language != "" && r.ErasedAt.IsZero() {
		heard = &r.Language
	}
	return summaryView{
		head: c.head(r), ScoringMethod: rep.ScoringMethod, ScoringVersion: rep.ScoringVersion,
		Audio:              doneAudio{fileOf(r.Audio), heard, r.Request.Language, rep.Audio.SpeakerCount, rep.Audio.Quality},
		CandidateDetection: rep.CandidateDetection, Scores: rep.Scores, Confidence: rep.Confidence, Explainability: rep.Explainability,
		HRRecommendation: rep.HRRecommendation, CandidateFeedback: rep.CandidateFeedback,
		Credits: doneCredits{r.Charged, balance, math.Round(time.Duration(r.Audio.DurationMs*int64(time.Millisecond)).Minutes()*100) / 100},
		Error:   r.Failure, ErasedAt: maybe(r.ErasedAt), Metadata: metadataOf(r), Tags: tagsOf(r),
	}
}

func external(r run.Run) *string {
	if r.Request.ExternalID == "" {
		return nil
	}
	return &r.Request.ExternalID
}

func metadataOf(r run.Run) map[string]string {
	if r.Request.Metadata == nil {
		return map[string]string{}
	}
	return r.Request.Metadata
}

func tagsOf(r run.Run) []string {
	if r.Request.Tags == nil {
		return []string{}
	}
	return r.Request.Tags
}
