// Command torture kills function processes of a running system at random moments of real runs, and
// checks that nothing that was accepted is lost, stuck or charged twice.
//
// It starts its own local system in a temporary folder, keeps runs of several clients going, and
// works in rounds. In each, after a random time, it kills (SIGKILL) one to three processes of
// functions, some of them while a submit is in flight. Any function may also die by itself right
// after a write to AWS (-crash), which reaches the moments between two writes. Every few rounds it
// stops and restarts the whole system while runs are in process. At the end, every run must have
// ended as its recording requires, every hold must be resolved once, and every queue must be empty.
//
// It prints a summary as one JSON object on standard output. Exit status 1: a promise was violated,
// and its folder is kept.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

// options are the settings of a session.
type options struct {
	rounds  int
	seed    uint64
	pace    time.Duration // the mean time between two rounds
	restart int           // rounds between two restarts of the system; 0: none
	speech  int           // slots of the client that submits only speech
	crash   float64       // share of writes after which a process dies by itself; 0: none
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 100, "number of kills, 1 to 10000")
	flag.Uint64Var(&o.seed, "seed", rand.Uint64(), "seed that chooses when to kill, and what; random unless given")
	flag.DurationVar(&o.pace, "pace", 14*time.Second, "mean time between two kills, 1s to 10m")
	flag.IntVar(&o.restart, "restart", 12, "kills between two restarts of the whole system; 0: no restarts")
	flag.IntVar(&o.speech, "speech", max(1, runtime.NumCPU()-1), "runs of real speech per client at once, 0 (silence only) to 100; use no more than the machine can bear")
	flag.Float64Var(&o.crash, "crash", 0.01, "share of writes after which a function's process exits by itself, 0 to 0.2")
	flag.Parse()
	if o.rounds < 1 || o.rounds > 10_000 || o.pace < time.Second || o.pace > 10*time.Minute || o.restart < 0 || o.speech < 0 || o.speech > 100 || o.crash < 0 || o.crash > 0.2 || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "torture: a flag is out of bounds")
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := report(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(1)
	}
}

var errViolated = errors.New("a promise was violated")

// report runs a session and prints its summary.
func report(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "parley-torture-")
	if err != nil {
		return err
	}
	sum, err := session(ctx, dir, o)
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", "  ")
	err = errors.Join(err, out.Encode(sum))
	if err == nil && len(sum.Violations) > 0 {
		err = errViolated
	}
	if err != nil {
		return fmt.Errorf("%w (the data is kept in %s)", err, dir)
	}
	return os.RemoveAll(dir)
}

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}
