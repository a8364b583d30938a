// Package cleanup deletes what nobody needs any more: uploads past their use, recordings past their client's retention, what a
// crash left of an erased run, the work of runs that have ended, and the records of limits that have expired.
//
// What is to go is a pure decision (decide.go). Around it are walks, one through each kind of thing: each tick takes a walk a
// bounded step further and notes where it stands, so that a bucket of any size is walked in the end and no tick takes long. Every
// deletion may be done twice, and a step that was cut off is done again.
package cleanup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
)

// The bounds of a tick. A tick each minute looks at up to Step things of each walk, so that a walk through a million objects takes
// 2,000 ticks, or 33 hours: little against a retention, which counts days. It reads each run once for each of its objects' kinds:
// about a million reads a walk. A system of up to Step things is walked through in one tick, four times an hour.
const (
	// Step is how many things a tick looks at on each walk.
	Step = 500
	// stepTime bounds a step, in real time: five of them fit into the sweep's 55 s, beside the sweep itself.
	stepTime = 6 * time.Second
	// Every is how soon after its beginning a walk begins anew, at the earliest.
	Every = 15 * time.Minute
)

// Deps are the ports of the upkeep.
type Deps struct {
	Runs    run.Store     // Get
	Clients account.Store // Client
	Limits  run.Limits    // Cursor, SetCursor, Expire
	Objects pipeline.Objects
	Clock   clock.Clock
	Log     *slog.Logger
}

// Tidied counts what a tick did.
type Tidied struct {
	Looked  int // objects
	Deleted int // objects
	Expired int // records of limits
}

// Tidy does one tick. What fails for one thing does not keep it from the others; the errors come joined.
func (d Deps) Tidy(ctx context.Context) (Tidied, error) {
	var did Tidied
	var errs []error
	t := tick{Deps: d, now: d.Clock.Now(), did: &did, retentions: map[account.ID]time.Duration{}}
	for _, w := range []struct {
		name string
		step step
	}{
		{"limits", t.limits},
		{"upload", t.uploads},
		{"audio", t.ofRuns(pipeline.AudioPrefix)},
		{"report", t.ofRuns(pipeline.ReportPrefix)},
		{"work", t.ofRuns(pipeline.WorkPrefix)},
	} {
		if ctx.Err() != nil {
			break
		}
		if err := t.walk(ctx, w.name, w.step); err != nil {
			errs = append(errs, fmt.Errorf("cleanup: %s: %w", w.name, err))
		}
	}
	return did, errors.Join(errs...)
}

// tick is one call of Tidy.
type tick struct {
	Deps
	now        time.Time
	did        *Tidied
	retentions map[account.ID]time.Duration // of the clients met so far
}

// step looks at what comes behind after, and says where the next step goes on, or that the walk has come to its end. With an error
// too, next is how far it came.
type step func(ctx context.Context, after string) (next string, ended bool, err error)

// stand is where a walk stands.
type stand struct {
	After string `json:"after"` // the last key that was looked at; empty: none yet
	Began int64  `json:"began"` // Unix ms
	Ended bool   `json:"ended"`
}

// walk takes one step of a walk, unless it has ended and rests.
func (t tick) walk(ctx context.Context, name string, do step) error {
	noted, err := t.Limits.Cursor(ctx, name)
	if err != nil {
		return err
	}
	at := stand{Ended: true}
	if noted != "" {
		if err := json.Unmarshal([]byte(noted), &at); err != nil {
			t.Log.Error("walk begins anew", "walk", name, "cause", err.Error())
			at = stand{Ended: true}
		}
	}
	if at.Ended {
		if at.Began != 0 && t.now.Before(time.UnixMilli(at.Began).Add(Every)) {
			return nil
		}
		at = stand{Began: t.now.UnixMilli()}
	}
	within, stop := context.WithTimeout(ctx, stepTime)
	defer stop()
	var failed error
	at.After, at.Ended, failed = do(within, at.After)
	raw, err := json.Marshal(at)
	if err == nil {
		err = t.Limits.SetCursor(ctx, name, string(raw))
	}
	return errors.Join(failed, err)
}

// limits deletes the records of limits that have expired.
func (t tick) limits(ctx context.Context, after string) (string, bool, error) {
	n, next, err := t.Limits.Expire(ctx, t.now, after, Step)
	t.did.Expired += n
	if n > 0 {
		t.Log.Info("limits expired", "records", n)
	}
	return next, err == nil && next == "", err
}

// uploads deletes those past their use.
func (t tick) uploads(ctx context.Context, after string) (string, bool, error) {
	page, err := t.Objects.List(ctx, pipeline.UploadPrefix, after, Step)
	if err != nil || len(page) == 0 {
		return after, err == nil, err
	}
	t.did.Looked += len(page)
	var going []pipeline.Object
	for _, o := range page {
		if OfUpload(o, t.now) != Stays {
			going = append(going, o)
		}
	}
	if err := t.delete(ctx, going); err != nil {
		return after, false, err
	}
	for _, o := range going {
		t.Log.Info("upload deleted", "object", o.Key, "bytes", o.Size, "reason", Unused)
	}
	return page[len(page)-1].Key, len(page) < Step, nil
}

// ofRuns deletes what goes of the objects of runs below a prefix, one run at a time.
func (t tick) ofRuns(prefix string) step {
	return func(ctx context.Context, after string) (string, bool, error) {
		page, err := t.Objects.List(ctx, prefix, after, Step)
		if err != nil {
			return after, false, err
		}
		var errs []error
		for rest := page; len(rest) > 0; {
			if err := ctx.Err(); err != nil {
				return after, false, errors.Join(append(errs, fmt.Errorf("cut off behind %q: %w", after, err))...)
			}
			id, known := runOf(rest[0].Key)
			n := 1
			for n < len(rest) {
				if next, _ := runOf(rest[n].Key); next != id {
					break
				}
				n++
			}
			if known {
				if err := t.ofRun(ctx, prefix, id, rest[:n]); err != nil {
					errs = append(errs, fmt.Errorf("run %s: %w", id, err))
				}
				if ctx.Err() != nil {
					continue // this one is not done
				}
			}
			t.did.Looked += n
			after, rest = rest[n-1].Key, rest[n:]
		}
		return after, len(page) < Step, errors.Join(errs...)
	}
}

// ofRun reads the run right before it deletes. An operator's retry that comes between the two may find its recording gone: that
// attempt fails then, and its hold is released.
func (t tick) ofRun(ctx context.Context, prefix string, id run.ID, objects []pipeline.Object) error {
	r, err := t.Runs.Get(ctx, id)
	found := &r
	switch {
	case errors.Is(err, run.ErrUnknown):
		found = nil
	case err != nil:
		return err
	}
	var retention time.Duration
	if found != nil {
		if retention, err = t.retention(ctx, r.Client); err != nil {
			return err
		}
	}
	var going []pipeline.Object
	var why Reason // the same for all: below one prefix it depends on the run, but for how old an orphan is
	var bytes int64
	for _, o := range objects {
		if reason := OfRun(o, found, retention, t.now); reason != Stays {
			going, why, bytes = append(going, o), reason, bytes+o.Size
		}
	}
	if len(going) == 0 {
		return nil
	}
	if err := t.delete(ctx, going); err != nil {
		return err
	}
	t.Log.Info("objects of a run deleted", "run", id, "below", prefix, "objects", len(going), "bytes", bytes, "reason", why)
	return nil
}

func (t tick) retention(ctx context.Context, id account.ID) (time.Duration, error) {
	if d, ok := t.retentions[id]; ok {
		return d, nil
	}
	c, err := t.Clients.Client(ctx, id)
	if err != nil && !errors.Is(err, account.ErrUnknown) {
		return 0, err
	}
	d := c.AudioRetention() // of an unknown client too: the default
	t.retentions[id] = d
	return d, nil
}

func (t tick) delete(ctx context.Context, objects []pipeline.Object) error {
	if len(objects) == 0 {
		return nil
	}
	keys := make([]string, len(objects))
	for i := range objects {
		keys[i] = objects[i].Key
	}
	if err := t.Objects.Delete(ctx, keys...); err != nil {
		return err
	}
	t.did.Deleted += len(objects)
	return nil
}
