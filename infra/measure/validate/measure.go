package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"sync"

	"parley/infra/measure/agreement"
	"parley/infra/measure/batch"
	"parley/shared/speech/score"
	"parley/shared/speech/score/accent"
	"parley/shared/speech/score/fluency"
	"parley/shared/speech/score/norms"
	"parley/shared/speech/score/timing"
)

// candidate is what the scorers read of one speaker.
type candidate struct {
	speaker
	timing.Speech
	fluent, accents []norms.Reading // no more is aligned and heard than in a run
	pronounced      []score.Pronounced
	pitch           float64 // median, Hz; 0: unknown
}

// table holds a row for each utterance and a column for each measure; NaN where there is none.
type table struct {
	speakers []candidate
	names    []string
	of       []int // row: its speaker
	x        [][]float64
	rows     [][]int // speaker: its rows
	phones   map[string][]float64
}

// measure reads every speaker's utterances as one candidate with a turn for each, of whose speech
// as much is aligned and heard for its language as the limits say.
func (r *rig) measure(ctx context.Context, speakers []speaker, limits accent.Limits) (*table, error) {
	t := &table{phones: map[string][]float64{}}
	listened := phoneListener{r.Aligner, &sync.Mutex{}, t.phones, false}
	for i, s := range speakers {
		m, speech, err := r.Material(ctx, batch.Row{ID: s.id, Audio: s.files})
		if err != nil {
			return nil, fmt.Errorf("speaker %s: %w", s.id, err)
		}
		c := candidate{speaker: s, fluent: fluency.Measure(m, speech)}
		listened.good = agreement.Mean(s.accuracy) >= goodAccuracy
		all := accent.Engines{Aligner: listened, Listener: r.Listener}
		found, err := accent.Measure(ctx, m, speech, all, limits)
		if err != nil {
			return nil, fmt.Errorf("speaker %s: %w", s.id, err)
		}
		c.Speech, c.accents, c.pronounced = speech, found.Readings, found.Pronounced
		c.pitch, _ = accent.Pitch(m, c.Speech)
		t.add(c)
		fmt.Fprintf(os.Stderr, "\rvalidate: %d of %d speakers", i+1, len(speakers))
	}
	fmt.Fprintln(os.Stderr)
	return t, nil
}

// beside lists measures that no scorer reports and that are tried here, by part; NaN if it has
// none. Their norms are means of the speakers with a human accuracy of 5.5-6.5 and of 8.5-10.
var beside = []struct {
	name string
	norm score.Norm
	of   func(p timing.Part) float64
}{
	{"logWordProbability", score.Norm{Low: -0.49, High: -0.1}, func(p timing.Part) float64 {
		return ofWords(p, func(p float64) float64 { return math.Log(max(p, 1e-3)) })
	}},
	{"pausesPerMinute", score.Norm{Low: 28.1, High: 19.6}, func(p timing.Part) float64 { return 60 * float64(len(p.Pauses)) / max(p.SpanSeconds(), 0.5) }},
}

func ofWords(p timing.Part, f func(float64) float64) float64 {
	if len(p.Words) < 2 {
		return math.NaN()
	}
	var sum float64
	for _, w := range p.Words[1:] {
		sum += f(w.P)
	}
	return sum / float64(len(p.Words)-1)
}

// add makes a row of each utterance: the parts of one turn are averaged.
func (t *table) add(c candidate) {
	values := map[string][]float64{}
	var order []string
	put := func(name string, v []float64) {
		if _, there := values[name]; !there && v != nil {
			values[name] = v
			order = append(order, name)
		}
	}
	for _, r := range append(append([]norms.Reading{}, c.fluent...), c.accents...) {
		put(r.Name, logged(r.Name, slices.Clone(r.Parts)))
	}
	for _, b := range beside {
		v := make([]float64, len(c.Parts))
		for i, p := range c.Parts {
			v[i] = b.of(p)
		}
		put(b.name, v)
	}
	if t.names == nil {
		t.names = order
	}
	for _, v := range values {
		fill(v)
	}
	var mine []int
	for turn := range c.files {
		row := make([]float64, len(t.names))
		for k, name := range t.names {
			row[k] = math.NaN()
			var sum, n float64
			for i, p := range c.Parts {
				if v := values[name]; v != nil && p.Turn == turn && !math.IsNaN(v[i]) {
					sum, n = sum+v[i], n+1
				}
			}
			if n > 0 {
				row[k] = sum / n
			}
		}
		mine = append(mine, len(t.x))
		t.x = append(t.x, row)
		t.of = append(t.of, len(t.speakers))
	}
	t.rows = append(t.rows, mine)
	t.speakers = append(t.speakers, c)
}

// fill puts the mean of what is there where there is nothing, as a score counts it.
func fill(values []float64) {
	var sum, n float64
	for _, v := range values {
		if !math.IsNaN(v) {
			sum, n = sum+v, n+1
		}
	}
	for i, v := range values {
		if math.IsNaN(v) && n > 0 {
			values[i] = sum / n
		}
	}
}

// logged are the values as the measure counts: by their logarithms, where the norms say so.
func logged(name string, values []float64) []float64 {
	for _, d := range []score.Dimension{score.Fluency, score.Accent} {
		if m, ok := norms.Of(d).Find(name); ok && m.Log && values != nil {
			out := make([]float64, len(values))
			for i, v := range values {
				out[i] = math.Log(v)
			}
			return out
		}
	}
	return values
}

// goodAccuracy is the mean human accuracy, 0 to 10, from which a speaker's sounds count as the norm
// of each sound.
const goodAccuracy = 7.5

// phoneListener records the Goodness of Pronunciation of every phone of good speakers.
type phoneListener struct {
	accent.Aligner
	one    *sync.Mutex // windows are aligned concurrently
	phones map[string][]float64
	good   bool
}

func (l phoneListener) Align(ctx context.Context, pcm []int16, words []string) ([]accent.AlignedWord, error) {
	out, err := l.Aligner.Align(ctx, pcm, words)
	if err != nil || !l.good {
		return out, err
	}
	l.one.Lock()
	defer l.one.Unlock()
	for _, w := range out {
		if !w.Spoken() {
			continue
		}
		for _, p := range w.Phones {
			if gop, ok := p.GOP(); ok {
				l.phones[p.Name] = append(l.phones[p.Name], gop)
			}
		}
	}
	return out, err
}
