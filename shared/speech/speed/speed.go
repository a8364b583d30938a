// Package speed finds recordings that are played too fast or too slowly, because their header names
// a sampling rate that is not the sound's. Pitch, formants and syllable rate then change by one
// factor; in people they do not: pitch is lower by half in a man than in a woman while formants are
// by a sixth, and the syllable rate hangs on neither.
//
// The scale of the formants is found as in vocal tract length normalisation (Lee and Rose 1996):
// the warp of the frequency axis with which spectra of voiced frames lie nearest to a codebook. The
// three together are held against what 51 speakers have at their right speed (a normal
// distribution), as they are and divided by a factor. The codebook and the distribution are in
// model.json, which the tests make (-update).
package speed

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sync"

	"gonum.org/v1/gonum/dsp/fourier"

	"parley/shared/speech/audio"
	"parley/shared/speech/diarization"
	"parley/shared/speech/score/timing"
)

const (
	// voicedFrames is how many voiced frames are looked at, at most, and fewVoiced the least that
	// are needed: 20 s of voice.
	voicedFrames = 1500
	fewVoiced    = 500
	// Noise and clipping hide formants, and a telephone's band has no third one in it.
	minSNRDb          = 12
	maxClippedPercent = 1
	// least is the smallest factor that is looked for, either way: people differ by less in size,
	// and in pace.
	least = 1.17
	most  = 1.8
	// surely is how much likelier, as a natural logarithm, a recording must be at another speed,
	// and voiceSurely how much by pitch and formants alone, so that a syllable rate that was
	// misread decides nothing. Of the four shared interviews and the four scripted ones, which the
	// distribution has not seen, the most was 2.05 at the right speed. Played 1.5 times too fast
	// they had 4.6 to 19, 1.33 times 4.5 to 12.6; a third too slowly 7.4 to 25, a quarter 3.1 to
	// 14.
	surely      = 5.0
	voiceSurely = 1.5
)

// Factor is about how many times too fast a recording is played, nearer to 1 than it is, below 1
// where it is too slow; 1 where its speed is a person's, or too little speech or too poor sound
// tells: then judged is false. pcm is 16 kHz mono, speech its stretches of speech, q its quality.
func Factor(pcm []int16, speech []audio.Span, q audio.Quality) (factor float64, judged bool) {
	if q.Telephone() || q.BandwidthHz == 0 || q.SNRDb < minSNRDb || q.ClippedPercent > maxClippedPercent {
		return 1, false
	}
	m, err := load()
	if err != nil {
		return 1, false
	}
	f, ok := m.measure(pcm, speech, fewVoiced)
	if !ok {
		return 1, false
	}
	gain, factor := m.judge(f)
	log := math.Log(factor)
	if gain < surely || m.voice(f[0]-log, f[1]-log)-m.voice(f[0], f[1]) < voiceSurely {
		return 1, true
	}
	return factor, true
}

// features are natural logarithms: of the median pitch in Hz, of the scale of the formants relative
// to the codebook's, of the syllables (peaks of intensity) per second of speech.
type features [3]float64

// measure finds the features; ok is false where fewer frames than least are voiced.
func (m model) measure(pcm []int16, speech []audio.Span, least int) (f features, ok bool) {
	at, hz := diarization.Voiced(pcm, speech, voicedFrames)
	if len(at) < least {
		return f, false
	}
	slices.Sort(hz)
	contour := timing.Energy(pcm)
	rate := contour.Measure(0, nil).PeakRate()
	if rate <= 0 {
		return f, false
	}
	return features{math.Log(hz[len(hz)/2]), m.scale(spectra(pcm, at)), math.Log(rate)}, true
}

// judge is how much likelier the features are divided by the best factor than as they are.
func (m model) judge(f features) (gain, factor float64) {
	factor = 1
	as := m.likelihood(f)
	for k := math.Log(least); k <= math.Log(most); k += 0.02 {
		for _, log := range []float64{k, -k} {
			if g := m.likelihood(features{f[0] - log, f[1] - log, f[2] - log}) - as; g > gain {
				gain, factor = g, math.Exp(log)
			}
		}
	}
	return gain, factor
}

// likelihood is the natural logarithm of the normal density, but for a constant.
func (m model) likelihood(f features) float64 {
	sum := 0.0
	for i := range f {
		for j := range f {
			sum += (f[i] - m.Mean[i]) * m.Precision[i][j] * (f[j] - m.Mean[j])
		}
	}
	return -sum / 2
}

// voice is likelihood by pitch and formants alone: the normal distribution of the two, whatever the
// third.
func (m model) voice(pitch, scale float64) float64 {
	f := [2]float64{pitch - m.Mean[0], scale - m.Mean[1]}
	sum := 0.0
	for i := range f {
		for j := range f {
			p := m.Precision[i][j] - m.Precision[i][2]*m.Precision[2][j]/m.Precision[2][2]
			sum += f[i] * p * f[j]
		}
	}
	return -sum / 2
}

const (
	frameSamples = 512
	// The bands of a spectrum: evenly on the mel scale from lowHz to highHz at a warp of 1.
	bands  = 18
	lowHz  = 150
	highHz = 3300
	// floorNats is how far below the strongest band of a frame a band counts: what is below is
	// noise.
	floorNats = 8
	// The warps that are tried, as natural logarithms.
	mostWarp = 0.52
	warpStep = 0.04
)

type model struct {
	Codebook  [][]float64   `json:"codebook"` // of bands' logarithms, level and channel taken out
	Mean      [3]float64    `json:"mean"`
	Precision [3][3]float64 `json:"precision"`
}

//go:embed model.json
var modelJSON []byte

var load = sync.OnceValues(func() (m model, err error) {
	if err := json.Unmarshal(modelJSON, &m); err != nil {
		return m, fmt.Errorf("speed: model: %w", err)
	}
	for _, c := range m.Codebook {
		if len(c) != bands {
			return m, fmt.Errorf("speed: model: %d bands", len(c))
		}
	}
	return m, nil
})

// spectra are the running sums of the power of frames over frequency, from bin 0.
func spectra(pcm []int16, at []int) [][]float64 {
	fft := fourier.NewFFT(frameSamples)
	buf, coefficients := make([]float64, frameSamples), make([]complex128, frameSamples/2+1)
	out := make([][]float64, 0, len(at))
	for _, from := range at {
		if from < 0 || from+frameSamples > len(pcm) {
			continue
		}
		for i := range buf {
			buf[i] = float64(pcm[from+i]) / 32768 * (0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/frameSamples))
		}
		fft.Coefficients(coefficients, buf)
		sums := make([]float64, len(coefficients)+1)
		for k, c := range coefficients {
			sums[k+1] = sums[k] + real(c)*real(c) + imag(c)*imag(c)
		}
		out = append(out, sums)
	}
	return out
}

// edges are the borders of the bands in bins, at a warp of 1.
var edges = func() (e [bands + 1]float64) {
	mel := func(hz float64) float64 { return math.Log(1 + hz/700) }
	for i := range e {
		m := mel(lowHz) + (mel(highHz)-mel(lowHz))*float64(i)/bands
		e[i] = 700 * (math.Exp(m) - 1) * frameSamples / audio.SampleRate
	}
	return e
}()

// warped are the logarithms of the frames' bands with the frequency axis warped, each frame's mean
// and the frames' mean taken out: the level and the channel.
func warped(spectra [][]float64, warp float64) [][]float64 {
	stretch := math.Exp(warp)
	out := make([][]float64, len(spectra))
	var channel [bands]float64
	for n, sums := range spectra {
		below := func(bin float64) float64 {
			bin = min(bin+0.5, float64(len(sums)-2))
			k := int(bin)
			return sums[k] + (bin-float64(k))*(sums[k+1]-sums[k])
		}
		v := make([]float64, bands)
		top := math.Inf(-1)
		for b := range v {
			v[b] = math.Log(below(edges[b+1]*stretch) - below(edges[b]*stretch) + 1e-9)
			top = max(top, v[b])
		}
		mean := 0.0
		for b := range v {
			v[b] = max(v[b], top-floorNats)
			mean += v[b] / bands
		}
		for b := range v {
			v[b] -= mean
			channel[b] += v[b] / float64(len(spectra))
		}
		out[n] = v
	}
	for _, v := range out {
		for b := range v {
			v[b] -= channel[b]
		}
	}
	return out
}

// scale is the natural logarithm of the warp with which the frames lie nearest to the codebook.
func (m model) scale(spectra [][]float64) float64 {
	n := int(math.Round(2*mostWarp/warpStep)) + 1
	far := make([]float64, n)
	best := 0
	for i := range far {
		for _, v := range warped(spectra, -mostWarp+float64(i)*warpStep) {
			_, d := m.nearest(v)
			far[i] += d
		}
		if far[i] < far[best] {
			best = i
		}
	}
	at := -mostWarp + float64(best)*warpStep
	if best > 0 && best < n-1 { // the bottom of the parabola through the neighbours
		l, c, r := far[best-1], far[best], far[best+1]
		if bend := l - 2*c + r; bend > 0 {
			at += warpStep * 0.5 * (l - r) / bend
		}
	}
	return at
}

// nearest is the code that v lies nearest to, and the squared distance.
func (m model) nearest(v []float64) (code int, d float64) {
	d = math.Inf(1)
	for k, c := range m.Codebook {
		sum := 0.0
		for b := range v {
			sum += (v[b] - c[b]) * (v[b] - c[b])
			if sum >= d {
				break
			}
		}
		if sum < d {
			code, d = k, sum
		}
	}
	return code, d
}
