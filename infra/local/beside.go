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

// endpointVariable names the endpoint to a program that runs beside it.
const endpointVariable = "PARLEY_ENDPOINT"

// besidePatience is how long a program may take to end once it was asked to.
const besidePatience = 10 * time.Second

// Starter starts a service that keeps its state in a folder: where it is found, and how it is stopped.
type Starter func(ctx context.Context, dir string, progress func(line string)) (endpoint string, stop func() error, err error)

// Beside is the whole of a command that runs the program of its arguments beside a service, which PARLEY_ENDPOINT names to the
// program, and stops the service again. It returns the program's own exit status; 2 where there is no program, 0 with
// ErrNoToolchain where the service cannot be built here.
func Beside(what string, start Starter) (status int, err error) {
	if len(os.Args) < 2 {
		return 2, fmt.Errorf("give the program to run beside %s, and its arguments", what)
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

// runBeside runs a program with PARLEY_ENDPOINT set, on this process's own input and output, to its end, and returns its
// exit status. When ctx ends, the program is asked to end.
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
