// Command emulator runs a program with an emulated AWS beside it, which PARLEY_ENDPOINT names to the program, and stops
// it again: `go run ./infra/local/cmd/emulator go test ./shared/...`. It ends with the program's own exit status.
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
		fmt.Fprintln(os.Stderr, "emulator:", err)
	}
	os.Exit(status)
}

func run() (status int, err error) {
	if len(os.Args) < 2 {
		return 2, errors.New("give the program to run beside the emulated AWS, and its arguments")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "parley-emulator")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir) // a temporary folder
	e, err := local.StartEmulator(ctx, dir, func(line string) { fmt.Fprintln(os.Stderr, line) })
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, e.Stop()) }()
	return local.RunBeside(ctx, e.Endpoint, os.Args[1], os.Args[2:]...)
}
