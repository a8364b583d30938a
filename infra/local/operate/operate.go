// Package operate does an operator's work on a system's tables: it opens them and creates clients
// and keys.
package operate

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"time"

	"parley/infra/local"
	"parley/shared/clock"
	"parley/shared/engine/account"
	"parley/shared/engine/config"
	"parley/shared/engine/deployment"
	"parley/shared/speech"
)

// OpenLocal opens a local system through its endpoint. It sets this process's AWS environment
// variables, so that those of the shell do not matter.
func OpenLocal(ctx context.Context, sys local.System) (*deployment.System, error) {
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		v, _ := sys.Lookup(name)
		if err := os.Setenv(name, v); err != nil {
			return nil, fmt.Errorf("operate: set %s: %w", name, err)
		}
	}
	for _, name := range []string{"AWS_SESSION_TOKEN", "AWS_PROFILE"} {
		if err := os.Unsetenv(name); err != nil {
			return nil, fmt.Errorf("operate: unset %s: %w", name, err)
		}
	}
	cfg, err := config.FromEnv(speech.Service, sys.Lookup)
	if err != nil {
		return nil, err
	}
	return deployment.Open(ctx, cfg)
}

// NewClient returns a new client with the default settings. It does not store it.
func NewClient(name string, clk clock.Clock) (account.Client, error) {
	id, err := account.NewID(rand.Reader)
	if err != nil {
		return account.Client{}, fmt.Errorf("operate: %w", err)
	}
	return account.Client{ID: id, Name: name, Active: true, ConcurrentRuns: account.DefaultConcurrentRuns, Grants: []account.Grant{},
		Permissions: []account.Permission{account.PermissionSpeech}, CreatedAt: clk.Now()}, nil
}

// CreateClient stores a client, makes a signing secret for its webhooks, and grants it credits (0
// or more).
func CreateClient(ctx context.Context, sys *deployment.System, client account.Client, credits int64, clk clock.Clock) error {
	if err := sys.Tables.PutClient(ctx, client); err != nil {
		return fmt.Errorf("operate: create client %s: %w", client.ID, err)
	}
	if _, err := account.FirstSecret(ctx, sys.Tables, client.ID, rand.Reader, clk.Now()); err != nil {
		return fmt.Errorf("operate: client %s was created, but without a webhook secret and without its credits: %w", client.ID, err)
	}
	if credits == 0 {
		return nil
	}
	if _, err := sys.Tables.Grant(ctx, client.ID, credits, "initial credits", clk.Now()); err != nil {
		return fmt.Errorf("operate: client %s was created, but without its credits: %w", client.ID, err)
	}
	return nil
}

// Key is a created key. It is the only place that shows the key itself.
type Key struct {
	KeyID     account.KeyID `json:"keyId"`
	Key       string        `json:"key"`
	ExpiresAt *time.Time    `json:"expiresAt"` // nil: never
}

// CreateKey creates a key for an existing client. change sets what differs from the defaults.
func CreateKey(ctx context.Context, sys *deployment.System, client account.ID, clk clock.Clock, change func(*account.Key)) (Key, error) {
	if _, err := sys.Tables.Client(ctx, client); err != nil {
		return Key{}, fmt.Errorf("operate: client %s: %w", client, err)
	}
	id, err := account.NewKeyID(rand.Reader)
	if err != nil {
		return Key{}, fmt.Errorf("operate: %w", err)
	}
	secret, err := account.NewSecret(rand.Reader)
	if err != nil {
		return Key{}, fmt.Errorf("operate: %w", err)
	}
	k := account.Remember(id, client, secret, clk.Now())
	change(&k)
	if err := sys.Tables.PutKey(ctx, k); err != nil {
		return Key{}, fmt.Errorf("operate: create key: %w", err)
	}
	return Key{id, secret, k.ExpiresAt}, nil
}

// Newcomer creates a client with credits and a key on a local system, and returns the key.
func Newcomer(ctx context.Context, s local.System, name string, credits int64) (key string, err error) {
	sys, err := OpenLocal(ctx, s)
	if err != nil {
		return "", err
	}
	clk := clock.Real{}
	client, err := NewClient(name, clk)
	if err != nil {
		return "", err
	}
	if err := CreateClient(ctx, sys, client, credits, clk); err != nil {
		return "", err
	}
	k, err := CreateKey(ctx, sys, client.ID, clk, func(*account.Key) {})
	return k.Key, err
}
