package main

import (
	"fmt"

	"parley/infra/measure/agreement"
	"parley/shared/speech/score/accent"
	"parley/shared/speech/score/norms"
)

// sampling compares scores from a sample of the speech, as in a run, with scores from all of it:
// the correlation of held-out scores of whole speakers with the human means.
type sampling struct{ all, sampled [4]float64 } // everybody, adults, children, beyond timing

// sample compares the two, by models fitted without the speaker on all of the others' speech.
// baseline is the held-out prediction of timing alone, by speaker.
func (t *table) sample(d dimension, splits []split, y, baseline []float64) sampling {
	human := t.perSpeaker(y)
	held := func(read func(candidate) []norms.Reading) (out [4]float64) {
		d.read = read
		for _, s := range splits {
			raws := make([]float64, len(t.speakers))
			for f, held := range s.held {
				section := refitted(d.section, t, s.models[f])
				for _, who := range held {
					raws[who], _ = t.scored(d, section, who, 0, 0)
				}
			}
			out[3] += agreement.Partial(raws, human, baseline) / float64(len(splits))
			for i, rows := range [][]int{t.who(""), t.who("adults"), t.who("children")} {
				out[i] += agreement.Pearson(agreement.Pick(raws, rows), agreement.Pick(human, rows)) / float64(len(splits))
			}
		}
		return out
	}
	return sampling{held(d.read), held(d.sampled)}
}

// who are the speakers of a group; empty: all.
func (t *table) who(group string) []int {
	var out []int
	for i, c := range t.speakers {
		if group == "" || in(c, group) {
			out = append(out, i)
		}
	}
	return out
}

func (p *page) samplingText(say func(string, ...any)) {
	say("\n## What a run samples\n\n")
	say("For the figures above, all of a speaker's speech is aligned and heard. A run aligns only %d s of the candidate's speech and listens to %d s for\n", accent.AlignSeconds, accent.HearSeconds)
	say("its language, spread over the recording. Correlation of whole speakers' held-out scores made that way, on the scale of 0 to 5, with the human means:\n\n")
	say("| | all speech | adults | children | beyond timing | as in a run | adults | children | beyond timing |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, s := range p.studies {
		say("| %s |", s.name)
		for _, v := range append(s.sampling.all[:], s.sampling.sampled[:]...) {
			say(" %s |", fmt.Sprintf("%.3f", v))
		}
		say("\n")
	}
}
