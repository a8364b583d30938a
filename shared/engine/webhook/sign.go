package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"parley/shared/engine/account"
)

const version = "v1,"

// Tolerance is how far a message's timestamp may be from the receiver's clock, either way.
const Tolerance = 5 * time.Minute

// Signatures returns the value of the signature header: one HMAC-SHA256 over `id.timestamp.body`
// per secret, joined by spaces. During a rotation there are several secrets. It fails if there is
// none.
func Signatures(secrets []account.SigningSecret, id string, at time.Time, body []byte) (string, error) {
	if len(secrets) == 0 {
		return "", errors.New("webhook: nothing to sign with")
	}
	all := make([]string, len(secrets))
	for i, s := range secrets {
		sum, err := sign(s, id, stamp(at), body)
		if err != nil {
			return "", err
		}
		all[i] = version + base64.StdEncoding.EncodeToString(sum)
	}
	return strings.Join(all, " "), nil
}

func sign(s account.SigningSecret, id, at string, body []byte) ([]byte, error) {
	key, err := s.Bytes()
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + at + "."))
	mac.Write(body)
	return mac.Sum(nil), nil
}

// Verify checks a received message. It returns nil if one of the signatures was made with the
// secret and the timestamp is within Tolerance of now.
func Verify(s account.SigningSecret, h http.Header, body []byte, now time.Time) error {
	id, at := h.Get(IDHeader), h.Get(TimestampHeader)
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || id == "" {
		return errors.New("webhook: no id or timestamp")
	}
	if off := now.Sub(time.Unix(seconds, 0)); off > Tolerance || off < -Tolerance {
		return fmt.Errorf("webhook: sent at %s, which is too far from now", time.Unix(seconds, 0).UTC().Format(time.RFC3339))
	}
	want, err := sign(s, id, at, body)
	if err != nil {
		return err
	}
	for one := range strings.FieldsSeq(h.Get(SignatureHeader)) {
		text, ok := strings.CutPrefix(one, version)
		got, err := base64.StdEncoding.DecodeString(text)
		if ok && err == nil && hmac.Equal(got, want) {
			return nil
		}
	}
	return errors.New("webhook: no signature was made with this secret")
}
