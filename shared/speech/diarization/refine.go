package diarization

import "context"

// refineRounds bounds the rounds of fitting and relabelling; they end when fewer than one frame in
// a thousand moves.
const refineRounds = 8

// spread turns the windows' groups into one group per modelled frame: the group of most windows
// over it.
func spread(n int, ws []window, group []int, k int) []int {
	votes := make([]uint16, n*k)
	for i, w := range ws {
		for t := w.from; t < w.to; t++ {
			votes[t*k+group[i]]++
		}
	}
	labels := make([]int, n)
	last := 0
	for t := range labels {
		best := -1
		for j := range k {
			if v := votes[t*k+j]; v > 0 && (best < 0 || v > votes[t*k+best]) {
				best = j
			}
		}
		if best < 0 {
			best = last
		}
		labels[t], last = best, best
	}
	return labels
}

// embeddingNats is what a cosine of 1 between a frame's windows and the mean of a voice is worth
// beside the frame's own likelihood.
const embeddingNats = 4

// likeness is, per modelled frame and voice, the mean cosine between the windows over the frame and
// the voice's mean, in nats.
func likeness(n int, ws []window, points []float64, dim int, h hypothesis) []float64 {
	out := make([]float64, n*h.k)
	over := make([]float64, n)
	for i, w := range ws {
		for j, mean := range h.means {
			cosine := dot(mean, points[i*dim:(i+1)*dim])
			for t := w.from; t < w.to; t++ {
				out[t*h.k+j] += cosine
			}
		}
		for t := w.from; t < w.to; t++ {
			over[t]++
		}
	}
	for i := range out {
		out[i] *= embeddingNats / max(over[i/h.k], 1)
	}
	return out
}

// refine alternates between modelling each speaker's frames and finding the most probable sequence
// of speakers. prior is added to the log-likelihood of each frame for each speaker.
func refine(ctx context.Context, f frames, labels []int, k int, prior []float64) ([]int, error) {
	scores := make([]float64, f.len()*k)
	for range refineRounds {
		of := make([][]int, k)
		for i, l := range labels {
			of[l] = append(of[l], i)
		}
		for j := range k {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if len(of[j]) < leastFrames {
				for i := range f.len() {
					scores[i*k+j] = -1e9
				}
				continue
			}
			m := fit(f, of[j])
			for i := range f.len() {
				scores[i*k+j] = m.score(f.row(i), nil) + prior[i*k+j]
			}
		}
		next := viterbi(scores, k, f.at)
		moved := 0
		for i := range next {
			if next[i] != labels[i] {
				moved++
			}
		}
		labels = next
		if moved*1000 < f.len() {
			break
		}
	}
	return labels, nil
}

// leastFrames is what a voice needs to be modelled: half a second.
const leastFrames = 50
