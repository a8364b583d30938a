// Package vocabulary scores how varied and how advanced a candidate's English is, by four measures
// of equal weight: different words (without nouns) in 50 running words, different patterns of
// grammar and phrase in 100, steps up from level A1 in 100, and the mean CEFR level of different
// content words. Each is the same for a short and a long interview, and nothing is trained.
//
// Words are taken as cleaned: fillers, repetitions and restarts are fluency's. Levels are those of
// CEFR-J's and Octanove's headwords and of nothing else. Counts leave nouns out, since beginners
// list them, and words off the lists, since recognisers' errors look like them. Where words may
// have been others, the measures are the mean over what may have been said. A score above the
// middle of the norms counts by how reliably the words were heard. The norms come from interviews
// of learners and from native speakers' telephone talk (norms.json says which).
//
// Other languages are not scored: there is no such list, and counting different words alone does
// not order speakers.
package vocabulary

import (
	"fmt"
	"math"
	"slices"

	"parley/shared/speech/score"
	"parley/shared/speech/score/norms"
	"parley/shared/speech/transcript"
	"parley/shared/speech/transcript/certainty"
)

const (
	// MinWords is the least that is scored, in words of the candidate after repairs are out.
	MinWords = 50
	// LowWords is what a score needs to be more than a hint.
	LowWords = 200
	// English is the only language that is scored, ISO 639-1.
	English = "en"
	english = English
)

// wordCount names the measure that reports how much was said.
const wordCount = "words"

// Score measures the vocabulary of the candidate's turns. It looks at words alone, so PCM may be
// nil. Raw is nil, and Reason says why, for any language but English; for fewer than MinWords
// words, unless the minimum is waived (then whatever can be computed is); and where the words were
// heard with a mean probability under 0.65, waived or not, because errors then make the score.
// Lexis is what the score rests on; it is nil where there is no score, and so are what is said of
// it and what to practise. The error is always nil today.
func Score(m score.Material) (score.Result, error) {
	section := norms.Of(score.Vocabulary)
	kept, seconds := candidate(m.Conversation)
	r := score.Result{Dimension: score.Vocabulary, Words: len(kept), SpeechSeconds: seconds}
	if language := m.Conversation.Language; language != "" && language != English {
		r.Words = 0
		return unmeasured(r, section, fmt.Sprintf("Vocabulary is measured in English only; for the language of this run (%s) there are no lists of word levels and patterns.", language)), nil
	}
	sure, rareP := meanProbability(kept), section.Number("rareProbability")
	if m.Conversation.Unrated {
		sure, rareP = sampled(m.Conversation), 0 // of words without a probability none is left out
	}
	ws, leftOut := read(kept, int(section.Number("rareLevel")), rareP)
	reliable := 1.0 // of another recogniser's words nothing is known
	if !m.Conversation.Unrated {
		reliable = reliability(section, len(ws), sure)
	}
	switch least := section.Number("leastProbability"); {
	case len(kept) == 0:
		return unmeasured(r, section, "No words of the candidate could be used."), nil
	case len(kept) < MinWords && !m.Waive:
		return unmeasured(r, section, fmt.Sprintf("Only %d words of the candidate could be used; vocabulary needs at least %d.", len(kept), MinWords)), nil
	case m.Conversation.Unrated && sure == 0:
		return unmeasured(r, section, "The recogniser that wrote the words does not say how sure it is of them, and our own heard too little of the candidate to judge that."), nil
	case sure < least:
		return unmeasured(r, section, fmt.Sprintf("The words were heard with a mean probability of %.2f; under %.2f so many words are wrong that the score would measure the errors.", sure, least)), nil
	}
	patternsAt := find(ws)
	c := countables(ws, patternsAt)
	got := likely(m.Conversation, func(as transcript.Conversation) values {
		kept, _ := candidate(as)
		ws, _ := read(kept, int(section.Number("rareLevel")), rareP)
		return measure(ws, countables(ws, find(ws)))
	})
	x, measures := combine(section, got, reliable)
	if measures == nil {
		return unmeasured(r, section, "No words of the candidate could be used."), nil
	}
	points := scale(section)
	raw := round(points(x))
	r.Raw = &raw
	r.Measures = append(measures, said(len(kept)))
	low, high := interval(section, ws, c, x, sure)
	r.Interval = [2]float64{round(points(low)), round(points(high))}
	r.Prepared = prepared(section, got)
	r.Cautions = cautions(section, len(kept), sure, r.Prepared)
	r.Lexis = lexis(m.Conversation, ws, patternsAt, leftOut)
	r.Lexis.Unrated = m.Conversation.Unrated
	r.Named, r.Practice, r.AsLikely = explain(*r.Lexis), advice(r), besides(r)
	return r, nil
}

// candidate is what the candidate said, cleaned turn by turn, and how long the turns are.
func candidate(c transcript.Conversation) (kept []heard, seconds float64) {
	by := certainty.SpeakerOf(c.CandidateTurns())
	for i, t := range c.Turns {
		if !c.Scored(t) {
			continue
		}
		seconds += float64(t.Clear().Len()) / 1000
		kept = append(kept, clean(sure(t), by, i)...)
	}
	return kept[:min(len(kept), maxWords)], seconds
}

// sure are the words of a turn, with those left blank that may be another's: each keeps its place.
func sure(t transcript.Turn) []transcript.Word {
	if len(t.Crossed) == 0 {
		return t.Words
	}
	out := slices.Clone(t.Words)
	for i, w := range out {
		if t.Doubtful(w) {
			out[i].Text = ""
		}
	}
	return out
}

// sampled is the mean probability of the words of the candidate's sample, 0 to 1; 0 for none.
func sampled(c transcript.Conversation) float64 {
	c.Turns = c.Judged()
	sample, _ := candidate(c)
	return meanProbability(sample)
}

// meanProbability is the mean probability of the words, 0 to 1; 0 for none.
func meanProbability(kept []heard) float64 {
	sum := 0.0
	for _, h := range kept {
		sum += h.p
	}
	return sum / float64(max(1, len(kept)))
}

// combine returns the predictor x (-1 at the low, 1 at the high end of all norms) and the measures
// with their shares. What lies above the middle of the norms counts by the reliability, 0 to 1.
// Where one of the measures is missing, the others share its weight. nil: nothing that counts was
// measured.
func combine(section norms.Section, got values, reliability float64) (x float64, out []score.Measure) {
	total := 0.0
	for _, m := range section.Measures {
		if _, ok := got[m.Name]; ok {
			total += m.Weight.Value
		}
	}
	if total == 0 {
		return 0, nil
	}
	cut := section.Number("cut")
	for _, m := range section.Measures {
		s := score.Measure{Name: m.Name, Label: m.Label, Unit: m.Unit, Norm: m.Norm, Reason: "Too few words could be used, or this is measured for English only."}
		if v, ok := got[m.Name]; ok {
			v = round(v)
			s.Value, s.Reason = &v, ""
			s.Weight = m.Weight.Value / total
			s.Contribution = s.Weight * z(m, v, cut)
			x += s.Contribution
		}
		out = append(out, s)
	}
	if x > 0 {
		x *= reliability
		for i := range out {
			out[i].Contribution *= reliability
		}
	}
	each := perPoint(scale(section), x)
	for i := range out {
		out[i].Contribution = round(out[i].Contribution * each)
	}
	return x, out
}

// z is how many half widths of the norm a value lies above its middle, no further than cut.
func z(m norms.Measure, v, cut float64) float64 {
	return max(-cut, min(cut, (v-m.Mean.Value)/m.SD.Value))
}

// scale maps the predictor to the scale of 0 to 5. The section's numbers "scoreAtLow" and
// "scoreAtHigh" are the scores at the low (x = -1) and at the high end (x = 1) of all norms.
// Neither end of the scale is ever reached, so that speakers beyond the norms keep their order.
func scale(section norms.Section) func(x float64) float64 {
	low, high := logit(section.Number("scoreAtLow")), logit(section.Number("scoreAtHigh"))
	return func(x float64) float64 { return 5 / (1 + math.Exp(-((low+high)/2 + (high-low)/2*x))) }
}

// predictorOf is the predictor of a score: what scale undoes.
func predictorOf(section norms.Section, points float64) float64 {
	low, high := logit(section.Number("scoreAtLow")), logit(section.Number("scoreAtHigh"))
	return (logit(max(1e-6, min(5-1e-6, points))) - (low+high)/2) / ((high - low) / 2)
}

func logit(points float64) float64 { return math.Log(points / (5 - points)) }

// perPoint is how many points of the score a unit of the predictor x made, against a candidate in
// the middle of all norms.
func perPoint(points func(float64) float64, x float64) float64 {
	if math.Abs(x) < 1e-6 {
		x = 1e-6
	}
	return (points(x) - points(0)) / x
}

// round keeps six decimals: machines that fuse multiplications differ further down.
func round(v float64) float64 { return math.Round(v*1e6) / 1e6 }

// said reports how much was said. It weighs nothing: the length of an interview is the
// interviewer's choice.
func said(n int) score.Measure {
	v := float64(n)
	return score.Measure{Name: wordCount, Label: "words used for the score", Value: &v, Unit: "words"}
}

// unmeasured is a result without a score, with every measure and the reason.
func unmeasured(r score.Result, section norms.Section, reason string) score.Result {
	r.Reason = reason
	for _, m := range section.Measures {
		r.Measures = append(r.Measures, score.Measure{Name: m.Name, Label: m.Label, Unit: m.Unit, Norm: m.Norm, Reason: reason})
	}
	r.Measures = append(r.Measures, said(r.Words))
	return r
}

// prepared tells whether the words are more varied than talk is.
func prepared(section norms.Section, got values) bool {
	return got[varietyOfWords] > section.Number("readRange") || got[varietyOfPatterns] > section.Number("readPatterns")
}

// cautions are what makes a score less sure than its interval: few words, many misheard, a text
// that may have been read.
func cautions(section norms.Section, n int, sure float64, prepared bool) []string {
	var out []string
	if n < LowWords {
		out = append(out, fmt.Sprintf("Only %d words of the candidate could be used, so the vocabulary score is no more than a hint.", n))
	}
	if wrong := misheard(section, sure); wrong >= section.Number("manyMisheard") {
		out = append(out, fmt.Sprintf("About %.0f%% of the words may have been misheard, which widens the interval and keeps the score from the top.", 100*wrong))
	}
	if prepared {
		out = append(out, "The words are more varied than native speakers' talk: a prepared text may have been read.")
	}
	return out
}
