// Command parley is the command line for developers (local, demo, doctor, score, simulate, webhook
// listen), clients (submit, wait, show, runs, credits, erase) and operators (admin). Exit codes: 0
// done, 1 the thing asked for failed, 2 wrong use, 3 the service could not be reached.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitUnreachable = 3
)

// exitError is an error with the exit code of its kind.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string { return e.err.Error() }
func (e exitError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return exitError{exitUsage, fmt.Errorf(format, args...)}
}

func main() {
	// The first signal stops cleanly; a second one ends the process at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() { <-ctx.Done(); stop() }()
	os.Exit(execute(ctx, os.Args[1:]))
}

func execute(ctx context.Context, args []string) int {
	root := rootCommand()
	root.SetArgs(args)
	return executeRoot(ctx, root)
}

// executeRoot runs the command that the arguments name. It prints an error and what to do next, and
// returns the exit code.
func executeRoot(ctx context.Context, root *cobra.Command) int {
	c, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	if err.Error() != "" {
		complain(root.ErrOrStderr(), err, next(c, err))
	}
	return exitCode(err)
}

func exitCode(err error) int {
	var coded exitError
	var network *net.OpError
	var address *url.Error
	switch {
	case errors.As(err, &coded):
		return coded.code
	case errors.As(err, &network), errors.As(err, &address):
		return exitUnreachable
	}
	return exitFailed
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "parley",
		Short:         "Scores how well a candidate speaks in a recorded interview",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("unknown command %q: parley --help lists the commands", args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usage("%w; see %s --help", err, c.CommandPath()) })
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(localCommand(), demoCommand(), submitCommand(), waitCommand(), showCommand(), runsCommand(), compareCommand(), creditsCommand(), eraseCommand(), webhookCommand(), adminCommand(), scoreCommand(), simulateCommand(),
		doctorCommand(), completionCommand())
	completeArguments(root)
	return root
}

// exactly accepts n arguments. For any other number, the error says what they should be.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return usage("%s takes %s; see %[1]s --help", c.CommandPath(), what)
		}
		return nil
	}
}
