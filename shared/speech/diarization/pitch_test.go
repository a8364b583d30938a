package diarization

import (
	"math"
	"testing"

	"parley/shared/speech/audio"
)

func TestMedianPitch(t *testing.T) {
	tone := func(hz float64, seconds int) []int16 {
		x := make([]int16, seconds*audio.SampleRate)
		for i := range x {
			w := 2 * math.Pi * hz * float64(i) / audio.SampleRate
			x[i] = int16(6000*math.Sin(w) + 3000*math.Sin(2*w) + 1500*math.Sin(3*w))
		}
		return x
	}
	for _, hz := range []float64{90, 130, 210, 260, 330} {
		got, ok := MedianPitch(tone(hz, 3), []audio.Span{{EndMs: 3000}})
		if !ok || math.Abs(got-hz) > 0.02*hz {
			t.Errorf("a voice of %g Hz has %g, %v", hz, got, ok)
		}
	}
	if _, ok := MedianPitch(make([]int16, 3*audio.SampleRate), []audio.Span{{EndMs: 3000}}); ok {
		t.Error("silence has no pitch")
	}
	if _, ok := MedianPitch(tone(200, 1), nil); ok {
		t.Error("without speech there is no pitch")
	}
	low := append(tone(120, 2), tone(300, 1)...)
	if got, _ := MedianPitch(low, []audio.Span{{EndMs: 3000}}); math.Abs(got-120) > 3 {
		t.Errorf("what is there for longest decides: %g", got)
	}
}
