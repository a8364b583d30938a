// Package batch scores many recordings without server, ledger or the minima of a run: the way to measure the scorers. It
// is the engine of `parley score`.
package batch

import (
	"context"
	"errors"
	"fmt"

	"parley/shared/speech/audio"
	"parley/shared/speech/score"
	"parley/shared/speech/score/accent"
	"parley/shared/speech/score/fluency"
	"parley/shared/speech/score/timing"
	"parley/shared/speech/transcript"
)

const (
	// MaxFiles is the most recordings that a row may join.
	MaxFiles = 500
	// MaxSeconds is the most audio that they may hold, s.
	MaxSeconds = 2 * 60 * 60
	gapSeconds = 1 // of silence between two files
)

// Row is one line of a manifest: one candidate.
type Row struct {
	ID string
	// Audio are the recordings of the candidate, scored together. None: Text alone is scored, for vocabulary.
	Audio []string
	// Text is what is said; empty: the recogniser hears it. A given text tells vocabulary, fluency and alignment what the words
	// are, but not how surely they are heard: that measure is missing then.
	Text string
}

// Engine holds what a row is scored with.
type Engine struct {
	// Decode reads a recording as 16 kHz mono.
	Decode func(ctx context.Context, path string) ([]int16, error)
	// Inspect measures the quality of the samples.
	Inspect func(pcm []int16) audio.Quality
	// Recogniser hears the words, in Language (ISO 639-1).
	Recogniser transcript.Recogniser
	Language   string
	Aligner    accent.Aligner
	Listener   accent.Listener
	// Vocabulary scores the words.
	Vocabulary func(m score.Material) (score.Result, error)
	// Present makes of the three results what the API shows, and the overall score.
	Present func(vocabulary, fluency, accent score.Result, m score.Material) (scores, confidence any, overall score.Result, err error)
}

// Raw are the unrounded scores, 0 to 5; null where not measured.
type Raw struct {
	Vocabulary *float64 `json:"vocabulary"`
	Fluency    *float64 `json:"fluency"`
	Accent     *float64 `json:"accent"`
	Overall    *float64 `json:"overall"`
}

// RawOf are the unrounded scores of four results.
func RawOf(vocabulary, fluency, accent, overall score.Result) Raw {
	return Raw{vocabulary.Raw, fluency.Raw, accent.Raw, overall.Raw}
}

// Line is what is printed for a row: the same fields for every row, null where there is nothing.
type Line struct {
	ID         string                              `json:"id"`
	Scores     any                                 `json:"scores"`
	Raw        Raw                                 `json:"raw"`
	Confidence any                                 `json:"confidence"`
	Intervals  map[score.Dimension][2]float64      `json:"intervals"`
	Measures   map[score.Dimension][]score.Measure `json:"measures"`
	// Reasons say of each score that is null why it is.
	Reasons  map[score.Dimension]string   `json:"reason"`
	Cautions map[score.Dimension][]string `json:"cautions,omitempty"`
	Text     string                       `json:"text"` // as heard or given
	// Error says why the row has no scores at all: a recording that cannot be read.
	Error string `json:"error,omitempty"`
}

// Score scores one row. A row that cannot be scored for a fault of its own (a file that cannot be read) is a Line with Error
// set and every score null; the error is for a failure of ours, and for a context that ended.
func (e Engine) Score(ctx context.Context, row Row) (Line, error) {
	m, err := e.Material(ctx, row)
	if ctx.Err() != nil {
		return Line{}, fmt.Errorf("batch: %w", ctx.Err())
	}
	if err != nil {
		var own *rowError
		if !errors.As(err, &own) {
			return Line{}, fmt.Errorf("batch: %s: %w", row.ID, err)
		}
		none := func(d score.Dimension) score.Result { return score.Result{Dimension: d, Reason: own.Error()} }
		l, err := e.line(row, none(score.Vocabulary), none(score.Fluency), none(score.Accent), score.Material{})
		l.Error = own.Error()
		return l, err
	}
	vo, err := e.Vocabulary(m)
	if err != nil {
		return Line{}, fmt.Errorf("batch: %s: %w", row.ID, err)
	}
	fl, ac, err := e.sounds(ctx, row, m)
	if err != nil {
		return Line{}, fmt.Errorf("batch: %s: %w", row.ID, err)
	}
	return e.line(row, vo, fl, ac, m)
}

// line gathers what is printed.
func (e Engine) line(row Row, vo, fl, ac score.Result, m score.Material) (Line, error) {
	scores, confidence, all, err := e.Present(vo, fl, ac, m)
	if err != nil {
		return Line{}, fmt.Errorf("batch: %s: %w", row.ID, err)
	}
	l := Line{ID: row.ID, Scores: scores, Confidence: confidence, Raw: RawOf(vo, fl, ac, all),
		Intervals: map[score.Dimension][2]float64{}, Measures: map[score.Dimension][]score.Measure{},
		Reasons: map[score.Dimension]string{}, Cautions: map[score.Dimension][]string{}}
	for _, r := range []score.Result{vo, fl, ac} {
		l.Measures[r.Dimension] = append([]score.Measure{}, r.Measures...) // an array, where there are none too
		if r.Raw != nil {
			l.Intervals[r.Dimension] = r.Interval
		}
		if len(r.Cautions) > 0 {
			l.Cautions[r.Dimension] = r.Cautions
		}
	}
	for _, r := range []score.Result{vo, fl, ac, all} {
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

// sounds scores what needs the sound.
func (e Engine) sounds(ctx context.Context, row Row, m score.Material) (fl, ac score.Result, err error) {
	if len(row.Audio) == 0 {
		const why = "There is no audio."
		return score.Result{Dimension: score.Fluency, Reason: why}, score.Result{Dimension: score.Accent, Reason: why}, nil
	}
	if row.Text != "" {
		m = unheard(m)
	}
	spoken, err := accent.Score(ctx, m, e.Aligner, e.Listener)
	if err != nil {
		return fl, ac, err
	}
	return fluency.Measure(m).Score(spoken.WeakPhones), spoken.Result, nil
}

// rowError is a fault of the row itself.
type rowError struct{ err error }

func (e *rowError) Error() string { return e.err.Error() }
func (e *rowError) Unwrap() error { return e.err }

// Material reads a row into what the scorers look at: each recording is one turn of the one candidate, apart by silence that belongs to nobody, so that no
// pause is made by joining, and each recording is measured against its own level.
func (e Engine) Material(ctx context.Context, row Row) (score.Material, error) {
	m := score.Material{Waive: true}
	m.Conversation.Candidate.Confidence = "high"
	m.Conversation.Candidate.Reason = "The manifest says so."
	m.Conversation.Language, m.Conversation.LanguageP = e.Language, 1
	if len(row.Audio) > MaxFiles {
		return m, &rowError{fmt.Errorf("%d recordings, and %d are allowed", len(row.Audio), MaxFiles)}
	}
	var sound []int16
	for i, path := range row.Audio {
		pcm, err := e.Decode(ctx, path)
		if err != nil {
			return m, &rowError{err}
		}
		if len(sound)+len(pcm) > MaxSeconds*audio.SampleRate {
			return m, &rowError{fmt.Errorf("more than %d s of audio", MaxSeconds)}
		}
		if i > 0 {
			m.PCM = append(m.PCM, make([]int16, gapSeconds*audio.SampleRate)...)
		}
		start := ms(len(m.PCM))
		sound, m.PCM = append(sound, pcm...), append(m.PCM, pcm...)
		m.Conversation.Turns = append(m.Conversation.Turns, transcript.Turn{StartMs: start, EndMs: ms(len(m.PCM))})
	}
	m.Intake.DurationMs = ms(len(m.PCM))
	m.Intake.Window = audio.Span{EndMs: m.Intake.DurationMs}
	if len(sound) > 0 {
		m.Intake.Quality = e.Inspect(sound)
	}
	err := e.words(ctx, row, &m)
	total := transcript.SpeakerTotal{WordCount: m.Conversation.Candidate.WordCount}
	for _, p := range timing.Candidate(m) {
		m.Intake.Speech = append(m.Intake.Speech, p.Span)
		total.SpeakingMs += p.Span.Len()
	}
	m.Conversation.Speakers = []transcript.SpeakerTotal{total}
	return m, err
}

func ms(samples int) int64 { return int64(samples) * 1000 / audio.SampleRate }
