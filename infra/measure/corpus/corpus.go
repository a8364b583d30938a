// Package corpus finds the repository, for tests, and reads the recordings beside it on which the
// scores are calibrated and tested. No function needs it.
package corpus

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// ChildYears is the age under which a speaker counts as a child.
const ChildYears = 16

// Speaker is one speaker of speechocean762 (Zhang et al. 2021).
type Speaker struct {
	ID         string
	Age        int    // years
	Gender     string // f or m
	Utterances []Utterance
}

// Child reports whether the speaker is under ChildYears.
func (s Speaker) Child() bool { return s.Age < ChildYears }

// Group returns gender and age group, such as "f child". Voices of one group are hard to tell
// apart.
func (s Speaker) Group() string {
	if s.Child() {
		return s.Gender + " child"
	}
	return s.Gender + " adult"
}

// Utterance is a sentence that was read, with the means of its human raters, 0 to 10.
type Utterance struct {
	Audio, Text              string // path of the FLAC; what was to be read
	Accuracy, Fluency, Total float64
}

// Root returns the folder of the repository that contains the working directory, or an error
// outside of one.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("corpus: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("corpus: run it inside the repository")
		}
		dir = up
	}
}

// Data returns the folder of the shared recordings beside the repository. If it does not exist, the
// error is os.ErrNotExist.
func Data() (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(filepath.Dir(root), "shared", "data")
	if _, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("corpus: %w", err)
	}
	return dir, nil
}

// The columns of utterances.tsv.
const (
	columnUtterance = iota
	columnSpeaker
	columnAge
	columnGender
	columnText
	columnAccuracy
	columnCompleteness
	columnFluency
	columnProsody
	columnTotal
	columns
)

// Speakers reads the speakers of speechocean762 in data, in order of appearance. If they do not
// exist, the error is os.ErrNotExist.
func Speakers(data string) ([]Speaker, error) {
	dir := filepath.Join(data, "speechocean762")
	file, err := os.Open(filepath.Join(dir, "utterances.tsv"))
	if err != nil {
		return nil, fmt.Errorf("corpus: %w", err)
	}
	defer func() { _ = file.Close() }()
	r := csv.NewReader(file)
	r.Comma, r.LazyQuotes, r.FieldsPerRecord, r.ReuseRecord = '\t', true, columns, true
	var out []Speaker
	at := map[string]int{}
	for first := true; ; first = false {
		c, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("corpus: utterances.tsv: %w", err)
		}
		if first {
			continue
		}
		line, _ := r.FieldPos(0)
		age, err := strconv.Atoi(c[columnAge])
		accuracy, err2 := strconv.ParseFloat(c[columnAccuracy], 64)
		fluency, err3 := strconv.ParseFloat(c[columnFluency], 64)
		total, err4 := strconv.ParseFloat(c[columnTotal], 64)
		if err := errors.Join(err, err2, err3, err4); err != nil {
			return nil, fmt.Errorf("corpus: utterances.tsv: line %d: %w", line, err)
		}
		i, known := at[c[columnSpeaker]]
		if !known {
			i = len(out)
			at[c[columnSpeaker]] = i
			out = append(out, Speaker{ID: c[columnSpeaker], Age: age, Gender: c[columnGender]})
		}
		out[i].Utterances = append(out[i].Utterances, Utterance{
			Audio: filepath.Join(dir, "audio", c[columnUtterance]+".flac"), Text: c[columnText], Accuracy: accuracy, Fluency: fluency, Total: total,
		})
	}
	if len(out) == 0 {
		return nil, errors.New("corpus: utterances.tsv has no speakers")
	}
	return out, nil
}
