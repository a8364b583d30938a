package main

import (
	"strings"
	"testing"

	"parley/shared/speech/audio"
	"parley/shared/speech/transcript"
)

func TestWhatNobodySaidIsCounted(t *testing.T) {
	type counts struct{ errors, inserted, apart, runs, runWords, loops, loopWords, subtitles int }
	for name, c := range map[string]struct {
		said, heard string
		want        counts
	}{
		"what was said":                          {"I like tea", "I like tea", counts{}},
		"three words more are no run":            {"I like tea", "I like hot black strong tea", counts{errors: 3, inserted: 3}},
		"four words more are one":                {"I like tea", "I like very hot black strong tea", counts{errors: 4, inserted: 4, runs: 1, runWords: 4}},
		"a run at the end":                       {"I like tea", "I like tea with milk and sugar", counts{errors: 4, inserted: 4, runs: 1, runWords: 4}},
		"a phrase three times":                   {"so it goes", "so it goes it goes it goes", counts{errors: 4, inserted: 4, runs: 1, runWords: 4, loops: 1, loopWords: 6}},
		"a phrase that was said three times":     {"so it goes it goes it goes", "so it goes it goes it goes", counts{}},
		"a subtitle":                             {"I like", "Please subscribe", counts{errors: 2, subtitles: 1}},
		"nothing was said, and something heard":  {"", "you", counts{errors: 1, inserted: 1}},
		"a word where nobody speaks is inserted": {"tea", "tea ~you", counts{errors: 1, inserted: 1, apart: 1}},
	} {
		var one take
		one.say(c.said, audio.Span{StartMs: 0, EndMs: 1000})
		var heard []transcript.Word
		for w := range strings.FieldsSeq(c.heard) {
			at := int64(500)
			if w[0] == '~' {
				at = 1000 + nobodyMs
			}
			heard = append(heard, transcript.Word{Text: strings.TrimPrefix(w, "~"), StartMs: at, EndMs: at, P: 0.5})
		}
		f := one.judge(heard, 1)
		if got := (counts{f.errors, f.inserted, f.apart, f.runs, f.runWords, f.loops, f.loopWords, f.subtitles}); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestATakeIsCutBetweenSentences(t *testing.T) {
	var one take
	one.say("yes", audio.Span{StartMs: 0, EndMs: 400})
	one.say("no", audio.Span{StartMs: 600, EndMs: 1100})
	one.pcm = make([]int16, 2*audio.SampleRate)
	one.cut(1000)
	if got := plain(one.words()); got != " yes " || len(one.pcm) != 600*audio.SampleRate/1000 {
		t.Errorf("%q in %d samples", got, len(one.pcm))
	}
}
