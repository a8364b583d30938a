package diarization

import (
	"context"
	"fmt"
	"slices"

	"parley/shared/speech/audio"
)

// What a Listener hears a recording in: windows of 10 s, of 589 frames each, the first frame around
// 31 ms, the next 270 samples later.
const (
	ListenMs      = 10_000
	ListenFrames  = 589
	ListenClasses = 7

	listenFirst = 495 // samples from the beginning of a window to the centre of its first frame
	listenHop   = 270 // samples from one frame to the next
	listenHopMs = 17  // the same, rounded up

	// listenFramesApart is from how many frames on the next window begins: 7.5 s. The ends of a
	// window, where it hears least, lie in two.
	listenFramesApart = 444
	listenApart       = listenFramesApart * listenHop // samples
)

// Listener hears how many speak at a time.
type Listener interface {
	// Listen returns for each window of pcm (16 kHz mono), given by its first sample, ListenFrames
	// times ListenClasses probabilities in 255ths. The classes are nobody, one of up to three
	// speakers of the window (three classes), and two of them at once (three classes). What is
	// beyond the end of pcm is silence. Windows are in order and begin within pcm. The same samples
	// give the same numbers. It returns ctx's own error where ctx ended, and else an error only for
	// a fault of its own or a window out of bounds.
	Listen(ctx context.Context, pcm []int16, starts []int) ([][]byte, error)
}

// heard is, per frame of listenHop samples, the probability in 255ths that two speak.
type heard []byte

// at is the moment of a frame, in ms.
func (heard) at(frame int) int64 {
	return int64(listenFirst+frame*listenHop) * 1000 / audio.SampleRate
}

// listen asks for the windows that hold speech. Where two windows hear a moment, the one with the
// moment nearer to its middle counts more.
func listen(ctx context.Context, pcm []int16, speech []audio.Span, l Listener) (heard, error) {
	frames := max(0, (len(pcm)-listenFirst)/listenHop+1)
	out := make(heard, frames)
	var starts []int
	i := 0
	for from := 0; from < len(pcm) && (from == 0 || from+ListenMs*perMs-listenApart < len(pcm)); from += listenApart {
		for i < len(speech) && speech[i].EndMs*perMs <= int64(from) {
			i++
		}
		if i < len(speech) && speech[i].StartMs*perMs < int64(from+ListenMs*perMs) {
			starts = append(starts, from)
		}
	}
	if len(starts) == 0 {
		return out, ctx.Err()
	}
	windows, err := l.Listen(ctx, pcm, starts)
	if err != nil {
		return out, err //nolint:wrapcheck // the caller names it
	}
	if len(windows) != len(starts) {
		return out, fmt.Errorf("%d answers for %d windows", len(windows), len(starts))
	}
	sums, weights := make([]float32, frames), make([]float32, frames)
	for k, w := range windows {
		if len(w) != ListenFrames*ListenClasses {
			return out, fmt.Errorf("a window of %d probabilities", len(w))
		}
		first := starts[k] / listenHop
		for t := range min(ListenFrames, frames-first) {
			p := w[t*ListenClasses : (t+1)*ListenClasses]
			weight := float32(min(t, ListenFrames-1-t) + 1)
			sums[first+t] += weight * float32(min(255, int(p[4])+int(p[5])+int(p[6])))
			weights[first+t] += weight
		}
	}
	for t, w := range weights {
		if w > 0 {
			out[t] = byte(sums[t]/w + 0.5)
		}
	}
	return out, nil
}

// Where two speak at once.
const (
	// surelyBoth is the probability, in 255ths, from which two speak in a frame.
	surelyBoth = 128
	// bothGapMs is the longest pause within one stretch, and leastBothMs the shortest stretch. Of
	// those of 300 to 400 ms, a quarter were one voice.
	bothGapMs   = 100
	leastBothMs = 400
)

// crossings are the stretches in which two speak at once.
func (h heard) crossings() []audio.Span {
	var all []audio.Span
	for t, p := range h {
		if p < surelyBoth {
			continue
		}
		from, to := h.at(t)-listenHopMs/2, h.at(t)+listenHopMs/2
		if n := len(all); n > 0 && from-all[n-1].EndMs <= bothGapMs {
			all[n-1].EndMs = to
			continue
		}
		all = append(all, audio.Span{StartMs: from, EndMs: to})
	}
	return slices.DeleteFunc(all, func(s audio.Span) bool { return s.Len() < leastBothMs })
}

const perMs = audio.SampleRate / 1000
