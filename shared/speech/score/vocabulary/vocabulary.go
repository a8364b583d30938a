// Package vocabulary scores how varied and how advanced a candidate's words are. It measures in
// windows of 50 words, so that the length of what was said, which is the interviewer's choice, decides
// nothing.
//
// Fillers, repetitions and restarts are taken out first. A word counts with the probability that the
// recogniser gives it; rare words with a low one are left out. Two measures of diversity (different
// lemmas in 50 words; MTLD) make one half of the score, the mean CEFR level of the different words
// the other. Nothing is trained.
//
// The tests compare the score with texts of known levels (Vajjala and Lučić 2018; Arase, Uchida and
// Kajiwara 2022): the three versions of a text come in order, the score does not drift with the
// length, sentences follow their annotators, and intervals hold the score of the other half of a text.
// Those texts are native and written. The scale is set for learners' speech, provisionally.
package vocabulary

import (
	"fmt"
	"math"

	"parley/shared/speech/score"
	"parley/shared/speech/score/norms"
	"parley/shared/speech/transcript"
	"parley/shared/speech/words"
)

const (
	// MinWords is the least that is scored, in words of the candidate after repairs are out.
	MinWords = 50
	// LowWords is how many words a score needs to be more than a hint.
	LowWords = 100
	// English is the only language with lists of levels.
	English = "en"
)

// The names of the measures, as in the norms file.
const (
	differentLemmas = "differentLemmas50"
	diversity       = "mtld"
	meanBand        = "meanBand"
	mattr           = "mattr50"
	sampleDiversity = "hdd42"
	knownWords      = "knownWords"
	wordCount       = "words"
)

var bands = [6]string{"bandA1", "bandA2", "bandB1", "bandB2", "bandC1", "bandC2"}

// Score measures the vocabulary of the candidate's turns. It reads words alone, so PCM may be nil.
// With fewer than MinWords words nothing is measured (Raw is nil, Reason says why), unless the minimum
// is waived: then whatever can be computed is.
//
// In other languages whose base forms are known (words.Lemmatised) only diversity is measured, and a
// caution says so. In the rest nothing is: where words have many forms, or no spaces between them, a
// count of different forms says nothing. The error is always nil today.
func Score(m score.Material) (score.Result, error) {
	language := m.Conversation.Language
	if language == "" {
		language = English
	}
	english := language == English
	section := norms.Of(score.Vocabulary)
	kept, seconds := candidate(m.Conversation.CandidateTurns(), language)
	r := score.Result{Dimension: score.Vocabulary, Words: len(kept), SpeechSeconds: seconds}
	if !words.Lemmatised(language) {
		return without(r, section, fmt.Sprintf("Vocabulary can be measured in English, French, German and Spanish, and not in this language (%s).", language)), nil
	}
	ts := tokens(kept, language, section.Number("rareLevel"), section.Number("rareProbability"))
	switch {
	case len(ts) == 0:
		return without(r, section, "No words of the candidate could be used."), nil
	case len(kept) < MinWords && !m.Waive:
		return without(r, section, fmt.Sprintf("Only %d words of the candidate could be used. Vocabulary needs at least %d words.", len(kept), MinWords)), nil
	}
	found := measure(ts, english)
	x, measures := combine(section, found)
	if measures == nil {
		return without(r, section, "Too few words of the candidate could be used."), nil
	}
	points := scale(section)
	raw := round(points(x))
	r.Raw = &raw
	r.Measures = append(measures, counted(len(kept)))
	low, high := interval(section, ts, x, english)
	r.Interval = [2]float64{round(points(low)), round(points(high))}
	r.Cautions = cautions(len(kept), ts, english)
	return r, nil
}

// candidate is what the candidate said, cleaned turn by turn, and how long the turns are.
func candidate(turns []transcript.Turn, language string) (kept []heard, seconds float64) {
	for _, t := range turns {
		seconds += float64(t.EndMs-t.StartMs) / 1000
		kept = append(kept, clean(t, language)...)
	}
	return kept[:min(len(kept), maxWords)], seconds
}

// found are the values by name; a name that is not there was not measured.
type found map[string]float64

func measure(ts []token, english bool) found {
	out := found{}
	size := min(window, mass(ts))
	ws := windows(ts, size)
	if len(ws) == 0 {
		return out
	}
	n, banded := float64(len(ws)), 0.0
	var kinds, shapes, band float64
	var share [6]float64
	for _, w := range ws {
		kinds += w.kinds / n
		shapes += w.shapes / n
		if w.band > 0 {
			banded++
			band += w.band
			for b := range share {
				share[b] += w.share[b]
			}
		}
	}
	grown := math.Pow(window/size, heaps)
	out[differentLemmas] = min(kinds*grown, window)
	out[mattr] = min(100*shapes*grown/window, 100)
	if v := mtld(ts); v != nil {
		out[diversity] = *v
	}
	if v := hdd(ts); v != nil {
		out[sampleDiversity] = *v
	}
	if !english {
		return out
	}
	if banded > 0 {
		out[meanBand] = band / banded
		for b, name := range bands {
			out[name] = 100 * share[b] / banded
		}
	}
	known, all := 0.0, 0.0
	for _, t := range ts {
		if t.name {
			continue
		}
		all += t.p
		if t.level > 0 {
			known += t.p
		}
	}
	if all > 0 {
		out[knownWords] = 100 * known / all
	}
	return out
}

// maxZ cuts a standardised measure, against freaks of very short or listed material.
const maxZ = 6

// combine returns the predictor (0 is the middle of the norms, 1 their high end) and the measures with
// their shares. Where a measure is missing, the others share its weight. Without any that counts,
// the measures are nil.
func combine(section norms.Section, got found) (x float64, out []score.Measure) {
	total := 0.0
	for _, m := range section.Measures {
		if _, ok := got[m.Name]; ok {
			total += m.Weight.Value
		}
	}
	if total == 0 {
		return 0, nil
	}
	for _, m := range section.Measures {
		s := score.Measure{Name: m.Name, Label: m.Label, Unit: m.Unit, Norm: m.Norm, Reason: "Too few words could be used, or this is measured for English only."}
		if v, ok := got[m.Name]; ok {
			v = round(v)
			s.Value, s.Reason = &v, ""
			if m.Weight.Value > 0 {
				s.Weight = m.Weight.Value / total
				s.Contribution = s.Weight * z(m, v)
				x += s.Contribution
			}
		}
		out = append(out, s)
	}
	each := perPoint(scale(section), x)
	for i := range out {
		out[i].Contribution = round(out[i].Contribution * each)
	}
	return x, out
}

func z(m norms.Measure, v float64) float64 {
	return max(-maxZ, min(maxZ, (v-m.Mean.Value)/m.SD.Value))
}

// scale maps the predictor to the scale of 0 to 5. The section's numbers "scoreAtLow" and
// "scoreAtHigh" are the scores at the low (x = -1) and at the high end (x = 1) of all norms. Neither
// end of the scale is ever reached, so that speakers beyond the norms keep their order.
func scale(section norms.Section) func(x float64) float64 {
	logit := func(points float64) float64 { return math.Log(points / (5 - points)) }
	low, high := logit(section.Number("scoreAtLow")), logit(section.Number("scoreAtHigh"))
	return func(x float64) float64 { return 5 / (1 + math.Exp(-((low+high)/2 + (high-low)/2*x))) }
}

// perPoint is how many points a unit of the predictor x made of the score, from that of a candidate
// in the middle of all norms.
func perPoint(points func(float64) float64, x float64) float64 {
	if math.Abs(x) < 1e-6 {
		x = 1e-6
	}
	return (points(x) - points(0)) / x
}

// round keeps six decimals: machines that fuse multiplications differ further down.
func round(v float64) float64 { return math.Round(v*1e6) / 1e6 }

// counted reports how much was said. It weighs nothing: the length of an interview is the interviewer's choice.
func counted(n int) score.Measure {
	v := float64(n)
	return score.Measure{Name: wordCount, Label: "words used for the score", Value: &v, Unit: "words"}
}

// without is a result that was not measured, with every measure and the reason.
func without(r score.Result, section norms.Section, reason string) score.Result {
	r.Reason = reason
	for _, m := range section.Measures {
		r.Measures = append(r.Measures, score.Measure{Name: m.Name, Label: m.Label, Unit: m.Unit, Norm: m.Norm, Reason: reason})
	}
	r.Measures = append(r.Measures, counted(r.Words))
	return r
}

// unsureP is the mean probability of the words below which the score gets a caution.
const unsureP = 0.7

func cautions(n int, ts []token, english bool) []string {
	var out []string
	if n < LowWords {
		out = append(out, fmt.Sprintf("Only %d words of the candidate could be used, so the vocabulary score is no more than a hint.", n))
	}
	if mass(ts)/float64(len(ts)) < unsureP {
		out = append(out, "Many words were recognised with little certainty, which makes the vocabulary score less sure.")
	}
	if !english {
		out = append(out, "Word levels are known for English only, so the vocabulary score rests on how varied the words are.")
	}
	return out
}
