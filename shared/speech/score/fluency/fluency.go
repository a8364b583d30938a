// Package fluency scores how smoothly the candidate speaks: speed, breakdown (pauses) and repair,
// in the candidate's own turns only. Pauses and the beats of the voice come from the sound itself
// (package timing): a recogniser leaves out and invents words, and its word times are too coarse
// for pauses. The words give rates in words and syllables, the place of a pause in its clause,
// fillers and repairs.
//
// Two measures count beside timing: how surely the words are recognised, and how clear the weakest
// sounds are. Hesitant and broken-off words are recognised less surely, and their sounds are
// swallowed or drawn out. Package accent finds how clear the sounds are, so a fluency is a draft
// first. docs/validation.md says how far the score follows human raters, on speakers that it was
// not fitted on (make validate). The scale is set by norms of spontaneous speech, and is
// provisional.
//
// Measures after Tavakoli & Skehan 2005 and de Jong & Bosker 2013. Weights and norms are those of
// package norms.
package fluency

import (
	"fmt"
	"math"
	"slices"

	"parley/shared/speech/score"
	"parley/shared/speech/score/norms"
	"parley/shared/speech/score/timing"
	"parley/shared/speech/syllable"
)

// MinSpeechSeconds is the least phonation time for a score in a run. Below CautionSeconds the score
// carries a caution.
const (
	MinSpeechSeconds = 10
	CautionSeconds   = 60
	// waivedSeconds is the least where the minima are waived: less holds no rate.
	waivedSeconds = 0.5
	noisySNRDb    = 15
	// The spreads that the recording adds, on the scale of 0 to 5. That of noise is set by hand; a
	// telephone's band moves scores by -0.16, with an SD of 0.21 (docs/validation.md).
	noisySD     = 0.2
	telephoneSD = 0.27
)

// Draft is a fluency that still lacks how clear the sounds are. Package accent finds that, in
// parallel.
type Draft struct {
	// Result has no score yet. Where there is too little speech for one, it is complete and has the
	// reason.
	score.Result
	// Readings are in the order in which they are reported. Each has a value for each part of the
	// candidate's speech (timing.Candidate); Weights are the weights of the parts.
	Readings []norms.Reading `json:"readings,omitempty"`
	Weights  []float64       `json:"weights,omitempty"`
	// Spread is what a poor recording adds to the spread of the score, on the scale of 0 to 5.
	Spread float64 `json:"spread,omitempty"`
}

// Measure measures all of the candidate's fluency but how clear the sounds are. The speech is that
// of m (timing.Candidate).
func Measure(m score.Material, speech timing.Speech) Draft {
	d := Draft{Result: score.Result{Dimension: score.Fluency, SpeechSeconds: speech.Seconds()}}
	for _, t := range m.Conversation.CandidateTurns() {
		d.Words += len(t.Words)
	}
	least := float64(MinSpeechSeconds)
	if m.Waive {
		least = waivedSeconds
	}
	d.Readings, d.Weights = read(m, speech.Parts), speech.Weights()
	if d.SpeechSeconds < least {
		d.Reason = fmt.Sprintf("The candidate speaks for only %.1f seconds. Fluency needs at least %g seconds.", d.SpeechSeconds, least)
		for i := range d.Readings {
			d.Readings[i] = missing(d.Readings[i].Name, "The candidate speaks too little.")
		}
		_, _, d.Measures = norms.Of(score.Fluency).Linear(d.Readings, nil, 0)
		d.Readings, d.Weights = nil, nil
		return d
	}
	if d.SpeechSeconds < CautionSeconds {
		d.Cautions = append(d.Cautions, fmt.Sprintf("The candidate speaks for only %.1f seconds, which makes the fluency score less sure.", d.SpeechSeconds))
	}
	if q := m.Intake.Quality; q.SNRDb > 0 && q.SNRDb < noisySNRDb {
		d.Cautions = append(d.Cautions, "Noise in the recording can hide pauses.")
		d.Spread = noisySD
	}
	if m.Intake.Quality.Telephone() {
		d.Cautions = append(d.Cautions, "The recording has telephone quality, which tends to lower the fluency score.")
		d.Spread = math.Hypot(d.Spread, telephoneSD)
	}
	return d
}

// Score completes a draft with weakPhonesGop in each of its parts (accent.Result); nil where
// nothing was aligned. Where the draft has a reason, Raw is nil and the reason stays. A draft with
// a score, or without readings, is complete already.
func (d Draft) Score(weak norms.Values) score.Result {
	if d.Reason != "" || d.Raw != nil || d.Readings == nil {
		return d.Result
	}
	r := d.Result
	raw, interval, measures := norms.Of(score.Fluency).Linear(d.With(weak), d.Weights, d.Spread)
	r.Raw, r.Interval, r.Measures = &raw, interval, measures
	return r
}

// With are the draft's readings with weakPhonesGop among them.
func (d Draft) With(weak norms.Values) []norms.Reading {
	out := slices.Clone(d.Readings)
	if len(weak) != len(d.Weights) {
		return out
	}
	for i := range out {
		if out[i].Name == weakPhones {
			out[i] = norms.InParts(weakPhones, notAligned, weak, d.Weights)
		}
	}
	return out
}

// The measure that the aligner finds, and why there is none.
const (
	weakPhones = "weakPhonesGop"
	notAligned = "The words could not be matched to English sounds."
)

func missing(name, reason string) norms.Reading { return norms.Reading{Name: name, Reason: reason} }

// Why a measure of the words is missing.
const (
	noWords     = "Too few words were recognised in the sound."
	noSpeech    = "The candidate does not speak."
	noSyllables = "Too few words were recognised, or their spelling does not show their syllables."
)

// inParts reads a measure in each part; its value is the mean over the parts. Where no part has it,
// it is missing for the reason given.
func inParts(name, reason string, parts []timing.Part, of func(timing.Part) (float64, bool)) norms.Reading {
	values := make([]float64, len(parts))
	for i, p := range parts {
		values[i] = math.NaN()
		if v, ok := of(p); ok {
			values[i] = v
		}
	}
	mean, ok := timing.Mean(parts, of)
	if !ok {
		return missing(name, reason)
	}
	return norms.Reading{Name: name, Value: &mean, Parts: values}
}

func whole(name string, v float64) norms.Reading { return norms.Reading{Name: name, Value: &v} }

func always(f func(timing.Part) float64) func(timing.Part) (float64, bool) {
	return func(p timing.Part) (float64, bool) { return f(p), true }
}

// read measures everything, in the order in which it is reported.
func read(m score.Material, parts []timing.Part) []norms.Reading {
	turns := len(m.Conversation.CandidateTurns())
	language := m.Conversation.Language
	if language == "" {
		language = syllable.English
	}
	pace, known := paceOf(language)
	spoken := func(r norms.Reading) norms.Reading {
		if !known && r.Value != nil {
			return missing(r.Name, "The usual speed of this language is not known, so a speed in syllables cannot be judged.")
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
	return []norms.Reading{
		spoken(inParts("speechRate", noSyllables, parts, per(timing.Part.SpanSeconds))),
		spoken(inParts("articulationRate", noSyllables, parts, per(timing.Part.SpeechSeconds))),
		inParts("wordsPerMinute", noWords, parts, words(func(p timing.Part) float64 { return 60 * float64(len(p.Words)) / p.SpanSeconds() })),
		inParts("phonationRatio", noSpeech, parts, always(func(p timing.Part) float64 { return p.PhonationRatio() })),
		inParts("peakRate", noSpeech, parts, always(func(p timing.Part) float64 { return p.PeakRate() })),
		spoken(inParts("meanRunLength", noSyllables, parts, per(func(p timing.Part) float64 { return float64(len(p.Runs)) }))),
		inParts("pausesPerMinute", noSpeech, parts, always(func(p timing.Part) float64 { return 60 * float64(len(p.Pauses)) / p.SpanSeconds() })),
		meanPause(parts),
		said.midClause(),
		said.filled(),
		said.repaired(),
		inParts("wordProbability", noWords, parts, timing.Part.Probability),
		missing(weakPhones, notAligned),
		whole("wordsPerTurn", float64(said.words)/float64(max(turns, 1))),
	}
}

// paceOf is how many syllables of a language its native speakers say in the time of one syllable of
// English. Where that is not known, known is false and the pace is 1.
func paceOf(language string) (pace float64, known bool) {
	if language == syllable.English {
		return 1, true
	}
	if n, ok := norms.Of(score.Fluency).Numbers["pace."+language]; ok {
		return n.Value, true
	}
	return 1, false
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
