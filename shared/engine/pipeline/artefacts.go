package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"parley/shared/engine/run"
)

// Object key prefixes. Everything below work/ can be made again and expires by the bucket's lifecycle.
const (
	AudioPrefix  = "audio/"
	WorkPrefix   = "work/"
	ReportPrefix = "report/"
	UploadPrefix = "upload/"
)

// UploadLasting is how long an upload may be posted after it was asked for.
const UploadLasting = time.Hour

// Kind is a kind of object that a run has: what its client sent, what a stage leaves, its report.
type Kind struct {
	Name string
	// form says where objects of the kind lie.
	form form
}

// form is how the keys of a kind are built.
type form int

const (
	atWork   form = iota // one JSON object for each attempt
	inPieces             // one JSON object for each piece of an attempt
	raw                  // one object of bytes for each attempt
	original             // one object for all attempts
	report               // one JSON object for each attempt, kept with the run
)

// The kinds that every run has: what its client sent, and what its end is told by.
var (
	Original = Kind{"original", original}
	Report   = Kind{"report", report}
)

// Raw is a kind of bytes, one object for each attempt.
func Raw(name string) Kind { return Kind{name, raw} }

// Key is the object key of a kind of a run's attempt; piece counts the objects of a kind that has one
// for each piece, 0 for any other.
func Key(id run.ID, attempt int, k Kind, piece int) string {
	switch k.form {
	case original:
		return AudioPrefix + string(id)
	case report:
		return fmt.Sprintf("%s%s/%d.json", ReportPrefix, id, attempt)
	case raw:
		return fmt.Sprintf("%s%s/%d/%s", WorkPrefix, id, attempt, k.Name)
	case inPieces:
		return fmt.Sprintf("%s%s/%d/%s-%03d.json", WorkPrefix, id, attempt, k.Name, piece)
	}
	return fmt.Sprintf("%s%s/%d/%s.json", WorkPrefix, id, attempt, k.Name)
}

// Artefact is a kind of object that holds the JSON of a T: what one stage saves, a later one loads.
type Artefact[T any] struct{ Kind }

// One is an artefact of which each attempt has one.
func One[T any](name string) Artefact[T] { return Artefact[T]{Kind{name, atWork}} }

// Pieces is an artefact of which each piece of an attempt has one.
func Pieces[T any](name string) Artefact[T] { return Artefact[T]{Kind{name, inPieces}} }

// OfReport is the artefact behind Report.
func OfReport[T any]() Artefact[T] { return Artefact[T]{Report} }

// maxArtefact bounds an artefact, in bytes: the words of 45 minutes are about 2 MB.
const maxArtefact = 64 << 20

// Load reads the artefact of a run's current attempt. ErrNoObject.
func (a Artefact[T]) Load(ctx context.Context, o Objects, r run.Run, piece int) (T, error) {
	var v T
	body, size, err := o.Get(ctx, Key(r.ID, r.Attempt, a.Kind, piece), 0, 0)
	if err != nil {
		return v, fmt.Errorf("pipeline: load %s: %w", a.Name, err)
	}
	defer func() { _ = body.Close() }() // only read from
	if size > maxArtefact {
		return v, fmt.Errorf("pipeline: load %s: %d bytes", a.Name, size)
	}
	if err := json.NewDecoder(io.LimitReader(body, maxArtefact)).Decode(&v); err != nil {
		return v, fmt.Errorf("pipeline: load %s: %w", a.Name, err)
	}
	return v, nil
}

// Save writes the artefact of a run's current attempt, replacing what is there.
func (a Artefact[T]) Save(ctx context.Context, o Objects, r run.Run, piece int, v T) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("pipeline: save %s: %w", a.Name, err)
	}
	if err := o.Put(ctx, Key(r.ID, r.Attempt, a.Kind, piece), "application/json", bytes.NewReader(b), int64(len(b))); err != nil {
		return fmt.Errorf("pipeline: save %s: %w", a.Name, err)
	}
	return nil
}
