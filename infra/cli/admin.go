package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"parley/infra/local"
	"parley/infra/local/operate"
	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/deployment"
	"parley/shared/engine/deployment/lambdas"
	"parley/shared/engine/run"
	"parley/shared/speech"
)

// operator is what the admin commands share: which stack's tables to use, deployed or local.
type operator struct {
	local bool
	data  string
	stack string
	json  bool
	clock clock.Clock
}

func adminCommand() *cobra.Command {
	o := &operator{clock: clock.Real{}}
	c := &cobra.Command{
		Use:   "admin",
		Short: "Manage clients, keys, credits, runs, queues and webhooks, and audit the ledger (for operators)",
		Long:  "Works on the tables of a deployed stack (AWS credentials, --stack NAME) or of a local system (--local, with --data).",
		Example: `  parley admin client create --name "Acme" --credits 100 --local
  parley admin key create --client cli_… --expires-in 720h --local
  parley admin audit --stack parley`,
		Args: exactly(0, "a subcommand"),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	f := c.PersistentFlags()
	f.BoolVar(&o.local, "local", false, "use the local system in --data")
	f.StringVar(&o.data, "data", defaultData, "the local system's folder")
	f.StringVar(&o.stack, "stack", "parley", "the deployed stack's name")
	f.BoolVar(&o.json, "json", false, "print JSON")
	c.AddCommand(o.clients(), o.keys(), o.credits(), o.runs(), o.queues(), o.webhooks(), o.audit())
	return c
}

// open opens the tables. Any error means that the service could not be reached.
func (o *operator) open(ctx context.Context) (*deployment.System, error) {
	sys, err := o.find(ctx)
	if err != nil {
		return nil, exitError{exitUnreachable, err}
	}
	return sys, nil
}

func (o *operator) find(ctx context.Context) (*deployment.System, error) {
	if !o.local {
		return lambdas.Find(ctx, speech.Service, o.stack)
	}
	sys, err := local.Load(o.data)
	if err != nil {
		return nil, err
	}
	return operate.OpenLocal(ctx, sys)
}

// print prints v as JSON, or calls person to print it for a person.
func (o *operator) print(c *cobra.Command, v any, person func(w table)) error {
	if o.json {
		return json.NewEncoder(c.OutOrStdout()).Encode(v)
	}
	w := newTable(c.OutOrStdout())
	person(w)
	return w.end()
}

// noClient says that there is no such client, or why it could not be read or changed.
func noClient(id string, err error) error {
	if errors.Is(err, account.ErrUnknown) {
		return fmt.Errorf("there is no client %s: parley admin client list shows the clients", id)
	}
	return fmt.Errorf("client %s: %w", id, err)
}

// noKey says that there is no such key, or why it could not be read or changed.
func noKey(id string, err error) error {
	if errors.Is(err, account.ErrUnknown) {
		return fmt.Errorf("there is no key %s: parley admin key list shows a client's keys", id)
	}
	return fmt.Errorf("key %s: %w", id, err)
}

// noRun says that there is no such run, or why it could not be read.
func noRun(id run.ID, err error) error {
	if errors.Is(err, run.ErrUnknown) {
		return fmt.Errorf("there is no run %s: parley admin runs list shows the runs", id)
	}
	return fmt.Errorf("run %s: %w", id, err)
}

// group returns a command with subcommands. Its example is that of the first one.
func (o *operator) group(name, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: name, Short: short, Example: commands[0].Example, Args: exactly(0, "a subcommand"), RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	c.AddCommand(commands...)
	return c
}
