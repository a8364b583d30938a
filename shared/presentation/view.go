package presentation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"

	"parley/shared/engine/run"
	"parley/shared/speech"
	"parley/shared/speech/audio"
)

// Accepted is the answer to a submit.
type Accepted struct {
	ID                  run.ID            `json:"id"`
	Status              run.Status        `json:"status"`
	ExternalID          *string           `json:"externalId"`
	ServiceType         string            `json:"serviceType"`
	Timestamp           Stamp             `json:"timestamp"`
	PollIntervalSeconds int               `json:"pollIntervalSeconds"`
	QueuePosition       *int              `json:"queuePosition,omitempty"` // only while queued
	ActiveRequests      int               `json:"activeRequests"`
	Audio               File              `json:"audio"`
	Credits             Held              `json:"credits"`
	Metadata            map[string]string `json:"metadata"`
	Tags                []string          `json:"tags"`
}

// File describes a recording, as the submit measured it.
type File struct {
	DurationMs        int64  `json:"durationMs"`
	DurationFormatted string `json:"durationFormatted"`
	Format            string `json:"format"`
	SizeBytes         int64  `json:"sizeBytes"`
}

// Held is the cost of a run that has not ended, in credits.
type Held struct {
	Held int64 `json:"held"`
}

// head holds the fields that every view of a run begins with.
type head struct {
	ID               run.ID     `json:"id"`
	ExternalID       *string    `json:"externalId"`
	Status           run.Status `json:"status"`
	ServiceType      string     `json:"serviceType"`
	Timestamp        Stamp      `json:"timestamp"` // of this answer
	CreatedAt        Stamp      `json:"createdAt"`
	CompletedAt      *Stamp     `json:"completedAt"`
	ProcessingTimeMs *int64     `json:"processingTimeMs"` // from the start of processing to the end
}

// Live is a run that has not ended.
type Live struct {
	head
	Stage               string            `json:"stage"`
	Progress            int               `json:"progress"`
	PollIntervalSeconds int               `json:"pollIntervalSeconds"`
	QueuePosition       *int              `json:"queuePosition,omitempty"` // only while queued
	Audio               liveAudio         `json:"audio"`
	Credits             Held              `json:"credits"`
	Metadata            map[string]string `json:"metadata"`
	Tags                []string          `json:"tags"`
}

// Joined is what the file of a recording is put together of.
type Joined struct {
	Joins  int          `json:"joins"`
	Breaks audio.Breaks `json:"breaks"`
}

type liveAudio struct {
	File
	Joined
	RequestedLanguage string `json:"requestedLanguage"`
}

// Summary is a run that has ended, as lists and webhooks show it. A null value was not measured, or
// was erased.
type Summary struct {
	head
	ScoringMethod      json.RawMessage `json:"scoringMethod"`
	ScoringVersion     json.RawMessage `json:"scoringVersion"`
	Audio              doneAudio       `json:"audio"`
	CandidateDetection json.RawMessage `json:"candidateDetection"`
	Scores             json.RawMessage `json:"scores"`
	Confidence         json.RawMessage `json:"confidence"`
	Explainability     json.RawMessage `json:"explainability"`
	HRRecommendation   json.RawMessage `json:"hrRecommendation"`
	CandidateFeedback  json.RawMessage `json:"candidateFeedback"`
	Credits            Charged         `json:"credits"`
	Error              *run.Failure    `json:"error"`
	// only if erased: then the results are null
	ErasedAt *Stamp            `json:"erasedAt,omitempty"`
	Metadata map[string]string `json:"metadata"`
	Tags     []string          `json:"tags"`
}

// Finished is a run that has ended, in full.
type Finished struct {
	Summary
	Analysis   json.RawMessage `json:"analysis"`
	Transcript json.RawMessage `json:"transcript"`
}

// Encode returns v as encoding/json would write it, followed by a line break, except for white
// space in the two long members. It copies those as they are, because encoding/json would parse
// them again.
func (v Finished) Encode() ([]byte, error) {
	var head bytes.Buffer
	e := json.NewEncoder(&head)
	e.SetEscapeHTML(false)
	if err := e.Encode(v.Summary); err != nil {
		return nil, fmt.Errorf("presentation: %s: %w", v.ID, err)
	}
	begin := bytes.TrimSuffix(head.Bytes(), []byte("}\n"))
	body := make([]byte, 0, len(begin)+len(v.Analysis)+len(v.Transcript)+64)
	body = append(body, begin...)
	body = append(append(body, `,"analysis":`...), orNull(v.Analysis)...)
	body = append(append(body, `,"transcript":`...), orNull(v.Transcript)...)
	return append(body, "}\n"...), nil
}

// WithoutBalance returns v as a reader without a key may see it.
func (v Finished) WithoutBalance() Finished {
	v.Credits.RemainingBalance = nil
	return v
}

func orNull(m json.RawMessage) json.RawMessage {
	if m == nil {
		return json.RawMessage("null")
	}
	return m
}

type doneAudio struct {
	File
	Joined
	LanguageCode      *string         `json:"languageCode"` // heard
	RequestedLanguage string          `json:"requestedLanguage"`
	SpeakerCount      json.RawMessage `json:"speakerCount"`
	Channels          json.RawMessage `json:"channels"`
	Quality           json.RawMessage `json:"quality"`
}

// Charged is the cost of a run that has ended, in credits.
type Charged struct {
	Deducted int64 `json:"deducted"`
	// null for a reader without a key
	RemainingBalance *int64 `json:"remainingBalance"`
	// to two decimals; started minutes are billed
	AudioDurationMinutes float64 `json:"audioDurationMinutes"`
}

func (p Presenter) head(r run.Run) head {
	h := head{ID: r.ID, Status: r.Status, ServiceType: p.Service.Name, Timestamp: Stamp(p.Clock.Now()),
		CreatedAt: Stamp(r.CreatedAt), CompletedAt: Maybe(r.CompletedAt)}
	if id := r.Request.ExternalID; id != "" {
		h.ExternalID = &id
	}
	if !r.CompletedAt.IsZero() && !r.StartedAt.IsZero() {
		ms := r.CompletedAt.Sub(r.StartedAt).Milliseconds()
		h.ProcessingTimeMs = &ms
	}
	return h
}

// live returns the view of a run that has not ended, without its position in the queue.
func (p Presenter) live(r run.Run) (v Live, err error) {
	asked, err := speech.RequestOf(r)
	if err != nil {
		return v, err
	}
	v.Audio.RequestedLanguage = asked.Language
	if v.Audio.File, v.Audio.Joined, err = fileOf(r); err != nil {
		return v, err
	}
	v.Stage, v.Progress = p.progress(r)
	v.PollIntervalSeconds = PollInterval(p.Clock.Now().Sub(r.CreatedAt))
	v.Credits, v.Metadata, v.Tags = Held{r.Cost}, metadataOf(r), tagsOf(r)
	v.head = p.head(r)
	return v, nil
}

func (p Presenter) summary(r run.Run, rep report, balance int64) (v Summary, err error) {
	asked, err := speech.RequestOf(r)
	if err != nil {
		return v, err
	}
	file, joined, err := fileOf(r)
	if err != nil {
		return v, err
	}
	heard := rep.Audio.LanguageCode
	if heard == nil && r.ErasedAt.IsZero() {
		found, err := speech.FoundOf(r)
		if err != nil {
			return v, err
		}
		if found.Language != "" {
			heard = &found.Language
		}
	}
	v = Summary{
		ScoringMethod: rep.ScoringMethod, ScoringVersion: rep.ScoringVersion,
		Audio:              doneAudio{file, joined, heard, asked.Language, rep.Audio.SpeakerCount, rep.Audio.Channels, rep.Audio.Quality},
		CandidateDetection: rep.CandidateDetection, Scores: rep.Scores, Confidence: rep.Confidence, Explainability: rep.Explainability,
		HRRecommendation: rep.HRRecommendation, CandidateFeedback: rep.CandidateFeedback,
		Credits: Charged{r.Charged, &balance, math.Round(r.Length.Minutes()*100) / 100},
		Error:   r.Failure, ErasedAt: Maybe(r.ErasedAt), Metadata: metadataOf(r), Tags: tagsOf(r),
	}
	v.head = p.head(r)
	return v, nil
}

func fileOf(r run.Run) (File, Joined, error) {
	f, err := speech.FileOf(r)
	ms := r.Length.Milliseconds()
	return File{ms, spoken(ms), f.Format, f.SizeBytes}, Joined{f.Joins, f.Breaks}, err
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
