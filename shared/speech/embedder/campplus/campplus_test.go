package campplus

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"slices"
	"testing"

	"parley/infra/measure/corpus"
	"parley/shared/process"
	"parley/shared/speech/audio"
	"parley/shared/speech/installed"
)

var _ interface {
	Embed(context.Context, []int16, []audio.Span) ([][]float32, error)
} = (*Embedder)(nil)

func embedder(t *testing.T, copies int) *Embedder {
	t.Helper()
	dir := installed.Dir()
	if err := installed.Missing(dir, installed.LayerFiles("voices")...); err != nil {
		t.Skip(err)
	}
	e := New(installed.Voice(dir), installed.CAMPlus(dir), installed.Segmentation(dir), copies)
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// exact describes voices in floats, as the network was published.
func exact(t *testing.T) *Embedder {
	t.Helper()
	e, dir := embedder(t, 1), installed.Dir()
	e.programs = process.NewPool(1, installed.Voice(dir), []string{installed.CAMPlus(dir), installed.Segmentation(dir), "plain"}, process.Limits{Memory: memory, File: 1}, maxAnswer)
	return e
}

// sound is a sawtooth of changing pitch and loudness in noise, in whole numbers alone.
func sound(samples int) []int16 {
	out := make([]int16, samples)
	seed := uint32(1)
	for i := range out {
		seed = seed*1664525 + 1013904223
		hz := 110 + i/4000%5*23
		saw := i*hz%16000 - 8000
		gain := 20 + i/800%37
		out[i] = int16(int(math.Floor(float64(saw*gain)/64)) + int(seed>>20) - 2048)
	}
	return out
}

func cosine(a, b []float32) float64 {
	sum, x, y := 0.0, 0.0, 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
		x += float64(a[i]) * float64(a[i])
		y += float64(b[i]) * float64(b[i])
	}
	return sum / math.Sqrt(x*y)
}

// Ensure that in floats the embeddings are those of the published network, and that in whole
// numbers they are near: closer by far than two windows of one voice, whose cosine is 0.6 to 0.9.
func TestEmbeddingsAreThoseOfThePublishedNetwork(t *testing.T) {
	b, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var reference struct {
		Windows []struct {
			StartMs, EndMs int64
			Embedding      []float32
		}
	}
	if err := json.Unmarshal(b, &reference); err != nil {
		t.Fatal(err)
	}
	var windows []audio.Span
	for _, w := range reference.Windows {
		windows = append(windows, audio.Span{StartMs: w.StartMs, EndMs: w.EndMs})
	}
	for name, c := range map[string]struct {
		embedder *Embedder
		least    float64
	}{"in floats": {exact(t), 0.9999}, "in whole numbers": {embedder(t, 1), 0.98}} {
		t.Run(name, func(t *testing.T) {
			got, err := c.embedder.Embed(t.Context(), sound(8*audio.SampleRate), windows)
			if err != nil {
				t.Fatal(err)
			}
			for i, w := range reference.Windows {
				if near := cosine(got[i], w.Embedding); near < c.least {
					t.Errorf("%v: cosine %.6f with the reference", windows[i], near)
				}
				if n := cosine(got[i], got[i]); math.Abs(n-1) > 1e-6 {
					t.Errorf("%v: not of length 1", windows[i])
				}
			}
		})
	}
}

func TestAWindowIsDescribedAlikeWhateverIsAskedBesides(t *testing.T) {
	pcm := sound(90 * audio.SampleRate)
	var windows []audio.Span
	for at := int64(0); at+1460 <= 90_000; at += 730 {
		windows = append(windows, audio.Span{StartMs: at, EndMs: at + 1460})
	}
	one, two := embedder(t, 1), embedder(t, 2)
	together, err := two.Embed(t.Context(), pcm, windows)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, 17, len(windows) - 1} {
		alone, err := one.Embed(t.Context(), pcm, windows[i:i+1])
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(alone[0], together[i]) {
			t.Errorf("window %d has other numbers alone", i)
		}
	}
}

func TestSilenceIsDescribedInFiniteNumbers(t *testing.T) {
	got, err := embedder(t, 1).Embed(t.Context(), make([]int16, audio.SampleRate), []audio.Span{{StartMs: 0, EndMs: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range got[0] {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			t.Fatalf("%v", v)
		}
	}
}

func TestWindowsOutOfBoundsAreRefused(t *testing.T) {
	pcm := sound(25 * audio.SampleRate)
	for name, c := range map[string]struct {
		windows []audio.Span
		fails   bool
	}{
		"none":                     {nil, false},
		"the shortest":             {[]audio.Span{{StartMs: 0, EndMs: 200}}, false},
		"one too short":            {[]audio.Span{{StartMs: 0, EndMs: 199}}, true},
		"the longest":              {[]audio.Span{{StartMs: 0, EndMs: 20_000}}, false},
		"one too long":             {[]audio.Span{{StartMs: 0, EndMs: 20_001}}, true},
		"up to the end":            {[]audio.Span{{StartMs: 24_000, EndMs: 25_000}}, false},
		"past the end":             {[]audio.Span{{StartMs: 24_000, EndMs: 25_001}}, true},
		"before the start":         {[]audio.Span{{StartMs: -1, EndMs: 1000}}, true},
		"out of order":             {[]audio.Span{{StartMs: 1000, EndMs: 2000}, {StartMs: 999, EndMs: 2000}}, true},
		"more than one call takes": {make([]audio.Span, maxWindows+1), true},
	} {
		t.Run(name, func(t *testing.T) {
			e := New("/none", "/none", "/none", 1)
			if !c.fails {
				e = embedder(t, 1)
			}
			got, err := e.Embed(t.Context(), pcm, c.windows)
			if (err != nil) != c.fails || !c.fails && len(got) != len(c.windows) {
				t.Errorf("%d embeddings, %v", len(got), err)
			}
		})
	}
}

func TestAMissingProgramIsAnError(t *testing.T) {
	if _, err := New("/none", "/none", "/none", 1).Embed(t.Context(), sound(audio.SampleRate), []audio.Span{{StartMs: 0, EndMs: 1000}}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestEmbeddingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := embedder(t, 1).Embed(ctx, sound(audio.SampleRate), []audio.Span{{StartMs: 0, EndMs: 1000}}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

var eer = flag.Bool("eer", false, "measure the equal error rate on the speakers of speechocean762 (2 minutes of a processor)")

// TestEqualErrorRate measures how well embeddings tell speakers apart that the network has never
// seen: six clips of each of the 48 speakers of speechocean762, every pair of clips. Of a clip,
// whole or the loudest window of it; the telephone passes 300 to 3400 Hz.
func TestEqualErrorRate(t *testing.T) {
	if !*eer {
		t.Skip("without -eer")
	}
	data, err := corpus.Data()
	if err != nil {
		t.Skip(err)
	}
	speakers, err := corpus.Speakers(data)
	if err != nil {
		t.Fatal(err)
	}
	e := embedder(t, 1)
	const clips = 6
	decoder := audio.Decoder{FFmpeg: installed.FFmpeg(installed.Dir())}
	found := map[string][][]float32{}
	whose := map[string][]string{}
	for _, s := range speakers {
		for k := range min(clips, len(s.Utterances)) {
			u := s.Utterances[k*len(s.Utterances)/clips]
			pcm, err := decoder.Decode(t.Context(), u.Audio)
			if err != nil {
				t.Fatal(err)
			}
			pcm = trimmed(pcm)
			whole := audio.Span{StartMs: 0, EndMs: min(int64(len(pcm))/perMs, 20_000)}
			if whole.Len() < 615 {
				continue
			}
			window := loudest(pcm, whole, 1510)
			for name, c := range map[string]struct {
				pcm  []int16
				span audio.Span
			}{
				"whole clips":           {pcm, whole},
				"1.5 s":                 {pcm, window},
				"1.5 s, telephone band": {telephone(pcm), window},
			} {
				v, err := e.Embed(t.Context(), c.pcm, []audio.Span{c.span})
				if err != nil {
					t.Fatal(err)
				}
				found[name] = append(found[name], v[0])
				whose[name] = append(whose[name], s.ID)
			}
		}
	}
	for name, most := range map[string]float64{"whole clips": 4, "1.5 s": 5, "1.5 s, telephone band": 7} {
		rate := equalErrorRate(found[name], whose[name])
		t.Logf("%s: equal error rate %.2f %%, %d speakers, %d clips", name, rate, len(speakers), len(whose[name]))
		if rate > most {
			t.Errorf("%s: more than %.0f %%", name, most)
		}
	}
}

// trimmed is a clip without what is 20 dB below its loudest 100 ms at either end.
func trimmed(pcm []int16) []int16 {
	const hop = audio.SampleRate / 10
	var power []float64
	for i := 0; i+hop <= len(pcm); i += hop {
		sum := 0.0
		for _, v := range pcm[i : i+hop] {
			sum += float64(v) * float64(v)
		}
		power = append(power, sum)
	}
	loud := func(p float64) bool { return p > slices.Max(power)/100 }
	from := slices.IndexFunc(power, loud)
	to := len(power)
	for !loud(power[to-1]) {
		to--
	}
	return pcm[from*hop : to*hop]
}

// loudest is the window of so many milliseconds with the highest mean level, in decibels so that no
// pause hides in it; or all there is.
func loudest(pcm []int16, whole audio.Span, ms int64) audio.Span {
	var level []float64
	for at := int64(0); at+10 <= whole.EndMs; at += 10 {
		sum := 1.0
		for _, v := range pcm[at*perMs : (at+10)*perMs] {
			sum += float64(v) * float64(v)
		}
		level = append(level, math.Log(sum))
	}
	best, most := whole, math.Inf(-1)
	n := int(ms / 10)
	for i := 0; i+n <= len(level); i++ {
		sum := 0.0
		for _, l := range level[i : i+n] {
			sum += l
		}
		if sum > most {
			best, most = audio.Span{StartMs: int64(i) * 10, EndMs: int64(i)*10 + ms}, sum
		}
	}
	return best
}

// telephone passes 300 to 3400 Hz: Butterworth filters of order 4 as two sections each (the audio
// cookbook of R. Bristow-Johnson).
func telephone(pcm []int16) []int16 {
	x := make([]float64, len(pcm))
	for i, v := range pcm {
		x[i] = float64(v)
	}
	for _, c := range []struct {
		hz, q float64
		high  bool
	}{{300, 0.5412, true}, {300, 1.3066, true}, {3400, 0.5412, false}, {3400, 1.3066, false}} {
		w := 2 * math.Pi * c.hz / audio.SampleRate
		cos, alpha := math.Cos(w), math.Sin(w)/(2*c.q)
		b0, b1 := (1-cos)/2, 1-cos
		if c.high {
			b0, b1 = (1+cos)/2, -(1 + cos)
		}
		var x1, x2, y1, y2 float64
		for i, v := range x {
			y := (b0*v + b1*x1 + b0*x2 + 2*cos*y1 - (1-alpha)*y2) / (1 + alpha)
			x2, x1, y2, y1 = x1, v, y1, y
			x[i] = y
		}
	}
	out := make([]int16, len(x))
	for i, v := range x {
		out[i] = int16(max(-32768, min(32767, math.Round(v))))
	}
	return out
}

// equalErrorRate is where as many pairs of one speaker are taken for two as pairs of two are taken
// for one, in percent.
func equalErrorRate(v [][]float32, who []string) float64 {
	type pair struct {
		score float64
		same  bool
	}
	var all []pair
	same := 0
	for i := range v {
		for j := range i {
			p := pair{cosine(v[i], v[j]), who[i] == who[j]}
			if p.same {
				same++
			}
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b pair) int { return cmp.Compare(b.score, a.score) })
	accepted, rate, least := 0, 100.0, math.Inf(1)
	for i, p := range all {
		if p.same {
			accepted++
		}
		falseAlarm := float64(i+1-accepted) / float64(len(all)-same)
		missed := 1 - float64(accepted)/float64(same)
		if d := math.Abs(falseAlarm - missed); d < least {
			least, rate = d, 50*(falseAlarm+missed)
		}
	}
	return rate
}
