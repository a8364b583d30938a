package report

import (
	"slices"
	"testing"

	"parley/shared/speech/audio"
	"parley/shared/speech/transcript"
)

func TestSegmentsInWhichTwoSpeakAtOnceAreMarked(t *testing.T) {
	turn := func(speaker int, from, to int64, crossed ...audio.Span) transcript.Turn {
		return transcript.Turn{Speaker: speaker, StartMs: from, EndMs: to, Crossed: crossed}
	}
	for name, c := range map[string]struct {
		turns []transcript.Turn
		want  []bool
	}{
		"one after the other":            {[]transcript.Turn{turn(0, 0, 1000), turn(1, 1000, 2000)}, []bool{false, false}},
		"beside each other":              {[]transcript.Turn{turn(0, 0, 1000), turn(1, 1000-overlapMs, 2000)}, []bool{true, true}},
		"hardly beside each other":       {[]transcript.Turn{turn(0, 0, 1000), turn(1, 1001-overlapMs, 2000)}, []bool{false, false}},
		"in one sound, one is heard too": {[]transcript.Turn{turn(0, 0, 1000), turn(1, 1000, 2000, audio.Span{StartMs: 1400, EndMs: 1900})}, []bool{false, true}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []bool
			for _, s := range transcriptOf(transcript.Conversation{Turns: c.turns}).Segments {
				got = append(got, s.Overlap)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}
