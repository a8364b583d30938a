package vocabulary

import "math"

const (
	// window is the length of all windows, in words: longer ones do not order speech.
	window = 50
	// mtldThreshold ends a factor (McCarthy and Jarvis 2010).
	mtldThreshold = 0.72
	// hddSample is the sample of HD-D, in words (McCarthy and Jarvis 2007).
	hddSample = 42
	// heaps is the exponent by which the count of different words grows with the length of a short text (Heaps's law, fitted
	// on the texts of OneStopEnglish between 25 and 50 words). Only used where fewer than 50 words were said and the minimum is waived.
	heaps = 0.74
)

// sample is what one window holds.
type sample struct {
	start int
	// kinds is the expected number of different lemmas, shapes of different forms.
	kinds, shapes float64
	// band is the mean level of the different lemmas; 0 where none has a level. share is the share per band, 0 to 1.
	band  float64
	share [6]float64
}

// counter counts different things when each is there with its own probability: a thing heard with p1, p2, … is there
// with 1 - (1-p1)(1-p2)…. With certainty throughout it is a plain count.
type counter struct {
	absent []float64
	round  []int
	now    int
}

func newCounter(n int) *counter { return &counter{absent: make([]float64, n), round: make([]int, n)} }

func (c *counter) reset() { c.now++ }

// add returns by how much the expected count grows, and whether the thing is new.
func (c *counter) add(thing int, p float64) (grows float64, fresh bool) {
	if c.round[thing] != c.now {
		c.round[thing], c.absent[thing], fresh = c.now, 1, true
	}
	grows = c.absent[thing] * p
	c.absent[thing] *= 1 - p
	return grows, fresh
}

// mass is the expected number of words.
func mass(ts []token) float64 {
	sum := 0.0
	for _, t := range ts {
		sum += t.p
	}
	return sum
}

// windows returns the moving windows: one from each word on, as many words as make up size expected words; the last word
// of a window counts with the part that is missing.
func windows(ts []token, size float64) []sample {
	kinds, shapes := newCounter(len(ts)), newCounter(len(ts))
	level := make([]float64, len(ts))
	there := make([]float64, len(ts))
	order := make([]int, 0, len(ts))
	var out []sample
	for i := range ts {
		kinds.reset()
		shapes.reset()
		order = order[:0]
		s := sample{start: i}
		left := size
		for j := i; j < len(ts) && left > 1e-9; j++ {
			t := ts[j]
			p := min(t.p, left)
			left -= p
			grows, fresh := kinds.add(t.kind, p)
			s.kinds += grows
			if fresh {
				level[t.kind], there[t.kind] = t.level, 0
				if t.name {
					level[t.kind] = 0
				}
				order = append(order, t.kind)
			}
			there[t.kind] += grows
			grows, _ = shapes.add(t.shape, p)
			s.shapes += grows
		}
		if left > 1e-9 {
			break
		}
		sum := 0.0
		for _, k := range order {
			if level[k] > 0 {
				s.band += there[k] * level[k]
				s.share[int(math.Round(level[k]))-1] += there[k]
				sum += there[k]
			}
		}
		if sum > 0 {
			s.band /= sum
			for b := range s.share {
				s.share[b] /= sum
			}
		}
		out = append(out, s)
	}
	return out
}

// mtld is the mean length of stretches over which the share of different lemmas stays above the threshold, forward and
// backward, the unfinished last stretch counted in part; nil where no lemma returned.
func mtld(ts []token) *float64 {
	back := make([]token, len(ts))
	for i, t := range ts {
		back[len(ts)-1-i] = t
	}
	f, b := factors(ts), factors(back)
	if f == 0 || b == 0 {
		return nil
	}
	m := mass(ts)
	v := (m/f + m/b) / 2
	return &v
}

func factors(ts []token) float64 {
	c := newCounter(len(ts))
	c.reset()
	n, kinds, said := 0.0, 0.0, 0.0
	for _, t := range ts {
		grows, _ := c.add(t.kind, t.p)
		kinds += grows
		said += t.p
		if kinds/said <= mtldThreshold {
			n++
			c.reset()
			kinds, said = 0, 0
		}
	}
	if said > 0 {
		n += (1 - kinds/said) / (1 - mtldThreshold)
	}
	return n
}

// stretch is the length of the factor that begins with ts[0]; ok is false where the text ends first.
func stretch(ts []token, c *counter) (length float64, ok bool) {
	c.reset()
	kinds := 0.0
	for _, t := range ts {
		grows, _ := c.add(t.kind, t.p)
		kinds += grows
		length += t.p
		if kinds/length <= mtldThreshold {
			return length, true
		}
	}
	return 0, false
}

// hdd is the sum over lemmas of the probability to be met in a random sample of 42 words, over 42 (hypergeometric, by the gamma
// function so that expected counts need not be whole); nil for fewer words.
func hdd(ts []token) *float64 {
	total := mass(ts)
	if total < hddSample {
		return nil
	}
	counts := make([]float64, len(ts))
	for _, t := range ts {
		counts[t.kind] += t.p
	}
	v := 0.0
	for _, n := range counts {
		if n == 0 {
			continue
		}
		met := 1.0
		if total-n >= hddSample {
			met -= math.Exp(choose(total-n, hddSample) - choose(total, hddSample))
		}
		v += met / hddSample
	}
	return &v
}

// choose is the logarithm of the binomial coefficient.
func choose(n, k float64) float64 {
	a, _ := math.Lgamma(n + 1)
	b, _ := math.Lgamma(k + 1)
	c, _ := math.Lgamma(n - k + 1)
	return a - b - c
}
