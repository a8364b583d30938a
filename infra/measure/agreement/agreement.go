// Package agreement measures how well two columns of numbers agree, such as scores and human
// ratings.
package agreement

import (
	"math"
	"math/rand/v2"
	"sort"
)

// Resamples is the number of bootstrap samples behind an interval.
const Resamples = 2000

// Pearson is Pearson's correlation, -1 to 1; 0 if either side does not vary.
func Pearson(x, y []float64) float64 {
	a, b := centred(x), centred(y)
	d := math.Sqrt(dot(a, a) * dot(b, b))
	if d < 1e-12 {
		return 0
	}
	return dot(a, b) / d
}

// Spearman is the correlation of the ranks; ties share their mean rank.
func Spearman(x, y []float64) float64 { return Pearson(Ranks(x), Ranks(y)) }

// Partial is the correlation of x and y with the columns of z held fixed: that of their residuals
// after a fit on z.
func Partial(x, y []float64, z ...[]float64) float64 {
	return Pearson(Residual(x, z), Residual(y, z))
}

// Residual is v minus its least-squares fit on the columns of z and a constant (Gram-Schmidt).
func Residual(v []float64, z [][]float64) []float64 {
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

// Mean returns the mean of at least one value.
func Mean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
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

// Ranks returns the ranks from 0; ties share their mean rank.
func Ranks(v []float64) []float64 {
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

// Bootstrap resamples clusters of rows with replacement and returns the middle 95 % of a figure
// over the samples. clusters holds the rows of each cluster: one row each, or all utterances of a
// speaker. The seed is fixed, so the same rows give the same interval.
func Bootstrap(clusters [][]int, figure func(rows []int) float64) [2]float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	out := make([]float64, Resamples)
	var rows []int
	for i := range out {
		rows = rows[:0]
		for range clusters {
			rows = append(rows, clusters[rng.IntN(len(clusters))]...)
		}
		out[i] = figure(rows)
	}
	sort.Float64s(out)
	return [2]float64{out[Resamples*25/1000], out[Resamples*975/1000-1]}
}

// Each makes every one of n rows its own cluster.
func Each(n int) [][]int {
	out := make([][]int, n)
	for i := range out {
		out[i] = []int{i}
	}
	return out
}

// Pick returns the values of v at rows.
func Pick(v []float64, rows []int) []float64 {
	out := make([]float64, len(rows))
	for i, r := range rows {
		out[i] = v[r]
	}
	return out
}
