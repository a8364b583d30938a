package api

import (
	"bytes"
	"encoding/json"
	"math"
	"time"

	"parley/shared/engine/run"
)

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

// encode is the view as encoding/json would write it, but for white space in the two long parts, which are known to be JSON: it would
// go through them once more.
func (v doneView) encode() (encoded, error) {
	head, err := encode(v.summaryView)
	if err != nil {
		return nil, err
	}
	head = bytes.TrimSuffix(head, []byte("}\n"))
	body := make([]byte, 0, len(head)+len(v.Analysis)+len(v.Transcript)+64)
	body = append(body, head...)
	body = append(append(body, `,"analysis":`...), orNullJSON(v.Analysis)...)
	body = append(append(body, `,"transcript":`...), orNullJSON(v.Transcript)...)
	return append(body, "}\n"...), nil
}

func orNullJSON(m json.RawMessage) json.RawMessage {
	if m == nil {
		return json.RawMessage("null")
	}
	return m
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
