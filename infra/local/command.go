package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tail is how much of a failed program's output an error shows, in bytes.
const tail = 4000

// command is a program of the developer's machine (go, pip, npm, cdk), run to its end.
type command struct {
	dir  string
	env  []string // beside the process's own, which it overrides
	name string
	args []string
}

// run runs the program in a process group of its own, which is killed whole when ctx ends. An error carries the end of
// what the program said.
func (c command) run(ctx context.Context) error {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, c.name, c.args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.dir, &said, &said
	cmd.Env = append(os.Environ(), c.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	err := cmd.Run()
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
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, c.name, c.args...)
	cmd.Dir, cmd.Stderr = c.dir, &said
	cmd.Env = append(os.Environ(), c.env...)
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("local: %s: %w\n%s", filepath.Base(c.name), err, bytes.TrimSpace(said.Bytes()))
	}
	return out, nil
}

// child is a program that runs beside this one, in a process group of its own.
type child struct {
	pid  int
	done chan struct{} // closed when it has ended
	err  error         // how it ended; read after done
}

// spawn starts a child. Should this process die without a word, the kernel sends the child SIGTERM, so that it saves
// what it has.
func spawn(path string, args, env []string, dir string, log io.Writer) (*child, error) {
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	c := &child{done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The signal is sent when the thread that started the child ends, so the thread stays as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			c.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			c.err = cmd.Wait()
			close(c.done)
		}
	}()
	return c, <-started
}

// stop asks the child to end, kills it where it does not within patience, and then whatever is left of its group.
func (c *child) stop(patience time.Duration) {
	_ = syscall.Kill(c.pid, syscall.SIGTERM) // an error says that it has ended
	select {
	case <-c.done:
	case <-time.After(patience):
	}
	_ = syscall.Kill(-c.pid, syscall.SIGKILL) // an error says that nothing is left
	<-c.done
}

// adoptOrphans makes this process the parent of descendants whose own parent dies, so that killOrphans finds them.
func adoptOrphans() {
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) // Linux since 3.4
}

// maxGenerations bounds how often killOrphans looks again: killing a process hands its own children to this one.
const maxGenerations = 20

// killOrphans kills what this process is the parent of, and what it then becomes the parent of, but for those spared.
func killOrphans(spared []int) {
	for range maxGenerations {
		pids := slices.DeleteFunc(children(os.Getpid()), func(pid int) bool { return slices.Contains(spared, pid) })
		if len(pids) == 0 {
			return
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL) // an error says that it has ended
			var status syscall.WaitStatus
			_, _ = syscall.Wait4(pid, &status, 0, nil) // an error says that it has been waited for
		}
	}
}

// children lists the processes with this parent.
func children(parent int) []int {
	var out []int
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil // only for a malformed pattern
	}
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		// pid (name) state ppid …; the name may hold anything but ends at the last parenthesis.
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

// lookFor finds a program that the developer has to have.
func lookFor(name, what string) (string, error) {
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("local: %s is not installed: %s", name, what)
	}
	return path, err
}
