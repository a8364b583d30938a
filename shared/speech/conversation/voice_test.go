package conversation

import (
	"reflect"
	"testing"

	"parley/shared/speech/audio"
	"parley/shared/speech/transcript"
)

func TestVoiceIsThatOfAllChunks(t *testing.T) {
	got := voice([]transcript.Chunk{
		{Speech: []audio.Span{{StartMs: 5000, EndMs: 6000}, {StartMs: 7000, EndMs: 8000}}},
		{Speech: []audio.Span{{StartMs: 100, EndMs: 900}, {StartMs: 5900, EndMs: 6500}}},
		{},
	})
	want := []audio.Span{{StartMs: 100, EndMs: 900}, {StartMs: 5000, EndMs: 6500}, {StartMs: 7000, EndMs: 8000}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := voice([]transcript.Chunk{{}}); len(got) != 0 {
		t.Errorf("%v of nothing", got)
	}
}
