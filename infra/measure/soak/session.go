package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"parley/infra/local"
	"parley/infra/measure/live"
	"parley/shared/client"
	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/run"

	"net/http"
)

// phase is a part of a round.
type phase struct {
	faults  []string
	lasting time.Duration
	// idle: nothing is submitted, and it begins once all runs have ended.
	idle bool
	// probed: a client submits and polls every few seconds, also while all others are idle, so that
	// a fault of the API is met.
	probed bool
	// throttled functions have no concurrency left: it is reserved, and is none.
	throttled []string
	// alarms must go off because of it.
	alarms []string
}

// phases are one round. Between dead letters there are more than ten minutes, or an alarm for those
// that keep coming would be right to go off.
var phases = []phase{
	{lasting: time.Minute},
	{faults: []string{"accent=error"}, lasting: 4 * time.Minute, alarms: []string{"dead-letters"}},
	{lasting: 10 * time.Second, idle: true},
	// Each process dies at its first write. It is too short for the sweep's failures to be an
	// alarm.
	{faults: []string{"write=crash:1"}, lasting: 50 * time.Second, idle: true, probed: true, alarms: []string{"release-errors", "server-errors"}},
	// Three minutes in a row are an alarm, wherever they begin.
	{throttled: []string{"submit", "poll"}, lasting: 4*time.Minute + 30*time.Second, idle: true, probed: true, alarms: []string{"throttled-submit", "throttled-poll", "release-errors", "server-errors"}},
	{faults: []string{"vocabulary=drop"}, lasting: 7 * time.Minute, alarms: []string{"stuck-runs"}},
	{lasting: 2 * time.Minute},
}

const (
	feeders = 3
	slots   = 1
	// probeEvery is the time between two submits of the client that probes the API.
	probeEvery = 3 * time.Second
	// drainPatience is how long the runs may take to end before an idle phase.
	drainPatience = 6 * time.Minute
)

// session is a running soak.
type session struct {
	sys    *live.System
	into   *measured
	logs   *reader
	rounds int

	mu     sync.Mutex
	idle   bool
	probed bool
	open   int
	runs   []run.ID
}

// run goes through the phases until the end, and then until the end of the round.
func (s *session) run(ctx context.Context, dir string, end time.Time) error {
	path, err := live.Recording(ctx, dir, "short", live.Short)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	var beside sync.WaitGroup
	defer beside.Wait()
	defer stop()
	for i := range feeders {
		c, _, _, err := s.client(ctx, fmt.Sprintf("soak %d", i))
		if err != nil {
			return err
		}
		beside.Go(func() { s.feed(ctx, c, path) })
	}
	probe, _, _, err := s.client(ctx, "soak probe")
	if err != nil {
		return err
	}
	beside.Go(func() { s.probe(ctx, probe, path) })
	for ; s.rounds == 0 || time.Now().Before(end); s.rounds++ {
		if err := s.audit(ctx); err != nil {
			return err
		}
		for _, p := range phases {
			if err := s.phase(ctx, p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *session) client(ctx context.Context, name string) (*client.Client, account.ID, string, error) {
	const plenty = 1_000_000
	c, id, key, err := s.sys.Client(ctx, name, plenty, slots)
	if err == nil {
		c.Through(watched{http.DefaultTransport, s.into})
	}
	return c, id, key, err
}

// phase sets the faults, waits, and measures meanwhile.
func (s *session) phase(ctx context.Context, p phase) error {
	s.mu.Lock()
	s.idle, s.probed = p.idle, false
	s.mu.Unlock()
	if p.idle {
		if err := s.drain(ctx); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stderr, "%s faults %s, throttled %s for %s\n", time.Now().Format(time.TimeOnly), strings.Join(p.faults, " "), strings.Join(p.throttled, " "), p.lasting)
	if err := s.sys.Faults(p.faults...); err != nil {
		return err
	}
	free, err := throttle(ctx, p.throttled)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.probed = p.probed
	s.mu.Unlock()
	for end := time.Now().Add(p.lasting); time.Now().Before(end); {
		if err := errors.Join(ages(ctx, s.sys, s.into), s.logs.read(ctx)); err != nil {
			return err
		}
		if err := clock.Sleep(ctx, min(lookEvery, max(time.Until(end), 0))); err != nil {
			return err
		}
	}
	return errors.Join(s.sys.Faults(), free())
}

// throttle leaves functions without concurrency, until free is called.
func throttle(ctx context.Context, functions []string) (free func() error, err error) {
	base, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, err
	}
	api := lambda.NewFromConfig(base)
	for _, f := range functions {
		_, err = api.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{
			FunctionName: aws.String(local.StackName + "-" + f), ReservedConcurrentExecutions: aws.Int32(0)})
		if err != nil {
			return nil, err
		}
	}
	return func() error {
		var all error
		for _, f := range functions {
			_, err := api.DeleteFunctionConcurrency(ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: aws.String(local.StackName + "-" + f)})
			all = errors.Join(all, err)
		}
		return all
	}, nil
}

// drain waits until no run is open.
func (s *session) drain(ctx context.Context) error {
	for end := time.Now().Add(drainPatience); ; {
		s.mu.Lock()
		open := s.open
		s.mu.Unlock()
		switch {
		case open == 0:
			return nil
		case time.Now().After(end):
			return fmt.Errorf("%d runs have not ended in %s", open, drainPatience)
		}
		if err := clock.Sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}

// feed submits a run whenever its last one has ended.
func (s *session) feed(ctx context.Context, c *client.Client, path string) {
	for n := 0; ctx.Err() == nil; n++ {
		s.mu.Lock()
		idle := s.idle
		if !idle {
			s.open++
		}
		s.mu.Unlock()
		if idle {
			_ = clock.Sleep(ctx, time.Second) // the loop sees that ctx has ended
			continue
		}
		a, err := c.Submit(ctx, path, client.Options{IdempotencyKey: fmt.Sprint("soak-", n)})
		if err == nil {
			s.mu.Lock()
			s.runs = append(s.runs, a.ID)
			s.mu.Unlock()
			_, err = c.Wait(ctx, a.ID, nil)
		}
		s.mu.Lock()
		s.open--
		s.mu.Unlock()
		if err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "run:", err)
			_ = clock.Sleep(ctx, time.Second) // as above
		}
	}
}

// probe submits and polls in the phases that ask for it.
func (s *session) probe(ctx context.Context, c *client.Client, path string) {
	for n := 0; ctx.Err() == nil; n++ {
		s.mu.Lock()
		probed := s.probed
		s.mu.Unlock()
		if probed {
			// Their errors are counted on the way.
			var both sync.WaitGroup
			both.Go(func() { _, _ = c.Submit(ctx, path, client.Options{IdempotencyKey: fmt.Sprint("probe-", n)}) })
			// There is no such run, but the function must be called to say so.
			both.Go(func() { _, _ = c.Poll(ctx, "req_probe") })
			both.Wait()
		}
		_ = clock.Sleep(ctx, probeEvery) // the loop sees that ctx has ended
	}
}

// audit runs the nightly audit.
func (s *session) audit(ctx context.Context) error {
	base, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	out, err := lambda.NewFromConfig(base).Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(local.StackName + "-audit"), Payload: []byte("{}")})
	if err != nil {
		return err
	}
	if out.FunctionError != nil {
		s.into.add(name("AWS/Lambda", "Errors", "FunctionName="+local.StackName+"-audit"), point{time.Now(), 1})
	}
	return nil
}

// ended says how the runs ended.
func (s *session) ended(ctx context.Context) string {
	counts := map[string]int{}
	s.mu.Lock()
	ids := slices.Clone(s.runs)
	s.mu.Unlock()
	for _, id := range ids {
		r, err := s.sys.Admin.Tables.Get(ctx, id)
		if err != nil {
			counts["unread"]++
			continue
		}
		end := string(r.Status)
		if r.Failure != nil {
			end += " " + string(r.Failure.Code)
		}
		counts[end]++
	}
	return fmt.Sprintf("%d runs %v", len(ids), counts)
}
