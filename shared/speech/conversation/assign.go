package conversation

import (
	"math"
	"strings"

	"parley/shared/speech/audio"
	"parley/shared/speech/diarization"
	"parley/shared/speech/transcript"
)

// A recogniser's word times are loose: a word is stretched over the pause beside it, and stands
// some tenths of a second early or late, at a change of speaker a whole second. The turns come from
// the sound and are tight, and a sentence is surer than the times in it. So words and turns keep
// their order, and we look for the cheapest way to lay one over the other. Each word costs its
// distance in time from its turn. A change of speaker inside a sentence costs extra.
const (
	// costCentre is the share of the distance of a word's centre from the turn, beside the distance
	// of the word itself.
	costCentre = 0.3
	// The price of a change of speaker after a word, in seconds of distance, by what the word ends
	// with. Of 2,416 words of five interviews, heard whole, 0.5 inside a sentence put 24 to the
	// wrong speaker, 2 put 8, and from 4 to 12 put 3.
	changeSentence = 0.0 // . ? !
	changeClause   = 1.0
	changeInside   = 4.0
	// changeUnmarked is the price inside where no sentence ends within unmarkedWords before or
	// after: the recogniser leaves out the punctuation at times, and then its absence says nothing.
	changeUnmarked = 0.5
	unmarkedWords  = 40
)

// merged are the turns of the conversation, without words: of the diarization's, what follows
// itself is one. Without a diarization everything is one turn.
func merged(d diarization.Diarization, words []transcript.Word, intake audio.Intake) []transcript.Turn {
	var turns []transcript.Turn
	for _, t := range d.Turns {
		if t.Speaker < 0 {
			continue
		}
		if n := len(turns); n > 0 && turns[n-1].Speaker == t.Speaker && !othersBetween(d, turns[n-1].EndMs, t) {
			turns[n-1].EndMs = max(turns[n-1].EndMs, t.EndMs)
			continue
		}
		turns = append(turns, transcript.Turn{Speaker: t.Speaker, StartMs: t.StartMs, EndMs: t.EndMs})
	}
	if len(turns) == 0 && len(words) > 0 {
		whole := intake.Window
		if whole.Len() <= 0 {
			whole = audio.Span{StartMs: words[0].StartMs, EndMs: words[len(words)-1].EndMs}
		}
		turns = append(turns, transcript.Turn{StartMs: whole.StartMs, EndMs: whole.EndMs})
	}
	return turns
}

// othersBetween tells whether, in a recording of separate channels, another speaks in the pause
// before a turn: it is no pause of that turn then.
func othersBetween(d diarization.Diarization, from int64, t diarization.Turn) bool {
	if len(d.Tracks) == 0 {
		return false // one sound: the turns are in the order of their speakers
	}
	for _, o := range d.Turns {
		if o.StartMs >= t.StartMs {
			break
		}
		if o.Speaker != t.Speaker && o.EndMs > from {
			return true
		}
	}
	return false
}

// assign gives every word to a turn. Time and memory grow with words times turns, both bounded by
// Join, within a band.
func assign(words []transcript.Word, turns []transcript.Turn) []transcript.Turn {
	if len(words) == 0 || len(turns) == 0 {
		return turns
	}
	// best[g] is the least cost of the words so far with the last one in turn g. from[i][g-low[i]]
	// is the turn of word i-1 where word i is in g. Only turns within reach of the word are looked
	// at.
	best := make([]float64, len(turns))
	next := make([]float64, len(turns))
	from := make([][]int32, len(words))
	low := make([]int, len(words))
	first, last := reach(words[0], turns, 0)
	for g := range best {
		best[g] = math.Inf(1)
	}
	low[0] = first
	for g := first; g <= last; g++ {
		best[g] = distance(words[0], turns[g])
	}
	prevFirst, prevLast := first, last
	marked := marks(words)
	for i := 1; i < len(words); i++ {
		w := words[i]
		first, last = reach(w, turns, prevFirst)
		change := changeCost(words[i-1], marked[i-1])
		low[i] = first
		from[i] = make([]int32, last-first+1)
		least, leastAt := math.Inf(1), prevFirst // over the turns before g
		g0 := prevFirst
		for g := first; g <= last; g++ {
			for ; g0 < g && g0 <= prevLast; g0++ {
				if best[g0] < least {
					least, leastAt = best[g0], g0
				}
			}
			cost, at := least+change, leastAt
			if g >= prevFirst && g <= prevLast && best[g] <= cost {
				cost, at = best[g], g
			}
			next[g] = cost + distance(w, turns[g])
			from[i][g-first] = int32(at)
		}
		best, next = next, best
		prevFirst, prevLast = first, last
	}
	at := prevFirst
	for g := prevFirst; g <= prevLast; g++ {
		if best[g] < best[at] {
			at = g
		}
	}
	for i, g := range traced(from, low, at) {
		turns[g].Words = append(turns[g].Words, words[i])
	}
	return turns
}

// traced goes back from the turn of the last word, and returns the turn of every word.
func traced(from [][]int32, low []int, at int) []int {
	of := make([]int, len(from))
	for i := len(from) - 1; i >= 0; i-- {
		of[i] = at
		if i > 0 {
			at = int(from[i][at-low[i]])
		}
	}
	return of
}

// reachMs is how far from a word its turn may be, unless there is none nearer.
const reachMs = 5000

// reach is the range of turns that a word may belong to: those within reachMs and the nearest on
// each side; never one before from, because words keep their order.
func reach(w transcript.Word, turns []transcript.Turn, from int) (first, last int) {
	first = from
	for first+1 < len(turns) && turns[first].EndMs < w.StartMs-reachMs && turns[first+1].StartMs <= w.StartMs {
		first++
	}
	last = first
	for last+1 < len(turns) && (turns[last+1].StartMs <= w.EndMs+reachMs || turns[last].EndMs < w.StartMs && last == first) {
		last++
	}
	return first, last
}

// distance is what a word pays to be in a turn, in seconds.
func distance(w transcript.Word, t transcript.Turn) float64 {
	outside := func(from, to int64) float64 {
		return float64(max(0, t.StartMs-to, from-t.EndMs)) / 1000
	}
	centre := (w.StartMs + w.EndMs) / 2
	return (1-costCentre)*outside(w.StartMs, w.EndMs) + costCentre*outside(centre, centre)
}

// changeCost is the price of a change of speaker after a word; marked tells whether sentences end
// near it.
func changeCost(before transcript.Word, marked bool) float64 {
	text := unquoted(before.Text)
	switch {
	case sentenceEnd(text):
		return changeSentence
	case !marked:
		return changeUnmarked
	case strings.HasSuffix(text, ",") || strings.HasSuffix(text, ";") || strings.HasSuffix(text, ":") || strings.HasSuffix(text, "-"):
		return changeClause
	}
	return changeInside
}

// marks tells of each word whether a sentence ends within unmarkedWords of it.
func marks(words []transcript.Word) []bool {
	marked := make([]bool, len(words))
	next := 0 // the first word not looked at yet
	for i, w := range words {
		if !sentenceEnd(unquoted(w.Text)) {
			continue
		}
		for next = max(next, i-unmarkedWords); next <= min(i+unmarkedWords, len(words)-1); next++ {
			marked[next] = true
		}
	}
	return marked
}

// unquoted is a word without what closes a quotation or brackets.
func unquoted(text string) string { return strings.TrimRight(text, `"'”’)]»`) }

// sentenceEnd tells whether a word ends a sentence.
func sentenceEnd(text string) bool {
	for _, s := range []string{".", "?", "!", "…", "。", "？", "！", "؟"} {
		if strings.HasSuffix(text, s) {
			return true
		}
	}
	return false
}
