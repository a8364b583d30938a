package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/infra/measure/live"
	"parley/shared/client"
	"parley/shared/engine/run"
)

// inFlight bounds the requests that wait for an answer. What would exceed it is not sent, and
// counted.
const inFlight = 2000

// answered is what became of the requests of one kind.
type answered struct {
	name string
	want int // the expected status

	mu      sync.Mutex
	took    []time.Duration
	other   map[string]int // unexpected answers
	dropped int            // not sent: too many were waiting
}

// fire sends one request and notes its answer.
func (a *answered) fire(c *http.Client, req *http.Request) {
	began := time.Now()
	res, err := c.Do(req)
	took := time.Since(began)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err != nil:
		a.other["no answer: "+cause(err)]++
		return
	case res.StatusCode != a.want:
		a.other[res.Status]++
	}
	a.took = append(a.took, took)
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
}

// cause is an error without the address, which would make each one different.
func cause(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err.Error()
	}
	return err.Error()
}

// line says what was answered, and how soon.
func (a *answered) line(lasting time.Duration) string {
	slices.Sort(a.took)
	at := func(share float64) time.Duration {
		if len(a.took) == 0 {
			return 0
		}
		return a.took[min(int(share*float64(len(a.took))), len(a.took)-1)].Round(time.Millisecond)
	}
	return fmt.Sprintf("%s: %d answered, %.1f a second; p50 %s, p99 %s, longest %s; %d not sent; unexpected %v",
		a.name, len(a.took), float64(len(a.took))/lasting.Seconds(), at(0.5), at(0.99), at(1), a.dropped, a.other)
}

// warmth is how long the load goes on before it is measured, so that copies of the functions run.
const warmth = 15 * time.Second

// flood sends polls of a run that has ended, and submits without a recording, each at its rate.
func flood(ctx context.Context, out io.Writer, sys *live.System, m *memories, o options) error {
	if o.lasting == 0 {
		return nil
	}
	c, _, key, err := sys.Client(ctx, "flood", 100, 1)
	if err != nil {
		return err
	}
	id, err := ended(ctx, c, m.dir)
	if err != nil {
		return err
	}
	if err := m.note("before the load"); err != nil {
		return err
	}
	f := flooding{o: o, base: sys.URL + "/api/v1/speech/analyze", key: key, id: id,
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: inFlight, MaxConnsPerHost: inFlight}, Timeout: time.Minute}}
	f.both(ctx, warmth)
	if err := m.note("warm"); err != nil {
		return err
	}
	began := time.Now()
	polls, submits := f.both(ctx, o.lasting)
	took := time.Since(began)
	if err := m.note("after the load"); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%d polls and %d refused submits a second for %s; the last answer after %s\n%s\n%s\n",
		o.polls, o.submits, o.lasting, took.Round(time.Second), polls.line(took), submits.line(took))
	if n := len(polls.other) + len(submits.other) + polls.dropped + submits.dropped; n > 0 {
		err = errors.Join(err, errors.New("some requests were not sent or had an unexpected answer"))
	}
	return err
}

// flooding is what the load is made of.
type flooding struct {
	o      options
	base   string // the address to submit to
	key    string
	id     run.ID // of the run that is polled
	client *http.Client
}

// both sends polls and submits for a while, and returns what became of them.
func (f flooding) both(ctx context.Context, lasting time.Duration) (polls, submits *answered) {
	ctx, stop := context.WithTimeout(ctx, lasting+time.Minute)
	defer stop()
	polls = &answered{name: "polls", want: http.StatusOK, other: map[string]int{}}
	submits = &answered{name: "refused submits", want: http.StatusBadRequest, other: map[string]int{}}
	var both sync.WaitGroup
	both.Go(func() {
		steady(ctx, f.o.polls, lasting, polls, f.client, func() *http.Request { return request(ctx, http.MethodGet, f.base+"/"+string(f.id), f.key, "") })
	})
	both.Go(func() {
		steady(ctx, f.o.submits, lasting, submits, f.client, func() *http.Request {
			return request(ctx, http.MethodPost, f.base, f.key, "--b\r\nContent-Disposition: form-data; name=\"language\"\r\n\r\nen\r\n--b--\r\n")
		})
	})
	both.Wait()
	return polls, submits
}

func request(ctx context.Context, method, address, key, body string) *http.Request {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		panic(err) // the address is the system's own
	}
	req.Header.Set("X-Api-Key", key)
	if body != "" {
		req.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	}
	return req
}

// steady fires requests at a rate, whether or not those before were answered, and waits for all
// answers.
func steady(ctx context.Context, rate int, lasting time.Duration, a *answered, c *http.Client, next func() *http.Request) {
	if rate == 0 {
		return
	}
	var waiting sync.WaitGroup
	defer waiting.Wait()
	slots := make(chan struct{}, inFlight)
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for range int(lasting.Seconds() * float64(rate)) {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		select {
		case slots <- struct{}{}:
			waiting.Go(func() {
				defer func() { <-slots }()
				a.fire(c, next())
			})
		default:
			a.mu.Lock()
			a.dropped++
			a.mu.Unlock()
		}
	}
}

// ended submits silence, which ends soonest, and returns the run once it has ended.
func ended(ctx context.Context, c *client.Client, dir string) (run.ID, error) {
	path, err := live.Recording(ctx, dir, "silence", "volume=0,atrim=end=185")
	if err != nil {
		return "", err
	}
	a, err := c.Submit(ctx, path, client.Options{})
	if err != nil {
		return "", err
	}
	r, err := c.Wait(ctx, a.ID, nil)
	return r.ID, err
}
