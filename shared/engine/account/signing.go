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

// SigningSecret signs a client's webhooks: `whsec_` and the base64 of 32 random bytes, as the
// Standard Webhooks specification defines it. Unlike an API key it is stored in full, because
// signing needs it. It prints as its prefix only; Reveal returns all of it.
type SigningSecret string

// Deployment owns the secrets that belong to the deployment and to no client. It signs the links to
// report pages.
const Deployment ID = "deployment"

const (
	signingPrefix = "whsec_"
	signingBytes  = 32
	// The bounds of a secret in bytes, from the specification.
	minSigning, maxSigning = 24, 64
	// maxSigningSecrets is how many secrets of a client are valid at once, including the newest.
	maxSigningSecrets = 3
	// MaxSigningOverlap is how long a secret may stay valid after it was replaced.
	MaxSigningOverlap = 30 * 24 * time.Hour
)

// NewSigningSecret makes a secret from random.
func NewSigningSecret(random io.Reader) (SigningSecret, error) {
	b := make([]byte, signingBytes)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("account: draw a signing secret: %w", err)
	}
	return SigningSecret(signingPrefix + base64.StdEncoding.EncodeToString(b)), nil
}

// Bytes returns the secret as an HMAC key. It fails if s is not a valid secret.
func (s SigningSecret) Bytes() ([]byte, error) {
	text, ok := strings.CutPrefix(string(s), signingPrefix)
	b, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(b) < minSigning || len(b) > maxSigning {
		return nil, fmt.Errorf("account: a signing secret is %s and the base64 of %d to %d bytes", signingPrefix, minSigning, maxSigning)
	}
	return b, nil
}

// Reveal returns the whole secret, for the client that verifies signatures with it.
func (s SigningSecret) Reveal() string { return string(s) }

// String hides the secret.
func (s SigningSecret) String() string { return signingPrefix + "…" }

// GoString hides the secret.
func (s SigningSecret) GoString() string { return s.String() }

// Signing holds the secrets of one client, newest first. The zero value means that it has none.
type Signing struct {
	// Version counts the writes. PutSigning succeeds only if it is still the stored one.
	Version int64
	Secrets []ValidSecret
}

// ValidSecret is a secret and its validity.
type ValidSecret struct {
	Secret    SigningSecret
	CreatedAt time.Time
	Until     time.Time // zero: until the next rotation
}

// ErrMoved means that another write of the same record came first.
var ErrMoved = errors.New("account: moved since it was read")

// At returns the secrets that are valid at the time now, newest first.
func (s Signing) At(now time.Time) []SigningSecret {
	var valid []SigningSecret
	for _, v := range s.Secrets {
		if v.Until.IsZero() || now.Before(v.Until) {
			valid = append(valid, v.Secret)
		}
	}
	return valid
}

// Rotated makes secret the newest one. The older ones stay valid for at most overlap (0 to
// MaxSigningOverlap). If there would be more than three, the oldest becomes invalid at once.
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

// Clone returns a deep copy.
func (s Signing) Clone() Signing { s.Secrets = slices.Clone(s.Secrets); return s }

// Signings stores the clients' signing secrets.
type Signings interface {
	// Signing reads a client's secrets consistently; the zero Signing if it has none.
	Signing(ctx context.Context, client ID) (Signing, error)
	// PutSigning replaces before by after. ErrMoved if before is no longer stored.
	PutSigning(ctx context.Context, client ID, before, after Signing) error
}

// maxTries bounds the tries at a contended write.
const maxTries = 10

// FirstSecret returns the client's secrets, and makes a first one if none is valid. Repeated and
// concurrent calls return the same one.
func FirstSecret(ctx context.Context, s Signings, client ID, random io.Reader, now time.Time) (Signing, error) {
	return changeSigning(ctx, s, client, random, func(have Signing, fresh SigningSecret) (Signing, bool) {
		return have.Rotated(fresh, 0, now), len(have.At(now)) == 0
	})
}

// RotateSecret gives the client a new secret. The old ones stay valid for at most overlap.
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
			return before, nil // an earlier try wrote it, and its answer was lost
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
