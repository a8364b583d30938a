// Package timing measures speech from its sound alone: where there is speech and where silence, how
// long the pauses are, and how many peaks of intensity (roughly syllables) there are. It reads no
// transcript for that, so a recogniser's mistakes cannot change it. Fluency and accent share it.
//
// Energy alone takes whatever is loud for speech: noise that an automatic gain brings up in the
// pauses, people at the next table. So where a voice activity detector was asked, speech is what it
// found, and energy refines its edges.
package timing

import (
	"math"
	"sort"

	"parley/shared/speech/audio"
)

// The contour's frames: energy over 25 ms, every 10 ms.
const (
	FrameMs = 10
	hop     = 160 // samples
	window  = 400 // samples
	floorDb = -96 // of a frame that is all zero: one bit below 16-bit full scale
	// quietestDb is the level in dB below full scale under which nothing is speech.
	quietestDb = -70
	fullSq     = 32768.0 * 32768.0
	smoothBy   = 7 // frames
)

// Contour is the energy in dB below full scale, a value every FrameMs.
type Contour []float64

// Energy computes the contour of 16 kHz mono samples. What does not fill a frame of 25 ms at the
// end is left out; fewer samples than one frame give an empty contour.
func Energy(pcm []int16) Contour {
	if len(pcm) < window {
		return nil
	}
	n := (len(pcm)-window)/hop + 1
	// Integers up to 400 * 2^30 are exact in float64, so a running sum is too.
	c := make(Contour, n)
	var sum float64
	for _, v := range pcm[:window] {
		sum += float64(v) * float64(v)
	}
	for i := range n {
		if i > 0 {
			for _, v := range pcm[(i-1)*hop : i*hop] {
				sum -= float64(v) * float64(v)
			}
			for _, v := range pcm[(i-1)*hop+window : i*hop+window] {
				sum += float64(v) * float64(v)
			}
		}
		c[i] = floorDb
		if sum > 0 {
			c[i] = math.Max(floorDb, 10*math.Log10(sum/window/fullSq))
		}
	}
	return c
}

// percentile is the p-th percentile (0 to 100) of sorted values, linear between ranks.
func percentile(sorted []float64, p float64) float64 {
	x := p / 100 * float64(len(sorted)-1)
	i := int(x)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (x-float64(i))*(sorted[i+1]-sorted[i])
}

// Threshold is the level in dB above which a frame is speech. It is 25 dB below the loudest (99th
// percentile), or a quarter of the way from the noise floor (5th percentile) to the loudest where
// that is higher. It is never less than 6 dB below the loudest, because a stretch without a pause
// shows no floor, and never below quietestDb. An empty contour has none: +Inf.
func (c Contour) Threshold() float64 {
	if len(c) == 0 {
		return math.Inf(1)
	}
	s := append([]float64(nil), c...)
	sort.Float64s(s)
	top, floor := percentile(s, 99), percentile(s, 5)
	return math.Max(math.Min(math.Max(top-25, floor+(top-floor)/4), top-6), quietestDb)
}

const (
	// voiceDb is how far below the loudest voice (99th percentile) speech is found, dB.
	voiceDb = 20
	// Speech is overNoiseDb above the noise of the same turn (the median of what is no voice,
	// edgeMs and more away from any), or less than nearTopDb below the loudest voice: an
	// automatic gain brings noise up to 6 to 10 dB below it. Noise of less than leastNoise
	// frames is not known.
	overNoiseDb = 4
	nearTopDb   = 6
	edgeMs      = 50
	leastNoise  = 15
)

// Speech tells of each frame of a contour that begins offsetMs into the recording whether it is
// speech, and the level in dB that speech is above. voice is where a voice activity detector found
// any, in ms of the recording; nil: none was asked, and the threshold alone decides.
func (c Contour) Speech(offsetMs int64, voice []audio.Span) (speech []bool, threshold float64) {
	speech = make([]bool, len(c))
	if voice == nil {
		threshold = c.Threshold()
		for i, v := range c {
			speech[i] = v > threshold
		}
		return speech, threshold
	}
	near := make([]bool, len(c)) // voice, or edgeMs from it
	c.mark(speech, offsetMs, voice, 0)
	c.mark(near, offsetMs, voice, edgeMs)
	var loud, noise []float64
	for i, v := range c {
		if speech[i] {
			loud = append(loud, v)
		}
		if !near[i] {
			noise = append(noise, v)
		}
	}
	if len(loud) == 0 {
		return speech, math.Inf(1)
	}
	sort.Float64s(loud)
	top := percentile(loud, 99)
	threshold = math.Max(top-voiceDb, quietestDb)
	if len(noise) >= leastNoise {
		sort.Float64s(noise)
		threshold = math.Max(threshold, math.Min(percentile(noise, 50)+overNoiseDb, top-nearTopDb))
	}
	for i, v := range c {
		speech[i] = speech[i] && v > threshold
	}
	return speech, threshold
}

// mark sets the frames of the spans, each widened by ms on both sides.
func (c Contour) mark(frames []bool, offsetMs int64, spans []audio.Span, ms int64) {
	for _, s := range spans {
		from, to := (s.StartMs-ms-offsetMs)/FrameMs, (s.EndMs+ms-offsetMs+FrameMs-1)/FrameMs
		for i := max(from, 0); i < min(to, int64(len(c))); i++ {
			frames[i] = true
		}
	}
}

// smooth is the moving mean over smoothBy frames, shorter at the ends.
func (c Contour) smooth() Contour {
	out := make(Contour, len(c))
	for i := range c {
		lo, hi := max(0, i-smoothBy/2), min(len(c), i+smoothBy/2+1)
		var sum float64
		for _, v := range c[lo:hi] {
			sum += v
		}
		out[i] = sum / float64(hi-lo)
	}
	return out
}
