package stages

import (
	"strings"

	"parley/shared/speech/audio"
	"parley/shared/speech/transcript"
)

// A channel of one speaker is silent while the other speaks. A recogniser that hears in windows
// loses the first words after a long silence, so silences are shortened for it, and its times are
// put back.

const (
	// spliceMs is how much of a silence is kept on each side of it.
	spliceMs = 1000
	// lateMs is how far into the speech after a silence the recogniser may put the last word before
	// it.
	lateMs = 300
)

// splice is what of a recording is heard as one: the stretches that are kept, in order.
type splice []audio.Span

// spliced keeps the speech within a span and spliceMs around it.
func spliced(span audio.Span, speech []audio.Span) splice {
	var out splice
	for _, s := range speech {
		s = audio.Span{StartMs: max(span.StartMs, s.StartMs-spliceMs), EndMs: min(span.EndMs, s.EndMs+spliceMs)}
		switch n := len(out); {
		case s.Len() <= 0:
		case n > 0 && s.StartMs <= out[n-1].EndMs:
			out[n-1].EndMs = max(out[n-1].EndMs, s.EndMs)
		default:
			out = append(out, s)
		}
	}
	return out
}

// cut takes the kept stretches out of the samples of a span.
func (s splice) cut(pcm []int16, span audio.Span) []int16 {
	var out []int16
	for _, k := range s {
		from, to := (k.StartMs-span.StartMs)*audio.SampleRate/1000, (k.EndMs-span.StartMs)*audio.SampleRate/1000
		out = append(out, pcm[min(from, int64(len(pcm))):min(to, int64(len(pcm)))]...)
	}
	return out
}

// stretch is the number of the kept stretch that a moment of what was heard lies in, and where that
// stretch begins in what was heard.
func (s splice) stretch(heardMs int64) (i int, at int64) {
	for i = range s {
		if heardMs < at+s[i].Len() || i == len(s)-1 {
			break
		}
		at += s[i].Len()
	}
	return i, at
}

// back is where in the recording a span lies that was heard in a kept stretch, which begins at a
// moment of what was heard: its ends no further than what was kept.
func back(heard, kept audio.Span, at int64) audio.Span {
	put := func(ms int64) int64 { return min(max(ms-at+kept.StartMs, kept.StartMs), kept.EndMs) }
	return audio.Span{StartMs: put(heard.StartMs), EndMs: put(heard.EndMs)}
}

// restore puts the times of a chunk that was heard of a splice back to those of the recording; span
// is the whole piece.
func (s splice) restore(c transcript.Chunk, span audio.Span) transcript.Chunk {
	c.Span = span
	ended := true // the sentence before the word
	last := 0     // the stretch of the word before
	for i, w := range c.Words {
		middle := (w.StartMs + w.EndMs) / 2
		n, at := s.stretch(middle)
		ends := strings.HasSuffix(w.Text, ".") || strings.HasSuffix(w.Text, "?") || strings.HasSuffix(w.Text, "!")
		if n == last+1 && ends && !ended && middle-at < spliceMs+lateMs {
			// the last word of a sentence whose other words came before the silence
			n, at = last, at-s[last].Len()
		}
		if len(s) > 0 {
			put := back(audio.Span{StartMs: w.StartMs, EndMs: w.EndMs}, s[n], at)
			c.Words[i].StartMs, c.Words[i].EndMs = put.StartMs, put.EndMs
		}
		ended, last = ends, n
	}
	if len(s) > 0 {
		c.Speech = s.scatter(c.Speech)
	}
	return c
}

// scatter puts spans of what was heard back to the recording, each in as many as it has stretches.
func (s splice) scatter(heard []audio.Span) []audio.Span {
	out := []audio.Span{}
	for _, x := range heard {
		at := int64(0)
		for _, k := range s {
			within := audio.Span{StartMs: max(x.StartMs, at), EndMs: min(x.EndMs, at+k.Len())}
			if within.Len() > 0 {
				out = append(out, back(within, k, at))
			}
			at += k.Len()
		}
	}
	return out
}
