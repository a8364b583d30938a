package account_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/shared/engine/account"
)

func signing(t *testing.T, n byte) account.SigningSecret {
	t.Helper()
	s, err := account.NewSigningSecret(bytes.NewReader(bytes.Repeat([]byte{n}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASigningSecretDoesNotPrintItself(t *testing.T) {
	s := signing(t, 7)
	held := struct{ S account.Signing }{account.Signing{Secrets: []account.ValidSecret{{Secret: s}}}}
	for _, printed := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %q", s, held, held, s)} {
		if strings.Contains(printed, s.Reveal()[8:20]) {
			t.Error("a secret was printed")
		}
	}
	if _, err := account.NewSigningSecret(strings.NewReader("short")); err == nil {
		t.Error("a secret was drawn from too little")
	}
}

func TestTheBytesOfASigningSecret(t *testing.T) {
	for secret, ok := range map[account.SigningSecret]bool{
		signing(t, 1): true, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw": true, // 24 bytes
		// 23 bytes
		"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw": false, "whsec_": false, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLQ==": false,
		// 66 bytes
		"whsec_!": false, account.SigningSecret("whsec_" + strings.Repeat("AAAA", 22)): false,
	} {
		if _, err := secret.Bytes(); (err == nil) != ok {
			t.Errorf("%s: %v", secret.Reveal(), err)
		}
	}
}

func TestRotationKeepsTheOldSecretForAsLongAsAsked(t *testing.T) {
	a, b, c, d := signing(t, 1), signing(t, 2), signing(t, 3), signing(t, 4)
	s := account.Signing{}.Rotated(a, 0, now)
	s = s.Rotated(b, time.Hour, now)
	for at, want := range map[time.Duration]string{0: fmt.Sprint(b.Reveal(), a.Reveal()), time.Hour - time.Millisecond: fmt.Sprint(b.Reveal(), a.Reveal()), time.Hour: b.Reveal()} {
		got := ""
		for _, v := range s.At(now.Add(at)) {
			got += v.Reveal()
		}
		if strings.ReplaceAll(want, " ", "") != got {
			t.Errorf("after %s: %s", at, got)
		}
	}
	longer := s.Rotated(c, 100*time.Hour, now.Add(time.Minute))
	if until := longer.Secrets[2].Until; !until.Equal(now.Add(time.Hour)) {
		t.Errorf("a second rotation prolongs the oldest to %s", until)
	}
	if full := longer.Rotated(d, time.Hour, now.Add(2*time.Minute)); len(full.Secrets) != 3 || full.Secrets[2].Secret != b || full.Version != 4 {
		t.Errorf("%+v", full)
	}
	if cut := s.Rotated(c, 0, now); len(cut.Secrets) != 1 || s.Secrets[0].Secret != b {
		t.Errorf("%+v", cut)
	}
}
