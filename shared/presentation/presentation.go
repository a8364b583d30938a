// Package presentation builds what a client sees of a run: the answers to a submit and to a poll,
// an entry of a list, the body of a webhook. It knows nothing of HTTP.
package presentation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"parley/shared/clock"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
)

// Presenter builds the views of runs.
type Presenter struct {
	Service pipeline.Service
	Runs    run.Store
	Objects pipeline.Objects
	Clock   clock.Clock
}

// Accepted returns the answer to the submit of r, whatever has become of r since: a replay gets
// what the first submit got.
func (p Presenter) Accepted(r run.Run) (Accepted, error) {
	h := p.head(r)
	file, _, err := fileOf(r)
	if err != nil {
		return Accepted{}, err
	}
	v := Accepted{
		ID: r.ID, Status: run.Processing, ExternalID: h.ExternalID, ServiceType: h.ServiceType, Timestamp: Stamp(r.CreatedAt),
		PollIntervalSeconds: PollInterval(0), ActiveRequests: r.Met.Running, Audio: file, Credits: Held{r.Cost},
		Metadata: metadataOf(r), Tags: tagsOf(r),
	}
	if r.Met.Queued > 0 {
		v.Status, v.QueuePosition = run.Queued, &r.Met.Queued
	}
	return v, nil
}

// Finished returns the full view of r, which has ended. balance is its client's, in credits.
// ErrDamaged.
func (p Presenter) Finished(ctx context.Context, r run.Run, balance int64) (Finished, error) {
	rep, err := p.report(ctx, &r)
	if err != nil {
		return Finished{}, err
	}
	s, err := p.summary(r, rep, balance)
	return Finished{s, rep.Analysis, rep.Transcript}, err
}

// Live returns the view of r, which has not ended, with its position in the queue.
func (p Presenter) Live(ctx context.Context, r run.Run) (Live, error) {
	v, err := p.live(r)
	if err != nil {
		return v, err
	}
	v.QueuePosition, err = p.queuePosition(ctx, r)
	return v, err
}

// Entry returns r as a list shows it: a Live or a Summary. balance is its client's, in credits.
// With ErrDamaged it still returns an entry, in which the results are null.
func (p Presenter) Entry(ctx context.Context, r run.Run, balance int64) (any, error) {
	if !r.Status.Terminal() {
		return p.live(r)
	}
	rep, damaged := p.report(ctx, &r)
	if damaged != nil && !errors.Is(damaged, ErrDamaged) {
		return nil, damaged
	}
	s, err := p.summary(r, rep, balance)
	if err != nil {
		return nil, err
	}
	return s, damaged
}

// Webhook returns the data of the webhook of r, which has ended: the same entry that a list shows.
// ErrDamaged.
func (p Presenter) Webhook(ctx context.Context, r run.Run) (json.RawMessage, error) {
	a, err := p.Runs.Account(ctx, r.Client)
	if err != nil {
		return nil, fmt.Errorf("presentation: webhook of %s: %w", r.ID, err)
	}
	v, err := p.Entry(ctx, r, a.Balance)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("presentation: webhook of %s: %w", r.ID, err)
	}
	return b, nil
}

// queuePosition is nil if r is not queued, or no longer.
func (p Presenter) queuePosition(ctx context.Context, r run.Run) (*int, error) {
	if r.Status != run.Queued {
		return nil, nil
	}
	n, err := p.Runs.QueuePosition(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("presentation: queue position: %w", err)
	}
	if n < 1 {
		return nil, nil
	}
	return &n, nil
}
