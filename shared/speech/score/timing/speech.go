package timing

import (
	"slices"

	"parley/shared/speech/audio"
	"parley/shared/speech/score"
	"parley/shared/speech/transcript"
)

const (
	// splitMs is the least length of the parts into which a long turn is cut, in ms.
	splitMs = 10_000
	// fullMs is the length from which a stretch has full weight in a mean. A shorter one has its
	// share of that: a "yes" should not count like an answer.
	fullMs = splitMs
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

// Speech is the candidate's speech with its timing, measured once for all who look at it.
type Speech struct {
	Parts []Part
	pcm   []int16 // the whole recording
}

// Candidate measures the candidate's own turns, each by its own level and noise, and by where the
// recogniser heard a voice, where it tells; and cuts long ones at pauses. Turns without a sound are
// left out, and silence between turns belongs to nobody. A word belongs to the part that its middle
// lies in or next to.
func Candidate(m score.Material) Speech {
	s := Speech{pcm: m.PCM}
	turns := m.Conversation.CandidateTurns()
	for i, t := range turns {
		from := min(max(t.StartMs*audio.SampleRate/1000, 0), int64(len(m.PCM)))
		to := min(max(t.EndMs*audio.SampleRate/1000, from), int64(len(m.PCM)))
		c := Energy(m.PCM[from:to])
		for _, p := range c.Measure(max(t.StartMs, 0), m.Conversation.Voice).Split(splitMs) {
			s.Parts = append(s.Parts, Part{Stretch: p, Turn: i, Within: audio.Span{StartMs: max(t.StartMs, 0), EndMs: t.EndMs}, Weight: min(1, float64(p.Span.Len())/fullMs)})
		}
	}
	return s.WithWords(turns)
}

// WithWords is the same speech with the words of these turns, which are otherwise those that it was
// measured in. The speech itself stays as it is.
func (s Speech) WithWords(turns []transcript.Turn) Speech {
	s.Parts = slices.Clone(s.Parts)
	for i := range s.Parts {
		s.Parts[i].Words = nil
	}
	for i := 0; i < len(s.Parts); {
		turn := s.Parts[i].Turn
		k := i
		for k < len(s.Parts) && s.Parts[k].Turn == turn {
			k++
		}
		share(turns[turn].Words, s.Parts[i:k])
		i = k
	}
	return s
}

// Probability is the mean probability of the words, 0 to 1, without the first: with nothing before
// it, that one's depends less on how it was said than on what people say first. ok is false below
// two words, and where no word has a probability, because the words were given and not recognised.
func (p Part) Probability() (v float64, ok bool) {
	if len(p.Words) < 2 {
		return 0, false
	}
	for _, w := range p.Words[1:] {
		v += w.P
	}
	return v / float64(len(p.Words)-1), v > 0
}

// share gives each word of a turn to one of its parts, of which there is one at least.
func share(words []transcript.Word, parts []Part) {
	k := 0
	for _, w := range words {
		for k+1 < len(parts) && (w.StartMs+w.EndMs)/2 >= parts[k+1].Span.StartMs {
			k++
		}
		parts[k].Words = append(parts[k].Words, w)
	}
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

// Seconds is the phonation time of all parts, s.
func (s Speech) Seconds() float64 {
	var sum float64
	for _, p := range s.Parts {
		sum += p.SpeechSeconds()
	}
	return sum
}

// Weights are those of the parts.
func (s Speech) Weights() []float64 {
	var out []float64
	for _, p := range s.Parts {
		out = append(out, p.Weight)
	}
	return out
}
