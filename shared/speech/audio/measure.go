package audio

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/dsp/fourier"
)

// Measure tells the quality of a recording, by the default cut settings. Digital silence and steady
// sounds have no speech: SpeechPercent, SNRDb and BandwidthHz are 0 then.
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

// Inspect is Analyse of a recording, whose channels it may have separately.
func Inspect(r Recording, s CutSettings) Intake {
	if len(r.Tracks) == 1 {
		in := Analyse(r.Tracks[0], s)
		in.Channels = r.Channels
		return in
	}
	var in Intake
	for k, pcm := range r.Tracks {
		one := Analyse(pcm, s)
		if k < len(r.Own) {
			one.Speech = ownSpeech(one.Speech, r.Own[k])
			one.Chunks = append([]Span{}, Chunks(one.Speech, one.Window)...)
		}
		in.Tracks = append(in.Tracks, Track{one.Quality, one.Speech, one.Chunks})
		if k == 0 {
			in.DurationMs, in.Cut, in.Window = one.DurationMs, one.Cut, one.Window
		}
		in.Speech = append(in.Speech, one.Speech...)
		in.Chunks = append(in.Chunks, one.Chunks...)
		if k == 0 || one.Quality.SpeechPercent > in.Quality.SpeechPercent {
			in.Quality = one.Quality // until it is known which track is the candidate's
		}
	}
	in.Channels = r.Channels
	in.Speech = Union(in.Speech)
	for k := range in.Tracks {
		in.Tracks[k].Quality.SpeechPercent = in.speechPercent()
	}
	in.Quality.SpeechPercent = in.speechPercent()
	return in
}

// A stretch of a channel is its speaker's where so much of it is: a share of it, or so many ms.
const (
	ownShare = 0.2
	ownMs    = 200
)

// ownSpeech leaves out what is loud in a separate channel and not its speaker's.
func ownSpeech(speech, own []Span) []Span {
	out := []Span{}
	first := 0 // of own that does not end before the stretch
	for _, s := range speech {
		for first < len(own) && own[first].EndMs <= s.StartMs {
			first++
		}
		common := int64(0)
		for _, o := range own[first:] {
			if o.StartMs >= s.EndMs {
				break
			}
			common += min(o.EndMs, s.EndMs) - max(o.StartMs, s.StartMs)
		}
		if common >= ownMs || float64(common) >= ownShare*float64(s.Len()) && common > 0 {
			out = append(out, s)
		}
	}
	return out
}

// speechPercent is the share of the window that is speech, 0 to 100.
func (in Intake) speechPercent() float64 {
	if in.Window.Len() <= 0 {
		return 0
	}
	return min(100, 100*float64(total(in.Speech))/float64(in.Window.Len()))
}

// Union puts spans in order and joins those that overlap; the one given is overwritten.
func Union(spans []Span) []Span {
	slices.SortFunc(spans, func(a, b Span) int { return cmp.Compare(a.StartMs, b.StartMs) })
	out := spans[:0]
	for _, s := range spans {
		if n := len(out); n > 0 && s.StartMs <= out[n-1].EndMs {
			out[n-1].EndMs = max(out[n-1].EndMs, s.EndMs)
			continue
		}
		out = append(out, s)
	}
	return out
}

// measure tells the quality of pcm, whose contour, levels and speech are known.
func measure(pcm []int16, c []float64, l levels, speech []Span) Quality {
	q := Quality{LevelDb: l.speech, NoiseDb: l.noise}
	if len(pcm) == 0 {
		return q
	}
	q.ClippedPercent = clippedPercent(pcm)
	if len(speech) == 0 {
		return q
	}
	q.SpeechPercent = min(100, 100*float64(total(speech))/(float64(len(pcm))*1000/SampleRate))
	q.SNRDb = l.speech - noiseBetween(c, l, speech)
	q.NoiseDb = l.speech - q.SNRDb
	q.BandwidthHz = bandwidth(pcm, c, l)
	return q
}

// noiseBetween is the noise floor: the median of the frames outside speech where there are enough
// of them (2 s), else the quietest tenth of all.
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
	// A frequency carries speech where loud frames have this much more than quiet ones, and no less
	// than that below the loudest band.
	bandOverNoiseDb = 6
	bandBelowPeakDb = 65
	loudFramesDb    = 15 // below the speech level: a frame that is surely speech
)

// bandwidth is the highest frequency that carries speech, in Hz: where the spectrum of the speech
// frames stands out of that of the quiet ones.
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
			return float64(cliff(s, k)) * SampleRate / fftSize
		}
	}
	return 0
}

const (
	// A cliff is where the spectrum falls by cliffDb within cliffGap bins on either side, by means
	// over cliffWidth bins, and never comes back: the edge of a recording that was made at a lower
	// rate, whose resampler left a little above it. Speech itself falls by a third of that.
	cliffDb    = 20
	cliffGap   = 8  // 250 Hz
	cliffWidth = 13 // 400 Hz
	cliffFrom  = 64 // 2 kHz: below, it is a voice's own slope
)

// cliff is the bin up to which a spectrum, which ends at bin top, carries speech: the first cliff,
// else the end.
func cliff(s []float64, top int) int {
	mean := func(from, to int) float64 {
		sum := 0.0
		for _, v := range s[from:to] {
			sum += v
		}
		return sum / float64(to-from)
	}
	// highest[k] is the loudest mean over cliffWidth bins from k on.
	highest := make([]float64, len(s)+1)
	highest[len(s)] = math.Inf(-1)
	for k := len(s) - 1; k >= 0; k-- {
		highest[k] = max(highest[k+1], mean(k, min(len(s), k+cliffWidth)))
	}
	for k := cliffFrom; k < top; k++ {
		if k+cliffGap < len(s) && mean(k-cliffGap-cliffWidth, k-cliffGap)-highest[k+cliffGap] > cliffDb {
			// the first such bin is as far below the edge as the gap allows
			return min(k+cliffGap-2, top)
		}
	}
	return top
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
