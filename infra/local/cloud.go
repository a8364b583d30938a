package local

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"parley/shared/engine/config"
	"parley/shared/engine/fault"
	"parley/shared/speech/installed"
)

// The only region and the only account of the emulated AWS.
const (
	Region  = "us-east-1"
	Account = "000000000000"
)

const (
	// startPatience is how long the emulator may take until it answers.
	startPatience = 60 * time.Second
	// stopPatience is how long the emulator may take to save its state.
	stopPatience = 60 * time.Second
)

// runEmulator is the program that runs the emulator.
//
//go:embed emulator.py
var runEmulator string

// errCloudDied means that the emulator ended by itself.
var errCloudDied = errors.New("local: the emulated AWS ended by itself")

// cloud is the running emulator.
type cloud struct {
	*child
	endpoint string
	log      *os.File
}

// startCloud starts the emulator on a free port of the loopback interface and waits until it
// answers. It uses the same port as last time if that is free.
func (s *starter) startCloud(ctx context.Context, t tools) (*cloud, error) {
	before, err := s.data.load()
	if err != nil {
		return nil, err
	}
	endpoint, err := freeEndpoint(before.Endpoint)
	if err != nil {
		return nil, err
	}
	if before.Endpoint != "" && before.Endpoint != endpoint {
		if err := moveState(s.data.path("aws", "state"), before.Endpoint, endpoint); err != nil {
			return nil, err
		}
	}
	log, err := os.Create(s.data.path("aws", "log"))
	if err != nil {
		return nil, fmt.Errorf("local: the emulated AWS's log: %w", err)
	}
	process, err := spawn(t.python, []string{"-c", runEmulator}, s.cloudEnvironment(endpoint), s.data.path("aws"), log)
	if err != nil {
		_ = log.Close()
		return nil, fmt.Errorf("local: start the emulated AWS: %w", err)
	}
	c := &cloud{child: process, endpoint: endpoint, log: log}
	if err := c.await(ctx); err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

// cloudEnvironment returns the emulator's whole environment. It must not contain a secret, because
// the functions see all of it besides their own variables from the stack. It also passes them the
// settings of a local system.
func (s *starter) cloudEnvironment(endpoint string) []string {
	_, port, _ := strings.Cut(strings.TrimPrefix(endpoint, "http://"), ":")
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.data.path("tmp"), "TMPDIR=" + s.data.path("tmp"), "LANG=C.UTF-8",
		"BIND_HOST=127.0.0.1", "MINISTACK_HOST=127.0.0.1", "GATEWAY_PORT=" + port, "MINISTACK_REGION=" + Region,
		"LAMBDA_EXECUTOR=local", "LOG_LEVEL=WARNING",
		"PERSIST_STATE=1", "STATE_DIR=" + s.data.path("aws", "state"), "S3_PERSIST=1", "S3_DATA_DIR=" + s.data.path("aws", "objects"),
		"AWS_ENDPOINT_URL=" + endpoint, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		fault.EnvFile + "=" + s.data.path("faults.json"),
	}
	if s.url != "" {
		env = append(env, config.BaseURL+"="+s.url)
	}
	if s.Deadline > 0 {
		env = append(env, config.Deadline+"="+s.Deadline.String())
	}
	if s.PollEvery > 0 {
		env = append(env, config.PollEvery+"="+s.PollEvery.String())
	}
	if s.WebhookLoopback {
		env = append(env, config.WebhookLoopback+"=1")
	}
	if model := os.Getenv(installed.ModelVariable); model != "" {
		env = append(env, installed.ModelVariable+"="+model)
	}
	return env
}

// freeEndpoint returns the endpoint before if nothing listens on it, or else one on another free
// port.
func freeEndpoint(before string) (string, error) {
	for _, addr := range []string{strings.TrimPrefix(before, "http://"), "127.0.0.1:0"} {
		if addr == "" {
			continue
		}
		l, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		endpoint := "http://" + l.Addr().String()
		if err := l.Close(); err != nil {
			return "", fmt.Errorf("local: find a free port: %w", err)
		}
		return endpoint, nil
	}
	return "", errors.New("local: no free port on 127.0.0.1")
}

// moveState replaces the endpoint in the saved state, which contains the full URLs of queues.
func moveState(dir, from, to string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return fmt.Errorf("local: move the state: %w", err)
	}
	for _, path := range files {
		raw, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("local: move the state: %w", err)
		}
		if err := replace(path, []byte(strings.ReplaceAll(string(raw), from+"/", to+"/"))); err != nil {
			return fmt.Errorf("local: move the state: %w", err)
		}
	}
	return nil
}

// await waits until the emulator answers.
func (c *cloud) await(ctx context.Context) error {
	err := c.answers(ctx, c.endpoint+"/_ministack/health")
	if errors.Is(err, errDied) {
		err = fmt.Errorf("%w while starting", errCloudDied)
	}
	if err != nil {
		err = fmt.Errorf("local: await the emulated AWS (log: %s): %w", c.log.Name(), err)
	}
	return err
}

// guard returns a context that also ends, with errCloudDied as its cause, when the emulator ends.
func (c *cloud) guard(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-ctx.Done():
		case <-c.done:
			cancel(fmt.Errorf("%w: see %s", errCloudDied, c.log.Name()))
		}
	}()
	return ctx, cancel
}

// stop lets the emulator save its state, and ends it and every function.
func (c *cloud) stop() {
	c.child.stop(stopPatience)
	_ = c.log.Close() // the child has its own descriptor
}
