package account

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/netip"
	"strings"
	"time"

	"parley/shared/errcode"
)

// ErrUnknown means that a client or key does not exist.
var ErrUnknown = errors.New("account: unknown")

// A key is `pk_`, 40 characters (200 random bits) and 7 characters of CRC-32, both in lower-case
// base32. The CRC lets a mistyped key be rejected without a table read.
const (
	keyPrefix  = "pk_"
	keyRandom  = 25 // bytes: 40 characters of base32
	keyLetters = 40
	keySum     = 7
	keyLength  = len(keyPrefix) + keyLetters + keySum
)

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func checksum(s string) string {
	sum := crc32.ChecksumIEEE([]byte(s))
	return base32Lower.EncodeToString([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
}

// NewID makes a client's id from random.
func NewID(random io.Reader) (ID, error) { s, err := draw(random, 20); return ID("cli_" + s), err }

// NewKeyID makes a key's id from random.
func NewKeyID(random io.Reader) (KeyID, error) {
	s, err := draw(random, 20)
	return KeyID("key_" + s), err
}

func draw(random io.Reader, letters int) (string, error) {
	b := make([]byte, (letters*5+7)/8)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("account: draw: %w", err)
	}
	return base32Lower.EncodeToString(b)[:letters], nil
}

// NewSecret makes an API key from random. Show it once: only its hash is stored.
func NewSecret(random io.Reader) (string, error) {
	s, err := draw(random, keyLetters)
	if err != nil {
		return "", err
	}
	return keyPrefix + s + checksum(s), nil
}

// WellFormed reports whether secret has the form and the checksum of a key.
func WellFormed(secret string) bool {
	if len(secret) != keyLength || !strings.HasPrefix(secret, keyPrefix) {
		return false
	}
	body := secret[len(keyPrefix) : len(keyPrefix)+keyLetters]
	return checksum(body) == secret[len(keyPrefix)+keyLetters:]
}

// Hash returns the hash by which a key is stored and found: SHA-256 in lower-case hex.
func Hash(secret string) string { s := sha256.Sum256([]byte(secret)); return hex.EncodeToString(s[:]) }

// Remember returns what is stored of secret: an active key with the default rate.
func Remember(id KeyID, client ID, secret string, now time.Time) Key {
	return Key{ID: id, Client: client, Hash: Hash(secret), Prefix: secret[:8], Last4: secret[len(secret)-4:],
		Active: true, Rate: DefaultRate, CreatedAt: now}
}

// Admit decides whether k may be used from ip at the time now; nil means yes. The first check that
// fails decides the error: INVALID_API_KEY (revoked), API_KEY_EXPIRED, CLIENT_INACTIVE,
// IP_NOT_ALLOWED, MISSING_PERMISSION (only if need is not empty).
func Admit(k Key, c Client, ip netip.Addr, need Permission, now time.Time) *errcode.Error {
	switch {
	case !k.Active:
		return errcode.New(errcode.InvalidAPIKey)
	case k.ExpiresAt != nil && !now.Before(*k.ExpiresAt):
		return errcode.New(errcode.APIKeyExpired)
	case !c.Active:
		return errcode.New(errcode.ClientInactive)
	case !allowed(k.IPs, ip):
		return errcode.New(errcode.IPNotAllowed)
	case need != "" && !c.Permitted(need):
		return errcode.New(errcode.MissingPermission)
	}
	return nil
}

func allowed(list []string, ip netip.Addr) bool {
	if len(list) == 0 {
		return true
	}
	for _, s := range list {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			continue
		}
		if p.Addr().Is4In6() && p.Bits() >= 96 { // ::ffff:203.0.113.0/120 is 203.0.113.0/24
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		if p.Contains(ip.Unmap()) {
			return true
		}
	}
	return false
}
