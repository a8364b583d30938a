package diarization

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/shared/speech/audio"
)

func TestDumpTmp(t *testing.T) {
	out := os.Getenv("DUMP")
	if out == "" {
		t.Skip()
	}
	write := func(name string, pcm []int16, truth []Turn, speech []audio.Span) {
		os.WriteFile(filepath.Join(out, name+".raw"), audio.Bytes(pcm), 0o644)
		b, _ := json.Marshal(map[string]any{"truth": truth, "speech": speech})
		os.WriteFile(filepath.Join(out, name+".json"), b, 0o644)
	}
	dir, decoder := data(t)
	for _, set := range []string{"interviews", "scripted"} {
		files, _ := filepath.Glob(filepath.Join(dir, set, "*.flac"))
		for _, file := range files {
			b, _ := os.ReadFile(strings.TrimSuffix(file, ".flac") + ".json")
			var ref struct {
				Segments []struct {
					Start, End float64
					Speaker    string
				}
			}
			json.Unmarshal(b, &ref)
			var truth []Turn
			number := map[string]int{}
			for _, s := range ref.Segments {
				if _, ok := number[s.Speaker]; !ok {
					number[s.Speaker] = len(number)
				}
				truth = append(truth, Turn{number[s.Speaker], audio.Span{StartMs: int64(1000 * s.Start), EndMs: int64(1000 * s.End)}})
			}
			pcm, err := decoder.Decode(t.Context(), file)
			if err != nil {
				t.Fatal(err)
			}
			write(set+"_"+strings.TrimSuffix(filepath.Base(file), ".flac"), pcm, truth, audio.Analyse(pcm, audio.DefaultCut()).Speech)
		}
	}
	all := people(t, 0, 1)
	r := rand.New(rand.NewPCG(11, 5))
	conditions := []composition{{}, {snrDb: 15}, {phone: true}, {equal: true}, {phone: true, snrDb: 20, equal: true}}
	for i := range 150 {
		c := conditions[i%5]
		c.seconds = 120
		c.short = i%4 == 3
		count := 1 + i/50
		cast := []person{all[i%len(all)]}
		for len(cast) < count {
			next := all[r.IntN(len(all))]
			if next.id != cast[len(cast)-1].id && next.id != cast[0].id && (i%3 == 0 || next.group == cast[0].group) {
				cast = append(cast, next)
			}
		}
		pcm, truth := c.compose(r, cast)
		write(fmt.Sprintf("c%d_%03d_%d", count, i, i%5), pcm, truth, audio.Analyse(pcm, audio.DefaultCut()).Speech)
	}
}
