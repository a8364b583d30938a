// Command oracle runs a program with a second, stricter DynamoDB beside it, which PARLEY_ENDPOINT names to the program,
// and stops it again: `go run ./infra/oracle go test ./shared/dynamo/...`. It ends with the program's own exit status;
// where the oracle cannot be built, because cargo is not installed, it says so and ends with 0.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"parley/infra/local"
)

func main() {
	status, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
	}
	os.Exit(status)
}

func run() (status int, err error) {
	if len(os.Args) < 2 {
		return 2, errors.New("give the program to run beside the oracle, and its arguments")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "parley-oracle")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir) // a temporary folder
	o, err := local.StartOracle(ctx, dir, func(line string) { fmt.Fprintln(os.Stderr, line) })
	if errors.Is(err, local.ErrNoToolchain) {
		return 0, fmt.Errorf("skipped: %w", err)
	}
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, o.Stop()) }()
	return local.RunBeside(ctx, o.Endpoint, os.Args[1], os.Args[2:]...)
}
