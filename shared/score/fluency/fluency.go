// Package fluency scores how smoothly the candidate speaks: speed, breakdown (pauses) and repair, on the candidate's own
// turns only. Speed and breakdown that count come from the sound itself (package timing), because a recogniser leaves out
// and invents words, and its word times are too coarse for pauses. The words give rates in words and syllables, the place
// of a pause in its clause, fillers and repairs.
//
// docs/validation.md says how far it follows human raters, on speakers that it was not fitted on (make validate). How surely the words are
// heard and how clear the weakest sounds are count beside timing: broken and hesitant words are heard less surely, and their sounds are
// swallowed or drawn out. The scale is set by norms of spontaneous speech, and provisional. It costs the aligner's time (package accent).
//
// Measures after Tavakoli & Skehan 2005 and de Jong & Bosker 2013. Weights and norms are those of package norms.
package fluency

import (
	"context"
	"fmt"
	"math"

	"parley/shared/score"
	"parley/shared/score/accent"
	"parley/shared/score/norms"
	"parley/shared/score/timing"
	"parley/shared/syllable"
)

// AlignSeconds is how much of the candidate's speech is aligned for fluency, s: less than half of accent's, since the sounds have a small
// part in it, and the two share the processors of a small machine.
const AlignSeconds = 20

// MinSpeechSeconds is the least phonation time for a score in a run; a score from less than CautionSeconds carries a caution.
const (
	MinSpeechSeconds = 10
	CautionSeconds   = 60
	// waivedSeconds is the least where the minima are waived: less holds no rate.
	waivedSeconds = 0.5
	noisySNRDb    = 15
	// Spreads that the recording adds, on the scale of 0 to 5: that of noise by hand; through a telephone's band scores move by -0.24
	// with an SD of 0.26 (docs/validation.md).
	noisySD     = 0.2
	telephoneSD = 0.3
)

// Score measures the candidate's fluency. Raw is nil, with a reason, where there is too little speech. The error is for a failure of
// our own: the aligner's, or a context that ended.
func Score(ctx context.Context, m score.Material, aligner accent.Aligner) (score.Result, error) {
	parts := timing.Candidate(m)
	r := score.Result{Dimension: score.Fluency, SpeechSeconds: timing.SpeechSeconds(parts)}
	for _, t := range m.Conversation.CandidateTurns() {
		r.Words += len(t.Words)
	}
	least := float64(MinSpeechSeconds)
	if m.Waive {
		least = waivedSeconds
	}
	limit := float64(AlignSeconds)
	if r.SpeechSeconds < least {
		limit = 0
	}
	readings, weights, err := read(ctx, m, parts, aligner, limit)
	if err != nil {
		return score.Result{}, fmt.Errorf("fluency: %w", err)
	}
	if r.SpeechSeconds < least {
		r.Reason = fmt.Sprintf("The candidate speaks for %.1f seconds; fluency needs %g or more.", r.SpeechSeconds, least)
		for i := range readings {
			readings[i] = missing(readings[i].Name, "Too little speech of the candidate.")
		}
		_, _, r.Measures = norms.Fluency().Linear(readings, nil, 0)
		return r, nil
	}
	if r.SpeechSeconds < CautionSeconds {
		r.Cautions = append(r.Cautions, fmt.Sprintf("The candidate speaks for %.1f seconds only.", r.SpeechSeconds))
	}
	extra := 0.0
	if q := m.Intake.Quality; q.SNRDb > 0 && q.SNRDb < noisySNRDb {
		r.Cautions = append(r.Cautions, "Noise in the recording can hide pauses.")
		extra = noisySD
	}
	if m.Intake.Quality.Telephone() {
		r.Cautions = append(r.Cautions, "The recording has the band of a telephone, in which speech sounds less fluent than it is.")
		extra = math.Hypot(extra, telephoneSD)
	}
	raw, interval, measures := norms.Fluency().Linear(readings, weights, extra)
	r.Raw, r.Interval, r.Measures = &raw, interval, measures
	return r, nil
}

// Measure reads the measures in each part of the candidate's speech, without a score: for calibration. At most limit seconds are aligned.
// The error is the aligner's own failure.
func Measure(ctx context.Context, m score.Material, aligner accent.Aligner, limit float64) (parts []timing.Part, readings []norms.Reading, err error) {
	parts = timing.Candidate(m)
	readings, _, err = read(ctx, m, parts, aligner, limit)
	return parts, readings, err
}

func missing(name, reason string) norms.Reading { return norms.Reading{Name: name, Reason: reason} }

// inParts reads a measure in each part; its value is the mean over the parts.
func inParts(name string, parts []timing.Part, of func(timing.Part) (float64, bool)) norms.Reading {
	values := make([]float64, len(parts))
	for i, p := range parts {
		values[i] = math.NaN()
		if v, ok := of(p); ok {
			values[i] = v
		}
	}
	mean, ok := timing.Mean(parts, of)
	if !ok {
		return missing(name, "Too few words, words that were given and not heard, or a writing that does not show its syllables.")
	}
	return norms.Reading{Name: name, Value: &mean, Parts: values}
}

func whole(name string, v float64) norms.Reading { return norms.Reading{Name: name, Value: &v} }

func always(f func(timing.Part) float64) func(timing.Part) (float64, bool) {
	return func(p timing.Part) (float64, bool) { return f(p), true }
}

// read measures everything, in the order in which it is reported.
func read(ctx context.Context, m score.Material, parts []timing.Part, aligner accent.Aligner, limit float64) (readings []norms.Reading, weights []float64, err error) {
	turns := len(m.Conversation.CandidateTurns())
	weak, err := accent.WeakPhones(ctx, m, parts, aligner, limit)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range parts {
		weights = append(weights, p.Weight)
	}
	language := m.Conversation.Language
	if language == "" {
		language = syllable.English
	}
	pace, known := norms.Pace(language)
	spoken := func(r norms.Reading) norms.Reading {
		if !known && r.Value != nil {
			return missing(r.Name, "How fast the language is spoken is not known, so a rate in syllables cannot be judged.")
		}
		r.Pace = pace
		return r
	}
	said := count(language, parts)
	words := func(of func(timing.Part) float64) func(timing.Part) (float64, bool) {
		return func(p timing.Part) (float64, bool) { return of(p), len(p.Words) > 0 }
	}
	// Syllables over something of the part.
	per := func(of func(timing.Part) float64) func(timing.Part) (float64, bool) {
		return func(p timing.Part) (float64, bool) {
			n, ok := syllables(language, p.Words)
			return n / of(p), ok && len(p.Words) > 0
		}
	}
	readings = []norms.Reading{
		spoken(inParts("speechRate", parts, per(timing.Part.SpanSeconds))),
		spoken(inParts("articulationRate", parts, per(timing.Part.SpeechSeconds))),
		inParts("wordsPerMinute", parts, words(func(p timing.Part) float64 { return 60 * float64(len(p.Words)) / p.SpanSeconds() })),
		inParts("phonationRatio", parts, always(func(p timing.Part) float64 { return p.PhonationRatio() })),
		inParts("peakRate", parts, always(func(p timing.Part) float64 { return p.PeakRate() })),
		spoken(inParts("meanRunLength", parts, per(func(p timing.Part) float64 { return float64(len(p.Runs)) }))),
		inParts("pausesPerMinute", parts, always(func(p timing.Part) float64 { return 60 * float64(len(p.Pauses)) / p.SpanSeconds() })),
		meanPause(parts),
		said.midClause(),
		said.filled(),
		said.repaired(),
		inParts("wordProbability", parts, timing.Part.Probability),
		norms.InParts("weakPhonesGop", "The words could not be aligned to English sounds.", weak, weights),
		whole("wordsPerTurn", float64(said.words)/float64(max(turns, 1))),
	}
	return readings, weights, nil
}

// meanPause is the mean length of the pauses in s, of all parts together.
func meanPause(parts []timing.Part) norms.Reading {
	var sum float64
	n := 0
	for _, p := range parts {
		sum += p.PauseSeconds()
		n += len(p.Pauses)
	}
	if n == 0 {
		return missing("meanPause", "There are no pauses.")
	}
	return whole("meanPause", sum/float64(n))
}
