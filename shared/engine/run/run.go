// Package run is the life of one run as data: its states, its outstanding parts and the decisions that move it. The
// decisions (machine.go) are pure; a Store writes what they return, on the condition that nothing moved meanwhile.
package run

import (
	"encoding/base32"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"parley/shared/engine/account"
	"parley/shared/errcode"
)

// ID names a run: `req_` and 26 characters of lower-case base32.
type ID string

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

const idPrefix = "req_"

// NewID draws an id from random.
func NewID(random io.Reader) (ID, error) {
	b := make([]byte, 17)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("run: draw an id: %w", err)
	}
	return ID(idPrefix + base32Lower.EncodeToString(b)[:26]), nil
}

// Valid tells whether id has the form of an id; others need no table read.
func (id ID) Valid() bool {
	s := string(id)
	if len(s) != len(idPrefix)+26 || !strings.HasPrefix(s, idPrefix) {
		return false
	}
	return strings.Trim(s[len(idPrefix):], "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// Status is where a run stands: queued → processing → success, partial or failed.
type Status string

// The statuses.
const (
	Queued     Status = "queued"
	Processing Status = "processing"
	Success    Status = "success"
	Partial    Status = "partial"
	Failed     Status = "failed"
)

// Statuses lists them all, in the order of a life.
var Statuses = []Status{Queued, Processing, Success, Partial, Failed}

// Terminal tells whether a run with this status has ended.
func (s Status) Terminal() bool { return s == Success || s == Partial || s == Failed }

// Stage names a stage of the chain, as in the table of package pipeline.
type Stage string

// Part is one piece of work of a run: a stage, and for a stage that fans out the number of the piece (from 0).
type Part struct {
	Stage Stage
	Index int
}

// String is the part as it is stored and sent: `transcribe/3`.
func (p Part) String() string { return string(p.Stage) + "/" + strconv.Itoa(p.Index) }

// ParsePart reads what String wrote.
func ParsePart(s string) (Part, error) {
	stage, n, ok := strings.Cut(s, "/")
	i, err := strconv.Atoi(n)
	if !ok || err != nil || i < 0 || i > 9999 || stage == "" {
		return Part{}, fmt.Errorf("run: bad part %q", s)
	}
	return Part{Stage(stage), i}, nil
}

// Pending is what is known of an outstanding part.
type Pending struct {
	// Due is when the sweep sends the part again, if it is still outstanding.
	Due time.Time
	// Sent counts how often it was sent, the first time included.
	Sent int
	// Failure is why its last attempt failed, empty where none is known: TimedOut or Errored.
	Failure string
}

// What a part's last attempt is known to have died of.
const (
	TimedOut = "timeout"
	Errored  = "error"
)

// Document is JSON that the service of a run writes and reads by its own codec. The engine stores it
// and looks at nothing in it. Empty: there is none. Its bytes are the same for the same content.
type Document []byte

// MarshalJSON implements json.Marshaler: the document as it is, null where there is none.
func (d Document) MarshalJSON() ([]byte, error) {
	if len(d) == 0 {
		return []byte("null"), nil
	}
	return d, nil
}

// Request is what the client asked for. It never changes.
type Request struct {
	ExternalID   string            `json:"externalId"`
	Metadata     map[string]string `json:"metadata"`
	Tags         []string          `json:"tags"`
	AllowPartial bool              `json:"allowPartial"`
	WebhookURL   string            `json:"webhookUrl"`
	// Asked is what the client asked of the service.
	Asked Document `json:"asked"`
}

// Failure is why a run ended without its scores.
type Failure struct {
	Code    errcode.Code `json:"code"`
	Message string       `json:"message"`
}

// Run is one run: small on purpose, since every write is billed by its size. Transcript and analysis live in objects.
type Run struct {
	ID      ID
	Client  account.ID
	Key     account.KeyID // the key that submitted it
	Status  Status
	Attempt int // from 1; an operator's retry adds one
	// Version counts the writes; the condition of each one.
	Version int64

	CreatedAt   time.Time
	StartedAt   time.Time // when it got its slot; zero while queued
	CompletedAt time.Time // zero until terminal
	// Deadline is when the watchdog ends it; zero while queued: a queued run does not age.
	Deadline time.Time

	Request Request
	// Length is how much there is to work on, as the service measures it: deadlines grow with it.
	Length time.Duration
	// Material is what the submit learnt of what was sent, beside its length.
	Material Document
	Cost     int64 // credits held for this attempt

	// Ticket is its place in the client's queue, 0 for a run that never waited.
	Ticket int64
	// Parts are the outstanding parts; empty unless processing.
	Parts map[Part]Pending
	// Pieces is into how many pieces the first stage cut the work; 0 before it is done.
	Pieces int

	// Of a terminal run.
	Scores   Scores
	Charged  int64 // credits charged
	Failure  *Failure
	Found    Document // what the service keeps of its end beside the scores
	Reason   string   // why the watchdog or an operator acted, for operators
	ErasedAt time.Time
	// Push is its webhook; nil where the client named none.
	Push *Push
}

// NextDue is the earliest moment at which the sweep must look at a run: one in process, or one that has ended and whose
// webhook is outstanding; zero for any other.
func (r Run) NextDue() time.Time {
	if r.Status.Terminal() && r.Push != nil {
		return r.Push.Due
	}
	if r.Status != Processing {
		return time.Time{}
	}
	due := r.Deadline
	for _, p := range r.Parts {
		if p.Due.Before(due) {
			due = p.Due
		}
	}
	return due
}
