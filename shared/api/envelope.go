package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"parley/shared/errcode"
	"parley/shared/presentation"
)

// Envelope is the body of every error answer.
type Envelope struct {
	Error EnvelopeError `json:"error"`
}

// EnvelopeError is the content of an Envelope.
type EnvelopeError struct {
	Code      errcode.Code       `json:"code"`
	Message   string             `json:"message"`
	Timestamp presentation.Stamp `json:"timestamp"`
	// RequestID is the X-Request-Id of the answer; empty if the request was refused before its
	// handler ran.
	RequestID string `json:"requestId,omitempty"`
	// RetryAfterSeconds is at least 1 on 429 and 503, and on any other error that says when to
	// retry.
	RetryAfterSeconds int            `json:"retryAfterSeconds,omitempty"`
	Details           map[string]any `json:"details,omitempty"`
}

// Refuse answers e in an Envelope. requestID is empty if no handler ran. A code without an HTTP
// status answers 500 INTERNAL_ERROR.
func Refuse(w http.ResponseWriter, e *errcode.Error, requestID string, now time.Time) {
	entry, ok := errcode.Lookup(e.Code)
	if !ok || entry.Status == 0 {
		e = errcode.New(errcode.InternalError)
		entry, _ = errcode.Lookup(e.Code)
	}
	body := EnvelopeError{Code: e.Code, Message: e.Text(), Timestamp: presentation.Stamp(now), RequestID: requestID, Details: e.Details}
	if e.RetryAfter > 0 || entry.Status == http.StatusTooManyRequests || entry.Status == http.StatusServiceUnavailable {
		body.RetryAfterSeconds = max(wholeSeconds(e.RetryAfter), 1)
		w.Header().Set("Retry-After", strconv.Itoa(body.RetryAfterSeconds))
	}
	raw, err := json.Marshal(Envelope{body})
	if err != nil { // the details cannot be encoded
		body.Details = nil
		raw, _ = json.Marshal(Envelope{body}) // only strings and numbers: cannot fail
	}
	write(w, entry.Status, raw)
}

func wholeSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// write sends a complete answer. No proxy may cache it, because it may hold a client's data.
func write(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	h.Set("X-Content-Type-Options", "nosniff")
	if status != http.StatusNoContent {
		h.Set("Content-Type", "application/json")
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // it fails only if the client has gone
}
