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
	"parley/shared/engine/metrics"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/errcode"
	"parley/shared/speech"
)

var submitRoutes = []route{{method: http.MethodPost, pattern: "/speech/analyze", needs: account.PermissionSpeech, counts: submits, do: (*call).submit}}

const (
	// idempotencyLasting is how long an Idempotency-Key is remembered.
	idempotencyLasting = 24 * time.Hour
	// inFlight is longer than a submit can take: the gateway cuts it off after 29 s.
	inFlight = 30 * time.Second
	// inFlightRetry is the least Retry-After while the first submit with the same key is in
	// progress.
	inFlightRetry = 2 * time.Second
	// cleanup bounds the cleaning up after a failed submit, which goes on even if its client has
	// gone.
	cleanup = 10 * time.Second
)

// contentTypes maps a recording's format to the Content-Type of the stored object.
var contentTypes = map[string]string{"mp3": "audio/mpeg", "wav": "audio/wav", "m4a": "audio/mp4", "webm": "audio/webm", "ogg": "audio/ogg", "flac": "audio/flac"}

// submit makes the checks that follow key and rate, in the order of the contract, cheapest first:
// readiness, fields, audio, language grant, credits. Only then does it write anything: first the
// run with its hold, in one transaction, then the recording, whose arrival starts the first stage.
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
	now := c.Clock.Now()
	s := run.Submission{
		Run: run.Run{ID: c.id, Client: c.client.ID, Key: c.key.ID, Attempt: 1, CreatedAt: now, Request: request, Upload: f.upload},
	}
	if idempotency != "" {
		s.Idempotency = &run.Idempotency{Key: idempotency, Input: inputHash(request, f.content()), Expires: now.Add(idempotencyLasting)}
		switch first, err := c.Runs.Replay(ctx, c.client.ID, *s.Idempotency, now); {
		case err == nil:
			return c.replay(first, s, f)
		case errors.Is(err, run.ErrReused):
			return answer{}, errcode.New(errcode.IdempotencyKeyReused)
		case !errors.Is(err, run.ErrUnknown):
			return answer{}, fmt.Errorf("api: submit: replay: %w", err)
		}
	}
	if f.upload != "" {
		if s.Instead, err = c.free(f); err != nil {
			return answer{}, err
		}
		s.Use = &run.Use{Upload: f.upload, Content: f.audio.hash(), Run: c.id, Expires: now.Add(run.UseLasting)}
	}
	info, err := c.Prober.Probe(ctx, f.audio.file.Name())
	if err != nil {
		return answer{}, fmt.Errorf("api: submit: probe: %w", err)
	}
	if _, err := f.cut(info.DurationMs); err != nil {
		return answer{}, err
	}
	if err := separable(asked.Channels, info.Channels); err != nil {
		return answer{}, err
	}
	if err := hasChannel(asked.CandidateSpeaks, info.Channels); err != nil {
		return answer{}, err
	}
	if asked.Language != DefaultLanguage && !c.client.Granted(account.GrantMultilingual) {
		return answer{}, errcode.New(errcode.MultilingualNotEnabled)
	}
	s.Run.Length = time.Duration(info.DurationMs) * time.Millisecond
	s.Run.Material = speech.File{Format: info.Format, SizeBytes: f.audio.size, Joins: info.Joins, Breaks: info.Breaks, Channels: info.Channels}.Document()
	s.Run.Cost = c.Service.Price(s.Run.Length)
	s.Terms = c.Service.Terms(s.Run.Length, c.client.ConcurrentRuns, c.Budget)
	r, replayed, err := c.Runs.Submit(ctx, s, now)
	switch {
	case errors.Is(err, run.ErrReused):
		return answer{}, errcode.New(errcode.IdempotencyKeyReused)
	case errors.Is(err, run.ErrUsed):
		return answer{}, c.beaten(f)
	case errors.Is(err, credit.ErrInsufficient):
		return answer{}, c.insufficient(s.Run.Cost)
	case err != nil:
		return answer{}, fmt.Errorf("api: submit: %w", err)
	case replayed:
		return c.replay(r, s, f)
	}
	c.log = c.log.With("run", r.ID)
	c.log.Info("run accepted", "client", r.Client, "status", r.Status, "held", r.Cost, "durationMs", r.Length.Milliseconds(), "format", info.Format, "upload", f.upload)
	c.Metrics.Add(metrics.CreditsHeld, float64(r.Cost), nil, "run", string(r.ID))
	if err := c.store(r, f.audio); err != nil {
		return answer{}, err
	}
	return c.accepted(r)
}

// recording checks that the form has a recording; if it names an upload, it looks for that.
// MISSING_AUDIO_FILE, UNSUPPORTED_FORMAT (an empty file), FILE_TOO_LARGE, UPLOAD_NOT_FOUND,
// INVALID_PARAMETERS (both audio and an upload).
func (c *call) recording(f *form) error {
	id, uploaded := f.one(fieldUploadID)
	switch {
	case uploaded && f.audio != nil:
		return invalid(field{Name: fieldUploadID, Message: "was sent together with audio; send only one of them"})
	case uploaded:
		return c.find(f, uploadID(strings.TrimSpace(id)))
	case f.audio == nil, f.audio.size == 0 && !f.audio.named:
		// A browser sends an empty part without a file name if no file was chosen.
		return errcode.New(errcode.MissingAudioFile)
	case f.audio.size == 0:
		return errcode.Newf(errcode.UnsupportedFormat, "The file is empty.")
	}
	return nil
}

// inputHash returns the hash of a submit's input: the fields after parsing, and the hash of the
// recording's content, whether it was sent inline or uploaded.
func inputHash(r run.Request, content string) string {
	raw, err := json.Marshal(struct {
		Request run.Request
		Audio   string
	}{r, content})
	if err != nil {
		panic(err) // only strings, numbers and booleans: cannot fail
	}
	h := sha256.Sum256(raw)
	return hex.EncodeToString(h[:])
}

// insufficient returns INSUFFICIENT_CREDITS with the cost and the credits available.
func (c *call) insufficient(cost int64) error {
	a, err := c.Runs.Account(c.r.Context(), c.client.ID)
	if err != nil {
		return fmt.Errorf("api: submit: account: %w", err)
	}
	return errcode.Newf(errcode.InsufficientCredits, "This recording costs %d credits, but only %d are available. Top up and retry; see GET %s.", cost, a.Available, c.reference("/credits")).
		With("cost", cost).With("available", a.Available)
}

// store stores the recording, and its arrival starts the first stage. Then the upload that it came
// by is no longer needed. If the recording cannot be stored, the run ends at once and its hold is
// released before the client gets the error; the upload stays.
func (c *call) store(r run.Run, audio *spool) error {
	key := pipeline.Key(r.ID, r.Attempt, pipeline.Original, 0)
	file, err := speech.FileOf(r)
	if err == nil {
		_, err = audio.file.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = c.Objects.Put(c.r.Context(), key, contentTypes[file.Format], audio.file, audio.size)
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(c.r.Context()), cleanup)
	defer stop()
	if err != nil {
		// If only the answer was lost, the recording is there, and may already be read.
		if size, lost := c.Objects.Size(ctx, key); lost == nil && size == audio.size {
			c.log.Warn("recording stored, answer lost", "cause", err.Error())
			err = nil
		}
	}
	if err == nil {
		c.discard(r)
		return nil
	}
	err = fmt.Errorf("%s of %s: %w", unstored, r.ID, err)
	// What was stored after all goes first: once the run has ended, a repeat may start it again and
	// store its own copy.
	gone := c.Objects.Delete(ctx, key)
	d := pipeline.Deps{Service: c.Service, Runs: c.Runs, Clients: c.Accounts, Sender: c.Sender, Clock: c.Clock, Log: c.Log, Metrics: c.Metrics, Budget: c.Budget}
	end := d.End(ctx, r, run.Fail(errcode.InternalError, "", err.Error()))
	return errors.Join(err, gone, end)
}

// replay answers a submit that repeats an Idempotency-Key with the same input. The first submit may
// have died after its transaction and before it stored the recording; then this one, which has the
// same recording, finishes the job. IDEMPOTENCY_IN_PROGRESS while the first may still be running.
// UPLOAD_NOT_FOUND if the recording is still needed and its upload is gone.
func (c *call) replay(r run.Run, s run.Submission, f *form) (answer, error) {
	c.log = c.log.With("run", r.ID)
	stored, err := c.stored(r)
	if err != nil {
		return answer{}, fmt.Errorf("api: submit: replay: %w", err)
	}
	switch here := f.has(f.content()); {
	case stored:
	case c.inFlight(r), f.used != nil && f.state == busy: // then the upload was not read
		return answer{}, inProgress(c.Clock.Now().Sub(r.CreatedAt))
	case r.Status.Terminal() && (!here || !storeFailed(r)):
	case !here:
		return answer{}, errcode.New(errcode.UploadNotFound)
	case r.Status.Terminal():
		if r, err = c.revive(r, s, f); err != nil {
			return answer{}, err
		}
		return c.accepted(r)
	default:
		if err := c.store(r, f.audio); err != nil {
			return answer{}, err
		}
	}
	if err := c.spend(f, r); err != nil {
		return answer{}, err
	}
	c.w.Header().Set("Idempotency-Replayed", "true")
	return c.accepted(r)
}

// stored reports whether a run has, or had, its own copy of its recording.
func (c *call) stored(r run.Run) (bool, error) {
	if !r.Unstarted() {
		return true, nil
	}
	_, err := c.Objects.Size(c.r.Context(), pipeline.Key(r.ID, r.Attempt, pipeline.Original, 0))
	if errors.Is(err, pipeline.ErrNoObject) {
		return false, nil
	}
	return err == nil, err
}

// unstored begins the reason of a run that ended because its submit could not store the recording.
const unstored = "api: submit: store the recording"

// storeFailed reports whether a run ended because its submit could not store the recording, which
// its client got as an error.
func storeFailed(r run.Run) bool {
	return r.Status == run.Failed && strings.HasPrefix(r.Reason, unstored) && r.ErasedAt.IsZero()
}

// inFlight reports whether the submit that made a run may still be running.
func (c *call) inFlight(r run.Run) bool {
	return !r.Status.Terminal() && c.Clock.Now().Sub(r.CreatedAt) < inFlight
}

// inProgress returns IDEMPOTENCY_IN_PROGRESS for a repeat of a submit of this age. The waits grow
// with it, so that a client with few tries is still there when the first submit is given up.
func inProgress(age time.Duration) *errcode.Error {
	wait := max(min(2*age, inFlight-age), inFlightRetry)
	return &errcode.Error{Code: errcode.IdempotencyInProgress, RetryAfter: wait}
}

// revive starts a run again whose first submit answered an error because it could not store the
// recording. The idempotency key promises the client that it may retry.
func (c *call) revive(r run.Run, s run.Submission, f *form) (run.Run, error) {
	s.Run = r
	s.Terms = c.Service.Terms(r.Length, c.client.ConcurrentRuns, c.Budget)
	again, err := c.Runs.Retry(c.r.Context(), r, s, c.Clock.Now())
	switch {
	case errors.Is(err, run.ErrGone), errors.Is(err, run.ErrStale):
		// Another retry was faster.
		return r, &errcode.Error{Code: errcode.IdempotencyInProgress, RetryAfter: inFlightRetry, Cause: err}
	case errors.Is(err, credit.ErrInsufficient):
		return r, c.insufficient(r.Cost)
	case err != nil:
		return r, fmt.Errorf("api: submit: revive %s: %w", r.ID, err)
	}
	c.log.Info("run accepted again", "attempt", again.Attempt)
	c.Metrics.Add(metrics.CreditsHeld, float64(again.Cost), nil, "run", string(again.ID))
	if err := c.store(again, f.audio); err != nil {
		return r, err
	}
	return again, c.spend(f, again)
}

func (c *call) accepted(r run.Run) (answer, error) {
	v, err := c.presenter().Accepted(r)
	if err != nil {
		return answer{}, fmt.Errorf("api: submit: %w", err)
	}
	c.w.Header().Set("Location", c.reference("/speech/analyze/"+string(r.ID)))
	return answer{http.StatusAccepted, v}, nil
}
