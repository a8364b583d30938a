package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"parley/shared/engine/account"
	"parley/shared/engine/run"
)

// Format is the version of the messages that this release sends. It also reads those of the release
// before: during a deployment, and for as long as a queue keeps them, messages of both arrive.
// Format 1 had no format.
const Format = 2

// ErrNewer means that a message is of a later format than this release knows.
var ErrNewer = errors.New("pipeline: a message of a newer format")

// Message asks for one part of an attempt of a run.
type Message struct {
	Format int    `json:"format"`
	Run    run.ID `json:"run"`
	// Client is the run's client, by which the queues are fair; empty: unknown.
	Client  account.ID `json:"client,omitempty"`
	Attempt int        `json:"attempt"`
	Part    string     `json:"part"` // run.Part.String
	// Task, if not empty, is the name of the work that another service has ended (TaskOf), with or
	// without a prefix up to a dot. Such a message names nothing else.
	Task string `json:"task,omitempty"`
}

// MessageFor returns the message that asks for part p of r's current attempt.
func MessageFor(r run.Run, p run.Part) Message {
	return Message{Format: Format, Run: r.ID, Client: r.Client, Attempt: r.Attempt, Part: p.String()}
}

// Decode decodes the body of a message. It fails if the body is not a message. ErrNewer.
func Decode(body string) (Message, run.Part, error) {
	var m Message
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return m, run.Part{}, fmt.Errorf("pipeline: message: %w", err)
	}
	if m.Format > Format {
		return m, run.Part{}, fmt.Errorf("%w: %d", ErrNewer, m.Format)
	}
	if m.Task != "" {
		m = ofTask(m.Task)
	}
	p, err := run.ParsePart(m.Part)
	if err != nil || !m.Run.Valid() || m.Attempt < 1 || m.Format < 0 {
		return m, p, fmt.Errorf("pipeline: not a message: run %q attempt %d part %q", m.Run, m.Attempt, m.Part)
	}
	return m, p, nil
}

// Sender sends each message to the queue of its part's stage, at least once. After an error, some
// of the messages may have been sent.
type Sender interface {
	Send(ctx context.Context, messages []Message) error
}

// ErrNoObject means that there is no object with this key.
var ErrNoObject = errors.New("pipeline: no such object")

// Objects stores large objects by key.
type Objects interface {
	// Put writes an object of size bytes, completely or not at all, and replaces any that is there.
	Put(ctx context.Context, key, contentType string, body io.ReadSeeker, size int64) error
	// Get opens an object at byte offset, for at most length bytes (0: to the end), and returns the
	// size of the whole object. ErrNoObject. The caller closes the body.
	Get(ctx context.Context, key string, offset, length int64) (body io.ReadCloser, size int64, err error)
	// Copy copies src to dst. ErrNoObject.
	Copy(ctx context.Context, src, dst string) error
	// Size returns an object's size in bytes without reading it. ErrNoObject.
	Size(ctx context.Context, key string) (int64, error)
	// Delete deletes at most 1000 keys. A missing key is not an error.
	Delete(ctx context.Context, keys ...string) error
	// List returns at most limit (1 to 1000) objects whose keys have a prefix, in byte order of
	// their keys. It starts behind the key after (empty: at the first), which need not exist. If it
	// returns fewer than limit, there are no more.
	List(ctx context.Context, prefix, after string, limit int) ([]Object, error)
}

// Object is an entry of a listing.
type Object struct {
	Key  string
	Size int64 // bytes
	// Modified is when the object was last written, at least to the second; zero if unknown.
	Modified time.Time
}
