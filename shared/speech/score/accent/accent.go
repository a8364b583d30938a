// Package accent scores how easily the candidate's words are understood: intelligibility, not
// nearness to one dialect. It combines four things: how surely the recogniser recognises the words,
// how surely it takes the speech for English, how clear the weakest 30 % of the sounds are
// (Goodness of Pronunciation, each sound against its own norm), and how much of the time inside
// sentences is filled with speech. It needs no reference text.
//
// docs/validation.md says how far the score follows human raters, on speakers that it was not
// fitted on (make validate). Alignment and phone loop take about 1 s of a processor per minute of
// audio, and AlignSeconds bounds them; finding the language takes 2 s per window of half a minute.
//
// Slow speech and a strong accent go together. So beside the correlation with human raters, watch
// the partial correlation with timing held fixed. Weights and norms are those of package norms.
package accent

import (
	"context"
	"fmt"
	"math"
	"sort"

	"golang.org/x/sync/errgroup"

	"parley/shared/speech/audio"
	"parley/shared/speech/diarization"
	"parley/shared/speech/score"
	"parley/shared/speech/score/fluency"
	"parley/shared/speech/score/norms"
	"parley/shared/speech/score/timing"
	"parley/shared/speech/transcript"
)

// What an accent needs of the audio, and from where on the score is less sure. A waiver lifts the
// minimum of speech, not that of the quality.
const (
	MinSpeechSeconds  = 20  // phonation time of the candidate, s
	CautionSeconds    = 60  // phonation time below which there is a caution, s
	MinSNRDb          = 8   // speech level over noise floor, dB
	MaxClippedPercent = 5   // share of samples at full scale, 0 to 100
	cautionClipped    = 0.5 // above, a caution
	waivedSeconds     = 0.5
	// HighVoiceHz is the median fundamental from which on a voice may be a child's. The models were
	// trained on adults and understand children less well than people do. Some women's voices are
	// as high, so this gives a caution and no correction.
	HighVoiceHz = 230
)

// The spreads that poor audio adds, on the scale of 0 to 5. On ten speakers a telephone's band
// moved the score by -0.3 on average, with an SD of 0.55, on the human scale of 0 to 10. That of
// noise (score.NoiseSpread) follows the root mean square by which noises move the score (make
// validate): 0.3 at 24 dB, 0.5 at 20, 0.3 to 0.7 at 18 and 15, 0.6 to 0.9 at 12 and less. The
// spread of clipping is set by hand.
const (
	telephoneSD = 0.3
	freeSNRDb   = 26
	noiseSD     = 0.7
	// noisySD is the spread of noise from which there is a caution.
	noisySD   = 0.3
	clippedSD = 0.15
	// highVoiceSD is what a voice from HighVoiceHz on adds, set by hand: children score 0.4 too low
	// on the human scale of 0 to 10.
	highVoiceSD = 0.15
	// otherLanguageSD is what a language without an acoustic model adds, set by hand.
	otherLanguageSD = 0.3
)

// english is the language of the aligner's models, ISO 639-1.
const english = "en"

// Engines are what the speech is compared with.
type Engines struct {
	Aligner  Aligner
	Listener WhisperListener
}

// Score measures the accent of the candidate's speech, which is that of m (timing.Candidate). Raw
// is nil, with a reason, where it cannot be measured. The error is for a failure of our own: an
// engine's, or a context that ended.
func Score(ctx context.Context, m score.Material, speech timing.Speech, e Engines) (score.Result, error) {
	r := score.Result{Dimension: score.Accent, SpeechSeconds: speech.Seconds()}
	for _, p := range speech.Parts {
		r.Words += len(p.Words)
	}
	if r.Reason = refusal(m, r); r.Reason != "" {
		_, _, r.Measures = norms.Of(score.Accent).Linear(unmeasured(), nil, 0)
		return r, nil
	}
	limits := Limits{AlignSeconds, HearWindows}
	cautions, extra := doubts(m.Intake.Quality)
	if r.SpeechSeconds < CautionSeconds {
		cautions = append(cautions, fmt.Sprintf("The candidate speaks for only %.1f seconds, which makes the accent score less sure.", r.SpeechSeconds))
	}
	if hz, ok := Pitch(m, speech); ok && hz >= HighVoiceHz {
		cautions = append(cautions, "The voice is as high as a child's, and such voices are recognised less reliably, so the score may be too low.")
		extra = math.Hypot(extra, highVoiceSD)
	}
	if !spokenEnglish(m) {
		limits = Limits{} // nothing to align with, nothing to hold the odds against
		cautions = append(cautions, "Sounds can be judged in English only, so this score rests on how reliably the words were recognised and on the timing of the speech.")
		extra = math.Hypot(extra, otherLanguageSD)
	}
	found, err := Measure(ctx, m, speech, e, limits)
	if err != nil {
		return score.Result{}, fmt.Errorf("accent: %w", err)
	}
	r.Cautions = cautions
	raw, interval, measures := norms.Of(score.Accent).Linear(found.Readings, speech.Weights(), extra)
	r.Raw, r.Interval, r.Measures = &raw, interval, measures
	r.Pronounced = found.Pronounced[:min(score.MaxPronounced, len(found.Pronounced))]
	if !spokenEnglish(m) {
		return r.WithoutBase(), nil
	}
	return r, nil
}

// Pitch is the median fundamental in Hz of the candidate's speech; ok is false where too little is
// voiced.
func Pitch(m score.Material, speech timing.Speech) (hz float64, ok bool) {
	var spans []audio.Span
	for _, p := range speech.Parts {
		for _, r := range p.Runs {
			spans = append(spans, r.Span)
		}
	}
	return diarization.MedianPitch(m.PCM, spans)
}

// spokenEnglish tells whether the candidate speaks the language of the aligner's models.
func spokenEnglish(m score.Material) bool {
	return m.Conversation.Language == "" || m.Conversation.Language == english
}

// Limits are how much of the candidate's speech is aligned, s, and in how many windows it is heard
// for its language (timing.WindowSeconds).
type Limits struct {
	Align float64
	Hear  int
}

// Found is what was found in the candidate's speech.
type Found struct {
	Readings []norms.Reading
	// Pronounced are all words that were aligned, the least clear first.
	Pronounced []score.Pronounced
}

// Measure reads the measures in each part of the candidate's speech; calibration needs no more. The
// error is an engine's own failure.
func Measure(ctx context.Context, m score.Material, speech timing.Speech, e Engines, l Limits) (Found, error) {
	var aligned []sounds
	var heard []float64
	both, ctx := errgroup.WithContext(ctx) // at once: the engines are different ones
	both.Go(func() (err error) {
		aligned, err = alignAll(ctx, speech, chosen(speech.Parts, l.Align), e.Aligner)
		return err
	})
	both.Go(func() (err error) {
		heard, err = hearAll(ctx, speech, packed(speech.Parts, l.Hear), e.Listener)
		return err
	})
	if err := both.Wait(); err != nil {
		return Found{}, err
	}
	readings := append(read(speech, judged(m, speech), aligned, heard), fluency.SentenceRatio(m, speech))
	return Found{readings, leastClear(aligned, speech.Parts)}, nil
}

// refusal says why there is no accent to measure; empty where there is.
func refusal(m score.Material, r score.Result) string {
	q := m.Intake.Quality
	least := float64(MinSpeechSeconds)
	if m.Waive {
		least = waivedSeconds
	}
	switch {
	case r.SpeechSeconds < least:
		return fmt.Sprintf("The candidate speaks for only %.1f seconds. Accent needs at least %g seconds.", r.SpeechSeconds, least)
	case r.Words == 0:
		return "No words of the candidate were heard."
	case q.SNRDb != 0 && q.SNRDb < MinSNRDb:
		return fmt.Sprintf("The recording is too noisy: the speech is only %.0f dB louder than the noise. Accent needs at least %d dB.", q.SNRDb, MinSNRDb)
	case q.ClippedPercent > MaxClippedPercent:
		return fmt.Sprintf("The recording is too loud in places and distorted: %.1f %% of it is cut off (clipped). The accent score allows at most %d %%.", q.ClippedPercent, MaxClippedPercent)
	}
	return ""
}

// doubts are the cautions for poor audio that is measured all the same, and what it adds to the
// spread of the score.
func doubts(q audio.Quality) (cautions []string, sd float64) {
	if q.Telephone() {
		cautions = append(cautions, "The recording has telephone quality, which tends to lower the accent score.")
		sd = math.Hypot(sd, telephoneSD)
	}
	noise := score.NoiseSpread(q.SNRDb, freeSNRDb, noiseSD)
	sd = math.Hypot(sd, noise)
	if noise >= noisySD {
		cautions = append(cautions, "There is noise in the recording, which makes the accent score less sure.")
	}
	if q.ClippedPercent > cautionClipped {
		cautions = append(cautions, "Parts of the recording are too loud and distorted, which makes the accent score less sure.")
		sd = math.Hypot(sd, clippedSD)
	}
	return cautions, sd
}

// The measures, in the order in which they are reported.
const (
	wordProbability = "wordProbability"
	weakPhones      = "weakPhonesGop"
	worstGOP        = "worstWordsGop"
	phonationRatio  = "phonationRatio"
	peakRate        = "peakRate"
	peaksPerRun     = "peaksPerRun"
	meanGOP         = "meanGop"
	unsureWords     = "unsureWords"
	languageOdds    = "languageOdds"
)

const notAligned = "The words could not be matched to English sounds."

const notTaken = "This is measured for English only, and needs a recogniser that tells languages apart."

const notHeard = "Too few words were recognised in the sound."

func unmeasured() []norms.Reading {
	var out []norms.Reading
	for _, n := range []string{wordProbability, weakPhones, worstGOP, phonationRatio, peakRate, peaksPerRun, meanGOP, unsureWords, languageOdds, fluency.SentencePhonation} {
		out = append(out, norms.Reading{Name: n, Reason: "The accent was not measured."})
	}
	return out
}

// judged are the parts with the words whose probabilities tell how surely they are heard.
func judged(m score.Material, speech timing.Speech) []timing.Part {
	if !m.Conversation.Unrated {
		return speech.Parts
	}
	return speech.WithWords(m.Conversation.Judged()).Parts
}

// read makes the readings, in the order of the measures, of what was found in the parts of the
// speech.
func read(speech timing.Speech, judged []timing.Part, aligned []sounds, heard []float64) (readings []norms.Reading) {
	parts, weights := speech.Parts, speech.Weights()
	add := func(name, reason string, of func(i int) float64) {
		values := make([]float64, len(parts))
		for i := range values {
			values[i] = of(i)
		}
		readings = append(readings, norms.InParts(name, reason, values, weights))
	}
	add(wordProbability, notHeard, func(i int) float64 {
		if v, ok := judged[i].Probability(); ok {
			return v
		}
		return math.NaN()
	})
	add(weakPhones, notAligned, func(i int) float64 { return aligned[i].weakest() })
	add(worstGOP, notAligned, func(i int) float64 { return lowest(aligned[i].words, 20) })
	add(phonationRatio, "", func(i int) float64 { return parts[i].PhonationRatio() })
	add(peakRate, "", func(i int) float64 { return parts[i].PeakRate() })
	add(peaksPerRun, "", func(i int) float64 { return parts[i].PeaksPerRun() })
	add(meanGOP, notAligned, func(i int) float64 { return mean(aligned[i].words) })
	add(unsureWords, notHeard, func(i int) float64 {
		if _, ok := judged[i].Probability(); !ok {
			return math.NaN()
		}
		return unsure(judged[i].Words)
	})
	add(languageOdds, notTaken, func(i int) float64 { return heard[i] })
	return readings
}

// unsure is the share of words with a probability under a half, %.
func unsure(words []transcript.Word) float64 {
	n := 0
	for _, w := range words {
		if w.P < 0.5 {
			n++
		}
	}
	return 100 * float64(n) / float64(len(words))
}

func mean(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// lowest is the mean of the lowest values, percent of all, rounded up; NaN where there is none.
func lowest(v []float64, percent int) float64 {
	s := append([]float64(nil), v...)
	sort.Float64s(s)
	return mean(s[:(len(s)*percent+99)/100])
}
