package campplus

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"parley/infra/measure/corpus"
	"parley/shared/speech/audio"
	"parley/shared/speech/diarization"
	"parley/shared/speech/installed"
)

var _ diarization.Voices = (*Embedder)(nil)

// sample is the interview that comes with the repository.
func sample(t *testing.T) []int16 {
	t.Helper()
	if err := installed.Missing(installed.Dir(), installed.FFmpegFile); err != nil {
		t.Skip(err)
	}
	root, err := corpus.Root()
	if err != nil {
		t.Fatal(err)
	}
	pcm, err := audio.Decoder{FFmpeg: installed.FFmpeg(installed.Dir())}.Decode(t.Context(), filepath.Join(root, "infra", "sample", "interview.opus"))
	if err != nil {
		t.Fatal(err)
	}
	return pcm
}

// TestSpeakersAreThoseOfThePublishedNetwork compares with segmentation-3.0 in single floats, as its
// published architecture says: one window of the sample, and the half sum of two of its windows, in
// which two speak at once.
func TestSpeakersAreThoseOfThePublishedNetwork(t *testing.T) {
	e := embedder(t, 1)
	pcm := sample(t)
	b, err := os.ReadFile("testdata/segmentation.json")
	if err != nil {
		t.Fatal(err)
	}
	var reference struct {
		Windows []struct {
			FirstSecond  int
			SecondSecond *int
			Every        int
			Classes      [][]float64
		}
	}
	if err := json.Unmarshal(b, &reference); err != nil {
		t.Fatal(err)
	}
	for _, w := range reference.Windows {
		at := func(second int) []int16 { return pcm[second*audio.SampleRate : (second+10)*audio.SampleRate] }
		sound := bytes.Clone(audio.Bytes(at(w.FirstSecond)))
		x := audio.Samples(sound)
		if w.SecondSecond != nil {
			for i, v := range at(*w.SecondSecond) {
				x[i] = int16((int(x[i]) + int(v)) / 2)
			}
		}
		got, err := e.Listen(t.Context(), x, []int{0})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range w.Classes {
			for k, p := range want {
				if have := float64(got[0][i*w.Every*diarization.ListenClasses+k]) / 255; math.Abs(have-p) > 0.02 {
					t.Errorf("window at %d s, frame %d, class %d: %.3f, want %.3f", w.FirstSecond, i*w.Every, k, have, p)
				}
			}
		}
	}
}

func TestAWindowIsHeardAlikeWhateverIsAskedBesides(t *testing.T) {
	pcm := sample(t)[:130*audio.SampleRate]
	var starts []int
	for at := 0; at < len(pcm); at += 15 * audio.SampleRate / 2 { // as diarization does
		starts = append(starts, at)
	}
	together, err := embedder(t, 2).Listen(t.Context(), pcm, starts)
	if err != nil {
		t.Fatal(err)
	}
	one := embedder(t, 1)
	for _, i := range []int{0, len(starts) - 1} { // the last is half beyond the end
		alone, err := one.Listen(t.Context(), pcm, starts[i:i+1])
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(alone[0], together[i]) {
			t.Errorf("window %d has other numbers alone", i)
		}
	}
}

func TestSilenceIsHeardAsNobody(t *testing.T) {
	got, err := embedder(t, 1).Listen(t.Context(), make([]int16, audio.SampleRate), []int{0})
	if err != nil {
		t.Fatal(err)
	}
	for i := range diarization.ListenFrames {
		if p := got[0][i*diarization.ListenClasses]; p < 128 {
			t.Fatalf("frame %d: nobody with %d of 255", i, p)
		}
	}
}

func TestWindowsToHearOutOfBoundsAreRefused(t *testing.T) {
	pcm := make([]int16, audio.SampleRate)
	for name, c := range map[string]struct {
		starts []int
		fails  bool
	}{
		"none":                     {nil, false},
		"the last sample":          {[]int{len(pcm) - 1}, false},
		"past the end":             {[]int{len(pcm)}, true},
		"before the start":         {[]int{-1}, true},
		"out of order":             {[]int{2, 1}, true},
		"more than one call takes": {make([]int, maxListened+1), true},
	} {
		t.Run(name, func(t *testing.T) {
			e := New("/none", "/none", "/none", 1)
			if !c.fails {
				e = embedder(t, 1)
			}
			got, err := e.Listen(t.Context(), pcm, c.starts)
			if (err != nil) != c.fails || !c.fails && len(got) != len(c.starts) {
				t.Errorf("%d windows, %v", len(got), err)
			}
		})
	}
}

func TestListeningEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := embedder(t, 1).Listen(ctx, make([]int16, audio.SampleRate), []int{0}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// BenchmarkListen hears two minutes, in windows that begin every 5 s, and reports the processor
// time of the program for each second of them, with the loading of the weights.
func BenchmarkListen(b *testing.B) {
	dir := installed.Dir()
	if err := installed.Missing(dir, installed.LayerFiles(installed.LayerVoices)...); err != nil {
		b.Skip(err)
	}
	const seconds = 120
	pcm := sound(seconds * audio.SampleRate)
	var starts []int
	for at := 0; at < len(pcm); at += 15 * audio.SampleRate / 2 { // as diarization does
		starts = append(starts, at)
	}
	before := childTime(b)
	e := New(installed.Voice(dir), installed.CAMPlus(dir), installed.Segmentation(dir), 1)
	for b.Loop() {
		if _, err := e.Listen(b.Context(), pcm, starts); err != nil {
			b.Fatal(err)
		}
	}
	if err := e.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric((childTime(b)-before)/float64(b.N)/seconds, "cpu-s/s")
}

// childTime is the processor time of the programs that have ended, in s.
func childTime(b *testing.B) float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &used); err != nil {
		b.Fatal(err)
	}
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
}

// Ensure that windows are shared out evenly, in whole steps, to all copies of the program.
func TestWindowsAreSharedOut(t *testing.T) {
	for _, c := range []struct{ windows, copies, want int }{
		{0, 1, 0}, {1, 1, 8}, {1, 2, 8}, {8, 2, 8}, {9, 1, 16}, {9, 2, 8}, {24, 1, 24}, {24, 2, 16}, {25, 1, 16}, {32, 2, 16}, {33, 2, 24}, {48, 2, 24}, {49, 2, 24}, {360, 2, 24}, {360, 16, 24},
	} {
		if got := share(c.windows, c.copies); got != c.want {
			t.Errorf("%d windows for %d copies: %d a request, want %d", c.windows, c.copies, got, c.want)
		}
	}
}
