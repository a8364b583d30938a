// Package local runs the deployed system on this machine: the unchanged CDK stack of infra/stack on
// an emulated AWS (ministack). The compiled functions run as native processes. A front enforces the
// limits of the real gateway and hands the API's calls to the functions itself, by the deployment's
// routes and settings, because the emulator is too slow at it. Everything else is the emulator's.
//
// Run starts the system and returns when its context ends; everything that it started ends with it.
// Load tells other programs (the operator's commands, the tests) the addresses of a system.
// README.md lists what the emulator does not do, and what does it instead.
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
	// Root is the repository's root; empty: the nearest folder with the module's go.mod, from the
	// working directory upwards.
	Root string
	// Addr is the address of the API, host:port; empty: 127.0.0.1:8080. Port 0 means any free port.
	Addr string
	// Data is the folder for everything that is kept; empty: .parley.
	Data string
	// Parts is the folder of the engines; empty: parley/parts/<arch> in the user's cache folder.
	Parts string
	// Deadline, if above 0, replaces every run's deadline. At most 24 h.
	Deadline time.Duration
	// SweepEvery is the time between two sweeps, 1 s to 60 s; 0: 60 s, as in the deployed schedule.
	SweepEvery time.Duration
	// PollEvery is the minimum time between two polls of a run, at most 24 h; 0: as deployed.
	PollEvery time.Duration
	// WebhookLoopback allows webhooks to this machine, also by http.
	WebhookLoopback bool
	// Progress, if not nil, gets a line about each thing that is done, without a line break.
	Progress func(line string)
	// Ready, if not nil, is called once the API answers. An error from it stops the system.
	Ready func(ctx context.Context, s System) error
	// FirstStart, if not nil, is called before Ready when a data folder is used for the first time,
	// for example to create a demo client. If it fails, it is called again at the next start.
	FirstStart func(ctx context.Context, s System) error
}

// System is a running system's addresses.
type System struct {
	URL      string `json:"url"`      // of the API, without the base path
	Endpoint string `json:"endpoint"` // of the emulated AWS
	Stack    string `json:"stack"`    // the stack's name
	// the stack's outputs: TableRuns, QueueIngest, Bucket, FunctionSweep, ApiId, …
	Outputs   map[string]string `json:"outputs"`
	Deployed  string            `json:"deployed"`  // fingerprint of what is deployed
	Functions map[string]string `json:"functions"` // SHA-256 of each function's live program
	// SHA-256 of each function's program at the last deployment
	Templates map[string]string `json:"templates"`
	Started   bool              `json:"started"` // FirstStart has been done
	// of every run, as of the last start; 0: as deployed
	Deadline time.Duration `json:"deadline"`
}

// StackName is the name of the stack of every local system.
const StackName = "parley"

// ErrConfig means that a value of a Config is wrong. The error that wraps it says which, and its
// bounds.
var ErrConfig = errors.New("local: wrong configuration")

// The bounds of Config's durations.
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
		return c, fmt.Errorf("%w: the time between sweeps must be %s to %s, not %s", ErrConfig, MinSweepEvery, MaxSweepEvery, c.SweepEvery)
	}
	if c.Deadline < 0 || c.Deadline > maxDuration || c.PollEvery < 0 || c.PollEvery > maxDuration {
		return c, fmt.Errorf("%w: the deadline and the time between polls must be 0 to %s", ErrConfig, maxDuration)
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	return c, nil
}

// Run starts the system and serves until ctx ends, which is a clean stop and not an error. It
// returns an error if the system cannot be started (such as ErrConfig) or breaks. Use it in a
// process that does nothing else: before Run returns, it kills every child of this process that did
// not exist when it began.
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

	// Listen first, so that an address in use is reported before minutes of building.
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("local: serve on %s: %w", c.Addr, err)
	}
	defer listener.Close() // in case the proxy, which closes it too, never served

	defer adoptOrphans().kill()
	s := &starter{Config: c, data: d, url: "http://" + listener.Addr().String()}
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
	url  string // of the API, without the base path
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
	// Stopping the cloud saves its state, even if what follows is interrupted.
	defer cloud.stop()
	ctx, cancel := cloud.guard(ctx)
	defer cancel(nil)

	system, err := s.deploy(ctx, tools, cloud.endpoint, built)
	if err == nil {
		err = s.moveOlder(ctx, tools, &system)
	}
	if err == nil {
		err = s.serve(ctx, listener, cloud, system)
	}
	if cause := context.Cause(ctx); errors.Is(cause, errCloudDied) {
		return cause
	}
	return err
}

// serve serves on the listener until ctx ends.
func (s *starter) serve(ctx context.Context, listener net.Listener, cloud *cloud, system System) error {
	system.URL, system.Deadline = s.url, s.Deadline
	if err := s.data.save(system); err != nil {
		return err
	}
	lambdas, err := newFunctions(system)
	if err != nil {
		return err
	}
	// Without this, submits would be refused as not ready for the first minute.
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
	direct, err := startDirect(ctx, system, lambdas.client, s.cloudEnvironment(system.Endpoint), s.data.path("tmp", "functions"), cloud.log)
	if err != nil {
		return err
	}
	defer direct.stop()
	proxy := startProxy(listener, system, direct)
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

// sweep invokes the sweep function more often than its schedule does.
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
			return "", errors.New("local: this is not inside a checkout of Parley: change into one")
		}
		dir = up
	}
}
