package audio

import (
	"math"
)

// Cut tells where there is speech: window is what startSeconds and endSeconds leave of the
// recording, speech the stretches within it whose energy is above the threshold, in order, not
// overlapping. Gaps shorter than minSilenceMs belong to the speech around them, shorter bursts than
// minSpeechMs are noise, paddingMs is added on both sides: so a pause between two spans is 2 ×
// paddingMs shorter than its silence. A steady sound (hum, hiss, a held tone) is no speech; that is
// all that energy can tell.
func Cut(pcm []int16, s CutSettings) (window Span, speech []Span) {
	window = windowOf(pcm, s)
	c := contour(pcm[window.StartMs*SampleRate/1000 : window.EndMs*SampleRate/1000])
	return window, cut(c, measureLevels(c), window, s)
}

func windowOf(pcm []int16, s CutSettings) Span {
	length := int64(len(pcm)) * 1000 / SampleRate
	w := Span{0, length}
	if s.StartSeconds > 0 {
		w.StartMs = min(int64(math.Round(s.StartSeconds*1000)), length)
	}
	if s.EndSeconds > 0 {
		w.EndMs = min(int64(math.Round(s.EndSeconds*1000)), length)
	}
	w.EndMs = max(w.EndMs, w.StartMs)
	return w
}

func cut(c []float64, l levels, window Span, s CutSettings) []Span {
	if !l.varied {
		return nil
	}
	t := l.threshold(s.SilenceThresholdDb)
	var runs []Span
	for i, e := range c {
		if e <= t {
			continue
		}
		at := int64(i) * stepMs
		if k := len(runs); k > 0 && at-runs[k-1].EndMs < int64(s.MinSilenceMs) {
			runs[k-1].EndMs = at + stepMs
		} else {
			runs = append(runs, Span{at, at + stepMs})
		}
	}
	speech := make([]Span, 0, len(runs))
	for _, r := range runs {
		if r.Len() < int64(s.MinSpeechMs) || steady(c[r.StartMs/stepMs:r.EndMs/stepMs]) {
			continue
		}
		r = Span{max(window.StartMs, window.StartMs+r.StartMs-int64(s.PaddingMs)), min(window.EndMs, window.StartMs+r.EndMs+int64(s.PaddingMs))}
		if k := len(speech); k > 0 && r.StartMs <= speech[k-1].EndMs {
			speech[k-1].EndMs = r.EndMs
		} else {
			speech = append(speech, r)
		}
	}
	return speech
}

const (
	// steadyFrames is how long a stretch must be before it is judged by its evenness: 600 ms.
	steadyFrames = 60
	// steadySpread is the standard deviation of a stretch's energy, in dB, below which it is a held
	// tone or a hiss. Speech has 5 to 12.
	steadySpread = 1.6
)

// steady tells whether a stretch is one even sound; its edges are left out.
func steady(c []float64) bool {
	if len(c) < steadyFrames {
		return false
	}
	c = c[5 : len(c)-5]
	var sum, squares float64
	for _, e := range c {
		sum += e
		squares += e * e
	}
	n := float64(len(c))
	return squares/n-(sum/n)*(sum/n) < steadySpread*steadySpread
}

// total is the length of all spans, in ms.
func total(spans []Span) int64 {
	n := int64(0)
	for _, s := range spans {
		n += s.Len()
	}
	return n
}
