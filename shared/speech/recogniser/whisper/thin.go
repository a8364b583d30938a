package whisper

import (
	"slices"
	"unicode/utf8"

	"parley/shared/speech/audio"
	"parley/shared/speech/transcript"
)

// At times Whisper writes one sentence over a whole window and leaves out the others. Its word
// times then cover the speech, but at the pace of the piece there is far too much of it for the
// words.
const (
	// thinMs is how much speech a segment holds without words for it, at the median pace of the
	// piece's segments, to be heard again. In the five interviews of the evaluation, heard whole
	// and in pieces, the one segment above it had lost five sentences; all others are below 3 s.
	thinMs = 4000
	// maxThin is how many such segments of one piece are: each costs the engine two windows.
	maxThin = 2
	// paceSegments is how many segments tell a pace.
	paceSegments = 5
	// fuller is how many times more letters the second hearing must have to take the first one's
	// place.
	fuller = 1.2
)

// thin are the segments with too few words for their speech, the worst first.
func (h hearing) thin(speech []audio.Span) []audio.Span {
	type measured struct {
		span         audio.Span
		letters, lag float64 // lag: speech without words, ms
		speech       float64 // ms
	}
	var all []measured
	var paces []float64
	for _, s := range h.Segments {
		m := measured{span: audio.Span{StartMs: s.StartMs, EndMs: s.EndMs}}
		for _, t := range s.Tokens {
			m.letters += float64(utf8.RuneCountInString(t.Text))
		}
		if m.speech = float64(overlap(m.span, speech)); m.speech >= minSegmentSpeech {
			all = append(all, m)
			paces = append(paces, m.letters/m.speech)
		}
	}
	if len(all) < paceSegments {
		return nil
	}
	slices.Sort(paces)
	pace := paces[len(paces)/2]
	if pace <= 0 {
		return nil
	}
	for i := range all {
		all[i].lag = all[i].speech - all[i].letters/pace
	}
	all = slices.DeleteFunc(all, func(m measured) bool { return m.lag <= thinMs })
	slices.SortStableFunc(all, func(a, b measured) int { return int(b.lag - a.lag) })
	var out []audio.Span
	for _, m := range all[:min(len(all), maxThin)] {
		out = append(out, m.span)
	}
	return out
}

// halves are the two parts of a segment to be heard again, cut in the longest pause of its middle
// half: heard as it is, it would be the same window with the same result. One where there is no
// pause.
func halves(s audio.Span, speech []audio.Span) []audio.Span {
	var longest audio.Span
	for i := 1; i < len(speech); i++ {
		gap := audio.Span{StartMs: speech[i-1].EndMs, EndMs: speech[i].StartMs}
		if gap.StartMs >= s.StartMs+s.Len()/4 && gap.EndMs <= s.EndMs-s.Len()/4 && gap.Len() > longest.Len() {
			longest = gap
		}
	}
	if longest.Len() <= 0 {
		return []audio.Span{s}
	}
	middle := longest.StartMs + longest.Len()/2
	return []audio.Span{{StartMs: s.StartMs, EndMs: middle}, {StartMs: middle, EndMs: s.EndMs}}
}

// refill puts the words found in a segment in the place of those that were there, where they are
// many more.
func refill(words, found []transcript.Word, s audio.Span) []transcript.Word {
	inside := func(w transcript.Word) bool {
		middle := (w.StartMs + w.EndMs) / 2
		return middle >= s.StartMs && middle < s.EndMs
	}
	var before, now int64
	for _, w := range words {
		if inside(w) {
			before += weight(w)
		}
	}
	for _, w := range found {
		now += weight(w)
	}
	if float64(now) < fuller*float64(before) {
		return words
	}
	return insert(slices.DeleteFunc(slices.Clone(words), inside), found)
}
