// Package batch scores many recordings without a server, a ledger or the minima of a run, to
// measure the scorers. It is the engine of `parley score`.
package batch

import (
	"context"
	"errors"
	"fmt"

	"parley/shared/speech"
	"parley/shared/speech/audio"
	"parley/shared/speech/score"
	"parley/shared/speech/score/accent"
	"parley/shared/speech/score/timing"
	"parley/shared/speech/transcript"
)

const (
	// MaxFiles is the maximum number of recordings that a row may join.
	MaxFiles = 500
	// MaxSeconds is the maximum length of their audio, s.
	MaxSeconds = 2 * 60 * 60
	gapSeconds = 1 // of silence between two files
)

// Row is one line of a manifest: one candidate.
type Row struct {
	ID string
	// Audio lists the candidate's recordings, which are scored together. If it is empty, only Text
	// is scored, for vocabulary.
	Audio []string
	// Text is what is said; if it is empty, the recogniser hears it. A given text tells vocabulary,
	// fluency and the aligner what the words are, but not how surely they are recognised: that
	// measure is then missing.
	Text string
}

// Engine holds everything that scoring a row needs.
type Engine struct {
	// Decode reads a recording as 16 kHz mono.
	Decode func(ctx context.Context, path string) ([]int16, error)
	// Inspect measures the quality of the samples.
	Inspect func(pcm []int16) audio.Quality
	// Recogniser hears the words, in Language (ISO 639-1).
	Recogniser transcript.Recogniser
	Language   string
	accent.Engines
	Scorings []speech.Scoring
	// Present turns the results into what the API shows, and the overall score.
	Present func(results score.Results, m score.Material) (scores, confidence any, overall score.Result, err error)
}

// RawOf returns the unrounded scores, 0 to 5, the overall score last; null if not measured.
func RawOf(results score.Results, overall score.Result) score.ByDimension[*float64] {
	out := score.ByDimension[*float64]{score.Overall: overall.Raw}
	for d, r := range results {
		out[d] = r.Raw
	}
	return out
}

// Line is what is printed for a row. Every row has the same fields; a field without a value is
// null.
type Line struct {
	ID         string                              `json:"id"`
	Scores     any                                 `json:"scores"`
	Raw        score.ByDimension[*float64]         `json:"raw"`
	Confidence any                                 `json:"confidence"`
	Intervals  map[score.Dimension][2]float64      `json:"intervals"`
	Measures   map[score.Dimension][]score.Measure `json:"measures"`
	// Reasons gives the reason for each score that is null.
	Reasons  map[score.Dimension]string   `json:"reason"`
	Cautions map[score.Dimension][]string `json:"cautions,omitempty"`
	Text     string                       `json:"text"` // as heard or given
	// Error says why the row has no scores at all: a recording could not be read.
	Error string `json:"error,omitempty"`
}

// Score scores one row. If the row itself is at fault (a file cannot be read), Score returns a Line
// with Error set and every score null. It returns an error for a failure of ours, or if the context
// ended.
func (e Engine) Score(ctx context.Context, row Row) (Line, error) {
	m, spoken, err := e.Material(ctx, row)
	if ctx.Err() != nil {
		return Line{}, fmt.Errorf("batch: %w", ctx.Err())
	}
	if err != nil {
		var own *rowError
		if !errors.As(err, &own) {
			return Line{}, fmt.Errorf("batch: %s: %w", row.ID, err)
		}
		none := score.Results{}
		for _, d := range score.Table {
			none[d.Name] = score.Result{Reason: own.Error()}
		}
		l, err := e.line(row, none, score.Material{})
		l.Error = own.Error()
		return l, err
	}
	results, err := e.results(ctx, row, m, spoken)
	if err != nil {
		return Line{}, fmt.Errorf("batch: %s: %w", row.ID, err)
	}
	return e.line(row, results, m)
}

// line collects what is printed.
func (e Engine) line(row Row, results score.Results, m score.Material) (Line, error) {
	scores, confidence, all, err := e.Present(results, m)
	if err != nil {
		return Line{}, fmt.Errorf("batch: %s: %w", row.ID, err)
	}
	l := Line{ID: row.ID, Scores: scores, Confidence: confidence, Raw: RawOf(results, all),
		Intervals: map[score.Dimension][2]float64{}, Measures: map[score.Dimension][]score.Measure{},
		Reasons: map[score.Dimension]string{}, Cautions: map[score.Dimension][]string{}}
	for _, r := range results.InOrder() {
		// An array, even if it is empty.
		l.Measures[r.Dimension] = append([]score.Measure{}, r.Measures...)
		if r.Raw != nil {
			l.Intervals[r.Dimension] = r.Interval
		}
		if len(r.Cautions) > 0 {
			l.Cautions[r.Dimension] = r.Cautions
		}
	}
	for _, r := range append(results.InOrder(), all) {
		if r.Raw == nil {
			l.Reasons[r.Dimension] = r.Reason
		}
	}
	for _, t := range m.Conversation.Turns {
		for _, w := range t.Words {
			if l.Text != "" {
				l.Text += " "
			}
			l.Text += w.Text
		}
	}
	return l, nil
}

// results returns the results of every dimension. Without audio, it scores only what needs no
// sound.
func (e Engine) results(ctx context.Context, row Row, m score.Material, spoken timing.Speech) (score.Results, error) {
	heard := m
	if row.Text != "" {
		heard = unheard(m)
		spoken = spoken.WithWords(heard.Conversation.CandidateTurns())
	}
	results := score.Results{}
	for _, s := range e.Scorings {
		material := m
		if d, _ := score.Find(s.Dimension()); d.Counted == score.SpeechSeconds {
			if len(row.Audio) == 0 {
				results[s.Dimension()] = score.Result{Reason: "There is no audio."}
				continue
			}
			material = heard
		}
		result, err := s.Score(ctx, material, spoken, e.Engines)
		if err != nil {
			return nil, err //nolint:wrapcheck // named by the scorer
		}
		results[s.Dimension()] = result
	}
	return results, nil
}

// rowError is a fault of the row itself.
type rowError struct{ err error }

func (e *rowError) Error() string { return e.err.Error() }
func (e *rowError) Unwrap() error { return e.err }

// Material turns a row into what the scorers read. Each recording is one turn of the one candidate.
// Silence that belongs to nobody separates the turns, so that joining creates no pause, and each
// recording is measured against its own level. The returned speech is that of the material.
func (e Engine) Material(ctx context.Context, row Row) (score.Material, timing.Speech, error) {
	m := score.Material{Waive: true}
	m.Conversation.Candidate.Confidence = "high"
	m.Conversation.Candidate.Reason = "The manifest says so."
	m.Conversation.Language, m.Conversation.LanguageP = e.Language, 1
	sound, err := e.join(ctx, row, &m)
	if err != nil {
		return m, timing.Speech{}, err
	}
	m.Intake.DurationMs = ms(len(m.PCM))
	m.Intake.Window = audio.Span{EndMs: m.Intake.DurationMs}
	if len(sound) > 0 {
		m.Intake.Quality = e.Inspect(sound)
		m.PCM = audio.Raised(m.PCM, m.Intake.Quality.LevelDb)
	}
	spoken := timing.Candidate(m)
	if err := e.words(ctx, row, &m, spoken); err != nil {
		return m, spoken, err
	}
	if row.Text == "" {
		spoken = timing.Candidate(m) // by the voice that the recogniser heard
	}
	total := transcript.SpeakerTotal{WordCount: m.Conversation.Candidate.WordCount}
	for _, p := range spoken.Parts {
		m.Intake.Speech = append(m.Intake.Speech, p.Span)
		total.SpeakingMs += p.Span.Len()
	}
	m.Conversation.Speakers = []transcript.SpeakerTotal{total}
	return m, spoken.WithWords(m.Conversation.CandidateTurns()), nil
}

// join reads the row's recordings into the material, a turn for each, and returns the samples
// without the silence between them.
func (e Engine) join(ctx context.Context, row Row, m *score.Material) (sound []int16, err error) {
	if len(row.Audio) > MaxFiles {
		return nil, &rowError{fmt.Errorf("%d recordings; at most %d are allowed", len(row.Audio), MaxFiles)}
	}
	for i, path := range row.Audio {
		pcm, err := e.Decode(ctx, path)
		if err != nil {
			return nil, &rowError{err}
		}
		if len(sound)+len(pcm) > MaxSeconds*audio.SampleRate {
			return nil, &rowError{fmt.Errorf("more than %d s of audio", MaxSeconds)}
		}
		if i > 0 {
			m.PCM = append(m.PCM, make([]int16, gapSeconds*audio.SampleRate)...)
		}
		start := ms(len(m.PCM))
		sound, m.PCM = append(sound, pcm...), append(m.PCM, pcm...)
		m.Conversation.Turns = append(m.Conversation.Turns, transcript.Turn{StartMs: start, EndMs: ms(len(m.PCM))})
	}
	return sound, nil
}

func ms(samples int) int64 { return int64(samples) * 1000 / audio.SampleRate }
