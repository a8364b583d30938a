package timing

import (
	"slices"

	"parley/shared/speech/audio"
)

const (
	// WindowSeconds is the longest window into which parts are joined, s: the recogniser hears 30 s
	// at a time.
	WindowSeconds = 28.5
	// padMs is kept of the silence on either side of a part, gapMs of silence put between two.
	padMs = 250
	gapMs = 600
	// PadSeconds is by how much a part is longer in a window at most, s.
	PadSeconds = 2 * padMs / 1000.0
	// GapSeconds is what lies between two parts of a window, s.
	GapSeconds = gapMs / 1000.0
	// digital is how many samples of 0 in a row are a noise gate or a gap in a call, and no silent
	// room: 10 ms.
	digital = audio.SampleRate / 100
)

// Piece is one part in a window. From, End and To count samples of the window.
type Piece struct {
	Part      int // index among the parts
	From, End int // where its sound begins, and where it ends: the first one after it
	To        int // the first one that is nearer to the next piece
	// OffsetMs is the time in the recording of the window's time 0, as this piece sees it.
	OffsetMs int64
}

// Window is some parts joined with gaps of silence.
type Window struct {
	PCM    []int16
	Pieces []Piece
}

// At tells which piece a sample of the window belongs to.
func (w Window) At(sample int) Piece {
	for _, p := range w.Pieces {
		if sample < p.To {
			return p
		}
	}
	return w.Pieces[len(w.Pieces)-1]
}

// Join puts the parts with the given indices, in order, into as few windows of at most
// WindowSeconds as it can without reordering; a part that is longer than that is a window of its
// own.
func (s Speech) Join(which []int) []Window {
	const gap = gapMs * audio.SampleRate / 1000
	var out []Window
	for _, i := range which {
		fromMs, toMs := padded(s.Parts, i)
		x := dithered(cut(s.pcm, fromMs, toMs))
		if n := len(out); n == 0 || float64(len(out[n-1].PCM)+gap+len(x))/audio.SampleRate > WindowSeconds {
			out = append(out, Window{})
		}
		w := &out[len(out)-1]
		if n := len(w.Pieces); n > 0 {
			w.Pieces[n-1].To = len(w.PCM) + gap/2
			w.PCM = append(w.PCM, make([]int16, gap)...)
		}
		from, end := len(w.PCM), len(w.PCM)+len(x)
		w.PCM = append(w.PCM, x...)
		w.Pieces = append(w.Pieces, Piece{Part: i, From: from, End: end, To: end, OffsetMs: fromMs - int64(from)*1000/audio.SampleRate})
	}
	return out
}

// padded is where a part is cut: with some silence on either side, but nothing of its neighbours.
func padded(parts []Part, i int) (fromMs, toMs int64) {
	p := parts[i]
	first, last := p.Runs[0].StartMs, p.Runs[len(p.Runs)-1].EndMs
	fromMs, toMs = max(first-padMs, p.Within.StartMs), min(last+padMs, p.Within.EndMs)
	if i > 0 && parts[i-1].Turn == p.Turn {
		before := parts[i-1].Runs
		fromMs = max(fromMs, (before[len(before)-1].EndMs+first)/2)
	}
	if i+1 < len(parts) && parts[i+1].Turn == p.Turn {
		toMs = min(toMs, (last+parts[i+1].Runs[0].StartMs)/2)
	}
	return fromMs, toMs
}

// dithered fills digital silence with noise of one step, always the same. Acoustic models are
// trained on rooms, where such silence does not occur, and an aligner finds no way through it.
// Sound without digital silence is returned as it is.
func dithered(pcm []int16) []int16 {
	out, run, changed := pcm, 0, false
	state := uint32(1)
	for i, v := range pcm {
		if run++; v != 0 {
			run = 0
		}
		if run < digital {
			continue
		}
		if run == digital {
			if !changed {
				out, changed = slices.Clone(pcm), true
			}
			for k := i - digital + 1; k < i; k++ {
				out[k] = step(&state)
			}
		}
		out[i] = step(&state)
	}
	return out
}

// step is -1, 0 or 1 by a linear congruential generator (Numerical Recipes).
func step(state *uint32) int16 {
	*state = *state*1664525 + 1013904223
	return int16((*state>>16)%3) - 1
}

func cut(pcm []int16, fromMs, toMs int64) []int16 {
	at := func(ms int64) int { return int(min(max(ms, 0)*audio.SampleRate/1000, int64(len(pcm)))) }
	return pcm[at(fromMs):at(toMs)]
}
