package diarization

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"parley/shared/speech/audio"
)

// noise adds ms of noise as loud as quiet speech, as an automatic gain brings it up.
func noise(r *rand.Rand, pcm []int16, ms int) []int16 {
	for range ms * audio.SampleRate / 1000 {
		pcm = append(pcm, int16(900*r.NormFloat64()))
	}
	return pcm
}

func TestWhatHasNoPitchIsNoSpeech(t *testing.T) {
	const second = 1000
	length := func(pcm []int16) int64 { return int64(len(pcm)) * 1000 / audio.SampleRate }
	r := rand.New(rand.NewPCG(5, 3))
	// voice, then noise, then voice, all of it taken for speech by its energy
	around := func(ms int) (pcm []int16, at audio.Span) {
		pcm = low.say(r, nil, 3*second)
		from := length(pcm)
		pcm = noise(r, pcm, ms)
		at = audio.Span{StartMs: from, EndMs: length(pcm)}
		return high.say(r, pcm, 3*second), at
	}
	for _, tt := range []struct {
		name string
		ms   int
		kept bool // in one piece
	}{
		{"a pause full of noise is cut out", 2 * second, false},
		{"a hiss as long as a run of consonants stays", 250, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pcm, gap := around(tt.ms)
			whole := audio.Span{EndMs: length(pcm)}
			got, err := spoken(t.Context(), pcm, []audio.Span{whole})
			if err != nil {
				t.Fatal(err)
			}
			if tt.kept {
				if !slices.Equal(got, []audio.Span{whole}) {
					t.Errorf("%v of %v", got, whole)
				}
				return
			}
			// within besideMs and two looks
			if len(got) != 2 || got[0].EndMs > gap.StartMs+besideMs+2*voicingHopMs || got[1].StartMs < gap.EndMs-besideMs-2*voicingHopMs ||
				got[0].EndMs < gap.StartMs-besideMs || got[1].StartMs > gap.EndMs+besideMs {
				t.Errorf("%v, with noise in %v", got, gap)
			}
		})
	}
	t.Run("noise alone is nobody's", func(t *testing.T) {
		pcm := noise(r, nil, 5*second)
		if got, err := spoken(t.Context(), pcm, []audio.Span{{EndMs: length(pcm)}}); err != nil || len(got) != 0 {
			t.Errorf("%v, %v", got, err)
		}
	})
	t.Run("a short word stays, whatever its sounds", func(t *testing.T) {
		pcm := noise(r, nil, 400)
		if got, err := spoken(t.Context(), pcm, []audio.Span{{EndMs: 400}}); err != nil || len(got) != 1 {
			t.Errorf("%v, %v", got, err)
		}
	})
	t.Run("it ends with its context", func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if _, err := spoken(ctx, nil, []audio.Span{{EndMs: 400}}); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// Ensure that noise in the pauses makes no third voice of two.
func TestNoiseInThePausesIsNoVoice(t *testing.T) {
	pcm, truth, speech := talk(11, []voice{low, high}, []int{6000, 9000}, 90_000)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range pcm {
		if pcm[i] >= -3 && pcm[i] <= 3 { // the pauses are hushed
			pcm[i] = int16(900 * r.NormFloat64())
		}
	}
	all := []audio.Span{{StartMs: speech[0].StartMs, EndMs: speech[len(speech)-1].EndMs}}
	d, err := Diarize(t.Context(), pcm, all, oracle(truth))
	if err != nil {
		t.Fatal(err)
	}
	if d.Speakers != 2 {
		t.Errorf("%d voices", d.Speakers)
	}
}
