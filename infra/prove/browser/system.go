package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// System is a running local system: what `parley local --json` prints.
type System struct {
	URL      string `json:"url"`
	Endpoint string `json:"endpoint"` // of the emulated AWS, which the recordings come from
	Key      string `json:"key"`
	Console  string `json:"console"`

	stop func()
}

// Stop stops a system that Running started.
func (s System) Stop() {
	if s.stop != nil {
		s.stop()
	}
}

// Running starts a system on this machine as its user does, from the repository's root, with data
// of its own. With PARLEY_SYSTEM in the environment (what `parley local --json` printed) it returns
// the one that runs already.
func Running(ctx context.Context, root string) (System, error) {
	var s System
	if said := os.Getenv("PARLEY_SYSTEM"); said != "" {
		if err := json.Unmarshal([]byte(said), &s); err != nil {
			return s, fmt.Errorf("browser: PARLEY_SYSTEM: %w", err)
		}
		return s, nil
	}
	dir, err := os.MkdirTemp("", "parley-browser-")
	if err != nil {
		return s, fmt.Errorf("browser: %w", err)
	}
	if s, err = start(ctx, root, dir); err != nil {
		return s, errors.Join(err, os.RemoveAll(dir))
	}
	stop := s.stop
	s.stop = func() { stop(); _ = os.RemoveAll(dir) } // it is a temporary folder
	return s, nil
}

// start runs the system in a folder until its stop is called.
func start(ctx context.Context, root, dir string) (System, error) {
	var s System
	parley := filepath.Join(dir, "parley")
	build := exec.CommandContext(ctx, "go", "build", "-o", parley, "./infra/cli")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return s, fmt.Errorf("browser: build parley: %w: %s", err, out)
	}
	// It outlives ctx until it has stopped by itself.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	c := exec.CommandContext(running, parley, "local", "--json", "--addr", "127.0.0.1:0", "--console", "127.0.0.1:0", "--data", filepath.Join(dir, "data"))
	c.Dir = root
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = time.Minute
	var complaint bytes.Buffer
	c.Stderr = &complaint
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		stop()
		return s, fmt.Errorf("browser: start the system: %w", err)
	}
	end := func() error { stop(); return c.Wait() }
	if err := json.NewDecoder(out).Decode(&s); err != nil {
		return s, fmt.Errorf("browser: the system did not start: %w: %s", errors.Join(err, end()), complaint.Bytes())
	}
	s.stop = func() { _ = end() } // it was interrupted, and says so
	return s, nil
}
