package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// endpointVariable is the environment variable with the service's endpoint.
const endpointVariable = "PARLEY_ENDPOINT"

// besidePatience is how long the program may take to end after it was asked to.
const besidePatience = 10 * time.Second

// Starter starts a service that keeps its state in the folder dir. It returns the service's
// endpoint and a function that stops it.
type Starter func(ctx context.Context, dir string, progress func(line string)) (endpoint string, stop func() error, err error)

// Beside is the main function of a command that starts a service, runs the program given in its
// arguments with PARLEY_ENDPOINT set to the service's endpoint, and stops the service. It returns
// the program's exit status; 2 if no program is given; 0 with ErrNoToolchain if the service cannot
// be built on this machine.
func Beside(what string, start Starter) (status int, err error) {
	if len(os.Args) < 2 {
		return 2, fmt.Errorf("give a program to run with %s, and its arguments", what)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "parley-beside")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir) // a temporary folder
	endpoint, end, err := start(ctx, dir, func(line string) { fmt.Fprintln(os.Stderr, line) })
	if errors.Is(err, ErrNoToolchain) {
		return 0, fmt.Errorf("skipped: %w", err)
	}
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, end()) }()
	return runBeside(ctx, endpoint, os.Args[1], os.Args[2:]...)
}

// runBeside runs a program to its end, with PARLEY_ENDPOINT set and this process's input and
// output, and returns its exit status. When ctx ends, it asks the program to end.
func runBeside(ctx context.Context, endpoint, name string, args ...string) (status int, err error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), endpointVariable+"="+endpoint)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = besidePatience
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return max(exit.ExitCode(), 1), nil
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}
