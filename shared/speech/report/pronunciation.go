package report

import (
	"math"

	"parley/shared/speech/score"
)

// Pronunciation is how clearly the candidate's words were pronounced.
type Pronunciation struct {
	// Words are the least clear of those that were compared, the least clear first, at most
	// score.MaxPronounced; null where none was.
	Words []ClearWord `json:"words"`
	// WordsReason says why there are none; null where there are some.
	WordsReason *string `json:"wordsReason"`
}

// ClearWord is one word with its sounds.
type ClearWord struct {
	Text    string `json:"text"`
	StartMs int64  `json:"startMs"`
	EndMs   int64  `json:"endMs"`
	// Clarity is 0 to 100: the share of good speakers' words that are less clear.
	Clarity int          `json:"clarity"`
	Sounds  []ClearSound `json:"sounds"`
}

// ClearSound is one sound of a word.
type ClearSound struct {
	IPA     string `json:"ipa"`
	StartMs int64  `json:"startMs"`
	EndMs   int64  `json:"endMs"`
	Clarity int    `json:"clarity"` // the same of this sound
}

// pronunciationOf is what the client reads of the words that an accent's score rests on.
func pronunciationOf(r score.Result) *Pronunciation {
	if len(r.Pronounced) == 0 {
		why := "No word could be matched to English sounds."
		return &Pronunciation{WordsReason: &why}
	}
	p := &Pronunciation{Words: []ClearWord{}}
	for _, w := range r.Pronounced {
		word := ClearWord{Text: w.Text, StartMs: w.StartMs, EndMs: w.EndMs, Clarity: percent(w.Clarity), Sounds: []ClearSound{}}
		for _, s := range w.Sounds {
			word.Sounds = append(word.Sounds, ClearSound{IPA: s.IPA, StartMs: s.StartMs, EndMs: s.EndMs, Clarity: percent(s.Clarity)})
		}
		p.Words = append(p.Words, word)
	}
	return p
}

func percent(v float64) int { return int(math.Round(v)) }
