package storetest

import (
	"bytes"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/shared/engine/account"
)

// Signings tests an account.Signings.
func Signings(t *testing.T, open func(*testing.T) account.Signings) {
	drawn := func(n int) *bytes.Reader { return bytes.NewReader(bytes.Repeat([]byte{byte(n)}, 64)) }
	each(t, []scenario{
		{"a client without secrets has none", func(t *testing.T) {
			got, err := open(t).Signing(t.Context(), ClientID(1))
			fine(t, err)
			same(t, account.Signing{}, got)
		}},
		{"secrets are read as written, each client its own", func(t *testing.T) {
			s := open(t)
			first, err := account.FirstSecret(t.Context(), s, ClientID(1), drawn(1), Start)
			fine(t, err)
			again, err := account.FirstSecret(t.Context(), s, ClientID(1), drawn(2), Start.Add(time.Hour))
			fine(t, err)
			same(t, first, again)
			rotated, err := account.RotateSecret(t.Context(), s, ClientID(1), drawn(3), time.Hour, Start.Add(time.Minute))
			fine(t, err)
			got, err := s.Signing(t.Context(), ClientID(1))
			fine(t, err)
			same(t, rotated, got)
			if len(got.Secrets) != 2 || got.Secrets[1].Secret != first.Secrets[0].Secret || !strings.HasPrefix(got.Secrets[0].Secret.Reveal(), "whsec_") {
				t.Errorf("%d secrets", len(got.Secrets))
			}
			other, err := s.Signing(t.Context(), ClientID(2))
			fine(t, err)
			same(t, account.Signing{}, other)
		}},
		{"a write on an old reading is refused", func(t *testing.T) {
			s := open(t)
			first, err := account.FirstSecret(t.Context(), s, ClientID(1), drawn(1), Start)
			fine(t, err)
			for _, before := range []account.Signing{{}, {Version: first.Version + 1}} {
				if err := s.PutSigning(t.Context(), ClientID(1), before, first.Rotated("whsec_x", 0, Start)); !errors.Is(err, account.ErrMoved) {
					t.Errorf("version %d: %v", before.Version, err)
				}
			}
			got, err := s.Signing(t.Context(), ClientID(1))
			fine(t, err)
			same(t, first, got)
		}},
		{"8 at once make one first secret", func(t *testing.T) {
			s := open(t)
			var secrets [8]account.SigningSecret
			var failures atomic.Int64
			together(8, func(i int) {
				got, err := account.FirstSecret(t.Context(), s, ClientID(1), drawn(i+1), Start)
				if err != nil {
					t.Error(err)
					failures.Add(1)
					return
				}
				secrets[i] = got.Secrets[0].Secret
			})
			for _, one := range secrets {
				if failures.Load() == 0 && one != secrets[0] {
					t.Error("two callers were told different secrets")
				}
			}
		}},
	})
}
