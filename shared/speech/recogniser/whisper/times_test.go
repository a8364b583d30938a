package whisper

import (
	"testing"

	"parley/shared/speech/audio"
	"parley/shared/speech/transcript"
)

func TestWordsAreMovedToWhereThereIsSpeech(t *testing.T) {
	speech := []audio.Span{{StartMs: 1000, EndMs: 2000}, {StartMs: 4000, EndMs: 5000}}
	s := segment{StartMs: 1000, EndMs: 5000}
	// Whisper drew all four together in the pause.
	words := []transcript.Word{{Text: "one", StartMs: 2000, EndMs: 2400}, {Text: "two", StartMs: 2400, EndMs: 2800}, {Text: "six", StartMs: 2800, EndMs: 3200}, {Text: "ten", StartMs: 3200, EndMs: 3600}}
	got := retime(words, s, speech, 0)
	at := int64(0)
	for i, w := range got {
		middle := (w.StartMs + w.EndMs) / 2
		if off := toSpeech(middle, speech); max(off, -off) > 200 || w.StartMs < at || w.EndMs < w.StartMs {
			t.Errorf("%+v", w)
		}
		if second := middle >= 4000; second != (i >= 2) {
			t.Errorf("%q lies in the wrong stretch: %+v", w.Text, w)
		}
		at = w.EndMs
	}
	if got := retime(nil, s, speech, 0); len(got) != 0 {
		t.Errorf("no words: %v", got)
	}
	if got := retime([]transcript.Word{{Text: "a", StartMs: 100, EndMs: 200}}, segment{0, 900, nil}, speech, 0); got[0].StartMs != 950 || got[0].EndMs != 1050 {
		t.Errorf("a segment without speech: %+v", got)
	}
}

func TestPlace(t *testing.T) {
	spans := []audio.Span{{StartMs: 100, EndMs: 200}, {StartMs: 500, EndMs: 700}}
	for _, c := range []struct {
		passed int64
		end    bool
		want   int64
	}{{0, false, 100}, {50, true, 150}, {100, true, 200}, {100, false, 500}, {250, false, 650}, {300, true, 700}, {300, false, 700}} {
		if got := place(spans, c.passed, c.end); got != c.want {
			t.Errorf("place(%d, %v) = %d, want %d", c.passed, c.end, got, c.want)
		}
	}
}
