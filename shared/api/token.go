package api

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"sync"
	"time"

	"parley/shared/engine/account"
	"parley/shared/engine/run"
)

// The token of a report page is the run's id and the link's id, sealed with AES-256-GCM under a key
// of the deployment. So it tells nothing of the run, it cannot be made or altered without the
// secret, and a guess costs no read of a run. What it opens is decided by the run's own links
// (run.Opens): a sealed token of a link that has ended is as good as none.

const (
	runIDBytes = 30 // the length of a run.ID
	// nonceBytes and tagBytes are what AES-GCM adds to the content of a token.
	nonceBytes, tagBytes = 12, 16
	// sealPurpose separates the key of the tokens from any other use of the secret.
	sealPurpose = "parley report link 1"
	// secretsLasting is how long a process uses the secrets that it has read.
	secretsLasting = time.Minute
)

// tokenLength is the number of characters of the token of a report page.
var tokenLength = sealedLength(runIDBytes + run.LinkIDBytes)

// sealedLength returns the number of characters of a token with so many bytes of content.
func sealedLength(plain int) int {
	return base64.RawURLEncoding.EncodedLen(nonceBytes + plain + tagBytes)
}

// secrets keeps the deployment's secrets for secretsLasting. Safe for concurrent use.
type secrets struct {
	mu    sync.Mutex
	read  time.Time
	valid []account.SigningSecret
}

// get returns the secrets that are valid now, newest first; none before the first link was made.
func (s *secrets) get(ctx context.Context, from account.Signings, now time.Time) ([]account.SigningSecret, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if age := now.Sub(s.read); len(s.valid) > 0 && age >= 0 && age < secretsLasting {
		return s.valid, nil
	}
	have, err := from.Signing(ctx, account.Deployment)
	if err != nil {
		return nil, fmt.Errorf("api: read the deployment's secret: %w", err)
	}
	s.valid, s.read = have.At(now), now
	return s.valid, nil
}

// seal returns the token of a link.
func seal(random io.Reader, secret account.SigningSecret, id run.ID, l run.Link) (string, error) {
	link, err := hex.DecodeString(l.ID)
	if err != nil || len(link) != run.LinkIDBytes || len(id) != runIDBytes {
		return "", fmt.Errorf("api: a token of run %q: impossible ids", id)
	}
	return sealed(random, secret, sealPurpose, append([]byte(id), link...))
}

// unseal returns the run and the link of a token; ok is false if no secret sealed it.
func unseal(valid []account.SigningSecret, token string) (id run.ID, link string, ok bool) {
	if len(token) != tokenLength {
		return "", "", false
	}
	plain, ok := opened(valid, sealPurpose, token)
	if !ok {
		return "", "", false
	}
	return run.ID(plain[:runIDBytes]), hex.EncodeToString(plain[runIDBytes:]), true
}

// sealed encrypts a token's content.
func sealed(random io.Reader, secret account.SigningSecret, purpose string, plain []byte) (string, error) {
	lock, err := tokenKey(secret, purpose)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, nonceBytes, nonceBytes+len(plain)+tagBytes)
	if _, err := io.ReadFull(random, nonce); err != nil {
		return "", fmt.Errorf("api: draw a nonce: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(lock.Seal(nonce, nonce, plain, nil)), nil
}

// opened returns a token's content; ok is false if no secret sealed it for this purpose.
func opened(valid []account.SigningSecret, purpose, token string) (plain []byte, ok bool) {
	// Strict, so that one token has one spelling.
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) < nonceBytes {
		return nil, false
	}
	for _, secret := range valid {
		lock, err := tokenKey(secret, purpose)
		if err != nil {
			continue
		}
		if plain, err := lock.Open(nil, raw[:nonceBytes], raw[nonceBytes:], nil); err == nil {
			return plain, true
		}
	}
	return nil, false
}

func tokenKey(secret account.SigningSecret, purpose string) (cipher.AEAD, error) {
	root, err := secret.Bytes()
	if err != nil {
		return nil, fmt.Errorf("api: the deployment's secret: %w", err)
	}
	key, err := hkdf.Key(sha256.New, root, nil, purpose, 32)
	if err != nil {
		return nil, fmt.Errorf("api: the deployment's secret: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("api: the deployment's secret: %w", err)
	}
	lock, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("api: the deployment's secret: %w", err)
	}
	return lock, nil
}
