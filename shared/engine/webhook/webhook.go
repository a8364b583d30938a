// Package webhook tells a client's server that a run has ended. It decides where such a message may
// go, signs it and posts it. Package run decides when to try (push.go), and package pipeline
// handles the queue.
//
// Messages follow the Standard Webhooks specification (https://www.standardwebhooks.com).
package webhook

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"parley/shared/engine/run"
)

// Completed is the type of the only message that we send.
const Completed = "run.completed"

// The headers of a message.
const (
	IDHeader        = "webhook-id"
	TimestampHeader = "webhook-timestamp"
	SignatureHeader = "webhook-signature"
)

// ID returns the id of the message about a run's attempt. It is the same in every try, so that a
// receiver can recognise a message that it has already handled.
func ID(r run.Run) string { return "msg_" + string(r.ID) + "_" + strconv.Itoa(r.Attempt) }

// Message is the body of a webhook.
type Message struct {
	Type string `json:"type"`
	// Timestamp is when the run ended: ISO 8601, UTC, with milliseconds.
	Timestamp string `json:"timestamp"`
	// Data is the run as a list of runs shows it.
	Data json.RawMessage `json:"data"`
}

// Body returns the body of the message about a run that has ended.
func Body(r run.Run, data json.RawMessage) ([]byte, error) {
	b, err := json.Marshal(Message{Type: Completed, Timestamp: r.CompletedAt.UTC().Format("2006-01-02T15:04:05.000Z07:00"), Data: data})
	if err != nil {
		return nil, fmt.Errorf("webhook: body of %s: %w", r.ID, err)
	}
	return b, nil
}

// stamp formats a time for the header: Unix seconds.
func stamp(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
