package account_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"parley/shared/engine/account"
	"parley/shared/errcode"
)

var now = time.Date(2026, 4, 21, 12, 0, 0, 0, time.UTC)

func secret(t *testing.T) string {
	t.Helper()
	s, err := account.NewSecret(bytes.NewReader(bytes.Repeat([]byte{0x5a, 3, 0xf1, 77, 9}, 5)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASecretIsWellFormedAndAMistypedOneIsNot(t *testing.T) {
	s := secret(t)
	if !account.WellFormed(s) {
		t.Fatalf("%q is refused", s)
	}
	for i := range s {
		flipped := s[:i] + string(s[i]^1) + s[i+1:]
		if account.WellFormed(flipped) {
			t.Errorf("%q, mistyped at %d, is taken for %q", flipped, i, s)
		}
	}
	for _, bad := range []string{"", "pk_", s[:len(s)-1], s + "a", strings.ToUpper(s)} {
		if account.WellFormed(bad) {
			t.Errorf("%q is taken for a key", bad)
		}
	}
}

func TestRememberDoesNotKeepTheKey(t *testing.T) {
	s := secret(t)
	k := account.Remember("key_1", "cli_1", s, now)
	if k.Hash != account.Hash(s) || strings.Contains(k.Hash, s) || len(k.Prefix)+len(k.Last4) > 12 {
		t.Errorf("%+v", k)
	}
}

func TestAdmit(t *testing.T) {
	at := func(d time.Duration) *time.Time { e := now.Add(d); return &e }
	client := account.Client{ID: "cli_1", Active: true, Permissions: []account.Permission{account.PermissionSpeech}}
	key := account.Key{Client: "cli_1", Active: true}
	v4, v6, mapped := netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("::ffff:203.0.113.9")
	for name, tt := range map[string]struct {
		key    func(*account.Key)
		client func(*account.Client)
		ip     netip.Addr
		need   account.Permission
		want   errcode.Code
	}{
		"an active key":                                    {ip: v4, need: account.PermissionSpeech},
		"a revoked key":                                    {key: func(k *account.Key) { k.Active = false }, ip: v4, want: errcode.InvalidAPIKey},
		"a key at its expiry":                              {key: func(k *account.Key) { k.ExpiresAt = at(0) }, ip: v4, want: errcode.APIKeyExpired},
		"a key a moment before its expiry":                 {key: func(k *account.Key) { k.ExpiresAt = at(time.Millisecond) }, ip: v4},
		"an expired key of a disabled account":             {key: func(k *account.Key) { k.ExpiresAt = at(0) }, client: func(c *account.Client) { c.Active = false }, ip: v4, want: errcode.APIKeyExpired},
		"a disabled account":                               {client: func(c *account.Client) { c.Active = false }, ip: v4, want: errcode.ClientInactive},
		"an address in the list":                           {key: func(k *account.Key) { k.IPs = []string{"203.0.113.0/24"} }, ip: v4},
		"a mapped address in the list":                     {key: func(k *account.Key) { k.IPs = []string{"203.0.113.0/24"} }, ip: mapped},
		"an address outside the list":                      {key: func(k *account.Key) { k.IPs = []string{"203.0.113.0/29"} }, ip: v4, want: errcode.IPNotAllowed},
		"an IPv6 address in the list":                      {key: func(k *account.Key) { k.IPs = []string{"10.0.0.0/8", "2001:db8::/32"} }, ip: v6},
		"the only address in the list":                     {key: func(k *account.Key) { k.IPs = []string{"203.0.113.9/32"} }, ip: v4},
		"an address next to the only one in the list":      {key: func(k *account.Key) { k.IPs = []string{"203.0.113.8/32"} }, ip: v4, want: errcode.IPNotAllowed},
		"the only IPv6 address in the list":                {key: func(k *account.Key) { k.IPs = []string{"2001:db8::1/128"} }, ip: v6},
		"an IPv6 address next to the only one in the list": {key: func(k *account.Key) { k.IPs = []string{"2001:db8::2/128"} }, ip: v6, want: errcode.IPNotAllowed},
		"an IPv6 address outside the network":              {key: func(k *account.Key) { k.IPs = []string{"2001:db9::/32"} }, ip: v6, want: errcode.IPNotAllowed},
		"an IPv6 address where all IPv4 may":               {key: func(k *account.Key) { k.IPs = []string{"0.0.0.0/0"} }, ip: v6, want: errcode.IPNotAllowed},
		"an IPv4 address where all IPv6 may":               {key: func(k *account.Key) { k.IPs = []string{"::/0"} }, ip: v4, want: errcode.IPNotAllowed},
		"a mapped network in the list":                     {key: func(k *account.Key) { k.IPs = []string{"::ffff:203.0.113.0/120"} }, ip: v4},
		"a mapped network outside it":                      {key: func(k *account.Key) { k.IPs = []string{"::ffff:203.0.114.0/120"} }, ip: v4, want: errcode.IPNotAllowed},
		"a list that cannot be read":                       {key: func(k *account.Key) { k.IPs = []string{"203.0.113.9", "any"} }, ip: v4, want: errcode.IPNotAllowed},
		"no address where a list is set":                   {key: func(k *account.Key) { k.IPs = []string{"0.0.0.0/0"} }, want: errcode.IPNotAllowed},
		"a client without the permission":                  {client: func(c *account.Client) { c.Permissions = nil }, ip: v4, need: account.PermissionSpeech, want: errcode.MissingPermission},
	} {
		t.Run(name, func(t *testing.T) {
			k, c := key, client
			if tt.key != nil {
				tt.key(&k)
			}
			if tt.client != nil {
				tt.client(&c)
			}
			got := errcode.Code("")
			if err := account.Admit(k, c, tt.ip, tt.need, now); err != nil {
				got = err.Code
			}
			if got != tt.want {
				t.Errorf("answers %q, want %q", got, tt.want)
			}
		})
	}
}
