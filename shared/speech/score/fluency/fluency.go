// Package fluency scores how smoothly the candidate speaks: speed, breakdown (pauses) and repair,
// in the candidate's own turns only. Pauses and the beats of the voice come from the sound itself
// (package timing): a recogniser leaves out and invents words, and its word times are too coarse
// for pauses. The words give rates in words and syllables, the place of a pause in its clause,
// fillers and repairs.
//
// Nothing else counts. How clear the sounds are and how surely the words are recognised would add a
// little on read speech in a quiet room, but they carry every room, band and microphone into the
// score. docs/validation.md says how far the score follows human raters, on speakers that it was
// not fitted on (make validate).
//
// Measures after Tavakoli & Skehan 2005 and de Jong & Bosker 2013. Weights and norms are those of
// package norms.
package fluency

import (
	"fmt"
	"math"

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
	// What noise adds to the spread (score.NoiseSpread), after the root mean square by which noises
	// move the score (make validate): 0.1 at 20 dB, 0.3 to 0.5 at 18, 0.5 to 0.8 at 12 and less.
	freeSNRDb = 22
	noiseSD   = 0.7
	// noisySD is the spread from which there is a caution.
	noisySD = 0.2
)

// Score measures the fluency of the candidate's speech, which is that of m (timing.Candidate). Raw
// is nil, with a reason, where there is too little of it.
func Score(m score.Material, speech timing.Speech) score.Result {
	r := score.Result{Dimension: score.Fluency, SpeechSeconds: speech.Seconds()}
	for _, t := range m.Conversation.CandidateTurns() {
		r.Words += len(t.Words)
	}
	least := float64(MinSpeechSeconds)
	if m.Waive {
		least = waivedSeconds
	}
	readings := Measure(m, speech)
	if r.SpeechSeconds < least {
		r.Reason = fmt.Sprintf("The candidate speaks for only %.1f seconds. Fluency needs at least %g seconds.", r.SpeechSeconds, least)
		for i := range readings {
			readings[i] = missing(readings[i].Name, "The candidate speaks too little.")
		}
		_, _, r.Measures = norms.Of(score.Fluency).Linear(readings, nil, 0)
		return r
	}
	if r.SpeechSeconds < CautionSeconds {
		r.Cautions = append(r.Cautions, fmt.Sprintf("The candidate speaks for only %.1f seconds, which makes the fluency score less sure.", r.SpeechSeconds))
	}
	if !countable(languageOf(m), speech.Parts) {
		r.Cautions = append(r.Cautions, byBeats)
	}
	extra := score.NoiseSpread(m.Intake.Quality.SNRDb, freeSNRDb, noiseSD)
	if extra >= noisySD {
		r.Cautions = append(r.Cautions, "Noise in the recording can hide pauses.")
	}
	raw, interval, measures := norms.Of(score.Fluency).Linear(readings, speech.Weights(), extra)
	r.Raw, r.Interval, r.Measures = &raw, interval, measures
	if languageOf(m) != syllable.English {
		return r.WithoutBase()
	}
	return r
}

// languageOf is the language of the candidate's words, ISO 639-1.
func languageOf(m score.Material) string {
	if m.Conversation.Language == "" {
		return syllable.English
	}
	return m.Conversation.Language
}

func missing(name, reason string) norms.Reading { return norms.Reading{Name: name, Reason: reason} }

// Why a measure of the words is missing.
const (
	noWords     = "Too few words were recognised in the sound."
	noSpeech    = "The candidate does not speak."
	noSyllables = "Syllables cannot be counted: too few words, a spelling that does not show them, or a language whose usual speed is not known."
	byBeats     = "Syllables could not be counted, so the beats of the voice were counted instead."
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

// SentencePhonation is the name of the measure that accent counts too: who hesitates inside
// sentences is understood less easily.
const SentencePhonation = "sentencePhonation"

// SentenceRatio is that measure alone.
func SentenceRatio(m score.Material, speech timing.Speech) norms.Reading {
	return sentenceRatio(speech.Parts, count(languageOf(m), speech.Parts))
}

func sentenceRatio(parts []timing.Part, said spoken) norms.Reading {
	return inParts(SentencePhonation, noSpeech, parts, always(func(p timing.Part) float64 {
		return p.SpeechSeconds() / (p.SpanSeconds() - between(p, said.turns[p.Turn]))
	}))
}

// Measure measures everything, without a score, in the order in which it is reported.
func Measure(m score.Material, speech timing.Speech) []norms.Reading {
	parts := speech.Parts
	turns := len(m.Conversation.CandidateTurns())
	language := languageOf(m)
	pace, _ := paceOf(language)
	beats := !countable(language, parts)
	spoken := func(r norms.Reading) norms.Reading {
		if !beats {
			r.Pace = pace
		}
		return r
	}
	said := count(language, parts)
	words := func(of func(timing.Part) float64) func(timing.Part) (float64, bool) {
		return func(p timing.Part) (float64, bool) { return of(p), len(p.Words) > 0 }
	}
	// Syllables over something of the part, or beats of the voice.
	per := func(of func(timing.Part) float64) func(timing.Part) (float64, bool) {
		return func(p timing.Part) (float64, bool) {
			if beats {
				return float64(p.Peaks()) / of(p), len(p.Runs) > 0
			}
			n, ok := syllables(language, p.Words)
			return n / of(p), ok && len(p.Words) > 0
		}
	}
	speechRate := missing("speechRate", noSyllables)
	if !beats {
		speechRate = spoken(inParts("speechRate", noSyllables, parts, per(timing.Part.SpanSeconds)))
	}
	return []norms.Reading{
		speechRate,
		spoken(inParts("articulationRate", noSyllables, parts, per(timing.Part.SpeechSeconds))),
		inParts("wordsPerMinute", noWords, parts, words(func(p timing.Part) float64 { return 60 * float64(len(p.Words)) / p.SpanSeconds() })),
		inParts("phonationRatio", noSpeech, parts, always(func(p timing.Part) float64 { return p.PhonationRatio() })),
		sentenceRatio(parts, said),
		inParts("peakRate", noSpeech, parts, always(func(p timing.Part) float64 { return p.PeakRate() })),
		spoken(inParts("meanRunLength", noSyllables, parts, per(func(p timing.Part) float64 { return runs(p, said.turns[p.Turn]) }))),
		inParts("pausesPerMinute", noSpeech, parts, always(func(p timing.Part) float64 { return 60 * float64(len(p.Pauses)) / p.SpanSeconds() })),
		meanPause(parts),
		said.midClause(),
		said.filled(),
		said.repaired(),
		whole("wordsPerTurn", float64(said.words)/float64(max(turns, 1))),
	}
}

// countable tells whether the syllables of the candidate's words can be counted, and held against
// the usual speed of the language. Where they cannot, the beats of the voice (intensity peaks)
// stand for them in what is scored: 4.0 a second in native readers of English, who say 4.8
// syllables.
func countable(language string, parts []timing.Part) bool {
	if _, known := paceOf(language); !known {
		return false
	}
	for _, p := range parts {
		if _, ok := syllables(language, p.Words); ok && len(p.Words) > 0 {
			return true
		}
	}
	return false
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
