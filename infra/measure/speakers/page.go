package main

import (
	"fmt"
	"io"
	"math"

	"parley/shared/speech/conversation"
)

// entry is a row of the table: a condition with what was found.
type entry struct {
	name, how string
	row       figures
}

type page struct {
	words    string // where the words come from
	rows     []entry
	composed figures
}

// write writes the page. A failed write shows when the file is closed.
func (p page) write(w io.Writer) {
	say := func(format string, a ...any) { _, _ = fmt.Fprintf(w, format, a...) }
	say("%s\n", head)
	say("Words: %s. They serve only to identify the candidate; who speaks when is found from the sound alone.\n\n", p.words)
	say("| condition | what was done | speakers right | DER, 250 ms collar | DER, no collar | right person | attribution error where right, mean | worst | confidence |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, e := range p.rows {
		n := len(e.row)
		var right figures
		for _, f := range e.row {
			if f.Right {
				right = append(right, f)
			}
		}
		say("| %s | %s | %d of %d | %.2f | %.2f | %d of %d | %.2f | %.2f | %s |\n", e.name, e.how,
			e.row.count(func(f figure) bool { return f.heard == f.true }), n,
			e.row.mean(func(f figure) float64 { return f.DER }), e.row.mean(func(f figure) float64 { return f.Strict }),
			len(right), n, right.mean(func(f figure) float64 { return f.Attribution }), right.most(func(f figure) float64 { return f.Attribution }), levels(e.row))
	}
	say("\nAll in percent. %s\n", meaning)
	if len(p.composed) > 0 {
		p.writeComposed(say)
	}
	wrong, all := 0, 0
	for _, row := range append([]entry{{row: p.composed}}, p.rows...) {
		all += len(row.row)
		wrong += row.row.count(func(f figure) bool { return !f.Right && f.confidence == conversation.High })
	}
	say("\n## Wrong and sure\n\nOf all %d recordings and copies above, %d have the wrong candidate with confidence high.\n", all, wrong)
	say("%s", tail)
}

func (p page) writeComposed(say func(string, ...any)) {
	say("%s\n", composedHead)
	say("| candidate's share of the speech | conversations | two speakers heard | confused speech, mean | right person | high: right, wrong | medium: right, wrong | low: right, wrong |\n|---|---|---|---|---|---|---|---|\n")
	for _, share := range shares {
		var row figures
		for _, f := range p.composed {
			if math.Abs(f.share-share) < 1e-9 {
				row = append(row, f)
			}
		}
		cell := func(level string) string {
			return fmt.Sprintf("%d, %d", row.count(func(f figure) bool { return f.Right && f.confidence == level }), row.count(func(f figure) bool { return !f.Right && f.confidence == level }))
		}
		say("| %.0f %% | %d | %d | %.1f %% | %d | %s | %s | %s |\n", 100*share, len(row), row.count(func(f figure) bool { return f.heard == f.true }),
			row.mean(func(f figure) float64 { return f.Confusion }), row.count(func(f figure) bool { return f.Right }), cell(conversation.High), cell(conversation.Medium), cell(conversation.Low))
	}
}

// levels are the confidences with their counts.
func levels(row figures) string {
	out := ""
	for _, level := range []string{conversation.High, conversation.Medium, conversation.Low} {
		right := row.count(func(f figure) bool { return f.confidence == level && f.Right })
		wrong := row.count(func(f figure) bool { return f.confidence == level && !f.Right })
		if right > 0 {
			out += fmt.Sprintf("%d %s, ", right, level)
		}
		if wrong > 0 {
			out += fmt.Sprintf("%d %s and wrong, ", wrong, level)
		}
	}
	if out == "" {
		return "-"
	}
	return out[:len(out)-2]
}
