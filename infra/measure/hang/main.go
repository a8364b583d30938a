// Command hang measures how a local system copes with a stage that hangs: how long a run takes to
// end if the stage hangs each time, and whether a run heals whose stage hangs once. It prints a
// table.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"text/tabwriter"
	"time"

	"parley/infra/local"
	"parley/infra/measure/live"
	"parley/shared/client"
)

// aim is within what time a run of four minutes with a stage that hangs must end.
const aim = 8 * time.Minute

// patience is how long a run may take before it is given up.
const patience = 30 * time.Minute

func main() {
	stages := flag.String("stages", "transcribe,fluency,accent", "stages that hang, one after the other, separated by commas; empty: only a run without a fault")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := measure(ctx, os.Stdout, strings.Split(*stages, ","))
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "hang:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, out io.Writer, stages []string) error {
	return live.With(ctx, "hang", local.Config{}, func(sys *live.System, dir string) error {
		return hangs(ctx, out, sys, dir, stages)
	})
}

// hangs measures each fault in turn.
func hangs(ctx context.Context, out io.Writer, sys *live.System, dir string, stages []string) error {
	interview, err := live.Recording(ctx, dir, "", live.Whole)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "fault\tseconds\tend")
	if err := w.Flush(); err != nil {
		return err
	}
	var late []error
	for _, spec := range specs(stages) {
		took, end, err := one(ctx, sys, interview, spec)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\t%.0f\t%s\n", spec, took.Seconds(), end)
		if err := w.Flush(); err != nil {
			return err
		}
		if took > aim {
			late = append(late, fmt.Errorf("%s: the run took %.0f s, more than %.0f", spec, took.Seconds(), aim.Seconds()))
		}
	}
	return errors.Join(late...)
}

// specs lists the faults: none, each stage once, each stage for ever.
func specs(stages []string) []string {
	out := []string{"none"}
	for _, s := range stages {
		if s == "" {
			continue
		}
		out = append(out, s+"=timeout:1", s+"=timeout")
	}
	return out
}

// one submits the interview under a fault, and returns how long the run took and how it ended.
func one(ctx context.Context, sys *live.System, interview, spec string) (took time.Duration, end string, err error) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	var faults []string
	if spec != "none" {
		faults = []string{spec}
	}
	if err := sys.Faults(faults...); err != nil {
		return 0, "", err
	}
	c, _, _, err := sys.Client(ctx, "hang", 100, 1)
	if err != nil {
		return 0, "", err
	}
	a, err := c.Submit(ctx, interview, client.Options{IdempotencyKey: "hang-" + spec})
	if err != nil {
		return 0, "", err
	}
	began := time.Now()
	r, err := c.Wait(ctx, a.ID, nil)
	if err != nil {
		return 0, "", err
	}
	end = string(r.Status)
	if r.Failure != nil {
		end += " " + string(r.Failure.Code)
	}
	return time.Since(began), end, nil
}
