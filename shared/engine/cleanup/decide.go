package cleanup

import (
	"strings"
	"time"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
)

// How long objects are kept.
const (
	// uploadKept is how long an upload that is in no run is kept after it was posted. It covers the
	// hour in which it may be posted and the day for which an Idempotency-Key is remembered, so
	// that a submit that failed on our side can be repeated with its key.
	uploadKept = pipeline.UploadLasting + 24*time.Hour
	// orphanKept is the age at which an object without a run is deleted. It is far longer than a
	// submit takes between writing the two.
	orphanKept = 24 * time.Hour
	// workKept is how long the artefacts of a run are kept after its end, for operators. They are
	// kept no longer than the recording, because they hold the same speech.
	workKept = 24 * time.Hour
)

// Reason is why an object is deleted; empty: it is kept.
type Reason string

// The reasons.
const (
	Stays     Reason = ""
	Unused    Reason = "upload past its use"
	Used      Reason = "upload used"
	Orphan    Reason = "no run"
	Erased    Reason = "run erased"
	Retention Reason = "past the client's retention"
	Worked    Reason = "run ended"
)

// OfUpload decides about an upload at the time now. It is pure, as OfRun is. r is the run that the
// upload went into, or nil if it went into none; stored is whether that run has its own copy of the
// recording; retention is its client's. An upload in no run that has an unknown modification time
// is kept.
func OfUpload(o pipeline.Object, r *run.Run, stored bool, retention time.Duration, now time.Time) Reason {
	switch {
	case r != nil && !r.ErasedAt.IsZero():
		return Erased
	case r != nil && (stored || !r.Unstarted()):
		return Used
	case r != nil && r.Status.Terminal() && past(r.CompletedAt, retention, now):
		return Retention
	case past(o.Modified, uploadKept, now):
		return Unused
	}
	return Stays
}

// OfRun decides about an object of a run: its recording, a report or an artefact. r is the run, or
// nil if there is none; retention is its client's. Nothing of a run that has not ended is deleted,
// however old.
func OfRun(o pipeline.Object, r *run.Run, retention time.Duration, now time.Time) Reason {
	switch {
	case r == nil && past(o.Modified, orphanKept, now):
		return Orphan
	case r == nil, !r.Status.Terminal():
		return Stays
	case !r.ErasedAt.IsZero():
		return Erased
	case strings.HasPrefix(o.Key, pipeline.AudioPrefix) && past(r.CompletedAt, retention, now):
		return Retention
	case strings.HasPrefix(o.Key, pipeline.WorkPrefix) && past(r.CompletedAt, min(workKept, retention), now):
		return Worked
	}
	return Stays
}

// past reports whether kept has passed since a time; false if that is unknown.
func past(since time.Time, kept time.Duration, now time.Time) bool {
	return !since.IsZero() && !now.Before(since.Add(kept))
}

// runOf returns the run of an object key: audio/{run}, report/{run}/…, work/{run}/….
func runOf(key string) (run.ID, bool) {
	_, rest, _ := strings.Cut(key, "/")
	first, _, _ := strings.Cut(rest, "/")
	id := run.ID(first)
	return id, id.Valid()
}
