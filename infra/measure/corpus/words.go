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

// Word is a word that was read, with the mean of its human raters' accuracy, 0 to 10.
type Word struct {
	Text     string
	Accuracy float64
}

// The columns of words.tsv that are read, and how many there are.
const (
	wordUtterance = 0
	wordText      = 2
	wordAccuracy  = 3
	wordColumns   = 6
)

// Words reads the rated words of speechocean762 in data, in order, by utterance: the name of its
// recording without the ending. An error that is os.ErrNotExist says that they are not there.
func Words(data string) (map[string][]Word, error) {
	file, err := os.Open(filepath.Join(data, "speechocean762", "words.tsv"))
	if err != nil {
		return nil, fmt.Errorf("corpus: %w", err)
	}
	defer func() { _ = file.Close() }()
	r := csv.NewReader(file)
	r.Comma, r.LazyQuotes, r.FieldsPerRecord, r.ReuseRecord = '\t', true, wordColumns, true
	out := map[string][]Word{}
	for first := true; ; first = false {
		c, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("corpus: words.tsv: %w", err)
		}
		if first {
			continue
		}
		accuracy, err := strconv.ParseFloat(c[wordAccuracy], 64)
		if err != nil {
			line, _ := r.FieldPos(0)
			return nil, fmt.Errorf("corpus: words.tsv: line %d: %w", line, err)
		}
		out[c[wordUtterance]] = append(out[c[wordUtterance]], Word{c[wordText], accuracy})
	}
}
