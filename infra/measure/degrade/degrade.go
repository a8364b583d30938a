// Package degrade holds what makes a clean recording worse as rooms, microphones and lines do, for
// the commands that measure how much that matters. Everything is computed from fixed seeds: the
// same samples give the same samples. Only codecs are ffmpeg's (Codec).
package degrade

import (
	"math"
	"math/rand/v2"

	"parley/shared/speech/audio"
)

// Telephone is the kernel, 2 half + 1 samples long at 16 kHz, of a filter that keeps 300 to 3400
// Hz: the difference of two sincs in a Hamming window.
func Telephone(half int) []float64 {
	kernel := make([]float64, 2*half+1)
	for i := range kernel {
		t := float64(i - half)
		low := func(hz float64) float64 {
			f := 2 * hz / audio.SampleRate
			if t == 0 {
				return f
			}
			return math.Sin(math.Pi*f*t) / (math.Pi * t)
		}
		kernel[i] = (low(3400) - low(300)) * (0.54 + 0.46*math.Cos(math.Pi*t/float64(half)))
	}
	return kernel
}

// Filter convolves samples with a kernel of odd length whose middle is at 0. Beyond both ends there
// is silence.
func Filter(x []int16, kernel []float64) []float64 {
	out, half := make([]float64, len(x)), len(kernel)/2
	for i := range out {
		for k := max(-half, i-len(x)+1); k <= min(half, i); k++ {
			out[i] += kernel[half+k] * float64(x[i-k])
		}
	}
	return out
}

// Pink returns n samples of pink noise (Kellet's filter), the same at each call, and the sum of
// their squares.
func Pink(n int) (noise []float64, power float64) {
	rng := rand.New(rand.NewPCG(15, 0))
	noise = make([]float64, n)
	var b0, b1, b2 float64
	for i := range noise {
		w := rng.NormFloat64()
		b0 = 0.99765*b0 + w*0.0990460
		b1 = 0.96300*b1 + w*0.2965164
		b2 = 0.57000*b2 + w*1.0526913
		noise[i] = b0 + b1 + b2 + w*0.1848
		power += noise[i] * noise[i]
	}
	return noise, power
}

// White is n samples of white noise, the same at each call.
func White(n int) []float64 {
	rng := rand.New(rand.NewPCG(16, 0))
	noise := make([]float64, n)
	for i := range noise {
		noise[i] = rng.NormFloat64()
	}
	return noise
}

// Talkers is how many people talk at once at the next table, in the measurements that have Babble.
const Talkers = 6

// Babble is n samples of several people who talk at once: the recordings of talkers, each over and
// over from another place on, at the same level.
func Babble(n int, talkers [][]int16) []float64 {
	noise := make([]float64, n)
	for k, t := range talkers {
		if len(t) == 0 {
			continue
		}
		gain := 1 / math.Sqrt(max(power(floats(t))/float64(len(t)), 1))
		from := k * len(t) / len(talkers)
		for i := range noise {
			noise[i] += gain * float64(t[(from+i)%len(t)])
		}
	}
	return noise
}

// Mix adds noise db below the level of the samples.
func Mix(x []int16, noise []float64, db float64) []int16 {
	gain := math.Sqrt(power(floats(x))/max(power(noise), 1e-9)) * math.Pow(10, -db/20)
	out := floats(x)
	for i := range out {
		out[i] += gain * noise[i]
	}
	return Samples(out)
}

// WithWhite is what adds white noise db below the level of a recording.
func WithWhite(db float64) func(x []int16) []int16 {
	return func(x []int16) []int16 { return Mix(x, White(len(x)), db) }
}

// WithBabble is what adds the talk of others db below the level of a recording.
func WithBabble(talkers [][]int16, db float64) func(x []int16) []int16 {
	return func(x []int16) []int16 { return Mix(x, Babble(len(x), talkers), db) }
}

// Room is a room of the reverberation time rt60, s: sparse echoes that die away by 60 dB in it,
// together ratioDb below the sound itself.
func Room(x []int16, rt60, ratioDb float64) []int16 {
	rng := rand.New(rand.NewPCG(4, 0))
	type echo struct {
		at   int
		gain float64
	}
	var echoes []echo
	var energy float64
	n := int(rt60 * audio.SampleRate)
	for at := 80; at < n; at += 8 + rng.IntN(24) {
		g := math.Pow(10, -3*float64(at)/float64(n))
		if rng.IntN(2) == 0 {
			g = -g
		}
		echoes = append(echoes, echo{at, g})
		energy += g * g
	}
	scale := math.Sqrt(math.Pow(10, -ratioDb/10) / energy)
	out := make([]float64, len(x))
	for i := range out {
		out[i] = float64(x[i])
		for _, e := range echoes {
			if i < e.at {
				break
			}
			out[i] += scale * e.gain * float64(x[i-e.at])
		}
	}
	return Samples(out)
}

// Gain is an automatic gain: it turns down at once and up by RiseDb a second, by MostDb at most,
// towards the level of the loud parts of what it is given.
type Gain struct{ RiseDb, MostDb float64 }

// The gains of the table: a fast one, as in a conference phone, and a slow one, as in a recorder.
var (
	Fast = Gain{RiseDb: 60, MostDb: 16}
	Slow = Gain{RiseDb: 12, MostDb: 25}
)

// Apply sends samples through the gain.
func (g Gain) Apply(x []int16) []int16 {
	const hop, window = audio.SampleRate / 100, audio.SampleRate / 20
	level := make([]float64, len(x)/hop+1)
	var loudest float64
	for k := range level {
		from, to := max(0, k*hop-window/2), min(len(x), k*hop+window/2)
		level[k] = math.Sqrt(power(floats(x[from:to])) / float64(max(1, to-from)))
		loudest = max(loudest, level[k])
	}
	target, most, step := loudest/2, math.Pow(10, g.MostDb/20), math.Pow(10, g.RiseDb/100/20)
	out := make([]float64, len(x))
	now := 1.0
	for k, l := range level {
		want := min(target/max(l, 1), most)
		next := min(want, now*step)
		for i := k * hop; i < min((k+1)*hop, len(x)); i++ {
			share := float64(i-k*hop) / hop
			out[i] = float64(x[i]) * (now + (next-now)*share)
		}
		now = next
	}
	return Samples(out)
}

// Gate is a noise gate: what lies more than downDb below the loudest 50 ms becomes digital silence,
// a tenth of a second after the last louder moment.
func Gate(x []int16, downDb float64) []int16 {
	const hop = audio.SampleRate / 20
	var loudest float64
	level := make([]float64, len(x)/hop+1)
	for k := range level {
		part := x[min(k*hop, len(x)):min((k+1)*hop, len(x))]
		level[k] = math.Sqrt(power(floats(part)) / float64(max(1, len(part))))
		loudest = max(loudest, level[k])
	}
	bound := loudest * math.Pow(10, -downDb/20)
	out := make([]int16, len(x))
	open := 0
	for k, l := range level {
		if open--; l >= bound {
			open = 2
		}
		if open > 0 {
			copy(out[min(k*hop, len(x)):min((k+1)*hop, len(x))], x[min(k*hop, len(x)):])
		}
	}
	return out
}

// Level brings the loudest sample to db below full scale.
func Level(x []int16, db float64) []int16 {
	var peak float64
	for _, v := range x {
		peak = max(peak, math.Abs(float64(v)))
	}
	gain := 32767 * math.Pow(10, -db/20) / max(peak, 1)
	out := floats(x)
	for i := range out {
		out[i] *= gain
	}
	return Samples(out)
}

// Samples rounds to whole samples and cuts at full scale.
func Samples(x []float64) []int16 {
	out := make([]int16, len(x))
	for i, v := range x {
		out[i] = int16(max(-32768, min(32767, math.Round(v))))
	}
	return out
}

func floats(x []int16) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// power is the sum of squares.
func power(x []float64) (sum float64) {
	for _, v := range x {
		sum += v * v
	}
	return sum
}
