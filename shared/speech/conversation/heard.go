package conversation

import (
	"slices"

	"parley/shared/speech/audio"
	"parley/shared/speech/diarization"
	"parley/shared/speech/transcript"
)

// The diarization tells sounds apart that are loud enough to be speech. Music, tones and ringing
// are, and form a voice of their own. The recogniser's voice activity detection knows better.
const (
	// leastSpoken is the share of a voice's turns in which speech must be heard for it to be one.
	// Hold music of 45 s had 0, an announcement over the telephone 0.98.
	leastSpoken = 0.2
	// noiseTurnMs is the least length of a turn without any speech that is left out of a voice.
	// Shorter ones may be a soft "mhm".
	noiseTurnMs = 1500
)

// spoken leaves out of a diarization what is no speech: voices of which hardly any speech is heard,
// and long turns without any. Speakers are numbered anew. chunks are those of each track. Where no
// speech is marked at all, the recogniser does not tell, and everything stays.
func spoken(d diarization.Diarization, tracks [][]transcript.Chunk) diarization.Diarization {
	speech, pieces := make([][]audio.Span, len(tracks)), make([][]audio.Span, len(tracks))
	marked := false
	for k, chunks := range tracks {
		for _, c := range chunks {
			speech[k], pieces[k] = append(speech[k], c.Speech...), append(pieces[k], c.Span)
		}
		inOrder(speech[k])
		inOrder(pieces[k])
		marked = marked || len(speech[k]) > 0
	}
	if !marked || d.Speakers == 0 {
		return d
	}
	// of tells how much of a turn was listened to, and in how much of it there was speech.
	of := func(t diarization.Turn) (listened, heard int64) {
		k := 0
		if t.Speaker < len(d.Tracks) {
			k = d.Tracks[t.Speaker]
		}
		if k >= len(tracks) {
			return 0, 0
		}
		return common(t.Span, pieces[k]), common(t.Span, speech[k])
	}
	all, sum := make([]int64, d.Speakers), make([]int64, d.Speakers)
	for _, t := range d.Turns {
		listened, heard := of(t)
		all[t.Speaker] += listened
		sum[t.Speaker] += heard
	}
	kept := func(t diarization.Turn) bool {
		listened, heard := of(t)
		return float64(sum[t.Speaker]) >= leastSpoken*float64(all[t.Speaker]) && (listened < noiseTurnMs || heard > 0)
	}
	out := d
	out.Turns, out.Tracks, out.Speakers = []diarization.Turn{}, nil, 0
	number := map[int]int{}
	for _, t := range d.Turns {
		if !kept(t) {
			continue
		}
		if _, ok := number[t.Speaker]; !ok {
			number[t.Speaker] = len(number)
			if len(d.Tracks) > 0 {
				out.Tracks = append(out.Tracks, d.Tracks[t.Speaker])
			}
		}
		t.Speaker = number[t.Speaker]
		out.Turns = append(out.Turns, t)
	}
	if out.Speakers = len(number); out.Speakers == 0 {
		return d // words decide
	}
	return out
}

func inOrder(spans []audio.Span) {
	slices.SortFunc(spans, func(a, b audio.Span) int { return int(a.StartMs - b.StartMs) })
}

// common is how much of a span lies in others, which are in order and do not overlap, in ms.
func common(s audio.Span, in []audio.Span) (ms int64) {
	first, _ := slices.BinarySearchFunc(in, s.StartMs, func(x audio.Span, at int64) int { return int(x.EndMs - at) })
	for _, x := range in[first:] {
		if x.StartMs >= s.EndMs {
			break
		}
		ms += max(0, min(x.EndMs, s.EndMs)-max(x.StartMs, s.StartMs))
	}
	return ms
}
