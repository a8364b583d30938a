package campplus

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"testing"

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
	e := New(installed.Voice(dir), installed.CAMPlus(dir), copies)
	t.Cleanup(func() { _ = e.Close() })
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

func TestEmbeddingsAreThoseOfThePublishedNetwork(t *testing.T) {
	e := embedder(t, 1)
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
	got, err := e.Embed(t.Context(), sound(8*audio.SampleRate), windows)
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range reference.Windows {
		if c := cosine(got[i], w.Embedding); c < 0.9999 {
			t.Errorf("%v: cosine %.6f with the reference", windows[i], c)
		}
		if n := cosine(got[i], got[i]); math.Abs(n-1) > 1e-6 {
			t.Errorf("%v: not of length 1", windows[i])
		}
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
			e := New("/none", "/none", 1)
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
	if _, err := New("/none", "/none", 1).Embed(t.Context(), sound(audio.SampleRate), []audio.Span{{StartMs: 0, EndMs: 1000}}); !errors.Is(err, os.ErrNotExist) {
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
