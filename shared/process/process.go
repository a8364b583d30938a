// Package process runs other programs within bounds: engines that read what strangers sent. A child has an empty
// environment, a process group of its own that is killed with it, limits on processor time, memory and files, and dies
// with its parent.
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

// Limits bound a child; zero: no bound of that kind.
type Limits struct {
	// CPU is processor time, rounded up to whole seconds; beyond it the kernel kills the child.
	CPU time.Duration
	// Memory is the address space, in bytes.
	Memory uint64
	// File is the largest file the child may write, in bytes.
	File uint64
}

// stderrTail is how much of a child's complaints is kept, in bytes.
const stderrTail = 4096

// killWait is how long a killed child's pipes may stay open.
const killWait = 2 * time.Second

// ErrOutput says that the child wrote more than it may.
var ErrOutput = errors.New("process: too much output")

// Command is one program to be run to its end.
type Command struct {
	Path string
	Args []string // without the program's name
	Dir  string   // empty: the root directory
	// Stdin is what the child reads; a Read of it that never returns would keep Run from returning.
	Stdin  io.Reader
	Limits Limits
	// MaxOutput is the most that the child may write to standard output, in bytes; more kills it.
	MaxOutput int
}

// Result is what a child left behind.
type Result struct {
	Stdout []byte
	Stderr string // its last 4 KB
	// ExitCode is -1 where the child was killed.
	ExitCode int
}

// Run runs c to its end, or until ctx ends: then its process group is killed. The error is nil only for exit status 0; it is ctx's
// own where ctx ended, ErrOutput where there was too much output, else an *exec.ExitError or what kept it from starting, with the tail of
// its standard error. The Result is filled in as far as known, also beside an error.
func Run(ctx context.Context, c Command) (Result, error) {
	var out Result
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		// The parent-death signal goes off when the thread that started the child ends, so that thread must live as long.
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
	_ = killGroup(cmd.Process.Pid) // whatever the child itself started; gone already as a rule
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
	cmd.Env = []string{} // nil would hand down ours
	cmd.SysProcAttr = attributes()
	cmd.WaitDelay = killWait
}

// capped keeps what is written up to max bytes and calls full, once, on more. The buffer is not embedded: its ReadFrom would go round
// the bound.
type capped struct {
	buf  bytes.Buffer
	max  int
	full func()
	over bool
}

// Write implements io.Writer: ErrOutput.
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
