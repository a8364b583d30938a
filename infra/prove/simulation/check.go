package simulation

import (
	"context"
	"reflect"

	"parley/shared/engine/account"
	"parley/shared/engine/audit"
	"parley/shared/engine/credit"
	"parley/shared/engine/run"
	"parley/shared/speech"
)

// past is what was last seen of a run.
type past struct {
	status  run.Status
	attempt int
	charged int64
	version int64
	code    string
}

func pastOf(r run.Run) past {
	p := past{r.Status, r.Attempt, r.Charged, r.Version, ""}
	if r.Failure != nil {
		p.code = string(r.Failure.Code)
	}
	return p
}

// touched records whose books a write may have changed.
func (w *world) touched(c account.ID) { w.dirty = c }

// admitted records that the store accepted a run, whether or not its client learns of it.
func (w *world) admitted(r run.Run) {
	w.accepted++
	w.touched(r.Client)
}

// look checks, after each write, everything that must hold at every moment: the audit of the
// client's books, and that nothing has changed since the last look that must not.
func (w *world) look(p *process, op string) {
	id := w.dirty
	w.dirty = ""
	c := w.known[id]
	if c == nil {
		return
	}
	l, err := w.store.Ledger(context.Background(), id)
	if err != nil {
		w.breach("after %s: %v", op, err)
		return
	}
	for _, v := range audit.Check(l, speech.Service.Dimensions) {
		w.breach("after %s by %s: %s", op, p.name, v)
		return
	}
	w.appended(c, l.Entries, op)
	lowest := int64(0)
	for _, r := range l.Runs {
		if was, ok := w.history[r.ID]; ok && was.status == run.Queued && (lowest == 0 || r.Ticket < lowest) {
			lowest = r.Ticket
		}
	}
	for _, r := range l.Runs {
		w.moved(c, p, l.Account, r, lowest, op)
	}
}

// appended checks that the ledger only grew.
func (w *world) appended(c *client, entries []credit.Entry, op string) {
	if n := len(c.entries); n > len(entries) || n > 0 && !reflect.DeepEqual(c.entries[n-1], entries[n-1]) {
		w.breach("after %s: the ledger of %s was rewritten", op, c.id)
	}
	c.entries = entries
}

// moved compares one run with what was last seen of it. lowest is the lowest ticket that was
// waiting then.
func (w *world) moved(c *client, p *process, a credit.Account, r run.Run, lowest int64, op string) {
	was, seen := w.history[r.ID]
	now := pastOf(r)
	if seen && was == now {
		return
	}
	w.history[r.ID] = now
	again := seen && r.Attempt == was.attempt+1
	started := r.Status == run.Processing && (!seen || was.status == run.Queued || again)
	switch {
	case seen && r.Version <= was.version:
		w.breach("after %s: %s moved from %+v to %+v without a new version", op, r.ID, was, now)
	case seen && !again && r.Attempt != was.attempt, again && was.status != run.Failed:
		w.breach("after %s: %s went from %+v to %+v", op, r.ID, was, now)
	case seen && !again && was.status.Terminal() && (was.status != now.status || was.charged != now.charged || was.code != now.code):
		w.breach("after %s: %s had ended %+v and is %+v", op, r.ID, was, now)
	case seen && !again && was.status == run.Processing && r.Status == run.Queued:
		w.breach("after %s: %s went back into the queue", op, r.ID)
	case started && a.Running > c.slotsSince(p.began):
		w.breach("after %s: %s runs beside %d others with %d slots", op, r.ID, a.Running-1, c.slotsSince(p.began))
	case started && seen && was.status == run.Queued && !again && r.Ticket != lowest:
		w.breach("after %s: %s started with ticket %d while %d waits", op, r.ID, r.Ticket, lowest)
	case started && (!seen || again) && lowest > 0:
		w.breach("after %s: %s started at once while ticket %d waits", op, r.ID, lowest)
	}
}

// settled checks what must hold once a world has come to rest: every accepted run has ended, every
// credit is free or charged, every answer that a client received was true, and no key belongs to
// two runs.
func (w *world) settled() {
	report, err := audit.All(context.Background(), w.store, speech.Service.Dimensions, "")
	if err != nil || len(report.Violations) > 0 {
		w.breach("at rest: %v %v", err, report.Violations)
	}
	for _, c := range w.clients {
		l, err := w.store.Ledger(context.Background(), c.id)
		if err != nil {
			w.breach("at rest: %v", err)
			return
		}
		if l.Account.Held != 0 {
			w.breach("at rest, %s still holds %d credits", c.id, l.Account.Held)
		}
		by := map[string][]run.Run{}
		for _, r := range l.Runs {
			by[r.Request.ExternalID] = append(by[r.Request.ExternalID], r)
			end := string(r.Status)
			w.ends[end]++
			if r.Failure != nil {
				w.ends[end+" "+string(r.Failure.Code)]++
			}
			switch {
			case !r.Status.Terminal():
				w.breach("at rest %s is %s", r.ID, r.Status)
			case r.Push.Delivered() && w.pushed[r.ID] == 0:
				w.breach("the webhook of %s is recorded as delivered, but nobody received it", r.ID)
			case r.Request.WebhookURL != "" && r.ErasedAt.IsZero() && r.Push == nil:
				w.breach("no webhook is due for %s, which asked for one", r.ID)
			}
		}
		for _, s := range c.submits {
			s.settled(w, by[s.ref])
		}
	}
}
