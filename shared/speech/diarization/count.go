package diarization

import (
	"context"
	"math"
	"slices"
)

// How many voices there are is decided by trying: two, then three, up to MaxSpeakers, as long as every pair of voices is
// told apart clearly enough. The measure of a pair is logistic, fitted to 162 compositions of one or two speakers whom the
// projection had not seen (half of the speakers each time; pairs mostly of the same gender and age; clean, 15 dB of noise,
// telephone band, all at once; long and short answers). The constant leans to two voices: one voice that is taken for two loses
// a part of its own speech, two that are taken for one have the interviewer's scored as the candidate's. docs/speakers.md has the figures.
const (
	// MaxSpeakers is the most voices that are told apart.
	MaxSpeakers = 4
	// scoreDistance is per natural logarithm of 1 plus the squared distance of the voices' means.
	scoreDistance = 1.23
	// scoreSeconds is per natural logarithm of the seconds of speech of the smaller voice, at most manySeconds.
	scoreSeconds = 1.01
	manySeconds  = 30
	// scoreAgreement is per share of frames that keep their speaker when the voices are modelled frame by frame.
	scoreAgreement = 16.23
	// scoreGain is per nat per frame that two models are better than one, on frames that they were not fitted to, at most muchGain.
	scoreGain     = 2.54
	muchGain      = 1.5
	scoreConstant = -23.4
	// A voice that is this far from every other (squared distance) is one of its own, however little it says, as long as it
	// says farSeconds of its own and farAgreement of the frames stay: no part of a single voice was seen so far from the rest
	// of it. That keeps an interviewer who only puts in short questions.
	farDistance  = 55
	farPerPoint  = 20
	farSeconds   = 8
	farAgreement = 0.95
	// scoreFurther is what every voice after the second must be clearer by; half of it where so many are told apart more clearly than one fewer.
	scoreFurther = 2
	// groups is how many groups the windows are first put into, leastSeconds the least speech of a voice of its own.
	groups       = 8
	leastSeconds = 8
	gainEvery    = 3
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
	total := 0.0
	for _, w := range ws {
		total += w.seconds
	}
	if total < 2*leastSeconds {
		return best, nil
	}
	levels := merged(points, dim, ws, ward(points, dim, groups))
	before := math.Inf(1) // the score of one voice fewer
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
		bar := scoreFurther * float64(k-2)
		if top.score > before {
			bar /= 2
		}
		before = top.score
		switch {
		case top.k > 0 && top.score >= bar:
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
	mean, seconds := means(points, dim, ws, owners(ws, labels), k)
	share := float64(agree) / float64(max(len(labels), 1))
	of := make([][]int, k)
	for i, l := range labels {
		of[l] = append(of[l], i)
	}
	for a := range k {
		for b := a + 1; b < k; b++ {
			if err := ctx.Err(); err != nil {
				return hypothesis{}, err
			}
			least := math.Min(seconds[a], seconds[b])
			if least < leastSeconds/2 {
				h.score = math.Inf(-1)
				continue
			}
			d2 := squared(mean[a], mean[b])
			score := scoreDistance*math.Log(1+d2) + scoreSeconds*math.Log(math.Min(least, manySeconds)) + scoreAgreement*share +
				scoreGain*math.Min(gain(f, of[a], of[b]), muchGain) + scoreConstant
			if least >= farSeconds && share >= farAgreement {
				score = math.Max(score, (d2-farDistance)/farPerPoint)
			}
			if score < h.score {
				h.score, h.distance = score, math.Sqrt(d2)
			}
		}
	}
	return h, nil
}

// gain is how much better two models tell frames that they were not fitted to than one model of both, in nats per frame: seconds of even number
// are learnt from, and of the others every gainEvery-th frame is scored. 0 where there is too little.
func gain(f frames, a, b []int) float64 {
	learn := func(of []int) (out []int) {
		for _, i := range of {
			if f.at[i]/framesPerSec%2 == 0 {
				out = append(out, i)
			}
		}
		return out
	}
	la, lb := learn(a), learn(b)
	if len(la) < 2*leastFrames || len(lb) < 2*leastFrames {
		return 0
	}
	both := fit(f, append(slices.Clone(la), lb...))
	sum, n, next := 0.0, 0, 0
	for _, side := range []struct {
		model mixture
		of    []int
	}{{fit(f, la), a}, {fit(f, lb), b}} {
		for _, i := range side.of {
			if f.at[i]/framesPerSec%2 == 0 {
				continue
			}
			if next++; next%gainEvery == 0 {
				sum += side.model.score(f.row(i), nil) - both.score(f.row(i), nil)
				n++
			}
		}
	}
	return sum / math.Max(float64(n), 1)
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

// means are the mean point of each group and its speech in seconds; windows of group -1 are left out.
func means(points []float64, dim int, ws []window, group []int, k int) (mean [][]float64, seconds []float64) {
	mean, seconds = make([][]float64, k), make([]float64, k)
	for g := range mean {
		mean[g] = make([]float64, dim)
	}
	count := make([]float64, k)
	for i, g := range group {
		if g < 0 {
			continue
		}
		seconds[g] += ws[i].seconds
		count[g]++
		for d := range dim {
			mean[g][d] += points[i*dim+d]
		}
	}
	for g := range mean {
		for d := range dim {
			mean[g][d] /= math.Max(count[g], 1)
		}
	}
	return mean, seconds
}

func squared(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += (a[i] - b[i]) * (a[i] - b[i])
	}
	return sum
}

// merged joins the nearest groups, by their means, until two are left; groups of less than leastSeconds go first, because
// one odd sentence is no voice. A rare voice survives this, which Ward's criterion alone would give to the nearest one
// before splitting the most talkative in two. The result holds, by number of groups, the groups of the windows.
func merged(points []float64, dim int, ws []window, group []int) map[int][]int {
	out := map[int][]int{}
	for {
		k := 0
		for _, g := range group {
			k = max(k, g+1)
		}
		if k < 2 {
			return out
		}
		mean, size := means(points, dim, ws, group, k)
		tiny := -1
		for g := range k {
			if size[g] < leastSeconds && (tiny < 0 || size[g] < size[tiny]) {
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
