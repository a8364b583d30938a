package transcript

import (
	"strings"
	"unicode"
)

// Normal is a text as words to be compared: lower case, punctuation off, numbers left as they are
// written, apostrophes kept within words.
func Normal(text string) []string {
	text = strings.ToLower(strings.ReplaceAll(text, "’", "'"))
	var out []string
	for _, w := range strings.FieldsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && r != '\''
	}) {
		if w = strings.Trim(w, "'"); w != "" {
			out = append(out, w)
		}
	}
	return out
}

// Edits are the least changes that turn what was said into what was heard.
type Edits struct {
	Substituted, Deleted, Inserted int
	Said                           int // words said
}

// WER is the word error rate: changes per word said. 0 where nothing was said and nothing heard;
// above 1 where more was invented than said.
func (e Edits) WER() float64 {
	return float64(e.Substituted+e.Deleted+e.Inserted) / float64(max(1, e.Said))
}

// Add is the sum of two comparisons.
func (e Edits) Add(o Edits) Edits {
	return Edits{e.Substituted + o.Substituted, e.Deleted + o.Deleted, e.Inserted + o.Inserted, e.Said + o.Said}
}

// Compare counts the least edits (Levenshtein over words) between what was said and what was heard,
// both as Normal gives them.
func Compare(said, heard []string) Edits {
	// row[j] is the cheapest way from the words said so far to heard[:j].
	row := make([]Edits, len(heard)+1)
	for j := range row {
		row[j] = Edits{Inserted: j}
	}
	cost := func(e Edits) int { return e.Substituted + e.Deleted + e.Inserted }
	for _, s := range said {
		diagonal := row[0]
		row[0].Deleted++
		for j, h := range heard {
			best := diagonal
			if s != h {
				best.Substituted++
				if d := row[j+1]; cost(d)+1 < cost(best) {
					best = d
					best.Deleted++
				}
				if i := row[j]; cost(i)+1 < cost(best) {
					best = i
					best.Inserted++
				}
			}
			diagonal, row[j+1] = row[j+1], best
		}
	}
	e := row[len(heard)]
	e.Said = len(said)
	return e
}
