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
}

// Result is the output and the exit status of a child.
type Result struct {
	Stdout []byte
	Stderr string // its last 4 KB
	// ExitCode is -1 if the child was killed or did not start.
	ExitCode int
}

// Run runs c to its end. If ctx ends first, Run kills the process group. The error is nil only for
// exit status 0. Otherwise it wraps ctx's error if ctx ended, ErrOutput if there was too much
// output, an *exec.ExitError with the end of the child's standard error, or the reason why the
// child did not start. The Result is filled in as far as known, even with an error.
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
	stdout := &capped{max: c.MaxOutput, full: func() { cancel(ErrOutput) }}
	stderr := &tail{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Start(); err != nil {
		return Result{ExitCode: -1}, fmt.Errorf("process: start %s: %w", c.Path, err)
	}
	limitErr := limit(cmd.Process.Pid, c.Limits)
	if limitErr != nil {
		cancel(limitErr)
	}
	err := cmd.Wait()
	_ = killGroup(cmd.Process.Pid) // processes that the child started; usually there are none left
	r := Result{Stdout: stdout.buf.Bytes(), Stderr: stderr.String(), ExitCode: cmd.ProcessState.ExitCode()}
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

// capped keeps what is written, up to max bytes, and calls full once if there is more. The buffer
// is not embedded, because its ReadFrom would bypass the bound.
type capped struct {
	buf  bytes.Buffer
	max  int
	full func()
	over bool
}

// Write implements io.Writer. ErrOutput.
func (c *capped) Write(p []byte) (int, error) {
	if !c.over && c.buf.Len()+len(p) <= c.max {
		return c.buf.Write(p)
	}
	if !c.over {
		c.over = true
		c.full()
	}
	return 0, ErrOutput
}
