package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"parley/shared/engine/account"
	"parley/shared/engine/credit"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech"
)

var submitRoutes = []route{{method: http.MethodPost, pattern: "/speech/analyze", needs: account.PermissionSpeech, counted: true, do: (*call).submit}}

const (
	// idempotencyLasting is how long an Idempotency-Key is remembered.
	idempotencyLasting = 24 * time.Hour
	// inFlight is how long a submit may take: after it, whoever began one is no longer there. The gateway cuts off at 29 s.
	inFlight = 30 * time.Second
	// inFlightRetry is how soon to ask again after a submit that is still in flight.
	inFlightRetry = 2 * time.Second
	// cleanup bounds what is done for a submit that failed, whether its client still waits or not.
	cleanup = 10 * time.Second
)

// contentTypes are what a stored recording is declared as, by its format.
var contentTypes = map[string]string{"mp3": "audio/mpeg", "wav": "audio/wav", "m4a": "audio/mp4", "webm": "audio/webm", "ogg": "audio/ogg", "flac": "audio/flac"}

// submit checks in the order of the contract, cheapest first: key and rate are behind it, readiness, fields, audio, language
// grant and credits are here. Only then is anything written: the run with its hold in one transaction, after it the
// recording, whose arrival starts the chain.
func (c *call) submit() (answer, error) {
	ctx := c.r.Context()
	ready, err := c.Limits.Ready(ctx)
	if err != nil {
		return answer{}, fmt.Errorf("api: submit: readiness: %w", err)
	}
	if err := warm(ready); err != nil {
		return answer{}, err
	}
	f, err := readForm(c.r, c.TempDir)
	defer f.close()
	if err != nil {
		return answer{}, fmt.Errorf("api: submit: %w", err)
	}
	request, asked, err := f.request(c.Webhooks)
	if err != nil {
		return answer{}, err
	}
	idempotency, err := idempotencyKey(c.r.Header)
	if err != nil {
		return answer{}, err
	}
	if f.late != nil {
		return answer{}, f.late
	}
	if err := c.recording(f); err != nil {
		return answer{}, err
	}
	s := run.Submission{
		Run: run.Run{ID: c.id, Client: c.client.ID, Key: c.key.ID, Attempt: 1, CreatedAt: c.Clock.Now(), Request: request},
	}
	if idempotency != "" {
		s.Idempotency = &run.Idempotency{Key: idempotency, Input: inputHash(request, f.audio), Expires: s.Run.CreatedAt.Add(idempotencyLasting)}
		switch first, err := c.Runs.Replay(ctx, c.client.ID, *s.Idempotency, s.Run.CreatedAt); {
		case err == nil:
			return c.replay(first, s, f.audio)
		case errors.Is(err, run.ErrReused):
			return answer{}, errcode.New(errcode.IdempotencyKeyReused)
		case !errors.Is(err, run.ErrUnknown):
			return answer{}, fmt.Errorf("api: submit: replay: %w", err)
		}
	}
	info, err := c.Prober.Probe(ctx, f.audio.file.Name())
	if err != nil {
		return answer{}, fmt.Errorf("api: submit: probe: %w", err)
	}
	if _, err := f.cut(info.DurationMs); err != nil {
		return answer{}, err
	}
	if asked.Language != DefaultLanguage && !c.client.Granted(account.GrantMultilingual) {
		return answer{}, errcode.New(errcode.MultilingualNotEnabled)
	}
	s.Run.Length = time.Duration(info.DurationMs) * time.Millisecond
	s.Run.Material = speech.File{Format: info.Format, SizeBytes: f.audio.size}.Document()
	s.Run.Cost = c.Service.Price(s.Run.Length)
	s.Terms = c.Service.Terms(s.Run.Length, c.client.ConcurrentRuns, c.Budget)
	r, replayed, err := c.Runs.Submit(ctx, s, s.Run.CreatedAt)
	switch {
	case errors.Is(err, run.ErrReused):
		return answer{}, errcode.New(errcode.IdempotencyKeyReused)
	case errors.Is(err, credit.ErrInsufficient):
		return answer{}, c.insufficient(s.Run.Cost)
	case err != nil:
		return answer{}, fmt.Errorf("api: submit: %w", err)
	case replayed:
		return c.replay(r, s, f.audio)
	}
	c.log.Info("run accepted", "run", r.ID, "client", r.Client, "status", r.Status, "held", r.Cost, "durationMs", r.Length.Milliseconds(), "format", info.Format)
	if err := c.store(r, f.audio); err != nil {
		return answer{}, err
	}
	return c.accepted(r)
}

// recording makes sure that there is one, sent or uploaded. MISSING_AUDIO_FILE, UNSUPPORTED_FORMAT (empty), FILE_TOO_LARGE,
// UPLOAD_NOT_FOUND, INVALID_PARAMETERS (both).
func (c *call) recording(f *form) error {
	id, uploaded := f.one(fieldUploadID)
	switch {
	case uploaded && f.audio != nil:
		return invalid(field{Name: fieldUploadID, Message: "was sent beside audio; send one of them"})
	case uploaded:
		return c.fetch(f, uploadID(strings.TrimSpace(id)))
	case f.audio == nil, f.audio.size == 0 && !f.audio.named:
		// A browser's form without a chosen file sends an empty part without a name.
		return errcode.New(errcode.MissingAudioFile)
	case f.audio.size == 0:
		return errcode.Newf(errcode.UnsupportedFormat, "The file is empty.")
	}
	return nil
}

// fetch copies an upload to a file of our own. What is judged is then what is billed and scored, whatever the client posts
// to the same place meanwhile.
func (c *call) fetch(f *form, id uploadID) error {
	if !id.valid() {
		return errcode.New(errcode.UploadNotFound)
	}
	body, size, err := c.Objects.Get(c.r.Context(), id.key(c.client.ID), 0, maxAudio+1)
	switch {
	case errors.Is(err, pipeline.ErrNoObject):
		return errcode.New(errcode.UploadNotFound)
	case err != nil:
		return fmt.Errorf("api: submit: upload: %w", err)
	}
	defer func() { _ = body.Close() }() // only read from
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

// inputHash is the hash of all that a submit asks for: the fields as they are understood, and the recording's content
// whichever way it came.
func inputHash(r run.Request, audio *spool) string {
	raw, err := json.Marshal(struct {
		Request run.Request
		Audio   string
	}{r, audio.hash()})
	if err != nil {
		panic(err) // strings, numbers and booleans
	}
	h := sha256.Sum256(raw)
	return hex.EncodeToString(h[:])
}

// insufficient is INSUFFICIENT_CREDITS with what is missing.
func (c *call) insufficient(cost int64) error {
	a, err := c.Runs.Account(c.r.Context(), c.client.ID)
	if err != nil {
		return fmt.Errorf("api: submit: account: %w", err)
	}
	return errcode.Newf(errcode.InsufficientCredits, "This recording costs %d credits and %d are available. Top up before retrying; see GET %s/credits.", cost, a.Available, Base).
		With("cost", cost).With("available", a.Available)
}

// store puts the recording where its arrival starts the chain. Where that fails the run ends at once and its hold is
// released, before the client hears of it.
func (c *call) store(r run.Run, audio *spool) error {
	key := pipeline.Key(r.ID, r.Attempt, pipeline.Original, 0)
	file, err := speech.FileOf(r)
	if err == nil {
		_, err = audio.file.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = c.Objects.Put(c.r.Context(), key, contentTypes[file.Format], audio.file, audio.size)
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("api: submit: store the recording of %s: %w", r.ID, err)
	ctx, stop := context.WithTimeout(context.WithoutCancel(c.r.Context()), cleanup)
	defer stop()
	d := pipeline.Deps{Service: c.Service, Runs: c.Runs, Clients: c.Accounts, Sender: c.Sender, Clock: c.Clock, Log: c.log, Budget: c.Budget}
	end := d.End(ctx, r, run.Fail(errcode.InternalError, "", err.Error()))
	return errors.Join(err, end, c.Objects.Delete(ctx, key))
}

// replay answers a submit whose Idempotency-Key is known, with the same input. The first submit may have died between its
// transaction and the recording; then this one, which holds the same recording, does what is left. IDEMPOTENCY_IN_PROGRESS
// while the first may still be at it.
func (c *call) replay(r run.Run, s run.Submission, audio *spool) (answer, error) {
	ctx := c.r.Context()
	// A recording that is gone from a run whose pieces were cut was there once: the upkeep deleted it.
	neverStarted := r.Status == run.Failed && r.Failure != nil && r.Failure.Code == errcode.InternalError && r.ErasedAt.IsZero() && r.Pieces == 0
	if !r.Status.Terminal() || neverStarted {
		_, err := c.Objects.Size(ctx, pipeline.Key(r.ID, r.Attempt, pipeline.Original, 0))
		switch {
		case err == nil:
		case !errors.Is(err, pipeline.ErrNoObject):
			return answer{}, fmt.Errorf("api: submit: replay: %w", err)
		case neverStarted:
			return c.revive(r, s, audio)
		case c.Clock.Now().Sub(r.CreatedAt) < inFlight:
			return answer{}, &errcode.Error{Code: errcode.IdempotencyInProgress, RetryAfter: inFlightRetry}
		default:
			if err := c.store(r, audio); err != nil {
				return answer{}, err
			}
		}
	}
	c.w.Header().Set("Idempotency-Replayed", "true")
	return c.accepted(r)
}

// revive starts the run again whose first submit could not store the recording and was answered with an error: its client
// retries as the key promises it may.
func (c *call) revive(r run.Run, s run.Submission, audio *spool) (answer, error) {
	s.Run = r
	s.Terms = c.Service.Terms(r.Length, c.client.ConcurrentRuns, c.Budget)
	again, err := c.Runs.Retry(c.r.Context(), r, s, c.Clock.Now())
	switch {
	case errors.Is(err, run.ErrGone), errors.Is(err, run.ErrStale):
		// Another retry was faster.
		return answer{}, &errcode.Error{Code: errcode.IdempotencyInProgress, RetryAfter: inFlightRetry, Cause: err}
	case errors.Is(err, credit.ErrInsufficient):
		return answer{}, c.insufficient(r.Cost)
	case err != nil:
		return answer{}, fmt.Errorf("api: submit: revive %s: %w", r.ID, err)
	}
	c.log.Info("run accepted again", "run", again.ID, "attempt", again.Attempt)
	if err := c.store(again, audio); err != nil {
		return answer{}, err
	}
	return c.accepted(again)
}

// accepted answers 202.
func (c *call) accepted(r run.Run) (answer, error) {
	ctx := c.r.Context()
	a, err := c.Runs.Account(ctx, r.Client)
	if err != nil {
		return answer{}, fmt.Errorf("api: submit: account: %w", err)
	}
	v, err := c.presenter().Accepted(ctx, r, a.Running)
	if err != nil {
		return answer{}, fmt.Errorf("api: submit: %w", err)
	}
	c.w.Header().Set("Location", Base+"/speech/analyze/"+string(r.ID))
	return answer{http.StatusAccepted, v}, nil
}
