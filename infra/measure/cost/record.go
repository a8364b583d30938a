package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/prometheus/procfs"

	"parley/infra/measure/usage"
	"parley/infra/prove/house"
	"parley/shared/api"
	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/credit"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/engine/store/memory"
	"parley/shared/process"
	"parley/shared/speech"
	"parley/shared/speech/engines"
	"parley/shared/speech/installed"
	"parley/shared/speech/stages"
)

// copies is how often the interview is joined to make the long recording: a quarter of an hour, in
// which each stage that listens to a sample has one of full length.
const copies = 4

// record measures two runs and the schedules.
func record(ctx context.Context, interview, command string) (usage.Measured, error) {
	sound, err := os.ReadFile(interview)
	if err != nil {
		return usage.Measured{}, fmt.Errorf("cost: %w", err)
	}
	m := usage.Measured{Command: command, Date: clock.Real{}.Now().UTC().Format(time.DateOnly), Machine: machine()}
	e := engines.Open(installed.Dir(), "", 1)
	defer func() { _ = e.Close() }()
	r := recorder{engines: e}
	if m.Interview, err = r.run(ctx, filepath.Base(interview), sound); err != nil {
		return m, err
	}
	if m.Idle, err = r.idle(ctx); err != nil {
		return m, err
	}
	if err := usage.Save(m); err != nil { // whatever becomes of the long one
		return m, err
	}
	m.Long, err = r.run(ctx, fmt.Sprintf("%s, joined %d times", filepath.Base(interview), copies), bytes.Repeat(sound, copies))
	return m, err
}

func machine() string {
	name := runtime.GOARCH
	if fs, err := procfs.NewDefaultFS(); err == nil {
		if cpus, err := fs.CPUInfo(); err == nil && len(cpus) > 0 {
			name = cpus[0].ModelName
		}
	}
	return fmt.Sprintf("%s, %d processors, %s/%s, %s", name, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
}

// recorder measures runs with the real engines, one of each, warm but for the first run.
type recorder struct{ engines *engines.Engines }

// open returns a house with the real engines, and what counts its requests.
func (r recorder) open(ctx context.Context) (*house.House, *counted, error) {
	h, err := house.New(ctx, clock.Real{})
	if err != nil {
		return nil, nil, err
	}
	c := &counted{Objects: &memory.Objects{}, Store: h.Store, calls: map[string]usage.Call{}, lines: map[string]int{}}
	h.Objects, h.Tables, h.Prober, h.Log, h.Metrics = c, tables{c.Store, c}, r.engines.Prober(), c, c
	h.Works = stages.Works{Record: r.engines.Decoder().Record, Recogniser: r.engines.Whisper, Voices: r.engines.Voices, Aligner: r.engines.Aligner, Listener: r.engines.Whisper}
	// A loaded machine is slow, but uses the same processor time.
	h.Before, h.Patience = c.invoked, time.Hour
	return h, c, nil
}

func (r recorder) run(ctx context.Context, name string, sound []byte) (usage.Run, error) {
	h, c, err := r.open(ctx)
	if err != nil {
		return usage.Run{}, err
	}
	u := usage.Run{Recording: name, Bytes: int64(len(sound)), Answers: map[string]int{}}
	event, err := submission(sound)
	if err != nil {
		return u, err
	}
	a, err := h.Call(ctx, "submit", api.Submit, event)
	if err != nil {
		return u, err
	}
	var accepted struct {
		ID    run.ID `json:"id"`
		Audio struct {
			DurationMs int64 `json:"durationMs"`
		} `json:"audio"`
	}
	if err := json.Unmarshal([]byte(a.Body), &accepted); err != nil || a.StatusCode != http.StatusAccepted {
		return u, fmt.Errorf("cost: the submit was answered with %d %s (%w)", a.StatusCode, a.Body, err)
	}
	u.Seconds, u.Answers["submit"] = float64(accepted.Audio.DurationMs)/1000, len(a.Body)
	poll := events.APIGatewayProxyRequest{HTTPMethod: http.MethodGet, Path: api.Base + "/speech/analyze/" + string(accepted.ID)}
	before := c.reads
	if a, err = h.Call(ctx, "poll", api.Poll, poll); err != nil {
		return u, err
	}
	u.Poll, u.PollReads, u.Answers["poll"] = c.calls["poll"], c.reads-before, len(a.Body)
	delete(c.calls, "poll")
	c.reads, c.writes = before, 1 // the polls are counted by themselves, with their writes
	if err := h.Drain(ctx); err != nil {
		return u, err
	}
	reads, writes := c.reads, c.writes
	if a, err = h.Call(ctx, "poll", api.Poll, poll); err != nil {
		return u, err
	}
	u.Answers["result"] = len(a.Body)
	if r, err := h.Store.Get(ctx, accepted.ID); err != nil || r.Status != run.Success {
		return u, fmt.Errorf("cost: the run ended as %s: %s (%w)", r.Status, r.Reason, err)
	}
	u.Calls, u.Parts, u.Objects, u.Tables, u.Messages, u.LogBytes = maps.Clone(c.calls), c.parts, c.objects, usage.Tables{Reads: reads, Writes: writes}, h.Sent(), c.lines
	delete(u.Calls, "poll")
	for key, size := range c.sizes {
		switch {
		case strings.HasPrefix(key, pipeline.AudioPrefix):
			u.Objects.Recording += size
		case strings.HasPrefix(key, pipeline.WorkPrefix):
			u.Objects.Work += size
		case strings.HasPrefix(key, pipeline.ReportPrefix):
			u.Objects.Report += size
		}
	}
	return u, nil
}

func submission(sound []byte) (events.APIGatewayProxyRequest, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("audio", "interview")
	if err == nil {
		_, err = part.Write(sound)
	}
	if err == nil {
		err = w.Close()
	}
	return events.APIGatewayProxyRequest{HTTPMethod: http.MethodPost, Path: api.Base + "/speech/analyze", Body: base64.StdEncoding.EncodeToString(b.Bytes()), IsBase64Encoded: true,
		MultiValueHeaders: map[string][]string{"Content-Type": {w.FormDataContentType()}}}, err
}

// idle measures a sweep that finds nothing, and one probe of each stage with warm engines.
func (r recorder) idle(ctx context.Context) (usage.Idle, error) {
	h, c, err := r.open(ctx)
	if err != nil {
		return usage.Idle{}, err
	}
	if err := h.Sweep(ctx); err != nil {
		return usage.Idle{}, err
	}
	out := usage.Idle{Sweep: c.calls["sweep"], SweepReads: c.reads, Writes: c.writes, Lists: c.objects.Lists, LogBytes: c.lines["sweep"]}
	for _, row := range speech.Service.Stages {
		if len(row.Layers) == 0 {
			continue
		}
		done := c.invoked("probe")
		for _, l := range row.Layers {
			if err := r.engines.Ready(ctx, l); err != nil {
				return out, fmt.Errorf("cost: %s is not ready: %w", row.Name, err)
			}
		}
		done()
	}
	out.Probe = c.calls["probe"]
	return out, nil
}

// counted is the bucket, the log and the clock of the functions, and counts.
type counted struct {
	pipeline.Objects
	Store house.Tables

	calls         map[string]usage.Call
	parts         []usage.Part
	objects       usage.Objects
	sizes         map[string]int64
	reads, writes int
	lines         map[string]int
	now           string // the function at work
}

// Write implements io.Writer: the functions' log and measurements.
func (c *counted) Write(line []byte) (int, error) {
	c.lines[c.now] += len(line)
	return len(line), nil
}

// invoked measures one invocation.
func (c *counted) invoked(function string) func() {
	c.now = function
	cpu, began := processor(), clock.Real{}.Now()
	return func() {
		used, took := processor()-cpu, clock.Real{}.Now().Sub(began).Seconds()
		all := c.calls[function]
		c.calls[function] = usage.Call{Times: all.Times + 1, CPUSeconds: round(all.CPUSeconds + used), Seconds: round(all.Seconds + took)}
		if _, err := speech.Service.Lookup(run.Stage(function)); err == nil {
			c.parts = append(c.parts, usage.Part{Stage: run.Stage(function), CPUSeconds: round(used), Seconds: round(took)})
		}
	}
}

func round(v float64) float64 { return float64(int64(v*1000+0.5)) / 1000 }

// processor is the processor time of this process and of its children, in s.
func processor() float64 { return process.Used().Seconds() }

// Put implements pipeline.Objects.
func (c *counted) Put(ctx context.Context, key, kind string, body io.ReadSeeker, size int64) error {
	c.objects.Puts++
	if c.sizes == nil {
		c.sizes = map[string]int64{}
	}
	c.sizes[key] = size
	return c.Objects.Put(ctx, key, kind, body, size)
}

// Get implements pipeline.Objects.
func (c *counted) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, int64, error) {
	c.objects.Gets++
	return c.Objects.Get(ctx, key, offset, length)
}

// Size implements pipeline.Objects.
func (c *counted) Size(ctx context.Context, key string) (int64, error) {
	c.objects.Gets++
	return c.Objects.Size(ctx, key)
}

// List implements pipeline.Objects.
func (c *counted) List(ctx context.Context, prefix, after string, limit int) ([]pipeline.Object, error) {
	c.objects.Lists++
	return c.Objects.List(ctx, prefix, after, limit)
}

// tables counts the reads, and the writes that are not the run's own.
type tables struct {
	house.Tables
	c *counted
}

// The reads: one unit each, because every item is below 4 KB.

func (t tables) Get(ctx context.Context, id run.ID) (run.Run, error) {
	t.c.reads++
	return t.Tables.Get(ctx, id)
}

func (t tables) Client(ctx context.Context, id account.ID) (account.Client, error) {
	t.c.reads++
	return t.Tables.Client(ctx, id)
}

func (t tables) KeyByHash(ctx context.Context, hash string) (account.Key, account.Client, error) {
	t.c.reads += 2 // the key and its client
	return t.Tables.KeyByHash(ctx, hash)
}

func (t tables) Ready(ctx context.Context) (run.Readiness, error) {
	t.c.reads++
	return t.Tables.Ready(ctx)
}

func (t tables) Window(ctx context.Context, scope string, limit int, length time.Duration, now time.Time) (bool, int, time.Time, error) {
	t.c.reads++
	return t.Tables.Window(ctx, scope, limit, length, now)
}

func (t tables) Allow(ctx context.Context, scope string, limit int, length time.Duration, now time.Time) (bool, int, time.Time, error) {
	t.c.writes++
	return t.Tables.Allow(ctx, scope, limit, length, now)
}

func (t tables) Poll(ctx context.Context, id run.ID, every time.Duration, now time.Time) (time.Duration, error) {
	t.c.writes++
	return t.Tables.Poll(ctx, id, every, now)
}

func (t tables) SetCursor(ctx context.Context, walk, at string) error {
	t.c.writes++
	return t.Tables.SetCursor(ctx, walk, at)
}

func (t tables) Cursor(ctx context.Context, walk string) (string, error) {
	t.c.reads++
	return t.Tables.Cursor(ctx, walk)
}

// dueShards is how many queries look for due runs, as in the store's schema.
const dueShards = 4

func (t tables) Due(ctx context.Context, before time.Time, limit int) ([]run.ID, error) {
	t.c.reads += dueShards
	return t.Tables.Due(ctx, before, limit)
}

func (t tables) Waiting(ctx context.Context, limit int) ([]account.ID, error) {
	t.c.reads++
	return t.Tables.Waiting(ctx, limit)
}

// Account, Promote and the other transitions read the account and the run before they write.

func (t tables) Account(ctx context.Context, id account.ID) (a credit.Account, err error) {
	t.c.reads++
	return t.Tables.Account(ctx, id)
}

func (t tables) Promote(ctx context.Context, client account.ID, terms run.Terms, now time.Time) (run.Run, error) {
	t.c.reads++
	return t.Tables.Promote(ctx, client, terms, now)
}

func (t tables) Submit(ctx context.Context, s run.Submission, now time.Time) (run.Run, bool, error) {
	t.c.reads++
	return t.Tables.Submit(ctx, s, now)
}

func (t tables) End(ctx context.Context, seen run.Run, o run.Outcome, now time.Time) (run.Run, error) {
	t.c.reads += 2
	return t.Tables.End(ctx, seen, o, now)
}
