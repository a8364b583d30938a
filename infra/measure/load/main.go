// Command load puts a local system under load: polls and cheaply refused submits at a steady rate
// for a while, and then real runs of several clients at once. It prints what was answered, how
// soon, in which order the runs began, and how much memory each group of processes had. It fails if
// an answer was not the expected one, a run failed, or the order was not fair.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"parley/infra/local"
	"parley/infra/measure/live"
	"parley/shared/clock"
)

// options are the command's flags.
type options struct {
	polls, submits int // a second
	lasting        time.Duration
	clients, runs  int
	idle           time.Duration
}

// Bounds of the flags.
const (
	maxRate    = 2000
	maxLasting = 10 * time.Minute
	maxClients = 20
	maxRuns    = 200
	maxIdle    = time.Hour
)

func (o options) check() error {
	if o.polls < 0 || o.polls > maxRate || o.submits < 0 || o.submits > maxRate || o.lasting < 0 || o.lasting > maxLasting ||
		o.clients < 1 || o.clients > maxClients || o.runs < 0 || o.runs > maxRuns || o.idle < 0 || o.idle > maxIdle {
		return fmt.Errorf("a flag is out of bounds: rates to %d a second for up to %s, 1 to %d clients, up to %d runs, idle for up to %s", maxRate, maxLasting, maxClients, maxRuns, maxIdle)
	}
	return nil
}

func main() {
	var o options
	flag.IntVar(&o.polls, "polls", 200, "polls a second")
	flag.IntVar(&o.submits, "submits", 20, "submits a second that are refused")
	flag.DurationVar(&o.lasting, "for", time.Minute, "how long")
	flag.IntVar(&o.clients, "clients", 5, "clients of the real runs")
	flag.IntVar(&o.runs, "runs", 40, "real runs, of all clients together")
	flag.DurationVar(&o.idle, "idle", 0, "how long to wait after it all for a last look at the memory; copies end after 5 minutes")
	flag.Parse()
	if err := o.check(); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := load(ctx, os.Stdout, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func load(ctx context.Context, out io.Writer, o options) error {
	return live.With(ctx, "load", local.Config{}, func(sys *live.System, dir string) error {
		m := &memories{dir: dir}
		// The real runs are measured even if the rate was too high.
		err := errors.Join(flood(ctx, out, sys, m, o), crowd(ctx, out, sys, m, o))
		if o.idle > 0 && ctx.Err() == nil {
			err = errors.Join(err, clock.Sleep(ctx, o.idle), m.note("idle for "+o.idle.String()))
		}
		return errors.Join(err, m.print(out))
	})
}
