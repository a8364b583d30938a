package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"parley/shared/engine/account"
	"parley/shared/errcode"
)

// rateWindow is the period over which a key's calls are counted.
const rateWindow = time.Minute

// window names calls that are counted together, each kind up to the key's rate.
type window string

const (
	submits window = "submit"
	links   window = "link"
)

// secret returns the API key of a request: X-API-Key, or else the bearer token. MISSING_API_KEY if
// there is neither header; INVALID_API_KEY if the value cannot be a key.
func secret(h http.Header) (string, error) {
	name, value := "X-Api-Key", strings.TrimSpace(h.Get("X-Api-Key"))
	if value == "" {
		name, value = "Authorization", strings.TrimSpace(h.Get("Authorization"))
	}
	if value == "" {
		return "", errcode.New(errcode.MissingAPIKey)
	}
	if len(h.Values(name)) > 1 {
		return "", errcode.Newf(errcode.InvalidAPIKey, "The header %s was sent more than once. Send one key.", name)
	}
	if name == "Authorization" {
		scheme, token, _ := strings.Cut(value, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return "", errcode.Newf(errcode.InvalidAPIKey, "Authorization must be 'Bearer' followed by the API key. Or send the key as X-API-Key.")
		}
		value = strings.TrimSpace(token)
	}
	if !account.WellFormed(value) {
		return "", errcode.New(errcode.InvalidAPIKey)
	}
	return value, nil
}

// admit identifies the client and checks that it may make the call. It rejects a malformed key
// without a table read. It sets key and client also if it refuses a key that is active.
// MISSING_API_KEY, INVALID_API_KEY, and the errors of account.Admit.
func (c *call) admit(need account.Permission) error {
	key, err := secret(c.r.Header)
	if err != nil {
		return err
	}
	k, client, err := c.Accounts.KeyByHash(c.r.Context(), account.Hash(key))
	switch {
	case errors.Is(err, account.ErrUnknown):
		return errcode.New(errcode.InvalidAPIKey)
	case err != nil:
		return fmt.Errorf("api: admit: %w", err)
	}
	if k.Active {
		c.key, c.client = k, client
	}
	if e := account.Admit(k, client, caller(c.r), need, c.Clock.Now()); e != nil {
		return e
	}
	return nil
}

// caller returns the client's IP address from RemoteAddr, where package gateway puts the address
// that API Gateway saw. It reads no header, since a client could forge one. The zero address:
// unknown.
func caller(r *http.Request) netip.Addr {
	if p, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return p.Addr().Unmap()
	}
	a, err := netip.ParseAddr(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap()
}

// count sets the RateLimit headers, which describe the key's submits in the answer to every call,
// and counts this call in w unless w is empty. RATE_LIMIT_EXCEEDED.
func (c *call) count(w window) error {
	submitted, err := c.look(submits, w == submits)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("RateLimit-Limit", strconv.Itoa(c.rate()))
	h.Set("RateLimit-Remaining", strconv.Itoa(max(submitted.remaining, 0)))
	h.Set("RateLimit-Reset", strconv.Itoa(wholeSeconds(submitted.wait)))
	counted := submitted
	if w != submits && w != "" {
		if counted, err = c.look(w, true); err != nil {
			return err
		}
	}
	if w != "" && !counted.ok {
		return &errcode.Error{Code: errcode.RateLimitExceeded, RetryAfter: max(counted.wait, time.Second)}
	}
	return nil
}

// rate is how many calls of each kind the key may make in a window.
func (c *call) rate() int {
	if c.key.Rate < 1 {
		return account.DefaultRate
	}
	return c.key.Rate
}

// windowState is what a window says of a key.
type windowState struct {
	ok        bool // the call is within the rate
	remaining int
	wait      time.Duration // until the window ends
}

// look reads the key's window, and counts this call in it if asked to.
func (c *call) look(w window, count bool) (windowState, error) {
	look, now := c.Limits.Window, c.Clock.Now()
	if count {
		look = c.Limits.Allow
	}
	ok, remaining, reset, err := look(c.r.Context(), string(w)+"/"+string(c.key.ID), c.rate(), rateWindow, now)
	if err != nil {
		return windowState{}, fmt.Errorf("api: count: %w", err)
	}
	return windowState{ok, remaining, max(reset.Sub(now), 0)}, nil
}
