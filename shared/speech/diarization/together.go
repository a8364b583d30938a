package diarization

import (
	"cmp"
	"slices"
)

// Together is who speaks when in a recording whose channels each hold speakers of their own: the
// turns of all, by their start, the speakers in order of appearance. Turns of different channels
// may overlap.
func Together(of []Diarization) Diarization {
	all := Diarization{Turns: []Turn{}}
	var turns []Turn // the speakers of track k from k*MaxSpeakers on
	for k, d := range of {
		for _, t := range d.Turns {
			turns = append(turns, Turn{k*MaxSpeakers + t.Speaker, t.Span})
		}
		if d.Separation > 0 && (all.Separation == 0 || d.Separation < all.Separation) {
			all.Separation = d.Separation
		}
	}
	slices.SortStableFunc(turns, func(a, b Turn) int { return cmp.Compare(a.StartMs, b.StartMs) })
	order := map[int]int{}
	for _, t := range turns {
		if _, ok := order[t.Speaker]; !ok {
			order[t.Speaker] = len(order)
			all.Tracks = append(all.Tracks, t.Speaker/MaxSpeakers)
		}
		all.Turns = append(all.Turns, Turn{order[t.Speaker], t.Span})
	}
	all.Speakers = len(order)
	return all
}
