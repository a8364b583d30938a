package report

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"parley/shared/speech/score"
)

// feedback tells the candidate what is strong, where they are, and what to practise: by examples
// from their own words where there are some, else by the measure with most to gain.
func (s sheet) feedback() string {
	var out []string
	var strongest *score.Measure
	for _, r := range s.sides {
		if up, _ := extremes(r.Result); r.Raw != nil && up != nil && (strongest == nil || up.Contribution > strongest.Contribution) {
			strongest = up
		}
	}
	if strongest != nil {
		out = append(out, fmt.Sprintf("What helps you most is %s.", describe(*strongest)))
	}
	keep := false
	advised := map[string]bool{} // a measure may count in two dimensions
	for _, r := range s.sides {
		if r.Raw == nil {
			out = append(out, r.row.Title+" could not be measured this time. "+sentence(r.Reason))
			continue
		}
		if len(r.Practice) > 0 {
			out = append(out, r.row.Title+": "+points(r.Practice))
			continue
		}
		g := toGain(r.Result, advised)
		if shared := toGain(r.Result, nil); g == nil && shared != nil {
			out = append(out, fmt.Sprintf("%s: the same practice helps here, because %s counts for it too.", r.row.Title, name(*shared)))
			continue
		}
		if g == nil {
			out = append(out, r.row.Title+": nothing stands out to work on.")
			keep = true
			continue
		}
		advised[g.Name] = true
		w := score.WordingOf(g.Name)
		goal, practice := cmp.Or(w.Goal, "work on "+name(*g)), cmp.Or(w.Practice, r.row.Habit)
		out = append(out, fmt.Sprintf("%s: %s. %s To practise, %s.", r.row.Title, goal, standing(*g), practice))
	}
	if keep {
		out = append(out, "Keep using the language as you do.")
	}
	return strings.Join(out, " ")
}

// points are the sentences of what to practise; the first follows a colon.
func points(of []score.Point) string {
	var out []string
	for _, p := range of[:min(len(of), score.MaxPoints)] {
		out = append(out, p.Text)
	}
	s := strings.Join(out, " ")
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToLower(first)) + s[size:]
}
