package batch

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"
)

// Bounds of the tables.
const (
	maxRows    = 100_000
	maxLine    = 1 << 20 // bytes
	maxColumns = 50
)

// Manifest reads a tab-separated table of rows. Its header line has the columns id, audio and text
// (optional) in any order. audio is a path, or several joined by |, relative to dir.
func Manifest(r io.Reader, dir string) ([]Row, error) {
	header, lines, err := table(r)
	if err != nil {
		return nil, fmt.Errorf("batch: manifest: %w", err)
	}
	column := map[string]int{"id": -1, "audio": -1, "text": -1}
	for i, h := range header {
		if _, known := column[h]; known {
			column[h] = i
		}
	}
	if column["id"] < 0 || column["audio"] < 0 && column["text"] < 0 {
		return nil, fmt.Errorf("batch: manifest: the first line must name the columns id and audio, and may name text; it is %q", header)
	}
	seen := map[string]bool{}
	var rows []Row
	for n, l := range lines {
		get := func(name string) string {
			if i := column[name]; i >= 0 && i < len(l) {
				return strings.TrimSpace(l[i])
			}
			return ""
		}
		row := Row{ID: get("id"), Text: get("text")}
		for p := range strings.SplitSeq(get("audio"), "|") {
			if p = strings.TrimSpace(p); p == "" {
				continue
			}
			if !filepath.IsAbs(p) {
				p = filepath.Join(dir, p)
			}
			row.Audio = append(row.Audio, p)
		}
		switch {
		case row.ID == "" || seen[row.ID]:
			return nil, fmt.Errorf("batch: manifest: line %d: id %q is empty or used twice", n+2, row.ID)
		case len(row.Audio) == 0 && row.Text == "":
			return nil, fmt.Errorf("batch: manifest: line %d: neither audio nor text", n+2)
		}
		seen[row.ID] = true
		rows = append(rows, row)
	}
	return rows, nil
}

// Human holds human scores by column, then by row id.
type Human struct {
	Columns []string
	Scores  map[string]map[string]float64
}

// HumanScores reads a tab-separated table of human scores. Its header line has id and one name per
// column. An empty cell is no score. Columns without a number are left out.
func HumanScores(r io.Reader) (Human, error) {
	header, lines, err := table(r)
	if err != nil {
		return Human{}, fmt.Errorf("batch: human scores: %w", err)
	}
	if len(header) < 2 || header[0] != "id" {
		return Human{}, fmt.Errorf("batch: human scores: the first line must be id and the names of the scores; it is %q", header)
	}
	h := Human{Scores: map[string]map[string]float64{}}
	for i, name := range header[1:] {
		values := map[string]float64{}
		for _, l := range lines {
			if i+1 >= len(l) {
				continue
			}
			if v, err := strconv.ParseFloat(strings.TrimSpace(l[i+1]), 64); err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
				values[strings.TrimSpace(l[0])] = v
			}
		}
		if len(values) > 0 && h.Scores[name] == nil {
			h.Columns = append(h.Columns, name)
			h.Scores[name] = values
		}
	}
	return h, nil
}

// table reads a tab-separated table with a header.
func table(r io.Reader) (header []string, lines [][]string, err error) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	for s.Scan() {
		l := strings.TrimSuffix(s.Text(), "\r")
		if strings.TrimSpace(l) == "" {
			continue
		}
		cells := strings.Split(l, "\t")
		if header == nil {
			header = strings.Split(strings.TrimPrefix(l, "\ufeff"), "\t")
			if len(header) > maxColumns {
				return nil, nil, fmt.Errorf("%d columns; at most %d are allowed", len(header), maxColumns)
			}
			for i := range header {
				header[i] = strings.TrimSpace(header[i])
			}
			continue
		}
		if len(lines) == maxRows {
			return nil, nil, fmt.Errorf("more than %d rows", maxRows)
		}
		lines = append(lines, cells)
	}
	if err := s.Err(); err != nil {
		return nil, nil, err
	}
	if header == nil {
		return nil, nil, io.ErrUnexpectedEOF
	}
	return header, lines, nil
}
