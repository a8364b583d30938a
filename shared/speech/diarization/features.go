package diarization

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/dsp/fourier"

	"parley/shared/speech/audio"
)

// The frame's shape: the usual front end of speech recognition (Davis & Mermelstein 1980), with
// more coefficients than a recogniser takes, because the higher ones carry the vocal tract of the
// speaker.
const (
	frameLen    = audio.SampleRate * 25 / 1000 // samples
	frameHop    = audio.SampleRate * hopMs / 1000
	hopMs       = 10
	fftLen      = 512
	melBands    = 30
	cepstra     = 20
	melLowHz    = 80
	melHighHz   = 7600
	preEmphasis = 0.97
	// powerFloor keeps the logarithm of digital silence finite; full scale is 1.
	powerFloor = 1e-10
)

// The frames worth modelling: within dropDb of the loudest frame in the second around them, and
// above the noise floor by aboveFloor of the range from floor to speech (5th to 95th percentile).
// What is quieter is a pause, breath or room, which sounds alike whoever is silent.
const (
	dropDb       = 30
	aboveFloor   = 0.35
	loudestHalf  = 100 // frames on each side
	framesPerSec = 1000 / hopMs
)

// frames are the modelled frames of a recording: at[i] is the frame's number (10 ms) in the
// recording, x its cepstra (cepstra values per frame, c1 to c20), standardised over the recording,
// which takes the channel that all speakers share out of them.
type frames struct {
	at []int
	x  []float64
}

func (f frames) len() int { return len(f.at) }

// row is the cepstra of the i-th modelled frame.
func (f frames) row(i int) []float64 { return f.x[i*cepstra : (i+1)*cepstra] }

// extract computes the frames within the spans of speech. It reads the samples once and keeps
// cepstra+1 numbers per 10 ms of speech: about 45 MB for 45 minutes.
func extract(ctx context.Context, pcm []int16, speech []audio.Span) (frames, error) {
	var f frames
	a := newAnalyser()
	total := 0
	for _, s := range speech {
		total += int(s.Len() / hopMs)
	}
	f.at = make([]int, 0, total)
	f.x = make([]float64, 0, total*cepstra)
	floor := floorDb(pcm)
	var at []int
	var energy []float64
	for _, s := range speech {
		if err := ctx.Err(); err != nil {
			return frames{}, fmt.Errorf("diarization: features: %w", err)
		}
		// Energies first, so that only the frames worth it are transformed.
		at, energy = at[:0], energy[:0]
		for t := int(s.StartMs / hopMs); t < int(s.EndMs/hopMs); t++ {
			from := t * frameHop
			if from < 0 || from+frameLen > len(pcm) {
				continue
			}
			at = append(at, t)
			energy = append(energy, levelDb(pcm[from:from+frameLen]))
		}
		for i, loudest := range runningMax(energy, loudestHalf) {
			if energy[i] < loudest-dropDb || energy[i] < floor {
				continue
			}
			from := at[i] * frameHop
			f.at = append(f.at, at[i])
			f.x = a.mfcc(f.x, pcm[from:from+frameLen])
		}
	}
	standardise(f.x, cepstra)
	return f, nil
}

// silentDb is the level of a frame that holds nothing: below one bit of a 16-bit sample.
const silentDb = -90

// floorDb is the level below which a frame is not worth modelling, from every tenth frame of the
// recording.
func floorDb(pcm []int16) float64 {
	var e []float64
	for from := 0; from+frameLen <= len(pcm); from += 10 * frameHop {
		e = append(e, levelDb(pcm[from:from+frameLen]))
	}
	if len(e) == 0 {
		return silentDb
	}
	slices.Sort(e)
	low, high := e[len(e)*5/100], e[len(e)*95/100]
	return max(low+aboveFloor*(high-low), silentDb)
}

func levelDb(x []int16) float64 {
	sum := 0.0
	for _, v := range x {
		y := float64(v) / 32768
		sum += y * y
	}
	return 10 * math.Log10(sum/float64(len(x))+1e-12)
}

// runningMax is the maximum over half values on each side.
func runningMax(x []float64, half int) []float64 {
	out := make([]float64, len(x))
	var queue []int // indices of falling values: the front is the maximum
	next := 0
	for i := range x {
		for ; next < len(x) && next <= i+half; next++ {
			for len(queue) > 0 && x[queue[len(queue)-1]] <= x[next] {
				queue = queue[:len(queue)-1]
			}
			queue = append(queue, next)
		}
		for queue[0] < i-half {
			queue = queue[1:]
		}
		out[i] = x[queue[0]]
	}
	return out
}

// standardise gives each of the dim columns mean 0 and standard deviation 1.
func standardise(x []float64, dim int) {
	n := len(x) / dim
	if n == 0 {
		return
	}
	for d := range dim {
		sum, sum2 := 0.0, 0.0
		for i := range n {
			v := x[i*dim+d]
			sum += v
			sum2 += v * v
		}
		mean := sum / float64(n)
		sd := math.Sqrt(math.Max(sum2/float64(n)-mean*mean, 0)) + 1e-6
		for i := range n {
			x[i*dim+d] = (x[i*dim+d] - mean) / sd
		}
	}
}

// analyser holds the tables and the buffers of the transform.
type analyser struct {
	fft    *fourier.FFT
	window [frameLen]float64
	bands  [melBands][]float64 // weights from first[i] on
	first  [melBands]int
	cosine [cepstra][melBands]float64
	buffer []float64
	coeff  []complex128
	power  []float64
	low    []float64 // the decimated signal of the pitch tracker
}

func newAnalyser() *analyser {
	a := &analyser{
		fft:    fourier.NewFFT(fftLen),
		buffer: make([]float64, fftLen),
		coeff:  make([]complex128, fftLen/2+1),
		power:  make([]float64, fftLen/2+1),
		low:    make([]float64, pitchLen),
	}
	for i := range a.window {
		a.window[i] = 0.54 - 0.46*math.Cos(2*math.Pi*float64(i)/(frameLen-1))
	}
	mel := func(hz float64) float64 { return 2595 * math.Log10(1+hz/700) }
	edge := func(i int) float64 {
		m := mel(melLowHz) + (mel(melHighHz)-mel(melLowHz))*float64(i)/(melBands+1)
		return 700 * (math.Pow(10, m/2595) - 1) * fftLen / audio.SampleRate
	}
	for i := range melBands {
		lo, mid, hi := edge(i), edge(i+1), edge(i+2)
		a.first[i] = int(math.Ceil(lo))
		for k := a.first[i]; k <= int(hi) && k <= fftLen/2; k++ {
			w := (float64(k) - lo) / (mid - lo)
			if float64(k) > mid {
				w = (hi - float64(k)) / (hi - mid)
			}
			a.bands[i] = append(a.bands[i], w)
		}
	}
	for c := range cepstra {
		for b := range melBands {
			a.cosine[c][b] = math.Sqrt(2.0/melBands) * math.Cos(math.Pi*float64(c+1)*(float64(b)+0.5)/melBands)
		}
	}
	return a
}

// mfcc appends the cepstra of one frame.
func (a *analyser) mfcc(dst []float64, frame []int16) []float64 {
	prev := float64(frame[0])
	for i := range a.buffer {
		if i >= len(frame) {
			a.buffer[i] = 0
			continue
		}
		v := float64(frame[i])
		a.buffer[i] = (v - preEmphasis*prev) / 32768 * a.window[i]
		prev = v
	}
	a.fft.Coefficients(a.coeff, a.buffer)
	for i, c := range a.coeff {
		a.power[i] = real(c)*real(c) + imag(c)*imag(c)
	}
	var logs [melBands]float64
	for b := range melBands {
		sum := powerFloor
		for k, w := range a.bands[b] {
			sum += w * a.power[a.first[b]+k]
		}
		logs[b] = math.Log(sum)
	}
	for c := range cepstra {
		sum := 0.0
		for b := range melBands {
			sum += a.cosine[c][b] * logs[b]
		}
		dst = append(dst, sum)
	}
	return dst
}

// The pitch tracker: normalised autocorrelation of 40 ms at 4 kHz, over the lags of 70 to 400 Hz.
const (
	pitchDecimate = 4
	pitchRate     = audio.SampleRate / pitchDecimate
	pitchLen      = pitchRate * 40 / 1000
	pitchLowHz    = 70
	pitchHighHz   = 400
	// voiced is the autocorrelation from which a frame counts as voiced.
	voiced = 0.6
)

// pitch is log2 of the fundamental in Hz around the frame that starts at sample from; 0 where
// unvoiced.
func (a *analyser) pitch(pcm []int16, from int) float64 {
	from += frameLen/2 - pitchLen*pitchDecimate/2
	if from < 0 || from+pitchLen*pitchDecimate > len(pcm) {
		return 0
	}
	mean := 0.0
	for i := range a.low {
		sum := 0
		for j := range pitchDecimate {
			sum += int(pcm[from+i*pitchDecimate+j])
		}
		a.low[i] = float64(sum)
		mean += a.low[i]
	}
	mean /= pitchLen
	energy := 0.0
	for i := range a.low {
		a.low[i] -= mean
		energy += a.low[i] * a.low[i]
	}
	if energy == 0 {
		return 0
	}
	const lagLow, lagHigh = pitchRate / pitchHighHz, pitchRate / pitchLowHz
	var r [lagHigh + 2]float64
	best := 0
	for lag := lagLow - 1; lag <= lagHigh+1; lag++ {
		n := pitchLen - lag
		x, y := a.low[:n], a.low[lag:]
		xy, xx, yy := 0.0, 0.0, 0.0
		for i := range n {
			xy += x[i] * y[i]
			xx += x[i] * x[i]
			yy += y[i] * y[i]
		}
		r[lag] = xy / (math.Sqrt(xx*yy) + 1e-9)
		if lag >= lagLow && lag <= lagHigh && (best == 0 || r[lag] > r[best]) {
			best = lag
		}
	}
	if r[best] < voiced {
		return 0
	}
	// The shortest lag that is nearly as good, against octave errors downwards.
	for lag := lagLow; lag < best; lag++ {
		if r[lag] > 0.9*r[best] && r[lag] >= r[lag-1] && r[lag] >= r[lag+1] {
			best = lag
			break
		}
	}
	// The top of the parabola through the neighbours.
	l, m, h := r[best-1], r[best], r[best+1]
	shift := 0.0
	if den := l - 2*m + h; den < 0 {
		shift = math.Max(-0.5, math.Min(0.5, 0.5*(l-h)/den))
	}
	return math.Log2(pitchRate / (float64(best) + shift))
}
