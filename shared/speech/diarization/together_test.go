package diarization

import (
	"reflect"
	"testing"

	"parley/shared/speech/audio"
)

func TestSpeakersOfSeparateChannelsAreNumberedTogether(t *testing.T) {
	span := func(from, to int64) audio.Span { return audio.Span{StartMs: from, EndMs: to} }
	left := Diarization{Speakers: 1, Turns: []Turn{{0, span(5000, 9000)}, {0, span(20000, 24000)}}}
	right := Diarization{Speakers: 2, Separation: 3, Turns: []Turn{{0, span(1000, 5200)}, {1, span(8000, 19000)}, {0, span(25000, 26000)}}}
	want := Diarization{Speakers: 3, Separation: 3, Tracks: []int{1, 0, 1}, Turns: []Turn{{0, span(1000, 5200)}, {1, span(5000, 9000)}, {2, span(8000, 19000)}, {1, span(20000, 24000)}, {0, span(25000, 26000)}}}
	if got := Together([]Diarization{left, right}); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if got := Together([]Diarization{{}, {}}); got.Speakers != 0 || len(got.Turns) != 0 || got.Turns == nil {
		t.Errorf("of nobody: %+v", got)
	}
}
