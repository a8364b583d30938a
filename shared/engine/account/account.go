// Package account defines who may call: clients with their settings and grants, and their API keys.
package account

import (
	"context"
	"slices"
	"time"
)

// ID identifies a client: `cli_` and 20 characters of lower-case base32.
type ID string

// KeyID identifies an API key and is not secret: `key_` and 20 characters of lower-case base32.
type KeyID string

// Defaults of a client's and a key's settings.
const (
	// DefaultConcurrentRuns is how many of a client's runs may be in process at once.
	DefaultConcurrentRuns = 8
	// DefaultRate is how many submits a key may send per minute.
	DefaultRate = 500
	// DefaultAudioRetentionDays is how many days a recording is kept after its run ended.
	DefaultAudioRetentionDays = 30
)

// MaxAudioRetentionDays is the longest retention that may be set, in days.
const MaxAudioRetentionDays = 365

// Grant is a capability that a client has only if it was granted.
type Grant string

// GrantMultilingual allows languages other than English.
const GrantMultilingual Grant = "multilingual"

// Permission is a group of calls that a client's keys may make.
type Permission string

// PermissionSpeech allows every call under /speech and /runs.
const PermissionSpeech Permission = "speech"

// Client is one account.
type Client struct {
	ID             ID           `json:"clientId"`
	Name           string       `json:"name"`
	Active         bool         `json:"active"`
	ConcurrentRuns int          `json:"concurrentRuns"` // runs in process at once, 1 to 1000
	Grants         []Grant      `json:"grants"`
	Permissions    []Permission `json:"permissions"`
	// AudioRetentionDays is how many days a recording is kept after its run ended, 0 to 365. 0: the
	// next cleanup deletes it. nil: DefaultAudioRetentionDays.
	AudioRetentionDays *int      `json:"audioRetentionDays"`
	CreatedAt          time.Time `json:"createdAt"`
	// Version counts the replacements. ReplaceClient succeeds only if it is still the stored one.
	Version int64 `json:"-"`
}

// Clone returns a deep copy.
func (c Client) Clone() Client {
	c.Grants, c.Permissions = slices.Clone(c.Grants), slices.Clone(c.Permissions)
	if c.AudioRetentionDays != nil {
		days := *c.AudioRetentionDays
		c.AudioRetentionDays = &days
	}
	return c
}

// AudioRetention returns how long a recording is kept after its run ended.
func (c Client) AudioRetention() time.Duration {
	days := DefaultAudioRetentionDays
	if c.AudioRetentionDays != nil {
		days = *c.AudioRetentionDays
	}
	return time.Duration(days) * 24 * time.Hour
}

// Granted reports whether the client has g.
func (c Client) Granted(g Grant) bool {
	return slices.Contains(c.Grants, g)
}

// Permitted reports whether the client has p.
func (c Client) Permitted(p Permission) bool {
	return slices.Contains(c.Permissions, p)
}

// Key is what is stored of an API key: its hash and settings, never the key itself.
type Key struct {
	ID     KeyID  `json:"keyId"`
	Client ID     `json:"clientId"`
	Hash   string `json:"-"` // lower-case hex SHA-256 of the key
	// its first 8 characters, so that people can tell keys apart
	Prefix    string     `json:"prefix"`
	Last4     string     `json:"last4"`     // its last 4 characters
	Active    bool       `json:"active"`    // false once revoked
	ExpiresAt *time.Time `json:"expiresAt"` // nil: never
	IPs       []string   `json:"ips"`       // CIDR allow-list; empty: any address
	Rate      int        `json:"rate"`      // submits per minute
	CreatedAt time.Time  `json:"createdAt"`
	// Version counts the replacements. ReplaceKey succeeds only if it is still the stored one.
	Version int64 `json:"-"`
}

// Clone returns a deep copy.
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
	// PutClient creates or replaces a client (not its balance) unconditionally: the last write
	// wins.
	PutClient(ctx context.Context, c Client) error
	// ReplaceClient writes c as the next version. ErrMoved if c.Version is no longer the stored
	// version.
	ReplaceClient(ctx context.Context, c Client) error
	// Client reads a client. ErrUnknown.
	Client(ctx context.Context, id ID) (Client, error)
	// Clients returns all clients in order of creation, at most 10,000.
	Clients(ctx context.Context) ([]Client, error)
	// PutKey creates or replaces a key unconditionally: the last write wins.
	PutKey(ctx context.Context, k Key) error
	// ReplaceKey writes k as the next version. ErrMoved if k.Version is no longer the stored
	// version. The id, the client and the hash of a key never change.
	ReplaceKey(ctx context.Context, k Key) error
	// KeyByHash returns a key and its client. ErrUnknown. The read is consistent: it sees a
	// revocation at once.
	KeyByHash(ctx context.Context, hash string) (Key, Client, error)
	// Key reads a key. ErrUnknown.
	Key(ctx context.Context, id KeyID) (Key, error)
	// Keys returns a client's keys in order of creation, at most 1,000.
	Keys(ctx context.Context, client ID) ([]Key, error)
}
