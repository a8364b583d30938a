package memory

import (
	"context"

	"parley/shared/engine/account"
)

// Signing implements account.Signings.
func (s *Store) Signing(_ context.Context, client account.ID) (account.Signing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.signings[client].Clone(), nil
}

// PutSigning implements account.Signings.
func (s *Store) PutSigning(_ context.Context, client account.ID, before, after account.Signing) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.signings[client].Version != before.Version {
		return account.ErrMoved
	}
	s.signings[client] = after.Clone()
	return nil
}
