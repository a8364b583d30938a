// Package account holds who may call: clients with their settings and grants, and the API keys that speak for them.
package account

import (
	"context"
	"slices"
	"time"
)

// ID names a client: `cli_` and 20 characters of lower-case base32.
type ID string

// KeyID names an API key without being it: `key_` and 20 characters of lower-case base32.
type KeyID string

// Defaults of a client's and a key's settings.
const (
	// DefaultConcurrentRuns is how many runs of a client process at once.
	DefaultConcurrentRuns = 8
	// DefaultRate is how many submits a key may send per minute.
	DefaultRate = 500
	// DefaultAudioRetentionDays is how many days a recording is kept after its run ended.
	DefaultAudioRetentionDays = 30
)

// MaxAudioRetentionDays is the most that may be set.
const MaxAudioRetentionDays = 365

// Grant is a capability of a client that is off unless given.
type Grant string

// GrantMultilingual allows languages other than English.
const GrantMultilingual Grant = "multilingual"

// Permission is what a client's keys may call.
type Permission string

// PermissionSpeech allows every call under /speech and /runs.
const PermissionSpeech Permission = "speech"

// Client is one account.
type Client struct {
	ID             ID           `json:"clientId"`
	Name           string       `json:"name"`
	Active         bool         `json:"active"`
	ConcurrentRuns int          `json:"concurrentRuns"` // runs that process at once, 1 to 1000
	Grants         []Grant      `json:"grants"`
	Permissions    []Permission `json:"permissions"`
	// AudioRetentionDays is how many days a recording is kept after its run ended, 0 to 365; 0: the upkeep that comes upon it next
	// deletes it. nil: the default.
	AudioRetentionDays *int      `json:"audioRetentionDays"`
	CreatedAt          time.Time `json:"createdAt"`
	// Version counts the replacements; the condition of each one.
	Version int64 `json:"-"`
}

// Clone copies it.
func (c Client) Clone() Client {
	c.Grants, c.Permissions = slices.Clone(c.Grants), slices.Clone(c.Permissions)
	if c.AudioRetentionDays != nil {
		days := *c.AudioRetentionDays
		c.AudioRetentionDays = &days
	}
	return c
}

// AudioRetention is how long a recording is kept after its run ended.
func (c Client) AudioRetention() time.Duration {
	days := DefaultAudioRetentionDays
	if c.AudioRetentionDays != nil {
		days = *c.AudioRetentionDays
	}
	return time.Duration(days) * 24 * time.Hour
}

// Granted tells whether the client has g.
func (c Client) Granted(g Grant) bool {
	return slices.Contains(c.Grants, g)
}

// Permitted tells whether the client has p.
func (c Client) Permitted(p Permission) bool {
	return slices.Contains(c.Permissions, p)
}

// Key is what is kept of an API key: never the key itself.
type Key struct {
	ID        KeyID      `json:"keyId"`
	Client    ID         `json:"clientId"`
	Hash      string     `json:"-"`         // lower-case hex SHA-256 of the key
	Prefix    string     `json:"prefix"`    // its first 8 characters, for people to tell keys apart
	Last4     string     `json:"last4"`     // its last 4 characters
	Active    bool       `json:"active"`    // false once revoked
	ExpiresAt *time.Time `json:"expiresAt"` // nil: never
	IPs       []string   `json:"ips"`       // CIDR allow-list; empty: any address
	Rate      int        `json:"rate"`      // submits per minute
	CreatedAt time.Time  `json:"createdAt"`
	// Version counts the replacements; the condition of each one.
	Version int64 `json:"-"`
}

// Clone copies it.
func (k Key) Clone() Key {
	k.IPs = slices.Clone(k.IPs)
	if k.ExpiresAt != nil {
		at := *k.ExpiresAt
		k.ExpiresAt = &at
	}
	return k
}

// Store keeps clients and keys.
type Store interface {
	// PutClient creates or replaces a client (not its balance), whatever is stored: the last to write wins.
	PutClient(ctx context.Context, c Client) error
	// ReplaceClient writes c, as the next version, where the version that c has is still stored: else ErrMoved.
	ReplaceClient(ctx context.Context, c Client) error
	// Client returns ErrUnknown where there is none.
	Client(ctx context.Context, id ID) (Client, error)
	// Clients returns all clients by creation time, at most 10,000.
	Clients(ctx context.Context) ([]Client, error)
	// PutKey creates or replaces a key, whatever is stored: the last to write wins.
	PutKey(ctx context.Context, k Key) error
	// ReplaceKey writes k, as the next version, where the version that k has is still stored: else ErrMoved. The id, the client and
	// the hash of a key never change.
	ReplaceKey(ctx context.Context, k Key) error
	// KeyByHash returns the key and its client; ErrUnknown where there is none. Consistent: a revoked key is seen revoked.
	KeyByHash(ctx context.Context, hash string) (Key, Client, error)
	// Key returns ErrUnknown where there is none.
	Key(ctx context.Context, id KeyID) (Key, error)
	// Keys returns a client's keys by creation time, at most 1,000.
	Keys(ctx context.Context, client ID) ([]Key, error)
}
