package whisper

import (
	"strings"
	"testing"

	"parley/shared/speech/transcript"
)

// Ensure that the lines of subtitles end with a full stop, and that nothing else changes.
func TestSubtitlesGetTheirFullStops(t *testing.T) {
	for _, c := range []struct{ name, language, said, want string }{
		{"subtitles", "en", "And it was too funny / My time to do it / Falling in love", "And it was too funny. / My time to do it. / Falling in love"},
		{"subtitles in which a line begins with I", "en", "And it was / My time / I think so / I'm sure / Today might do", "And it was. / My time. / I think so. / I'm sure. / Today might do"},
		{"one capital may be a name", "en", "they live in / London with us", "they live in / London with us"},
		{"the pronoun is no sign", "en", "then I said / I know / I do", "then I said / I know / I do"},
		{"a word that begins with I is one", "en", "then he said / It works / In time", "then he said. / It works. / In time"},
		{"sentences with their marks", "en", "It was. / My time? / Falling, / Today", "It was. / My time? / Falling, / Today"},
		{"a mark before a quotation mark", "en", `It was." / My time." / Today`, `It was." / My time." / Today`},
		{"a quotation mark before the capital", "en", `It was / "My time / "Today`, `It was. / "My time. / "Today`},
		{"lines that go on", "en", "It was / my time / for all", "It was / my time / for all"},
		{"a sentence among subtitles", "en", "One / Two / Three. / Four / Five / Six", "One. / Two. / Three. / Four. / Five. / Six"},
		{"too few on either side of a sentence", "en", "One / Two. / Three / Four", "One / Two. / Three / Four"},
		{"nouns with capitals", "de", "ich kaufe / Brot und / Butter und / Salz", "ich kaufe / Brot und / Butter und / Salz"},
		{"one line", "en", "Hello there", "Hello there"},
		{"none", "en", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var lines [][]transcript.Word
			for text := range strings.SplitSeq(c.said, " / ") {
				var line []transcript.Word
				for w := range strings.FieldsSeq(text) {
					line = append(line, transcript.Word{Text: w})
				}
				if line != nil {
					lines = append(lines, line)
				}
			}
			punctuate(lines, c.language)
			var got []string
			for _, line := range lines {
				var words []string
				for _, w := range line {
					words = append(words, w.Text)
				}
				got = append(got, strings.Join(words, " "))
			}
			if joined := strings.Join(got, " / "); joined != c.want {
				t.Errorf("%q, want %q", joined, c.want)
			}
		})
	}
}
