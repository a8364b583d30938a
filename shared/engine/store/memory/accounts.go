package memory

import (
	"cmp"
	"context"
	"slices"

	"parley/shared/engine/account"
)

// PutClient implements account.Store.
func (s *Store) PutClient(_ context.Context, c account.Client) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients[c.ID] = c.Clone()
	return nil
}

// ReplaceClient implements account.Store.
func (s *Store) ReplaceClient(_ context.Context, c account.Client) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if was, ok := s.clients[c.ID]; !ok || was.Version != c.Version {
		return account.ErrMoved
	}
	c = c.Clone()
	c.Version++
	s.clients[c.ID] = c
	return nil
}

// Client implements account.Store.
func (s *Store) Client(_ context.Context, id account.ID) (account.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.clients[id]
	if !ok {
		return account.Client{}, account.ErrUnknown
	}
	return c.Clone(), nil
}

// Clients implements account.Store.
func (s *Store) Clients(context.Context) ([]account.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []account.Client{}
	for _, c := range s.clients {
		all = append(all, c.Clone())
	}
	slices.SortFunc(all, func(a, b account.Client) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return all[:min(len(all), 10_000)], nil
}

// PutKey implements account.Store.
func (s *Store) PutKey(_ context.Context, k account.Key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[k.ID] = k.Clone()
	return nil
}

// ReplaceKey implements account.Store.
func (s *Store) ReplaceKey(_ context.Context, k account.Key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if was, ok := s.keys[k.ID]; !ok || was.Version != k.Version {
		return account.ErrMoved
	}
	k = k.Clone()
	k.Version++
	s.keys[k.ID] = k
	return nil
}

// KeyByHash implements account.Store.
func (s *Store) KeyByHash(_ context.Context, hash string) (account.Key, account.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keys {
		if k.Hash != hash {
			continue
		}
		if c, ok := s.clients[k.Client]; ok {
			return k.Clone(), c.Clone(), nil
		}
	}
	return account.Key{}, account.Client{}, account.ErrUnknown
}

// Key implements account.Store.
func (s *Store) Key(_ context.Context, id account.KeyID) (account.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.keys[id]
	if !ok {
		return account.Key{}, account.ErrUnknown
	}
	return k.Clone(), nil
}

// Keys implements account.Store.
func (s *Store) Keys(_ context.Context, client account.ID) ([]account.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []account.Key{}
	for _, k := range s.keys {
		if k.Client == client {
			all = append(all, k.Clone())
		}
	}
	slices.SortFunc(all, func(a, b account.Key) int { return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID)) })
	return all[:min(len(all), 1000)], nil
}
