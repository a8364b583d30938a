package api

import (
	"errors"
	"fmt"

	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
)

// An upload goes into one run. The transaction that accepts the run records that (run.Use). Once
// the run has its own copy, the upload is deleted; if that fails, package cleanup does it. The
// record stays: a later submit of the upload finds it and is refused, or replayed by its
// Idempotency-Key, whether the upload is gone or was posted once more. Of several submits at once,
// one is accepted.
//
// A run whose submit died or failed before it had stored the recording has no use of it. Then the
// next submit takes the upload over.

// useState is what became of the run that an upload went into.
type useState int

const (
	over   useState = iota // it has, or had, its own copy of the recording
	busy                   // its submit may still be storing the copy
	failed                 // its submit died or failed before that
)

// find looks for an upload. If the upload can still be submitted, find copies it to a file of our
// own. So the file that is checked is the one that is billed and scored, even if the client posts
// another to the same address meanwhile. If there is none, f.audio is nil. UPLOAD_NOT_FOUND only if
// the id is impossible.
func (c *call) find(f *form, id uploadID) error {
	if !id.valid() {
		return errcode.New(errcode.UploadNotFound)
	}
	f.upload = string(id)
	if err := c.lookUp(f); err != nil || f.used != nil && f.state != failed {
		return err
	}
	err := c.fetch(f, id)
	if !errors.Is(err, pipeline.ErrNoObject) {
		return err
	}
	return c.lookUp(f) // another submit may have used it since
}

// lookUp reads the use of the form's upload.
func (c *call) lookUp(f *form) error {
	ctx := c.r.Context()
	used, err := c.Runs.Used(ctx, c.client.ID, f.upload, c.Clock.Now())
	switch {
	case errors.Is(err, run.ErrUnknown):
		return nil
	case err != nil:
		return fmt.Errorf("api: submit: upload: %w", err)
	}
	r, err := c.Runs.Get(ctx, used.Run)
	if err != nil {
		return fmt.Errorf("api: submit: run of the upload: %w", err)
	}
	stored, err := c.stored(r)
	switch {
	case err != nil:
		return fmt.Errorf("api: submit: run of the upload: %w", err)
	case stored:
		f.state = over
	case c.inFlight(r):
		f.state = busy
	default:
		f.state = failed
	}
	f.used = &used
	return nil
}

// free checks that the form's upload is there and can go into a new run. It returns the run that it
// went into before, if that never got the recording. UPLOAD_NOT_FOUND; IDEMPOTENCY_IN_PROGRESS
// while another submit of the same upload may still be running, because the upload is free again if
// that fails.
func (c *call) free(f *form) (instead run.ID, err error) {
	switch {
	case f.used != nil && f.state == over:
		return "", errcode.Newf(errcode.UploadNotFound, "This upload was already submitted. Request a new one at POST %s and post the file to it.", c.reference("/speech/uploads"))
	case f.used != nil && f.state == busy:
		return "", inProgress(0)
	case f.audio == nil:
		return "", errcode.New(errcode.UploadNotFound)
	case f.used != nil:
		return f.used.Run, nil
	}
	return "", nil
}

// beaten returns the answer to a submit whose upload another submit used first: as free does.
func (c *call) beaten(f *form) error {
	if err := c.lookUp(f); err != nil {
		return err
	}
	if _, err := c.free(f); err != nil {
		return err
	}
	return inProgress(0)
}

// fetch copies an upload to a file of our own. pipeline.ErrNoObject, FILE_TOO_LARGE,
// UNSUPPORTED_FORMAT (an empty file).
func (c *call) fetch(f *form, id uploadID) error {
	body, size, err := c.Objects.Get(c.r.Context(), id.key(c.client.ID), 0, maxAudio+1)
	if err != nil {
		return fmt.Errorf("api: submit: upload: %w", err)
	}
	defer func() { _ = body.Close() }() // it was only read
	if size > maxAudio {
		return errcode.New(errcode.FileTooLarge)
	}
	if f.audio, err = newSpool(c.TempDir); err != nil {
		return err
	}
	f.audio.named = true
	if err := f.audio.fill(body); err != nil {
		return err
	}
	if f.audio.size == 0 {
		return errcode.Newf(errcode.UnsupportedFormat, "The file is empty.")
	}
	if f.audio.size != size {
		return fmt.Errorf("api: submit: upload %s: read %d of %d bytes", id, f.audio.size, size)
	}
	return nil
}

// spend uses up the upload of a replay, which brought the recording of r once more.
func (c *call) spend(f *form, r run.Run) error {
	switch {
	case f.upload == "", f.used != nil && f.used.Run != r.ID, f.used == nil && f.audio == nil:
		return nil
	case f.used == nil:
		now := c.Clock.Now()
		u := run.Use{Upload: f.upload, Content: f.audio.hash(), Run: r.ID, Expires: now.Add(run.UseLasting)}
		switch err := c.Runs.Use(c.r.Context(), c.client.ID, u, now); {
		case errors.Is(err, run.ErrUsed):
			return nil // it is that run's
		case err != nil:
			return fmt.Errorf("api: submit: use the upload: %w", err)
		}
	}
	if err := c.Objects.Delete(c.r.Context(), pipeline.UploadKey(c.client.ID, f.upload)); err != nil {
		return fmt.Errorf("api: submit: delete the upload: %w", err)
	}
	return nil
}

// discard deletes the upload that brought a run's recording. The run has its own copy, so a failure
// is no reason to refuse it: package cleanup tries again.
func (c *call) discard(r run.Run) {
	if r.Upload == "" {
		return
	}
	if err := c.Objects.Delete(c.r.Context(), pipeline.UploadKey(r.Client, r.Upload)); err != nil {
		c.log.Warn("upload left to the cleanup", "upload", r.Upload, "cause", err.Error())
	}
}
