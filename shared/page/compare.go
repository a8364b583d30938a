package page

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	scored "parley/shared/speech/report"
	"parley/shared/speech/score"
)

var (
	//go:embed compare.html
	compareSource string
	//go:embed compare.css
	compareStyle string
)

// CompareOptions say how runs are compared.
type CompareOptions struct {
	// Title is what the runs have in common.
	Title string
	// Sort is the column to sort by: a score, "reference" or "submitted"; anything else: overall.
	Sort string
	// Links are the addresses of the runs' own pages, by id.
	Links map[string]string
}

// compared is what the comparison reads of a run's entry in a list.
type compared struct {
	run
	points map[score.Dimension]*float64
}

type compareView struct {
	Lang, Title string
	Style       template.CSS
	Note        string
	Sorted      string // the name of the column
	By          string // what the places are by
	Heads       []headView
	Rows        []Row
	Links       map[string]string
}

type headView struct {
	Name, Sort string
	Here       bool
}

// Row is a run of a comparison, in words.
type Row struct {
	ID, Reference, Submitted string
	// Place says in which places the run may be: "2", or "1 to 3"; empty: it has no interval.
	Place string
	Cells []Cell // in the order of Columns
	Flags []string
}

// Cell is a score of a row. At, From and Width are %, of the whole scale.
type Cell struct {
	Measured              bool
	Points, CEFR, Between string
	At, From, Width       float64
}

const byReference, bySubmitted = "reference", "submitted"

// Compare makes the page that compares runs, from their entries in a list. The places say what the
// scores tell: a run may be in any place from the first to the last that its interval allows, and
// two runs whose intervals overlap are not told apart.
func Compare(entries [][]byte, o CompareOptions) (Page, error) {
	c, err := in(defaultLanguage)
	if err != nil {
		return Page{}, err
	}
	rows, key, by, err := rowsOf(entries, o.Sort, c.texts)
	if err != nil {
		return Page{}, err
	}
	v := compareView{Lang: c.texts["lang"], Title: c.texts.say("compare"), Style: template.CSS(style + compareStyle), Note: o.Title, By: strings.ToLower(c.texts.say("score." + string(by))), Rows: rows, Links: o.Links} //nolint:gosec // our own file
	head := func(name, sort string) {
		v.Heads = append(v.Heads, headView{name, sort, sort == key})
		if sort == key {
			v.Sorted = name
		}
	}
	head(c.texts.say("compare.reference"), byReference)
	head(c.texts.say("compare.submitted"), bySubmitted)
	for _, d := range Columns() {
		head(c.texts.say("score."+string(d)), string(d))
	}
	p := Page{CSP: "default-src 'none'; style-src '" + digest(style+compareStyle) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}
	var b bytes.Buffer
	if err := c.sheet.ExecuteTemplate(&b, "compare", v); err != nil {
		return p, fmt.Errorf("page: compare: %w", err)
	}
	p.HTML = b.Bytes()
	return p, nil
}

// Rows returns runs as Compare shows them, from their entries in a list, and the name of the column
// that they are sorted by.
func Rows(entries [][]byte, by string) ([]Row, string, error) {
	c, err := in(defaultLanguage)
	if err != nil {
		return nil, "", err
	}
	rows, key, _, err := rowsOf(entries, by, c.texts)
	return rows, key, err
}

// rowsOf also returns the score that the places are by.
func rowsOf(entries [][]byte, sort string, t texts) (rows []Row, key string, by score.Dimension, err error) {
	runs, err := comparedOf(entries)
	if err != nil {
		return nil, "", "", err
	}
	key = sorted(runs, sort)
	by = score.Dimension(key)
	if key == byReference || key == bySubmitted {
		by = score.Overall
	}
	for _, r := range runs {
		row := Row{ID: r.ID, Reference: cmp.Or(r.ExternalID, r.ID), Submitted: r.CreatedAt.UTC().Format(time.DateOnly), Place: placeOf(r, runs, by, t)}
		for _, d := range Columns() {
			row.Cells = append(row.Cells, r.cell(d, t))
		}
		row.Flags = r.flags(t)
		rows = append(rows, row)
	}
	return rows, key, by, nil
}

// Columns are the scores in the order of the columns, overall first.
func Columns() []score.Dimension {
	out := []score.Dimension{score.Overall}
	for _, d := range score.Names() {
		if d != score.Overall {
			out = append(out, d)
		}
	}
	return out
}

func comparedOf(entries [][]byte) ([]compared, error) {
	out := make([]compared, len(entries))
	for i, raw := range entries {
		r := compared{points: map[score.Dimension]*float64{}}
		if err := json.Unmarshal(raw, &r.run); err != nil {
			return nil, fmt.Errorf("page: compare: read a run: %w", err)
		}
		for _, d := range Columns() {
			name, _, _ := scored.Members(d)
			var points *float64
			if v, ok := r.Scores[name]; ok {
				if err := json.Unmarshal(v, &points); err != nil {
					return nil, fmt.Errorf("page: compare: %s: %w", r.ID, err)
				}
			}
			r.points[d] = points
		}
		out[i] = r
	}
	return out, nil
}

// sorted sorts the runs and returns by what: a score from the highest, without a score last; the
// reference from A; the time of the submit from the newest.
func sorted(runs []compared, by string) string {
	points := func(d score.Dimension) func(a, b compared) int {
		return func(a, b compared) int {
			switch x, y := a.points[d], b.points[d]; {
			case x == nil && y == nil:
				return 0
			case x == nil:
				return 1
			case y == nil:
				return -1
			default:
				return cmp.Compare(*y, *x)
			}
		}
	}
	var order func(a, b compared) int
	switch by {
	case byReference:
		order = func(a, b compared) int { return cmp.Compare(cmp.Or(a.ExternalID, a.ID), cmp.Or(b.ExternalID, b.ID)) }
	case bySubmitted:
		order = func(a, b compared) int { return b.CreatedAt.Compare(a.CreatedAt) }
	default:
		at := max(slices.IndexFunc(Columns(), func(d score.Dimension) bool { return string(d) == by }), 0)
		by = string(Columns()[at])
		order = points(Columns()[at])
	}
	slices.SortStableFunc(runs, func(a, b compared) int {
		return cmp.Or(order(a, b), b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return by
}

// interval returns the interval of a score; ok is false if there is none.
func (r compared) interval(d score.Dimension) (low, high float64, ok bool) {
	c := r.Confidence[string(d)]
	if c == nil || r.points[d] == nil {
		return 0, 0, false
	}
	return c.Interval[0], c.Interval[1], true
}

// placeOf says in which places a run may be: behind all whose interval is wholly above its own, and
// before all whose interval is wholly below.
func placeOf(r compared, all []compared, d score.Dimension, t texts) string {
	low, high, ok := r.interval(d)
	if !ok {
		return ""
	}
	first, last := 1, 0
	for _, other := range all {
		l, h, ok := other.interval(d)
		if !ok {
			continue
		}
		if last++; l > high {
			first++
		}
		if h < low {
			last--
		}
	}
	if first == last {
		return strconv.Itoa(first)
	}
	return t.say("compare.places", first, last)
}

func (r compared) cell(d score.Dimension, t texts) Cell {
	points := r.points[d]
	if points == nil {
		return Cell{}
	}
	_, level, _ := scored.Members(d)
	v := Cell{Measured: true, Points: oneDecimal(*points), At: *points * 20}
	_ = json.Unmarshal(r.Scores[level], &v.CEFR) // null stays empty
	if low, high, ok := r.interval(d); ok {
		level := r.Confidence[string(d)].Level
		v.Between, v.From, v.Width = t.say("compare.between", oneDecimal(low), oneDecimal(high), t.or("sure."+level, level)), low*20, (high-low)*20
	}
	return v
}

// flags say what a reader must know before the scores.
func (r compared) flags(t texts) []string {
	var out []string
	switch r.Status {
	case "queued", "processing":
		out = append(out, t.say("compare.live"))
	case "failed":
		out = append(out, t.say("compare.failed"))
	case "partial":
		out = append(out, t.say("compare.partial"))
	}
	if r.Detection.Confidence == "low" {
		out = append(out, t.say("compare.who"))
	}
	return append(out, r.Audio.Quality.Cautions...)
}

func oneDecimal(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

// CSV returns runs as a table for a spreadsheet, sorted as Compare sorts them, from their entries
// in a list.
func CSV(entries [][]byte, by string) ([]byte, error) {
	runs, err := comparedOf(entries)
	if err != nil {
		return nil, err
	}
	sorted(runs, by)
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	err = w.Write(CSVHead())
	for _, r := range runs {
		err = errors.Join(err, w.Write(r.row()))
	}
	w.Flush()
	if err = errors.Join(err, w.Error()); err != nil {
		return nil, fmt.Errorf("page: csv: %w", err)
	}
	return b.Bytes(), nil
}

// CSVHead names the columns of CSV.
func CSVHead() []string {
	head := []string{"id", "externalId", "status", "error", "createdAt", "completedAt", "durationMs", "tags"}
	for _, d := range score.Names() {
		points, cefr, _ := scored.Members(d)
		head = append(head, points, cefr, string(d)+"Low", string(d)+"High", string(d)+"Confidence")
	}
	return append(head, "cautions")
}

// CSVRow returns a run's row below CSVHead, from its entry in a list.
func CSVRow(entry []byte) ([]string, error) {
	one, err := comparedOf([][]byte{entry})
	if err != nil {
		return nil, err
	}
	return one[0].row(), nil
}

func (r compared) row() []string {
	code, ended := "", ""
	if r.Error != nil {
		code = r.Error.Code
	}
	if r.CompletedAt != nil {
		ended = r.CompletedAt.UTC().Format(time.RFC3339)
	}
	row := []string{r.ID, r.ExternalID, r.Status, code, r.CreatedAt.UTC().Format(time.RFC3339), ended, strconv.FormatInt(r.Audio.DurationMs, 10), strings.Join(r.Tags, " ")}
	for _, d := range score.Names() {
		points := r.points[d]
		if points == nil {
			row = append(row, "", "", "", "", "")
			continue
		}
		_, name, _ := scored.Members(d)
		cefr, low, high, level := "", "", "", ""
		_ = json.Unmarshal(r.Scores[name], &cefr) // null stays empty
		if l, h, ok := r.interval(d); ok {
			low, high, level = oneDecimal(l), oneDecimal(h), r.Confidence[string(d)].Level
		}
		row = append(row, oneDecimal(*points), cefr, low, high, level)
	}
	row = append(row, strings.Join(r.Audio.Quality.Cautions, " "))
	// A spreadsheet takes what begins with certain signs for a formula (OWASP, "CSV Injection").
	for i, v := range row {
		if v != "" && strings.ContainsAny(v[:1], "=+-@\t\r") {
			row[i] = "'" + v
		}
	}
	return row
}
