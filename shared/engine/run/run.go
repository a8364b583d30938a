// Package run is the life of a run as data: its states, its outstanding parts and the decisions
// that move it. The decisions (machine.go) are pure functions. A Store writes what they return, on
// the condition that the run has not changed meanwhile.
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

// ID identifies a run: `req_` and 26 characters of lower-case base32.
type ID string

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

const idPrefix = "req_"

// NewID makes an id from random.
func NewID(random io.Reader) (ID, error) {
	b := make([]byte, 17)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("run: draw an id: %w", err)
	}
	return ID(idPrefix + base32Lower.EncodeToString(b)[:26]), nil
}

// Valid reports whether id has the form of an id. An id that has not needs no table read.
func (id ID) Valid() bool {
	s := string(id)
	if len(s) != len(idPrefix)+26 || !strings.HasPrefix(s, idPrefix) {
		return false
	}
	return strings.Trim(s[len(idPrefix):], "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// Status is the state of a run: queued → processing → success, partial or failed.
type Status string

// The statuses.
const (
	Queued     Status = "queued"
	Processing Status = "processing"
	Success    Status = "success"
	Partial    Status = "partial"
	Failed     Status = "failed"
)

// Statuses lists every status, in the order in which a run passes through them.
var Statuses = []Status{Queued, Processing, Success, Partial, Failed}

// Terminal reports whether a run with this status has ended.
func (s Status) Terminal() bool { return s == Success || s == Partial || s == Failed }

// Stage is the name of a stage, as in pipeline.Service.Stages.
type Stage string

// Part is one unit of work of a run: a stage and, if the stage fans out, the number of the piece
// (from 0).
type Part struct {
	Stage Stage
	Index int
}

// String returns the part as it is stored and sent, such as `transcribe/3`.
func (p Part) String() string { return string(p.Stage) + "/" + strconv.Itoa(p.Index) }

// ParsePart is the inverse of Part.String. The index is 0 to 9999.
func ParsePart(s string) (Part, error) {
	stage, n, ok := strings.Cut(s, "/")
	i, err := strconv.Atoi(n)
	if !ok || err != nil || i < 0 || i > 9999 || stage == "" {
		return Part{}, fmt.Errorf("run: bad part %q", s)
	}
	return Part{Stage(stage), i}, nil
}

// Pending is the state of an outstanding part.
type Pending struct {
	// Due is when the sweep sends the part again if it is still outstanding.
	Due time.Time
	// Sent counts how often it was sent, including the first time.
	Sent int
	// Failure is why its last try failed: TimedOut or Errored; empty if no failure is known.
	Failure string
	// Timeouts counts the tries that ran out of time.
	Timeouts int
}

// The values of Pending.Failure.
const (
	TimedOut = "timeout"
	Errored  = "error"
)

// Document is JSON that only the run's service reads and writes. The engine stores it and never
// looks inside. Empty: none. Equal content has equal bytes.
type Document []byte

// MarshalJSON implements json.Marshaler: the document unchanged, or null if it is empty.
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
	// Asked is the part of the request that is for the service.
	Asked Document `json:"asked"`
}

// Failure is why a run failed.
type Failure struct {
	Code    errcode.Code `json:"code"`
	Message string       `json:"message"`
}

// Met is the state of a client's runs just after one of them was accepted, so that a replay can
// repeat the first answer.
type Met struct {
	Running int // of the client's runs, in process
	Queued  int // of the client's runs, waiting, this one last; 0 if it got a slot
}

// Run is one run. It is small on purpose, since every write is billed by size: big results are
// objects.
type Run struct {
	ID      ID
	Client  account.ID
	Key     account.KeyID // the key that submitted it
	Status  Status
	Attempt int // from 1; an operator's retry adds one
	// Version counts the writes. Each write succeeds only if the version it is based on is still
	// stored.
	Version int64

	CreatedAt   time.Time
	StartedAt   time.Time // when it got its slot; zero while queued
	CompletedAt time.Time // zero until terminal
	// Deadline is when the watchdog ends the run; zero while queued, because a queued run does not
	// age.
	Deadline time.Time

	Request Request
	// Length is the amount of work, as the service measures it. Deadlines grow with it.
	Length time.Duration
	// Material describes what the client sent, besides its length, as the submit measured it.
	Material Document
	// Upload is the id of the upload that brought the recording; empty if it came with the submit.
	Upload string
	Cost   int64 // credits held for this attempt

	// Ticket is the run's position in the client's queue; 0 if it never waited.
	Ticket int64
	// Met is what this attempt met when it was accepted.
	Met Met
	// Parts are the outstanding parts; empty unless processing.
	Parts map[Part]Pending
	// Pieces is the number of pieces that the first stage divided the work into; 0 before that is
	// done.
	Pieces int
	// Edition is the version of the service's work that this attempt is made with, as its first
	// stage said; empty before that is done. All parts of an attempt are of one edition.
	Edition string
	// Restarts is how often this attempt began again because the edition changed.
	Restarts int
	// Links are the links to the run's report page, oldest first, at most MaxLinks.
	Links []Link

	// The fields below are set at the end of the run.
	Scores   Scores
	Charged  int64 // credits charged
	Failure  *Failure
	Found    Document // what else the service keeps besides the scores
	Reason   string   // why the run ended as it did, for operators
	ErasedAt time.Time
	// Push is the run's webhook; nil if the client named none.
	Push *Push
}

// NextDue returns the earliest time at which the sweep must look at a run. It is zero unless the
// run is in process, or has ended and its webhook is outstanding.
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

// Unstarted reports whether the run's first stage is not done and nothing was erased. Then only the
// bucket can tell whether the run ever had its recording; any other run had it.
func (r Run) Unstarted() bool {
	return r.Pieces == 0 && r.ErasedAt.IsZero() && (!r.Status.Terminal() || r.Status == Failed)
}
