package diarization

import "math"

// A speaker's voice is modelled as a mixture of Gaussians with diagonal covariance over the cepstra
// (Reynolds & Rose 1995), fitted by expectation and maximisation from evenly spaced frames, so that
// a fit never depends on chance.
const (
	components      = 8
	componentFrames = 60 // frames that a component needs
	emRounds        = 6
	varianceFloor   = 0.05
	varianceAdded   = 0.02
	// maxFitFrames bounds the frames of one fit; more of them are thinned evenly.
	maxFitFrames = 12000
)

type mixture struct {
	// Of each component: its mean, the inverse of twice its variance, and the logarithm of its
	// weight and normaliser.
	mean, inverse [][cepstra]float64
	constant      []float64
}

// fit models the frames numbered in of.
func fit(f frames, of []int) mixture {
	if len(of) > maxFitFrames {
		thin := make([]int, maxFitFrames)
		for i := range thin {
			thin[i] = of[i*len(of)/maxFitFrames]
		}
		of = thin
	}
	n := min(components, max(1, len(of)/componentFrames))
	var m mixture
	m.mean = make([][cepstra]float64, n)
	m.inverse = make([][cepstra]float64, n)
	m.constant = make([]float64, n)
	var sum, sum2 [cepstra]float64
	for _, i := range of {
		for d, v := range f.row(i) {
			sum[d] += v
			sum2[d] += v * v
		}
	}
	var variance [cepstra]float64
	for d := range cepstra {
		mean := sum[d] / float64(len(of))
		variance[d] = math.Max(sum2[d]/float64(len(of))-mean*mean, 0) + varianceAdded
	}
	for c := range n {
		copy(m.mean[c][:], f.row(of[(2*c+1)*len(of)/(2*n)]))
		m.set(c, variance, 1/float64(n))
	}
	weight := make([]float64, n)
	total := make([]float64, n)
	s1 := make([][cepstra]float64, n)
	s2 := make([][cepstra]float64, n)
	for range emRounds {
		clear(total)
		clear(s1)
		clear(s2)
		for _, i := range of {
			x := f.row(i)
			m.score(x, weight)
			for c, w := range weight {
				if w < 1e-4 {
					continue
				}
				total[c] += w
				for d, v := range x {
					s1[c][d] += w * v
					s2[c][d] += w * v * v
				}
			}
		}
		for c := range n {
			if total[c] < 1 {
				continue
			}
			for d := range cepstra {
				mean := s1[c][d] / total[c]
				m.mean[c][d] = mean
				variance[d] = math.Max(s2[c][d]/total[c]-mean*mean+varianceAdded, varianceFloor)
			}
			m.set(c, variance, total[c]/float64(len(of)))
		}
	}
	return m
}

func (m mixture) set(c int, variance [cepstra]float64, weight float64) {
	log := 0.0
	for d, v := range variance {
		m.inverse[c][d] = 1 / (2 * v)
		log += math.Log(2 * math.Pi * v)
	}
	m.constant[c] = math.Log(weight) - log/2
}

// score is the log-likelihood of a frame; posterior, where not nil, gets each component's share of
// it.
func (m mixture) score(x []float64, posterior []float64) float64 {
	var buffer [components]float64
	best := math.Inf(-1)
	for c := range m.constant {
		mean, inverse := &m.mean[c], &m.inverse[c]
		q := 0.0
		for d := range cepstra {
			v := x[d] - mean[d]
			q += v * v * inverse[d]
		}
		buffer[c] = m.constant[c] - q
		best = math.Max(best, buffer[c])
	}
	sum := 0.0
	for c := range m.constant {
		if buffer[c] < best-20 {
			buffer[c] = 0
			continue
		}
		buffer[c] = math.Exp(buffer[c] - best)
		sum += buffer[c]
	}
	for c := range posterior {
		posterior[c] = buffer[c] / sum
	}
	return best + math.Log(sum)
}
