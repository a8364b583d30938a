package run

import (
	"slices"
	"time"
)

// A run's own item holds its webhook. So the write that ends the run also makes the push due, and
// no crash in between can lose it. Messages are only hints: each has the number of the try that it
// asks for, and a try begins with the write that takes this number. So a try is made once, however
// often its message is delivered.
//
//	end ─► due ─► begun ─► settled: delivered
//	        ▲       └────► due again by PushSchedule, or settled: given up
//	        └ resend (operator)

// PushSchedule lists how long after each failed try the next one is due: 10 tries over 23 h 42 min.
// The sweep sends them, so each may come up to one sweep interval later.
var PushSchedule = []time.Duration{30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour, 10 * time.Hour}

const (
	// PushResend is the time after which a try that did not begin is sent again, and after which a
	// try that began but left no result is followed by the next. It is longer than a try can take.
	// It doubles each time the same try is sent again, up to 9 times.
	PushResend = time.Minute
	// PushSends is how often a try is sent, over a day, before the push is given up because it
	// never begins.
	PushSends = 11
	// PushLog is how many tries are remembered.
	PushLog = 10

	pushDoublings = 9
	// pushJitter is the share by which a wait is randomly longer or shorter, so that the pushes of
	// an outage do not all come back together.
	pushJitter = 0.1
	// maxPushTries bounds the tries of one attempt of a run, including an operator's resends: a
	// part's index is at most 9999.
	maxPushTries = 9000
)

// Push is the webhook of a run that has ended.
type Push struct {
	// Due is when the sweep sends the next try; zero once settled.
	Due time.Time
	// Sent counts how often the next try was sent.
	Sent int
	// Tries counts the tries begun for this attempt of the run. It is also the number of the next
	// try, which counts from 0.
	Tries int
	// Since is the value of Tries when this round of the schedule began: above 0 after an
	// operator's resend.
	Since int
	// Log holds the last PushLog tries, oldest first.
	Log []Try
}

// Try is one try at delivering a webhook.
type Try struct {
	At     time.Time // when it began
	Status int       // HTTP status of the answer; 0: no answer
	// Why says why there was no answer: one of the words in package webhook, or Begun, or Unsent.
	Why string
}

// The values of Try.Why for a try without a result.
const (
	// Begun means that the try is going on, or that its function died.
	Begun = "begun"
	// Unsent means that the push was given up because no function took its messages.
	Unsent = "unsent"
)

// Delivered reports whether the receiver answered 2xx.
func (t Try) Delivered() bool { return t.Status >= 200 && t.Status <= 299 }

// Delivered reports whether the last try was delivered.
func (p *Push) Delivered() bool { return p != nil && len(p.Log) > 0 && p.Log[len(p.Log)-1].Delivered() }

// Outstanding reports whether the push is still to be delivered.
func (p *Push) Outstanding() bool { return p != nil && !p.Due.IsZero() }

// SentAt returns when the next try was last sent; zero if it was not sent yet or none is
// outstanding.
func (p *Push) SentAt() time.Time {
	if !p.Outstanding() || p.Sent == 0 {
		return time.Time{}
	}
	return p.Due.Add(-PushResend << min(p.Sent-1, pushDoublings))
}

// Exhausted reports whether the schedule allows no further try.
func (p *Push) Exhausted() bool {
	return p.Tries-p.Since > len(PushSchedule) || p.Tries >= maxPushTries
}

// push returns a copy of the outstanding push of an attempt; nil if there is none.
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

// PushBegun begins try n. Condition: the push is outstanding and n is the next try. Otherwise, and
// for a repeat, it returns ErrGone.
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

// PushTried records the result of try n. If it was delivered or was the last one, the push is
// settled; otherwise the next try becomes due. random is in [0, 1), for jitter. Condition: n is the
// last try begun and has no result yet. A repeat returns ErrGone.
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

// PushSent sets the next due time of a try that the sweep sends. Condition: the push is
// outstanding, else ErrGone.
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

// PushGivenUp settles a push that cannot go on, because its last try left no result or its next try
// never begins. Condition: the push is outstanding, else ErrGone.
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

// PushAgain makes a webhook due again, at the start of its schedule, whatever its state. Condition:
// the run has ended, is not erased and has a webhook, else ErrGone. The caller sends the message
// for the try.
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
