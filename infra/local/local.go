// Package local runs the deployed system on this machine: the CDK stack of infra/stack, unchanged, on an emulated AWS
// (ministack), with the compiled functions as native processes and a thin proxy in front that has the limits of the real
// gateway. Nothing of AWS is written anew here.
//
// Run starts it and stays until its context ends; everything it started ends with it. Load tells others (the operator's
// commands, the tests) where a system's parts are. README.md lists what the emulator does not do, and who does instead.
package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// Config says what to run.
type Config struct {
	// Root is the repository's root; where empty, the folder above the working directory with the module's go.mod.
	Root string
	// Addr is where the API is served, host:port; 127.0.0.1:8080 where empty. Port 0 takes a free one.
	Addr string
	// Data is the folder that keeps everything; .parley where empty.
	Data string
	// Parts is the folder of the engines; parley/parts/<arch> in the user's cache folder where empty.
	Parts string
	// Deadline, where above 0, is every run's deadline.
	Deadline time.Duration
	// SweepEvery is the time between two sweeps, 1 s to 60 s; 0 is 60 s, which the deployed schedule does by itself.
	SweepEvery time.Duration
	// PollEvery is the least time between two polls of one run; 0: as deployed.
	PollEvery time.Duration
	// WebhookLoopback lets webhooks go to this machine, by http too.
	WebhookLoopback bool
	// Progress is told what is being done, a line each without its end; nil: nobody is.
	Progress func(line string)
	// Ready is called once the API answers; an error from it stops the system. Nil: nothing.
	Ready func(ctx context.Context, s System) error
	// FirstStart is called before Ready the first time that a data folder is used, and again at the next start if it
	// failed: the place to make a demo client. Nil: nothing.
	FirstStart func(ctx context.Context, s System) error
}

// System is a running system's addresses.
type System struct {
	URL       string            `json:"url"`       // of the API, without the base path
	Endpoint  string            `json:"endpoint"`  // of the emulated AWS
	Stack     string            `json:"stack"`     // the stack's name
	Outputs   map[string]string `json:"outputs"`   // the stack's outputs: TableRuns, QueueIngest, Bucket, FunctionSweep, ApiId, …
	Deployed  string            `json:"deployed"`  // fingerprint of what is deployed
	Functions map[string]string `json:"functions"` // SHA-256 of each function's live program
	Templates map[string]string `json:"templates"` // SHA-256 of each function's program at the last deployment
	Started   bool              `json:"started"`   // FirstStart has been done
	Deadline  time.Duration     `json:"deadline"`  // of every run, as of the last start; 0: as deployed
}

// StackName is the name of the stack of every local system.
const StackName = "parley"

// ErrConfig says that a Config cannot be run as it is: the error around it tells which value, and its bounds.
var ErrConfig = errors.New("local: wrong configuration")

// Limits of Config's durations.
const (
	MinSweepEvery = time.Second
	MaxSweepEvery = 60 * time.Second
	maxDuration   = 24 * time.Hour
)

func (c Config) withDefaults() (Config, error) {
	var err error
	if c.Root == "" {
		if c.Root, err = findRoot(); err != nil {
			return c, err
		}
	}
	if c.Addr == "" {
		c.Addr = "127.0.0.1:8080"
	}
	if c.Data == "" {
		c.Data = ".parley"
	}
	if c.Parts == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return c, fmt.Errorf("local: %w", err)
		}
		c.Parts = filepath.Join(cache, "parley", "parts", runtime.GOARCH)
	}
	for _, path := range []*string{&c.Root, &c.Data, &c.Parts} {
		if *path, err = filepath.Abs(*path); err != nil {
			return c, fmt.Errorf("local: %w", err)
		}
	}
	if c.SweepEvery == 0 {
		c.SweepEvery = MaxSweepEvery
	}
	if c.SweepEvery < MinSweepEvery || c.SweepEvery > MaxSweepEvery {
		return c, fmt.Errorf("%w: sweep every %s to %s, not %s", ErrConfig, MinSweepEvery, MaxSweepEvery, c.SweepEvery)
	}
	if c.Deadline < 0 || c.Deadline > maxDuration || c.PollEvery < 0 || c.PollEvery > maxDuration {
		return c, fmt.Errorf("%w: a deadline and the time between polls are 0 to %s", ErrConfig, maxDuration)
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	return c, nil
}

// Run starts the system and serves until ctx ends, which is a clean stop and no error. It returns an error where the
// system could not be started (ErrConfig among them), or broke. It is made for a process that does nothing else: what is a child of this process
// when Run returns, and was none when it began, is killed.
func Run(ctx context.Context, c Config) (err error) {
	c, err = c.withDefaults()
	if err != nil {
		return err
	}
	d, err := openData(c.Data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()

	// The address is taken first, so that a taken one is known before minutes of building.
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("local: serve on %s: %w", c.Addr, err)
	}
	defer listener.Close() // closed by the proxy already, but where it never served

	defer adoptOrphans().kill()
	s := &starter{Config: c, data: d}
	err = s.run(ctx, listener)
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return nil
	}
	return err
}

// starter is one run of the system.
type starter struct {
	Config
	data *data
}

func (s *starter) run(ctx context.Context, listener net.Listener) error {
	tools, err := installTools(ctx, s.Progress)
	if err != nil {
		return err
	}
	// The functions are built while the emulator starts.
	building, stopBuilding := context.WithCancel(ctx)
	built := s.build(building)
	defer func() { stopBuilding(); <-built.done }()
	cloud, err := s.startCloud(ctx, tools)
	if err != nil {
		return err
	}
	// Stopping the cloud saves its state, also when what follows is cut short.
	defer cloud.stop()
	ctx, cancel := cloud.guard(ctx)
	defer cancel(nil)

	system, err := s.deploy(ctx, tools, cloud.endpoint, built)
	if err == nil {
		err = s.serve(ctx, listener, system)
	}
	if cause := context.Cause(ctx); errors.Is(cause, errCloudDied) {
		return cause
	}
	return err
}

// serve answers on the listener until ctx ends.
func (s *starter) serve(ctx context.Context, listener net.Listener, system System) error {
	system.URL, system.Deadline = "http://"+listener.Addr().String(), s.Deadline
	if err := s.data.save(system); err != nil {
		return err
	}
	lambdas, err := newFunctions(system)
	if err != nil {
		return err
	}
	// The readiness that a submit asks for is otherwise known only after the first minute.
	if err := lambdas.invoke(ctx, "warm"); err != nil && ctx.Err() == nil {
		s.Progress("warm: " + err.Error())
	}
	if s.FirstStart != nil && !system.Started {
		if err := s.FirstStart(ctx, system); err != nil {
			return err
		}
		system.Started = true
		if err := s.data.save(system); err != nil {
			return err
		}
	}
	proxy := startProxy(listener, system)
	defer proxy.stop()
	if s.SweepEvery < MaxSweepEvery {
		go s.sweep(ctx, lambdas)
	}
	if s.Ready != nil {
		if err := s.Ready(ctx, system); err != nil {
			return err
		}
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-proxy.failed:
		return fmt.Errorf("local: serve: %w", err)
	}
}

// sweep invokes the sweep more often than its schedule does.
func (s *starter) sweep(ctx context.Context, lambdas *functions) {
	tick := time.NewTicker(s.SweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := lambdas.invoke(ctx, "sweep"); err != nil && ctx.Err() == nil {
				s.Progress("sweep: " + err.Error())
			}
		}
	}
}

// findRoot walks up from the working directory to the module's root.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("local: %w", err)
	}
	for {
		raw, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && len(raw) > 13 && string(raw[:13]) == "module parley" {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("local: not within the repository: its root holds the go.mod of module parley")
		}
		dir = up
	}
}
