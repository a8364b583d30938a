package main

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"parley/infra/local/operate"
	"parley/shared/engine/account"
)

// listedKey does for a key what listed does for a client.
func listedKey(k account.Key) account.Key {
	k.IPs = append([]string{}, k.IPs...)
	return k
}

func (o *operator) keys() *cobra.Command {
	return o.group("key", "Create, list, revoke and rotate API keys", o.keyCreate(), o.keyList(), o.keyRevoke(), o.keyRotate())
}

func (o *operator) shown(c *cobra.Command, k operate.Key) error {
	return o.print(c, k, func(w table) {
		w.printf("key id\t%s\nkey\t%s\nexpires\t%s\n\nThe key is shown only once. Store it now.\n", k.KeyID, k.Key, until(k.ExpiresAt))
	})
}

func until(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.Format(time.RFC3339)
}

func (o *operator) keyCreate() *cobra.Command {
	var client string
	var expires time.Duration
	var ips []string
	var rate int
	c := &cobra.Command{
		Use: "create", Short: "Create an API key, which is shown only once", Args: exactly(0, "no arguments, only flags"),
		Example: "  parley admin key create --client cli_… --expires-in 720h --ip 203.0.113.0/24 --local",
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case client == "":
				return usage("--client is missing: give the client's id")
			case expires < 0:
				return usage("--expires-in %s: must not be negative", expires)
			case rate < 1 || rate > 100_000:
				return usage("--rate %d: must be 1 to 100000 submits per minute", rate)
			}
			for i, ip := range ips {
				p, err := prefix(ip)
				if err != nil {
					return err
				}
				ips[i] = p
			}
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			k, err := operate.CreateKey(c.Context(), sys, account.ID(client), o.clock, func(k *account.Key) {
				k.IPs, k.Rate = ips, rate
				if expires > 0 {
					at := o.clock.Now().Add(expires)
					k.ExpiresAt = &at
				}
			})
			if err != nil {
				return noClient(client, err)
			}
			return o.shown(c, k)
		},
	}
	f := c.Flags()
	f.StringVar(&client, "client", "", "the client's id")
	f.DurationVar(&expires, "expires-in", 0, "the key's lifetime, such as 1h; 0: no expiry")
	f.StringSliceVar(&ips, "ip", nil, "an address or CIDR that may use the key (default: any)")
	f.IntVar(&rate, "rate", account.DefaultRate, "submits per minute")
	return c
}

// prefix parses a CIDR, or an address as the CIDR that contains only it.
func prefix(s string) (string, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()).String(), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return "", usage("--ip %q: must be an address or a CIDR", s)
	}
	return p.Masked().String(), nil
}

func (o *operator) keyList() *cobra.Command {
	var client string
	c := &cobra.Command{
		Use: "list", Short: "List a client's keys, without the keys themselves", Args: exactly(0, "no arguments, only flags"), Example: "  parley admin key list --client cli_… --local",
		RunE: func(c *cobra.Command, _ []string) error {
			if client == "" {
				return usage("--client is missing: give the client's id")
			}
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			if _, err := sys.Tables.Client(c.Context(), account.ID(client)); err != nil {
				return noClient(client, err)
			}
			keys, err := sys.Tables.Keys(c.Context(), account.ID(client))
			if err != nil {
				return err
			}
			for i := range keys {
				keys[i] = listedKey(keys[i])
			}
			return o.print(c, keys, func(w table) {
				w.printf("KEY\tLOOKS LIKE\tACTIVE\tEXPIRES\tRATE\tADDRESSES\n")
				for _, k := range keys {
					w.printf("%s\t%s…%s\t%v\t%s\t%d\t%v\n", k.ID, k.Prefix, k.Last4, k.Active, until(k.ExpiresAt), k.Rate, k.IPs)
				}
			})
		},
	}
	c.Flags().StringVar(&client, "client", "", "the client's id")
	return c
}

func (o *operator) keyRevoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke KEYID", Short: "Revoke a key immediately", Args: exactly(1, "one argument, a key's id"), Example: "  parley admin key revoke key_… --local",
		RunE: func(c *cobra.Command, args []string) error {
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			k, err := account.ChangeKey(c.Context(), sys.Tables, account.KeyID(args[0]), func(k *account.Key) error { k.Active = false; return nil })
			if err != nil {
				return noKey(args[0], err)
			}
			return o.print(c, listedKey(k), func(w table) { w.printf("revoked\t%s\n", k.ID) })
		},
	}
}

func (o *operator) keyRotate() *cobra.Command {
	var overlap, expires time.Duration
	c := &cobra.Command{
		Use: "rotate KEYID", Short: "Replace a key with a new one that has the same settings; the old one ends after the overlap", Args: exactly(1, "one argument, a key's id"),
		Long: `Creates a key with the addresses, rate and expiry of the old one, and ends the old one after the overlap. --expires-in gives the
new key its own lifetime.`,
		Example: "  parley admin key rotate key_… --overlap 24h --local",
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case overlap < 0 || overlap > 90*24*time.Hour:
				return usage("--overlap %s: must be 0 to 2160h", overlap)
			case expires < 0:
				return usage("--expires-in %s: must not be negative", expires)
			}
			sys, err := o.open(c.Context())
			if err != nil {
				return err
			}
			old, err := sys.Tables.Key(c.Context(), account.KeyID(args[0]))
			if err != nil {
				return noKey(args[0], err)
			}
			now := o.clock.Now()
			heir, err := inherited(old, c.Flags().Changed("expires-in"), expires, now)
			if err != nil {
				return err
			}
			k, err := operate.CreateKey(c.Context(), sys, old.Client, o.clock, heir)
			if err != nil {
				return err
			}
			if _, err := account.ChangeKey(c.Context(), sys.Tables, old.ID, func(old *account.Key) error { endAt(old, now.Add(overlap)); return nil }); err != nil {
				return fmt.Errorf("key %s was created but is not shown, and key %s still ends when it did before: revoke the new key and rotate again: %w", k.KeyID, old.ID, err)
			}
			return o.shown(c, k)
		},
	}
	f := c.Flags()
	f.DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old key stays valid")
	f.DurationVar(&expires, "expires-in", 0, "the new key's lifetime, such as 720h; 0: no expiry (default: the old key's expiry)")
	return c
}

// inherited returns a function that gives a key the settings of old, and its expiry too unless anew
// sets another. It returns an error if old is revoked, or if the expiry has passed.
func inherited(old account.Key, anew bool, expires time.Duration, now time.Time) (func(*account.Key), error) {
	at := old.ExpiresAt
	switch {
	case anew && expires > 0:
		end := now.Add(expires)
		at = &end
	case anew:
		at = nil
	}
	switch {
	case !old.Active:
		return nil, fmt.Errorf("key %s is revoked: create another key for its client with parley admin key create", old.ID)
	case at != nil && !now.Before(*at):
		return nil, fmt.Errorf("key %s expired at %s: set the new key's lifetime with --expires-in", old.ID, at.Format(time.RFC3339))
	}
	return func(k *account.Key) { k.IPs, k.Rate, k.ExpiresAt = old.IPs, old.Rate, at }, nil
}

// endAt sets a key's expiry to at, unless it already ends earlier.
func endAt(k *account.Key, at time.Time) {
	if k.ExpiresAt == nil || at.Before(*k.ExpiresAt) {
		k.ExpiresAt = &at
	}
}
