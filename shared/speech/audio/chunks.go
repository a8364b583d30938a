package audio

import (
	"math"
	"time"
)

// The recogniser hears in windows of up to 28.6 s and pays for 30 s however short one is: so pieces
// are long and few. But a piece is the unit of parallel work and of a repeat, so not too long, and
// of an even number, because all is done when the longest is. All in ms.
const (
	minChunk = 20_000
	// fullChunk is how long pieces become before there are two more: a recording of four minutes is
	// two.
	fullChunk = 125_000
	maxChunk  = int64(MaxChunk / time.Millisecond)
	// MaxChunk is the longest piece that Chunks cuts.
	MaxChunk = 140 * time.Second
	// MaxChunks is the most pieces that Chunks cuts.
	MaxChunks = 64
	// cutReach is how far from its target a cut may be moved to reach a silence: the longest
	// silences lie between turns, and a sentence cut in two costs words.
	cutReach = 12_000
	// A silence at a piece's edge longer than longEdge is left out, but for keptEdge: a word that
	// begins with the first sample is misheard.
	longEdge = 3_000
	keptEdge = 500
)

// Chunks cuts a recording into pieces for transcription: one below a minute, else an even number of
// about equal ones of up to 125 s, cut in the middle of the longest silence near by, covering all
// speech within window, each 20 to 140 s. No speech: none.
func Chunks(speech []Span, window Span) []Span {
	if len(speech) == 0 {
		return nil
	}
	whole := trim(window, speech)
	n := 1
	if whole.Len() >= 3*minChunk {
		n = min(MaxChunks, 2*int((whole.Len()+2*fullChunk-1)/(2*fullChunk)))
	}
	out := make([]Span, 0, n)
	at := whole.StartMs
	for k := 1; k <= n; k++ {
		end := whole.EndMs
		if left := int64(n - k); left > 0 {
			target := at + (whole.EndMs-at)/(left+1)
			// what is left must still fit into the pieces that are left
			low := max(at+minChunk, whole.EndMs-left*maxChunk, target-cutReach)
			high := min(at+maxChunk, whole.EndMs-left*minChunk, target+cutReach)
			end = bestCut(speech, target, low, high)
		}
		if piece, ok := trimmed(Span{at, end}, speech); ok {
			out = append(out, piece)
		}
		at = end
	}
	return out
}

// bestCut is the middle of the longest silence from low to high, a silence losing a twentieth of
// its distance from the target (all is done when the longest piece is); the target itself where
// there is none.
func bestCut(speech []Span, target, low, high int64) int64 {
	best, bestWorth := min(max(target, low), high), math.Inf(-1)
	for i := 1; i < len(speech); i++ {
		s := Span{max(speech[i-1].EndMs, low), min(speech[i].StartMs, high)}
		if s.Len() <= 0 {
			continue
		}
		middle := s.StartMs + s.Len()/2
		worth := float64(s.Len()) - math.Abs(float64(middle-target))/20
		if worth > bestWorth {
			best, bestWorth = middle, worth
		}
	}
	return best
}

// trim leaves out the long silence before the first and after the last speech of a piece.
func trim(piece Span, speech []Span) Span {
	t, ok := trimmed(piece, speech)
	if !ok {
		return piece
	}
	return t
}

// trimmed is trim; ok is false where no speech lies in the piece.
func trimmed(piece Span, speech []Span) (t Span, ok bool) {
	first, last := piece.EndMs, piece.StartMs
	for _, s := range speech {
		if s.EndMs > piece.StartMs && s.StartMs < piece.EndMs {
			first, last = min(first, max(s.StartMs, piece.StartMs)), max(last, min(s.EndMs, piece.EndMs))
		}
	}
	if first >= last {
		return piece, false
	}
	if first-piece.StartMs > longEdge {
		piece.StartMs = first - keptEdge
	}
	if piece.EndMs-last > longEdge {
		piece.EndMs = last + keptEdge
	}
	return piece, true
}
