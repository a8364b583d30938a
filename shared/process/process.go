// Package process runs other programs within bounds, because the engines read files from strangers.
// A child has an empty environment, its own process group, which is killed with it, and limits on
// processor time, memory and file size. It dies with its parent.
package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"time"
)

// Limits are the resource limits of a child. A zero field sets no limit.
type Limits struct {
	// CPU is processor time, rounded up to whole seconds. Beyond it the kernel kills the child.
	CPU time.Duration
	// Memory is the address space, in bytes.
	Memory uint64
	// File is the largest file the child may write, in bytes.
	File uint64
}

// stderrTail is how much of the end of a child's standard error is kept, in bytes.
const stderrTail = 4096

// killWait is how long the pipes of a killed child may stay open.
const killWait = 2 * time.Second

// ErrOutput means that the child wrote more than its bound.
var ErrOutput = errors.New("process: too much output")

// Command is a program to run to its end.
type Command struct {
	Path string
	Args []string // without the program's name
	Dir  string   // empty: the root directory
	// Stdin is the child's standard input. Its Read must return: Run waits for it.
	Stdin  io.Reader
	Limits Limits
	// MaxOutput bounds the child's standard output, in bytes. A child that writes more is killed.
	MaxOutput int
	// Stdout, if not nil, receives standard output while the child runs, instead of Result.Stdout.
	// An error from it kills the child. Stderr, if not nil, receives standard error as well.
	Stdout, Stderr io.Writer
}

// Result is the output and the exit status of a child.
type Result struct {
	Stdout []byte
	Stderr string // its last 4 KB
	// ExitCode is -1 if the child was killed or did not start.
	ExitCode int
	// CPU is the processor time of the child.
	CPU time.Duration
}

// Run runs c to its end. If ctx ends first, Run kills the process group. The error is nil only for
// exit status 0. Otherwise it wraps ctx's error if ctx ended, ErrOutput if there was too much
// output, the error of c.Stdout if it returned one, an *exec.ExitError with the end of the child's
// standard error, or the reason why the child did not start. The Result is filled in as far as
// known, even with an error.
func Run(ctx context.Context, c Command) (Result, error) {
	var out Result
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		// The kernel sends the parent-death signal when the thread that started the child ends, so
		// that thread must live as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		out, err = run(ctx, c)
	}()
	<-done
	return out, err
}

func run(ctx context.Context, c Command) (Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cmd := exec.CommandContext(ctx, c.Path, c.Args...)
	prepare(cmd, c.Dir)
	cmd.Cancel = func() error { return killGroup(cmd.Process.Pid) }
	cmd.Stdin = c.Stdin
	stdout := &capped{max: c.MaxOutput, to: c.Stdout, stop: cancel}
	stderr := &tail{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if c.Stderr != nil {
		cmd.Stderr = io.MultiWriter(stderr, c.Stderr)
	}
	if err := cmd.Start(); err != nil {
		return Result{ExitCode: -1}, fmt.Errorf("process: start %s: %w", c.Path, err)
	}
	limitErr := limit(cmd.Process.Pid, c.Limits)
	if limitErr != nil {
		cancel(limitErr)
	}
	err := cmd.Wait()
	_ = killGroup(cmd.Process.Pid) // processes that the child started; usually there are none left
	r := Result{Stdout: stdout.buf.Bytes(), Stderr: stderr.String(), ExitCode: cmd.ProcessState.ExitCode(),
		CPU: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	if ctx.Err() != nil {
		return r, fmt.Errorf("process: %s: %w", c.Path, context.Cause(ctx))
	}
	if err != nil {
		return r, fmt.Errorf("process: %s: %w: %s", c.Path, err, r.Stderr)
	}
	return r, nil
}

func prepare(cmd *exec.Cmd, dir string) {
	if dir == "" {
		dir = "/"
	}
	cmd.Dir = dir
	cmd.Env = []string{} // nil would pass on our own environment
	cmd.SysProcAttr = attributes()
	cmd.WaitDelay = killWait
}

// capped keeps what is written, or passes it on, up to max bytes; it calls stop, once, on more and
// on an error of the writer that it passes to. The buffer is not embedded: its ReadFrom would go
// round the bound.
type capped struct {
	buf     bytes.Buffer
	to      io.Writer // instead of buf
	n, max  int
	stop    func(error)
	stopped error
}

// Write implements io.Writer: ErrOutput, or the error of the writer that it passes to.
func (c *capped) Write(p []byte) (n int, err error) {
	switch {
	case c.stopped != nil:
		return 0, c.stopped
	case c.n+len(p) > c.max:
		err = ErrOutput
	case c.to != nil:
		n, err = c.to.Write(p)
	default:
		n, err = c.buf.Write(p)
	}
	c.n += n
	if err != nil {
		c.stopped = err
		c.stop(err)
	}
	return n, err
}
