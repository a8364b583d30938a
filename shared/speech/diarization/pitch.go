package diarization

import (
	"math"
	"slices"

	"parley/shared/speech/audio"
)

// The pitch of a voice is read at every pitchEvery-th frame of 10 ms, at pitchFrames of them at
// most: a minute of speech.
const (
	pitchEvery  = 4
	pitchFrames = 1500
	fewVoiced   = 25
)

// MedianPitch is the median fundamental in Hz, 70 to 400, of the voiced frames in the spans of 16
// kHz mono samples; ok is false where fewer than 25 are voiced. Frames are spread over all the
// spans, so that no part of a recording decides.
func MedianPitch(pcm []int16, speech []audio.Span) (hz float64, ok bool) {
	_, found := Voiced(pcm, speech, pitchFrames)
	if len(found) < fewVoiced {
		return 0, false
	}
	slices.Sort(found)
	return found[len(found)/2], true
}

// Voiced finds the voiced ones of up to so many frames of 32 ms, spread over the spans of 16 kHz
// mono samples: the sample that each begins at, and its fundamental in Hz, 70 to 400.
func Voiced(pcm []int16, speech []audio.Span, frames int) (at []int, hz []float64) {
	total := 0
	for _, s := range speech {
		total += int(s.Len() / hopMs)
	}
	every := max(pitchEvery, (total+frames-1)/max(frames, 1))
	a := newAnalyser()
	frame := 0
	for _, s := range speech {
		for t := int(s.StartMs / hopMs); t < int(s.EndMs/hopMs); t++ {
			if frame++; frame%every != 0 {
				continue
			}
			if p := a.pitch(pcm, t*frameHop); p > 0 {
				at, hz = append(at, t*frameHop), append(hz, math.Exp2(p))
			}
		}
	}
	return at, hz
}
