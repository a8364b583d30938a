package whisper

import (
	"slices"
	"testing"

	"parley/shared/speech/audio"
	"parley/shared/speech/transcript"
)

// Ensure that a segment is thin only where it holds over 4 s of speech more than its letters need
// at the pace of the others.
func TestSegmentsWithTooFewWordsAreHeardAgain(t *testing.T) {
	sentence := segment{Tokens: []token{{Text: " twenty letters of it"}}} // 21 letters, in 2 s each
	build := func(n int, last int64) hearing {
		var h hearing
		for i := range n {
			s := sentence
			s.StartMs, s.EndMs = int64(i)*2000, int64(i)*2000+2000
			h.Segments = append(h.Segments, s)
		}
		h.Segments[n-1].EndMs += last
		return h
	}
	for name, c := range map[string]struct {
		h    hearing
		want []audio.Span
	}{
		"an even pace":              {build(6, 0), nil},
		"a slow one":                {build(6, 4000), nil},
		"one that left out the end": {build(6, 4001), []audio.Span{{StartMs: 10_000, EndMs: 16_001}}},
		"too few to tell a pace":    {build(4, 20_000), nil},
	} {
		if got := c.h.thin([]audio.Span{{StartMs: 0, EndMs: 60_000}}); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if got := (hearing{}).thin(nil); got != nil {
		t.Errorf("nothing: %v", got)
	}
}

func TestHalvesAreCutInAPause(t *testing.T) {
	whole := audio.Span{StartMs: 1000, EndMs: 21_000}
	for name, c := range map[string]struct {
		speech, want []audio.Span
	}{
		"the longest pause of the middle": {[]audio.Span{{StartMs: 1000, EndMs: 3000}, {StartMs: 5000, EndMs: 9000}, {StartMs: 9400, EndMs: 12_000}, {StartMs: 12_900, EndMs: 20_000}},
			[]audio.Span{{StartMs: 1000, EndMs: 12_450}, {StartMs: 12_450, EndMs: 21_000}}},
		"none": {[]audio.Span{{StartMs: 1000, EndMs: 20_000}}, []audio.Span{whole}},
	} {
		if got := halves(whole, c.speech); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestASecondHearingTakesTheFirstOnesPlaceWhereItIsFuller(t *testing.T) {
	word := func(text string, at int64) transcript.Word {
		return transcript.Word{Text: text, StartMs: at, EndMs: at + 300}
	}
	words := []transcript.Word{word("before", 0), word("thin", 2000), word("after", 9000)}
	s := audio.Span{StartMs: 1000, EndMs: 8000}
	texts := func(words []transcript.Word) (out []string) {
		for _, w := range words {
			out = append(out, w.Text)
		}
		return out
	}
	full := []transcript.Word{word("much", 1500), word("more", 2000), word("said", 3000)}
	if got := texts(refill(words, full, s)); !slices.Equal(got, []string{"before", "much", "more", "said", "after"}) {
		t.Errorf("fuller: %v", got)
	}
	if got := texts(refill(words, []transcript.Word{word("then", 2000)}, s)); !slices.Equal(got, []string{"before", "thin", "after"}) {
		t.Errorf("no fuller: %v", got)
	}
	if got := texts(refill(words, nil, s)); !slices.Equal(got, []string{"before", "thin", "after"}) {
		t.Errorf("nothing: %v", got)
	}
}
