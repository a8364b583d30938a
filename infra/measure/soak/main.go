// Command soak runs a local system for an hour with real runs, at the machine's pace, and with
// faults in turn. It measures what CloudWatch would, above all from the lines that the functions
// print, and evaluates the alarms of the deployed template. It fails unless each alarm that must go
// off did, and no other.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"parley/infra/local"
	"parley/infra/measure/live"
)

const (
	// deadline of each run: shorter than as deployed, so that a run gets stuck within a phase.
	deadline = 5 * time.Minute
	// sweepEvery is below the deployed minute, so that the local system calls the sweep itself and
	// says if it fails.
	sweepEvery = 30 * time.Second
	// lookEvery is the time between two measurements of the queues.
	lookEvery  = 10 * time.Second
	maxLasting = 24 * time.Hour
	// published is the metric that the emulator measures itself.
	published = "Throttles"
)

func main() {
	lasting := flag.Duration("for", time.Hour, "how long, at least; one round of faults takes about 20 minutes and is always finished")
	flag.Parse()
	if *lasting <= 0 || *lasting > maxLasting {
		fmt.Fprintln(os.Stderr, "soak: -for must be up to 24h")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := soak(ctx, os.Stdout, *lasting)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func soak(ctx context.Context, out io.Writer, lasting time.Duration) error {
	into := &measured{points: map[series][]point{}}
	cfg := local.Config{Deadline: deadline, SweepEvery: sweepEvery, Progress: func(line string) {
		fmt.Fprintln(os.Stderr, time.Now().Format(time.TimeOnly), line)
		if strings.HasPrefix(line, "sweep: ") {
			into.add(name("AWS/Lambda", "Errors", "FunctionName="+local.StackName+"-sweep"), point{time.Now(), 1})
		}
	}}
	return live.With(ctx, "soak", cfg, func(sys *live.System, dir string) error {
		return rounds(ctx, out, sys, dir, into, lasting)
	})
}

// rounds runs rounds of faults for so long, and judges the alarms.
func rounds(ctx context.Context, out io.Writer, sys *live.System, dir string, into *measured, lasting time.Duration) error {
	alarms, err := definitions(filepath.Join(dir, "assembly", local.StackName+".template.json"))
	if err != nil {
		return err
	}
	s := &session{sys: sys, into: into, logs: &reader{sys: sys, into: into, last: map[string]int64{}, seen: map[string]int{}}}
	began := time.Now()
	if err := s.run(ctx, dir, began.Add(lasting)); err != nil {
		return err
	}
	if err := s.logs.read(ctx); err != nil {
		return err
	}
	for _, d := range alarms {
		if d.Metric != published {
			continue
		}
		if err := s.logs.published(ctx, d); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintf(out, "%s: %s, %d rounds of faults\n", time.Since(began).Round(time.Second), s.ended(ctx), s.rounds); err != nil {
		return err
	}
	return judge(out, alarms, into, began, time.Now())
}

// judge prints which alarms went off, and fails unless they are those of the phases.
func judge(out io.Writer, alarms []definition, into *measured, from, to time.Time) error {
	expected := map[string]bool{}
	for _, p := range phases {
		for _, a := range p.alarms {
			expected[local.StackName+"-"+a] = true
		}
	}
	var problems []error
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "alarm\tmeasurements\twent off after\tas it should")
	for _, d := range alarms {
		points := into.of(d.series())
		var after []string
		for _, at := range d.firings(points, from, to) {
			after = append(after, at.Sub(from).Round(time.Second).String())
		}
		right := (len(after) > 0) == expected[d.Name]
		fmt.Fprintf(w, "%s\t%d\t%s\t%t\n", d.Name, len(points), strings.Join(after, " "), right)
		switch {
		case right:
		case expected[d.Name]:
			problems = append(problems, fmt.Errorf("%s did not go off", d.Name))
		default:
			problems = append(problems, fmt.Errorf("%s went off", d.Name))
		}
		delete(expected, d.Name)
	}
	for name := range expected {
		problems = append(problems, fmt.Errorf("there is no alarm %s", name))
	}
	slices.SortFunc(problems, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(append(problems, w.Flush())...)
}
