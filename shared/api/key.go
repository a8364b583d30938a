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

// rateWindow is the period over which a key's submits are counted.
const rateWindow = time.Minute

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
// without a table read. MISSING_API_KEY, INVALID_API_KEY, and the errors of account.Admit.
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
	if e := account.Admit(k, client, caller(c.r), need, c.Clock.Now()); e != nil {
		return e
	}
	c.key, c.client = k, client
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

// count sets the RateLimit headers, which describe the key's submits in the answer to every call.
// It also counts this call if counted is true. RATE_LIMIT_EXCEEDED.
func (c *call) count(counted bool) error {
	limit, now := c.key.Rate, c.Clock.Now()
	if limit < 1 {
		limit = account.DefaultRate
	}
	scope := "submit/" + string(c.key.ID)
	look := c.Limits.Window
	if counted {
		look = c.Limits.Allow
	}
	ok, remaining, reset, err := look(c.r.Context(), scope, limit, rateWindow, now)
	if err != nil {
		return fmt.Errorf("api: count: %w", err)
	}
	wait := max(reset.Sub(now), 0)
	h := c.w.Header()
	h.Set("RateLimit-Limit", strconv.Itoa(limit))
	h.Set("RateLimit-Remaining", strconv.Itoa(max(remaining, 0)))
	h.Set("RateLimit-Reset", strconv.Itoa(wholeSeconds(wait)))
	if counted && !ok {
		return &errcode.Error{Code: errcode.RateLimitExceeded, RetryAfter: max(wait, time.Second)}
	}
	return nil
}
