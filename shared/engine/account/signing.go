package account

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// SigningSecret is what a client's webhooks are signed with: `whsec_` and the base64 of 32 random bytes, the form of the
// Standard Webhooks specification. Unlike an API key it is kept as it is, since who signs needs it whole. It prints as its
// prefix alone; Reveal is the way to the rest.
type SigningSecret string

const (
	signingPrefix = "whsec_"
	signingBytes  = 32
	// The bounds of a secret's bytes, as of the specification.
	minSigning, maxSigning = 24, 64
	// maxSigningSecrets is how many secrets of a client are valid at once, the newest included.
	maxSigningSecrets = 3
	// MaxSigningOverlap is how long a secret may stay valid beside its successor.
	MaxSigningOverlap = 30 * 24 * time.Hour
)

// NewSigningSecret draws a secret from random.
func NewSigningSecret(random io.Reader) (SigningSecret, error) {
	b := make([]byte, signingBytes)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("account: draw a signing secret: %w", err)
	}
	return SigningSecret(signingPrefix + base64.StdEncoding.EncodeToString(b)), nil
}

// Bytes is the secret as the key of an HMAC. An error says that it is none.
func (s SigningSecret) Bytes() ([]byte, error) {
	text, ok := strings.CutPrefix(string(s), signingPrefix)
	b, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(b) < minSigning || len(b) > maxSigning {
		return nil, fmt.Errorf("account: a signing secret is %s and the base64 of %d to %d bytes", signingPrefix, minSigning, maxSigning)
	}
	return b, nil
}

// Reveal is the whole secret, for the client who checks signatures with it.
func (s SigningSecret) Reveal() string { return string(s) }

// String hides the secret.
func (s SigningSecret) String() string { return signingPrefix + "…" }

// GoString hides the secret.
func (s SigningSecret) GoString() string { return s.String() }

// Signing is the secrets of one client, newest first. Its zero value is that of a client without any.
type Signing struct {
	// Version counts the writes; the condition of each one.
	Version int64
	Secrets []ValidSecret
}

// ValidSecret is a secret and how long it is valid.
type ValidSecret struct {
	Secret    SigningSecret
	CreatedAt time.Time
	Until     time.Time // zero: until it is rotated
}

// ErrMoved says that another write of the same came first.
var ErrMoved = errors.New("account: moved since it was read")

// At lists the secrets that are valid at the moment now, newest first.
func (s Signing) At(now time.Time) []SigningSecret {
	var valid []SigningSecret
	for _, v := range s.Secrets {
		if v.Until.IsZero() || now.Before(v.Until) {
			valid = append(valid, v.Secret)
		}
	}
	return valid
}

// Rotated puts secret in front. Those before it stay valid for overlap (0 to MaxSigningOverlap) at most; of more than three the
// oldest goes at once.
func (s Signing) Rotated(secret SigningSecret, overlap time.Duration, now time.Time) Signing {
	until := now.Add(min(max(overlap, 0), MaxSigningOverlap))
	next := Signing{Version: s.Version + 1, Secrets: []ValidSecret{{Secret: secret, CreatedAt: now}}}
	for _, v := range s.Secrets {
		if v.Until.IsZero() || until.Before(v.Until) {
			v.Until = until
		}
		if now.Before(v.Until) && len(next.Secrets) < maxSigningSecrets {
			next.Secrets = append(next.Secrets, v)
		}
	}
	return next
}

// Clone copies it.
func (s Signing) Clone() Signing { s.Secrets = slices.Clone(s.Secrets); return s }

// Signings keeps the clients' signing secrets.
type Signings interface {
	// Signing reads a client's secrets, consistently; the zero Signing where it has none.
	Signing(ctx context.Context, client ID) (Signing, error)
	// PutSigning writes after where before is still stored: else ErrMoved.
	PutSigning(ctx context.Context, client ID, before, after Signing) error
}

// maxTries bounds the tries at a write that others contend for.
const maxTries = 10

// FirstSecret returns the client's secrets, and gives it a first one where it has none. Repeats and rivals find the same.
func FirstSecret(ctx context.Context, s Signings, client ID, random io.Reader, now time.Time) (Signing, error) {
	return changeSigning(ctx, s, client, random, func(have Signing, fresh SigningSecret) (Signing, bool) {
		return have.Rotated(fresh, 0, now), len(have.At(now)) == 0
	})
}

// RotateSecret gives the client a new secret; the old ones stay valid for overlap.
func RotateSecret(ctx context.Context, s Signings, client ID, random io.Reader, overlap time.Duration, now time.Time) (Signing, error) {
	return changeSigning(ctx, s, client, random, func(have Signing, fresh SigningSecret) (Signing, bool) {
		return have.Rotated(fresh, overlap, now), true
	})
}

func changeSigning(ctx context.Context, s Signings, client ID, random io.Reader, change func(have Signing, fresh SigningSecret) (Signing, bool)) (Signing, error) {
	fresh, err := NewSigningSecret(random)
	if err != nil {
		return Signing{}, err
	}
	for range maxTries {
		before, err := s.Signing(ctx, client)
		if err != nil {
			return Signing{}, err
		}
		if len(before.Secrets) > 0 && before.Secrets[0].Secret == fresh {
			return before, nil // written by a try whose answer was lost
		}
		after, needed := change(before, fresh)
		if !needed {
			return before, nil
		}
		if err := s.PutSigning(ctx, client, before, after); !errors.Is(err, ErrMoved) {
			return after, err
		}
	}
	return Signing{}, fmt.Errorf("account: signing secrets of %s: %w", client, ErrMoved)
}
