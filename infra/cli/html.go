package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"parley/infra/measure/batch"
	"parley/shared/api"
	"parley/shared/client"
	"parley/shared/engine/run"
	reportpage "parley/shared/page"
	"parley/shared/presentation"
	"parley/shared/speech/report"
	"parley/shared/speech/score"
)

// writePage makes the report page of a poll body, as a file. sound, if not empty, is the recording,
// which the page plays from where it lies. server, if not empty, has the documentation.
func writePage(file string, body []byte, sound, server string) error {
	o := reportpage.Options{File: true}
	if server != "" {
		o.Docs = strings.TrimSuffix(strings.TrimSuffix(server, "/"), api.Base) + api.Base + "/docs"
	}
	if sound != "" {
		at, err := beside(file, sound)
		if err != nil {
			return err
		}
		o.Sound.File = at
	}
	p, err := reportpage.Make(body, o)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, p.HTML, 0o600); err != nil { // what somebody said is nobody else's
		return usage("%w", err)
	}
	return nil
}

// beside is the address of a recording as a page names it: relative to the page.
func beside(page, sound string) (string, error) {
	if _, err := os.Stat(sound); err != nil {
		return "", usage("%w", err)
	}
	from, err1 := filepath.Abs(filepath.Dir(page))
	to, err2 := filepath.Abs(sound)
	if err := errors.Join(err1, err2); err != nil {
		return "", usage("%w", err)
	}
	at, err := filepath.Rel(from, to)
	if err != nil {
		at = to
	}
	return (&url.URL{Path: filepath.ToSlash(at)}).String(), nil
}

// scoredPages makes the pages of `parley score`: one for each row that could be read.
type scoredPages struct {
	dir, language, version string
	taken                  map[string]bool
	last                   report.Report // of the row that was scored last
	length                 int64         // of its recordings together, ms
}

// present is what shows the scores of a row; it remembers the row's report for its page.
func (s *scoredPages) present(results score.Results, m score.Material) (scores, confidence any, all score.Result, err error) {
	s.last = report.Build(report.Input{Intake: m.Intake, Conversation: m.Conversation, Results: results, RequestedLanguage: s.language, ScoringVersion: s.version})
	s.length = m.Intake.DurationMs
	return present(results, m)
}

// scoredRun is the poll body that a row would have as a run.
type scoredRun struct {
	report.Report
	ID          string             `json:"id"`
	ExternalID  string             `json:"externalId"`
	Status      run.Status         `json:"status"`
	CompletedAt presentation.Stamp `json:"completedAt"`
	Audio       struct {
		report.Audio
		DurationMs        int64  `json:"durationMs"`
		DurationFormatted string `json:"durationFormatted"`
		RequestedLanguage string `json:"requestedLanguage"`
	} `json:"audio"`
}

// write makes the page of the row that was scored last, and returns its file.
func (s *scoredPages) write(row batch.Row, now time.Time) (string, error) {
	v := scoredRun{Report: s.last, ExternalID: row.ID, Status: run.Success, CompletedAt: presentation.Stamp(now)}
	v.Audio.Audio, v.Audio.DurationMs, v.Audio.DurationFormatted, v.Audio.RequestedLanguage = s.last.Audio, s.length, clockOf(s.length), s.language
	for _, d := range score.Table {
		if _, ok := s.last.Scores[d.Name]; !ok {
			v.Status = run.Partial
		}
	}
	body, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("score: page of %s: %w", row.ID, err)
	}
	sound := ""
	if len(row.Audio) == 1 {
		sound = row.Audio[0]
	}
	file := filepath.Join(s.dir, s.name(row.ID)+".html")
	return file, writePage(file, body, sound, "")
}

// maxPageName bounds a page's name, in characters.
const maxPageName = 100

// name makes a row's id the name of a file that no other row of this call has.
func (s *scoredPages) name(id string) string {
	safe := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '_'
	}, id)
	safe = strings.TrimLeft(safe[:min(len(safe), maxPageName)], ".")
	if safe == "" {
		safe = "row"
	}
	name := safe
	for n := 2; s.taken[strings.ToLower(name)]; n++ {
		name = fmt.Sprintf("%s-%d", safe, n)
	}
	s.taken[strings.ToLower(name)] = true
	return name
}

// showPage writes the page of a run that was read, and says where it is.
func showPage(c *cobra.Command, file string, body []byte, sound, server string) error {
	if err := writePage(file, body, sound, server); err != nil {
		return err
	}
	return say(c.ErrOrStderr(), "wrote %s\n", file)
}

// csvPage is how many runs listCSV reads at a time.
const csvPage = 100

// listCSV writes every run that passes the filter as CSV, reading page after page.
func listCSV(ctx context.Context, w io.Writer, cl *client.Client, f client.Filter) error {
	out := csv.NewWriter(w)
	if err := out.Write(reportpage.CSVHead()); err != nil {
		return err
	}
	f.Limit = csvPage
	for {
		page, err := cl.Runs(ctx, f)
		if err != nil {
			return err
		}
		for _, r := range page.Data {
			row, err := reportpage.CSVRow(r.Raw)
			if err != nil {
				return err
			}
			if err := out.Write(row); err != nil {
				return err
			}
		}
		out.Flush()
		if page.NextCursor == nil || out.Error() != nil {
			return out.Error()
		}
		f.Cursor = *page.NextCursor
	}
}
