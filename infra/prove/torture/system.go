package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"parley/infra/local"
	"parley/infra/local/operate"
	"parley/shared/clock"
	"parley/shared/engine/deployment"
	"parley/shared/engine/run"
	"parley/shared/engine/store/dynamo"
	"parley/shared/speech"
)

const (
	sweepEvery = 2 * time.Second
	pollEvery  = time.Second
	// startPatience is how long a start may take, including building and deploying the first time.
	startPatience = 8 * time.Minute
	logPatience   = time.Minute
)

// system is a local system that is stopped and restarted on the same data and address.
type system struct {
	dir, addr string
	local     local.System
	cancel    context.CancelFunc
	ended     chan struct{}
	err       error // how it ended; read after ended
	mu        sync.Mutex
	admin     *deployment.System
	// cut and crashed count the invocations that were cut short and the processes that died by
	// themselves, by function.
	cut, crashed map[string]int
	begun        map[begun]int
	looked       time.Time // when the functions' logs were last read
}

// begun identifies a part of a run in process; the functions' logs tell how often it began.
type begun struct {
	run  run.ID
	part string
}

func newSystem(dir string) (*system, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return &system{dir: dir, addr: l.Addr().String(), cut: map[string]int{}, crashed: map[string]int{}, begun: map[begun]int{}}, l.Close()
}

func (s *system) data() string { return filepath.Join(s.dir, "data") }

func (s *system) start(ctx context.Context) error {
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ready, ended := make(chan local.System, 1), make(chan struct{})
	s.cancel, s.ended = cancel, ended
	cfg := local.Config{Addr: s.addr, Data: s.data(), SweepEvery: sweepEvery, PollEvery: pollEvery,
		Progress: func(line string) {
			// These fail here, as intended.
			if !strings.HasPrefix(line, "sweep: ") && !strings.HasPrefix(line, "warm: ") {
				progress("%s", line)
			}
		},
		Ready: func(_ context.Context, sys local.System) error { ready <- sys; return nil }}
	go func() {
		defer close(ended)
		s.err = local.Run(running, cfg)
	}()
	select {
	case s.local = <-ready:
	case <-ended:
		return errors.Join(errors.New("the system stopped before it was ready"), s.err)
	case <-time.After(startPatience):
		return errors.Join(errors.New("the system did not start in time"), s.stop())
	}
	admin, err := operate.OpenLocal(ctx, s.local)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.admin = admin
	return err
}

// tables returns the system's tables, even while it is stopped: then they answer with errors.
func (s *system) tables() *dynamo.Store {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.admin.Tables
}

// stop stops the system cleanly, as Ctrl-C does, and reads from its log what happened. If it is not
// running, nothing happens.
func (s *system) stop() error {
	if s.cancel == nil {
		return nil
	}
	events := s.countEvents()
	s.cancel()
	<-s.ended
	s.cancel = nil
	left, err := local.Processes(s.data())
	if len(left) > 0 {
		err = errors.Join(err, fmt.Errorf("processes outlived the system: %v", left))
	}
	return errors.Join(s.err, err, events, s.countCuts())
}

var exited = regexp.MustCompile(`Lambda (?:` + local.StackName + `-)?(\w+): Runtime exited before returning a response`)

// countCuts reads the emulator's log, which begins anew with each start.
func (s *system) countCuts() error {
	raw, err := os.ReadFile(filepath.Join(s.data(), "aws", "log"))
	if err != nil {
		return fmt.Errorf("read the emulator's log: %w", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if m := exited.FindStringSubmatch(lines.Text()); m != nil {
			s.cut[m[1]]++
		}
	}
	return lines.Err()
}

// countEvents reads from the functions' logs, since its last call, which writes were the last of
// their processes, and how often each part began.
func (s *system) countEvents() error {
	ctx, stop := context.WithTimeout(context.Background(), logPatience)
	defer stop()
	since := s.looked
	s.looked = clock.Real{}.Now()
	for name := range s.local.Functions {
		var page struct{ Events []struct{ Message string } }
		ask := map[string]any{"logGroupName": "/aws/lambda/" + local.StackName + "-" + name, "startTime": since.UnixMilli()}
		if _, err := s.local.CloudWatch(ctx, "logs", "Logs_20140328.FilterLogEvents", ask, &page); err != nil {
			return fmt.Errorf("read the log of %s: %w", name, err)
		}
		for _, e := range page.Events {
			var event struct {
				Msg, Operation, Part string
				Run                  run.ID
			}
			switch err := json.Unmarshal([]byte(strings.TrimSpace(e.Message)), &event); {
			case err != nil: // the runtime's or the SDK's
			case event.Msg == "fault injected" && event.Operation != "":
				s.crashed[name+" "+event.Operation]++
			case event.Msg == "part started":
				s.begun[begun{event.Run, event.Part}]++
			}
		}
	}
	return nil
}

// leap makes the messages that nobody finished visible now, instead of after their visibility
// timeouts of up to half an hour: it stops the system and puts its queues' clock forward.
func (s *system) leap(ctx context.Context) (came int, err error) {
	if err := s.stop(); err != nil {
		return 0, err
	}
	path := filepath.Join(s.data(), "aws", "state", "sqs.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("advance the queues' clock: %w", err)
	}
	hidden := regexp.MustCompile(`"visible_at": ?[0-9.]+`)
	came = len(hidden.FindAll(raw, -1))
	if err := os.WriteFile(path, hidden.ReplaceAll(raw, []byte(`"visible_at": 0`)), 0o644); err != nil {
		return 0, fmt.Errorf("advance the queues' clock: %w", err)
	}
	return came, s.start(ctx)
}

// depths returns the numbers of messages in all queues: alive (waiting or in flight) and dead.
func (s *system) depths(ctx context.Context) (alive, dead int, err error) {
	for _, stage := range speech.Service.Stages {
		d, err := s.admin.Queues.Depth(ctx, stage.Name)
		if err != nil {
			return 0, 0, err
		}
		alive += d.All()
	}
	letters, err := s.admin.Queues.Dead(ctx)
	return alive, letters.All(), err
}

// summary is the result of a session.
type summary struct {
	Seed     uint64         `json:"seed"`
	Rounds   int            `json:"rounds"`
	Seconds  int            `json:"seconds"`
	Restarts int            `json:"restarts"`
	Killed   map[string]int `json:"killed"` // killed processes, by function
	Cut      map[string]int `json:"cut"`    // invocations that lost their process, by function
	// of those: died by themselves, by function and the write before
	Crashed  map[string]int `json:"crashed"`
	Runs     map[string]int `json:"runs"`    // by kind and end
	Submits  int            `json:"submits"` // accepted
	Retried  int            `json:"retried"` // submits that were sent more than once
	Replayed int            `json:"replayed"`
	Revived  int            `json:"revived"` // runs that needed a further attempt
	Lost     int            `json:"lost"`
	Stuck    int            `json:"stuck"`
	// Runs that ended otherwise than their recording requires, without a cause that excuses it.
	OtherEnds int `json:"otherEnds"`
	// Runs that failed because a part was killed as often as its messages are delivered.
	Struck int `json:"struck"`
	Audits int `json:"audits"`
	// Messages of killed functions that came back at the end.
	Returned   int      `json:"returned"`
	DeadLeft   int      `json:"deadLeft"`
	AliveLeft  int      `json:"aliveLeft"`
	Violations []string `json:"violations"`
}

func (s *summary) violate(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	progress("VIOLATION: %s", text)
	s.Violations = append(s.Violations, text)
}
