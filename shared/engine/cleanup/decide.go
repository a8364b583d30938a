package cleanup

import (
	"strings"
	"time"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
)

// How long what nobody needs is kept.
const (
	// uploadKept is how long an upload is kept after it was posted, whether a submit used it or not: the longest that it could
	// have been posted after it was asked for, and the day for which an Idempotency-Key is remembered, so that a submit that is
	// repeated with its key finds the same upload.
	uploadKept = pipeline.UploadLasting + 24*time.Hour
	// orphanKept is how old an object must be to be deleted for having no run: far longer than a submit takes between the two.
	orphanKept = 24 * time.Hour
	// workKept is how long the artefacts of a run are kept after its end, for an operator who looks into it; or as long as its
	// recording, where that is shorter, since they hold the same speech.
	workKept = 24 * time.Hour
)

// Reason is why an object is deleted; empty: it stays.
type Reason string

// The reasons.
const (
	Stays     Reason = ""
	Unused    Reason = "upload past its use"
	Orphan    Reason = "no run"
	Erased    Reason = "run erased"
	Retention Reason = "past the client's retention"
	Worked    Reason = "run ended"
)

// OfUpload decides about an upload at the moment now. Pure, as OfRun is. An object of which it is not known when it was modified
// stays.
func OfUpload(o pipeline.Object, now time.Time) Reason {
	if past(o.Modified, uploadKept, now) {
		return Unused
	}
	return Stays
}

// OfRun decides about an object of a run: its recording, a report, an artefact of its work. r is the run, nil where there is none;
// retention is its client's. Nothing of a run that has not ended is deleted, however old it is.
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

// past tells whether kept has passed since; never since an unknown moment.
func past(since time.Time, kept time.Duration, now time.Time) bool {
	return !since.IsZero() && !now.Before(since.Add(kept))
}

// runOf is the run whose object has this key: audio/{run}, report/{run}/…, work/{run}/….
func runOf(key string) (run.ID, bool) {
	_, rest, _ := strings.Cut(key, "/")
	first, _, _ := strings.Cut(rest, "/")
	id := run.ID(first)
	return id, id.Valid()
}
