package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"parley/shared/client"
	"parley/shared/engine/run"
)

// row is one line of cases.tsv.
type row struct {
	id, area string
	file     string // audio/… in the folder of recordings, or api/… in that of the cases
}

// readRows reads the table of cases.
func readRows(path string) ([]row, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", errAbsent, path)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only
	r := csv.NewReader(f)
	r.Comma, r.LazyQuotes = '\t', true
	lines, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var rows []row
	for i, l := range lines {
		if i == 0 {
			continue // column names
		}
		file, _, _ := strings.Cut(l[4], ":")
		rows = append(rows, row{id: l[0], area: l[1], file: strings.TrimSpace(file)})
	}
	return rows, nil
}

// try submits the row's recording, or runs its script, and judges the result.
func (r row) try(ctx context.Context, o options, c *client.Client, plains map[string]outcome) (verdict, error) {
	e, known := expected[r.id]
	if !known {
		return verdict{outcome: "none", faults: []string{"the row does not say what is expected"}}, nil
	}
	if strings.HasPrefix(r.file, "api/") {
		return script(ctx, o, r.file)
	}
	out, err := submit(ctx, c, filepath.Join(o.out, r.file), !e.unheard)
	if err != nil {
		return verdict{}, fmt.Errorf("%s: %w", r.id, err)
	}
	return verdict{outcome: out.String(), faults: e.judge(out, plains[e.plain])}, nil
}

// outcome is what happened to a recording.
type outcome struct {
	refused string    // the code of a refused submit
	held    int64     // credits
	file    file      // from the submit
	run     *finished // nil: refused, or not waited for
}

type file struct {
	DurationMs int64  `json:"durationMs"`
	Format     string `json:"format"`
}

// finished holds the checked fields of an ended run.
type finished struct {
	Status string `json:"status"`
	Audio  struct {
		LanguageCode string `json:"languageCode"`
		SpeakerCount int    `json:"speakerCount"`
		Joins        int    `json:"joins"`
		Breaks       struct {
			Count int `json:"count"`
		} `json:"breaks"`
		Quality struct {
			SNRDb          float64 `json:"snrDb"`
			ClippedPercent float64 `json:"clippedPercent"`
		} `json:"quality"`
	} `json:"audio"`
	Detection struct {
		WordCount int `json:"wordCount"`
	} `json:"candidateDetection"`
	Scores struct {
		Vocabulary, Fluency, Accent, Overall *float64
	} `json:"scores"`
	Confidence map[string]*struct {
		Level    string     `json:"level"`
		Interval [2]float64 `json:"interval"`
	} `json:"confidence"`
	Transcript struct {
		Segments  []segment `json:"segments"`
		Candidate string    `json:"candidateSpeaker"`
	} `json:"transcript"`
	Credits struct {
		Deducted int64 `json:"deducted"`
	} `json:"credits"`
	Error *struct {
		Code string `json:"code"`
	} `json:"error"`
}

type segment struct {
	Speaker string `json:"speaker"`
	StartMs int64  `json:"startMs"`
	EndMs   int64  `json:"endMs"`
	Text    string `json:"text"`
}

func (o outcome) String() string {
	if o.refused != "" {
		return o.refused
	}
	s := fmt.Sprintf("202 %s %d ms held %d", o.file.Format, o.file.DurationMs, o.held)
	if r := o.run; r != nil {
		s += " " + r.Status
		if r.Error != nil {
			s += " " + r.Error.Code
		}
		for _, score := range r.scores() {
			if score.value != nil {
				s += fmt.Sprintf(" %c %.1f", score.name[0], *score.value)
			}
		}
	}
	return s
}

// submit submits a recording and, if it is to be scored, waits for the run's end. A refusal is not
// an error.
func submit(ctx context.Context, c *client.Client, path string, heard bool) (o outcome, err error) {
	key := fmt.Sprintf("cases-%s-%d", filepath.Base(path), time.Now().UnixNano())
	a, err := c.Submit(ctx, path, client.Options{IdempotencyKey: key})
	var refused *client.Error
	switch {
	case errors.As(err, &refused):
		o.refused = string(refused.Code)
		return o, nil
	case err != nil:
		return o, err
	}
	o.held = a.Credits.Held
	var said struct {
		Audio file `json:"audio"`
	}
	if err := json.Unmarshal(a.Raw, &said); err != nil {
		return o, fmt.Errorf("%s: %w", path, err)
	}
	o.file = said.Audio
	if !heard {
		return o, nil
	}
	return o, o.wait(ctx, c, a.ID)
}

func (o *outcome) wait(ctx context.Context, c *client.Client, id run.ID) error {
	r, err := c.Wait(ctx, id, nil)
	if err != nil {
		return err
	}
	o.run = &finished{}
	if err := json.Unmarshal(r.Raw, o.run); err != nil {
		return fmt.Errorf("run %s: %w", id, err)
	}
	return nil
}

// script runs one of the client scripts. Each line that fails is a fault.
func script(ctx context.Context, o options, name string) (verdict, error) {
	c := exec.CommandContext(ctx, "python3", filepath.Join(o.out, name))
	c.Env = append(os.Environ(), "PARLEY_URL="+o.url, "PARLEY_API_KEY="+o.key, "AUDIO="+filepath.Join(o.out, "audio", "talk.m4a"), "PYTHONDONTWRITEBYTECODE=1")
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	err := c.Run()
	v := verdict{}
	passed := 0
	for line := range strings.Lines(said.String()) {
		line = strings.TrimSpace(line)
		switch fault, failed := strings.CutPrefix(line, "FAIL "); {
		case failed:
			v.faults = append(v.faults, fault)
		case strings.HasPrefix(line, "PASS "):
			passed++
		}
	}
	v.outcome = fmt.Sprintf("%d of %d lines pass", passed, passed+len(v.faults))
	if err != nil && len(v.faults) == 0 {
		v.faults = []string{err.Error() + ": " + lastLine(said.String())}
	}
	return v, nil
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
