package batch

import (
	"math"
	"math/rand/v2"
	"sort"

	"parley/shared/score"
)

const (
	resamples = 2000
	// fewestRows is the least number of rows for a correlation.
	fewestRows = 4
)

// Correlation is how well one score follows one human column.
type Correlation struct {
	Score  score.Dimension `json:"score"`
	Column string          `json:"column"`
	N      int             `json:"n"` // rows that have both
	// PCC is Pearson's correlation, Spearman that of the ranks, each with its 95 % interval over bootstraps of the rows.
	PCC              float64    `json:"pcc"`
	PCCInterval      [2]float64 `json:"pccInterval"`
	Spearman         float64    `json:"spearman"`
	SpearmanInterval [2]float64 `json:"spearmanInterval"`
	// BeyondTiming is the partial correlation of accent with the column, phonation ratio and peak rate held fixed: what it hears
	// beside speed. nil for other scores, and below 8 rows.
	BeyondTiming *float64 `json:"beyondTiming,omitempty"`
}

// Correlate compares every score with every human column over the rows that have both. Pairs of fewer than four rows are
// left out. The bootstrap's seed is fixed: the same lines give the same figures.
func Correlate(lines []Line, h Human) []Correlation {
	var out []Correlation
	for _, d := range []score.Dimension{score.Fluency, score.Vocabulary, score.Accent, score.Overall} {
		for _, column := range h.Columns {
			var x, y []float64
			var rows []Line
			for _, l := range lines {
				v, human := l.raw(d), h.Scores[column]
				if want, ok := human[l.ID]; ok && v != nil {
					x, y, rows = append(x, *v), append(y, want), append(rows, l)
				}
			}
			if len(x) < fewestRows {
				continue
			}
			c := Correlation{Score: d, Column: column, N: len(x), PCC: pearson(x, y), Spearman: pearson(ranks(x), ranks(y))}
			c.PCCInterval, c.SpearmanInterval = bootstrap(x, y)
			if d == score.Accent {
				c.BeyondTiming = beyond(rows, x, y)
			}
			out = append(out, c)
		}
	}
	return out
}

func (l Line) raw(d score.Dimension) *float64 {
	switch d {
	case score.Fluency:
		return l.Raw.Fluency
	case score.Vocabulary:
		return l.Raw.Vocabulary
	case score.Accent:
		return l.Raw.Accent
	case score.Overall:
		return l.Raw.Overall
	}
	return nil
}

// beyond is the partial correlation of x and y with the timing measures of accent held fixed.
func beyond(rows []Line, x, y []float64) *float64 {
	if len(rows) < 8 {
		return nil
	}
	var z [][]float64
	for _, name := range []string{"phonationRatio", "peakRate"} {
		var v []float64
		for _, l := range rows {
			for _, m := range l.Measures[score.Accent] {
				if m.Name == name && m.Value != nil {
					v = append(v, *m.Value)
				}
			}
		}
		if len(v) == len(rows) {
			z = append(z, v)
		}
	}
	p := pearson(residual(x, z), residual(y, z))
	return &p
}

// residual is v less its least-squares fit on the columns of z (Gram-Schmidt).
func residual(v []float64, z [][]float64) []float64 {
	out := centred(v)
	var basis [][]float64
	for _, c := range z {
		u := centred(c)
		for _, b := range basis {
			project(u, b)
		}
		if dot(u, u) > 1e-9*dot(c, c) {
			basis = append(basis, u)
		}
	}
	for _, b := range basis {
		project(out, b)
	}
	return out
}

func project(v, b []float64) {
	f := dot(v, b) / dot(b, b)
	for i := range v {
		v[i] -= f * b[i]
	}
}

func dot(a, b []float64) float64 {
	var s float64
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

func centred(v []float64) []float64 {
	var mean float64
	for _, x := range v {
		mean += x / float64(len(v))
	}
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = x - mean
	}
	return out
}

// pearson is 0 where either side does not vary.
func pearson(x, y []float64) float64 {
	a, b := centred(x), centred(y)
	d := math.Sqrt(dot(a, a) * dot(b, b))
	if d < 1e-12 {
		return 0
	}
	return dot(a, b) / d
}

// ranks are the ranks from 0, ties sharing their mean.
func ranks(v []float64) []float64 {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return v[order[a]] < v[order[b]] })
	out := make([]float64, len(v))
	for i := 0; i < len(order); {
		k := i
		for k+1 < len(order) && v[order[k+1]] == v[order[i]] {
			k++
		}
		for j := i; j <= k; j++ {
			out[order[j]] = float64(i+k) / 2
		}
		i = k + 1
	}
	return out
}

// bootstrap draws the rows anew and takes the middle 95 % of both correlations.
func bootstrap(x, y []float64) (p, s [2]float64) {
	rng := rand.New(rand.NewPCG(1, 2))
	ps, ss := make([]float64, resamples), make([]float64, resamples)
	a, b := make([]float64, len(x)), make([]float64, len(x))
	for i := range resamples {
		for k := range a {
			j := rng.IntN(len(x))
			a[k], b[k] = x[j], y[j]
		}
		ps[i], ss[i] = pearson(a, b), pearson(ranks(a), ranks(b))
	}
	middle := func(v []float64) [2]float64 {
		sort.Float64s(v)
		return [2]float64{v[resamples*25/1000], v[resamples*975/1000-1]}
	}
	return middle(ps), middle(ss)
}
