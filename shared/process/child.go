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

// Child is a program that stays alive and answers requests one at a time: it prints one line when it is ready, then for each request
// (any bytes) one line. It is started on first use. When a request's time is up, or it breaks its word, it is killed, and the next
// request starts another. Safe for concurrent use: requests wait for each other. The zero value is not usable.
type Child struct {
	path      string
	args      []string
	limits    Limits
	maxAnswer int
	turn      chan struct{} // holds one token: whose turn it is
	live      *live         // nil: none; touched only in turn
	closed    bool
}

// NewChild describes a child; nothing is started yet. A line of more than maxAnswer bytes counts as a broken word. Limits.CPU counts
// over all requests, so it is better left zero here.
func NewChild(path string, args []string, limits Limits, maxAnswer int) *Child {
	return &Child{path: path, args: args, limits: limits, maxAnswer: maxAnswer, turn: make(chan struct{}, 1)}
}

// ErrClosed says that the child was closed.
var ErrClosed = errors.New("process: child closed")

// live is one running process.
type live struct {
	stdin  io.WriteCloser
	stdout *bufio.Reader
	pipe   *os.File // under stdout
	stderr *tail
	pid    int
	exited chan struct{} // closed when the process has ended and was waited for
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

// Start starts the child where it is not running and waits until it is ready; what it prints then is returned (nil where it ran already).
func (c *Child) Start(ctx context.Context) ([]byte, error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	defer c.leave()
	return c.ensure(ctx)
}

// Ask sends the parts of one request and returns the line that answers it, without its newline. ctx's own error where ctx ended: the child
// is killed then. Else an error with the tail of the child's standard error.
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
		_ = c.live.stdin.Close() // a polite end is not waited for: it has nothing to save
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

// ensure has a child running.
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

// launch starts a process and leaves a goroutine on the thread that started it until it ends: the parent-death signal hangs on
// that thread.
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
		// Not StdoutPipe: Wait closes that one, with the last answer perhaps still in it.
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
		_ = cmd.Wait() // how it ended shows in its answer or in what it wrote to standard error
		_ = killGroup(l.pid)
		close(l.exited)
	}()
	s := <-ch
	return s.l, s.err
}

// exchange writes a request and reads one line. Whatever goes wrong ends the process.
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
		<-got // both end with the process's pipes
		<-wrote
		return nil, fmt.Errorf("process: %s: %w", c.path, context.Cause(ctx))
	}
	if a.err != nil {
		end()
		<-wrote
		return nil, fmt.Errorf("process: %s: %w: %s", c.path, a.err, l.stderr)
	}
	// The answer may come before the request is read to its end: a refusal, after which the child ends by itself.
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
