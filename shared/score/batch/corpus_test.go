package batch

import (
	"testing"

	"parley/shared/score/timing"
)

// everyNth utterance is enough here, and quick.
const everyNth = 5

func TestPhonationFollowsHumanFluencyWithoutAnyWords(t *testing.T) {
	if testing.Short() {
		t.Skip("it decodes some 200 recordings")
	}
	decode := decoder(t)
	var ratio, human []float64
	for _, s := range corpus(t) {
		var mine, theirs []float64
		for i := 0; i < len(s.files); i += everyNth {
			pcm, err := decode(t.Context(), s.files[i])
			if err != nil {
				t.Fatal(err)
			}
			c := timing.Energy(pcm)
			if x := c.Measure(c.Threshold(), 0); x.SpanSeconds() > 0 {
				mine, theirs = append(mine, x.PhonationRatio()), append(theirs, s.fluency[i])
			}
		}
		ratio, human = append(ratio, mean(mine)), append(human, mean(theirs))
	}
	if p := pearson(ratio, human); p < 0.7 {
		t.Fatalf("PCC %.3f over %d speakers", p, len(human))
	}
}
