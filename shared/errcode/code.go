// Package errcode is the closed set of error codes. HTTP answers, failed runs, the gateway's own
// error answers and the documentation are all built from its one table. A code that is not in the
// table does not exist.
package errcode

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Code is the machine-readable name of an error, the value of `error.code`.
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
	// Status is the HTTP status of an answer with this code. It is 0 for a code that can only end a
	// run: a client reads that code in a 200 poll answer.
	Status int
	// Terminal is true if a run can end with this code.
	Terminal bool
	// Retryable is true if the same request may succeed later.
	Retryable bool
	// Message is the default message: what is wrong and how to fix it.
	Message string
	// By lists the places that raise the code.
	By []Place
}

// Place is a part of the service that raises codes.
type Place string

// The places, in the order in which a request reaches them. An error raised before the call's own
// handler runs (Gateway to Rate) has no requestId.
const (
	Gateway    Place = "gateway"    // the gateway itself: the request did not reach a function
	Router     Place = "router"     // any call
	Key        Place = "key"        // any call that needs a key
	Permission Place = "permission" // any call that needs a permission
	Rate       Place = "rate"       // any call that counts against the key's rate
	Submit     Place = "submit"
	Poll       Place = "poll"
	Erase      Place = "erase"
	List       Place = "runs"
	Ledger     Place = "transactions"
	Uploads    Place = "uploads"
	Health     Place = "health"
	Link       Place = "link" // a link to a report page is made, or all of a run end
	Page       Place = "page" // what such a link opens
	// Chain is the stages of a run: the code ends the run and is read in a 200 answer.
	Chain Place = "chain"
)

// Handler reports whether p is a call's own handler.
func (p Place) Handler() bool {
	switch p {
	case Submit, Poll, Erase, List, Ledger, Uploads, Health, Link, Page:
		return true
	}
	return false
}

func raised(by ...Place) []Place { return by }

// Raised reports whether p raises the code.
func (e Entry) Raised(p Place) bool { return slices.Contains(e.By, p) }

// Table lists every code once, in the order of the client documentation. Its messages are part of
// the OpenAPI document.
var Table = []Entry{
	{MissingAudioFile, 400, false, false, "The request contains no audio. Send the recording as the multipart field 'audio', or name a finished upload in 'uploadId'.", raised(Submit)},
	{UnsupportedFormat, 400, false, false, "The file is not valid MP3, WAV, M4A, WebM, OGG or FLAC audio. Convert it to one of these and resubmit.", raised(Submit)},
	{AudioTooShort, 400, false, false, "The recording is shorter than 3 minutes. Submit at least 3 minutes of audio.", raised(Submit)},
	{AudioTooLong, 400, false, false, "The recording is longer than 45 minutes. Trim it and resubmit.", raised(Submit)},
	{AudioDurationUnavailable, 400, false, false, "The length of the recording could not be read: the file is damaged or truncated. Re-encode it and resubmit.", raised(Submit)},
	{FileTooLarge, 400, false, false, "The file is larger than 25 MB. Compress or trim it and resubmit.", raised(Submit, Uploads)},
	{InvalidLanguageCode, 400, false, false, "The language must be a 2-letter ISO 639-1 code, such as en, es or fr.", raised(Submit)},
	{InvalidExternalID, 400, false, false, "externalId must have 1 to 255 characters. Shorten it, or leave it out.", raised(Submit, List)},
	{InvalidMetadata, 400, false, false, "metadata must be a JSON object of at most 50 keys and 8 KB. Keys may have up to 40 characters, values up to 500.", raised(Submit)},
	{InvalidStatus, 400, false, false, "status must be one of queued, processing, success, partial, failed.", raised(List)},
	{InvalidServiceType, 400, false, false, "serviceType must be speech or cv_deepmatch.", raised(List)},
	{InvalidDate, 400, false, false, "Dates must be ISO 8601, such as 2026-04-21T12:34:56Z.", raised(List)},
	{InvalidParameters, 400, false, false, "A parameter is invalid. details.fields lists each one, with its bounds if it has any.", raised(Submit, Uploads, Link, Gateway)},
	{InvalidTags, 400, false, false, "tags must be at most 20 distinct strings of 1 to 40 characters each.", raised(Submit, List)},
	{InvalidLimit, 400, false, false, "limit must be a whole number from 1 to 100.", raised(List, Ledger)},
	{InvalidCursor, 400, false, false, "The cursor is not a nextCursor of this list. Start again without a cursor.", raised(List, Ledger)},
	{InvalidWebhookURL, 400, false, false, "webhookUrl must be an https URL with a public host.", raised(Submit)},
	{UploadNotFound, 404, false, false, "No finished upload has this uploadId. Request a new one at POST /api/v1/speech/uploads and post the file to it.", raised(Submit)},

	{MissingAPIKey, 401, false, false, "No API key was sent. Send it in the X-API-Key header, or as Authorization: Bearer.", raised(Key)},
	{InvalidAPIKey, 401, false, false, "The API key is unknown or no longer active. Check the key that your client sends.", raised(Key)},
	{APIKeyExpired, 401, false, false, "The API key has expired. Rotate to a fresh key.", raised(Key)},
	{ClientInactive, 401, false, false, "The account behind this key is disabled. Contact support.", raised(Key)},

	{InsufficientCredits, 402, false, false, "The account does not have enough credits for this recording. Top up and retry; see GET /api/v1/credits.", raised(Submit)},

	{MultilingualNotEnabled, 403, false, false, "Analysis of languages other than English is not enabled for this account. Contact your account manager.", raised(Submit)},
	{IPNotAllowed, 403, false, false, "This API key may not be used from your IP address. Call from an address on its allow-list.", raised(Key)},
	{MissingPermission, 403, false, false, "This API key does not have permission for this call. Use a key that does.", raised(Permission)},

	{RequestNotFound, 404, false, false, "No run has this id. Check the id that the submit returned.", raised(Poll, Erase, Link)},
	{NotFound, 404, false, false, "There is nothing at this path. Every path starts with /api/v1; check yours.", raised(Router, Page, Gateway)},
	{MethodNotAllowed, 405, false, false, "This path does not accept this method. The Allow header lists the methods it accepts.", raised(Router)},

	{IdempotencyKeyReused, 409, false, false, "This Idempotency-Key was already used with different input. Use a new key for a new request.", raised(Submit)},
	{IdempotencyInProgress, 409, false, true, "The first request with this Idempotency-Key is still in progress. Retry shortly.", raised(Submit)},
	{RunNotTerminal, 409, false, true, "The run has not ended yet. Retry once it has.", raised(Erase)},

	{RequestTooLarge, 413, false, false, "The request is too large to send inline. Request an upload at POST /api/v1/speech/uploads and submit its uploadId.", raised(Gateway)},

	{RateLimitExceeded, 429, false, true, "Too many requests. Wait at least as long as Retry-After says, and back off exponentially.", raised(Rate, Page, Gateway)},
	{PollRateLimited, 429, false, true, "This run was polled too soon. Wait as long as Retry-After says.", raised(Poll)},

	{ServiceWarmingUp, 503, false, true, "The scoring service is still warming up. Retry with backoff.", raised(Submit, Health)},

	{TranscriptionFailed, 0, true, true, "The recording could not be transcribed: too little of the speech was intelligible, or the speech recogniser failed.", raised(Chain)},
	{TranscriptionLowConfidence, 0, true, false, "The speech does not match the requested language, or too little of it was recognised with confidence.", raised(Chain)},
	{ScoringFailed, 0, true, true, "A scorer failed, even when retried. Resubmit the recording.", raised(Chain)},
	{VocabModelTimeout, 0, true, true, "The vocabulary scorer ran out of time. Resubmit the recording.", raised(Chain)},
	{FluencyModelTimeout, 0, true, true, "The fluency scorer ran out of time. Resubmit the recording.", raised(Chain)},
	{AccentScoreUnavailable, 0, true, true, "The accent could not be measured. Resubmit with more, or clearer, speech from the candidate.", raised(Chain)},
	{ServiceConfigurationError, 0, true, false, "An external provider is misconfigured. Contact support.", raised(Chain)},
	{StuckTimeout, 0, true, true, "The run took too long and was stopped. Resubmit the recording.", raised(Chain)},
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

// Lookup returns the table's entry for c; ok is false if the table has none.
func Lookup(c Code) (e Entry, ok bool) { e, ok = byCode[c]; return e, ok }

// Error is an error that a client may see. Any other error becomes INTERNAL_ERROR: logged in full,
// never shown.
type Error struct {
	Code Code
	// Message replaces the table's message if it is not empty.
	Message string
	// RetryAfter is sent as Retry-After, in whole seconds rounded up, if it is above 0.
	RetryAfter time.Duration
	// Details is the envelope's `details`; its shape depends on the code. Nil: none.
	Details map[string]any
	// Cause is for the log only.
	Cause error
}

// New returns an Error with the table's message.
func New(c Code) *Error { return &Error{Code: c} }

// Newf returns an Error with a message of its own.
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

// Text is the message for the client: e.Message, or else the table's.
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

// Of returns the Error that err wraps, or an INTERNAL_ERROR caused by err. Of(nil) is nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return New(InternalError).Because(err)
}

// Is reports whether err wraps an Error with code c.
func Is(err error, c Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == c
}
