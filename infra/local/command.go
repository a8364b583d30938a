package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tail is how much of a failed program's output an error shows, in bytes.
const tail = 4000

// command is a program on the developer's machine (go, pip, npm, cdk) to run to its end.
type command struct {
	dir  string
	env  []string // added to this process's environment, which it overrides
	name string
	args []string

	stdout *bytes.Buffer // receives standard output; nil: it goes where standard error goes
}

// run runs the program in its own process group, and kills the whole group when ctx ends. An error
// includes the end of the program's output.
func (c command) run(ctx context.Context) error {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, c.name, c.args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.dir, &said, &said
	if c.stdout != nil {
		cmd.Stdout = c.stdout
	}
	cmd.Env = append(os.Environ(), c.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	forget, err := startOwn(cmd)
	if err == nil {
		err = cmd.Wait()
		forget()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		text := said.Bytes()
		if len(text) > tail {
			text = text[len(text)-tail:]
		}
		return fmt.Errorf("local: %s %s: %w\n%s", filepath.Base(c.name), strings.Join(c.args, " "), err, bytes.TrimSpace(text))
	}
	return nil
}

// output runs the program and returns what it wrote to standard output.
func (c command) output(ctx context.Context) ([]byte, error) {
	var out bytes.Buffer
	c.stdout = &out
	err := c.run(ctx)
	return out.Bytes(), err
}

// child is a program that runs beside this one, in its own process group.
type child struct {
	pid  int
	done chan struct{} // closed when it has ended
	err  error         // how it ended; read after done
}

// spawn starts a child. If this process is killed, the kernel sends the child SIGTERM, so that it
// can save its state.
func spawn(path string, args, env []string, dir string, log io.Writer) (*child, error) {
	cmd := exec.Command(path, args...) //nolint:noctx // it outlives the call; stop ends it
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	cmd.WaitDelay = 2 * time.Second // for a log that a descendant holds open
	c := &child{done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The kernel sends the signal when the thread that started the child ends, so the thread
		// must live as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		forget, err := startOwn(cmd)
		if err == nil {
			c.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			c.err = cmd.Wait()
			forget()
			close(c.done)
		}
	}()
	return c, <-started
}

// errDied means that a child ended by itself.
var errDied = errors.New("local: it ended by itself")

// answers waits until the child answers 200 at url. errDied.
func (c *child) answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-c.done:
			return errDied
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// stop asks the child to end. After that, or after patience, it kills whatever is left of the
// child's group.
func (c *child) stop(patience time.Duration) {
	_ = syscall.Kill(c.pid, syscall.SIGTERM) // an error means that it has ended
	select {
	case <-c.done:
	case <-time.After(patience):
	}
	_ = syscall.Kill(-c.pid, syscall.SIGKILL) // an error means that nothing is left
	<-c.done
}

// orphans are descendants of this process whose own parent has died, such as an engine whose
// function was killed.
type orphans struct {
	spared []int // children that this process had before
	done   chan struct{}
	ended  chan struct{}
}

// adoptOrphans makes this process the parent of its orphans, and reaps them when they end, so that
// none stays a zombie.
func adoptOrphans() *orphans {
	o := &orphans{spared: children(os.Getpid()), done: make(chan struct{}), ended: make(chan struct{})}
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) // Linux since 3.4
	deaths := make(chan os.Signal, 1)
	signal.Notify(deaths, syscall.SIGCHLD)
	go func() {
		defer close(o.ended)
		defer signal.Stop(deaths)
		for {
			select {
			case <-o.done:
				return
			case <-deaths:
				for _, pid := range o.list() {
					reap(pid, syscall.WNOHANG)
				}
			}
		}
	}()
	return o
}

// list returns the current orphans. Everything that this package starts is in other process groups,
// so a child in this process's own group was started by other code, which waits for it.
func (o *orphans) list() []int {
	own.Lock()
	defer own.Unlock()
	return slices.DeleteFunc(children(os.Getpid()), func(pid int) bool {
		group, err := unix.Getpgid(pid)
		return slices.Contains(o.spared, pid) || own.pids[pid] || err != nil || group == unix.Getpgrp()
	})
}

// maxGenerations bounds how often kill looks again: the children of a killed process become orphans
// too.
const maxGenerations = 20

// kill kills the orphans, and those that become orphans by that.
func (o *orphans) kill() {
	close(o.done)
	<-o.ended
	for range maxGenerations {
		pids := o.list()
		if len(pids) == 0 {
			return
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL) // an error means that it has ended
			reap(pid, 0)
		}
	}
}

// reap waits for a child, so that it does not stay a zombie.
func reap(pid, options int) {
	var status syscall.WaitStatus
	_, _ = syscall.Wait4(pid, &status, options, nil) // an error means that it has been waited for
}

// own holds the children that this package started and waits for.
var own = struct {
	sync.Mutex
	pids map[int]bool
}{pids: map[int]bool{}}

// startOwn starts a child that does not count as an orphan. The caller waits for it and then calls
// forget.
func startOwn(cmd *exec.Cmd) (forget func(), err error) {
	own.Lock()
	defer own.Unlock()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	pid := cmd.Process.Pid
	own.pids[pid] = true
	return func() {
		own.Lock()
		defer own.Unlock()
		delete(own.pids, pid)
	}, nil
}

// children returns the processes with this parent.
func children(parent int) []int {
	var out []int
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil // only for a malformed pattern
	}
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // the process has ended meanwhile
		}
		// The format is: pid (name) state ppid …. The name may contain anything; it ends at the
		// last parenthesis.
		_, after, _ := bytes.Cut(raw[bytes.LastIndexByte(raw, ')'):], []byte(") "))
		fields := bytes.Fields(after)
		if len(fields) < 2 {
			continue
		}
		if ppid, err := strconv.Atoi(string(fields[1])); err != nil || ppid != parent {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			out = append(out, pid)
		}
	}
	return out
}

// lookFor finds a program that the developer must have installed.
func lookFor(name, what string) (string, error) {
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("local: %s is not installed: %s; parley doctor says how to install it", name, what)
	}
	return path, err
}
