package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
)

// Child is a program that stays alive and answers requests one at a time. It prints one line when
// it is ready, then one line for each request (any bytes). It is started on first use. If a
// request's context ends or the child breaks this protocol, it is killed, and the next request
// starts a new one. Safe for concurrent use: requests wait for each other. The zero value is not
// usable.
type Child struct {
	path      string
	args      []string
	limits    Limits
	maxAnswer int
	turn      chan struct{} // a lock of one token, which a context can stop waiting for
	live      *live         // nil: not running; guarded by turn
	closed    bool
}

// NewChild describes a child but does not start it. A line of more than maxAnswer bytes breaks the
// protocol. Limits.CPU counts over all requests, so it is better left zero here.
func NewChild(path string, args []string, limits Limits, maxAnswer int) *Child {
	return &Child{path: path, args: args, limits: limits, maxAnswer: maxAnswer, turn: make(chan struct{}, 1)}
}

// ErrClosed means that the child was closed.
var ErrClosed = errors.New("process: child closed")

// live is one running process.
type live struct {
	stdin  io.WriteCloser
	stdout *bufio.Reader
	pipe   *os.File // what stdout reads from
	stderr *tail
	pid    int
	exited chan struct{} // closed once the process has ended and been waited for
}

func (l *live) dead() bool {
	select {
	case <-l.exited:
		return true
	default:
		return false
	}
}

func (l *live) stop() {
	_ = killGroup(l.pid)
	<-l.exited
	_ = l.pipe.Close()
}

// Start starts the child if it is not running, waits until it is ready and returns the line that it
// prints then; nil if it was already running.
func (c *Child) Start(ctx context.Context) ([]byte, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	defer c.leave()
	return c.ensure(ctx)
}

// Ask sends one request, given in parts, and returns the line that answers it, without its newline.
// If ctx ends, it kills the child and returns ctx's error. Other errors include the end of the
// child's standard error.
func (c *Child) Ask(ctx context.Context, request ...[]byte) ([]byte, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	defer c.leave()
	if _, err := c.ensure(ctx); err != nil {
		return nil, err
	}
	return c.exchange(ctx, request)
}

// Close ends the child for good.
func (c *Child) Close() error {
	if err := c.enter(context.Background()); err != nil {
		return err
	}
	defer c.leave()
	c.closed = true
	if c.live != nil {
		_ = c.live.stdin.Close() // no time to end by itself: the child has nothing to save
		c.live.stop()
		c.live = nil
	}
	return nil
}

func (c *Child) enter(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("process: %s: wait for its turn: %w", c.path, context.Cause(ctx))
	}
	if c.closed {
		c.leave()
		return ErrClosed
	}
	return nil
}

func (c *Child) leave() { <-c.turn }

// ensure starts the child if it is not running.
func (c *Child) ensure(ctx context.Context) ([]byte, error) {
	if c.live != nil {
		if !c.live.dead() {
			return nil, nil
		}
		c.live.stop()
		c.live = nil
	}
	l, err := c.launch()
	if err != nil {
		return nil, err
	}
	c.live = l
	return c.exchange(ctx, nil)
}

// launch starts a process. A goroutine stays on the thread that started it until the process ends,
// because the parent-death signal is bound to that thread.
func (c *Child) launch() (*live, error) {
	type started struct {
		l   *live
		err error
	}
	ch := make(chan started, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		cmd := exec.Command(c.path, c.args...) //nolint:noctx // it outlives the call; stop ends it
		prepare(cmd, "")
		errs := &tail{}
		cmd.Stderr = errs
		stdin, err := cmd.StdinPipe()
		if err != nil {
			ch <- started{err: fmt.Errorf("process: %s: %w", c.path, err)}
			return
		}
		// Not StdoutPipe: Wait closes that pipe, and the last answer may still be in it.
		stdout, out, err := os.Pipe()
		if err != nil {
			ch <- started{err: fmt.Errorf("process: %s: %w", c.path, err)}
			return
		}
		cmd.Stdout = out
		err = cmd.Start()
		_ = out.Close()
		if err != nil {
			_ = stdout.Close()
			ch <- started{err: fmt.Errorf("process: start %s: %w", c.path, err)}
			return
		}
		l := &live{stdin: stdin, stdout: bufio.NewReader(stdout), pipe: stdout, stderr: errs, pid: cmd.Process.Pid, exited: make(chan struct{})}
		if err := limit(l.pid, c.limits); err != nil {
			_ = killGroup(l.pid)
			_ = cmd.Wait()
			_ = stdout.Close()
			ch <- started{err: err}
			return
		}
		ch <- started{l: l}
		_ = cmd.Wait() // its answer or its standard error shows how it ended
		_ = killGroup(l.pid)
		close(l.exited)
	}()
	s := <-ch
	return s.l, s.err
}

// exchange writes a request and reads one line. If anything goes wrong, it kills the process.
func (c *Child) exchange(ctx context.Context, request [][]byte) ([]byte, error) {
	l := c.live
	type answer struct {
		line []byte
		err  error
	}
	wrote, got := make(chan error, 1), make(chan answer, 1)
	go func() {
		for _, p := range request {
			if _, err := l.stdin.Write(p); err != nil {
				wrote <- err
				return
			}
		}
		wrote <- nil
	}()
	go func() {
		line, err := readLine(l.stdout, c.maxAnswer)
		got <- answer{line, err}
	}()
	end := func() { l.stop(); c.live = nil }
	var a answer
	select {
	case a = <-got:
	case <-ctx.Done():
		end()
		<-got // both goroutines end once the pipes are closed
		<-wrote
		return nil, fmt.Errorf("process: %s: %w", c.path, context.Cause(ctx))
	}
	if a.err != nil {
		end()
		<-wrote
		return nil, fmt.Errorf("process: %s: %w: %s", c.path, a.err, l.stderr)
	}
	// The child may answer before it has read the whole request: it then rejects the request and
	// exits.
	select {
	case err := <-wrote:
		if err != nil {
			end()
		}
	case <-ctx.Done():
		end()
		<-wrote
		return nil, fmt.Errorf("process: %s: %w", c.path, context.Cause(ctx))
	}
	return a.line, nil
}

// readLine reads up to a newline, at most limit bytes.
func readLine(r *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > limit+1 {
			return nil, ErrOutput
		}
		line = append(line, part...)
		switch {
		case err == nil:
			return line[:len(line)-1], nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}
