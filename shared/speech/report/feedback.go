package report

import (
	"fmt"
	"strings"

	"parley/shared/speech/score"
)

// feedback tells the candidate what is strong and what to practise.
func (s sheet) feedback() string {
	var out []string
	var strongest *score.Measure
	for _, r := range s.sides {
		if up, _ := extremes(r.Result); r.Raw != nil && up != nil && (strongest == nil || up.Contribution > strongest.Contribution) {
			strongest = up
		}
	}
	if strongest != nil {
		out = append(out, fmt.Sprintf("What helped you most is %s.", describe(*strongest)))
	}
	advised := map[string]bool{} // a measure may count in two dimensions
	for _, r := range s.sides {
		if r.Raw == nil {
			out = append(out, r.row.Title+" could not be measured this time. "+sentence(r.Reason))
			continue
		}
		g := toGain(r.Result, advised)
		if shared := toGain(r.Result, nil); g == nil && shared != nil {
			out = append(out, fmt.Sprintf("%s: the same helps here, since %s counts for it too.", r.row.Title, name(*shared)))
			continue
		}
		if g == nil {
			out = append(out, fmt.Sprintf("%s: no measure stands out to work on; keep using the language as you do.", r.row.Title))
			continue
		}
		advised[g.Name] = true
		do := score.WordingOf(g.Name).Practice
		if do == "" {
			do = r.row.Habit
		}
		out = append(out, fmt.Sprintf("%s: to bring %s from %s towards %s, %s.", r.row.Title, name(*g), amount(*g, *g.Value), num(g.Norm.High), do))
	}
	return strings.Join(out, " ")
}
