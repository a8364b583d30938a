package channels

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
)

// SampleRate is the rate of what is listened to, in Hz.
const SampleRate = 16000

// Frames of 32 ms every 16 ms.
const (
	frameSamples = 512
	hopSamples   = 256
	hopMs        = 1000 * hopSamples / SampleRate
	framesPerSec = SampleRate / hopSamples // 62.5, cut
)

// edges are the borders of the bands in Hz: about one critical band each (Zwicker 1961), over what
// a telephone carries and a little more.
var edges = [...]float64{150, 250, 350, 450, 570, 700, 840, 1000, 1170, 1370, 1600, 1850, 2150, 2500, 2900, 3400, 4000}

const (
	bands = len(edges) - 1
	// whole is the place of the power over all frequencies, after the bands: hum lies below them.
	whole  = bands
	values = bands + 1
)

// maxFrames bounds the analysis: 50 minutes.
const maxFrames = 50 * 60 * SampleRate / hopSamples

// spectra are the powers of two channels in each band of each frame, relative to full scale, and
// the real part of their cross spectrum: all that is needed to know the power of any sum of the
// two. 45 minutes take 35 MB.
type spectra struct {
	left, right, cross []float32 // frame by frame, values each
}

func (s *spectra) frames() int { return len(s.left) / values }

// measure measures interleaved samples of two channels. A rest of less than 16 ms is left out.
func measure(pcm []int16) (*spectra, error) {
	frames := max(0, len(pcm)/2/hopSamples-frameSamples/hopSamples+1)
	if frames > maxFrames {
		return nil, fmt.Errorf("channels: more than %d minutes", maxFrames*hopMs/60000)
	}
	s := &spectra{make([]float32, frames*values), make([]float32, frames*values), make([]float32, frames*values)}
	a := newAnalyser()
	for t := range frames {
		a.measure(pcm[2*t*hopSamples:2*(t*hopSamples+frameSamples)], s, t*values)
	}
	return s, nil
}

// analyser holds a frame of two channels and what its spectrum is made in.
type analyser struct {
	fft    *fourier.FFT
	window [frameSamples]float64
	// makes the powers of all bins of a frame add up to the mean square of its samples
	scale        float64
	left, right  [frameSamples]float64
	buf          [frameSamples]float64
	specL, specR []complex128
}

func newAnalyser() *analyser {
	a := &analyser{fft: fourier.NewFFT(frameSamples), specL: make([]complex128, frameSamples/2+1), specR: make([]complex128, frameSamples/2+1)}
	sum := 0.0
	for i := range a.window {
		a.window[i] = 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/frameSamples)
		sum += a.window[i] * a.window[i]
	}
	a.scale = 2 / (sum * frameSamples)
	return a
}

// measure puts the powers of a frame at their place.
func (a *analyser) measure(frame []int16, s *spectra, at int) {
	for i := range frameSamples {
		a.left[i], a.right[i] = float64(frame[2*i])/32768, float64(frame[2*i+1])/32768
	}
	a.transform(&a.left, a.specL)
	a.transform(&a.right, a.specR)
	var all [3]float64
	b, sum := -1, [3]float64{}
	for k := 1; k < len(a.specL); k++ {
		for b < bands && k == binOf(edges[b+1]) {
			if b >= 0 {
				s.left[at+b], s.right[at+b], s.cross[at+b] = float32(sum[0]*a.scale), float32(sum[1]*a.scale), float32(sum[2]*a.scale)
			}
			b, sum = b+1, [3]float64{}
		}
		l, r := a.specL[k], a.specR[k]
		ll, rr, lr := real(l)*real(l)+imag(l)*imag(l), real(r)*real(r)+imag(r)*imag(r), real(l)*real(r)+imag(l)*imag(r)
		sum[0], sum[1], sum[2] = sum[0]+ll, sum[1]+rr, sum[2]+lr
		all[0], all[1], all[2] = all[0]+ll, all[1]+rr, all[2]+lr
	}
	s.left[at+whole], s.right[at+whole], s.cross[at+whole] = float32(all[0]*a.scale), float32(all[1]*a.scale), float32(all[2]*a.scale)
}

// transform is the windowed spectrum of a frame without its mean, which a sound card may add.
func (a *analyser) transform(x *[frameSamples]float64, into []complex128) {
	mean := 0.0
	for _, v := range x {
		mean += v
	}
	mean /= frameSamples
	for i, v := range x {
		a.buf[i] = (v - mean) * a.window[i]
	}
	a.fft.Coefficients(into, a.buf[:])
}

func binOf(hz float64) int { return int(math.Round(hz * frameSamples / SampleRate)) }
