package diarization

import (
	"math"
	"slices"

	"parley/shared/speech/audio"
)

// The pitch of a voice is read at every pitchEvery-th frame of 10 ms, at pitchFrames of them at most: a minute of speech.
const (
	pitchEvery  = 4
	pitchFrames = 1500
	fewVoiced   = 25
)

// MedianPitch is the median fundamental in Hz, 70 to 400, of the voiced frames in the spans of 16 kHz mono samples; ok is false
// where fewer than 25 are voiced. Frames are spread over all the spans, so that no part of a recording decides.
func MedianPitch(pcm []int16, speech []audio.Span) (hz float64, ok bool) {
	total := 0
	for _, s := range speech {
		total += int(s.Len() / hopMs)
	}
	every := max(pitchEvery, (total+pitchFrames-1)/pitchFrames)
	a := newAnalyser()
	var found []float64
	frame := 0
	for _, s := range speech {
		for t := int(s.StartMs / hopMs); t < int(s.EndMs/hopMs); t++ {
			if frame++; frame%every != 0 {
				continue
			}
			if p := a.pitch(pcm, t*frameHop); p > 0 {
				found = append(found, p)
			}
		}
	}
	if len(found) < fewVoiced {
		return 0, false
	}
	slices.Sort(found)
	return math.Exp2(found[len(found)/2]), true
}
