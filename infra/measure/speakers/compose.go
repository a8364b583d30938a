package main

import (
	"context"
	"fmt"

	"parley/infra/measure/corpus"
	"parley/shared/speech/audio"
	"parley/shared/speech/conversation"
)

// person is a speaker of the corpus.
type person struct {
	id, group  string // of one gender and age group voices are alike
	utterances [][]int16
}

// people reads the speakers of speechocean762.
func people(ctx context.Context, data string) ([]person, error) {
	rated, err := corpus.Speakers(data)
	if err != nil {
		return nil, err
	}
	var out []person
	for _, s := range rated {
		p := person{id: s.ID, group: s.Group()}
		for _, u := range s.Utterances {
			pcm, err := decoder().Decode(ctx, u.Audio)
			if err != nil {
				return nil, err
			}
			p.utterances = append(p.utterances, trimmed(pcm))
		}
		out = append(out, p)
	}
	if len(out) < 2 {
		return nil, fmt.Errorf("only %d speakers in %s", len(out), data)
	}
	return out, nil
}

// trimmed is an utterance without the silence around it, so that the truth is speech.
func trimmed(pcm []int16) []int16 {
	speech := audio.Analyse(pcm, audio.DefaultCut()).Speech
	if len(speech) == 0 {
		return pcm
	}
	return part(pcm, speech[0].StartMs, speech[len(speech)-1].EndMs)
}

// composition is a conversation made of single sentences.
type composition struct {
	recording recording
	share     float64
}

// shares are the candidate's shares of the speech that are tried, one after the other.
var shares = []float64{0.3, 0.4, 0.6, 0.7, 0.8}

const (
	composedSeconds = 120
	pauseMs         = 450
)

// compose lets the n-th speaker be a candidate, and another one of the same group (every other time
// of any group) the interviewer, who opens. Nobody asks anything: these are read sentences.
func compose(people []person, n int) composition {
	candidate := people[n%len(people)]
	interviewer := candidate
	for k := 1; k < len(people); k++ {
		interviewer = people[(n+k*7)%len(people)]
		if interviewer.id != candidate.id && (n%2 == 0 || interviewer.group == candidate.group) {
			break
		}
	}
	share := shares[n%len(shares)]
	c := composition{share: share, recording: recording{name: fmt.Sprintf("%s with %s, share %.1f", candidate.id, interviewer.id, share)}}
	r := &c.recording
	spoken := [2]float64{} // candidate, interviewer, s
	next := [2]int{}
	cast := [2]person{candidate, interviewer}
	for turn := 1; len(r.pcm) < composedSeconds*audio.SampleRate; turn++ {
		who := turn % 2
		for said := range 3 {
			// One sentence at least, and more while the share is behind.
			behind := spoken[0] < share*(spoken[0]+spoken[1])
			if said > 0 && behind != (who == 0) {
				break
			}
			x := cast[who].utterances[next[who]%len(cast[who].utterances)]
			next[who]++
			r.pcm = append(r.pcm, make([]int16, pauseMs*audio.SampleRate/1000)...)
			from := float64(len(r.pcm)) / audio.SampleRate
			r.pcm = append(r.pcm, x...)
			to := float64(len(r.pcm)) / audio.SampleRate
			spoken[who] += to - from
			role := [2]string{conversation.RoleCandidate, conversation.RoleInterviewer}[who]
			r.ref.Segments = append(r.ref.Segments, conversation.Segment{Start: from, End: to, Speaker: role})
		}
	}
	r.ref.Duration = float64(len(r.pcm)) / audio.SampleRate
	// A little hiss, so that no pause is digital silence.
	for i := range r.pcm {
		r.pcm[i] = sample(float64(r.pcm[i]) + float64((i*7919)%7-3))
	}
	return c
}
