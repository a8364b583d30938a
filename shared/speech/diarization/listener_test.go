package diarization

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"parley/shared/speech/audio"
)

// script is a Listener that hears two at once in some frames of the recording, surely, and one
// speaker in the others.
type script struct {
	both  map[int]byte // by frame of the recording, in 255ths
	asked []int
	err   error
	short bool
}

func (s *script) Listen(_ context.Context, _ []int16, starts []int) ([][]byte, error) {
	s.asked = starts
	out := quiet(len(starts))
	for i, start := range starts {
		for t := range ListenFrames {
			if p, ok := s.both[start/listenHop+t]; ok {
				out[i][t*ListenClasses+1], out[i][t*ListenClasses+5] = 255-p, p
			}
		}
	}
	if s.short {
		out = out[1:]
	}
	return out, s.err
}

// frames of the recording from one to before another, at a probability.
func (s *script) hear(from, to int, p byte) *script {
	if s.both == nil {
		s.both = map[int]byte{}
	}
	for f := from; f < to; f++ {
		s.both[f] = p
	}
	return s
}

func TestWhereTwoSpeakAtOnce(t *testing.T) {
	pcm := make([]int16, 30*audio.SampleRate)
	speech := []audio.Span{{StartMs: 0, EndMs: 30_000}}
	ms := func(frame int) int64 { return heard{}.at(frame) }
	span := func(from, to int) audio.Span { // frames, the last exclusive
		return audio.Span{StartMs: ms(from) - listenHopMs/2, EndMs: ms(to-1) + listenHopMs/2}
	}
	for name, c := range map[string]struct {
		script *script
		want   []audio.Span
	}{
		"nowhere":                          {&script{}, nil},
		"a second in the second window":    {(&script{}).hear(500, 560, 255), []audio.Span{span(500, 560)}},
		"as likely as not":                 {(&script{}).hear(500, 560, surelyBoth), []audio.Span{span(500, 560)}},
		"a little less":                    {(&script{}).hear(500, 560, surelyBoth-1), nil},
		"the shortest":                     {(&script{}).hear(500, 524, 255), []audio.Span{span(500, 524)}},
		"one that is too short":            {(&script{}).hear(500, 523, 255), nil},
		"with a short pause in it":         {(&script{}).hear(500, 520, 255).hear(525, 545, 255), []audio.Span{span(500, 545)}},
		"two with a longer pause":          {(&script{}).hear(500, 530, 255).hear(537, 567, 255), []audio.Span{span(500, 530), span(537, 567)}},
		"at the beginning and at the end":  {(&script{}).hear(0, 60, 255).hear(1700, 1760, 255), []audio.Span{span(0, 60), span(1700, 1760)}},
		"over the beginning of two others": {(&script{}).hear(250, 350, 255), []audio.Span{span(250, 350)}},
	} {
		t.Run(name, func(t *testing.T) {
			h, err := listen(t.Context(), pcm, speech, c.script)
			if err != nil {
				t.Fatal(err)
			}
			if got := h.crossings(); len(got) != len(c.want) || len(got) > 0 && !reflect.DeepEqual(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func TestOnlyWindowsWithSpeechAreListenedTo(t *testing.T) {
	pcm := make([]int16, 60*audio.SampleRate)
	for name, c := range map[string]struct {
		speech []audio.Span
		want   []int // by windows
	}{
		"none":                   {nil, nil},
		"some in the beginning":  {[]audio.Span{{StartMs: 100, EndMs: 200}}, []int{0}},
		"some in the middle":     {[]audio.Span{{StartMs: 21_000, EndMs: 22_000}}, []int{2}},
		"some in two windows":    {[]audio.Span{{StartMs: 23_000, EndMs: 24_000}}, []int{2, 3}},
		"some at the end":        {[]audio.Span{{StartMs: 59_000, EndMs: 60_000}}, []int{7}},
		"in the first and later": {[]audio.Span{{StartMs: 100, EndMs: 200}, {StartMs: 41_000, EndMs: 42_000}}, []int{0, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{}
			if _, err := listen(t.Context(), pcm, c.speech, s); err != nil {
				t.Fatal(err)
			}
			var want []int
			for _, k := range c.want {
				want = append(want, k*listenApart)
			}
			if !reflect.DeepEqual(s.asked, want) {
				t.Errorf("from %v, want %v", s.asked, want)
			}
		})
	}
}

func TestARecordingOfNothingIsHeard(t *testing.T) {
	for _, samples := range []int{0, 1, listenFirst - 1, listenFirst, audio.SampleRate} {
		if _, err := listen(t.Context(), make([]int16, samples), []audio.Span{{StartMs: 0, EndMs: 1000}}, &script{}); err != nil {
			t.Errorf("%d samples: %v", samples, err)
		}
	}
}

func TestAFaultOfTheListenerIsAnError(t *testing.T) {
	pcm := make([]int16, 30*audio.SampleRate)
	speech := []audio.Span{{StartMs: 0, EndMs: 30_000}}
	broken := errors.New("broken")
	if _, err := listen(t.Context(), pcm, speech, &script{err: broken}); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	if _, err := listen(t.Context(), pcm, speech, &script{short: true}); err == nil {
		t.Error("a window that lacks its answer is no error")
	}
}
