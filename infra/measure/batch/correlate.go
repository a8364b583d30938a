package batch

import (
	"parley/infra/measure/agreement"
	"parley/shared/speech/score"
)

// fewestRows is the minimum number of rows for a correlation.
const fewestRows = 4

// Correlation says how well one score follows one human column.
type Correlation struct {
	Score  score.Dimension `json:"score"`
	Column string          `json:"column"`
	N      int             `json:"n"` // rows that have both
	// PCC is Pearson's correlation and Spearman that of the ranks, each with its 95 % bootstrap
	// interval over the rows.
	PCC              float64    `json:"pcc"`
	PCCInterval      [2]float64 `json:"pccInterval"`
	Spearman         float64    `json:"spearman"`
	SpearmanInterval [2]float64 `json:"spearmanInterval"`
	// BeyondTiming is the partial correlation of accent with the column, with phonation ratio and
	// peak rate held fixed: what accent measures besides speed. It is nil for other scores, and
	// below 8 rows.
	BeyondTiming *float64 `json:"beyondTiming,omitempty"`
}

// Correlate compares every score with every human column over the rows that have both. It leaves
// out pairs with fewer than four rows. The bootstrap's seed is fixed: the same lines give the same
// figures.
func Correlate(lines []Line, h Human) []Correlation {
	var out []Correlation
	for _, d := range correlated() {
		for _, column := range h.Columns {
			var x, y []float64
			var rows []Line
			for _, l := range lines {
				v, human := l.Raw[d], h.Scores[column]
				if want, ok := human[l.ID]; ok && v != nil {
					x, y, rows = append(x, *v), append(y, want), append(rows, l)
				}
			}
			if len(x) < fewestRows {
				continue
			}
			c := Correlation{Score: d, Column: column, N: len(x), PCC: agreement.Pearson(x, y), Spearman: agreement.Spearman(x, y)}
			of := func(f func(x, y []float64) float64) [2]float64 {
				return agreement.Bootstrap(agreement.Each(len(x)), func(rows []int) float64 { return f(agreement.Pick(x, rows), agreement.Pick(y, rows)) })
			}
			c.PCCInterval, c.SpearmanInterval = of(agreement.Pearson), of(agreement.Spearman)
			if d == score.Accent {
				c.BeyondTiming = beyond(rows, x, y)
			}
			out = append(out, c)
		}
	}
	return out
}

// correlated lists all scores in the order in which they are printed: as the API shows them, except
// that fluency comes first, as it always has.
func correlated() []score.Dimension {
	out := []score.Dimension{score.Fluency}
	for _, d := range score.Names() {
		if d != score.Fluency {
			out = append(out, d)
		}
	}
	return out
}

// beyond is the partial correlation of x and y with accent's measures of timing held fixed.
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
	p := agreement.Partial(x, y, z...)
	return &p
}
