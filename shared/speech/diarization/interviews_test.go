package diarization

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/shared/speech/audio"
)

// Ensure that in every shared interview two voices are found and less than 2 % of the speech goes
// to the wrong one.
func TestInterviewsAreTakenApart(t *testing.T) {
	dir, decoder := data(t)
	files, err := filepath.Glob(filepath.Join(dir, "interviews", "*.flac"))
	if err != nil || len(files) == 0 {
		t.Skip("the shared interviews are not there")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			b, err := os.ReadFile(strings.TrimSuffix(file, ".flac") + ".json")
			if err != nil {
				t.Fatal(err)
			}
			var ref struct {
				Segments []struct {
					Start, End float64
					Speaker    string
				}
			}
			if err := json.Unmarshal(b, &ref); err != nil {
				t.Fatal(err)
			}
			var truth []Turn
			number := map[string]int{}
			for _, s := range ref.Segments {
				if _, ok := number[s.Speaker]; !ok {
					number[s.Speaker] = len(number)
				}
				truth = append(truth, Turn{number[s.Speaker], audio.Span{StartMs: int64(1000 * s.Start), EndMs: int64(1000 * s.End)}})
			}
			pcm, err := decoder.Decode(context.Background(), file)
			if err != nil {
				t.Fatal(err)
			}
			d, err := Diarize(context.Background(), pcm, spans(pcm), network(t))
			if err != nil {
				t.Fatal(err)
			}
			w := wrong(truth, d.Turns)
			t.Logf("%d speakers, separation %.1f, %.2f %% wrong", d.Speakers, d.Separation, w)
			if d.Speakers != 2 || w > 2 {
				t.Errorf("%d speakers, %.2f %% of the speech wrong; want 2 and at most 2 %%", d.Speakers, w)
			}
		})
	}
}

// Ensure that speakers of one corpus, who read the same kind of sentences, are counted right in
// clean sound: one alone, and two of different groups.
func TestSpeakersOfTheCorpusAreCounted(t *testing.T) {
	if testing.Short() {
		t.Skip("decodes 120 files")
	}
	people := people(t, 3, 8)
	r := rand.New(rand.NewPCG(1, 1))
	wrongCount, of := 0, 0
	for i, a := range people {
		cases := [][]person{{a}}
		for _, b := range people[i+1:] {
			if b.group != a.group {
				cases = append(cases, []person{a, b})
				break
			}
		}
		for _, c := range cases {
			pcm, truth := composition{seconds: 90}.compose(r, c)
			d, err := Diarize(context.Background(), pcm, spans(pcm), network(t))
			if err != nil {
				t.Fatal(err)
			}
			of++
			if d.Speakers != len(c) {
				wrongCount++
				t.Logf("%d speakers for %d (%s)", d.Speakers, len(c), a.id)
				continue
			}
			if w := wrong(truth, d.Turns); len(c) > 1 && w > 5 {
				t.Errorf("%s and %s: %.1f %% wrong", a.id, c[1].id, w)
			}
		}
	}
	if wrongCount > 1 {
		t.Errorf("%d of %d compositions are counted wrong", wrongCount, of)
	}
}
