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
	// stretch is how many running words one piece of the bootstrap has.
	stretch = 100
	// priorStretches is how many stretches the spread known beforehand is worth: two stretches may
	// agree by chance.
	priorStretches = 3
	// leastWords bounds how wide the spread known beforehand grows for a few words.
	leastWords = 10
	// z90 is how many spreads either side hold 90 % of a normal distribution.
	z90 = 1.645
)

// interval is the 90 % interval of the predictor x. The text is cut into stretches of 100 running
// words, each with the mean of what begins in it, and these are drawn again with replacement; the
// spread known beforehand, of texts of that length of one speaker, joins in, and is all there is
// under two stretches. Misheard words widen it.
func interval(section norms.Section, ws []word, c counted, x, sure float64) (low, high float64) {
	exponent := section.Number("priorExponent")
	prior := z90 * priorSpread(section, len(ws))
	below, above := prior, prior
	if pieces := stretches(ws, c); len(pieces) > 1 {
		k := float64(len(pieces))
		below, above = bootstrap(section, pieces)
		// The variance from k pieces is k/(k-1) times what was drawn. Neighbouring stretches are
		// alike, so the spread of a text falls more slowly with its length than that of independent
		// pieces.
		wide := k / (k - 1) * math.Pow(k, 1-2*exponent)
		below = math.Sqrt((priorStretches*prior*prior + k*below*below*wide) / (priorStretches + k))
		above = math.Sqrt((priorStretches*prior*prior + k*above*above*wide) / (priorStretches + k))
	}
	errors := z90 * misheardSpread(section, sure)
	return x - math.Hypot(below, errors), x + math.Hypot(above, errors)
}

// priorSpread is the spread of the predictor between texts of one speaker, n running words long.
func priorSpread(section norms.Section, n int) float64 {
	return section.Number("priorSpread") * math.Pow(max(float64(n), leastWords)/stretch, -section.Number("priorExponent"))
}

// misheardSpread is the spread of the predictor that misheard words make.
func misheardSpread(section norms.Section, sure float64) float64 {
	return section.Number("misheardSpread") * misheard(section, sure)
}

// reliability is how much is believed of a predictor above the middle of the norms, 0 to 1, of n
// running words that were heard with this mean probability (Kelley 1927): the variance between
// speakers and between the texts of one, over the same with that of misheard words. Which word is
// heard in the place of another is luck, and changes with the codec. Below the middle all is
// believed: noise may lower a score and never raise it.
func reliability(section norms.Section, n int, sure float64) float64 {
	said := math.Hypot(section.Number("speakerSpread"), priorSpread(section, n))
	heard := misheardSpread(section, sure)
	return said * said / (said*said + heard*heard)
}

// misheard is the share of wrong words that a mean probability of the words stands for, 0 to 1.
func misheard(section norms.Section, sure float64) float64 {
	return max(0, min(1, section.Number("misheardAtZero")-section.Number("misheardPerProbability")*sure))
}

// piece holds the means of what begins in one stretch of the text.
type piece values

// stretches cuts a text into pieces; the last one has what is left over too. Under two stretches:
// nil.
func stretches(ws []word, c counted) []piece {
	k := len(ws) / stretch
	if k < 2 {
		return nil
	}
	windows := map[string][]float64{
		varietyOfWords: different(c.words, rangeWindow, rangeGrowth), varietyOfPatterns: different(c.patterns, patternWindow, patternGrowth),
		steps: different(c.steps, patternWindow, stepGrowth),
	}
	out := make([]piece, k)
	for i := range out {
		from, to := i*stretch, (i+1)*stretch
		if i == k-1 {
			to = len(ws)
		}
		out[i] = piece{}
		for name, v := range windows {
			out[i][name] = mean(v[from:to])
		}
		if v, ok := levelOfText(ws[from:to]); ok {
			out[i][meanLevel] = v
		}
	}
	return out
}

// bootstrap returns how far the 5th and the 95th percentile of the drawn predictors lie from the
// plain one.
func bootstrap(section norms.Section, pieces []piece) (below, above float64) {
	r := rand.New(rand.NewPCG(seed, seed))
	all := make([]int, len(pieces))
	for i := range all {
		all[i] = i
	}
	centre := predictor(section, pieces, all)
	xs := make([]float64, draws)
	drawn := make([]int, len(pieces))
	for d := range xs {
		for i := range drawn {
			drawn[i] = r.IntN(len(pieces))
		}
		xs[d] = predictor(section, pieces, drawn)
	}
	sort.Float64s(xs)
	return max(0, centre-xs[draws/20]), max(0, xs[draws-1-draws/20]-centre)
}

func predictor(section norms.Section, pieces []piece, drawn []int) float64 {
	x, total, cut := 0.0, 0.0, section.Number("cut")
	for _, m := range section.Measures {
		sum, n := 0.0, 0.0
		for _, i := range drawn {
			if v, ok := pieces[i][m.Name]; ok {
				sum += v
				n++
			}
		}
		if n > 0 {
			x += m.Weight.Value * z(m, sum/n, cut)
			total += m.Weight.Value
		}
	}
	if total == 0 {
		return 0
	}
	return x / total
}
