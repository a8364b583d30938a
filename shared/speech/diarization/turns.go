package diarization

import "parley/shared/speech/audio"

// The shape of the turns.
const (
	// mergeGapMs is the pause within a turn: longer ones part two turns of the same speaker.
	mergeGapMs = 1000
	// MinTurnMs is the shortest turn: what is shorter goes to its neighbour, or is no speech.
	MinTurnMs = 250
)

// turns lays the frames' labels over the spans of speech.
func turns(f frames, labels []int, speech []audio.Span) []Turn {
	var out []Turn
	i := 0
	for _, s := range speech {
		for i < len(f.at) && int64(f.at[i])*hopMs < s.StartMs {
			i++
		}
		from := s.StartMs
		first := i
		for ; i < len(f.at) && int64(f.at[i])*hopMs < s.EndMs; i++ {
			if i > first && labels[i] != labels[i-1] {
				at := int64(f.at[i-1]+f.at[i]+1) * hopMs / 2
				out = append(out, Turn{labels[i-1], audio.Span{StartMs: from, EndMs: at}})
				from = at
			}
		}
		// A span without modelled frames is decided by its neighbours: speaker -1 until then.
		label := -1
		if i > first {
			label = labels[i-1]
		}
		out = append(out, Turn{label, audio.Span{StartMs: from, EndMs: s.EndMs}})
	}
	out = merge(out)
	for i, t := range out {
		if t.Speaker >= 0 && t.Len() >= MinTurnMs {
			continue
		}
		before, after := int64(-1), int64(-1)
		if i > 0 && out[i-1].Speaker >= 0 {
			before = t.StartMs - out[i-1].EndMs
		}
		if i+1 < len(out) && out[i+1].Speaker >= 0 {
			after = out[i+1].StartMs - t.EndMs
		}
		switch {
		case before >= 0 && (after < 0 || before <= after):
			out[i].Speaker = out[i-1].Speaker
		case after >= 0:
			out[i].Speaker = out[i+1].Speaker
		}
	}
	out = merge(out)
	kept := out[:0]
	for _, t := range out {
		if t.Speaker >= 0 && t.Len() >= MinTurnMs {
			kept = append(kept, t)
		}
	}
	return merge(kept)
}

// merge joins neighbours of the same speaker across short pauses.
func merge(in []Turn) []Turn {
	var out []Turn
	for _, t := range in {
		if t.Len() <= 0 {
			continue
		}
		if n := len(out); n > 0 && out[n-1].Speaker == t.Speaker && t.StartMs-out[n-1].EndMs <= mergeGapMs {
			out[n-1].EndMs = t.EndMs
			continue
		}
		out = append(out, t)
	}
	return out
}
