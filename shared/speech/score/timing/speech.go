package timing

import (
	"parley/shared/speech/audio"
	"parley/shared/speech/score"
	"parley/shared/speech/transcript"
)

const (
	// splitMs is the least length of the parts into which a long turn is cut, in ms.
	splitMs = 10_000
	// fullMs is the length from which a stretch has full weight in a mean; below, its weight is its share of this. A "yes" should
	// not count like an answer.
	fullMs = 2_000
)

// Part is one stretch of the candidate with what was heard in it.
type Part struct {
	Stretch
	// Turn is the index of the turn among the candidate's.
	Turn int
	// Within is the turn, of which no more than what is in it is ever cut out.
	Within audio.Span
	Words  []transcript.Word
	// Weight is the part's weight in a mean over parts, above 0, at most 1.
	Weight float64
}

// Candidate measures the candidate's own turns, each against a threshold of its own, and cuts long ones at pauses. Turns
// without a sound are left out; silence between turns belongs to nobody. A word belongs to the part that its middle lies
// in or next to.
func Candidate(m score.Material) []Part {
	var out []Part
	for i, t := range m.Conversation.CandidateTurns() {
		from := min(max(t.StartMs*audio.SampleRate/1000, 0), int64(len(m.PCM)))
		to := min(max(t.EndMs*audio.SampleRate/1000, from), int64(len(m.PCM)))
		c := Energy(m.PCM[from:to])
		s := c.Measure(c.Threshold(), max(t.StartMs, 0))
		parts := s.Split(splitMs)
		words := share(t.Words, parts)
		for k, p := range parts {
			out = append(out, Part{Stretch: p, Turn: i, Within: audio.Span{StartMs: max(t.StartMs, 0), EndMs: t.EndMs}, Words: words[k], Weight: min(1, float64(p.Span.Len())/fullMs)})
		}
	}
	return out
}

// Probability is the mean probability of the words but the first, 0 to 1: with nothing before it the first is a guess at
// what could be said more than at how it was said. ok is false below two words, and where the words have no probability (0: they
// were given, not heard).
func (p Part) Probability() (v float64, ok bool) {
	if len(p.Words) < 2 {
		return 0, false
	}
	for _, w := range p.Words[1:] {
		v += w.P
	}
	return v / float64(len(p.Words)-1), v > 0
}

// share gives each word of a turn to one of its parts.
func share(words []transcript.Word, parts []Stretch) [][]transcript.Word {
	out := make([][]transcript.Word, len(parts))
	if len(parts) == 0 {
		return out
	}
	k := 0
	for _, w := range words {
		for k+1 < len(parts) && (w.StartMs+w.EndMs)/2 >= parts[k+1].Span.StartMs {
			k++
		}
		out[k] = append(out[k], w)
	}
	return out
}

// Mean is the mean of a measure over parts by their weights; ok is false where no part has it.
func Mean(parts []Part, measure func(Part) (v float64, ok bool)) (mean float64, ok bool) {
	var sum, weight float64
	for _, p := range parts {
		if v, has := measure(p); has {
			sum += v * p.Weight
			weight += p.Weight
		}
	}
	if weight == 0 {
		return 0, false
	}
	return sum / weight, true
}

// SpeechSeconds is the phonation time of all parts, s.
func SpeechSeconds(parts []Part) float64 {
	var s float64
	for _, p := range parts {
		s += p.SpeechSeconds()
	}
	return s
}
