// Package diarization finds out who speaks when, from the sound alone: how many voices there are and which stretches of the
// recording are whose. It knows nothing of words.
//
// Windows of 2.5 s are described by the statistics of their cepstra and pitch, projected to where voices differ, and
// clustered; the clusters become mixture models, which label the recording frame by frame (Viterbi), as in the classical
// systems (Tranter & Reynolds 2006). Nothing depends on chance or on the number of processors.
package diarization

import (
	"context"
	"fmt"
	"slices"

	"parley/shared/speech/audio"
)

// Turn is a stretch of one speaker: speech, with no pause longer than a second in it.
type Turn struct {
	Speaker int `json:"speaker"` // from 0, in order of appearance
	audio.Span
}

// Diarization is who speaks when: the artefact of the diarize stage.
type Diarization struct {
	// Speakers is the number of voices, 0 where there is no speech.
	Speakers int `json:"speakers"`
	// Turns are in order and at least MinTurnMs long. Those of one sound do not overlap.
	Turns []Turn `json:"turns"`
	// Separation is the distance between the two voices that are hardest to tell apart, in standard deviations of one
	// voice from one window of 2.5 s to the next; 0 where there are fewer than two.
	Separation float64 `json:"separation"`
	// Tracks tells of each speaker which of two separate channels it is heard in; empty where there
	// is one sound.
	Tracks []int `json:"tracks,omitempty"`
}

// maxMs bounds the recording: 45 minutes and what a decoder may add to them.
const maxMs = 50 * 60 * 1000

// Diarize finds the voices of a recording: pcm is 16 kHz mono, speech its stretches of speech, in order and not
// overlapping. The number of voices, 1 to MaxSpeakers, is not known beforehand. It works for a few seconds per 4 minutes
// of speech in about 250 MB for 45 minutes, ends early with ctx, and fails on a recording longer than 50 minutes.
func Diarize(ctx context.Context, pcm []int16, speech []audio.Span) (Diarization, error) {
	length := int64(len(pcm)) * 1000 / audio.SampleRate
	if length > maxMs {
		return Diarization{}, fmt.Errorf("diarization: diarize: %d ms are more than %d", length, maxMs)
	}
	p, err := loadProjection()
	if err != nil {
		return Diarization{}, err
	}
	speech = within(speech, length)
	f, err := extract(ctx, pcm, speech)
	if err != nil {
		return Diarization{}, err
	}
	ws := cut(f)
	h, err := voices(ctx, f, ws, p.points(describe(f, ws)), len(p.Rows))
	if err != nil {
		return Diarization{}, fmt.Errorf("diarization: diarize: %w", err)
	}
	d := Diarization{Separation: h.distance, Turns: []Turn{}}
	order := map[int]int{}
	for _, t := range turns(f, h.labels, speech) {
		if _, ok := order[t.Speaker]; !ok {
			order[t.Speaker] = len(order)
		}
		t.Speaker = order[t.Speaker]
		d.Turns = append(d.Turns, t)
	}
	d.Speakers = len(order)
	if d.Speakers < 2 {
		d.Separation = 0
	}
	return d, nil
}

// within puts the spans in order and cuts them to the recording and to each other.
func within(speech []audio.Span, length int64) []audio.Span {
	speech = slices.Clone(speech)
	slices.SortFunc(speech, func(a, b audio.Span) int {
		if a.StartMs != b.StartMs {
			return int(a.StartMs - b.StartMs)
		}
		return int(a.EndMs - b.EndMs)
	})
	out := speech[:0]
	end := int64(0)
	for _, s := range speech {
		s.StartMs = max(s.StartMs, end)
		s.EndMs = min(s.EndMs, length)
		if s.Len() > 0 {
			out = append(out, s)
			end = s.EndMs
		}
	}
	return out
}
