package diarization

import "math"

// A window is the unit that is clustered: long enough that what is said averages out, short enough to hold one speaker.
const (
	windowFrames = 250 // 2.5 s of modelled frames
	windowHop    = 50
	windowLeast  = 30
	// runGap is the pause, in frames, that no window reaches across: the speaker may have changed in it.
	runGap = 30
	// maxWindows bounds the clustering, which is quadratic: longer recordings get wider hops.
	maxWindows = 1500
)

// features is the length of a window's vector: mean and log deviation of each cepstrum, mean pitch, share of voiced
// frames.
const features = 2*cepstra + 2

// window is a stretch [from, to) of modelled frames. seconds is its share of the speech of the run that it lies in: windows overlap in
// long runs and stand alone in short answers, so their number says little of how much was said.
type window struct {
	from, to int
	seconds  float64
}

// cut lays windows over the runs of frames without a pause.
func cut(f frames) []window {
	hop := windowHop
	if least := (f.len() + maxWindows - 1) / maxWindows; hop < least {
		hop = least
	}
	var ws []window
	for from := 0; from < f.len(); {
		to := from + 1
		for to < f.len() && f.at[to]-f.at[to-1] <= runGap {
			to++
		}
		first := len(ws)
		for i := from; to-i >= windowLeast; i += hop {
			ws = append(ws, window{from: i, to: min(i+windowFrames, to)})
			if i+windowFrames >= to {
				break
			}
		}
		for i := first; i < len(ws); i++ {
			ws[i].seconds = float64(to-from) / framesPerSec / float64(len(ws)-first)
		}
		from = to
	}
	if n := len(ws); n > maxWindows {
		for i := range maxWindows {
			ws[i] = ws[i*n/maxWindows]
			ws[i].seconds *= float64(n) / maxWindows
		}
		ws = ws[:maxWindows]
	}
	return ws
}

// describe makes the windows' vectors: features numbers each, one after the other.
func describe(f frames, ws []window) []float64 {
	out := make([]float64, 0, len(ws)*features)
	for _, w := range ws {
		n := float64(w.to - w.from)
		var sum, sum2 [cepstra]float64
		pitch, voiced := 0.0, 0.0
		for i := w.from; i < w.to; i++ {
			for d, v := range f.row(i) {
				sum[d] += v
				sum2[d] += v * v
			}
			if f.pitch[i] > 0 {
				pitch += f.pitch[i]
				voiced++
			}
		}
		for d := range cepstra {
			out = append(out, sum[d]/n)
		}
		for d := range cepstra {
			mean := sum[d] / n
			out = append(out, math.Log(math.Sqrt(math.Max(sum2[d]/n-mean*mean, 0))+0.05))
		}
		mean := math.NaN()
		if voiced >= windowLeast/3 {
			mean = pitch / voiced
		}
		out = append(out, mean, voiced/n)
	}
	// Where a window has no pitch, the recording's mean says nothing either way.
	mean, n := 0.0, 0.0
	for i := 2 * cepstra; i < len(out); i += features {
		if !math.IsNaN(out[i]) {
			mean += out[i]
			n++
		}
	}
	for i := 2 * cepstra; i < len(out); i += features {
		if math.IsNaN(out[i]) {
			out[i] = 0
			if n > 0 {
				out[i] = mean / n
			}
		}
	}
	return out
}
