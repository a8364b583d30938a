package main

import (
	"math"
	"math/rand/v2"

	"parley/shared/audio"
)

func sample(v float64) int16 { return int16(math.Round(max(-32767, min(32767, v)))) }

// rms is the root of the mean square of the samples.
func rms(x []int16) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / max(1, float64(len(x))))
}

// telephone leaves 300 to 3400 Hz: a windowed sinc.
func telephone(r recording) []int16 {
	const half = 100
	var kernel [2*half + 1]float64
	for i := range kernel {
		t := float64(i - half)
		low := func(hz float64) float64 {
			f := 2 * hz / audio.SampleRate
			if t == 0 {
				return f
			}
			return math.Sin(math.Pi*f*t) / (math.Pi * t)
		}
		kernel[i] = (low(3400) - low(300)) * (0.54 + 0.46*math.Cos(math.Pi*t/half))
	}
	out := make([]int16, len(r.pcm))
	for i := range out {
		sum := 0.0
		for k := max(-half, i-len(r.pcm)+1); k <= min(half, i); k++ {
			sum += kernel[half+k] * float64(r.pcm[i-k])
		}
		out[i] = sample(sum)
	}
	return out
}

// noisy adds pink noise (Kellet's filter) noiseDb below the speech of the segments.
func noisy(r recording) []int16 {
	rng := rand.New(rand.NewPCG(15, 0))
	noise := make([]float64, len(r.pcm))
	var b0, b1, b2, power float64
	for i := range noise {
		w := rng.NormFloat64()
		b0 = 0.99765*b0 + w*0.0990460
		b1 = 0.96300*b1 + w*0.2965164
		b2 = 0.57000*b2 + w*1.0526913
		noise[i] = b0 + b1 + b2 + w*0.1848
		power += noise[i] * noise[i]
	}
	var speech []int16
	for _, s := range r.ref.Segments {
		speech = append(speech, part(r.pcm, int64(1000*s.Start), int64(1000*s.End))...)
	}
	gain := rms(speech) / math.Sqrt(power/max(1, float64(len(noise)))) * math.Pow(10, -noiseDb/20.0)
	out := make([]int16, len(r.pcm))
	for i, v := range r.pcm {
		out[i] = sample(float64(v) + gain*noise[i])
	}
	return out
}
