package batch

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/shared/audio"
	"parley/shared/engine"
	"parley/shared/score/agreement"
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
		ratio, human = append(ratio, agreement.Mean(mine)), append(human, agreement.Mean(theirs))
	}
	if p := agreement.Pearson(ratio, human); p < 0.7 {
		t.Fatalf("PCC %.3f over %d speakers", p, len(human))
	}
}

// speaker is one speaker of the corpus with the human scores per utterance.
type speaker struct {
	speaker           string
	age               string
	files             []string
	fluency, accuracy []float64
}

func corpus(t *testing.T) []speaker {
	t.Helper()
	dir := repository(t)
	dir = filepath.Join(dir, "..", "shared", "data", "speechocean762")
	b, err := os.ReadFile(filepath.Join(dir, "utterances.tsv"))
	if err != nil {
		t.Skip("the corpus is not there: ", err)
	}
	var out []speaker
	for i, l := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		c := strings.Split(l, "\t")
		if i == 0 || len(c) < 8 {
			continue
		}
		if len(out) == 0 || out[len(out)-1].speaker != c[1] {
			out = append(out, speaker{speaker: c[1], age: c[2]})
		}
		s := &out[len(out)-1]
		var f, a float64
		if _, err := fmt.Sscan(c[7]+" "+c[5], &f, &a); err != nil {
			t.Fatal(err)
		}
		s.files = append(s.files, filepath.Join(dir, "audio", c[0]+".flac"))
		s.fluency, s.accuracy = append(s.fluency, f), append(s.accuracy, a)
	}
	return out
}

func repository(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

func decoder(t *testing.T) func(context.Context, string) ([]int16, error) {
	t.Helper()
	dir := engine.Dir()
	if err := engine.Missing(dir, engine.FFmpegFile); err != nil {
		t.Skip(err)
	}
	return audio.Decoder{FFmpeg: filepath.Join(dir, engine.FFmpegFile)}.Decode
}
