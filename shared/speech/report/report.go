// Package report makes what a reader gets of a run's scores: the scored parts of a terminal run's
// body, and sentences in everyday words. Sentences are built from the measures, so that none says
// what the numbers do not.
package report

import (
	"math"

	"parley/shared/engine/run"
	"parley/shared/speech/audio"
	"parley/shared/speech/audio/channels"
	"parley/shared/speech/score"
	"parley/shared/speech/score/overall"
	"parley/shared/speech/transcript"
)

// The scoring methods.
const (
	MethodEnglish      = "acoustic_lexical"
	MethodMultilingual = "acoustic_lexical_multilingual"
)

// Input is all that a report is made of.
type Input struct {
	Intake       audio.Intake
	Conversation transcript.Conversation
	Results      score.Results
	// Language is the language heard, ISO 639-1; empty: the conversation's.
	Language          string
	RequestedLanguage string // ISO 639-1; empty: en
	ScoringVersion    string
}

// Report is the scored part of a terminal run, in the API's names. What was not measured is null,
// never 0.
type Report struct {
	ScoringMethod      string         `json:"scoringMethod"`
	ScoringVersion     string         `json:"scoringVersion"`
	Audio              Audio          `json:"audio"`
	CandidateDetection *Detection     `json:"candidateDetection"` // null where nobody spoke
	Scores             Scores         `json:"scores"`
	Confidence         Confidences    `json:"confidence"`
	Explainability     Explainability `json:"explainability"`
	Analysis           Analyses       `json:"analysis"`
	HRRecommendation   string         `json:"hrRecommendation"`
	CandidateFeedback  string         `json:"candidateFeedback"`
	Transcript         Transcript     `json:"transcript"`
}

// Audio is what the analysis found out about the recording.
type Audio struct {
	LanguageCode *string `json:"languageCode"` // heard; null where no language was
	SpeakerCount int     `json:"speakerCount"`
	// Channels is how those of the file were used; null for a text without a recording.
	Channels *Channels `json:"channels"`
	Quality  Quality   `json:"quality"`
}

// Channels is how the channels of a recording were used.
type Channels struct {
	Count int           `json:"count"`
	Used  channels.Used `json:"used"`
	Note  *string       `json:"note"` // null where nothing was to be decided
}

// Quality is what a client sees of the signal's quality.
type Quality struct {
	// null for a text without a recording, like the others
	SNRDb          *float64 `json:"snrDb"`
	ClippedPercent *float64 `json:"clippedPercent"` // 0 to 100
	SpeechPercent  *float64 `json:"speechPercent"`  // 0 to 100
	// null where there is no speech to tell it by, too
	BandwidthHz *float64 `json:"bandwidthHz"`
	// Cautions are sentences on what in the sound makes the scores less sure.
	Cautions []string `json:"cautions"`
}

// Detection is who the candidate is taken to be, and why.
type Detection struct {
	Speaker      string `json:"speaker"` // speaker_1 is the first to speak
	SpeakerLabel string `json:"speakerLabel"`
	Confidence   string `json:"confidence"`
	Reason       string `json:"reason"`
	WordCount    int    `json:"wordCount"`
	// Channel is the candidate's; null unless the channels are used separately.
	Channel *transcript.Channel `json:"channel"`
	// Hint is what the client said of who the candidate is; null: nothing.
	Hint *transcript.Hint `json:"hint"`
}

// Confidences are per score, with that of the overall one; null where there is none.
type Confidences = score.ByDimension[*Confidence]

// Confidence is how sure a score is.
type Confidence struct {
	Level overall.Confidence `json:"level"`
	// 90 %, on the 0-5 scale, one decimal, rounded outwards
	Interval [2]float64 `json:"interval"`
}

// Explainability holds two or three sentences for each dimension.
type Explainability = score.ByDimension[string]

// Analyses hold the measures of each dimension.
type Analyses = score.ByDimension[Analysis]

// Analysis is all that was measured for one dimension.
type Analysis struct {
	Measured
	*Lexicon       // vocabulary's alone; nil for other dimensions
	*Pronunciation // accent's alone; nil for other dimensions
}

// Measured is what was measured for any dimension.
type Measured struct {
	Measures []Measure `json:"measures"`
	Cautions []string  `json:"cautions"` // sentences on what makes the score less sure
	// Reason is why the dimension has no score; null where it has one.
	Reason *string `json:"reason"`
}

// Measure is one measure as the client reads it.
type Measure struct {
	Name         string      `json:"name"`
	Label        string      `json:"label"`
	Value        *float64    `json:"value"` // null: not measured, then reason says why
	Unit         string      `json:"unit"`
	Norm         *score.Norm `json:"norm"` // null where there is none
	Weight       float64     `json:"weight"`
	Contribution float64     `json:"contribution"` // points of the 0-5 scale
	Reason       string      `json:"reason,omitempty"`
}

// Build makes the report. It never fails: what is missing or no number is reported as not measured.
func Build(in Input) Report {
	with := overall.Conditions{Audio: in.Intake.DurationMs > 0, Quality: in.Intake.Quality, Detection: in.Conversation.Candidate.Confidence}
	s := sheetOf(in.Results, with)
	r := Report{
		ScoringMethod: method(in.RequestedLanguage), ScoringVersion: in.ScoringVersion,
		Audio:              audioOf(in, with.Audio),
		CandidateDetection: detection(in.Conversation),
		Scores:             Scores{}, Confidence: Confidences{score.Overall: nil}, Explainability: Explainability{}, Analysis: Analyses{},
		HRRecommendation:  s.recommend(),
		CandidateFeedback: s.feedback(),
		Transcript:        transcriptOf(in.Conversation),
	}
	for _, one := range s.sides {
		r.Explainability[one.Dimension] = one.explain()
		r.Analysis[one.Dimension] = analysis(one.Result)
	}
	for _, one := range append(s.sides, s.all) {
		if one.Raw == nil {
			continue
		}
		r.Scores[one.Dimension] = shown(*one.Raw)
		r.Confidence[one.Dimension] = &Confidence{Level: one.sure, Interval: outward(one.Result)}
	}
	return r
}

// ScoresOf are the headline numbers of a report.
func ScoresOf(r Report) run.Scores {
	s := run.Scores{}
	for d, v := range r.Scores {
		s[run.Dimension(d)] = v.Points
	}
	return s
}

// sanitize takes out of a result what is no number, and puts the rest within the scale.
func sanitize(r score.Result) score.Result {
	if !overall.Measured(r) {
		if r.Raw != nil || r.Reason == "" {
			r.Reason = "It could not be computed."
		}
		r.Raw, r.Interval = nil, [2]float64{}
		r.Lexis, r.Named, r.Practice, r.AsLikely = nil, "", nil, ""
	} else {
		v := max(0, min(5, *r.Raw))
		r.Raw = &v
		low, high := r.Interval[0], r.Interval[1]
		if finite(low) && finite(high) {
			r.Interval = [2]float64{max(0, min(low, v)), min(5, max(high, v))}
		} else {
			r.Interval = [2]float64{0, 5}
		}
		r.Reason = ""
	}
	ms := make([]score.Measure, 0, len(r.Measures))
	for _, m := range r.Measures {
		if m.Value != nil && !finite(*m.Value) {
			m.Value, m.Reason = nil, "It could not be computed."
		}
		if !finite(m.Norm.Low) || !finite(m.Norm.High) {
			m.Norm = score.Norm{}
		}
		if !finite(m.Contribution) || m.Value == nil || r.Raw == nil {
			m.Contribution = 0
		}
		if !finite(m.Weight) {
			m.Weight = 0
		}
		ms = append(ms, m)
	}
	r.Measures = ms
	return r
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func method(requested string) string {
	if requested == "" || requested == "en" {
		return MethodEnglish
	}
	return MethodMultilingual
}

func audioOf(in Input, recorded bool) Audio {
	a := Audio{SpeakerCount: len(in.Conversation.Speakers)}
	heard := in.Language
	if heard == "" {
		heard = in.Conversation.Heard
	}
	if heard != "" {
		a.LanguageCode = &heard
	}
	a.Quality.Cautions = []string{}
	if recorded {
		q := in.Intake.Quality
		a.Quality = Quality{SNRDb: decimals(q.SNRDb, 10), ClippedPercent: decimals(q.ClippedPercent, 1000), SpeechPercent: decimals(q.SpeechPercent, 10), Cautions: []string{}}
		if q.BandwidthHz > 0 {
			a.Quality.BandwidthHz = decimals(q.BandwidthHz, 1)
		}
		for _, c := range overall.Cautions(q) {
			a.Quality.Cautions = append(a.Quality.Cautions, c.Text)
		}
		if c := in.Intake.Channels; c.Count > 0 {
			a.Channels = &Channels{Count: c.Count, Used: c.Used}
			if c.Note != "" {
				a.Channels.Note = &c.Note
			}
		}
	}
	return a
}

// decimals rounds to one part in per; what is no number is null.
func decimals(v, per float64) *float64 {
	if !finite(v) {
		return nil
	}
	v = rounded(v, per)
	return &v
}

// rounded never gives a negative zero, which JSON would show as -0.
func rounded(v, per float64) float64 { return math.Round(v*per)/per + 0 }

// outward is the interval to one decimal, never narrower than it was and holding the score as
// shown.
func outward(r score.Result) [2]float64 {
	const fine = 1e-6 // an end that is a tenth already stays
	v := overall.Shown(*r.Raw)
	return [2]float64{min(v, math.Floor((r.Interval[0]+fine)*10)/10), max(v, min(5, math.Ceil((r.Interval[1]-fine)*10)/10))}
}

func analysis(r score.Result) Analysis {
	a := Analysis{Measured: Measured{Measures: []Measure{}, Cautions: []string{}}}
	if r.Dimension == score.Vocabulary {
		a.Lexicon = lexiconOf(r)
	}
	if r.Dimension == score.Accent {
		a.Pronunciation = pronunciationOf(r)
	}
	a.Cautions = append(a.Cautions, r.Cautions...)
	if r.Raw == nil {
		reason := sentence(r.Reason)
		a.Reason = &reason
	}
	for _, m := range r.Measures {
		out := Measure{Name: m.Name, Label: m.Label, Unit: m.Unit, Weight: rounded(m.Weight, 1000), Contribution: rounded(m.Contribution, 1000)}
		if m.Value != nil {
			out.Value = decimals(*m.Value, 10000)
		} else if out.Reason = m.Reason; out.Reason == "" {
			out.Reason = "It was not measured."
		}
		if m.Norm.Low != m.Norm.High {
			norm := m.Norm
			out.Norm = &norm
		}
		a.Measures = append(a.Measures, out)
	}
	return a
}
