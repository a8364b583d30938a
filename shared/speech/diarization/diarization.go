// Package diarization finds out who speaks when, from the sound alone: how many voices there are
// and which stretches of the recording are whose. It knows nothing of words.
//
// Windows of 1.5 s are described by a speaker embedding (Embedder) and clustered; the clusters
// become mixture models of the cepstra, which label the recording frame by frame (Viterbi) together
// with the embeddings, as in the classical systems (Tranter & Reynolds 2006). Nothing depends on
// chance or on the number of processors.
package diarization

import (
	"context"
	"fmt"
	"slices"

	"parley/shared/speech/audio"
)

// Voices is what a diarization asks of the network behind it.
type Voices interface {
	Embedder
	Listener
}

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
	// Separation is the distance between the two voices that are hardest to tell apart, in standard
	// deviations of one voice from one window of 1.5 s to the next; 0 where there are fewer than
	// two.
	Separation float64 `json:"separation"`
	// Tracks tells of each speaker which of two separate channels it is heard in; empty where there
	// is one sound.
	Tracks []int `json:"tracks,omitempty"`
	// Both are the stretches of one sound in which two speak at once, in order and at least
	// leastBothMs long. They are not looked for where one voice is heard and no other is possible.
	Both []audio.Span `json:"both,omitempty"`
	// Doubted are, where one voice was heard, the turns of the clearest way of telling two apart,
	// if there is any: the words may say that they are two.
	Doubted []Turn `json:"doubted,omitempty"`
}

// maxMs bounds the recording: 45 minutes and what a decoder may add to them.
const maxMs = 50 * 60 * 1000

// Diarize finds the voices of a recording: pcm is 16 kHz mono, speech its stretches of speech, in
// order and not overlapping. The number of voices, 1 to MaxSpeakers, is not known beforehand. It
// works for a few seconds per 4 minutes of speech in about 250 MB for 45 minutes, ends early with
// ctx, and fails on a recording longer than 50 minutes or with the network. The embeddings are
// gone when it returns.
func Diarize(ctx context.Context, pcm []int16, speech []audio.Span, v Voices) (Diarization, error) {
	length := int64(len(pcm)) * 1000 / audio.SampleRate
	if length > maxMs {
		return Diarization{}, fmt.Errorf("diarization: diarize: %d ms are more than %d", length, maxMs)
	}
	speech, err := spoken(ctx, pcm, within(speech, length))
	if err != nil {
		return Diarization{}, fmt.Errorf("diarization: %w", err)
	}
	f, err := extract(ctx, pcm, speech)
	if err != nil {
		return Diarization{}, err
	}
	ws := cut(f, speech)
	points, dim, err := describe(ctx, pcm, described(ws, length), v)
	if err != nil {
		return Diarization{}, fmt.Errorf("diarization: %w", err)
	}
	one := hypothesis{k: 1, group: make([]int, len(ws))}
	best, doubted := one, hypothesis{}
	if len(points) > 0 {
		if best, doubted, err = count(ctx, ws, points, dim); err != nil {
			return Diarization{}, fmt.Errorf("diarization: %w", err)
		}
	}
	d := Diarization{}
	if d.Turns, d.Speakers, err = lay(ctx, f, ws, points, dim, best, speech); err != nil {
		return Diarization{}, fmt.Errorf("diarization: %w", err)
	}
	if d.Speakers > 1 {
		d.Separation = best.apart
	}
	if doubted.k > 1 && doubted.score > unheard {
		turns, n, err := lay(ctx, f, ws, points, dim, doubted, speech)
		if err != nil {
			return Diarization{}, fmt.Errorf("diarization: %w", err)
		}
		if n > 1 {
			d.Doubted = turns
		}
	}
	if d.Speakers > 1 || len(d.Doubted) > 0 {
		h, err := listen(ctx, pcm, speech, v)
		if err != nil {
			return Diarization{}, fmt.Errorf("diarization: %w", err)
		}
		d.Both = h.crossings()
	}
	return d, nil
}

// describe asks for the embeddings of the windows: dim numbers each, one after the other.
func describe(ctx context.Context, pcm []int16, windows []audio.Span, e Embedder) (points []float64, dim int, err error) {
	if len(windows) == 0 {
		return nil, 0, ctx.Err()
	}
	vectors, err := e.Embed(ctx, pcm, windows)
	if err != nil {
		return nil, 0, err
	}
	if len(vectors) != len(windows) {
		return nil, 0, fmt.Errorf("%d embeddings of %d windows", len(vectors), len(windows))
	}
	dim = len(vectors[0])
	points = make([]float64, 0, len(vectors)*dim)
	for _, v := range vectors {
		if len(v) != dim {
			return nil, 0, fmt.Errorf("embeddings of %d and of %d dimensions", dim, len(v))
		}
		for _, x := range v {
			points = append(points, float64(x))
		}
	}
	return points, dim, nil
}

// lay makes turns of a hypothesis, with the speakers numbered by appearance.
func lay(ctx context.Context, f frames, ws []window, points []float64, dim int, h hypothesis, speech []audio.Span) (out []Turn, speakers int, err error) {
	labels := spread(f.len(), ws, h.group, h.k)
	if h.k > 1 {
		if labels, err = refine(ctx, f, labels, h.k, likeness(f.len(), ws, points, dim, h)); err != nil {
			return nil, 0, err
		}
	}
	out = []Turn{}
	order := map[int]int{}
	for _, t := range turns(f, labels, speech) {
		if _, ok := order[t.Speaker]; !ok {
			order[t.Speaker] = len(order)
		}
		t.Speaker = order[t.Speaker]
		out = append(out, t)
	}
	return out, len(order), nil
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
