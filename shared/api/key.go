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

// rateWindow is what a key's rate counts over.
const rateWindow = time.Minute

// secret is the API key that a request carries: X-API-Key, or else a bearer token. Errors: MISSING_API_KEY where there is
// neither header, INVALID_API_KEY where what is there cannot be a key.
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
			return "", errcode.Newf(errcode.InvalidAPIKey, "Authorization must be 'Bearer' and the API key, or send the key as X-API-Key.")
		}
		value = strings.TrimSpace(token)
	}
	if !account.WellFormed(value) {
		return "", errcode.New(errcode.InvalidAPIKey)
	}
	return value, nil
}

// admit finds out who calls. A malformed key is refused without a table read. Errors: those of account.Admit, MISSING_API_KEY,
// INVALID_API_KEY.
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

// caller is the address that the connection came from, as RemoteAddr tells it: the gateway adapter puts the gateway's own
// finding there, and no header that a client can write is looked at. The zero address where there is none.
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

// count sets the RateLimit headers, which tell of the key's submits whatever call answers, and counts this call where it is
// one. RATE_LIMIT_EXCEEDED.
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
