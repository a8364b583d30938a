package main

import (
	"math"

	"parley/infra/measure/degrade"
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

// telephone leaves 300 to 3400 Hz.
func telephone(r recording) []int16 { return rounded(degrade.Filter(r.pcm, degrade.Telephone(100))) }

// noisy adds pink noise noiseDb below the speech of the segments.
func noisy(r recording) []int16 {
	noise, power := degrade.Pink(len(r.pcm))
	var speech []int16
	for _, s := range r.ref.Segments {
		speech = append(speech, part(r.pcm, int64(1000*s.Start), int64(1000*s.End))...)
	}
	gain := rms(speech) / math.Sqrt(power/max(1, float64(len(noise)))) * math.Pow(10, -noiseDb/20.0)
	for i, v := range r.pcm {
		noise[i] = float64(v) + gain*noise[i]
	}
	return rounded(noise)
}

func rounded(x []float64) []int16 {
	out := make([]int16, len(x))
	for i, v := range x {
		out[i] = sample(v)
	}
	return out
}
