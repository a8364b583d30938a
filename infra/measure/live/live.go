// Package live runs a local system for programs that measure it: the deployed stack on an emulated
// AWS, with the compiled functions and the real engines, and clients with credits of their own.
package live

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"parley/infra/local"
	"parley/infra/local/operate"
	"parley/infra/measure/corpus"
	"parley/shared/client"
	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/deployment"
	"parley/shared/speech/installed"
)

// startPatience is how long a start may take, including building and deploying the first time.
const startPatience = 10 * time.Minute

// System is a running local system.
type System struct {
	local.System
	// Admin is for an operator's work on its tables and queues.
	Admin *deployment.System

	data   string
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // how it ended; read after ended
}

// Start starts a system with this configuration, on a free port if it names no address. The caller
// stops it. It must be the only one of this process (local.Run).
func Start(ctx context.Context, cfg local.Config) (*System, error) {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &System{data: cfg.Data, cancel: cancel, ended: make(chan struct{})}
	ready := make(chan local.System, 1)
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	cfg.Ready = func(_ context.Context, sys local.System) error { ready <- sys; return nil }
	go func() {
		defer close(s.ended)
		s.err = local.Run(running, cfg)
	}()
	wait, stop := context.WithTimeout(ctx, startPatience)
	defer stop()
	select {
	case s.System = <-ready:
	case <-s.ended:
		return nil, errors.Join(errors.New("the system ended before it was ready"), s.err)
	case <-wait.Done():
		return nil, errors.Join(errors.New("the system did not start in time"), s.Stop())
	}
	var err error
	if s.Admin, err = operate.OpenLocal(ctx, s.System); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// Stop stops the system cleanly, and says how it ended.
func (s *System) Stop() error {
	s.cancel()
	<-s.ended
	return s.err
}

// Faults replaces the faults of the running system; none: it is healthy.
func (s *System) Faults(specs ...string) error {
	if err := local.ClearFaults(s.data); err != nil || len(specs) == 0 {
		return err
	}
	return local.SetFaults(s.data, specs)
}

// Client creates a client with credits and a key without a rate of its own, and returns what calls
// the API with it; slots is how many of its runs are processed at once.
func (s *System) Client(ctx context.Context, name string, credits int64, slots int) (*client.Client, account.ID, string, error) {
	clk := clock.Real{}
	c, err := operate.NewClient(name, clk)
	if err != nil {
		return nil, "", "", err
	}
	c.ConcurrentRuns = slots
	if err := operate.CreateClient(ctx, s.Admin, c, credits, clk); err != nil {
		return nil, "", "", err
	}
	k, err := operate.CreateKey(ctx, s.Admin, c.ID, clk, func(k *account.Key) { k.Rate = maxRate })
	if err != nil {
		return nil, "", "", err
	}
	cl, err := client.New(s.URL, k.Key)
	return cl, c.ID, k.Key, err
}

// maxRate is the rate of the keys made here, in requests a minute: more than any program asks for.
const maxRate = 100_000

// Recordings of an interview that runs are made of.
const (
	// Whole is the sample interview: 236 s, 4 credits.
	Whole = ""
	// Short has two answers of the candidate, 75 s of speech, and ends after the least length that
	// the service takes. It is the quickest recording that is scored.
	Short = "aselect='between(t,62.2,101.6)+between(t,106.2,154.6)',asetpts=N/SR/TB,apad=whole_dur=182"
)

// Recording makes a recording from the sample interview by one of these filters, in the folder dir,
// and returns its path.
func Recording(ctx context.Context, dir, name, filter string) (string, error) {
	root, err := corpus.Root()
	if err != nil {
		return "", err
	}
	sample := filepath.Join(root, "infra", "sample", "interview.opus")
	if filter == Whole {
		return sample, nil
	}
	path := filepath.Join(dir, name+".flac")
	cmd := exec.CommandContext(ctx, installed.FFmpeg(installed.Dir()), "-nostdin", "-v", "error", "-y", "-i", sample,
		"-af", filter, "-ac", "1", "-ar", "16000", "-sample_fmt", "s16", "-c:a", "flac", path)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("make the recording %s: %w: %s", name, err, said.Bytes())
	}
	return path, nil
}

// With runs work on a system of its own with this configuration, in a temporary folder, dir, that
// also takes what the work writes. Without a Progress of its own, the system's lines go to stderr.
// It ends both.
func With(ctx context.Context, name string, cfg local.Config, work func(sys *System, dir string) error) (err error) {
	dir, err := os.MkdirTemp("", "parley-"+name+"-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary folder
	cfg.Data = dir
	if cfg.Progress == nil {
		cfg.Progress = func(line string) { fmt.Fprintln(os.Stderr, line) }
	}
	sys, err := Start(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sys.Stop()) }()
	return work(sys, dir)
}
