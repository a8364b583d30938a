package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"parley/infra/measure/agreement"
	"parley/infra/measure/batch"
	"parley/infra/measure/corpus"
	"parley/shared/speech"
	"parley/shared/speech/score"
	"parley/shared/speech/score/norms"
	"parley/shared/speech/score/overall"
)

// whole is one speaker with all scores as shipped.
type whole struct {
	child   bool
	results score.Results
	total   float64 // of the raters, 0 to 10
}

type wholes []whole

// measureOverall scores every speaker as a run does.
func (r *rig) measureOverall(ctx context.Context, data string) (wholes, error) {
	rated, err := corpus.Speakers(data)
	if err != nil {
		return nil, err
	}
	e := r.Engine
	e.Scorings = speech.Scorings
	var f wholes
	for i, s := range rated {
		one := whole{child: s.Child()}
		row := batch.Row{ID: s.ID}
		for _, u := range s.Utterances {
			row.Audio = append(row.Audio, u.Audio)
			one.total += u.Total / float64(len(s.Utterances))
		}
		e.Present = func(results score.Results, _ score.Material) (scores, confidence any, all score.Result, err error) {
			one.results = results
			return nil, nil, overall.Score(results), nil
		}
		if _, err := e.Score(ctx, row); err != nil {
			return nil, fmt.Errorf("speaker %s: %w", s.ID, err)
		}
		f = append(f, one)
		fmt.Fprintf(os.Stderr, "\rvalidate: overall of %d of %d speakers", i+1, len(rated))
	}
	fmt.Fprintln(os.Stderr)
	return f, nil
}

// combinations are ways to make an overall score, on the scale.
var combinations = []struct {
	name string
	of   func(results score.Results) float64
}{
	{"fluency and accent alone", func(r score.Results) float64 {
		return (*r[score.Fluency].Raw + *r[score.Accent].Raw) / 2
	}},
	{"all three alike", func(r score.Results) float64 {
		return (*r[score.Vocabulary].Raw + *r[score.Fluency].Raw + *r[score.Accent].Raw) / 3
	}},
	{"**shipped**: all three, by how sure each is", func(r score.Results) float64 { return *overall.Score(r).Raw }},
}

// overalls are the correlations of each combination with the raters' total, of adults and of all,
// and the mean share of vocabulary in the shipped one.
func (f wholes) correlations() (adults, all []float64, n [2]int, share float64) {
	for _, c := range combinations {
		var x, y [2][]float64
		for _, s := range f {
			if slices.ContainsFunc(s.results.InOrder(), func(r score.Result) bool { return r.Raw == nil }) {
				continue
			}
			v := c.of(s.results)
			x[1], y[1] = append(x[1], v), append(y[1], s.total)
			if !s.child {
				x[0], y[0] = append(x[0], v), append(y[0], s.total)
			}
		}
		adults, all, n = append(adults, agreement.Pearson(x[0], y[0])), append(all, agreement.Pearson(x[1], y[1])), [2]int{len(x[0]), len(x[1])}
	}
	k := 0.0
	for _, s := range f {
		if r := overall.Score(s.results); r.Raw != nil && s.results[score.Vocabulary].Raw != nil {
			share, k = share+r.Measures[0].Weight, k+1
		}
	}
	return adults, all, n, share / max(1, k)
}

func (f wholes) text(say sayer) {
	say("\n## The overall score against the raters' total\n\n")
	say("Per speaker, by the shipped scores; no weight was learnt from these totals. The sentences were read, so vocabulary means nothing here: what can be seen is how far an unsure dimension\n")
	say("spoils the whole. `go run ./infra/measure/validate -only overall` writes this section alone.\n\n")
	f.table(say)
}

// table shows the correlations, and how the weights come about.
func (f wholes) table(say sayer) {
	adults, all, n, share := f.correlations()
	section := norms.Of(score.Overall)
	say("| overall score made of | adults (%d) | all (%d) |\n|---|---|---|\n", n[0], n[1])
	for i, c := range combinations {
		say("| %s | %.3f | %.3f |\n", c.name, adults[i], all[i])
	}
	say("\nA weight is 1 / (%.1f² + spread²), where the spread is that of the interval. The weight of vocabulary is multiplied by its words over %.0f if there are fewer, and by %.1f if a text may have been\n",
		section.Number("ownSpread"), section.Number("fullWords"), section.Number("preparedShare"))
	say("read. Mean share of vocabulary: %.0f %%.\n", 100*share)
}
