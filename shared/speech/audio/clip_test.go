package audio

import (
	"math"
	"math/rand/v2"
	"testing"
)

// spoken is a minute of noise that swells as speech does, whose highest samples are rare.
func spoken(seed uint64) []float64 {
	r := rand.New(rand.NewPCG(seed, 2))
	x := make([]float64, 60*SampleRate)
	low := 0.0
	for i := range x {
		low += 0.3 * (r.NormFloat64() - low) // most of it below 1 kHz, as in voices
		x[i] = low * (0.05 + math.Pow(math.Sin(2*math.Pi*1.7*float64(i)/SampleRate), 2)) * (1 + 0.5*math.Sin(float64(i)/SampleRate))
	}
	return x
}

func samplesOf(x []float64, gain, ceiling, after float64) (pcm []int16, cut float64) {
	peak := 0.0
	for _, v := range x {
		peak = max(peak, math.Abs(v))
	}
	pcm = make([]int16, len(x))
	n := 0
	for i, v := range x {
		v *= gain / peak
		if math.Abs(v) >= ceiling {
			n++
		}
		pcm[i] = int16(32767 * after * min(max(v, -ceiling), ceiling))
	}
	return pcm, 100 * float64(n) / float64(len(x))
}

func TestClippingIsFoundAtAnyLevel(t *testing.T) {
	x := spoken(1)
	for name, c := range map[string]struct{ gain, ceiling, after float64 }{
		"at full scale":         {4, 1, 1},
		"at full scale, little": {1.5, 1, 1},
		"turned down by 6 dB":   {4, 1, 0.5},
		"turned down by 20 dB":  {4, 1, 0.1},
		"much, and turned down": {12, 1, 0.5},
		"less, and turned down": {3, 1, 0.5},
	} {
		pcm, cut := samplesOf(x, c.gain, c.ceiling, c.after)
		if got := clippedPercent(pcm); math.Abs(got-cut) > 0.3*cut {
			t.Errorf("%s: %.3f %%, want %.3f", name, got, cut)
		}
	}
	pcm, _ := samplesOf(x, 4, 2, 0.3) // and then of one polarity only
	n := 0
	for i, v := range pcm {
		if v > 8000 {
			pcm[i] = 8000
			n++
		}
	}
	if got, want := clippedPercent(pcm), 100*float64(n)/float64(len(pcm)); math.Abs(got-want) > 0.15*want {
		t.Errorf("of one polarity: %.3f %%, want %.3f", got, want)
	}
}

func TestNoClippingIsFoundWhereThereIsNone(t *testing.T) {
	for seed := range uint64(20) {
		pcm, _ := samplesOf(spoken(seed), 0.9, 1, 1)
		if got := clippedPercent(pcm); got != 0 {
			t.Errorf("seed %d: %.3f %%", seed, got)
		}
	}
	tone := make([]int16, 10*SampleRate) // its peaks are alike
	for i := range tone {
		tone[i] = int16(9000*math.Sin(float64(i)/20) + 6000*math.Sin(float64(i)/3.1))
	}
	for name, pcm := range map[string][]int16{"silence": make([]int16, SampleRate), "two tones": tone, "nothing": nil} {
		if got := clippedPercent(pcm); got != 0 {
			t.Errorf("%s: %.3f %%", name, got)
		}
	}
}
