package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// childYears is the age under which a speaker counts as a child here.
const childYears = 16

// speaker is one speaker of speechocean762 (Zhang et al. 2021) with the mean human scores of each utterance, 0 to 10.
type speaker struct {
	id                string
	child             bool
	gender            string
	files             []string
	fluency, accuracy []float64
}

// corpus reads utterances.tsv: utterance, speaker, age, gender, text, accuracy, completeness, fluency, prosody, total.
func corpus(dir string) ([]speaker, error) {
	b, err := os.ReadFile(filepath.Join(dir, "utterances.tsv"))
	if err != nil {
		return nil, fmt.Errorf("the rated speakers: %w", err)
	}
	var out []speaker
	for i, l := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		c := strings.Split(l, "\t")
		if i == 0 {
			continue
		}
		if len(c) < 8 {
			return nil, fmt.Errorf("utterances.tsv: line %d has %d columns", i+1, len(c))
		}
		var age int
		var accuracy, fluency float64
		if _, err := fmt.Sscan(c[2]+" "+c[5]+" "+c[7], &age, &accuracy, &fluency); err != nil {
			return nil, fmt.Errorf("utterances.tsv: line %d: %w", i+1, err)
		}
		if len(out) == 0 || out[len(out)-1].id != c[1] {
			out = append(out, speaker{id: c[1], child: age < childYears, gender: c[3]})
		}
		s := &out[len(out)-1]
		s.files = append(s.files, filepath.Join(dir, "audio", c[0]+".flac"))
		s.fluency, s.accuracy = append(s.fluency, fluency), append(s.accuracy, accuracy)
	}
	if len(out) < 2 {
		return nil, errors.New("utterances.tsv holds no speakers")
	}
	return out, nil
}
