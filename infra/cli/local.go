package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"parley/infra/local"
	"parley/infra/local/operate"
	"parley/shared/api"
)

// Defaults of the local system.
const (
	defaultAddr = "127.0.0.1:8080"
	defaultData = ".parley"
)

// demoCredits is the demo client's initial credits.
const demoCredits = 1000

// demoKeyFile, in the data folder, keeps the demo client's key: a local system is its user's own.
const demoKeyFile = "demo-key"

func localCommand() *cobra.Command {
	var cfg local.Config
	var quiet, asJSON bool
	var consoleAddr string
	c := &cobra.Command{
		Use:   "local",
		Short: "Run the whole system on this machine",
		Long: `Deploys the stack onto an emulated AWS on loopback, prints the base URL, a demo client's key and the address of the console
(a page to drop a recording, watch runs, queues and the ledger, and switch faults), and serves until Ctrl-C. Everything it stores is in --data and survives a restart.`,
		Example: `  parley local
  parley local --addr 127.0.0.1:9000 --data /tmp/parley --sweep-every 5s --deadline 2m`,
		Args: exactly(0, "no arguments, only flags"),
		RunE: func(c *cobra.Command, _ []string) error {
			// Progress is for people, so it goes to standard error; what a program reads goes to
			// standard output.
			if !quiet && !asJSON {
				cfg.Progress = aside(c)
			}
			cfg.FirstStart = func(ctx context.Context, s local.System) error { return makeDemoClient(ctx, s, cfg.Data) }
			cfg.Ready = func(ctx context.Context, s local.System) error {
				page := ""
				if key := demoKey(cfg.Data); key != "" && consoleAddr != "" {
					var err error
					if page, err = startConsole(ctx, s, cfg.Data, consoleAddr, key); err != nil {
						return err
					}
				}
				return announce(c, s, cfg.Data, page, quiet, asJSON)
			}
			return started(local.Run(c.Context(), cfg))
		},
	}
	localFlags(c, &cfg)
	c.Flags().StringVar(&consoleAddr, "console", "127.0.0.1:8081", "the address of the console, a page of this system; empty: none")
	c.Flags().BoolVar(&quiet, "quiet", false, "print only errors")
	c.Flags().BoolVar(&asJSON, "json", false, "print one line of JSON when the system is ready")
	c.AddCommand(faultsCommand(), pushCommand())
	return c
}

// started gives an error of running a system its exit code. It is never exitUnreachable: whatever
// breaks, there is no other service to reach.
func started(err error) error {
	var coded exitError
	switch {
	case err == nil, errors.As(err, &coded):
		return err
	case errors.Is(err, local.ErrConfig):
		return exitError{exitUsage, err}
	}
	return exitError{exitFailed, err}
}

func localFlags(c *cobra.Command, cfg *local.Config) {
	f := c.Flags()
	f.StringVar(&cfg.Addr, "addr", defaultAddr, "the address of the API")
	f.StringVar(&cfg.Data, "data", defaultData, "the folder for everything that the system stores")
	f.DurationVar(&cfg.Deadline, "deadline", 0, "one deadline for every run, such as 2m; 0: as deployed")
	f.DurationVar(&cfg.SweepEvery, "sweep-every", time.Minute, "the time between two sweeps, 1s to 60s")
	f.BoolVar(&cfg.WebhookLoopback, "webhook-loopback", false, "allow webhooks to this machine, also by http (for parley webhook listen)")
	f.DurationVar(&cfg.PollEvery, "poll-every", 10*time.Second, "the minimum time between two polls of one run")
}

// makeDemoClient creates a client with credits and a key, so that a first call needs nothing else.
func makeDemoClient(ctx context.Context, s local.System, data string) error {
	key, err := operate.Newcomer(ctx, s, "demo", demoCredits)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(data, demoKeyFile), []byte(key+"\n"), 0o600)
}

// demoKey returns the demo client's key, or "" if its file was removed.
func demoKey(data string) string {
	b, err := os.ReadFile(filepath.Join(data, demoKeyFile))
	if err != nil {
		return ""
	}
	var key string
	if _, err := fmt.Sscan(string(b), &key); err != nil {
		return ""
	}
	return key
}

func announce(c *cobra.Command, s local.System, data, page string, quiet, asJSON bool) error {
	key := demoKey(data)
	switch {
	case asJSON:
		return json.NewEncoder(c.OutOrStdout()).Encode(map[string]string{"url": s.URL, "endpoint": s.Endpoint, "key": key, "data": data, "console": page})
	case quiet:
		return nil
	}
	out := c.OutOrStdout()
	if key == "" {
		key = "…   # the demo key's file was removed: create a key with parley admin key create --local"
	}
	err := say(out, "Parley answers at %s%s (Ctrl-C stops it)\n\n  export PARLEY_URL=%s\n  export PARLEY_API_KEY=%s\n  parley submit interview.mp3 --wait\n\n", s.URL, api.Base, s.URL, key)
	if err == nil && page != "" {
		err = say(out, "  %s   shows what it does: drop a recording there\n", page)
	}
	return err
}

// faultsLong lists what a SPEC may be; package fault parses it.
var faultsLong = `Sets one fault for each named target; other faults stay as they are. A SPEC is one of

  STAGE=error             its function returns an error each time
  STAGE=timeout           its work never ends, so the function's time limit stops it
  STAGE=crash             its process dies half-way through the work
  STAGE=drop              its message is lost after delivery
  transcribe=denied       the recogniser refuses our credentials
  STAGE=error:2           any of these, but only the next 2 times
  deliver=duplicate       applies to every queue and S3 event; also deliver=reorder, deliver=delay:2s
  table=conflict:0.2      that share of DynamoDB writes is refused; also table=throttle:0.2
  write=crash:0.02        any function's process dies after that share of its writes to AWS
  ready=false             the scorers are not warmed up

STAGE is ` + strings.Join(local.StageNames(), ", ") + "."

func faultsCommand() *cobra.Command {
	var data string
	var asJSON bool
	c := &cobra.Command{Use: "faults", Short: "Set, clear or show the faults of the running system", Args: exactly(0, "set, clear or show"),
		Example: "  parley local faults set vocabulary=error transcribe=crash:2\n  parley local faults clear",
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.PersistentFlags().StringVar(&data, "data", defaultData, "the system's folder")
	c.PersistentFlags().BoolVar(&asJSON, "json", false, "print the faults in effect as JSON")
	show := func(c *cobra.Command) error {
		specs, err := local.ShowFaults(data)
		if err != nil {
			return err
		}
		if asJSON {
			return json.NewEncoder(c.OutOrStdout()).Encode(map[string][]string{"faults": specs})
		}
		for _, s := range specs {
			if err := say(c.OutOrStdout(), "%s\n", s); err != nil {
				return err
			}
		}
		return nil
	}
	c.AddCommand(
		&cobra.Command{Use: "set SPEC…", Short: "Set faults, such as vocabulary=error:2", Long: faultsLong, Example: "  parley local faults set accent=timeout deliver=duplicate table=conflict:0.2",
			Args: func(c *cobra.Command, args []string) error {
				if len(args) == 0 {
					return usage("%s takes at least one SPEC; see %[1]s --help", c.CommandPath())
				}
				return nil
			},
			RunE: func(c *cobra.Command, args []string) error {
				if err := local.SetFaults(data, args); err != nil {
					return exitError{exitUsage, err}
				}
				return show(c)
			}},
		&cobra.Command{Use: "clear", Short: "Clear all faults", Args: exactly(0, "no arguments, only flags"), Example: "  parley local faults clear",
			RunE: func(c *cobra.Command, _ []string) error {
				if err := local.ClearFaults(data); err != nil {
					return err
				}
				return show(c)
			}},
		&cobra.Command{Use: "show", Short: "Show the faults in effect", Args: exactly(0, "no arguments, only flags"), Example: "  parley local faults show",
			RunE: func(c *cobra.Command, _ []string) error { return show(c) }},
	)
	return c
}

func pushCommand() *cobra.Command {
	var cfg local.Config
	var asJSON bool
	c := &cobra.Command{Use: "push [FUNCTION…]", Short: "Build functions and replace them in the running system", Example: "  parley local push poll sweep",
		RunE: func(c *cobra.Command, args []string) error {
			if !asJSON {
				cfg.Progress = aside(c)
			}
			replaced, err := local.Push(c.Context(), cfg, args...)
			if err != nil || !asJSON {
				return err
			}
			return json.NewEncoder(c.OutOrStdout()).Encode(map[string][]string{"replaced": replaced})
		}}
	c.Flags().BoolVar(&asJSON, "json", false, "print the names of the replaced functions as JSON")
	c.Flags().StringVar(&cfg.Data, "data", defaultData, "the system's folder")
	return c
}
