package vocabulary

import (
	"math"
	"math/rand/v2"
	"sort"

	"parley/shared/speech/score/norms"
)

const (
	// draws of the bootstrap.
	draws = 1000
	// seed makes the same words give the same interval.
	seed = 20260421
	// priorWindows is how many windows the spread known beforehand is worth: two windows may agree by chance.
	priorWindows = 3
)

// interval is the 90 % interval of the predictor x, by a bootstrap over windows: the text is cut into stretches of 50
// words, each with the mean of what begins in it, and these are drawn again with replacement. Few windows are widened by the spread known beforehand.
func interval(section norms.Section, ts []token, x float64, english bool) (low, high float64) {
	one := section.Number("singleWindowHalfWidth")
	blocks := blocksOf(ts, english)
	n := float64(len(blocks))
	below, above := one, one
	if n < 1 {
		// Less than one window: the fewer words, the wider, four times at most.
		one *= math.Sqrt(min(16, window/max(mass(ts), 1)))
		below, above = one, one
	} else if n > 1 {
		below, above = bootstrap(section, blocks)
		prior := one * one / n
		wide := n / (n - 1) // of a variance from n windows
		below = math.Sqrt((priorWindows*prior + n*below*below*wide) / (priorWindows + n))
		above = math.Sqrt((priorWindows*prior + n*above*above*wide) / (priorWindows + n))
	}
	wide := section.Number("intervalWidening") // neighbouring windows are alike, so their spread is too small
	below, above = wide*below, wide*above
	if !english {
		least := section.Number("otherLanguageHalfWidth")
		below, above = max(below, least), max(above, least)
	}
	return x - below, x + above
}

// block holds the means of what begins in one stretch of 50 words; has tells which are there.
type block map[string]float64

func blocksOf(ts []token, english bool) []block {
	if mass(ts) < window {
		return nil
	}
	starts := windows(ts, window)
	c := newCounter(len(ts))
	var out []block
	at := 0
	for from := 0; from < len(ts); {
		// The stretch is [from, to).
		to, said := from, 0.0
		for to < len(ts) && said < window-1e-9 {
			said += ts[to].p
			to++
		}
		if said < window-1e-9 {
			break
		}
		sums, counts := map[string]float64{}, map[string]float64{}
		add := func(name string, v float64) { sums[name] += v; counts[name]++ }
		for ; at < len(starts) && starts[at].start < to; at++ {
			add(differentLemmas, starts[at].kinds)
			if english && starts[at].band > 0 {
				add(meanBand, starts[at].band)
			}
		}
		for i := from; i < to; i++ {
			if length, ok := stretch(ts[i:], c); ok {
				add(diversity, length)
			}
		}
		b := block{}
		for name, s := range sums {
			b[name] = s / counts[name]
		}
		out = append(out, b)
		from = to
	}
	return out
}

// bootstrap returns how far the 5th and the 95th percentile of the drawn predictors lie from the plain one.
func bootstrap(section norms.Section, blocks []block) (below, above float64) {
	r := rand.New(rand.NewPCG(seed, seed))
	all := make([]int, len(blocks))
	for i := range all {
		all[i] = i
	}
	centre := predictor(section, blocks, all)
	xs := make([]float64, draws)
	drawn := make([]int, len(blocks))
	for d := range xs {
		for i := range drawn {
			drawn[i] = r.IntN(len(blocks))
		}
		xs[d] = predictor(section, blocks, drawn)
	}
	sort.Float64s(xs)
	return max(0, centre-xs[draws/20]), max(0, xs[draws-1-draws/20]-centre)
}

func predictor(section norms.Section, blocks []block, drawn []int) float64 {
	x, total := 0.0, 0.0
	for _, m := range section.Measures {
		if m.Weight.Value == 0 {
			continue
		}
		sum, n := 0.0, 0.0
		for _, i := range drawn {
			if v, ok := blocks[i][m.Name]; ok {
				sum += v
				n++
			}
		}
		if n > 0 {
			x += m.Weight.Value * z(m, sum/n)
			total += m.Weight.Value
		}
	}
	if total == 0 {
		return 0
	}
	return x / total
}
