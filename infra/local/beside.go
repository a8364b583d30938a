package local

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// endpointVariable names the endpoint to a program that runs beside it.
const endpointVariable = "PARLEY_ENDPOINT"

// besidePatience is how long a program may take to end once it was asked to.
const besidePatience = 10 * time.Second

// RunBeside runs a program with PARLEY_ENDPOINT set, on this process's own input and output, to its end, and returns its
// exit status. When ctx ends, the program is asked to end.
func RunBeside(ctx context.Context, endpoint, name string, args ...string) (status int, err error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), endpointVariable+"="+endpoint)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = besidePatience
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}
