package accent

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"

	"parley/shared/speech/score/timing"
)

const (
	// AlignSeconds is how much of the candidate's speech is aligned, s. More speech hardly moves
	// the mean of the weakest sounds.
	AlignSeconds = 60
)

// windows are what is aligned of the candidate's speech and what is heard for its language.
type windows struct{ aligned, heard []timing.Window }

// windowsOf joins the chosen parts of the speech: once, where both have the same in one window.
func windowsOf(speech timing.Speech, l Limits) windows {
	align := chosen(speech.Parts, l.Align)
	w := windows{aligned: speech.Join(align)}
	for _, hear := range packed(speech.Parts, l.Hear) {
		if len(w.aligned) == 1 && slices.Equal(align, hear) {
			w.heard = w.aligned
		} else {
			w.heard = append(w.heard, speech.Join(hear)...)
		}
	}
	return w
}

// sampleSeconds is how much of the candidate's speech is heard anew where the words are another
// recogniser's, s.
const sampleSeconds = 48

// Sample are the windows by which the candidate is heard anew, where the words are another
// recogniser's: at most sampleSeconds of speech.
func Sample(speech timing.Speech) []timing.Window {
	return speech.Join(chosen(speech.Parts, sampleSeconds))
}

// cellSeconds is the length of the cells in which parts are chosen, s: about that of a part.
const cellSeconds = 10

// ranked is a part that can be taken.
type ranked struct {
	part   int
	length float64 // s
	off    float64 // distance of its middle from that of its cell, 0 to 0.5
}

// inRank are the parts that can be aligned or heard, those first that come first: all by time if
// they fit into limit seconds, else spread evenly over the candidate's speech, however surely they
// were heard. The speech is divided into as many cells of equal length as parts can be taken, and
// the parts next to the middle of a cell come first. So if a part begins a little earlier or ends a
// little later, as it does through another codec, the others are chosen as before.
func inRank(parts []timing.Part, limit float64) []ranked {
	if limit <= 0 {
		return nil
	}
	var all []ranked
	var total float64
	for i, p := range parts {
		if length := p.SpanSeconds(); len(p.Words) > 0 && length <= MaxAlignSeconds-1 {
			all = append(all, ranked{i, length, total + length/2})
			total += length
		}
	}
	if total > limit {
		cell := total / math.Ceil(limit/cellSeconds)
		for i := range all {
			_, at := math.Modf(all[i].off / cell)
			all[i].off = math.Abs(at - 0.5)
		}
		slices.SortStableFunc(all, func(a, b ranked) int { return cmp.Compare(a.off, b.off) })
	}
	return all
}

// chosen are parts of at most limit seconds together, by time.
func chosen(parts []timing.Part, limit float64) []int {
	var out []int
	var taken float64
	for _, c := range inRank(parts, limit) {
		if taken+c.length <= limit {
			out = append(out, c.part)
			taken += c.length
		}
	}
	slices.Sort(out)
	return out
}

// packed are parts that fit into so many windows, each by time: a part goes into the first that
// has room for it.
func packed(parts []timing.Part, windows int) [][]int {
	out, free := make([][]int, windows), make([]float64, windows)
	for i := range free {
		free[i] = timing.WindowSeconds
	}
	for _, c := range inRank(parts, float64(windows)*timing.WindowSeconds) {
		for i := range out {
			need := c.length + timing.PadSeconds
			if len(out[i]) > 0 {
				need += timing.GapSeconds
			}
			if need <= free[i] {
				out[i] = append(out[i], c.part)
				free[i] -= need
				break
			}
		}
	}
	for _, w := range out {
		slices.Sort(w)
	}
	return slices.DeleteFunc(out, func(w []int) bool { return len(w) == 0 })
}

// sounds are the Goodness of Pronunciation of what was aligned in one part: of its words, and of
// its phones (standardised).
type sounds struct {
	words, phones []float64
	told          []told // by time
}

// weakest is the mean Goodness of Pronunciation of the weakest 30 % of the sounds, rounded up to
// whole sounds; NaN where there is none.
func (s sounds) weakest() float64 { return lowest(s.phones, 30) }

// alignAll returns for each part its sounds; none for parts that are in no window or could not be
// aligned. Each part is aligned alone: where the words of one don't match its sound, the aligner
// takes them from the sound of its neighbours, which spoils those as well. The parts are aligned at
// once, as far as the aligner has copies; each fills its own place alone.
func alignAll(ctx context.Context, windows []timing.Window, parts []timing.Part, aligner Aligner) ([]sounds, error) {
	out := make([]sounds, len(parts))
	all, ctx := errgroup.WithContext(ctx)
	for _, w := range windows {
		for _, alone := range w.Each() {
			all.Go(func() error {
				if err := alignOne(ctx, alone, parts, aligner, out); err != nil && !errors.Is(err, ErrNotAligned) {
					return err
				}
				return nil
			})
		}
	}
	return out, all.Wait()
}

func alignOne(ctx context.Context, w timing.Window, parts []timing.Part, aligner Aligner, out []sounds) error {
	var words []string
	for _, p := range w.Pieces {
		for _, v := range parts[p.Part].Words {
			words = append(words, v.Text)
		}
	}
	aligned, err := aligner.Align(ctx, w.PCM, words)
	if err != nil {
		return err
	}
	for _, word := range aligned {
		piece := w.At(word.middle())
		to := &out[piece.Part]
		if gop, ok := word.GOP(); ok && word.Spoken() {
			to.words = append(to.words, gop)
			to.phones = append(to.phones, word.standardised()...)
			if p, ok := word.pronounced(word.offsetMs(piece)); ok {
				to.told = append(to.told, p)
			}
		}
	}
	return nil
}
