package whisper

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"parley/shared/speech/transcript"
)

// At times Whisper writes a window as subtitles are written: each line begins with a capital, and
// no line ends with a full stop. Where sentences end matters to fluency and accent, and another
// codec gives another style. So the full stops are put back.

const (
	// marks are what a line that needs no full stop ends with.
	marks = ".,;:?!…-–—。、？！"
	// subtitled is how many lines in a row begin with a capital after one without a mark to be
	// subtitles: a single one may begin with a name.
	subtitled = 2
)

// capitals are the languages in which a capital inside a sentence is no sign: nouns have one.
var capitals = []string{"de", "lb"}

// punctuate ends the lines of subtitles with a full stop. lines are the words of the segments, in
// order; none is empty.
func punctuate(lines [][]transcript.Word, language string) {
	if slices.Contains(capitals, language) {
		return
	}
	for i := 0; i+1 < len(lines); {
		n, sure := 0, 0
		for ; i+n+1 < len(lines); n++ {
			capital, first := begins(lines[i+n+1])
			if marked(lines[i+n]) || !capital {
				break
			}
			if !first {
				sure++
			}
		}
		if sure >= subtitled {
			for _, line := range lines[i : i+n] {
				line[len(line)-1].Text += "."
			}
		}
		i += n + 1
	}
}

// marked tells whether a line ends with a mark, be it before quotation marks.
func marked(line []transcript.Word) bool {
	last, _ := utf8.DecodeLastRuneInString(strings.TrimRight(line[len(line)-1].Text, `"'”’»)`))
	return strings.ContainsRune(marks, last)
}

// begins tells whether a line begins with a capital, and whether that is the pronoun I, which says
// nothing.
func begins(line []transcript.Word) (capital, pronoun bool) {
	text := strings.TrimLeft(line[0].Text, `"'“‘«(`)
	first, n := utf8.DecodeRuneInString(text)
	next, _ := utf8.DecodeRuneInString(text[n:])
	return unicode.IsUpper(first), first == 'I' && !unicode.IsLetter(next)
}
