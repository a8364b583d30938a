package transcript_test

import (
	"reflect"
	"testing"

	"parley/shared/speech/audio"
	"parley/shared/speech/transcript"
)

func TestWhatTwoSayAtOnceAtTheEndsOfATurnIsNotScored(t *testing.T) {
	span := func(from, to int64) audio.Span { return audio.Span{StartMs: from, EndMs: to} }
	var words []transcript.Word
	for at := int64(10_000); at < 20_000; at += 1000 { // their middles at 10.5 s, 11.5 s, …
		words = append(words, transcript.Word{Text: "so", StartMs: at, EndMs: at + 1000})
	}
	for name, c := range map[string]struct {
		crossed []audio.Span
		want    audio.Span
		first   int // of the words that are left
		left    int
	}{
		"nobody else":                     {nil, span(10_000, 20_000), 0, 10},
		"the other has not ended":         {[]audio.Span{span(9000, 12_000)}, span(12_000, 20_000), 2, 8},
		"the other begins early":          {[]audio.Span{span(18_000, 21_000)}, span(10_000, 18_000), 0, 8},
		"both":                            {[]audio.Span{span(9000, 11_000), span(19_000, 21_000)}, span(11_000, 19_000), 1, 8},
		"a word in the middle":            {[]audio.Span{span(14_000, 15_000)}, span(10_000, 20_000), 0, 10},
		"in the middle, near to the end":  {[]audio.Span{span(18_000, 20_000-transcript.CrossedMs-1)}, span(10_000, 20_000), 0, 10},
		"to the end, as far as it shows":  {[]audio.Span{span(18_000, 20_000-transcript.CrossedMs)}, span(10_000, 18_000), 0, 8},
		"from the beginning, as it shows": {[]audio.Span{span(10_000+transcript.CrossedMs, 11_000)}, span(11_000, 20_000), 1, 9},
		"a little after the beginning":    {[]audio.Span{span(10_001+transcript.CrossedMs, 11_000)}, span(10_000, 20_000), 0, 10},
		"beside it":                       {[]audio.Span{span(9000, 9900), span(20_100, 21_000)}, span(10_000, 20_000), 0, 10},
		"all of it":                       {[]audio.Span{span(9000, 21_000)}, span(20_000, 20_000), 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			turn := transcript.Turn{StartMs: 10_000, EndMs: 20_000, Words: words, Crossed: c.crossed}
			if got := turn.Clear(); got != c.want {
				t.Errorf("clear %v, want %v", got, c.want)
			}
			turns := transcript.Conversation{Turns: []transcript.Turn{turn}}.CandidateTurns()
			if c.left == 0 {
				if len(turns) != 0 {
					t.Errorf("%+v", turns)
				}
				return
			}
			if len(turns) != 1 || turns[0].StartMs != c.want.StartMs || turns[0].EndMs != c.want.EndMs || !reflect.DeepEqual(turns[0].Words, words[c.first:c.first+c.left]) {
				t.Errorf("scored are %+v", turns)
			}
			if again := turns[0].Clear(); again != c.want {
				t.Errorf("clear once more %v", again)
			}
		})
	}
}

func TestJudgedAreTheWordsWithProbabilities(t *testing.T) {
	word := func(text string, at int64, p float64) transcript.Word {
		return transcript.Word{Text: text, StartMs: at, EndMs: at + 400, P: p}
	}
	c := transcript.Conversation{Candidate: transcript.Detection{Speaker: 1}, Turns: []transcript.Turn{
		{Speaker: 1, StartMs: 0, EndMs: 1000, Words: []transcript.Word{word("yes", 0, 0)}},
		{Speaker: 0, StartMs: 1000, EndMs: 2000, Words: []transcript.Word{word("why", 1000, 0)}},
		{Speaker: 1, StartMs: 2000, EndMs: 3000, Words: []transcript.Word{word("because", 2000, 0)}}},
		Sample: []transcript.Word{word("yes", 100, 0.9), word("bees", 2050, 0.4), word("cause", 3010, 0.5)}}
	said := func() (out [][]transcript.Word) {
		for _, t := range c.Judged() {
			out = append(out, t.Words)
		}
		return out
	}
	own := [][]transcript.Word{{word("yes", 0, 0)}, {word("because", 2000, 0)}}
	if got := said(); !reflect.DeepEqual(got, own) {
		t.Errorf("with probabilities of their own: %v", got)
	}
	c.Unrated = true
	if got := said(); !reflect.DeepEqual(got, [][]transcript.Word{c.Sample[:1], c.Sample[1:]}) {
		t.Errorf("without: %v", got)
	}
	if got := c.Turns[0].Words[0].Text; got != "yes" || len(c.Turns[2].Words) != 1 {
		t.Errorf("the conversation changed: %+v", c.Turns)
	}
}
