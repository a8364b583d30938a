package diarization

import (
	"context"
	"math"
	"slices"
)

// How many voices there are is decided by trying: two, then three, up to MaxSpeakers, as long as
// every pair of voices is told apart clearly enough. Two measures of a pair carry the decision: the
// cosine between its means, and how far its windows lie apart on the way from one mean to the
// other, in their own standard deviations. One voice that is cut in two anyhow has means that are
// close (0.55 to 0.9) and windows that touch (4 to 7 deviations); two voices have means of 0 to 0.7
// and windows 6 to 30 deviations apart. docs/speakers.md has the figures.
const (
	// MaxSpeakers is the most voices that are told apart.
	MaxSpeakers = 4

	// The score of a pair: deviations apart, at most mostApart, over enoughApart, and cosineWeight
	// for each 1 of the cosine under nearCosine. A voice of less than fewSeconds lacks fewWeight
	// for each of them.
	mostApart    = 12
	enoughApart  = 5
	nearCosine   = 0.6
	cosineWeight = 16
	fewSeconds   = 12
	fewWeight    = 0.8
	// leastSeconds is the least speech of a voice of its own, in windows of reliableMs or more.
	leastSeconds = 4
	// assignRounds bounds the rounds in which windows go to the nearest mean.
	assignRounds = 10
)

// starts are the numbers of groups that the windows are first put into, before the nearest are
// joined: few keep a rare voice from being split up, many keep it from being swallowed.
var starts = []int{6, 10, 16}

// unheard is the score of what is no voice of its own.
const unheard = -9

// hypothesis is one way of telling k voices apart.
type hypothesis struct {
	k     int
	group []int // per window
	means [][]float64
	// score is that of the least clear pair of voices: 0 or more where they are two. apart is how
	// many deviations the least distant pair is apart.
	score, apart float64
}

// count decides how many voices there are and which windows are whose. doubted is the clearest way
// of telling two apart where only one is heard; k is 0 where there is none.
func count(ctx context.Context, ws []window, points []float64, dim int) (best, doubted hypothesis, err error) {
	best = hypothesis{k: 1, group: make([]int, len(ws))}
	total := 0.0
	for _, w := range ws {
		total += w.reliable()
	}
	if total < 2*leastSeconds {
		return best, doubted, ctx.Err()
	}
	tree := ward(points, dim)
	var tried [MaxSpeakers + 1][][]int
	for _, n := range starts {
		for k, group := range merged(points, dim, ws, tree.cut(n)) {
			if k <= MaxSpeakers {
				tried[k] = append(tried[k], group)
			}
		}
		if err := ctx.Err(); err != nil {
			return best, doubted, err
		}
	}
	top := best
	for k := 2; k <= MaxSpeakers; k++ {
		groups := append(append(tried[k], tree.cut(k)), divided(ws, points, dim, top, tree)...)
		top = hypothesis{}
		for _, group := range groups {
			if slices.Max(group)+1 != k {
				continue
			}
			if h := try(ws, points, dim, group, k); top.k == 0 || h.score > top.score {
				top = h
			}
			if err := ctx.Err(); err != nil {
				return best, doubted, err
			}
		}
		if k == 2 {
			doubted = top
		}
		// Three voices can be clear where no cut into two is, so three are tried in any case.
		if top.k > 0 && top.score >= 0 {
			best = top
		} else if k > 2 {
			break
		}
	}
	if best.k > 1 {
		doubted = hypothesis{}
	}
	return best, doubted, nil
}

// try gives every window to the nearest mean of k groups, and measures how clear the voices are.
func try(ws []window, points []float64, dim int, group []int, k int) hypothesis {
	h := hypothesis{k: k, group: slices.Clone(group), score: math.Inf(1), apart: math.Inf(1)}
	for range assignRounds {
		h.means = means(points, dim, ws, h.group, k)
		moved := false
		for i := range h.group {
			best := 0
			for j := 1; j < k; j++ {
				if dot(h.means[j], points[i*dim:(i+1)*dim]) > dot(h.means[best], points[i*dim:(i+1)*dim]) {
					best = j
				}
			}
			if best != h.group[i] {
				h.group[i], moved = best, true
			}
		}
		if !moved {
			break
		}
	}
	h.means = means(points, dim, ws, h.group, k)
	for a := range k {
		for b := a + 1; b < k; b++ {
			score, apart := pair(ws, points, dim, h, a, b)
			h.score, h.apart = math.Min(h.score, score), math.Min(h.apart, apart)
		}
	}
	return h
}

// pair scores two voices of a hypothesis.
func pair(ws []window, points []float64, dim int, h hypothesis, a, b int) (score, apart float64) {
	var n, sum, squares, seconds [2]float64
	for i, g := range h.group {
		side := 0
		switch g {
		case a:
		case b:
			side = 1
		default:
			continue
		}
		p := points[i*dim : (i+1)*dim]
		at := dot(h.means[a], p) - dot(h.means[b], p)
		n[side]++
		sum[side] += at
		squares[side] += at * at
		seconds[side] += ws[i].reliable()
	}
	least := math.Min(seconds[0], seconds[1])
	if n[0] < 2 || n[1] < 2 || least < leastSeconds {
		return unheard, 0
	}
	within := 0.0
	for s := range n {
		within += math.Max(squares[s]-sum[s]*sum[s]/n[s], 0)
	}
	apart = (sum[0]/n[0] - sum[1]/n[1]) / math.Sqrt(within/(n[0]+n[1])+1e-9)
	score = math.Min(apart, mostApart) - enoughApart + cosineWeight*(nearCosine-dot(h.means[a], h.means[b])) - fewWeight*math.Max(0, fewSeconds-least)
	return score, apart
}

// means are the mean directions of the groups, of length 1, windows by their speech; zeros for an
// empty group.
func means(points []float64, dim int, ws []window, group []int, k int) [][]float64 {
	out := make([][]float64, k)
	for g := range out {
		out[g] = make([]float64, dim)
	}
	for i, g := range group {
		for d, v := range points[i*dim : (i+1)*dim] {
			out[g][d] += ws[i].seconds * v
		}
	}
	for _, m := range out {
		if length := math.Sqrt(dot(m, m)); length > 0 {
			for d := range m {
				m[d] /= length
			}
		}
	}
	return out
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

// merged joins the nearest groups, by their means, until two are left; groups of less than
// leastSeconds go first, because one odd sentence is no voice. A rare voice survives this, which
// Ward's criterion alone would give to the nearest one before splitting the most talkative in two.
// The result holds, by number of groups, the groups of the windows.
func merged(points []float64, dim int, ws []window, group []int) map[int][]int {
	out := map[int][]int{}
	for k := slices.Max(group) + 1; k >= 2; k-- {
		mean := means(points, dim, ws, group, k)
		size := make([]float64, k)
		for i, g := range group {
			size[g] += ws[i].reliable()
		}
		tiny := -1
		for g, s := range size {
			if s < leastSeconds && (tiny < 0 || s < size[tiny]) {
				tiny = g
			}
		}
		if tiny < 0 {
			out[k] = group
		}
		keep, join, nearest := -1, -1, math.Inf(-1)
		for a := range k {
			for b := a + 1; b < k; b++ {
				if near := dot(mean[a], mean[b]); (tiny < 0 || a == tiny || b == tiny) && near > nearest {
					keep, join, nearest = a, b, near
				}
			}
		}
		before := group
		group = numbered(len(before), func(i int) int {
			if before[i] == join {
				return keep
			}
			return before[i]
		})
	}
	return out
}

// parts are the numbers of groups that a voice is cut into when one of them may be another voice.
var parts = []int{2, 3, 4, 6}

// divided are the ways of telling one voice more apart than a hypothesis does, by taking a part of
// one of its voices for another. The clearest cut into k voices is often the clearest one into k+1
// but for one voice that lies inside another, which the cuts of the whole do not show. whole is the
// tree of all windows.
func divided(ws []window, points []float64, dim int, h hypothesis, whole tree) (out [][]int) {
	for voice := range h.k {
		var of []int
		var own []float64
		for i, g := range h.group {
			if g == voice {
				of, own = append(of, i), append(own, points[i*dim:(i+1)*dim]...)
			}
		}
		t := whole
		if h.k > 1 {
			t = ward(own, dim)
		}
		for _, n := range parts {
			cut := t.cut(n)
			for part := range n {
				group, seconds := slices.Clone(h.group), 0.0
				for i, p := range cut {
					if p == part {
						group[of[i]] = h.k
						seconds += ws[of[i]].reliable()
					}
				}
				if seconds >= leastSeconds {
					out = append(out, group)
				}
			}
		}
	}
	return out
}
