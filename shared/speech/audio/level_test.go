package audio

import (
	"math"
	"slices"
	"testing"
)

// Ensure that only a quiet recording is changed, and that its speech is then at the usual level.
func TestRaised(t *testing.T) {
	// 200 ms of tone and of silence in turn
	spoken := func(db float64) []int16 {
		pcm := make([]int16, 4*SampleRate)
		for i := range pcm {
			if i*5/SampleRate%2 == 0 {
				pcm[i] = int16(math.Round(32768 * math.Sqrt2 * math.Pow(10, db/20) * math.Sin(float64(i)/8)))
			}
		}
		return pcm
	}
	for _, tt := range []struct {
		name     string
		db, want float64
	}{
		{"loud stays", -15, -15},
		{"usual stays", -26, -26},
		{"just not quiet stays", -34, -34},
		{"quiet is raised", -36, -26},
		{"very quiet is raised", -60, -26},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pcm := spoken(tt.db)
			before := slices.Clone(pcm)
			got := Raised(pcm, Measure(pcm).LevelDb)
			if level := Measure(got).LevelDb; math.Abs(level-tt.want) > 1 {
				t.Errorf("the speech is at %.1f dB, want %.1f", level, tt.want)
			}
			if !slices.Equal(pcm, before) {
				t.Error("the samples given were changed")
			}
		})
	}
	silence := make([]int16, SampleRate)
	if got := Raised(silence, Measure(silence).LevelDb); !slices.Equal(got, silence) {
		t.Error("silence was changed")
	}
	knock := spoken(-50)
	knock[100], knock[101] = math.MaxInt16, math.MinInt16
	if got := Raised(knock, -50); got[100] != math.MaxInt16 || got[101] != math.MinInt16 {
		t.Errorf("a knock became %d, %d; want it at full scale", got[100], got[101])
	}
}
