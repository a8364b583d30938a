package audio

import "math"

// The recogniser hears in windows of 30 s and pays for a whole one however short the piece, so pieces are long; but a piece is the unit
// of parallel work and of a repeat, so not too long. All in ms.
const (
	minChunk    = 20_000
	targetChunk = 70_000
	maxChunk    = 120_000
	// MaxChunks is the most pieces that Chunks cuts.
	MaxChunks = 64
	// cutReach is how far from its target a cut may be moved to reach a silence.
	cutReach = 20_000
	// A silence at a piece's edge longer than longEdge is left out, but for keptEdge.
	longEdge = 3_000
	keptEdge = 500
)

// Chunks cuts a recording into pieces for transcription: an even number of about equal ones of 60 to 90 s where there is that much, cut in the
// middle of the longest silence near by, covering all speech within window, each 20 to 120 s (a shorter recording: one piece). No
// speech: none.
func Chunks(speech []Span, window Span) []Span {
	if len(speech) == 0 {
		return nil
	}
	whole := trim(window, speech)
	n := 1
	if whole.Len() >= 3*minChunk {
		n = 2 * max(1, int(math.Round(float64(whole.Len())/(2*targetChunk))))
		n = min(n, MaxChunks, int(whole.Len()/minChunk))
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

// bestCut is the middle of the longest silence from low to high, a silence losing a fiftieth of its distance from the target; the target itself
// where there is none.
func bestCut(speech []Span, target, low, high int64) int64 {
	best, bestWorth := min(max(target, low), high), math.Inf(-1)
	for i := 1; i < len(speech); i++ {
		s := Span{max(speech[i-1].EndMs, low), min(speech[i].StartMs, high)}
		if s.Len() <= 0 {
			continue
		}
		middle := s.StartMs + s.Len()/2
		worth := float64(s.Len()) - math.Abs(float64(middle-target))/50
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
