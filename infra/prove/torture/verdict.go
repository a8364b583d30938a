package main

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"time"

	"parley/shared/client"
	"parley/shared/clock"
	"parley/shared/engine/audit"
	"parley/shared/engine/run"
	"parley/shared/speech"
)

const (
	// endPatience is how long all runs may take to end after the last kill: longer than the longest
	// deadline.
	endPatience = 30 * time.Minute
	// sweepPatience is how far past its deadline a run may be: the sweep's interval plus time for a
	// slow machine.
	sweepPatience = time.Minute
	// drainPatience is how long the queues may take to become empty once all their messages are
	// visible.
	drainPatience = 5 * time.Minute
	lookEvery     = 2 * time.Second
)

// calm waits for the end of every run and judges what is left.
func (t *torture) calm(ctx context.Context) error {
	progress("all kills are done; waiting for the runs to end")
	if err := t.settle(ctx); err != nil {
		return err
	}
	if err := t.sys.countEvents(); err != nil {
		return err
	}
	ends := map[string]audit.Ledger{}
	for _, f := range t.feeders {
		l, err := t.sys.tables().Ledger(ctx, f.id)
		if err != nil {
			return err
		}
		ends[f.name] = l
		f.judge(l, t.sum)
		if err := t.told(ctx, f, l); err != nil {
			return err
		}
	}
	progress("advancing the queues' clock")
	var err error
	if t.sum.Returned, err = t.sys.leap(ctx); err != nil {
		return err
	}
	if err := t.drain(ctx); err != nil {
		return err
	}
	for _, f := range t.feeders {
		l, err := t.sys.tables().Ledger(ctx, f.id)
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(l, ends[f.name]) {
			t.sum.violate("%s: a message that came back changed a run that had ended", f.name)
		}
	}
	return nil
}

// settle returns once every run has ended, or one is stuck.
func (t *torture) settle(ctx context.Context) error {
	for end := time.Now().Add(endPatience); ; {
		open, stuck := 0, 0
		for _, f := range t.feeders {
			l, err := t.sys.tables().Ledger(ctx, f.id)
			if err != nil {
				return err
			}
			for _, r := range l.Runs {
				switch {
				case r.Status.Terminal():
				case r.Status == run.Processing && time.Since(r.Deadline) > sweepPatience, time.Now().After(end):
					stuck++
					t.sum.violate("%s: %s is stuck: %s, deadline %s, outstanding %v", f.name, r.ID, r.Status, r.Deadline, r.Parts)
				default:
					open++
				}
			}
		}
		t.sum.Stuck = stuck
		if open == 0 || stuck > 0 {
			return nil
		}
		if err := clock.Sleep(ctx, lookEvery); err != nil {
			return err
		}
	}
}

// drain waits until the queues are empty.
func (t *torture) drain(ctx context.Context) (err error) {
	for end := time.Now().Add(drainPatience); ; {
		if t.sum.AliveLeft, t.sum.DeadLeft, err = t.sys.depths(ctx); err != nil {
			return err
		}
		switch {
		case t.sum.AliveLeft == 0 && t.sum.DeadLeft == 0:
			return nil
		case time.Now().After(end):
			t.sum.violate("%d messages and %d dead letters remain", t.sum.AliveLeft, t.sum.DeadLeft)
			return nil
		}
		if err := clock.Sleep(ctx, lookEvery); err != nil {
			return err
		}
	}
}

// told compares what the client reads over HTTP with what is stored.
func (t *torture) told(ctx context.Context, f *feeder, l audit.Ledger) error {
	c, err := client.New("http://"+t.sys.addr, f.key)
	if err != nil {
		return err
	}
	for _, r := range l.Runs {
		read, err := c.Poll(ctx, r.ID)
		if err != nil {
			t.sum.violate("%s: %s cannot be read: %v", f.name, r.ID, err)
			continue
		}
		if read.Status != r.Status {
			t.sum.violate("%s: %s is %s to the client but %s in the store", f.name, r.ID, read.Status, r.Status)
		}
	}
	return nil
}

// judge compares what is stored of a client with what the client was told: every accepted run
// exists, no other does, and each ended as its recording requires, with the same scores, and was
// charged once.
func (f *feeder) judge(l audit.Ledger, sum *summary) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, text := range f.refused {
		sum.violate("%s", text)
	}
	sum.Submits += len(f.accepted)
	sum.Retried += f.retried
	sum.Replayed += f.replayed
	for _, v := range audit.Check(l, speech.Service.Dimensions) {
		sum.violate("audit of %s: %s", f.name, v)
	}
	stored := map[run.ID]bool{}
	var charged int64
	var scores run.Scores
	for _, r := range l.Runs {
		stored[r.ID] = true
		charged += r.Charged
		if r.Attempt > 1 {
			sum.Revived++
		}
		k, ok := f.accepted[r.ID]
		if !ok {
			sum.violate("%s: no webhook reported %s, which is %s", f.name, r.ID, r.Status)
			continue
		}
		sum.Runs[k.name+" "+string(r.Status)]++
		if why := k.otherwise(r); why != "" {
			if part := f.sys.struck(r); part != "" {
				sum.Struck++
				progress("%s: %s of %s %s, after %s had begun %d times (%s)", f.name, r.ID, k.name, why, part, f.sys.begun[begun{r.ID, part}], r.Reason)
				continue
			}
			sum.OtherEnds++
			sum.violate("%s: %s of %s %s (%s)", f.name, r.ID, k.name, why, r.Reason)
			continue
		}
		if r.Status != run.Success {
			continue
		}
		if scores == nil {
			scores = r.Scores
		} else if !maps.Equal(scores, r.Scores) {
			sum.violate("%s: the scores of %s differ from those of another run of the same recording", f.name, r.ID)
		}
	}
	for id := range f.accepted {
		if !stored[id] {
			sum.Lost++
			sum.violate("%s: %s was accepted and then lost", f.name, id)
		}
	}
	if a := l.Account; a.Balance != plenty-charged || sum.Stuck == 0 && (a.Held != 0 || a.Running != 0 || a.Queued != 0) {
		sum.violate("%s: of %d credits %d were charged, but the account says %+v", f.name, int64(plenty), charged, a)
	}
}

// struck names a part of a failed run that was begun, and so killed, as often as it is sent within
// its run's budget: no retry policy survives kills that hit it each time. Empty: there is none.
func (s *system) struck(r run.Run) string {
	for _, row := range speech.Service.Stages {
		for i := range max(r.Pieces, 1) {
			p := run.Part{Stage: row.Name, Index: i}.String()
			if r.Status == run.Failed && r.Charged == 0 && s.begun[begun{r.ID, p}] >= max(row.MaxReceives, leastStrikes) {
				return p
			}
		}
	}
	return ""
}

// leastStrikes is how many kills of one part of a run are too many, whatever its stage: its budget
// holds five sends.
const leastStrikes = 5

// otherwise says how a run ended otherwise than its recording requires; empty: it did not.
func (k kind) otherwise(r run.Run) string {
	charge := k.cost
	if k.status == run.Failed {
		charge = 0
	}
	switch {
	case r.Status != k.status && r.Failure != nil:
		return fmt.Sprintf("ended %s with %s: %s", r.Status, r.Failure.Code, r.Failure.Message)
	case r.Status != k.status:
		return fmt.Sprintf("is %s", r.Status)
	case r.Failure != nil && r.Failure.Code != k.fail:
		return fmt.Sprintf("ended with %s: %s", r.Failure.Code, r.Failure.Message)
	case r.Charged != charge:
		return fmt.Sprintf("was charged %d, not %d", r.Charged, charge)
	}
	return ""
}
