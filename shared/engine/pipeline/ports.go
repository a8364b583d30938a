package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"parley/shared/engine/run"
)

// Message asks for one part of one attempt of a run to be done.
type Message struct {
	Run     run.ID `json:"run"`
	Attempt int    `json:"attempt"`
	Part    string `json:"part"` // run.Part.String
}

// MessageFor is the message that asks for p.
func MessageFor(r run.Run, p run.Part) Message {
	return Message{Run: r.ID, Attempt: r.Attempt, Part: p.String()}
}

// Decode reads a message; an error says that the body is none.
func Decode(body string) (Message, run.Part, error) {
	var m Message
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return m, run.Part{}, fmt.Errorf("pipeline: message: %w", err)
	}
	p, err := run.ParsePart(m.Part)
	if err != nil || !m.Run.Valid() || m.Attempt < 1 {
		return m, p, fmt.Errorf("pipeline: not a message: run %q attempt %d part %q", m.Run, m.Attempt, m.Part)
	}
	return m, p, nil
}

// Sender sends messages to the queue of their part's stage. At least once: an error may leave some of them sent.
type Sender interface {
	Send(ctx context.Context, messages []Message) error
}

// ErrNoObject says that there is no object of this key.
var ErrNoObject = errors.New("pipeline: no such object")

// Objects keeps big things by key.
type Objects interface {
	// Put writes size bytes (whole or not at all), replacing what is there.
	Put(ctx context.Context, key, contentType string, body io.ReadSeeker, size int64) error
	// Get opens an object from byte offset on, length bytes at most (0: to the end), and tells the object's whole size.
	// ErrNoObject. The caller closes the body.
	Get(ctx context.Context, key string, offset, length int64) (body io.ReadCloser, size int64, err error)
	// Copy makes dst of src: ErrNoObject.
	Copy(ctx context.Context, src, dst string) error
	// Size tells an object's size without reading it: ErrNoObject.
	Size(ctx context.Context, key string) (int64, error)
	// Delete removes keys, at most 1000; keys that are not there are no error.
	Delete(ctx context.Context, keys ...string) error
	// List lists the objects whose keys have a prefix, in the order of their keys' bytes: those behind the key after (empty: from
	// the first, and it need not be there), at most limit of them, 1 to 1000. Fewer than limit: there are no more.
	List(ctx context.Context, prefix, after string, limit int) ([]Object, error)
}

// Object is an entry of a listing.
type Object struct {
	Key  string
	Size int64 // bytes
	// Modified is when it was last put or copied to, to the second at least; zero where that is not known.
	Modified time.Time
}
