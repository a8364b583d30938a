package account

import (
	"context"
	"errors"
	"fmt"
)

// ChangeClient reads a client, applies change and writes the result on the condition that nobody
// wrote meanwhile, so that two operators do not undo each other's changes. If somebody did, it
// starts over with a fresh reading, so change may be called several times; an error of change ends
// it. It returns the client as written, but with the Version that was read. Errors: ErrUnknown,
// ErrMoved (others kept changing it), change's own.
func ChangeClient(ctx context.Context, s Store, id ID, change func(*Client) error) (Client, error) {
	return rewrite(fmt.Sprintf("client %s", id), func() (Client, error) { return s.Client(ctx, id) }, change, func(c Client) error { return s.ReplaceClient(ctx, c) })
}

// ChangeKey is ChangeClient for a key. So no change to a key can undo a revocation made meanwhile.
func ChangeKey(ctx context.Context, s Store, id KeyID, change func(*Key) error) (Key, error) {
	return rewrite(fmt.Sprintf("key %s", id), func() (Key, error) { return s.Key(ctx, id) }, change, func(k Key) error { return s.ReplaceKey(ctx, k) })
}

func rewrite[T any](what string, read func() (T, error), change func(*T) error, write func(T) error) (T, error) {
	var none T
	for range maxTries {
		v, err := read()
		if err != nil {
			return none, fmt.Errorf("account: %s: %w", what, err)
		}
		if err := change(&v); err != nil {
			return none, err
		}
		switch err := write(v); {
		case err == nil:
			return v, nil
		case !errors.Is(err, ErrMoved):
			return none, fmt.Errorf("account: %s: %w", what, err)
		}
	}
	return none, fmt.Errorf("account: %s: %w", what, ErrMoved)
}
