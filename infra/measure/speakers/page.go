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
	note     string // what else is to be said of the figures; empty: nothing
	rows     []entry
	scripted []entry
	written  []choice
	// swallowed are the written ones with another's voice taken for the candidate's.
	swallowed figures
	composed  figures
}

// write writes the page. A failed write shows when the file is closed.
func (p page) write(w io.Writer) {
	say := func(format string, a ...any) { _, _ = fmt.Fprintf(w, format, a...) }
	say("%s\n", head)
	say("Words: %s. They serve only to identify the candidate; who speaks when is found from the sound alone.\n\n", p.words)
	if p.note != "" {
		say("%s\n\n", p.note)
	}
	table(say, p.rows)
	say("\nAll in percent. %s\n", meaning)
	if len(p.written) > 0 {
		p.writeWritten(say)
	}
	if len(p.scripted) > 0 {
		p.writeScripted(say)
	}
	if len(p.composed) > 0 {
		p.writeComposed(say)
	}
	all, wrong, medium, unsure := 0, 0, 0, 0
	for _, row := range append(append([]entry{{row: p.composed}}, p.rows...), p.scripted...) {
		all += len(row.row)
		wrong += row.row.count(func(f figure) bool { return !f.Right && f.confidence == conversation.High })
		medium += row.row.count(func(f figure) bool { return f.confidence == conversation.Medium })
		unsure += row.row.count(func(f figure) bool { return !f.Right && f.confidence == conversation.Medium })
	}
	say("\n## Wrong and sure\n\nOf all %d recordings and copies above, %d have the wrong candidate with confidence high. Of the %d with confidence medium, %d have the wrong candidate.\n", all, wrong, medium, unsure)
	say("%s", tail)
}

// sayer writes a piece of the page.
type sayer func(format string, a ...any)

// table writes a row for each condition.
func table(say sayer, rows []entry) {
	say("| condition | what was done | speakers right | DER, 250 ms collar | DER, no collar | right person | attribution error where right, mean | worst | confidence |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, e := range rows {
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
}

// kinds are how conversations differ in what decides for the candidate.
var kinds = []struct {
	name string
	of   func(f figure) bool
}{
	{"the interviewer opens", func(f figure) bool { return f.true > 1 && f.opens == conversation.RoleInterviewer }},
	{"the candidate opens", func(f figure) bool { return f.true > 1 && f.opens == conversation.RoleCandidate }},
	{"an announcement opens", func(f figure) bool { return f.opens == roleAnnouncement }},
	{"the candidate speaks most", func(f figure) bool { return f.true > 1 && f.most }},
	{"another speaks most", func(f figure) bool { return !f.most }},
	{"one voice", func(f figure) bool { return f.true == 1 }},
	{"two voices", func(f figure) bool { return f.true == 2 }},
	{"three voices", func(f figure) bool { return f.true == 3 }},
	{"four voices", func(f figure) bool { return f.true == 4 }},
}

// roleAnnouncement is the role of a recorded voice.
const roleAnnouncement = "announcement"

func (p page) writeScripted(say sayer) {
	say("%s\n", scriptedHead)
	table(say, p.scripted)
	var all figures
	for _, e := range p.scripted {
		all = append(all, e.row...)
	}
	say("\n%s\n\n", kindsHead)
	byKind(say, all)
}

// byKind writes a row for each kind of conversation that there is.
func byKind(say sayer, all figures) {
	say("| conversations in which | how many | right person | voices counted right | confidence |\n|---|---|---|---|---|\n")
	for _, k := range kinds {
		var row figures
		for _, f := range all {
			if k.of(f) {
				row = append(row, f)
			}
		}
		if n := len(row); n > 0 {
			say("| %s | %d | %d (%.0f %%) | %d (%.0f %%) | %s |\n", k.name, n, row.count(func(f figure) bool { return f.Right }), 100*row.mean(func(f figure) float64 { return number(f.Right) }),
				row.count(func(f figure) bool { return f.heard == f.true }), 100*row.mean(func(f figure) float64 { return number(f.heard == f.true) }), levels(row))
		}
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (p page) writeComposed(say sayer) {
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
