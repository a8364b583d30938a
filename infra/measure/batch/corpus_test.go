package batch

import (
	"context"
	"path/filepath"
	"testing"

	"parley/infra/measure/agreement"
	"parley/infra/measure/corpus"
	"parley/shared/speech/audio"
	"parley/shared/speech/installed"
	"parley/shared/speech/score/timing"
)

// everyNth utterance is enough here, and quick.
const everyNth = 5

func TestPhonationFollowsHumanFluencyWithoutAnyWords(t *testing.T) {
	if testing.Short() {
		t.Skip("it decodes some 200 recordings")
	}
	decode := decoder(t)
	var ratio, human []float64
	for _, s := range speakers(t) {
		var mine, theirs []float64
		for i := 0; i < len(s.Utterances); i += everyNth {
			pcm, err := decode(t.Context(), s.Utterances[i].Audio)
			if err != nil {
				t.Fatal(err)
			}
			c := timing.Energy(pcm)
			if x := c.Measure(0, nil); x.SpanSeconds() > 0 {
				mine, theirs = append(mine, x.PhonationRatio()), append(theirs, s.Utterances[i].Fluency)
			}
		}
		ratio, human = append(ratio, agreement.Mean(mine)), append(human, agreement.Mean(theirs))
	}
	if p := agreement.Pearson(ratio, human); p < 0.7 {
		t.Fatalf("PCC %.3f over %d speakers", p, len(human))
	}
}

func speakers(t *testing.T) []corpus.Speaker {
	t.Helper()
	data, err := corpus.Data()
	if err != nil {
		t.Skip("the corpus is not there: ", err)
	}
	out, err := corpus.Speakers(data)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func decoder(t *testing.T) func(context.Context, string) ([]int16, error) {
	t.Helper()
	dir := installed.Dir()
	if err := installed.Missing(dir, installed.FFmpegFile); err != nil {
		t.Skip(err)
	}
	return audio.Decoder{FFmpeg: filepath.Join(dir, installed.FFmpegFile)}.Decode
}
