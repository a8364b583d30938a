package diarization

// Changing the speaker costs log-likelihood: as much as about half a second of clear difference,
// less across a pause, where a change is likelier.
const (
	changeCost      = 40
	changeCostPause = 16
	changePause     = 20 // frames of pause
)

// viterbi is the most probable sequence of speakers: scores holds k log-likelihoods per modelled
// frame, at the frames' numbers. It keeps one byte per frame and speaker.
func viterbi(scores []float64, k int, at []int) []int {
	n := len(at)
	if n == 0 {
		return nil
	}
	from := make([]uint8, n*k)
	d := append([]float64(nil), scores[:k]...)
	for t := 1; t < n; t++ {
		cost := float64(changeCost)
		if at[t]-at[t-1] >= changePause {
			cost = changeCostPause
		}
		best := 0
		for j := 1; j < k; j++ {
			if d[j] > d[best] {
				best = j
			}
		}
		top := d[best]
		for j := range k {
			from[t*k+j] = uint8(j)
			if d[j] < top-cost {
				d[j] = top - cost
				from[t*k+j] = uint8(best)
			}
			d[j] += scores[t*k+j]
		}
	}
	labels := make([]int, n)
	for j := 1; j < k; j++ {
		if d[j] > d[labels[n-1]] {
			labels[n-1] = j
		}
	}
	for t := n - 1; t > 0; t-- {
		labels[t-1] = int(from[t*k+labels[t]])
	}
	return labels
}
