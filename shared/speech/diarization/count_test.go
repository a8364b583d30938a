package diarization

import (
	"math/rand/v2"
	"slices"
	"testing"

	"parley/shared/speech/audio"
)

func TestOnlyLongEnoughWindowsCountAsSpeech(t *testing.T) {
	for _, c := range []struct {
		ms   int64
		want float64
	}{{reliableMs - 1, 0}, {reliableMs, 0.5}, {windowMs, 0.5}} {
		w := window{Span: audio.Span{StartMs: 1000, EndMs: 1000 + c.ms}, seconds: 0.5}
		if got := w.reliable(); got != c.want {
			t.Errorf("%d ms: %g s, want %g", c.ms, got, c.want)
		}
	}
}

// scattered are windows of 1.5 s with embeddings around the directions of their voices.
func scattered(of []int) (ws []window, points []float64, dim int) {
	r := rand.New(rand.NewPCG(4, 2))
	dim = 32
	for i, voice := range of {
		from := int64(i) * windowMs
		ws = append(ws, window{Span: audio.Span{StartMs: from, EndMs: from + windowMs}, seconds: windowMs / 1000.0})
		v := make([]float32, dim)
		for d := range v {
			v[d] = float32(0.1 * r.NormFloat64())
		}
		v[voice]++
		unit(v)
		for _, x := range v {
			points = append(points, float64(x))
		}
	}
	return ws, points, dim
}

func TestAVoiceInsideAnotherIsTakenOut(t *testing.T) {
	var truth []int
	for i := range 60 {
		truth = append(truth, []int{0, 0, 1, 1, 1, 2}[i%6])
	}
	ws, points, dim := scattered(truth)
	// The third lies in the second.
	two := numbered(len(truth), func(i int) int { return min(truth[i], 1) })
	one := make([]int, len(truth))
	for name, c := range map[string]struct {
		h    hypothesis
		want []int
	}{
		"of two": {hypothesis{k: 2, group: two}, truth},
		"of one": {hypothesis{k: 1, group: one}, numbered(len(truth), func(i int) int { return min(1, 2-truth[i]) })},
	} {
		found := slices.ContainsFunc(divided(ws, points, dim, c.h, ward(points, dim)), func(group []int) bool {
			return slices.Equal(numbered(len(group), func(i int) int { return group[i] }), c.want)
		})
		if !found {
			t.Errorf("%s: the third voice is not taken out", name)
		}
	}
	if got := divided(ws[:4], points[:4*dim], dim, hypothesis{k: 1, group: one[:4]}, ward(points[:4*dim], dim)); len(got) != 0 {
		t.Errorf("%d ways to take a voice of less than 4 s out", len(got))
	}
}
