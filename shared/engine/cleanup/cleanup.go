// Package cleanup deletes what is no longer needed: uploads that were used or are old, recordings
// past their client's retention, what a crash left of an erased run, the work of runs that have
// ended, and expired records of limits.
//
// Pure functions decide what to delete (decide.go). A walk through each kind of thing applies them.
// Each tick takes each walk one bounded step further and records its position, so that no tick
// takes long and yet a bucket of any size is walked through in the end. A deletion may safely be
// repeated, and so may an interrupted step.
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
	"parley/shared/engine/metrics"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
)

// The bounds of a tick. With a tick each minute, a walk through a million objects takes 2,000
// ticks, or 33 hours: little compared with a retention, which counts days. It reads each run once
// for each kind of its objects, about a million reads per walk, and the use of each upload. If
// there are at most Step things, one tick walks through all of them, four times an hour.
const (
	// Step is how many things a tick looks at on each walk.
	Step = 500
	// stepTime bounds a step, in real time. Five steps fit into the sweep's 55 s, together with the
	// sweep.
	stepTime = 6 * time.Second
	// Every is the minimum time between the starts of two walks through the same things.
	Every = 15 * time.Minute
)

// Deps holds the ports of the cleanup.
type Deps struct {
	Runs    run.Store     // Get, Used
	Clients account.Store // Client
	Limits  run.Limits    // Cursor, SetCursor, Expire
	Objects pipeline.Objects
	Clock   clock.Clock
	Log     *slog.Logger
	Metrics *metrics.Emitter // nil: nobody measures
}

// Tidied counts what a tick did.
type Tidied struct {
	Looked  int // objects
	Deleted int // objects
	Expired int // records of limits
}

// Tidy does one tick. If one thing fails, it goes on with the others, and joins the errors.
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
	for act, n := range map[string]int{metrics.Deleted: did.Deleted, metrics.Expired: did.Expired} {
		if n > 0 {
			d.Metrics.Add(metrics.SweepActs, float64(n), []string{act})
		}
	}
	return did, errors.Join(errs...)
}

// tick is one call of Tidy.
type tick struct {
	Deps
	now        time.Time
	did        *Tidied
	retentions map[account.ID]time.Duration // of the clients seen so far
}

// step looks at the things behind the position after. It returns where the next step continues, or
// that the walk has ended. next is also valid with an error.
type step func(ctx context.Context, after string) (next string, ended bool, err error)

// stand is the position of a walk.
type stand struct {
	After string `json:"after"` // the last key that was looked at; empty if none was
	Began int64  `json:"began"` // Unix ms
	Ended bool   `json:"ended"`
}

// walk takes one step of a walk, unless the walk has ended and it is too early for the next one.
func (t tick) walk(ctx context.Context, name string, do step) error {
	noted, err := t.Limits.Cursor(ctx, name)
	if err != nil {
		return err
	}
	at := stand{Ended: true}
	if noted != "" {
		if err := json.Unmarshal([]byte(noted), &at); err != nil {
			t.Log.Error("walk restarted", "walk", name, "cause", err.Error())
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

// uploads deletes uploads that were used or are old. A submit deletes the upload that it used; here
// are those that it could not delete, and those that were posted once more.
func (t tick) uploads(ctx context.Context, after string) (string, bool, error) {
	page, err := t.Objects.List(ctx, pipeline.UploadPrefix, after, Step)
	if err != nil {
		return after, false, err
	}
	var errs []error
	for _, o := range page {
		if err := ctx.Err(); err != nil {
			return after, false, errors.Join(append(errs, fmt.Errorf("interrupted behind %q: %w", after, err))...)
		}
		if err := t.ofUpload(ctx, o); err != nil {
			errs = append(errs, fmt.Errorf("upload %s: %w", o.Key, err))
			if ctx.Err() != nil {
				continue // not finished with this upload
			}
		}
		t.did.Looked++
		after = o.Key
	}
	return after, len(page) < Step, errors.Join(errs...)
}

func (t tick) ofUpload(ctx context.Context, o pipeline.Object) error {
	r, stored, err := t.usedBy(ctx, o.Key)
	if err != nil {
		return err
	}
	var retention time.Duration
	if r != nil {
		if retention, err = t.retention(ctx, r.Client); err != nil {
			return err
		}
	}
	reason := OfUpload(o, r, stored, retention, t.now)
	if reason == Stays {
		return nil
	}
	if err := t.delete(ctx, []pipeline.Object{o}); err != nil {
		return err
	}
	t.Log.Info("upload deleted", "object", o.Key, "bytes", o.Size, "reason", reason)
	return nil
}

// usedBy returns the run that an upload went into, nil if none, and whether that run has its own
// copy of the recording.
func (t tick) usedBy(ctx context.Context, key string) (r *run.Run, stored bool, err error) {
	client, upload, ok := pipeline.UploadOf(key)
	if !ok {
		return nil, false, nil
	}
	used, err := t.Runs.Used(ctx, client, upload, t.now)
	if errors.Is(err, run.ErrUnknown) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	found, err := t.Runs.Get(ctx, used.Run)
	if err != nil {
		return nil, false, err
	}
	_, err = t.Objects.Size(ctx, pipeline.Key(found.ID, found.Attempt, pipeline.Original, 0))
	if err != nil && !errors.Is(err, pipeline.ErrNoObject) {
		return nil, false, err
	}
	return &found, err == nil, nil
}

// ofRuns deletes objects of runs below a prefix, one run at a time.
func (t tick) ofRuns(prefix string) step {
	return func(ctx context.Context, after string) (string, bool, error) {
		page, err := t.Objects.List(ctx, prefix, after, Step)
		if err != nil {
			return after, false, err
		}
		var errs []error
		for rest := page; len(rest) > 0; {
			if err := ctx.Err(); err != nil {
				return after, false, errors.Join(append(errs, fmt.Errorf("interrupted behind %q: %w", after, err))...)
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
					continue // not finished with this run
				}
			}
			t.did.Looked += n
			after, rest = rest[n-1].Key, rest[n:]
		}
		return after, len(page) < Step, errors.Join(errs...)
	}
}

// ofRun reads the run right before it deletes. If an operator's retry comes between the two, it may
// find its recording gone; that attempt then fails, and its hold is released.
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
	var why Reason // the same for all objects: below one prefix it depends on the run
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
	d := c.AudioRetention() // the default for an unknown client
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
