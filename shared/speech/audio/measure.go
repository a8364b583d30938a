package audio

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/dsp/fourier"
)

// Measure tells the quality of a recording, by the default cut settings. Digital silence and steady sounds have no speech: SpeechPercent,
// SNRDb and BandwidthHz are 0 then.
func Measure(pcm []int16) Quality {
	s := DefaultCut()
	window := windowOf(pcm, s)
	c := contour(pcm)
	l := measureLevels(c)
	return measure(pcm, c, l, cut(c, l, window, s))
}

// Analyse measures a recording, cuts it into speech and silence, and into pieces for transcription.
func Analyse(pcm []int16, s CutSettings) Intake {
	window := windowOf(pcm, s)
	inside := pcm[window.StartMs*SampleRate/1000 : window.EndMs*SampleRate/1000]
	c := contour(inside)
	l := measureLevels(c)
	speech := cut(c, l, window, s)
	local := make([]Span, len(speech))
	for i, x := range speech {
		local[i] = Span{x.StartMs - window.StartMs, x.EndMs - window.StartMs}
	}
	if speech == nil {
		speech = []Span{}
	}
	chunks := Chunks(speech, window)
	if chunks == nil {
		chunks = []Span{}
	}
	return Intake{DurationMs: int64(len(pcm)) * 1000 / SampleRate, Cut: s, Window: window, Quality: measure(inside, c, l, local),
		Speech: speech, Chunks: chunks}
}

// clipped is the magnitude from which on a sample counts as at full scale.
const clipped = 32767

// measure tells the quality of pcm, whose contour, levels and speech are known.
func measure(pcm []int16, c []float64, l levels, speech []Span) Quality {
	q := Quality{LevelDb: l.speech, NoiseDb: l.noise}
	if len(pcm) == 0 {
		return q
	}
	n := 0
	for _, s := range pcm {
		if s >= clipped || s <= -clipped {
			n++
		}
	}
	q.ClippedPercent = 100 * float64(n) / float64(len(pcm))
	if len(speech) == 0 {
		return q
	}
	q.SpeechPercent = min(100, 100*float64(total(speech))/(float64(len(pcm))*1000/SampleRate))
	q.SNRDb = l.speech - noiseBetween(c, l, speech)
	q.NoiseDb = l.speech - q.SNRDb
	q.BandwidthHz = bandwidth(pcm, c, l)
	return q
}

// noiseBetween is the noise floor: the median of the frames outside speech where there are enough of them (2 s), else the quietest tenth of all.
func noiseBetween(c []float64, l levels, speech []Span) float64 {
	outside := make([]float64, 0, len(c))
	at := 0
	for _, s := range speech {
		if to := int(s.StartMs / stepMs); to > at {
			outside = append(outside, c[at:min(to, len(c))]...)
		}
		at = max(at, int(s.EndMs/stepMs))
	}
	if at < len(c) {
		outside = append(outside, c[at:]...)
	}
	if len(outside) < 200 {
		return l.noise
	}
	slices.Sort(outside)
	return max(outside[len(outside)/2], quietest)
}

const (
	fftSize = 512 // 32 ms, bins of 31.25 Hz
	// spectra is how many frames are looked at, at most.
	spectra = 4000
	// bandSmooth is over how many bins a spectrum is smoothed on each side: 200 Hz in all.
	bandSmooth = 3
	// A frequency carries speech where loud frames have this much more than quiet ones, and no less than that below the loudest band.
	bandOverNoiseDb = 6
	bandBelowPeakDb = 65
	loudFramesDb    = 15 // below the speech level: a frame that is surely speech
)

// bandwidth is the highest frequency that carries speech, in Hz: where the spectrum of the speech frames stands out of that of the quiet ones.
func bandwidth(pcm []int16, c []float64, l levels) float64 {
	var loud, quiet []int
	for i, e := range c {
		if (i*stepSamples + fftSize) > len(pcm) {
			break
		}
		if e > l.speech-loudFramesDb {
			loud = append(loud, i)
		} else if e < l.noise+noiseMarginDb/2 {
			quiet = append(quiet, i)
		}
	}
	if len(loud) == 0 {
		return 0
	}
	s, q := spectrum(pcm, loud), spectrum(pcm, quiet)
	peak := slices.Max(s)
	for k := len(s) - 1; k > 0; k-- {
		if s[k] > peak-bandBelowPeakDb && s[k] > q[k]+bandOverNoiseDb {
			return float64(k) * SampleRate / fftSize
		}
	}
	return 0
}

// spectrum is the mean power of frames by frequency, in dB, smoothed.
func spectrum(pcm []int16, frames []int) []float64 {
	fft := fourier.NewFFT(fftSize)
	power := make([]float64, fftSize/2+1)
	buf := make([]float64, fftSize)
	out := make([]complex128, fftSize/2+1)
	step := max(1, (len(frames)+spectra-1)/spectra)
	n := 0
	for i := 0; i < len(frames); i += step {
		at := frames[i] * stepSamples
		for j := range buf {
			w := 0.5 - 0.5*math.Cos(2*math.Pi*float64(j)/fftSize)
			buf[j] = float64(pcm[at+j]) / 32768 * w
		}
		for k, x := range fft.Coefficients(out, buf) {
			power[k] += real(x)*real(x) + imag(x)*imag(x)
		}
		n++
	}
	db := make([]float64, len(power))
	for k := range db {
		sum, m := 0.0, 0
		for j := max(0, k-bandSmooth); j <= min(len(power)-1, k+bandSmooth); j++ {
			sum += power[j]
			m++
		}
		db[k] = quietest - 20
		if n > 0 {
			db[k] = 10 * math.Log10(sum/float64(m*n)+1e-12)
		}
	}
	return db
}
