package fluency

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"parley/shared/speech/score/norms"
	"parley/shared/speech/score/timing"
	"parley/shared/speech/syllable"
	"parley/shared/speech/transcript"
	"parley/shared/speech/words"
)

const (
	// minWords is how many words a rate per 100 words needs; minPauses is how many pauses a share
	// of them needs.
	minWords  = 20
	minPauses = 5
	// longestRepeat is the longest sequence of words that is looked for right after itself.
	longestRepeat = 4
	// nearMs is how far the recogniser's word times may be off: a clause that ends this near to a
	// pause ends at it.
	nearMs = 300
	// A stretch of sound of hiddenMs to hiddenMaxMs without a word is taken for a filled pause that
	// the recogniser left out.
	hiddenMs    = 250
	hiddenMaxMs = 1500
)

// openers begin a clause in English: a pause before one of them is between clauses. In other
// languages the punctuation alone tells.
var openers = map[string]bool{"and": true, "but": true, "or": true, "so": true, "because": true, "although": true,
	"though": true, "if": true, "when": true, "while": true, "where": true, "which": true, "who": true, "that": true, "then": true,
	"since": true, "until": true, "unless": true, "whereas": true, "however": true, "after": true, "before": true}

func bare(w string) string {
	return strings.ToLower(strings.TrimFunc(w, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }))
}

// syllables counts the syllables of all words but fillers; ok is false where the spelling of a word
// does not show its vowels.
func syllables(language string, said []transcript.Word) (n float64, ok bool) {
	for _, w := range said {
		if words.Filler(language, bare(w.Text)) {
			continue
		}
		k, ok := syllable.In(language, w.Text)
		if !ok {
			return 0, false
		}
		n += float64(k)
	}
	return n, true
}

// spoken is what was counted in the words.
type spoken struct {
	words, fillers, repairs int
	pauses, mid             int
	spanSeconds             float64
	// turns are the words by turn: a pause may lie between two parts of one.
	turns map[int][]transcript.Word
}

func count(language string, parts []timing.Part) spoken {
	s := spoken{turns: map[int][]transcript.Word{}}
	for i := 0; i < len(parts); {
		var turn []transcript.Word // a repeat may straddle two parts of a turn
		k := i
		for ; k < len(parts) && parts[k].Turn == parts[i].Turn; k++ {
			p := parts[k]
			turn = append(turn, p.Words...)
			s.spanSeconds += p.SpanSeconds()
			s.fillers += hidden(p)
		}
		for ; i < k; i++ {
			for _, gap := range parts[i].Pauses {
				s.pauses++
				if !boundary(language, turn, gap.StartMs, gap.EndMs) {
					s.mid++
				}
			}
		}
		s.turns[parts[i-1].Turn] = turn
		s.words += len(turn)
		s.repairs += repairs(language, turn)
		for _, w := range turn {
			if words.Filler(language, bare(w.Text)) {
				s.fillers++
			}
		}
	}
	return s
}

// sentenceMarks are the marks that end a sentence.
const sentenceMarks = ".?!。？！"

// between is the time in pauses between two sentences, s. said are the words of the turn.
func between(p timing.Part, said []transcript.Word) float64 {
	var ms int64
	for _, gap := range p.Pauses {
		if ends(said, sentenceMarks, gap.StartMs, gap.EndMs) {
			ms += gap.Len()
		}
	}
	return float64(ms) / 1000
}

// sentencePause is what a pause at the end of a sentence counts in runs: everybody pauses there,
// and practised readers the most.
const sentencePause = 0.5

// runs is how many runs a part has: a pause inside a sentence ends one, a pause between two
// sentences half of one. said are the words of the turn.
func runs(p timing.Part, said []transcript.Word) float64 {
	// 1, or 0 where the part ends with the pause it was cut at
	n := float64(len(p.Runs) - len(p.Pauses))
	for _, gap := range p.Pauses {
		if ends(said, sentenceMarks, gap.StartMs, gap.EndMs) {
			n += sentencePause
		} else {
			n++
		}
	}
	return n
}

// ends tells whether a word with one of these marks at its end ends near a pause.
func ends(said []transcript.Word, marks string, from, to int64) bool {
	for _, w := range said {
		last, _ := utf8.DecodeLastRuneInString(w.Text)
		if strings.ContainsRune(marks, last) && w.EndMs >= from-nearMs && w.EndMs <= to+nearMs {
			return true
		}
	}
	return false
}

// boundary tells whether a clause ends at a pause: by the recogniser's punctuation, or by the word
// after the pause.
func boundary(language string, said []transcript.Word, from, to int64) bool {
	if ends(said, ".,;:?!", from, to) {
		return true
	}
	for i, w := range said {
		if i > 0 && language == syllable.English && openers[bare(w.Text)] && w.StartMs >= from-nearMs && w.StartMs <= to+nearMs {
			return true
		}
	}
	return false
}

// repairs counts repetitions (one to longestRepeat words said again at once, with or without
// fillers between) and restarts (words cut off with a dash).
func repairs(language string, said []transcript.Word) int {
	var b []string
	n := 0
	for _, w := range said {
		t := bare(w.Text)
		if t == "" || words.Filler(language, t) {
			continue
		}
		if strings.HasSuffix(w.Text, "-") || strings.HasSuffix(w.Text, "–") || strings.HasSuffix(w.Text, "—") {
			n++
		}
		b = append(b, t)
	}
	for i := 0; i < len(b); {
		size := 0
		for l := longestRepeat; l >= 1; l-- {
			if i+2*l <= len(b) && equal(b[i:i+l], b[i+l:i+2*l]) {
				size = l
				break
			}
		}
		if size == 0 {
			i++
			continue
		}
		n++
		i += size
	}
	return n
}

func equal(a, b []string) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// hidden counts runs of sound in which no word lies: fillers that the recogniser dropped.
func hidden(p timing.Part) int {
	if len(p.Words) == 0 {
		return 0
	}
	n := 0
	for _, r := range p.Runs {
		if r.Len() < hiddenMs || r.Len() > hiddenMaxMs {
			continue
		}
		covered := false
		for _, w := range p.Words {
			if w.StartMs < r.EndMs && w.EndMs > r.StartMs {
				covered = true
				break
			}
		}
		if !covered {
			n++
		}
	}
	return n
}

func (s spoken) midClause() norms.Reading {
	if s.words == 0 || s.pauses < minPauses {
		return missing("midClausePauses", "There are too few pauses, or no words were recognised.")
	}
	return whole("midClausePauses", 100*float64(s.mid)/float64(s.pauses))
}

func (s spoken) filled() norms.Reading {
	if s.words < minWords {
		return missing("filledPauses", "Too few words were recognised.")
	}
	return whole("filledPauses", 60*float64(s.fillers)/s.spanSeconds)
}

func (s spoken) repaired() norms.Reading {
	if s.words < minWords {
		return missing("repairs", "Too few words were recognised.")
	}
	return whole("repairs", 100*float64(s.repairs)/float64(s.words))
}
