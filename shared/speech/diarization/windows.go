package diarization

import "parley/shared/speech/audio"

// A window is the unit that is described and clustered: long enough that what is said averages out,
// short enough to hold one speaker.
const (
	// windowMs is 144 frames of the embedding's, a whole number of its blocks.
	windowMs    = 1460
	windowHopMs = windowMs / 2
	// widenedMs is the least that is described: a shorter span lends sound from around it.
	widenedMs = 600
	// reliableMs is the length from which a window counts as speech of a voice of its own:
	// embeddings of less scatter too far, and those of breath and clicks form groups. Who answers
	// with a word or two has hardly any longer ones.
	reliableMs = 700
	// maxWindows bounds the time of describing and the clustering, which is quadratic: longer
	// recordings get wider hops.
	maxWindows = 2000
)

// window is a stretch of one span of speech: its modelled frames [from, to), and its share of the
// speech of the span. Windows overlap in long spans and stand alone in short answers, so their
// number says little of how much was said.
type window struct {
	audio.Span
	from, to int
	seconds  float64
}

// reliable is the window's speech where it is long enough, else 0, in s.
func (w window) reliable() float64 {
	if w.Len() < reliableMs {
		return 0
	}
	return w.seconds
}

// cut lays windows over the spans of speech.
func cut(f frames, speech []audio.Span) []window {
	total := int64(0)
	for _, s := range speech {
		total += s.Len()
	}
	hop := max(windowHopMs, total/maxWindows)
	var ws []window
	for _, s := range speech {
		n := int64(1) // windows, spread evenly from the beginning to the end
		if s.Len() > windowMs {
			n += (s.Len() - windowMs + hop - 1) / hop
		}
		for i := range n {
			w := window{Span: s, seconds: float64(s.Len()) / 1000 / float64(n)}
			if n > 1 {
				w.StartMs += (s.Len() - windowMs) * i / (n - 1) / hopMs * hopMs
				w.EndMs = w.StartMs + windowMs
			}
			ws = append(ws, w)
		}
	}
	if n := len(ws); n > maxWindows {
		for i := range maxWindows {
			ws[i] = ws[i*n/maxWindows]
			ws[i].seconds *= float64(n) / maxWindows
		}
		ws = ws[:maxWindows]
	}
	from := 0
	for i := range ws {
		w := &ws[i]
		for from < f.len() && int64(f.at[from])*hopMs < w.StartMs {
			from++
		}
		to := from
		for to < f.len() && int64(f.at[to])*hopMs < w.EndMs {
			to++
		}
		w.from, w.to = from, to
	}
	return ws
}

// described are the stretches of a recording of so many milliseconds that stand for the windows;
// nil where it is too short.
func described(ws []window, length int64) []audio.Span {
	if length < MinEmbedMs {
		return nil
	}
	out := make([]audio.Span, len(ws))
	for i, w := range ws {
		s := w.Span
		if lack := widenedMs - s.Len(); lack > 0 {
			s.StartMs = max(0, min(s.StartMs-lack/2, length-widenedMs))
			s.EndMs = min(length, s.StartMs+widenedMs)
		}
		if i > 0 && s.StartMs < out[i-1].StartMs {
			s.EndMs += out[i-1].StartMs - s.StartMs
			s.StartMs = out[i-1].StartMs
			s.EndMs = min(s.EndMs, length)
		}
		out[i] = s
	}
	return out
}
