// Package degrade makes a clean recording worse in the ways that a line does, for the commands that
// measure the effect.
package degrade

import (
	"math"
	"math/rand/v2"

	"parley/shared/speech/audio"
)

// Telephone returns the kernel, 2 half + 1 samples long at 16 kHz, of a filter that passes 300 to
// 3400 Hz: the difference of two sincs in a Hamming window.
func Telephone(half int) []float64 {
	kernel := make([]float64, 2*half+1)
	for i := range kernel {
		t := float64(i - half)
		low := func(hz float64) float64 {
			f := 2 * hz / audio.SampleRate
			if t == 0 {
				return f
			}
			return math.Sin(math.Pi*f*t) / (math.Pi * t)
		}
		kernel[i] = (low(3400) - low(300)) * (0.54 + 0.46*math.Cos(math.Pi*t/float64(half)))
	}
	return kernel
}

// Filter convolves samples with a kernel of odd length whose middle is at 0. Beyond both ends there
// is silence.
func Filter(x []int16, kernel []float64) []float64 {
	out, half := make([]float64, len(x)), len(kernel)/2
	for i := range out {
		for k := max(-half, i-len(x)+1); k <= min(half, i); k++ {
			out[i] += kernel[half+k] * float64(x[i-k])
		}
	}
	return out
}

// Pink returns n samples of pink noise (Kellet's filter), the same at each call, and the sum of
// their squares.
func Pink(n int) (noise []float64, power float64) {
	rng := rand.New(rand.NewPCG(15, 0))
	noise = make([]float64, n)
	var b0, b1, b2 float64
	for i := range noise {
		w := rng.NormFloat64()
		b0 = 0.99765*b0 + w*0.0990460
		b1 = 0.96300*b1 + w*0.2965164
		b2 = 0.57000*b2 + w*1.0526913
		noise[i] = b0 + b1 + b2 + w*0.1848
		power += noise[i] * noise[i]
	}
	return noise, power
}
