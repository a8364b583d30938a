package channels

import (
	"fmt"
	"math"
)

// fadeMs is how long it takes from one way of listening to the next.
const fadeMs = 20

// Render makes one sound of the interleaved samples that were decided on. It is an error of the
// caller to ask it of channels that are to be heard separately.
func (d Decision) Render(pcm []int16) ([]int16, error) {
	if len(d.Stretches) == 0 {
		return nil, fmt.Errorf("channels: one sound of channels that are %s", d.Used)
	}
	const fade = fadeMs * SampleRate / 1000
	next := func(k int) int { // the sample at which the fade to the stretch after k begins
		if k+1 < len(d.Stretches) {
			return int(d.Stretches[k+1].FromMs*SampleRate/1000) - fade/2
		}
		return math.MaxInt
	}
	out := make([]int16, len(pcm)/2)
	k, change := 0, next(0)
	left, right := d.Stretches[0].Left, d.Stretches[0].Right
	for i := range out {
		if i >= change {
			from, to := d.Stretches[k], d.Stretches[k+1]
			share := float64(i-change) / fade
			left, right = from.Left*(1-share)+to.Left*share, from.Right*(1-share)+to.Right*share
			if i >= change+fade {
				k++
				left, right, change = to.Left, to.Right, next(k)
			}
		}
		out[i] = sample(left*float64(pcm[2*i]) + right*float64(pcm[2*i+1]))
	}
	return out, nil
}

// Track makes the sound of one channel, 0 for left and 1 for right, without what leaks into it. It
// is an error of the caller to ask it of channels that are not separate.
func (d Decision) Track(pcm []int16, channel int) ([]int16, error) {
	if d.Used != Separate || channel < 0 || channel > 1 {
		return nil, fmt.Errorf("channels: track %d of channels that are %s", channel, d.Used)
	}
	gate := d.gates[channel]
	out := make([]int16, len(pcm)/2)
	for i := range out {
		// The middle of frame t is sample (t+1)*hopSamples; between them gains are interpolated.
		t, share := i/hopSamples-1, float64(i%hopSamples)/hopSamples
		one, two := gate[min(max(t, 0), len(gate)-1)], gate[min(max(t+1, 0), len(gate)-1)]
		out[i] = sample((float64(one)*(1-share) + float64(two)*share) * float64(pcm[2*i+channel]))
	}
	return out, nil
}

func sample(v float64) int16 { return int16(math.RoundToEven(min(max(v, -32768), 32767))) }
