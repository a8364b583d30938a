package main

import (
	"math"

	"parley/shared/speech/audio"
	"parley/shared/speech/conversation"
	"parley/shared/speech/transcript"
)

// condition is a way to make a recording, or to make it worse.
type condition struct {
	name, how string
	make      func(all []recording, i int) recording
	// again is true if the sound changes, so that the recogniser hears the copy again. Otherwise
	// the words are those heard in the recording.
	again bool
}

// panel is the role of a second interviewer.
const panel = "second interviewer"

const (
	noiseDb = 15
	// talkative is the interviewer's share of the speech where the interviewer talks most.
	talkative = 0.6
	// shortMs is the longest answer where answers are short.
	shortMs = 2500
)

var conditions = []condition{
	{"clean", "the recording as it is", func(all []recording, i int) recording { return all[i] }, false},
	{"telephone band", "300 to 3400 Hz", func(all []recording, i int) recording { return all[i].with(telephone) }, true},
	{"noise 15 dB", "pink noise 15 dB below the speech", func(all []recording, i int) recording { return all[i].with(noisy) }, true},
	{"equal loudness", "every segment at the same level", func(all []recording, i int) recording { return all[i].equal() }, true},
	{"short answers", "the candidate's segments end after 2.5 s", func(all []recording, i int) recording { return all[i].short() }, false},
	{"candidate first", "everything before the candidate's first word is cut off", func(all []recording, i int) recording { return all[i].candidateFirst() }, false},
	{"talkative interviewer", "answers are shortened until the interviewer has 60 % of the speech", func(all []recording, i int) recording { return all[i].talkative() }, false},
	{"three speakers", "another recording's interviewer takes every other turn of the interviewer's", func(all []recording, i int) recording { return all[i].joined(other(all, i)) }, false},
	{"one speaker", "the candidate alone", func(all []recording, i int) recording { return all[i].alone() }, false},
	{"another device", "from the middle on the telephone's band, 10 dB weaker, as in two recordings joined", func(all []recording, i int) recording { return all[i].anotherDevice() }, true},
	{"stereo", "the candidate right, the others left, each leaking into the other 26 dB below; the words are the truth's", func(all []recording, i int) recording { return all[i].apart() }, false},
}

// other is a recording with another interviewer.
func other(all []recording, i int) recording {
	for k := 1; k < len(all); k++ {
		if o := all[(i+k)%len(all)]; o.interviewer() != all[i].interviewer() {
			return o
		}
	}
	return all[(i+1)%len(all)]
}

// with is the recording after its sound went through something.
func (r recording) with(change func(r recording) []int16) recording {
	r.pcm = change(r)
	return r
}

// piece is a segment of a recording to keep: its first milliseconds, or all of it if most is 0.
type piece struct {
	from  *recording
	index int
	most  int64
	role  string
	gain  float64
}

// voice is the segment's own, unless another takes it over.
func (p piece) voice(s conversation.Segment) string {
	if p.role == s.Speaker {
		return s.Voice
	}
	return ""
}

// leadMs is how much of the pause before a segment is kept.
const leadMs = 700

// cut makes a recording of pieces, each with the pause before it; the words of a segment go with
// it.
func (r recording) cut(pieces []piece) recording {
	out := recording{name: r.name}
	words := map[*recording][][]transcript.Word{}
	for _, p := range pieces {
		if words[p.from] == nil {
			words[p.from] = p.from.bySegment()
		}
		s := p.from.ref.Segments[p.index]
		from, to := int64(1000*s.Start), int64(1000*s.End)
		if p.most > 0 {
			to = min(to, from+p.most)
		}
		before := int64(0)
		if p.index > 0 {
			before = int64(1000 * p.from.ref.Segments[p.index-1].End)
		}
		lead := max(0, min(leadMs, from-before))
		out.pcm = append(out.pcm, part(p.from.pcm, from-lead, from)...)
		at := int64(len(out.pcm)) * 1000 / audio.SampleRate
		for _, v := range part(p.from.pcm, from, to) {
			out.pcm = append(out.pcm, sample(float64(v)*p.gain))
		}
		for _, w := range words[p.from][p.index] {
			if (w.StartMs+w.EndMs)/2 < to {
				w.StartMs, w.EndMs = max(at, w.StartMs-from+at), max(at, min(w.EndMs, to)-from+at)
				out.words = append(out.words, w)
			}
		}
		out.ref.Segments = append(out.ref.Segments, conversation.Segment{Start: float64(at) / 1000, End: float64(at+to-from) / 1000, Speaker: p.role, Text: s.Text, Voice: p.voice(s)})
	}
	out.ref.Duration = float64(len(out.pcm)) / audio.SampleRate
	return out
}

// bySegment are the words of each segment: of the one nearest to the word's middle.
func (r recording) bySegment() [][]transcript.Word {
	out := make([][]transcript.Word, len(r.ref.Segments))
	for _, w := range r.words {
		middle := float64(w.StartMs+w.EndMs) / 2000
		best, least := 0, math.Inf(1)
		for i, s := range r.ref.Segments {
			if d := max(0, s.Start-middle, middle-s.End); d < least {
				best, least = i, d
			}
		}
		if len(out) > 0 {
			out[best] = append(out[best], w)
		}
	}
	return out
}

// all are the recording's segments as pieces.
func (r *recording) all() []piece {
	out := make([]piece, len(r.ref.Segments))
	for i, s := range r.ref.Segments {
		out[i] = piece{from: r, index: i, role: s.Speaker, gain: 1}
	}
	return out
}

func (r recording) equal() recording {
	pcm := append([]int16(nil), r.pcm...)
	want := rms(pcm)
	for _, s := range r.ref.Segments {
		x := part(pcm, int64(1000*s.Start), int64(1000*s.End))
		gain := want / max(rms(x), 1)
		for i, v := range x {
			x[i] = sample(float64(v) * gain)
		}
	}
	r.pcm = pcm
	return r
}

func (r recording) short() recording {
	ps := r.all()
	for i := range ps {
		if ps[i].role == conversation.RoleCandidate {
			ps[i].most = shortMs
		}
	}
	return r.cut(ps)
}

func (r recording) candidateFirst() recording {
	ps := r.all()
	for len(ps) > 0 && ps[0].role != conversation.RoleCandidate {
		ps = ps[1:]
	}
	return r.cut(ps)
}

// talkative leaves out the later segments of the longest answers, and then the ends of all of them,
// until the interviewer has enough of the speech.
func (r recording) talkative() recording {
	ps := r.all()
	for {
		spoken := map[bool]float64{}
		longest, last := 0, -1
		run := 0
		for i, p := range ps {
			s := p.from.ref.Segments[p.index]
			candidate := p.role == conversation.RoleCandidate
			spoken[candidate] += s.End - s.Start
			if run++; !candidate {
				run = 0
			}
			if run > longest {
				longest, last = run, i
			}
		}
		if spoken[false] >= talkative*(spoken[false]+spoken[true]) {
			return r.cut(ps)
		}
		if longest < 2 {
			left := spoken[false] * (1 - talkative) / talkative / spoken[true]
			for i, p := range ps {
				if s := p.from.ref.Segments[p.index]; p.role == conversation.RoleCandidate {
					ps[i].most = int64(1000 * left * (s.End - s.Start))
				}
			}
			return r.cut(ps)
		}
		ps = append(ps[:last:last], ps[last+1:]...)
	}
}

// joined gives every other turn of the interviewer to another recording's interviewer, at the same
// loudness.
func (r recording) joined(by recording) recording {
	var theirs []int
	for i, s := range by.ref.Segments {
		if s.Speaker != conversation.RoleCandidate {
			theirs = append(theirs, i)
		}
	}
	ps := r.all()
	turn, next := 0, 0
	for i := range ps {
		if ps[i].role == conversation.RoleCandidate || len(theirs) == 0 {
			continue
		}
		if i == 0 || r.ref.Segments[i-1].Speaker == conversation.RoleCandidate {
			turn++
		}
		if turn%2 == 0 {
			s, index := r.ref.Segments[i], theirs[next%len(theirs)]
			t := by.ref.Segments[index]
			gain := rms(part(r.pcm, int64(1000*s.Start), int64(1000*s.End))) / max(1, rms(part(by.pcm, int64(1000*t.Start), int64(1000*t.End))))
			ps[i] = piece{from: &by, index: index, role: panel, gain: gain}
			next++
		}
	}
	return r.cut(ps)
}

func (r recording) alone() recording {
	var ps []piece
	for _, p := range r.all() {
		if p.role == conversation.RoleCandidate {
			ps = append(ps, p)
		}
	}
	return r.cut(ps)
}
