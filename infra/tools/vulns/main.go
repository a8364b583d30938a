// Command vulns runs govulncheck on a module and exits with 1 if the module calls code of another
// module with a known vulnerability. It lists those of the standard library without failing: no
// commit fixes them, but a newer Go does.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"

	"golang.org/x/vuln/scan"
)

// standard is the database's name for the standard library.
const standard = "stdlib"

func main() {
	dir := flag.String("dir", ".", "the folder of the module")
	database := flag.String("db", "", "the folder of the database's entries, in OSV's form")
	flag.Parse()
	found, err := look(context.Background(), *dir, *database)
	if err != nil {
		fmt.Fprintln(os.Stderr, "vulns:", err)
		os.Exit(2)
	}
	if failing := report(os.Stdout, found); failing > 0 {
		os.Exit(1)
	}
}

// vulnerability is a vulnerability in code that is called.
type vulnerability struct {
	id, module, version, fixed, summary string
	caller                              string // one place that calls it
}

// look runs govulncheck and returns the vulnerabilities in code that is called, by module and
// number.
func look(ctx context.Context, dir, database string) ([]vulnerability, error) {
	cmd := scan.Command(ctx, "-C", dir, "-db", "file://"+database, "-format", "json", "./...")
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start: %w", err)
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		_ = in.Close() // never an error
		ended <- err
	}()
	found, err := read(out)
	_ = out.CloseWithError(err) // so that the scan does not wait for a reader that has given up
	return found, errors.Join(err, <-ended)
}

// message is the part that we read of one message of govulncheck's JSON stream.
type message struct {
	OSV *struct {
		ID      string `json:"id"`
		Summary string `json:"summary"`
	} `json:"osv"`
	Finding *struct {
		OSV   string  `json:"osv"`
		Fixed string  `json:"fixed_version"`
		Trace []frame `json:"trace"` // from the vulnerable function to ours
	} `json:"finding"`
}

type frame struct {
	Module   string `json:"module"`
	Version  string `json:"version"`
	Package  string `json:"package"`
	Function string `json:"function"`
}

// read reads the vulnerabilities in code that is called from the stream: those whose trace names a
// function. The code of others is only imported or required.
func read(r io.Reader) ([]vulnerability, error) {
	summaries := map[string]string{}
	called := map[string]vulnerability{}
	for d := json.NewDecoder(r); ; {
		var m message
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("govulncheck: %w", err)
		}
		if m.OSV != nil {
			summaries[m.OSV.ID] = m.OSV.Summary
		}
		if f := m.Finding; f != nil && len(f.Trace) > 0 && f.Trace[0].Function != "" {
			own := f.Trace[len(f.Trace)-1]
			called[f.OSV] = vulnerability{id: f.OSV, module: f.Trace[0].Module, version: f.Trace[0].Version,
				fixed: cmp.Or(f.Fixed, "no version yet"), caller: own.Package + "." + own.Function}
		}
	}
	out := make([]vulnerability, 0, len(called))
	for id, v := range called {
		v.summary = summaries[id]
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b vulnerability) int {
		return cmp.Or(cmp.Compare(a.module, b.module), cmp.Compare(a.id, b.id))
	})
	return out, nil
}

// report lists the findings and returns how many of them a commit must fix.
func report(w io.Writer, found []vulnerability) int {
	failing := 0
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) } // a terminal
	for _, v := range found {
		note := ""
		if v.module == standard {
			note = " (the Go of this machine)"
		} else {
			failing++
		}
		say("%s: %s\n  %s %s, mended in %s%s; called by %s\n", v.id, v.summary, v.module, v.version, v.fixed, note, v.caller)
	}
	say("%d known vulnerabilities in modules that are called, %d in the standard library\n", failing, len(found)-failing)
	return failing
}
