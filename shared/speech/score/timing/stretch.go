package timing

import "parley/shared/speech/audio"

const (
	// PauseMs is the shortest silence that is a pause, in ms (de Jong & Bosker 2013).
	PauseMs = 250
	// riseDb is by how much a peak stands out of the valleys beside it, in dB (de Jong & Wempe
	// 2009).
	riseDb = 2.0
)

// Run is speech between two pauses.
type Run struct {
	audio.Span
	// Peaks counts the peaks of intensity: about one to a stressed or well-separated syllable.
	Peaks int
}

// Stretch is the timing of one stretch of one speaker; times are ms from the beginning of the
// recording.
type Stretch struct {
	// Span runs from the first speech to the last: silence before and after belongs to nobody. Of a
	// turn that was split, the pause at the cut belongs to the part before it.
	Span   audio.Span
	Runs   []Run
	Pauses []audio.Span
}

// Measure finds the timing of a contour that begins offsetMs into the recording, by where there is
// voice (Speech). No speech: no runs.
func (c Contour) Measure(offsetMs int64, voice []audio.Span) Stretch {
	var s Stretch
	speech, threshold := c.Speech(offsetMs, voice)
	first, last := -1, -1 // frames of the run that is open
	sm := c.smooth()
	end := func() {
		s.Runs = append(s.Runs, Run{span(first, last+1, offsetMs), peaks(sm[first:last+1], threshold)})
	}
	for i := range c {
		if !speech[i] {
			continue
		}
		switch {
		case first < 0:
			first = i
		case (i-last-1)*FrameMs >= PauseMs:
			end()
			s.Pauses = append(s.Pauses, span(last+1, i, offsetMs))
			first = i
		}
		last = i
	}
	if first < 0 {
		return s
	}
	end()
	s.Span = audio.Span{StartMs: s.Runs[0].StartMs, EndMs: s.Runs[len(s.Runs)-1].EndMs}
	return s
}

func span(from, to int, offsetMs int64) audio.Span {
	return audio.Span{StartMs: offsetMs + int64(from)*FrameMs, EndMs: offsetMs + int64(to)*FrameMs}
}

// peaks counts the maxima of a smoothed run that lie above the threshold and stand riseDb out of
// the valleys beside them; the ends of the run count as valleys.
func peaks(c Contour, threshold float64) int {
	n := 0
	valley, top, rising := threshold-riseDb, 0.0, false
	for _, v := range c {
		if rising {
			switch {
			case v > top:
				top = v
			case v < top-riseDb:
				n++
				valley, rising = v, false
			}
			continue
		}
		valley = min(valley, v)
		if v >= valley+riseDb && v > threshold {
			top, rising = v, true
		}
	}
	if rising {
		n++
	}
	return n
}

// Split cuts a long stretch at pauses into parts of at least ms each (the last takes what is left),
// so that it can be averaged and resampled in parts. Every pause stays in one of them.
func (s Stretch) Split(ms int64) []Stretch {
	var out []Stretch
	var part Stretch
	for i, r := range s.Runs {
		if len(part.Runs) == 0 {
			part.Span.StartMs = r.StartMs
		}
		part.Runs = append(part.Runs, r)
		part.Span.EndMs = r.EndMs
		if i == len(s.Runs)-1 {
			break
		}
		part.Pauses = append(part.Pauses, s.Pauses[i])
		if next := s.Runs[i+1].StartMs; next-part.Span.StartMs >= ms && s.Span.EndMs-next >= ms {
			part.Span.EndMs = next
			out = append(out, part)
			part = Stretch{}
		}
	}
	if len(part.Runs) > 0 {
		out = append(out, part)
	}
	return out
}

// SpanSeconds is the length from the first speech to the last, s.
func (s Stretch) SpanSeconds() float64 { return float64(s.Span.Len()) / 1000 }

// PauseSeconds is the time in pauses, s.
func (s Stretch) PauseSeconds() float64 {
	var ms int64
	for _, p := range s.Pauses {
		ms += p.Len()
	}
	return float64(ms) / 1000
}

// SpeechSeconds is the phonation time: the span without its pauses, s.
func (s Stretch) SpeechSeconds() float64 { return s.SpanSeconds() - s.PauseSeconds() }

// Peaks is the number of peaks of intensity.
func (s Stretch) Peaks() int {
	n := 0
	for _, r := range s.Runs {
		n += r.Peaks
	}
	return n
}

// PhonationRatio is the share of speech in the span, 0 to 1; 0 where there is none.
func (s Stretch) PhonationRatio() float64 { return ratio(s.SpeechSeconds(), s.SpanSeconds()) }

// PeakRate is peaks per second of speech; 0 where there is none.
func (s Stretch) PeakRate() float64 { return ratio(float64(s.Peaks()), s.SpeechSeconds()) }

// PeaksPerRun is the mean number of peaks between pauses; 0 where there are no runs.
func (s Stretch) PeaksPerRun() float64 { return ratio(float64(s.Peaks()), float64(len(s.Runs))) }

func ratio(a, b float64) float64 {
	if b <= 0 {
		return 0
	}
	return a / b
}
