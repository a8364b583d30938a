package diarization

import (
	"cmp"
	"math"
	"slices"
)

// tree is what ward finds: the unions of n points, in rising order of what they cost.
type tree struct {
	n      int
	merges []union
}

type union struct {
	a, b int
	cost float64
}

// ward clusters points (dim numbers each) by Ward's criterion (Ward 1963): always the pair whose
// union adds least to the squared distances from the means. The nearest-neighbour chain (Murtagh
// 1983) needs only the groups' means, so memory is linear in the points and time quadratic.
func ward(points []float64, dim int) tree {
	n := len(points) / dim
	if n == 0 {
		return tree{}
	}
	mean := append([]float64(nil), points...)
	size := make([]float64, n)
	alive := make([]bool, n)
	for i := range n {
		size[i], alive[i] = 1, true
	}
	cost := func(a, b int) float64 {
		sum := 0.0
		x, y := mean[a*dim:(a+1)*dim], mean[b*dim:(b+1)*dim]
		for i, v := range x {
			d := v - y[i]
			sum += d * d
		}
		return sum * size[a] * size[b] / (size[a] + size[b])
	}
	merges := make([]union, 0, n-1)
	chain := make([]int, 0, n)
	for first := 0; len(merges) < n-1; {
		if len(chain) == 0 {
			for !alive[first] {
				first++
			}
			chain = append(chain, first)
		}
		a := chain[len(chain)-1]
		before := -1
		best, least := -1, math.Inf(1)
		if len(chain) > 1 {
			// The predecessor wins a tie, or the chain would not end.
			before = chain[len(chain)-2]
			best, least = before, cost(a, before)
		}
		for b := range n {
			if !alive[b] || b == a {
				continue
			}
			if c := cost(a, b); c < least {
				best, least = b, c
			}
		}
		if best != before {
			chain = append(chain, best)
			continue
		}
		chain = chain[:len(chain)-2]
		a, b := min(a, best), max(a, best)
		merges = append(merges, union{a, b, least})
		for i := range dim {
			mean[a*dim+i] = (mean[a*dim+i]*size[a] + mean[b*dim+i]*size[b]) / (size[a] + size[b])
		}
		size[a] += size[b]
		alive[b] = false
	}
	// The chain does not find the merges in the order of their cost. Ward's costs never fall from
	// child to parent; of equal costs the later one is the parent.
	slices.SortStableFunc(merges, func(a, b union) int { return cmp.Compare(a.cost, b.cost) })
	return tree{n, merges}
}

// cut leaves out the dearest unions, so that k groups are left: each point's group, 0 to k-1, in
// order of appearance. There are at most as many groups as points.
func (t tree) cut(k int) []int {
	n := t.n
	parent := make([]int, n)
	for i := range parent {
		parent[i] = i
	}
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	for _, m := range t.merges[:max(0, n-max(k, 1))] {
		a, b := find(m.a), find(m.b)
		parent[max(a, b)] = min(a, b)
	}
	return numbered(n, find)
}

// numbered maps the labels of n things to 0, 1, … in order of appearance.
func numbered(n int, label func(int) int) []int {
	out := make([]int, n)
	seen := map[int]int{}
	for i := range out {
		l := label(i)
		if _, ok := seen[l]; !ok {
			seen[l] = len(seen)
		}
		out[i] = seen[l]
	}
	return out
}
