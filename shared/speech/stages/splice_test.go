package stages

import (
	"slices"
	"testing"

	"parley/shared/speech/audio"
	"parley/shared/speech/transcript"
)

func TestSilencesAreShortenedForTheRecogniserAndTimesPutBack(t *testing.T) {
	span := audio.Span{StartMs: 10_000, EndMs: 60_000}
	speech := []audio.Span{{StartMs: 9_000, EndMs: 12_000}, {StartMs: 12_500, EndMs: 15_000}, {StartMs: 40_000, EndMs: 45_000}, {StartMs: 59_500, EndMs: 70_000}}
	s := spliced(span, speech)
	if want := (splice{{StartMs: 10_000, EndMs: 16_000}, {StartMs: 39_000, EndMs: 46_000}, {StartMs: 58_500, EndMs: 60_000}}); !slices.Equal(s, want) {
		t.Fatalf("kept %v, want %v", s, want)
	}
	pcm := make([]int16, 50*audio.SampleRate)
	for i := range pcm {
		pcm[i] = int16(i / audio.SampleRate) // the second
	}
	heard := s.cut(pcm, span)
	if len(heard) != 14_500*16 || heard[0] != 0 || heard[6*audio.SampleRate] != 29 || heard[13*audio.SampleRate] != 48 {
		t.Fatalf("%d samples", len(heard))
	}
	word := func(text string, at int64) transcript.Word {
		return transcript.Word{Text: text, StartMs: at, EndMs: at + 200}
	}
	c := s.restore(transcript.Chunk{Words: []transcript.Word{
		word("One", 1_000), word("two", 5_700), word("three.", 6_600), word("Four.", 7_100), word("five", 12_700), word("Six", 13_000)},
		Speech: []audio.Span{{StartMs: 100, EndMs: 4_900}, {StartMs: 5_500, EndMs: 6_500}, {StartMs: 6_900, EndMs: 12_200}}}, span)
	var got []int64
	for _, w := range c.Words {
		got = append(got, w.StartMs)
	}
	// "three." was heard after the silence and ends a sentence from before it.
	if want := []int64{11_000, 15_700, 16_000, 40_100, 45_700, 58_500}; !slices.Equal(got, want) || c.Span != span {
		t.Errorf("words at %v, want %v", got, want)
	}
	// The second lies on both sides of the silence.
	if want := []audio.Span{{StartMs: 10_100, EndMs: 14_900}, {StartMs: 15_500, EndMs: 16_000}, {StartMs: 39_000, EndMs: 39_500}, {StartMs: 39_900, EndMs: 45_200}}; !slices.Equal(c.Speech, want) {
		t.Errorf("speech %v, want %v", c.Speech, want)
	}
}

func TestAPieceWithoutSpeechKeepsNothing(t *testing.T) {
	span := audio.Span{EndMs: 1000}
	s := spliced(span, nil)
	if len(s.cut(make([]int16, 16000), span)) != 0 {
		t.Error("something is heard")
	}
	c := s.restore(transcript.Chunk{Words: []transcript.Word{{Text: "a"}}}, span)
	if len(c.Words) != 1 || c.Span != span {
		t.Errorf("%+v", c)
	}
}
