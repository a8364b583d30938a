// Command cost turns what a run was measured to use into dollars: per 1,000 runs of four minutes,
// and per month without any. With -record it measures first.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"parley/infra/measure/usage"
)

func main() {
	recording := flag.Bool("record", false, "measure the runs again, with the real engines; a few minutes, on an otherwise idle machine")
	interview := flag.String("audio", filepath.FromSlash("infra/sample/interview.opus"), "with -record: the interview that is measured")
	templates := flag.String("templates", "", "synthesised templates (a pattern): count the queues, alarms and dashboards in them")
	check := flag.Bool("check", false, "write nothing, and fail if docs/cost.md is out of date")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := cost(ctx, *recording, *check, *interview, *templates); err != nil {
		fmt.Fprintln(os.Stderr, "cost:", err)
		os.Exit(1)
	}
}

func cost(ctx context.Context, recording, check bool, interview, templates string) error {
	if recording {
		m, err := record(ctx, interview, "go run ./infra/measure/cost -record")
		if err != nil {
			return err
		}
		if err := usage.Save(m); err != nil {
			return err
		}
	}
	bills, err := text(templates)
	if err != nil {
		return err
	}
	fmt.Println(bills)
	changed, err := usage.Write("cost", bills, check)
	if err == nil && check && changed {
		err = errors.New(usage.Page + " is out of date: make cost")
	}
	return err
}

// text is the section of the page.
func text(templates string) (string, error) {
	m, err := usage.Load()
	if err != nil {
		return "", err
	}
	var p prices
	if err := usage.LoadFile("cost", "prices.json", &p); err != nil {
		return "", err
	}
	units, err := writeUnits()
	if err != nil {
		return "", err
	}
	d, counted := fromTable(), "the queues of the stages, of the webhooks and of the dead letters, but no alarms or dashboards"
	if templates != "" {
		files, err := filepath.Glob(templates)
		if err != nil || len(files) == 0 {
			return "", fmt.Errorf("no templates match %q", templates)
		}
		if d, err = fromTemplates(files); err != nil {
			return "", err
		}
		counted = "the queues, alarms and dashboards of the synthesised templates"
	}
	perQueue := perIdleMonth(p, usage.Idle{}, deployment{PolledQueues: 1})[0].dollars
	var b strings.Builder
	fmt.Fprintf(&b, "Measured %s by `%s` on %s: %s, %.0f s long. Prices: %s, as of %s; they were not read again on the day of the measurement.\n\n",
		m.Date, m.Command, m.Machine, m.Interview.Recording, m.Interview.Seconds, p.Source, p.Date)
	fmt.Fprintf(&b, "### 1,000 runs of four minutes\n\n%s\n", bill(perRuns(p, m.Interview, units)))
	costs, saves := remote(p, m.Interview)
	fmt.Fprintf(&b, "With Amazon Transcribe as the recogniser (`-c recogniser=amazon`), its price of %.3f dollars a minute adds %.2f dollars, and at most %.2f of the cost of Lambda's processor is saved: together at least %.2f. Parley's own recogniser still hears a sample of the candidate.\n\n",
		p.TranscribeMinute, costs, saves, sum(perRuns(p, m.Interview, units))+costs-saves)
	fmt.Fprintf(&b, "### A month without runs\n\n%s\nThis counts %s. A queue that Lambda polls costs %.2f dollars a month.\n", bill(perIdleMonth(p, m.Idle, d)), counted, perQueue)
	return b.String(), nil
}
