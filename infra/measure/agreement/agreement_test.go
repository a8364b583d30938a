package agreement

import (
	"math"
	"testing"
)

func TestFigures(t *testing.T) {
	x, timing := []float64{1, 2, 3, 4, 5, 7}, []float64{2, 1, 4, 3, 6, 5}
	bent := []float64{1, 4, 9, 16, 25, 49}
	own := []float64{1, -1, -1, 1, 1, -1}
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"a line agrees wholly", Pearson(x, []float64{3, 5, 7, 9, 11, 15}), 1},
		{"what does not vary agrees with nothing", Pearson(x, []float64{1, 1, 1, 1, 1, 1}), 0},
		{"ranks do not mind a bend", Spearman(x, bent), 1},
		{"what timing explains is nothing beyond it", Partial(timing, x, timing), 0},
		{"what is its own stays beyond timing", Partial(sum(timing, own), sum(timing, own), timing), 1},
	} {
		if math.Abs(c.got-c.want) > 1e-9 {
			t.Errorf("%s: %g, want %g", c.name, c.got, c.want)
		}
	}
	if r := Ranks([]float64{5, 1, 5, 0}); r[0] != 2.5 || r[1] != 1 || r[2] != 2.5 || r[3] != 0 {
		t.Errorf("%v", r)
	}
}

func TestBootstrapHoldsTheFigureAndRepeatsItself(t *testing.T) {
	x, y := []float64{1, 2, 3, 4, 5, 6, 7, 8}, []float64{1, 3, 2, 5, 4, 7, 6, 9}
	of := func(rows []int) float64 { return Pearson(Pick(x, rows), Pick(y, rows)) }
	a, b := Bootstrap(Each(len(x)), of), Bootstrap(Each(len(x)), of)
	if p := Pearson(x, y); a != b || a[0] >= p || a[1] < p {
		t.Fatalf("%v, %v", a, b)
	}
}

func sum(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] + b[i]
	}
	return out
}
