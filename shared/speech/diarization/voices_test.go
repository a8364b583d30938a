package diarization

import (
	"context"
	"math"
	"math/rand/v2"

	"parley/shared/speech/audio"
)

// voice is a synthetic speaker: pulses of a pitch through three formants of a vocal tract of a
// length.
type voice struct {
	pitchHz float64
	tract   float64 // scales the formants: 1 for a man's, 1.17 for a woman's
	tilt    float64 // of the glottal pulse, a pole from 0 to 1: how dark the voice is
}

var (
	low  = voice{pitchHz: 105, tract: 1, tilt: 0.95}
	high = voice{pitchHz: 205, tract: 1.17, tilt: 0.85}
	mid  = voice{pitchHz: 150, tract: 0.88, tilt: 0.6}
)

// The formants of the vowels of an American man, in Hz (Peterson & Barney 1952).
var vowels = [][3]float64{
	{270, 2290, 3010}, {390, 1990, 2550}, {530, 1840, 2480}, {660, 1720, 2410}, {730, 1090, 2440},
	{570, 840, 2410}, {440, 1020, 2240}, {300, 870, 2240}, {640, 1190, 2390}, {490, 1350, 1690},
}

// say adds ms of syllables to pcm: vowels of 120 to 280 ms with hisses between them.
func (v voice) say(r *rand.Rand, pcm []int16, ms int) []int16 {
	end := len(pcm) + ms*audio.SampleRate/1000
	var y1, y2 [3]float64
	source, phase := 0.0, 0.0
	for len(pcm) < end {
		n := (120 + r.IntN(160)) * audio.SampleRate / 1000
		vowel := vowels[r.IntN(len(vowels))]
		pitch := v.pitchHz * (0.9 + 0.2*r.Float64())
		var a, b, gain [3]float64
		for i, hz := range vowel {
			width := 60 + 0.05*hz
			rho := math.Exp(-math.Pi * width / audio.SampleRate)
			a[i] = 2 * rho * math.Cos(2*math.Pi*hz*v.tract/audio.SampleRate)
			b[i] = -rho * rho
			gain[i] = (1 - rho) / float64(1+i)
		}
		for t := 0; t < n && len(pcm) < end; t++ {
			phase += pitch * (1 - 0.1*float64(t)/float64(n)) / audio.SampleRate
			pulse := 0.002 * r.NormFloat64()
			if phase >= 1 {
				phase--
				pulse++
			}
			source = v.tilt*source + pulse
			out := 0.0
			for i := range a {
				y := gain[i]*source + a[i]*y1[i] + b[i]*y2[i]
				y2[i], y1[i] = y1[i], y
				out += y
			}
			shape := math.Sin(math.Pi * float64(t) / float64(n))
			pcm = append(pcm, int16(math.Max(-30000, math.Min(30000, 30000*out*math.Sqrt(shape)))))
		}
		before := 0.0
		for t := 0; t < (30+r.IntN(50))*audio.SampleRate/1000 && len(pcm) < end; t++ {
			w := r.NormFloat64()
			pcm = append(pcm, int16(300*(w-0.9*before*v.tract)))
			before = w
		}
	}
	return pcm
}

func hush(r *rand.Rand, pcm []int16, ms int) []int16 {
	for range ms * audio.SampleRate / 1000 {
		pcm = append(pcm, int16(r.IntN(7)-3))
	}
	return pcm
}

// talk lets the voices take turns, of the given lengths in ms, until the recording is ms long. It
// returns the recording, the turns, and the speech that a perfect voice activity detection finds.
func talk(seed uint64, voices []voice, lengths []int, ms int) ([]int16, []Turn, []audio.Span) {
	r := rand.New(rand.NewPCG(seed, 7))
	var pcm []int16
	var turns []Turn
	var speech []audio.Span
	pcm = hush(r, pcm, 500)
	for i := 0; len(pcm) < ms*audio.SampleRate/1000; i++ {
		from := int64(len(pcm) * 1000 / audio.SampleRate)
		length := lengths[i%len(lengths)]
		for said := 0; said < length; {
			part := min(length-said, 1500+r.IntN(2000))
			at := int64(len(pcm) * 1000 / audio.SampleRate)
			pcm = voices[i%len(voices)].say(r, pcm, part)
			to := int64(len(pcm) * 1000 / audio.SampleRate)
			speech = append(speech, audio.Span{StartMs: at, EndMs: to})
			said += part
			pcm = hush(r, pcm, 300+r.IntN(300))
		}
		turns = append(turns, Turn{i % len(voices), audio.Span{StartMs: from, EndMs: speech[len(speech)-1].EndMs}})
	}
	return pcm, turns, speech
}

// embedded is an Embedder without a network.
type embedded func(windows []audio.Span) ([][]float32, error)

func (e embedded) Embed(ctx context.Context, _ []int16, windows []audio.Span) ([][]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return e(windows)
}

// Listen hears one speaker all the time.
func (e embedded) Listen(ctx context.Context, _ []int16, starts []int) ([][]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return quiet(len(starts)), nil
}

// quiet is what is heard in so many windows where the first speaker speaks all the time.
func quiet(windows int) [][]byte {
	out := make([][]byte, windows)
	for i := range out {
		out[i] = make([]byte, ListenFrames*ListenClasses)
		for t := range ListenFrames {
			out[i][t*ListenClasses+1] = 255
		}
	}
	return out
}

// oracle knows who speaks, and scatters as the network does: two windows of one voice have a cosine
// of about 0.6, of two voices 0.
func oracle(truth []Turn) embedded {
	return func(windows []audio.Span) ([][]float32, error) {
		out := make([][]float32, len(windows))
		for i, w := range windows {
			r := rand.New(rand.NewPCG(uint64(w.StartMs), uint64(w.EndMs)))
			v := make([]float32, 64)
			for d := range v {
				v[d] = float32(0.1 * r.NormFloat64())
			}
			v[len(v)-1]++ // the room
			for _, t := range truth {
				if both := min(t.EndMs, w.EndMs) - max(t.StartMs, w.StartMs); both > 0 {
					share := float32(both) / float32(w.Len())
					v[t.Speaker] += share
					v[len(v)-1] -= share
				}
			}
			unit(v)
			out[i] = v
		}
		return out, nil
	}
}

func unit(v []float32) {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	for d := range v {
		v[d] /= float32(math.Sqrt(sum))
	}
}
