package diarization

import (
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"parley/infra/measure/corpus"
	"parley/shared/speech/audio"
	"parley/shared/speech/embedder/campplus"
	"parley/shared/speech/installed"
)

// The shared recordings: interviews, and short utterances of many speakers (speechocean762), from
// which conversations of any kind are composed.

// data is the folder of the shared recordings beside the repository, and a decoder. The test is
// skipped where either is not there.
func data(t *testing.T) (string, audio.Decoder) {
	t.Helper()
	dir, err := corpus.Data()
	if err != nil {
		t.Skip("the shared recordings are not beside the repository: ", err)
	}
	if err := installed.Missing(installed.Dir(), installed.FFmpegFile); err != nil {
		t.Skip(err)
	}
	return dir, audio.Decoder{FFmpeg: installed.FFmpeg(installed.Dir())}
}

// network is what the product asks of voices. The test is skipped where it is not there.
func network(t *testing.T) Voices {
	t.Helper()
	dir := installed.Dir()
	if err := installed.Missing(dir, installed.LayerFiles(installed.LayerVoices)...); err != nil {
		t.Skip(err)
	}
	e := campplus.New(installed.Voice(dir), installed.CAMPlus(dir), installed.Segmentation(dir), 1)
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// person is one speaker of the corpus.
type person struct {
	id         string
	group      string // gender and age group: those of one group are hard to tell apart
	utterances [][]int16
}

// people reads every step-th speaker, beginning with the first-th.
func people(t *testing.T, first, step int) []person {
	t.Helper()
	dir, decoder := data(t)
	rated, err := corpus.Speakers(dir)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the corpus of short utterances is not there")
	}
	if err != nil {
		t.Fatal(err)
	}
	var out []person
	for i := first; i < len(rated); i += step {
		p := person{id: rated[i].ID, group: rated[i].Group()}
		for _, u := range rated[i].Utterances {
			pcm, err := decoder.Decode(t.Context(), u.Audio)
			if err != nil {
				t.Fatal(err)
			}
			p.utterances = append(p.utterances, pcm)
		}
		out = append(out, p)
	}
	return out
}

// composition says how a conversation is put together and what is done to its sound.
type composition struct {
	seconds int
	short   bool    // everyone but the first answers with a second or two
	equal   bool    // all at the same loudness
	phone   bool    // 300 to 3400 Hz
	snrDb   float64 // of added noise, 0 for none
}

// compose lets the people take turns; which speaker says what is in turns.
func (c composition) compose(r *rand.Rand, people []person) (pcm []int16, truth []Turn) {
	order := make([][]int, len(people))
	next := make([]int, len(people))
	for i, p := range people {
		order[i] = r.Perm(len(p.utterances))
	}
	pcm = hush(r, pcm, 300)
	for who := 0; len(pcm) < c.seconds*audio.SampleRate; {
		for range 1 + r.IntN(3) {
			x := people[who].utterances[order[who][next[who]%len(order[who])]]
			next[who]++
			if spoken := spans(x); c.short && who > 0 && len(spoken) > 0 {
				from := int(spoken[0].StartMs) * audio.SampleRate / 1000
				x = x[from:min(len(x), from+(700+r.IntN(1200))*audio.SampleRate/1000)]
			}
			gain := 1.0
			if c.equal {
				gain = math.Pow(10, (-22-loud(x))/20)
			}
			from := int64(len(pcm)) * 1000 / audio.SampleRate
			for _, v := range x {
				pcm = append(pcm, clip(float64(v)*gain))
			}
			truth = append(truth, Turn{who, audio.Span{StartMs: from, EndMs: int64(len(pcm)) * 1000 / audio.SampleRate}})
			pcm = hush(r, pcm, 100+r.IntN(600))
			if c.short && who > 0 {
				break
			}
		}
		if len(people) > 1 {
			who = (who + 1 + r.IntN(len(people)-1)) % len(people)
		}
	}
	c.degrade(r, pcm)
	return pcm, truth
}

// degrade does to a sound what the composition says.
func (c composition) degrade(r *rand.Rand, pcm []int16) {
	if c.phone {
		band(pcm)
	}
	if c.snrDb > 0 {
		level := math.Pow(10, (loud(pcm)-c.snrDb)/20) * 32768
		slow := 0.0
		for i, v := range pcm {
			w := r.NormFloat64()
			slow = 0.95*slow + 0.3*w
			pcm[i] = clip(float64(v) + level*0.7*(slow+0.3*w))
		}
	}
}

func clip(v float64) int16 { return int16(math.Max(-32767, math.Min(32767, v))) }

// loud is the level of the loud tenth of the frames, in dB.
func loud(pcm []int16) float64 {
	var e []float64
	for i := 0; i+frameLen <= len(pcm); i += frameLen {
		e = append(e, levelDb(pcm[i:i+frameLen]))
	}
	slices.Sort(e)
	return e[len(e)*9/10]
}

// band leaves 300 to 3400 Hz: a windowed sinc of 81 taps.
func band(pcm []int16) {
	const taps = 81
	var h [taps]float64
	for i := range h {
		t := float64(i - taps/2)
		sinc := func(hz float64) float64 {
			if t == 0 {
				return 2 * hz / audio.SampleRate
			}
			return math.Sin(2*math.Pi*hz/audio.SampleRate*t) / (math.Pi * t)
		}
		h[i] = (sinc(3400) - sinc(300)) * (0.54 - 0.46*math.Cos(2*math.Pi*float64(i)/(taps-1)))
	}
	in := slices.Clone(pcm)
	for i := range pcm {
		sum := 0.0
		for k := max(0, taps/2-i); k < min(taps, len(in)+taps/2-i); k++ {
			sum += h[k] * float64(in[i+k-taps/2])
		}
		pcm[i] = clip(sum)
	}
}

// spans is a plain cut into speech and silence: 35 dB below the loudest and a quarter up from the
// floor, pauses of 250 ms.
func spans(pcm []int16) []audio.Span {
	n := len(pcm)/frameHop - 2
	if n <= 0 {
		return nil
	}
	e := make([]float64, n)
	for i := range e {
		e[i] = levelDb(pcm[i*frameHop : i*frameHop+frameLen])
	}
	sorted := slices.Clone(e)
	slices.Sort(sorted)
	high, low := sorted[n*99/100], sorted[n*5/100]
	threshold := math.Max(high-35, low+(high-low)/4)
	var out []audio.Span
	for i := 0; i < n; i++ {
		if e[i] < threshold {
			continue
		}
		last := i
		for k := i; k < n && k-last <= 25; k++ {
			if e[k] >= threshold {
				last = k
			}
		}
		if last-i >= 10 {
			out = append(out, audio.Span{StartMs: int64(max(0, i-5)) * hopMs, EndMs: int64(min(n, last+6)) * hopMs})
		}
		i = last
	}
	return out
}
