package simulation

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"parley/shared/engine/account"
	"parley/shared/engine/credit"
	"parley/shared/engine/pipeline"
	"parley/shared/engine/run"
	"parley/shared/speech"
)

// ports is a process's own view of the store, the objects and the queues. Each call is an await
// point.
type ports struct {
	*process
	run.Limits // awaited below where it matters
}

func (w *world) portsOf(p *process) ports { return ports{p, w.store} }

type answer[A, B any] struct {
	a A
	b B
}

// Submit implements run.Store.
func (p ports) Submit(ctx context.Context, s run.Submission, now time.Time) (run.Run, bool, error) {
	v, err := call(p.process, "submit", true, func() (answer[run.Run, bool], error) {
		r, replayed, err := p.w.store.Submit(ctx, s, now)
		if err == nil && !replayed {
			p.w.admitted(r)
		}
		return answer[run.Run, bool]{r, replayed}, err
	})
	return v.a, v.b, err
}

// Replay implements run.Store.
func (p ports) Replay(ctx context.Context, client account.ID, i run.Idempotency, now time.Time) (run.Run, error) {
	return call(p.process, "replay", false, func() (run.Run, error) { return p.w.store.Replay(ctx, client, i, now) })
}

// Used implements run.Store.
func (p ports) Used(ctx context.Context, client account.ID, upload string, now time.Time) (run.Use, error) {
	return call(p.process, "used", false, func() (run.Use, error) { return p.w.store.Used(ctx, client, upload, now) })
}

// Use implements run.Store.
func (p ports) Use(ctx context.Context, client account.ID, u run.Use, now time.Time) error {
	_, err := call(p.process, "use", true, func() (struct{}, error) { return struct{}{}, p.w.store.Use(ctx, client, u, now) })
	return err
}

// Get implements run.Store.
func (p ports) Get(ctx context.Context, id run.ID) (run.Run, error) {
	return call(p.process, "get", false, func() (run.Run, error) { return p.w.store.Get(ctx, id) })
}

// Advance implements run.Store.
func (p ports) Advance(ctx context.Context, before, after run.Run) error {
	_, err := call(p.process, "advance", true, func() (struct{}, error) {
		p.w.touched(before.Client)
		return struct{}{}, p.w.store.Advance(ctx, before, after)
	})
	return err
}

// End implements run.Store.
func (p ports) End(ctx context.Context, seen run.Run, o run.Outcome, now time.Time) (run.Run, error) {
	return call(p.process, "end", true, func() (run.Run, error) {
		p.w.touched(seen.Client)
		return p.w.store.End(ctx, seen, o, now)
	})
}

// Promote implements run.Store.
func (p ports) Promote(ctx context.Context, client account.ID, t run.Terms, now time.Time) (run.Run, error) {
	return call(p.process, "promote", true, func() (run.Run, error) {
		p.w.touched(client)
		return p.w.store.Promote(ctx, client, t, now)
	})
}

// Retry implements run.Store.
func (p ports) Retry(ctx context.Context, seen run.Run, s run.Submission, now time.Time) (run.Run, error) {
	return call(p.process, "retry", true, func() (run.Run, error) {
		p.w.touched(seen.Client)
		return p.w.store.Retry(ctx, seen, s, now)
	})
}

// Erase implements run.Store.
func (p ports) Erase(ctx context.Context, seen run.Run, now time.Time) (run.Run, error) {
	return call(p.process, "erase", true, func() (run.Run, error) {
		p.w.touched(seen.Client)
		return p.w.store.Erase(ctx, seen, now)
	})
}

// List implements run.Store.
func (p ports) List(ctx context.Context, client account.ID, f run.Filter) ([]run.Run, run.Position, error) {
	v, err := call(p.process, "list", false, func() (answer[[]run.Run, run.Position], error) {
		runs, next, err := p.w.store.List(ctx, client, f)
		return answer[[]run.Run, run.Position]{runs, next}, err
	})
	return v.a, v.b, err
}

// QueuePosition implements run.Store.
func (p ports) QueuePosition(ctx context.Context, r run.Run) (int, error) {
	return call(p.process, "queue position", false, func() (int, error) { return p.w.store.QueuePosition(ctx, r) })
}

// Due implements run.Store. An index that lags behind leaves out the latest runs.
func (p ports) Due(ctx context.Context, now time.Time, limit int) ([]run.ID, error) {
	return call(p.process, "due", false, func() ([]run.ID, error) {
		ids, err := p.w.store.Due(ctx, now, limit)
		return stale(p.w, ids), err
	})
}

// Waiting implements run.Store. It reads an index, as Due does.
func (p ports) Waiting(ctx context.Context, limit int) ([]account.ID, error) {
	return call(p.process, "waiting", false, func() ([]account.ID, error) {
		ids, err := p.w.store.Waiting(ctx, limit)
		return stale(p.w, ids), err
	})
}

func stale[T any](w *world, ids []T) []T {
	if _, struck := w.strike(Stale); !struck || len(ids) == 0 {
		return ids
	}
	w.hit(Stale, "an index lacks one of %d", len(ids))
	return slices.Delete(ids, len(ids)-1, len(ids))
}

// Account implements run.Store.
func (p ports) Account(ctx context.Context, client account.ID) (credit.Account, error) {
	return call(p.process, "account", false, func() (credit.Account, error) { return p.w.store.Account(ctx, client) })
}

// Grant implements run.Store.
func (p ports) Grant(ctx context.Context, client account.ID, amount int64, note string, now time.Time) (credit.Entry, error) {
	return call(p.process, "grant", true, func() (credit.Entry, error) {
		p.w.touched(client)
		return p.w.store.Grant(ctx, client, amount, note, now)
	})
}

// Adjust implements run.Store.
func (p ports) Adjust(ctx context.Context, client account.ID, amount int64, note string, now time.Time) (credit.Entry, error) {
	return call(p.process, "adjust", true, func() (credit.Entry, error) {
		p.w.touched(client)
		return p.w.store.Adjust(ctx, client, amount, note, now)
	})
}

// Entries implements run.Store.
func (p ports) Entries(ctx context.Context, client account.ID, before int64, limit int) ([]credit.Entry, error) {
	return call(p.process, "entries", false, func() ([]credit.Entry, error) { return p.w.store.Entries(ctx, client, before, limit) })
}

// Poll implements run.Limits.
func (p ports) Poll(ctx context.Context, id run.ID, every time.Duration, now time.Time) (time.Duration, error) {
	return call(p.process, "poll", true, func() (time.Duration, error) { return p.w.store.Poll(ctx, id, every, now) })
}

// Cursor implements run.Limits.
func (p ports) Cursor(ctx context.Context, walk string) (string, error) {
	return call(p.process, "cursor", false, func() (string, error) { return p.w.store.Cursor(ctx, walk) })
}

// SetCursor implements run.Limits.
func (p ports) SetCursor(ctx context.Context, walk, at string) error {
	_, err := call(p.process, "set cursor", true, func() (struct{}, error) { return struct{}{}, p.w.store.SetCursor(ctx, walk, at) })
	return err
}

// Expire implements run.Limits.
func (p ports) Expire(ctx context.Context, now time.Time, after string, limit int) (int, string, error) {
	v, err := call(p.process, "expire", true, func() (answer[int, string], error) {
		n, next, err := p.w.store.Expire(ctx, now, after, limit)
		return answer[int, string]{n, next}, err
	})
	return v.a, v.b, err
}

// accounts is a process's view of clients and keys.
type accounts struct {
	account.Store
	*process
}

// Client implements account.Store.
func (p accounts) Client(ctx context.Context, id account.ID) (account.Client, error) {
	return call(p.process, "client", false, func() (account.Client, error) { return p.Store.Client(ctx, id) })
}

// KeyByHash implements account.Store.
func (p accounts) KeyByHash(ctx context.Context, hash string) (account.Key, account.Client, error) {
	v, err := call(p.process, "key", false, func() (answer[account.Key, account.Client], error) {
		k, c, err := p.Store.KeyByHash(ctx, hash)
		return answer[account.Key, account.Client]{k, c}, err
	})
	return v.a, v.b, err
}

// objects is a process's view of the objects. Each object that arrives below audio/ is announced to
// ingest.
type objects struct {
	pipeline.Objects
	*process
}

// Put implements pipeline.Objects.
func (o objects) Put(ctx context.Context, key, contentType string, body io.ReadSeeker, size int64) error {
	_, err := call(o.process, "put", true, func() (struct{}, error) {
		err := o.Objects.Put(ctx, key, contentType, body, size)
		if err == nil && strings.HasPrefix(key, pipeline.AudioPrefix) {
			o.w.send(speech.Ingest, arrival(key))
		}
		return struct{}{}, err
	})
	return err
}

// Get implements pipeline.Objects.
func (o objects) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, int64, error) {
	v, err := call(o.process, "read", false, func() (answer[io.ReadCloser, int64], error) {
		body, size, err := o.Objects.Get(ctx, key, offset, length)
		return answer[io.ReadCloser, int64]{body, size}, err
	})
	return v.a, v.b, err
}

// Size implements pipeline.Objects.
func (o objects) Size(ctx context.Context, key string) (int64, error) {
	return call(o.process, "size", false, func() (int64, error) { return o.Objects.Size(ctx, key) })
}

// Delete implements pipeline.Objects.
func (o objects) Delete(ctx context.Context, keys ...string) error {
	_, err := call(o.process, "delete", true, func() (struct{}, error) { return struct{}{}, o.Objects.Delete(ctx, keys...) })
	return err
}

// List implements pipeline.Objects.
func (o objects) List(ctx context.Context, prefix, after string, limit int) ([]pipeline.Object, error) {
	return call(o.process, "list objects", false, func() ([]pipeline.Object, error) { return o.Objects.List(ctx, prefix, after, limit) })
}

// queues is a process's view of the queues.
type queues struct{ *process }

// Send implements pipeline.Sender. Part of a batch may be sent.
func (q queues) Send(_ context.Context, messages []pipeline.Message) error {
	sent := slices.Clone(messages)
	_, err := call(q.process, "send", true, func() (struct{}, error) {
		for _, m := range sent {
			part, err := run.ParsePart(m.Part)
			if err != nil {
				return struct{}{}, err
			}
			q.w.send(part.Stage, body(m))
		}
		return struct{}{}, nil
	})
	return err
}

// Delay implements delivery.Delayer.
func (q queues) Delay(_ context.Context, _ run.Stage, receipt string, after time.Duration) error {
	_, err := call(q.process, "delay", false, func() (struct{}, error) {
		if !q.w.delayReceipt(receipt, after) {
			return struct{}{}, fmt.Errorf("simulation: receipt %s is no longer valid", receipt)
		}
		return struct{}{}, nil
	})
	return err
}
