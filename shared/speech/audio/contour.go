package audio

import (
	"math"
	"slices"
)

// Frames of the energy contour, in samples: 25 ms every 10 ms.
const (
	frameSamples = SampleRate * 25 / 1000
	stepSamples  = SampleRate / 100
	stepMs       = 10
)

// quietest is the level of digital silence, in dB below full scale.
const quietest = -100.0

// contour is the energy of each frame in dB below full scale, the frame's own mean taken out. Frame
// i stands for the 10 ms from i*10 ms on; there are as many as whole 10 ms in pcm.
func contour(pcm []int16) []float64 {
	n := len(pcm) / stepSamples
	out := make([]float64, n)
	for i := range n {
		// the frame lies around its 10 ms
		from := max(0, i*stepSamples+stepSamples/2-frameSamples/2)
		frame := pcm[from:min(len(pcm), from+frameSamples)]
		var sum, squares int64
		for _, s := range frame {
			sum += int64(s)
			squares += int64(s) * int64(s)
		}
		k := float64(len(frame))
		mean := float64(sum) / k
		out[i] = decibel((float64(squares)/k - mean*mean) / (32768 * 32768))
	}
	return out
}

// decibel is 10 log10 of a power, digital silence at the least.
func decibel(power float64) float64 {
	if power <= 1e-10 {
		return quietest
	}
	return 10 * math.Log10(power)
}

// levels are where speech and noise lie in a contour, in dB below full scale.
type levels struct {
	speech float64 // power mean of the frames that are speech
	noise  float64 // the tenth part of the frames that is quietest
	varied bool    // false: one steady sound, or none
}

const (
	// steadyDb is how much the loud frames must stand out of the quiet ones, or the recording is
	// one steady sound.
	steadyDb = 5
	// noiseMarginDb is how far above the noise floor speech begins at the least.
	noiseMarginDb = 6
	// headroomDb keeps the threshold below the speech level however noisy the recording is.
	headroomDb = 8
)

func measureLevels(c []float64) levels {
	if len(c) == 0 {
		return levels{speech: quietest, noise: quietest}
	}
	sorted := slices.Sorted(slices.Values(c))
	l := levels{noise: sorted[len(sorted)/10], speech: sorted[len(sorted)*95/100]}
	if l.speech <= quietest+20 || l.speech-l.noise < steadyDb {
		return l
	}
	l.varied = true
	// The level is that of the frames over a threshold that hangs on the level (after ITU-T P.56):
	// it settles in a few rounds.
	for range 4 {
		t := l.threshold(-25)
		sum, n := 0.0, 0
		for i := len(sorted) - 1; i >= 0 && sorted[i] > t; i-- {
			sum += math.Pow(10, sorted[i]/10)
			n++
		}
		if n == 0 {
			break
		}
		l.speech = decibel(sum / float64(n))
	}
	return l
}

// threshold is where speech begins, given how far below the speech level it is asked for.
func (l levels) threshold(relDb float64) float64 {
	return min(max(l.speech+relDb, l.noise+noiseMarginDb), l.speech-headroomDb)
}
