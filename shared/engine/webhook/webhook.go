// Package webhook tells a client's server that a run has ended: where such a message may go, how it is signed, and the one
// post that a try is. When tries are made is package run's matter (push.go), and the queue's package pipeline's.
//
// The form is that of the Standard Webhooks specification (https://www.standardwebhooks.com).
package webhook

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"parley/shared/engine/run"
)

// Completed is the type of the only message there is.
const Completed = "run.completed"

// The headers of a message.
const (
	IDHeader        = "webhook-id"
	TimestampHeader = "webhook-timestamp"
	SignatureHeader = "webhook-signature"
)

// ID names the message of a run's attempt: the same in all its tries, so that a receiver knows one that it has had.
func ID(r run.Run) string { return "msg_" + string(r.ID) + "_" + strconv.Itoa(r.Attempt) }

// Message is the body.
type Message struct {
	Type string `json:"type"`
	// Timestamp is when the run ended: ISO 8601, UTC, with milliseconds.
	Timestamp string `json:"timestamp"`
	// Data is the run as a runs list shows it.
	Data json.RawMessage `json:"data"`
}

// Body is the message about a run that has ended.
func Body(r run.Run, data json.RawMessage) ([]byte, error) {
	b, err := json.Marshal(Message{Type: Completed, Timestamp: r.CompletedAt.UTC().Format("2006-01-02T15:04:05.000Z07:00"), Data: data})
	if err != nil {
		return nil, fmt.Errorf("webhook: body of %s: %w", r.ID, err)
	}
	return b, nil
}

// stamp is a moment as the header carries it: Unix seconds.
func stamp(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
