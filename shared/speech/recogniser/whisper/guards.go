package whisper

import (
	"slices"
	"strings"

	"parley/shared/speech/audio"
	"parley/shared/speech/transcript"
)

const (
	// strayMs is how far from any speech a word may lie: Whisper's word times are off by some
	// tenths of a second, and more at pauses.
	strayMs = 1000
	// A segment that shares less than this with the speech, in ms and as a part of it, was
	// invented.
	minHeardMs    = 60
	minHeardShare = 0.05
	// phantomP and phantomShare bound what may be one of the phrases that Whisper writes over
	// noise.
	phantomP     = 0.5
	phantomShare = 0.3
)

// phantoms are what Whisper writes for noise and music, learnt from subtitles; as transcript.Normal
// gives them.
var phantoms = []string{"you", "thank you", "thanks", "thank you very much", "thank you so much", "thanks for watching", "thank you for watching",
	"thanks for watching bye", "please subscribe", "please subscribe to my channel", "subscribe", "bye", "bye bye", "the end", "so", "okay",
	"i'll see you next time", "see you next time", "subtitles by the amara org community", "we'll be right back"}

// unheard tells whether a segment was written over no speech: hardly any of it lies in speech, or
// it is a phantom phrase of low probability on little speech.
func unheard(s segment, words []transcript.Word, speech []audio.Span) bool {
	if len(words) == 0 {
		return true
	}
	length, inside := max(1, s.EndMs-s.StartMs), overlap(audio.Span{StartMs: s.StartMs, EndMs: s.EndMs}, speech)
	share := float64(inside) / float64(length)
	if inside < minHeardMs || share < minHeardShare {
		return true
	}
	p, text := 0.0, make([]string, len(words))
	for i, w := range words {
		p += w.P
		text[i] = w.Text
	}
	return p/float64(len(words)) < phantomP && share < phantomShare && slices.Contains(phantoms, strings.Join(transcript.Normal(strings.Join(text, " ")), " "))
}

// overlap is how much of s lies in the spans, in ms.
func overlap(s audio.Span, spans []audio.Span) int64 {
	n := int64(0)
	for _, x := range spans {
		n += max(0, min(x.EndMs, s.EndMs)-max(x.StartMs, s.StartMs))
	}
	return n
}

// distance is how far a word lies from the nearest speech, in ms.
func distance(w transcript.Word, speech []audio.Span) int64 {
	best := int64(1) << 60
	for _, s := range speech {
		best = min(best, max(0, s.StartMs-w.EndMs, w.StartMs-s.EndMs))
	}
	return best
}

// A phrase said loopTimes in a row is a loop of the decoder: people do say "no, no, no". A
// phrase of phraseWords or more is one where it is said phraseTimes, and one of longWords or more
// where it is said longTimes. In 131,000 words of the shared texts, nobody says a phrase of three
// words or more three times in a row.
const (
	loopTimes     = 4
	phraseWords   = 4
	phraseTimes   = 3
	longWords     = 9
	longTimes     = 2
	longLoopWords = 40
)

// timesOfLoop is how often in a row a phrase of n words must come to be a loop.
func timesOfLoop(n int) int {
	switch {
	case n >= longWords:
		return longTimes
	case n >= phraseWords:
		return phraseTimes
	}
	return loopTimes
}

// unloop keeps the first of what repeats itself.
func unloop(words []transcript.Word) []transcript.Word {
	keys := make([]string, len(words))
	for i, w := range words {
		keys[i] = strings.Join(transcript.Normal(w.Text), " ")
	}
	for i := 0; i < len(words); i++ {
		for n := 1; n <= longLoopWords && i+2*n <= len(words); n++ {
			times := 1
			for at := i + n; at+n <= len(words) && slices.Equal(keys[i:i+n], keys[at:at+n]); at += n {
				times++
			}
			if times < timesOfLoop(n) {
				continue
			}
			words = slices.Delete(slices.Clone(words), i+n, i+n*times)
			keys = slices.Delete(keys, i+n, i+n*times)
			break
		}
	}
	return words
}

const (
	// missedMs is how much speech without a word is heard again.
	missedMs = 2000
	// maxMissed is how many such gaps of one piece are: each costs the engine a whole window of 30
	// s.
	maxMissed = 4
	// missedEdge is kept on each side of a gap's speech, in ms.
	missedEdge = 150
)

// missed are the stretches between words that hold more than 2 s of speech, the four with the most,
// by time.
func missed(words []transcript.Word, speech []audio.Span, length int64) []audio.Span {
	type gap struct {
		hull   audio.Span
		speech int64
	}
	var gaps []gap
	at := int64(0)
	for i := range len(words) + 1 {
		between := audio.Span{StartMs: at, EndMs: length}
		if i < len(words) {
			between.EndMs = words[i].StartMs
			at = words[i].EndMs
		}
		n := overlap(between, speech)
		if n <= missedMs {
			continue
		}
		hull := audio.Span{StartMs: between.EndMs, EndMs: between.StartMs}
		for _, s := range speech {
			if from, to := max(s.StartMs, between.StartMs), min(s.EndMs, between.EndMs); from < to {
				hull.StartMs, hull.EndMs = min(hull.StartMs, from), max(hull.EndMs, to)
			}
		}
		hull.StartMs, hull.EndMs = max(between.StartMs, hull.StartMs-missedEdge), min(between.EndMs, hull.EndMs+missedEdge)
		gaps = append(gaps, gap{hull, n})
	}
	slices.SortStableFunc(gaps, func(a, b gap) int { return int(b.speech - a.speech) })
	gaps = gaps[:min(len(gaps), maxMissed)]
	out := make([]audio.Span, len(gaps))
	for i, g := range gaps {
		out[i] = g.hull
	}
	slices.SortFunc(out, func(a, b audio.Span) int { return int(a.StartMs - b.StartMs) })
	return out
}

// insert puts the words of a gap between those around it. What they repeat of their neighbours, two
// words or more, is left out: the neighbours' times were off, not the words.
func insert(words, found []transcript.Word) []transcript.Word {
	if len(found) == 0 {
		return words
	}
	i := 0
	for i < len(words) && words[i].StartMs < found[0].StartMs {
		i++
	}
	same := func(a, b []transcript.Word) bool {
		return slices.EqualFunc(a, b, func(x, y transcript.Word) bool {
			return slices.Equal(transcript.Normal(x.Text), transcript.Normal(y.Text))
		})
	}
	for n := min(i, len(found)); n >= 2; n-- {
		if same(words[i-n:i], found[:n]) {
			found = found[n:]
			break
		}
	}
	for n := min(len(words)-i, len(found)); n >= 2; n-- {
		if same(words[i:i+n], found[len(found)-n:]) {
			found = found[:len(found)-n]
			break
		}
	}
	return slices.Concat(words[:i], found, words[i:])
}
