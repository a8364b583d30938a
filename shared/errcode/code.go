// Package errcode is the closed set of error codes: one table from which HTTP answers, terminal runs, the
// gateway's own refusals and the documentation are built. A code that is not in the table does not exist.
package errcode

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Code is the machine-readable name of an error, as it stands in `error.code`.
type Code string

// The codes, grouped as in the client documentation.
const (
	MissingAudioFile         Code = "MISSING_AUDIO_FILE"
	UnsupportedFormat        Code = "UNSUPPORTED_FORMAT"
	AudioTooShort            Code = "AUDIO_TOO_SHORT"
	AudioTooLong             Code = "AUDIO_TOO_LONG"
	AudioDurationUnavailable Code = "AUDIO_DURATION_UNAVAILABLE"
	FileTooLarge             Code = "FILE_TOO_LARGE"
	InvalidLanguageCode      Code = "INVALID_LANGUAGE_CODE"
	InvalidExternalID        Code = "INVALID_EXTERNAL_ID"
	InvalidMetadata          Code = "INVALID_METADATA"
	InvalidStatus            Code = "INVALID_STATUS"
	InvalidServiceType       Code = "INVALID_SERVICE_TYPE"
	InvalidDate              Code = "INVALID_DATE"
	InvalidParameters        Code = "INVALID_PARAMETERS"
	InvalidTags              Code = "INVALID_TAGS"
	InvalidLimit             Code = "INVALID_LIMIT"
	InvalidCursor            Code = "INVALID_CURSOR"
	InvalidWebhookURL        Code = "INVALID_WEBHOOK_URL"
	UploadNotFound           Code = "UPLOAD_NOT_FOUND"

	MissingAPIKey  Code = "MISSING_API_KEY"
	InvalidAPIKey  Code = "INVALID_API_KEY"
	APIKeyExpired  Code = "API_KEY_EXPIRED"
	ClientInactive Code = "CLIENT_INACTIVE"

	InsufficientCredits Code = "INSUFFICIENT_CREDITS"

	MultilingualNotEnabled Code = "MULTILINGUAL_NOT_ENABLED"
	IPNotAllowed           Code = "IP_NOT_ALLOWED"
	MissingPermission      Code = "MISSING_PERMISSION"

	RequestNotFound  Code = "REQUEST_NOT_FOUND"
	NotFound         Code = "NOT_FOUND"
	MethodNotAllowed Code = "METHOD_NOT_ALLOWED"

	IdempotencyKeyReused  Code = "IDEMPOTENCY_KEY_REUSED"
	IdempotencyInProgress Code = "IDEMPOTENCY_IN_PROGRESS"
	RunNotTerminal        Code = "RUN_NOT_TERMINAL"

	RequestTooLarge Code = "REQUEST_TOO_LARGE"

	RateLimitExceeded Code = "RATE_LIMIT_EXCEEDED"
	PollRateLimited   Code = "POLL_RATE_LIMITED"

	ServiceWarmingUp Code = "SERVICE_WARMING_UP"

	TranscriptionFailed        Code = "TRANSCRIPTION_FAILED"
	TranscriptionLowConfidence Code = "TRANSCRIPTION_LOW_CONFIDENCE"
	ScoringFailed              Code = "SCORING_FAILED"
	VocabModelTimeout          Code = "VOCAB_MODEL_TIMEOUT"
	FluencyModelTimeout        Code = "FLUENCY_MODEL_TIMEOUT"
	AccentScoreUnavailable     Code = "ACCENT_SCORE_UNAVAILABLE"
	ServiceConfigurationError  Code = "SERVICE_CONFIGURATION_ERROR"
	StuckTimeout               Code = "STUCK_TIMEOUT"
	InternalError              Code = "INTERNAL_ERROR"
)

// Entry is one row of the table.
type Entry struct {
	Code Code
	// Status is the HTTP status of an answer with this code; 0 for a code that only ever ends a run (those are
	// read inside a 200 poll answer).
	Status int
	// Terminal is true where a run may end with this code.
	Terminal bool
	// Retryable is true where the same request may succeed later.
	Retryable bool
	// Message is the default sentence: what is wrong and how to mend it.
	Message string
	// By is who raises it.
	By []Place
}

// Place is a part of the service that raises codes.
type Place string

// The places, in the order in which a request meets them. Before a call's own handler runs (Gateway to Rate) an answer has no
// requestId.
const (
	Gateway    Place = "gateway"    // the gateway by itself: the request never reached a function
	Router     Place = "router"     // any call
	Key        Place = "key"        // any call with a key
	Permission Place = "permission" // any call whose key needs a permission
	Rate       Place = "rate"       // any call that counts against the key's rate
	Submit     Place = "submit"
	Poll       Place = "poll"
	Erase      Place = "erase"
	List       Place = "runs"
	Ledger     Place = "transactions"
	Uploads    Place = "uploads"
	Health     Place = "health"
	Chain      Place = "chain" // the end of a run, read in a 200 answer
)

// Handler tells whether p is a call's own handler.
func (p Place) Handler() bool {
	switch p {
	case Submit, Poll, Erase, List, Ledger, Uploads, Health:
		return true
	}
	return false
}

func raised(by ...Place) []Place { return by }

// Raised tells whether p raises the code.
func (e Entry) Raised(p Place) bool { return slices.Contains(e.By, p) }

// Table holds every code once, in the order of the documentation.
var Table = []Entry{
	{MissingAudioFile, 400, false, false, "The request has no audio. Send the recording as the multipart field 'audio', or name a finished upload in 'uploadId'.", raised(Submit)},
	{UnsupportedFormat, 400, false, false, "The file is not valid MP3, WAV, M4A, WebM, OGG or FLAC audio. Convert it to one of these and resubmit.", raised(Submit)},
	{AudioTooShort, 400, false, false, "The recording is shorter than 3 minutes. Submit at least 3 minutes of audio.", raised(Submit)},
	{AudioTooLong, 400, false, false, "The recording is longer than 45 minutes. Trim it and resubmit.", raised(Submit)},
	{AudioDurationUnavailable, 400, false, false, "The length of the recording could not be read; the file is damaged or cut short. Re-encode it and resubmit.", raised(Submit)},
	{FileTooLarge, 400, false, false, "The file is larger than 25 MB. Compress or trim it and resubmit.", raised(Submit, Uploads)},
	{InvalidLanguageCode, 400, false, false, "The language must be a 2-letter ISO 639-1 code, such as en, es or fr.", raised(Submit)},
	{InvalidExternalID, 400, false, false, "externalId must have 1 to 255 characters, or be left out.", raised(Submit, List)},
	{InvalidMetadata, 400, false, false, "metadata must be a JSON object of at most 50 keys and 8 KB, keys up to 40 and values up to 500 characters.", raised(Submit)},
	{InvalidStatus, 400, false, false, "status must be one of queued, processing, success, partial, failed.", raised(List)},
	{InvalidServiceType, 400, false, false, "serviceType must be speech or cv_deepmatch.", raised(List)},
	{InvalidDate, 400, false, false, "Dates must be ISO 8601, such as 2026-04-21T12:34:56Z.", raised(List)},
	{InvalidParameters, 400, false, false, "A parameter is out of its bounds; details.fields names each one with its bounds.", raised(Submit, Uploads, Gateway)},
	{InvalidTags, 400, false, false, "tags must be at most 20 distinct strings of 1 to 40 characters.", raised(Submit, List)},
	{InvalidLimit, 400, false, false, "limit must be a whole number from 1 to 100.", raised(List, Ledger)},
	{InvalidCursor, 400, false, false, "The cursor is not one that this service gave out. Start again without a cursor.", raised(List, Ledger)},
	{InvalidWebhookURL, 400, false, false, "webhookUrl must be an https URL of a public host.", raised(Submit)},
	{UploadNotFound, 404, false, false, "No finished upload has this uploadId. Ask for a new one at POST /api/v1/speech/uploads and post the file to it.", raised(Submit)},

	{MissingAPIKey, 401, false, false, "No API key was sent. Add the X-API-Key header, or Authorization: Bearer.", raised(Key)},
	{InvalidAPIKey, 401, false, false, "The API key is not recognised or no longer active. Check the key that your client sends.", raised(Key)},
	{APIKeyExpired, 401, false, false, "The API key has expired. Rotate to a fresh key.", raised(Key)},
	{ClientInactive, 401, false, false, "The account behind this key is disabled. Contact support.", raised(Key)},

	{InsufficientCredits, 402, false, false, "There are not enough credits for this recording. Top up before retrying; see GET /api/v1/credits.", raised(Submit)},

	{MultilingualNotEnabled, 403, false, false, "Analysis of languages other than English is not enabled for this account. Contact your account manager.", raised(Submit)},
	{IPNotAllowed, 403, false, false, "This API key may not be used from your address. Use an address of its allow-list.", raised(Key)},
	{MissingPermission, 403, false, false, "This API key lacks the permission for this call. Use a key that has it.", raised(Permission)},

	{RequestNotFound, 404, false, false, "No run has this id. Check the id that the submit returned.", raised(Poll, Erase)},
	{NotFound, 404, false, false, "There is nothing at this path. All calls stand under /api/v1; check the path.", raised(Router, Gateway)},
	{MethodNotAllowed, 405, false, false, "This path does not take this method; the Allow header names those it takes.", raised(Router)},

	{IdempotencyKeyReused, 409, false, false, "This Idempotency-Key was used with another input. Use a new key for a new request.", raised(Submit)},
	{IdempotencyInProgress, 409, false, true, "The first request with this Idempotency-Key is still being accepted. Retry shortly.", raised(Submit)},
	{RunNotTerminal, 409, false, true, "The run has not ended yet. Wait until it has.", raised(Erase)},

	{RequestTooLarge, 413, false, false, "The request is too large to be sent inline. Ask for an upload at POST /api/v1/speech/uploads and submit with its uploadId.", raised(Gateway)},

	{RateLimitExceeded, 429, false, true, "Too many requests. Back off exponentially, at least as long as Retry-After says.", raised(Rate, Gateway)},
	{PollRateLimited, 429, false, true, "This run was polled too soon. Wait as long as Retry-After says.", raised(Poll)},

	{ServiceWarmingUp, 503, false, true, "The scoring service is still warming up. Retry with backoff.", raised(Submit, Health)},

	{TranscriptionFailed, 0, true, true, "The recording could not be transcribed: too little speech was intelligible, or the recogniser gave up.", raised(Chain)},
	{TranscriptionLowConfidence, 0, true, false, "What was heard does not match the requested language, or too little of it is certain.", raised(Chain)},
	{ScoringFailed, 0, true, true, "A scorer failed after its retry. Resubmit the recording.", raised(Chain)},
	{VocabModelTimeout, 0, true, true, "The vocabulary scorer ran out of time. Resubmit the recording.", raised(Chain)},
	{FluencyModelTimeout, 0, true, true, "The fluency scorer ran out of time. Resubmit the recording.", raised(Chain)},
	{AccentScoreUnavailable, 0, true, true, "The accent could not be measured. Resubmit with more or clearer speech of the candidate.", raised(Chain)},
	{ServiceConfigurationError, 0, true, false, "An external provider is misconfigured. Contact support.", raised(Chain)},
	{StuckTimeout, 0, true, true, "The run exceeded its watchdog timeout. Resubmit the recording.", raised(Chain)},
	{InternalError, 500, true, true, "Something unexpected went wrong on our side. Contact support with the request id.", raised(Router, Gateway, Chain)},
}

var byCode = func() map[Code]Entry {
	m := make(map[Code]Entry, len(Table))
	for _, e := range Table {
		if _, twice := m[e.Code]; twice {
			panic("errcode: listed twice: " + string(e.Code))
		}
		m[e.Code] = e
	}
	return m
}()

// Lookup returns the row of c; ok is false for a code that is not in the table.
func Lookup(c Code) (e Entry, ok bool) { e, ok = byCode[c]; return e, ok }

// Error is an error that a client may see. Anything else is an INTERNAL_ERROR: logged whole, shown never.
type Error struct {
	Code Code
	// Message replaces the table's sentence where a more exact one is known; empty otherwise.
	Message string
	// RetryAfter is sent as Retry-After (whole seconds, rounded up) where above 0.
	RetryAfter time.Duration
	// Details is the envelope's `details`, shaped by code; nil where there are none.
	Details map[string]any
	// Cause is for the log only.
	Cause error
}

// New makes an Error with the table's sentence.
func New(c Code) *Error { return &Error{Code: c} }

// Newf makes an Error with a sentence of its own.
func Newf(c Code, format string, args ...any) *Error {
	return &Error{Code: c, Message: fmt.Sprintf(format, args...)}
}

// Because returns a copy of e that carries cause for the log.
func (e *Error) Because(cause error) *Error { n := *e; n.Cause = cause; return &n }

// With returns a copy of e with details[k] = v.
func (e *Error) With(k string, v any) *Error {
	n := *e
	n.Details = map[string]any{}
	maps.Copy(n.Details, e.Details)
	n.Details[k] = v
	return &n
}

// Text is the sentence for the client.
func (e *Error) Text() string {
	if e.Message != "" {
		return e.Message
	}
	return byCode[e.Code].Message
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Text(), e.Cause)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Text())
}

func (e *Error) Unwrap() error { return e.Cause }

// Of returns the Error inside err, or INTERNAL_ERROR around it. Of(nil) is nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return New(InternalError).Because(err)
}

// Is tells whether err carries the code c.
func Is(err error, c Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == c
}
