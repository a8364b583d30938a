package main

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"parley/infra/measure/agreement"
	"parley/shared/speech/score"
	"parley/shared/speech/score/vocabulary"
	"parley/shared/speech/transcript"
)

// cutWords is the length to which the versions of a text are cut, and lengths are those at which one text is scored.
const cutWords = 250

var lengths = []int{100, 150, 200, 250, 300, 400}

// wordFigures are how the vocabulary score does on texts with known levels.
type wordFigures struct {
	pairs, right int
	adjacent     [2]int // right, all: of neighbouring versions
	sentences    int
	band, whole  float64 // correlation with the annotators: mean level of words, whole score
	drift        []float64
	moved        float64
	texts        int
	annotators   float64
}

func measureVocabulary(dir string) (wordFigures, error) {
	var f wordFigures
	texts, err := readTable(filepath.Join(dir, "onestop.tsv"), 5)
	if err != nil {
		return f, err
	}
	triples := map[string]*[3]string{}
	var order []string
	for _, r := range texts {
		level, err := strconv.Atoi(r[2])
		if err != nil || level < 1 || level > 3 {
			return f, fmt.Errorf("onestop.tsv: level %q", r[2])
		}
		if triples[r[1]] == nil {
			triples[r[1]] = &[3]string{}
			order = append(order, r[1])
		}
		triples[r[1]][level-1] = r[4]
	}
	f.drift = make([]float64, len(lengths))
	for _, id := range order {
		var s [3]float64
		for i, text := range triples[id] {
			v, _, err := scoreText(text, cutWords)
			if err != nil {
				return f, err
			}
			s[i] = v
		}
		for _, p := range [][2]int{{0, 1}, {1, 2}, {0, 2}} {
			f.pairs++
			ok := s[p[0]] < s[p[1]]
			if ok {
				f.right++
			}
			if p[1]-p[0] == 1 {
				f.adjacent[1]++
				if ok {
					f.adjacent[0]++
				}
			}
		}
		for _, text := range triples[id] {
			last := lengths[len(lengths)-1]
			if len(strings.Fields(text)) < last {
				continue
			}
			long, _, err := scoreText(text, last)
			if err != nil {
				return f, err
			}
			f.texts++
			for i, l := range lengths {
				v, _, err := scoreText(text, l)
				if err != nil {
					return f, err
				}
				f.drift[i] += v - long
				f.moved += math.Abs(v-long) / float64(len(lengths)-1)
			}
		}
	}
	for i := range f.drift {
		f.drift[i] /= float64(f.texts)
	}
	f.moved /= float64(f.texts)
	return f, f.sentencesOf(filepath.Join(dir, "cefr-sp-wikiauto.tsv"))
}

func (f *wordFigures) sentencesOf(path string) error {
	rows, err := readTable(path, 3)
	if err != nil {
		return err
	}
	var band, whole, human, a, b []float64
	for _, r := range rows {
		x, errA := strconv.ParseFloat(r[1], 64)
		y, errB := strconv.ParseFloat(r[2], 64)
		if errA != nil || errB != nil {
			return fmt.Errorf("%s: levels %q and %q", path, r[1], r[2])
		}
		a, b = append(a, x), append(b, y)
		raw, mean, err := scoreText(r[0], math.MaxInt)
		if err != nil || math.IsNaN(raw) || math.IsNaN(mean) {
			continue
		}
		band, whole, human = append(band, mean), append(whole, raw), append(human, (x+y)/2)
	}
	f.sentences, f.band, f.whole, f.annotators = len(human), agreement.Pearson(band, human), agreement.Pearson(whole, human), agreement.Pearson(a, b)
	return nil
}

// scoreText is the vocabulary score of the first words of a text, and its mean CEFR band; NaN where not measured.
func scoreText(text string, limit int) (raw, band float64, err error) {
	w := strings.Fields(text)
	w = w[:min(len(w), limit)]
	turn := transcript.Turn{EndMs: int64(len(w)) * 400}
	for i, v := range w {
		turn.Words = append(turn.Words, transcript.Word{Text: v, StartMs: int64(i) * 400, EndMs: int64(i)*400 + 300, P: 1})
	}
	m := score.Material{Waive: true}
	m.Conversation.Language = vocabulary.English
	m.Conversation.Turns = []transcript.Turn{turn}
	r, err := vocabulary.Score(m)
	raw, band = math.NaN(), math.NaN()
	if r.Raw != nil {
		raw = *r.Raw
	}
	for _, x := range r.Measures {
		if x.Name == "meanBand" && x.Value != nil {
			band = *x.Value
		}
	}
	return raw, band, err
}

// readTable reads tab-separated lines after a header.
func readTable(path string, columns int) (rows [][]string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		c := strings.Split(in.Text(), "\t")
		if len(c) < columns {
			return nil, fmt.Errorf("%s: a line has %d columns of %d", path, len(c), columns)
		}
		rows = append(rows, c)
	}
	if len(rows) < 2 {
		return nil, fmt.Errorf("%s holds no rows", path)
	}
	return rows[1:], in.Err()
}
