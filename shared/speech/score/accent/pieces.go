package accent

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"

	"parley/shared/speech/score/timing"
	"parley/shared/speech/transcript"
)

const (
	// AlignSeconds is how much of the candidate's speech is aligned, s. More speech hardly moves
	// the mean of the weakest sounds.
	AlignSeconds = 60
	// sampleSeconds is how much of the candidate's speech is heard anew where the words are another
	// recogniser's, s.
	sampleSeconds = 48
	// cellSeconds is the length of the cells in which parts are chosen, s: about that of a part.
	cellSeconds = 10
)

// Sample are the windows by which the candidate is heard anew, where the words are another
// recogniser's: at most sampleSeconds of speech.
func Sample(speech timing.Speech) []timing.Window {
	return speech.Join(chosen(speech.Parts, sampleSeconds))
}

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

// alignAll returns for each part its sounds; none for parts that are not among which or could not
// be aligned. Each part is aligned alone: where the words of one don't match its sound, the aligner
// takes them from the sound of its neighbours, which spoils those as well. The parts are aligned at
// once, as far as the aligner has copies.
func alignAll(ctx context.Context, speech timing.Speech, which []int, aligner Aligner) ([]sounds, error) {
	out := make([]sounds, len(speech.Parts))
	all, ctx := errgroup.WithContext(ctx)
	for _, i := range which {
		all.Go(func() (err error) {
			out[i], err = align(ctx, speech.Join([]int{i})[0], speech.Parts[i].Words, aligner)
			return err
		})
	}
	return out, all.Wait()
}

// align returns the sounds of the only part of a window; none where it can't be aligned.
func align(ctx context.Context, w timing.Window, said []transcript.Word, aligner Aligner) (sounds, error) {
	words := make([]string, len(said))
	for i, v := range said {
		words[i] = v.Text
	}
	aligned, err := aligner.Align(ctx, w.PCM, words)
	if errors.Is(err, ErrNotAligned) {
		return sounds{}, nil
	}
	var out sounds
	for _, word := range aligned {
		if gop, ok := word.GOP(); ok && word.Spoken() {
			out.words = append(out.words, gop)
			out.phones = append(out.phones, word.standardised()...)
			if p, ok := word.pronounced(int64(word.Start)*frameMs + w.Pieces[0].OffsetMs); ok {
				out.told = append(out.told, p)
			}
		}
	}
	return out, err //nolint:wrapcheck // by Score
}
