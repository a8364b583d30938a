package speaker

import (
	"context"
	"math"
	"slices"
)

// How many voices there are is decided by trying: two, then three, up to MaxSpeakers, as long as every pair of voices is
// told apart clearly enough. The measure of a pair is logistic, fitted to 185 compositions of one or two speakers whom the
// projection had not seen (pairs mostly of the same gender and age; clean, 15 dB of noise, telephone band, all at once; long
// and short answers). On one fold of TestCounting, after which scoreConstant and the far voice below were set, so that the
// figures flatter: 3 of 48 single voices are taken for two, and about 10 of 37 such pairs for one, most of them children or
// both telephone and noise. Three voices of that corpus are counted right only in clean sound, and not always.
const (
	// MaxSpeakers is the most voices that are told apart.
	MaxSpeakers = 4
	// scoreDistance is per natural logarithm of 1 plus the squared distance of the voices' means.
	scoreDistance = 2.46
	// scoreWindows is per natural logarithm of the windows of the smaller voice, at most manyWindows.
	scoreWindows = 3.98
	manyWindows  = 30
	// scoreAgreement is per share of frames that keep their speaker when the voices are modelled frame by frame.
	scoreAgreement = 10.26
	scoreConstant  = -30.0
	// A voice that is this far from every other (squared distance) is one of its own, however little it says, as long as it
	// has farWindows of its own and farAgreement of the frames stay: no part of a single voice was seen so far from the rest
	// of it. That keeps an interviewer who only puts in short questions.
	farDistance  = 55
	farPerPoint  = 20
	farWindows   = 7
	farAgreement = 0.95
	// scoreFurther is what every voice after the second must be clearer by.
	scoreFurther = 1
	// groups is how many groups the windows are first put into, leastWindows the fewest of a voice of its own.
	groups       = 8
	leastWindows = 10
)

// hypothesis is one way of telling k voices apart.
type hypothesis struct {
	k      int
	labels []int // per modelled frame
	// score is the logit of the least clear pair of voices being two, distance that of their means.
	score, distance float64
}

// voices decides how many voices there are and which frames are whose.
func voices(ctx context.Context, f frames, ws []window, points []float64, dim int) (hypothesis, error) {
	best := hypothesis{k: 1, labels: make([]int, f.len())}
	if len(ws) < 2*leastWindows {
		return best, nil
	}
	levels := merged(points, dim, ward(points, dim, groups))
	for k := 2; k <= MaxSpeakers; k++ {
		var top hypothesis
		tried := [][]int{levels[k], ward(points, dim, k)}
		for i, group := range tried {
			if group == nil || i == 1 && slices.Equal(group, tried[0]) {
				continue
			}
			h, err := try(ctx, f, ws, points, dim, group, k)
			if err != nil {
				return best, err
			}
			if top.k == 0 || h.score > top.score {
				top = h
			}
		}
		switch {
		case top.k > 0 && top.score >= scoreFurther*float64(k-2):
			best = top
		case k > 2:
			return best, nil
		}
		// Three voices can be clear where no cut into two is, so three are tried in any case.
	}
	return best, nil
}

// try models k voices, starting from the windows' groups, and measures how clear they are.
func try(ctx context.Context, f frames, ws []window, points []float64, dim int, group []int, k int) (hypothesis, error) {
	first := spread(f.len(), ws, group, k)
	labels, err := refine(ctx, f, first, k)
	if err != nil {
		return hypothesis{}, err
	}
	agree := 0
	for i := range labels {
		if labels[i] == first[i] {
			agree++
		}
	}
	h := hypothesis{k: k, labels: labels, score: math.Inf(1)}
	mean, size := means(points, dim, owners(ws, labels), k)
	for a := range k {
		for b := a + 1; b < k; b++ {
			least := math.Min(size[a], size[b])
			if least == 0 {
				h.score = math.Inf(-1)
				continue
			}
			d2 := squared(mean[a], mean[b])
			score := scoreDistance*math.Log(1+d2) + scoreWindows*math.Log(math.Min(least, manyWindows)) +
				scoreAgreement*float64(agree)/float64(len(labels)) + scoreConstant
			if least >= farWindows && float64(agree) >= farAgreement*float64(len(labels)) {
				score = math.Max(score, (d2-farDistance)/farPerPoint)
			}
			if score < h.score {
				h.score, h.distance = score, math.Sqrt(d2)
			}
		}
	}
	return h, nil
}

// owners tells whose a window is, where at least 80 % of it are of one speaker; else -1.
func owners(ws []window, labels []int) []int {
	out := make([]int, len(ws))
	for i, w := range ws {
		var count [MaxSpeakers]int
		out[i] = -1
		for _, l := range labels[w.from:w.to] {
			count[l]++
		}
		for l, n := range count {
			if 10*n >= 8*(w.to-w.from) {
				out[i] = l
			}
		}
	}
	return out
}

// means are the mean point and the size of each group; points of group -1 are left out.
func means(points []float64, dim int, group []int, k int) (mean [][]float64, size []float64) {
	mean, size = make([][]float64, k), make([]float64, k)
	for g := range mean {
		mean[g] = make([]float64, dim)
	}
	for i, g := range group {
		if g < 0 {
			continue
		}
		size[g]++
		for d := range dim {
			mean[g][d] += points[i*dim+d]
		}
	}
	for g := range mean {
		for d := range dim {
			mean[g][d] /= math.Max(size[g], 1)
		}
	}
	return mean, size
}

func squared(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += (a[i] - b[i]) * (a[i] - b[i])
	}
	return sum
}

// merged joins the nearest groups, by their means, until two are left; groups of fewer than leastWindows go first, because
// one odd sentence is no voice. A rare voice survives this, which Ward's criterion alone would give to the nearest one
// before splitting the most talkative in two. The result holds, by number of groups, the groups of the windows.
func merged(points []float64, dim int, group []int) map[int][]int {
	out := map[int][]int{}
	for {
		k := 0
		for _, g := range group {
			k = max(k, g+1)
		}
		if k < 2 {
			return out
		}
		mean, size := means(points, dim, group, k)
		tiny := -1
		for g := range k {
			if size[g] < leastWindows && (tiny < 0 || size[g] < size[tiny]) {
				tiny = g
			}
		}
		if tiny < 0 {
			out[k] = group
		}
		keep, join, least := -1, -1, math.Inf(1)
		for a := range k {
			for b := a + 1; b < k; b++ {
				if d := squared(mean[a], mean[b]); (tiny < 0 || a == tiny || b == tiny) && d < least {
					keep, join, least = a, b, d
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
}
