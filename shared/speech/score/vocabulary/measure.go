package vocabulary

import "math"

// The names of the measures, as in the norms file.
const (
	varietyOfWords    = "range"
	varietyOfPatterns = "patterns"
	steps             = "steps"
	meanLevel         = "level"
)

const (
	// rangeWindow and patternWindow are windows of running words; steps are counted in pattern
	// windows.
	rangeWindow, patternWindow = 50, 100
	// levelSample is how many content words the mean level is drawn from.
	levelSample = 50
	// A text shorter than its window counts as one window, and its count grows by these powers of
	// the missing length.
	rangeGrowth, patternGrowth, stepGrowth = 0.76, 0.79, 0.90
)

// values are the measures by name; a name that is not there was not measured.
type values map[string]float64

// counted are the things that each measure counts at each running word, numbered from 0.
type counted struct{ words, patterns, steps [][]int }

// countables are what is counted in a text: its different words, patterns and steps.
func countables(ws []word, patternsAt [][]found) counted {
	type step struct {
		key   string
		level int
	}
	c := counted{make([][]int, len(ws)), make([][]int, len(ws)), make([][]int, len(ws))}
	kinds, patterns, rungs := map[string]int{}, map[string]int{}, map[step]int{}
	for i, at := range patternsAt {
		for _, f := range at {
			c.patterns[i] = append(c.patterns[i], number(patterns, f.key()))
		}
		if w := ws[i]; w.counts() {
			c.words[i] = []int{number(kinds, w.key())}
			for level := 1; level < w.level; level++ {
				c.steps[i] = append(c.steps[i], number(rungs, step{w.key(), level}))
			}
		}
	}
	return c
}

func number[K comparable](m map[K]int, key K) int {
	n, ok := m[key]
	if !ok {
		n = len(m)
		m[key] = n
	}
	return n
}

// measure computes the four measures of a text; empty for an empty one.
func measure(ws []word, c counted) values {
	out := values{}
	if len(ws) == 0 {
		return out
	}
	out[varietyOfWords] = mean(different(c.words, rangeWindow, rangeGrowth))
	out[varietyOfPatterns] = mean(different(c.patterns, patternWindow, patternGrowth))
	out[steps] = mean(different(c.steps, patternWindow, stepGrowth))
	if v, ok := levelOfText(ws); ok {
		out[meanLevel] = v
	}
	return out
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// different counts the different things in the window of size running words that begins at each of
// them. The text's end is joined to its beginning, so that every word is in equally many windows. A
// text of size words or fewer is one window, whose count grows by the power growth of the missing
// length. items must not be empty.
func different(items [][]int, size int, growth float64) []float64 {
	n, highest := len(items), 0
	for _, at := range items {
		for _, x := range at {
			highest = max(highest, x)
		}
	}
	count, kinds := make([]int, highest+1), 0
	add := func(i int) {
		for _, x := range items[i%n] {
			if count[x]++; count[x] == 1 {
				kinds++
			}
		}
	}
	if n <= size {
		for i := range n {
			add(i)
		}
		return []float64{float64(kinds) * math.Pow(float64(size)/float64(n), growth)}
	}
	out := make([]float64, n)
	for i := range n + size - 1 {
		add(i)
		if i >= size {
			for _, x := range items[(i-size)%n] {
				if count[x]--; count[x] == 0 {
					kinds--
				}
			}
		}
		if i >= size-1 {
			out[i-size+1] = float64(kinds)
		}
	}
	return out
}

// levelOfText is the mean level of the different lemmas among levelSample content words drawn at
// random (hypergeometric), 1 to 6. ok is false where no content word has a level.
func levelOfText(ws []word) (v float64, ok bool) {
	type lemma struct {
		count int
		level int
	}
	var lemmas []lemma // in the order of the text: sums are the same on every run
	index := map[string]int{}
	n := 0
	for _, w := range ws {
		if !w.class.in("VJRN") || w.level == 0 {
			continue
		}
		i, there := index[w.lemma]
		if !there {
			i = len(lemmas)
			index[w.lemma] = i
			lemmas = append(lemmas, lemma{level: w.level})
		}
		lemmas[i].count++
		n++
	}
	if n == 0 {
		return 0, false
	}
	k := min(levelSample, n)
	var top, bottom float64
	for _, l := range lemmas {
		p := 1.0
		if n-l.count >= k {
			p -= math.Exp(logChoose(n-l.count, k) - logChoose(n, k))
		}
		top, bottom = top+p*float64(l.level), bottom+p
	}
	return top / bottom, true
}

// logChoose is the logarithm of the binomial coefficient.
func logChoose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}
