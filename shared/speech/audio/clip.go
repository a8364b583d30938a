package audio

import "math"

// A recording that was overloaded has flat tops: many samples at one ceiling, few above, and fewer
// just below than at it. Turning it down later lowers the ceiling and mends nothing, so full scale
// is only where a ceiling is looked for first. Each half minute is looked at by itself, each
// polarity too, since a ceiling may move with the gain and lie on one side only.
const (
	fullScale      = 32767 // the magnitude from which on a sample is at full scale
	ceilingSamples = 30 * SampleRate
	// Levels are counted in steps of a quarter dB, down to lowestCeilingDb below full scale: below,
	// steps are few samples' values wide.
	levelsPerDb     = 4
	lowestCeilingDb = 36
	levelCount      = lowestCeilingDb * levelsPerDb
	// atLeast is the fewest samples that make a ceiling, and aboveShare how many of these may lie
	// above it, by a codec's or a filter's ripple.
	atLeast    = 100
	aboveShare = 0.25
	// How many times as many samples a ceiling holds as the same width below it, a quarter dB left
	// out between: in half a dB, and in a dB for what a codec has smeared. Without clipping the
	// most found was 1.1 and 1.0 in 26 recordings, 2.2 and 1.6 behind limiters that cut 24 dB off;
	// speech that was driven 22 dB too high has 14 and 7, after MP3 at 64 kbit/s 2.7 and 4.4, after
	// AAC at 64 kbit/s or by telephone 2.3 in a dB.
	narrowRatio = 2.5
	wideRatio   = 1.9
	// minBeside is the share of the samples at a ceiling that have a neighbour there.
	minBeside = 0.5
)

// clippedPercent is the share of the samples that lie at a ceiling or at full scale, 0 to 100.
func clippedPercent(pcm []int16) float64 {
	if len(pcm) == 0 {
		return 0
	}
	n := 0
	for from := 0; from < len(pcm); from += ceilingSamples {
		piece := pcm[from:min(len(pcm), from+ceilingSamples)]
		var levels [2][levelCount]int
		for _, v := range piece {
			side, size := sideOf(v)
			if size >= fullScale {
				n++
			}
			if k := levelStep[size]; k >= 0 {
				levels[side][k]++
			}
		}
		for side := range 2 {
			if steps := ceiling(&levels[side]); steps > 0 {
				n += flat(piece, side, steps)
			}
		}
	}
	return 100 * float64(n) / float64(len(pcm))
}

// sideOf is the polarity of a sample, 0 or 1, and its magnitude.
func sideOf(v int16) (side, size int) {
	if v < 0 {
		return 1, -int(v)
	}
	return 0, int(v)
}

// flat counts the samples below full scale within so many steps of it, if most have a neighbour
// there: peaks that are only alike in height, as behind a limiter, are pointed.
func flat(pcm []int16, side, steps int) int {
	at, below, beside, run := 0, 0, 0, 0
	for _, v := range pcm {
		s, size := sideOf(v)
		if s != side || levelStep[size] < 0 || int(levelStep[size]) >= steps {
			run = 0
			continue
		}
		at++
		if size < fullScale {
			below++
		}
		if run++; run == 2 {
			beside += 2
		} else if run > 2 {
			beside++
		}
	}
	if float64(beside) < minBeside*float64(at) {
		return 0
	}
	return below
}

// levelStep is the step of a magnitude, from 0 for the highest; -1 below the lowest.
var levelStep = func() (steps [32769]int16) {
	for size := range steps {
		steps[size] = -1
		if size == 0 {
			continue
		}
		if k := int(math.Floor(-20 * levelsPerDb * math.Log10(float64(size)/32768.5))); k < levelCount {
			steps[size] = int16(k)
		}
	}
	return steps
}()

// ceiling is how many steps below full scale the clearest ceiling reaches; 0 where there is none.
func ceiling(levels *[levelCount]int) int {
	best, most := 0, 0.0
	above := 0
	for k := range levels {
		for _, c := range []struct {
			width int // steps
			least float64
		}{{levelsPerDb / 2, narrowRatio}, {levelsPerDb, wideRatio}} {
			if k+2*c.width+1 > levelCount {
				continue
			}
			at, below := 0, 0
			for i := range c.width {
				at += levels[k+i]
				below += levels[k+c.width+1+i]
			}
			ratio := float64(at) / float64(max(below, 1)) / c.least
			if at >= atLeast && float64(above) <= aboveShare*float64(at) && ratio >= 1 && ratio > most {
				best, most = k+c.width, ratio
			}
		}
		above += levels[k]
	}
	return best
}
