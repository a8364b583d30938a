// Package system_test tests Parley through its public interface. All tests share one local system:
// the deployed stack on an emulated AWS, with the compiled functions and the real engines. Clients
// with their own credits and keys call it over HTTP.
//
// Tests that set faults or stop the system run one after the other. The others run in parallel,
// after those. The tests need PARLEY_TEST_AWS=1 and the engines; the long ones also need
// PARLEY_HEAVY=1.
package system_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/infra/local"
	"parley/infra/local/operate"
	"parley/shared/engine/deployment"
	"parley/shared/speech/installed"
)

const (
	// pollEvery is the system's minimum time between two polls of one run.
	pollEvery = 2 * time.Second
	// pace is how often the tests poll.
	pace = 2200 * time.Millisecond
	// sweepEvery is the time between two sweeps.
	sweepEvery = 2 * time.Second
	// patience is how long a run may take, also on a busy machine.
	patience = 9 * time.Minute
	// startPatience is how long a start may take, including building and deploying the first time.
	startPatience = 8 * time.Minute
)

// running is the one system of this process. The first test that needs it starts it.
var running = &system{}

func TestMain(m *testing.M) { os.Exit(testAll(m)) }

func testAll(m *testing.M) (status int) {
	dir, err := os.MkdirTemp("", "parley-system-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	running.dir = dir
	defer os.RemoveAll(dir)
	status = m.Run()
	if status != 0 {
		running.showLogs()
	}
	if err := running.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop:", err)
		status = 1
	}
	if left := processes(dir, ""); len(left) > 0 {
		fmt.Fprintln(os.Stderr, "processes outlived the system:", left)
		status = 1
	}
	return status
}

// system is a local system that can be stopped and restarted on the same data.
type system struct {
	local.System
	dir    string
	admin  *deployment.System
	cancel context.CancelFunc
	ended  chan struct{}
	err    error // how it ended; read after ended
	once   sync.Once
	broken error
}

func (s *system) data() string { return filepath.Join(s.dir, "data") }

// start starts the system. deadline, if above 0, is every run's deadline.
func (s *system) start(deadline time.Duration) error {
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan local.System, 1), make(chan struct{})
	s.cancel, s.ended = cancel, ended
	cfg := local.Config{
		Addr: "127.0.0.1:0", Data: s.data(), Parts: installed.Dir(), PollEvery: pollEvery, SweepEvery: sweepEvery, Deadline: deadline, WebhookLoopback: true,
		Progress: func(line string) { fmt.Fprintf(os.Stderr, "%s %s\n", time.Now().Format(time.TimeOnly), line) },
		Ready:    func(_ context.Context, sys local.System) error { ready <- sys; return nil },
	}
	go func() {
		defer close(ended)
		s.err = local.Run(ctx, cfg)
	}()
	select {
	case s.System = <-ready:
	case <-ended:
		return errors.Join(errors.New("the system ended before it was ready"), s.err)
	case <-time.After(startPatience):
		return errors.Join(errors.New("the system did not start in time"), s.stop())
	}
	var err error
	s.admin, err = operate.OpenLocal(ctx, s.System)
	return err
}

// stop stops the system cleanly, as Ctrl-C does. If it is not running, nothing happens.
func (s *system) stop() error {
	if s.cancel == nil {
		return nil
	}
	s.cancel()
	<-s.ended
	s.cancel = nil
	return s.err
}

// showLogs prints the last warnings and errors of each function.
func (s *system) showLogs() {
	if s.cancel == nil {
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	for name := range s.Functions {
		var page struct{ Events []struct{ Message string } }
		ask := map[string]string{"logGroupName": "/aws/lambda/" + local.StackName + "-" + name}
		if _, err := s.CloudWatch(ctx, "logs", "Logs_20140328.FilterLogEvents", ask, &page); err != nil {
			continue
		}
		const most = 15
		var bad []string
		for _, e := range page.Events {
			if strings.Contains(e.Message, `"level":"WARN"`) || strings.Contains(e.Message, `"level":"ERROR"`) || strings.Contains(e.Message, "panic") {
				bad = append(bad, e.Message)
			}
		}
		for _, line := range bad[max(0, len(bad)-most):] {
			fmt.Fprintf(os.Stderr, "%s: %s\n", name, strings.TrimSpace(line))
		}
	}
}

// need returns the running system, or skips the test and says why there is none.
func need(t *testing.T) *system {
	t.Helper()
	if os.Getenv("PARLEY_TEST_AWS") == "" {
		t.Skip("PARLEY_TEST_AWS is not set: make test sets it, and starts a local system for these tests")
	}
	files := append([]string{installed.FFmpegFile, installed.ASRFile, installed.GOPFile, installed.WhisperFile, installed.VADFile, installed.DictFile, installed.PhoneLoopFile, installed.VoiceFile, installed.CAMPlusFile, installed.SegmentationFile}, installed.AcousticFiles...)
	if err := installed.Missing(installed.Dir(), files...); err != nil {
		t.Skip(err)
	}
	running.once.Do(func() { running.broken = running.start(0) })
	if running.broken != nil {
		t.Fatal(running.broken)
	}
	return running
}

// heavy is need for a test that takes minutes.
func heavy(t *testing.T) *system {
	t.Helper()
	if os.Getenv("PARLEY_HEAVY") == "" {
		t.Skip("PARLEY_HEAVY is not set: make test-all runs this")
	}
	return need(t)
}

// restart stops the system and starts it again.
func (s *system) restart(t *testing.T, deadline time.Duration) {
	t.Helper()
	s.broken = errors.Join(s.stop(), s.start(deadline))
	if s.broken != nil {
		t.Fatal(s.broken)
	}
}

// faults sets faults until the test ends.
func (s *system) faults(t *testing.T, specs ...string) {
	t.Helper()
	must(t, local.SetFaults(s.data(), specs))
	t.Cleanup(func() {
		if err := local.ClearFaults(s.data()); err != nil {
			t.Error(err)
		}
	})
}

// processes lists the system's processes on a data folder that run this function, or any function
// if it is empty.
func processes(dir, function string) []int {
	all, err := local.Processes(filepath.Join(dir, "data"))
	if err != nil {
		return nil // only for a working directory that is gone
	}
	var pids []int
	for _, p := range all {
		if function == "" || p.Function == function {
			pids = append(pids, p.PID)
		}
	}
	return pids
}

// kill kills processes of a function, as a failing machine would, and returns their number.
func (s *system) kill(function string) int {
	n := 0
	for _, pid := range processes(s.dir, function) {
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			n++
		}
	}
	return n
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
