package accent

import (
	"context"
	"errors"
	"strings"
)

// ErrNotAligned says that these words could not be aligned to this audio: the piece is left out,
// the rest is scored.
var ErrNotAligned = errors.New("accent: the words could not be aligned")

// MaxAlignSeconds is the longest piece that an Aligner is given.
const MaxAlignSeconds = 58

// Phone is one phone of an aligned word. Scores are sums of log likelihoods over the phone's
// frames, in the aligner's unit (PocketSphinx: 0.1024 nat).
type Phone struct {
	Name   string  // ARPAbet
	Frames int     // of 10 ms
	Score  float64 // of the phone itself
	Loop   float64 // of the free phone loop over the same frames
}

// AlignedWord is one word as it lies in the audio.
type AlignedWord struct {
	Text   string // lower case; silences and noises are marked <sil>, [NOISE], ++UH++
	Start  int    // first frame of 10 ms
	Frames int
	Phones []Phone
}

// Aligner lays words over audio and compares each phone with a free phone loop. It is asked for
// several pieces at once.
type Aligner interface {
	// Align lays the words, as written, over pcm, 16 kHz mono, MaxAlignSeconds at most. Words that
	// have no pronunciation are left out. ErrNotAligned. The work stops with ctx.
	Align(ctx context.Context, pcm []int16, words []string) ([]AlignedWord, error)
	// Version names the engine and its models: part of what a score depends on.
	Version() string
}

// Spoken tells whether it is a word, not silence or noise.
func (w AlignedWord) Spoken() bool {
	return w.Text != "" && !strings.ContainsAny(w.Text[:1], "<[+")
}

// GOP is the word's Goodness of Pronunciation (after Witt & Young 2000): its phones' log likelihood
// less that of the free phone loop, per frame. 0 is as good as any sound could be; the lower, the
// worse. ok is false where there are no phones.
func (w AlignedWord) GOP() (gop float64, ok bool) {
	var sum float64
	n := 0
	for _, p := range w.Phones {
		sum += p.Score - p.Loop
		n += p.Frames
	}
	if n == 0 {
		return 0, false
	}
	return sum / float64(n), true
}
