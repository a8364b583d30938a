package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"parley/shared/api"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/speech"
)

const (
	pollTimeout = 10 * time.Second
	// endedRuns is how many ended runs are polled in turn. A run in process is polled at most once
	// in twice PollEvery.
	endedRuns = 50
	// reportWords is the number of words in a report's transcript: half an hour of interview.
	reportWords = 4000
	// livePolls is how many polls of a run in process come for each poll that reads its end. A
	// client that polls as often as it is asked to makes 8 polls in the first 2 minutes and 6 in
	// the next 3.
	livePolls = 14
)

// poll times polls over loopback HTTP, of runs in process and, now and then, of an ended one.
func poll(ctx context.Context, w io.Writer, dir string, rate int, lasting time.Duration) error {
	f, err := newFront(ctx, dir)
	if err != nil {
		return err
	}
	live, err := f.live(ctx, 2*int(f.deps.PollEvery.Seconds())*rate)
	if err != nil {
		return err
	}
	report, err := sampleReport()
	if err != nil {
		return err
	}
	ended, err := f.ended(ctx, report)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: api.All(f.deps), ReadTimeout: pollTimeout}
	go func() { _ = server.Serve(l) }() // ends with Close
	defer server.Close()
	a := arrivals{rate: rate, lasting: lasting, secret: f.secret, base: "http://" + l.Addr().String() + api.Base + "/speech/analyze/"}
	order := mixed(live, ended)
	before, err1 := processor()
	times, err := a.time(ctx, order)
	after, err2 := processor()
	if err := errors.Join(err, err1, err2); err != nil {
		return err
	}
	var ofLive, ofEnded []time.Duration
	for i, t := range times {
		if i%len(order)%(livePolls+1) == 0 {
			ofEnded = append(ofEnded, t)
		} else {
			ofLive = append(ofLive, t)
		}
	}
	show(w, fmt.Sprintf("poll, %d/s", rate), times, after-before)
	show(w, "of these, of a run in process", ofLive, 0)
	show(w, fmt.Sprintf("of these, of an ended run, %.2f MB", float64(len(report))/1e6), ofEnded, 0)
	return nil
}

// live stores n runs in process.
func (f *front) live(ctx context.Context, n int) ([]run.ID, error) {
	var all []run.ID
	for range n {
		r, err := f.accept(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, r.ID)
	}
	return all, nil
}

// ended stores endedRuns runs that ended with this report.
func (f *front) ended(ctx context.Context, report []byte) ([]run.ID, error) {
	var all []run.ID
	for range endedRuns {
		r, err := f.accept(ctx)
		if err != nil {
			return nil, err
		}
		scores := run.Scores{"vocabulary": 3.5, "fluency": 3.5, "accent": 3.5, "overall": 3.5}
		_, end := f.store.End(ctx, r, run.Succeed(r, speech.Service.Dimensions, scores, speech.Found{Language: api.DefaultLanguage}.Document()), f.deps.Clock.Now())
		put := f.objects.Put(ctx, pipeline.Key(r.ID, r.Attempt, pipeline.Report, 0), "application/json", bytes.NewReader(report), int64(len(report)))
		if err := errors.Join(end, put); err != nil {
			return nil, err
		}
		all = append(all, r.ID)
	}
	return all, nil
}

// mixed returns the order of the polls: an ended run, then livePolls runs in process, and again.
func mixed(live, ended []run.ID) []run.ID {
	var order []run.ID
	for i, id := range live {
		if i%livePolls == 0 {
			order = append(order, ended[i/livePolls%len(ended)])
		}
		order = append(order, id)
	}
	return order
}

// arrivals plans polls at random moments, with this mean rate per second, whether or not earlier
// ones have been answered.
type arrivals struct {
	rate    int
	lasting time.Duration
	secret  string
	base    string
}

// time polls the runs in turn. A poll's time counts from the moment when it was due, so that a poll
// sent late by a busy machine does not look faster (Tene, "How NOT to Measure Latency", 2013). Any
// answer but 200 is an error.
func (a arrivals) time(ctx context.Context, ids []run.ID) ([]time.Duration, error) {
	n := int(a.lasting.Seconds() * float64(a.rate))
	if n <= livePolls+1 {
		return nil, errors.New("-for is too short to poll both kinds of runs")
	}
	transport := &http.Transport{MaxIdleConns: 2 * a.rate, MaxIdleConnsPerHost: 2 * a.rate}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: pollTimeout}
	times, failed := make([]time.Duration, n), make(chan error, n)
	random := rand.New(rand.NewPCG(1, 1))
	var all sync.WaitGroup
	due := time.Now()
	for i := range n {
		due = due.Add(time.Duration(random.ExpFloat64() / float64(a.rate) * float64(time.Second)))
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Until(due)):
		}
		at := due
		all.Go(func() {
			if err := a.one(ctx, client, ids[i%len(ids)]); err != nil {
				failed <- err
			}
			times[i] = time.Since(at)
		})
	}
	all.Wait()
	if len(failed) > 0 {
		return nil, fmt.Errorf("%d of %d polls failed: %w", len(failed), n, <-failed)
	}
	return times, nil
}

func (a arrivals) one(ctx context.Context, client *http.Client, id run.ID) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+string(id), nil)
	if err != nil {
		return err
	}
	req.Header.Set("X-API-Key", a.secret)
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("poll: HTTP %d", res.StatusCode)
	}
	return nil
}

// sampleReport is the documentation's example with half an hour's number of words.
func sampleReport() ([]byte, error) {
	raw, err := os.ReadFile(filepath.FromSlash("shared/api/examples/success.json"))
	if err != nil {
		return nil, err
	}
	var report map[string]any
	if err := json.Unmarshal(raw, &report); err != nil {
		return nil, err
	}
	transcript, _ := report["transcript"].(map[string]any)
	segments, _ := transcript["segments"].([]any)
	words := 0
	for _, s := range segments {
		segment, _ := s.(map[string]any)
		said, _ := segment["words"].([]any)
		words += len(said)
	}
	if words == 0 {
		return nil, errors.New("the example has no words")
	}
	var many []any
	for range (reportWords + words - 1) / words {
		many = append(many, segments...)
	}
	transcript["segments"] = many
	return json.Marshal(report)
}
