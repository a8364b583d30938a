package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"parley/shared/engine/account"
	"parley/shared/engine/run"
)

// The prefixes of object keys. Objects below work/ can be made again; the bucket's lifecycle
// deletes them.
const (
	AudioPrefix  = "audio/"
	WorkPrefix   = "work/"
	ReportPrefix = "report/"
	UploadPrefix = "upload/"
)

// UploadLasting is how long after the request for an upload its file may be posted.
const UploadLasting = time.Hour

// UploadKey returns the key of an upload. It contains the client's id, so no client can name
// another's upload.
func UploadKey(client account.ID, upload string) string {
	return UploadPrefix + string(client) + "/" + upload
}

// UploadOf returns the client and the id of the upload with this key: upload/{client}/{upload}.
func UploadOf(key string) (client account.ID, upload string, ok bool) {
	rest, ok := strings.CutPrefix(key, UploadPrefix)
	id, upload, cut := strings.Cut(rest, "/")
	return account.ID(id), upload, ok && cut && id != "" && upload != "" && !strings.Contains(upload, "/")
}

// Kind is a kind of object of a run: the recording, the result of a stage, the report.
type Kind struct {
	Name string
	form form
}

// form decides how the keys of a kind are built.
type form int

const (
	atWork    form = iota // one JSON object per attempt
	inPieces              // one JSON object per piece of an attempt
	raw                   // one object of bytes per attempt
	rawPieces             // one object of bytes per piece of an attempt
	original              // one object for all attempts
	report                // one JSON object per attempt, kept as long as the run
)

// The kinds that every run has: what its client sent, and its report.
var (
	Original = Kind{"original", original}
	Report   = Kind{"report", report}
)

// Raw returns a kind that holds bytes, one object per attempt.
func Raw(name string) Kind { return Kind{name, raw} }

// RawPieces returns a kind that holds bytes, one object per piece of an attempt.
func RawPieces(name string) Kind { return Kind{name, rawPieces} }

// Key returns the key of an object of an attempt that was never restarted. piece, from 0, matters
// only for a kind with one object per piece.
func Key(id run.ID, attempt int, k Kind, piece int) string {
	return KeyOf(run.Run{ID: id, Attempt: attempt}, k, piece)
}

// KeyOf returns the key of an object of a run's current attempt. An attempt that began again keeps
// its objects apart from those that it made before, since a function of the other edition may still
// be writing those.
func KeyOf(r run.Run, k Kind, piece int) string {
	life := lifeOf(r)
	switch k.form {
	case original:
		return AudioPrefix + string(r.ID)
	case report:
		return fmt.Sprintf("%s%s/%s.json", ReportPrefix, r.ID, life)
	case raw:
		return fmt.Sprintf("%s%s/%s/%s", WorkPrefix, r.ID, life, k.Name)
	case rawPieces:
		return fmt.Sprintf("%s%s/%s/%s-%03d", WorkPrefix, r.ID, life, k.Name, piece)
	case inPieces:
		return fmt.Sprintf("%s%s/%s/%s-%03d.json", WorkPrefix, r.ID, life, k.Name, piece)
	}
	return fmt.Sprintf("%s%s/%s/%s.json", WorkPrefix, r.ID, life, k.Name)
}

// lifeOf names the life of a run that its work belongs to: its attempt, and how often that began
// again.
func lifeOf(r run.Run) string {
	life := strconv.Itoa(r.Attempt)
	if r.Restarts > 0 {
		life += "-" + strconv.Itoa(r.Restarts)
	}
	return life
}

// Artefact is a kind of object that holds a T as JSON: one stage saves it and a later one loads it.
type Artefact[T any] struct{ Kind }

// One returns an artefact with one object per attempt.
func One[T any](name string) Artefact[T] { return Artefact[T]{Kind{name, atWork}} }

// Pieces returns an artefact with one object per piece of an attempt.
func Pieces[T any](name string) Artefact[T] { return Artefact[T]{Kind{name, inPieces}} }

// OfReport returns the artefact of kind Report.
func OfReport[T any]() Artefact[T] { return Artefact[T]{Report} }

// maxArtefact bounds an artefact, in bytes. The words of 45 minutes take about 2 MB.
const maxArtefact = 64 << 20

// Load reads the artefact of a run's current attempt. ErrNoObject.
func (a Artefact[T]) Load(ctx context.Context, o Objects, r run.Run, piece int) (T, error) {
	var v T
	body, size, err := o.Get(ctx, KeyOf(r, a.Kind, piece), 0, 0)
	if err != nil {
		return v, fmt.Errorf("pipeline: load %s: %w", a.Name, err)
	}
	defer func() { _ = body.Close() }() // it was only read
	if size > maxArtefact {
		return v, fmt.Errorf("pipeline: load %s: %d bytes", a.Name, size)
	}
	if err := json.NewDecoder(io.LimitReader(body, maxArtefact)).Decode(&v); err != nil {
		return v, fmt.Errorf("pipeline: load %s: %w", a.Name, err)
	}
	return v, nil
}

// Save writes the artefact of a run's current attempt and replaces any that is there.
func (a Artefact[T]) Save(ctx context.Context, o Objects, r run.Run, piece int, v T) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("pipeline: save %s: %w", a.Name, err)
	}
	if err := o.Put(ctx, KeyOf(r, a.Kind, piece), "application/json", bytes.NewReader(b), int64(len(b))); err != nil {
		return fmt.Errorf("pipeline: save %s: %w", a.Name, err)
	}
	return nil
}
