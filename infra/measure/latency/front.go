package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"parley/shared/api"
	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/engine/store/memory"
	"parley/shared/speech"
	"parley/shared/speech/audio"
	"parley/shared/speech/installed"
)

// front is what the handlers run on, with one client that no limit stops from submitting.
type front struct {
	store   *memory.Store
	objects *bucket
	deps    api.Deps
	client  account.ID
	secret  string
}

// bucket keeps small objects. It reads recordings to their end, as sending them would, and discards
// them.
type bucket struct{ memory.Objects }

// keptBytes is larger than a report and smaller than a recording.
const keptBytes = 2 << 20

// Put implements pipeline.Objects.
func (b *bucket) Put(ctx context.Context, key, kind string, body io.ReadSeeker, size int64) error {
	if size <= keptBytes {
		return b.Objects.Put(ctx, key, kind, body, size)
	}
	n, err := io.Copy(io.Discard, body)
	if err == nil && n != size {
		err = fmt.Errorf("latency: %d bytes of %d", n, size)
	}
	return err
}

const (
	muchCredit = 100_000_000
	manyRuns   = 1_000_000 // all at once: none waits
	noRate     = 1_000_000
)

func newFront(ctx context.Context, dir string) (*front, error) {
	f := &front{store: memory.New(), objects: &bucket{}}
	clk := clock.Real{}
	f.deps = api.Deps{Service: speech.Service, Runs: f.store, Limits: f.store, Accounts: f.store, Clock: clk, Random: rand.Reader, Log: slog.New(slog.DiscardHandler),
		Objects: f.objects, Sender: &memory.Queue{}, Prober: audio.Prober{FFmpeg: installed.FFmpeg(installed.Dir())}, Budget: pipeline.Budget(0), PollEvery: 10 * time.Second, TempDir: dir}
	var err1, err2, err3 error
	f.client, err1 = account.NewID(rand.Reader)
	key, err2 := account.NewKeyID(rand.Reader)
	f.secret, err3 = account.NewSecret(rand.Reader)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	k := account.Remember(key, f.client, f.secret, clk.Now())
	k.Rate = noRate
	client := account.Client{ID: f.client, Active: true, ConcurrentRuns: manyRuns, Permissions: []account.Permission{account.PermissionSpeech}, CreatedAt: clk.Now()}
	_, err := f.store.Grant(ctx, f.client, muchCredit, "", clk.Now())
	return f, errors.Join(err, f.store.PutClient(ctx, client), f.store.PutKey(ctx, k), f.store.SetReady(ctx, run.Readiness{At: clk.Now()}))
}

// accept stores a run of four minutes as a submit does.
func (f *front) accept(ctx context.Context) (run.Run, error) {
	id, err := run.NewID(rand.Reader)
	if err != nil {
		return run.Run{}, err
	}
	const length = 4 * time.Minute
	now := f.deps.Clock.Now()
	r, _, err := f.store.Submit(ctx, run.Submission{
		Run: run.Run{ID: id, Client: f.client, Attempt: 1, CreatedAt: now, Cost: 4, Length: length, Material: speech.File{Format: "mp3", SizeBytes: recordingBytes}.Document(),
			Request: run.Request{Asked: speech.Request{Language: api.DefaultLanguage}.Document()}},
		Terms: speech.Service.Terms(length, manyRuns, f.deps.Budget)}, now)
	return r, err
}
