package run

import (
	"slices"
	"time"
)

// The webhook of a run stands on the run's own item, so that the write that ends the run also makes the push due: none is
// lost, whatever dies in between. Messages are only hints. Each carries the number of the try that it asks for, and a try
// is begun by the write that takes its number: however often a message is delivered, its try is made once.
//
//	end ─► due ─► begun ─► settled: delivered
//	        ▲       └────► due again by PushSchedule, or settled: given up
//	        └ resend (operator)

// PushSchedule is how long after a failed try the next one is due: 10 tries over 23 h 42 min. The sweep sends them, so that
// each may come a sweep's interval later.
var PushSchedule = []time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour, 10 * time.Hour}

const (
	// PushResend is the time after which a try that nobody began is sent again, and a begun one of which nothing was heard is
	// followed by the next: longer than a try lasts. Each further sending of the same try doubles it, up to 9 times.
	PushResend = time.Minute
	// PushSends is how often one try is sent, over a day, before the push is given up because nobody begins it.
	PushSends = 11
	// PushLog is how many tries are remembered.
	PushLog = 10

	pushDoublings = 9
	// pushJitter is the share by which a wait is longer or shorter, lest the pushes of an outage come back together.
	pushJitter = 0.1
	// maxPushTries bounds the tries of one attempt of a run, an operator's resends included: a part's index ends at 9999.
	maxPushTries = 9000
)

// Push is the webhook of a run that has ended.
type Push struct {
	// Due is when the sweep sends the next try; zero once settled.
	Due time.Time
	// Sent counts how often the next try was sent.
	Sent int
	// Tries counts the tries begun for this attempt of the run. It is the number of the next one, from 0.
	Tries int
	// Since is what Tries was when this round of the schedule began: above 0 after an operator's resend.
	Since int
	// Log is the last PushLog tries, oldest first.
	Log []Try
}

// Try is one try at delivering a webhook.
type Try struct {
	At     time.Time // when it began
	Status int       // HTTP status of the answer; 0: none came
	// Why is a word for why no answer came: of those in package webhook, or Begun, Unsent.
	Why string
}

// What a try came to where nobody could say more.
const (
	// Begun is a try whose result was never written: it is going on, or its function died.
	Begun = "begun"
	// Unsent is a push that was given up because no function took its messages.
	Unsent = "unsent"
)

// Delivered tells whether the receiver took it: any 2xx.
func (t Try) Delivered() bool { return t.Status >= 200 && t.Status <= 299 }

// Delivered tells whether the last try was.
func (p *Push) Delivered() bool { return p != nil && len(p.Log) > 0 && p.Log[len(p.Log)-1].Delivered() }

// Outstanding tells whether the push is still to be delivered.
func (p *Push) Outstanding() bool { return p != nil && !p.Due.IsZero() }

// SentAt is when the next try was last sent; zero where it was not sent yet, or none is outstanding.
func (p *Push) SentAt() time.Time {
	if !p.Outstanding() || p.Sent == 0 {
		return time.Time{}
	}
	return p.Due.Add(-PushResend << min(p.Sent-1, pushDoublings))
}

// Exhausted tells whether the schedule allows no further try.
func (p *Push) Exhausted() bool {
	return p.Tries-p.Since > len(PushSchedule) || p.Tries >= maxPushTries
}

// push is the outstanding push of an attempt, free to be changed; nil where there is none.
func (r Run) push(attempt int) *Push {
	if !r.Status.Terminal() || r.Attempt != attempt || !r.Push.Outstanding() {
		return nil
	}
	p := *r.Push
	p.Log = slices.Clone(p.Log)
	return &p
}

func (p *Push) settle() { p.Due, p.Sent = time.Time{}, 0 }

func (p *Push) note(t Try) { p.Log = append(p.Log, t)[max(0, len(p.Log)+1-PushLog):] }

// PushBegun takes try n. Condition: the push is outstanding and n is the next try. Any other answers ErrGone, a repeat too.
func (r Run) PushBegun(attempt, n int, now time.Time) (Run, error) {
	p := r.push(attempt)
	if p == nil || p.Tries != n || p.Exhausted() {
		return r, ErrGone
	}
	p.Tries++
	p.Due, p.Sent = now.Add(PushResend), 0
	p.note(Try{At: now, Why: Begun})
	r.Push = p
	r.Version++
	return r, nil
}

// PushTried records what try n came to: the push is settled where it was delivered or was the last one, else the next one is
// due. random is from 0 to below 1. Condition: n is the last try that was begun, and has no result. A repeat answers ErrGone.
func (r Run) PushTried(attempt, n int, t Try, random float64, now time.Time) (Run, error) {
	p := r.push(attempt)
	if p == nil || p.Tries != n+1 || len(p.Log) == 0 || p.Log[len(p.Log)-1].Why != Begun {
		return r, ErrGone
	}
	t.At = p.Log[len(p.Log)-1].At
	p.Log[len(p.Log)-1] = t
	if t.Delivered() || p.Exhausted() {
		p.settle()
	} else {
		wait := float64(PushSchedule[max(p.Tries-p.Since-1, 0)]) * (1 + pushJitter*(2*random-1))
		p.Due, p.Sent = now.Add(time.Duration(wait).Truncate(time.Millisecond)), 0
	}
	r.Push = p
	r.Version++
	return r, nil
}

// PushSent pushes back the due time of the next try, which the sweep sends. Condition: the push is outstanding.
func (r Run) PushSent(now time.Time) (Run, error) {
	p := r.push(r.Attempt)
	if p == nil {
		return r, ErrGone
	}
	p.Due = now.Add(PushResend << min(p.Sent, pushDoublings))
	p.Sent++
	r.Push = p
	r.Version++
	return r, nil
}

// PushGivenUp settles a push that cannot go on: its last try has no result, or nobody begins the next one. Condition: the
// push is outstanding.
func (r Run) PushGivenUp(now time.Time) (Run, error) {
	p := r.push(r.Attempt)
	if p == nil {
		return r, ErrGone
	}
	if !p.Exhausted() {
		p.note(Try{At: now, Why: Unsent})
	}
	p.settle()
	r.Push = p
	r.Version++
	return r, nil
}

// PushAgain makes a webhook due once more, at the head of its schedule, whatever came of it before. Condition: the run has
// ended, is not erased and names a webhook. ErrGone. The caller sends the try.
func (r Run) PushAgain(now time.Time) (Run, error) {
	if !r.Status.Terminal() || !r.ErasedAt.IsZero() || r.Request.WebhookURL == "" || r.Push != nil && r.Push.Tries > maxPushTries-len(PushSchedule)-1 {
		return r, ErrGone
	}
	p := Push{}
	if r.Push != nil {
		p = *r.Push
		p.Log = slices.Clone(p.Log)
	}
	p.Due, p.Sent, p.Since = now.Add(PushResend), 1, p.Tries
	r.Push = &p
	r.Version++
	return r, nil
}
