package audio

import "math"

const (
	// A recording whose speech is quieter than quietDb is raised to levelDb, the nominal level of
	// speech in ITU-T P.56; dB below full scale. The recogniser hears a quiet voice less surely,
	// although nothing of it is lost.
	quietDb = -35.0
	levelDb = -26.0
)

// Raised returns the recording with speech at a usual level. speechDb is its level as measured
// (Quality.LevelDb). If that is usual already, or if there is no speech, the samples come back as
// they are; they are never lowered.
func Raised(pcm []int16, speechDb float64) []int16 {
	if speechDb >= quietDb || speechDb <= quietest {
		return pcm
	}
	gain := math.Pow(10, (levelDb-speechDb)/20)
	out := make([]int16, len(pcm))
	for i, v := range pcm {
		out[i] = int16(math.Round(min(max(float64(v)*gain, math.MinInt16), math.MaxInt16)))
	}
	return out
}
