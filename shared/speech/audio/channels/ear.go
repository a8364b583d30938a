package channels

import (
	"math"
	"slices"
)

// The ways of listening.
const (
	wayLeft = iota
	wayRight
	wayMean
	wayDifference
	ways
)

const (
	// segmentFrames is the stretch that one noise floor is for: 5 s, measured over itself and 5 s
	// on either side; the higher one counts, so that a hum that sets in is noise from its
	// beginning.
	segmentFrames = 312
	floorShare    = 0.10 // the quietest tenth of a window is its noise
	peakShare     = 0.95
	// quietest is the least noise, a power: -90 dB, about the rounding of 16 bits in one band.
	quietest = 1e-9
	// peakRange is how far below the louder channel's speech sound counts at all, a ratio of
	// powers: what a codec leaves of a channel that was taken away is no speech.
	peakRange = 1e-5
	// A band's signal is heard from riseDb above its floor (a noise itself wanders so far), fully
	// from riseDb + fullDb.
	riseDb = 5
	fullDb = 30
	// audibleFrame is from which audibility on a frame counts as holding a sound that stands out.
	audibleFrame = 0.15
)

// windowFrames is the length of what is judged to be like speech or not: 4 s.
const windowFrames = 250

// ear is all that is measured of a recording.
type ear struct {
	frames int
	// power are the two channels' powers, smoothed over three frames; floor their noise by segment.
	power, floor [2][]float32
	// audible is how much each way of listening lets hear in each frame, 0 to 1.
	audible [ways][]float32
	// like tells of each window of each channel whether it is like speech.
	like [2][]likeness
}

// likeness is what a window of 4 s is like.
type likeness uint8

const (
	still  likeness = iota // nothing stands out of the noise
	speech                 // spectrum and level change as in speech
	other                  // tones, music, clicks
)

func newEar(s *spectra) *ear {
	e := &ear{frames: s.frames()}
	var peak [2][]float32
	for c, raw := range [][]float32{s.left, s.right} {
		e.power[c] = smooth(raw)
		e.floor[c] = quantiles(e.power[c], floorShare)
		peak[c] = quantiles(e.power[c], peakShare)
	}
	reference := make([]float32, len(peak[0]))
	for i := range reference {
		reference[i] = peakRange * max(peak[0][i], peak[1][i])
	}
	for way := range ways {
		power := e.power[way%2]
		floor := e.floor[way%2]
		if way == wayMean || way == wayDifference {
			sign := float32(1)
			if way == wayDifference {
				sign = -1
			}
			sum := make([]float32, len(s.left))
			for i := range sum {
				sum[i] = max(0, (s.left[i]+s.right[i]+2*sign*s.cross[i])/4)
			}
			power = smooth(sum)
			floor = quantiles(power, floorShare)
		}
		levels := make([]float32, len(power))
		e.audible[way] = make([]float32, e.frames)
		for t := range e.frames {
			at, seg := t*values, segmentOf(t)*values
			sum := 0.0
			for b := range values {
				least := max(float64(floor[seg+b]), float64(reference[seg+b]), quietest)
				l := min(max(decibel(float64(power[at+b])/least)-riseDb, 0), fullDb)
				levels[at+b] = float32(l)
				if b == whole {
					sum = sum/float64(bands) + l
				} else {
					sum += l
				}
			}
			e.audible[way][t] = float32(sum / 2 / fullDb)
		}
		if way == wayLeft || way == wayRight {
			e.like[way] = liken(levels, e.audible[way], power)
		}
	}
	return e
}

func segmentOf(t int) int { return t / segmentFrames }

// smooth is the mean of each frame with its neighbours.
func smooth(power []float32) []float32 {
	n := len(power) / values
	out := make([]float32, len(power))
	for t := range n {
		from, to := max(0, t-1), min(n-1, t+1)
		for b := range values {
			sum := float32(0)
			for u := from; u <= to; u++ {
				sum += power[u*values+b]
			}
			out[t*values+b] = sum / float32(to-from+1)
		}
	}
	return out
}

// quantiles are by segment and band the higher one of two windows' quantile: that of the segment
// with the next one, that of the one before with the segment.
func quantiles(power []float32, share float64) []float32 {
	n := len(power) / values
	segments := max(1, (n+segmentFrames-1)/segmentFrames)
	window := make([]float32, segments*values)
	buf := make([]float32, 0, 2*segmentFrames)
	for k := range segments {
		from, to := k*segmentFrames, min(n, (k+2)*segmentFrames)
		if from >= to {
			continue
		}
		for b := range values {
			buf = buf[:0]
			for t := from; t < to; t++ {
				buf = append(buf, power[t*values+b])
			}
			slices.Sort(buf)
			window[k*values+b] = buf[int(share*float64(len(buf)-1))]
		}
	}
	// The last window is half a one at least: too short ones take the one before.
	if last := n - (segments-1)*segmentFrames; segments > 1 && last < segmentFrames/2 {
		copy(window[(segments-1)*values:], window[(segments-2)*values:(segments-1)*values])
	}
	out := slices.Clone(window)
	for i := values; i < len(out); i++ {
		out[i] = max(window[i], window[i-values])
	}
	return out
}

// decibel is a ratio of powers in dB.
func decibel(p float64) float64 { return 10 * math.Log10(p+1e-30) }

// What a window of speech is like, found on 4,200 s of speech of 30 people in eight languages, wide
// band and telephone, and on hum, tones, noise, keyboards and six kinds of made music. Both are
// means over the frames in which something stands out.
const (
	// likeFrames is the least that must stand out of a window for it to be anything.
	likeFrames = 25
	// shapeFrames is the lag over which the shape of the spectrum is compared: 48 ms.
	shapeFrames = 3
	// minShapeDb is the least change of the spectrum's shape, level aside: 2.4 to 5.4 in speech;
	// tones and bells have under 2.
	minShapeDb = 2.0
	// The movement of the level at the rate of syllables (the mean over 48 ms less that over 270
	// ms), root mean square: 1.6 to 9 in speech, 0.7 to 0.9 of held chords, 20 of keystrokes.
	minMovementDb = 1.4
	maxMovementDb = 14
	// maxFilled is the share of frames beyond which there are no pauses, however the rest moves;
	// speech has 0.4 to 0.92.
	maxFilled = 0.96
)

// liken judges each window of a channel: levels in dB over the floor, audible by frame.
func liken(levels, audible, power []float32) []likeness {
	n := len(audible)
	loud := make([]float64, n)
	for t := range n {
		loud[t] = decibel(float64(power[t*values+whole]) + quietest)
	}
	mean := means(loud)
	out := make([]likeness, (n+windowFrames-1)/windowFrames)
	for w := range out {
		from, to := w*windowFrames, min(n, (w+1)*windowFrames)
		shape, movement, count := 0.0, 0.0, 0
		for t := from; t < to; t++ {
			if audible[t] < audibleFrame {
				continue
			}
			count++
			m := mean(t, 1) - mean(t, 8)
			movement += m * m
			if t >= shapeFrames {
				shape += change(levels[t*values:t*values+bands], levels[(t-shapeFrames)*values:(t-shapeFrames)*values+bands])
			}
		}
		switch {
		case count < likeFrames*(to-from)/windowFrames || count == 0:
		case shape/float64(count) < minShapeDb, math.Sqrt(movement/float64(count)) < minMovementDb, math.Sqrt(movement/float64(count)) > maxMovementDb,
			float64(count) > maxFilled*float64(to-from):
			out[w] = other
		default:
			out[w] = speech
		}
	}
	return out
}

// change is how much the shape of two spectra differs, in dB: the mean distance of the bands that
// are heard in either, after the change of their level.
func change(now, before []float32) float64 {
	var diff [bands]float64
	n, mean := 0, 0.0
	for b := range bands {
		if now[b] > 6 || before[b] > 6 {
			diff[n] = float64(now[b] - before[b])
			mean += diff[n]
			n++
		}
	}
	if n == 0 {
		return 0
	}
	mean /= float64(n)
	sum := 0.0
	for _, d := range diff[:n] {
		sum += math.Abs(d - mean)
	}
	return sum / float64(n)
}

// means gives the mean of x over the frames up to some on either side.
func means(x []float64) func(t, side int) float64 {
	sums := make([]float64, len(x)+1)
	for i, v := range x {
		sums[i+1] = sums[i] + v
	}
	return func(t, side int) float64 {
		from, to := max(0, t-side), min(len(x), t+side+1)
		return (sums[to] - sums[from]) / float64(to-from)
	}
}
