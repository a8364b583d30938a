package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"parley/infra/prove/simulation"
)

// maxSimulated bounds --runs.
const maxSimulated = 100_000_000

func simulateCommand() *cobra.Command {
	var cfg simulation.Config
	var faults, replay, save string
	var asJSON bool
	c := &cobra.Command{
		Use: "simulate", Short: "Test the ledger, the queue and the watchdog under faults, on a virtual clock", Args: exactly(0, "no arguments, only flags"),
		Long: `Runs the functions' own handlers on the model store, in worlds with one thread and a virtual clock. Clients submit in bursts,
retry, erase and are deactivated, and the faults you ask for occur: crash, throttle, conflict, unknown (done, but the answer is
lost), late, duplicate, reorder, delay, drop, stale (an index lags behind its table), broken and slow (a stage's work), poison.
The books are audited after every write. If a promise is broken, the command shrinks the world, writes it to --save and prints
its trace.

Exit code 1: a promise was broken, or a kind of fault that you asked for never occurred.`,
		Example: `  parley simulate --seed 1 --runs 100000 --faults all
  parley simulate --replay broken.json`,
		RunE: func(c *cobra.Command, _ []string) error {
			if replay != "" {
				return relive(c.OutOrStdout(), replay)
			}
			if cfg.Runs < 1 || cfg.Runs > maxSimulated || cfg.Workers < 0 {
				return usage("--runs must be 1 to %d, and --workers 0 or more", maxSimulated)
			}
			var err error
			if cfg.Faults, err = simulation.ParseFaults(faults); err != nil {
				return exitError{exitUsage, err}
			}
			if !c.Flags().Changed("seed") {
				cfg.Seed = uint64(rand.Uint32())
			}
			return simulated(c.OutOrStdout(), c.ErrOrStderr(), cfg, save, asJSON)
		},
	}
	c.Flags().Uint64Var(&cfg.Seed, "seed", 0, "the first world's seed (default: a new one each time)")
	c.Flags().IntVar(&cfg.Runs, "runs", 20_000, "the minimum number of accepted runs to simulate")
	c.Flags().StringVar(&faults, "faults", "all", "all, none or a list such as crash,unknown")
	c.Flags().IntVar(&cfg.Workers, "workers", 0, "worlds at once; 0: four per processor")
	c.Flags().StringVar(&save, "save", "broken.json", "the file for the tape of a world that breaks a promise")
	c.Flags().StringVar(&replay, "replay", "", "replay the world in such a file and print its trace")
	c.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return c
}

// simulatedView is the simulation's result and what it cost.
type simulatedView struct {
	Seed   uint64 `json:"seed"`
	Faults string `json:"faults"`
	simulation.Result
	CPUSeconds     float64 `json:"cpuSeconds"`
	RunsPerCPUHour float64 `json:"runsPerCpuHour"`
}

func simulated(out, progress io.Writer, cfg simulation.Config, save string, asJSON bool) error {
	if !asJSON {
		_ = say(progress, "seed %d: %d runs with faults %s\n", cfg.Seed, cfg.Runs, cfg.Faults)
	}
	began := processorTime()
	v := simulatedView{Seed: cfg.Seed, Faults: cfg.Faults.String(), Result: simulation.Run(cfg)}
	v.CPUSeconds = (processorTime() - began).Seconds()
	v.RunsPerCPUHour = float64(v.Runs) / v.CPUSeconds * time.Hour.Seconds()
	if asJSON {
		if err := json.NewEncoder(out).Encode(v); err != nil {
			return err
		}
	} else {
		v.print(out)
	}
	if v.Failure != nil {
		return brokenWorld(out, *v.Failure, save)
	}
	if missing := v.Missing(cfg.Faults); len(missing) > 0 {
		return fmt.Errorf("these faults never occurred, so they were not tested: %v; raise --runs", missing)
	}
	return nil
}

func (v simulatedView) print(out io.Writer) {
	t := newTable(out)
	t.printf("runs\t%d in %d worlds, %d port calls\n", v.Runs, v.Worlds, v.Steps)
	t.printf("speed\t%.0f runs per CPU hour (%.1f s)\n", v.RunsPerCPUHour, v.CPUSeconds)
	for _, part := range []struct {
		name   string
		counts map[string]int
	}{{"end", v.Ends}, {"answer", v.Calls}, {"fault", v.Injected}} {
		for _, k := range slices.Sorted(maps.Keys(part.counts)) {
			t.printf("%s\t%s\t%d\n", part.name, k, part.counts[k])
		}
	}
	_ = t.end() // standard output
}

// brokenWorld shrinks a failure, saves it and prints it.
func brokenWorld(out io.Writer, f simulation.Failure, save string) error {
	short, err := simulation.Shrink(f)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(short)
	if err == nil {
		err = os.WriteFile(save, raw, 0o600)
	}
	for _, line := range short.Trace {
		_ = say(out, "%s\n", line)
	}
	return errors.Join(fmt.Errorf("seed %d: %s\nreplay it with: parley simulate --replay %s", f.Seed, short.What, save), err)
}

func relive(out io.Writer, path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return usage("%w", err)
	}
	var f simulation.Failure
	if err := json.Unmarshal(raw, &f); err != nil {
		return usage("%s is not a file that parley simulate saved: %w", path, err)
	}
	if f, err = simulation.Replay(f); err != nil {
		return exitError{exitUsage, err}
	}
	for _, line := range f.Trace {
		_ = say(out, "%s\n", line)
	}
	if f.What == "" {
		_ = say(out, "every promise was kept\n")
		return nil
	}
	return errors.New(f.What)
}

// processorTime is what this process has used, user and system.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
