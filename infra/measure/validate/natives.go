package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"parley/infra/measure/agreement"
	"parley/infra/measure/batch"
	"parley/shared/speech/score"
	"parley/shared/speech/score/accent"
	"parley/shared/speech/score/fluency"
	"parley/shared/speech/score/norms"
)

// natives are the readers whose English is as clear as it gets, one clip of about 12 s each: where
// the scales end.
type natives struct {
	raw      map[score.Dimension][]float64
	measures map[score.Dimension]map[string][]float64 // by measure, what each shows
	clarity  []float64                                // of their words
}

// natives scores the native readers in the shared data as they are.
func (r *rig) natives(ctx context.Context) (natives, error) {
	n := natives{raw: map[score.Dimension][]float64{}, measures: map[score.Dimension]map[string][]float64{score.Fluency: {}, score.Accent: {}}}
	files, err := filepath.Glob(filepath.Join(r.data, "natives", "*.flac"))
	if err != nil {
		return n, err
	}
	for i, f := range files {
		m, speech, err := r.Material(ctx, batch.Row{ID: f, Audio: []string{f}})
		if err != nil {
			return n, fmt.Errorf("%s: %w", f, err)
		}
		ac, err := accent.Score(ctx, m, speech, r.Engines)
		if err != nil {
			return n, fmt.Errorf("%s: %w", f, err)
		}
		for _, w := range ac.Pronounced {
			n.clarity = append(n.clarity, w.Clarity)
		}
		for _, s := range []score.Result{fluency.Score(m, speech), ac} {
			if s.Raw != nil {
				n.raw[s.Dimension] = append(n.raw[s.Dimension], *s.Raw)
			}
			for _, x := range s.Measures {
				if x.Value != nil {
					n.measures[s.Dimension][x.Name] = append(n.measures[s.Dimension][x.Name], *x.Value)
				}
			}
		}
		fmt.Fprintf(os.Stderr, "\rvalidate: %d of %d native readers", i+1, len(files))
	}
	fmt.Fprintln(os.Stderr)
	return n, nil
}

// quantile is the q-th quantile, 0 to 1, linear between ranks; 0 of nothing.
func quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	at := q * float64(len(v)-1)
	i := min(int(at), len(v)-2)
	if i < 0 {
		return v[0]
	}
	return v[i] + (at-float64(i))*(v[i+1]-v[i])
}

// topText shows both ends of the scale: learners by what the raters gave them, and natives.
func (p *page) topText(say sayer) {
	say("\n## The top of the scale\n\n")
	say("Scores, 0 to 5, of the %d native readers (LibriSpeech, one clip of about 12 s each), and held-out scores of the adult learners, grouped by the raters' score. The scale bends so that natives at\n", len(p.natives.raw[score.Fluency]))
	say("the middle of each measure reach %g in fluency. These middles were measured on the same clips, so the row of the natives flatters.\n\n", norms.Of(score.Fluency).Number("scoreAtNative"))
	say("| | who | n | mean | 5 %% | median | 95 %% |\n|---|---|---|---|---|---|---|\n")
	row := func(name score.Dimension, who string, v []float64) {
		if len(v) > 0 {
			mean := func(rows []int) float64 { return agreement.Mean(agreement.Pick(v, rows)) }
			say("| %s | %s | %d | %.1f%s | %.1f | %.1f | %.1f |\n", name, who, len(v), agreement.Mean(v), brackets(agreement.Bootstrap(agreement.Each(len(v)), mean)), quantile(v, 0.05), quantile(v, 0.5), quantile(v, 0.95))
		}
	}
	for _, s := range p.studies {
		for _, band := range [][2]float64{{0, 5}, {5, 6.5}, {6.5, 8}, {8, 9}, {9, 10.01}} {
			var v []float64
			for who, c := range p.t.speakers {
				if h := s.scale.human[who]; !c.child && h >= band[0] && h < band[1] {
					v = append(v, s.scale.predicted[who])
				}
			}
			row(s.name, fmt.Sprintf("learners, rated %g to %g", band[0], min(band[1], 10)), v)
		}
		row(s.name, "native readers", p.natives.raw[s.name])
	}
}
