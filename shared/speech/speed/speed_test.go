package speed

import (
	"path/filepath"
	"testing"

	"parley/shared/speech/audio"
	"parley/shared/speech/installed"
)

// Ensure that no shared interview sounds as if its speed were wrong, and that most do where it is
// wrong by half or by a third.
func TestTheSpeedOfInterviews(t *testing.T) {
	dir := data(t)
	var files []string
	for _, folder := range []string{"interviews", "scripted"} {
		found, _ := filepath.Glob(filepath.Join(dir, folder, "*.flac"))
		files = append(files, found...)
	}
	if len(files) == 0 {
		t.Skip("no interviews")
	}
	d := audio.Decoder{FFmpeg: installed.FFmpeg(installed.Dir())}
	found := map[float64]int{}
	speeds := []float64{2.0 / 3, 0.75, 4.0 / 3, 1.5}
	for _, f := range files {
		pcm, err := d.Decode(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		pcm = pcm[:min(len(pcm), 200*audio.SampleRate)]
		factor := func(pcm []int16) (float64, bool) {
			in := audio.Analyse(pcm, audio.DefaultCut())
			return Factor(pcm, in.Speech, in.Quality)
		}
		if got, judged := factor(pcm); got != 1 || !judged {
			t.Errorf("%s: %.2f times too fast, judged %v", filepath.Base(f), got, judged)
		}
		for _, k := range speeds {
			got, _ := factor(played(pcm, k))
			if got != 1 {
				found[k]++
			}
			if (got-1)*(k-1) < 0 {
				t.Errorf("%s, played %.2f times as fast, is taken for %.2f", filepath.Base(f), k, got)
			}
		}
	}
	for _, k := range speeds {
		t.Logf("played %.2f times as fast: %d of %d found", k, found[k], len(files))
		if found[k]*2 < len(files) {
			t.Errorf("played %.2f times as fast: %d of %d found", k, found[k], len(files))
		}
	}
}

func TestNothingIsSaidOfLittleSpeechOrPoorSound(t *testing.T) {
	pcm := make([]int16, 10*audio.SampleRate)
	good := audio.Quality{SNRDb: 40, BandwidthHz: 8000}
	for name, c := range map[string]struct {
		pcm    []int16
		change func(*audio.Quality)
	}{
		"nothing":            {nil, func(*audio.Quality) {}},
		"silence":            {pcm, func(*audio.Quality) {}},
		"a telephone":        {pcm, func(q *audio.Quality) { q.BandwidthHz = 3400 }},
		"no known band":      {pcm, func(q *audio.Quality) { q.BandwidthHz = 0 }},
		"much noise":         {pcm, func(q *audio.Quality) { q.SNRDb = 11 }},
		"clipped recordings": {pcm, func(q *audio.Quality) { q.ClippedPercent = 1.1 }},
	} {
		q := good
		c.change(&q)
		if factor, judged := Factor(c.pcm, []audio.Span{{StartMs: 0, EndMs: 10000}}, q); factor != 1 || judged {
			t.Errorf("%s: %v, %v", name, factor, judged)
		}
	}
}
