package webhook

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Policy decides where webhooks may go. The zero value, for a deployed system, allows public hosts
// by https on any port.
type Policy struct {
	// Loopback also allows 127.0.0.0/8, ::1 and localhost, by http or https, for a local system.
	Loopback bool
}

// MaxURL is the maximum length of a webhook's URL, in bytes.
const MaxURL = 2048

// errNotPublic means that an IP address is not public.
var errNotPublic = errors.New("webhook: not a public address")

// Check returns an error if a webhook's URL is not allowed, judging by the URL alone. Each try
// resolves and checks the host's addresses again, because a name can be pointed elsewhere at any
// time.
func (p Policy) Check(raw string) error {
	_, err := p.parse(raw)
	return err
}

func (p Policy) parse(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("webhook: not an address")
	case len(raw) > MaxURL:
		return nil, errors.New("webhook: too long")
	case strings.ContainsFunc(raw, func(c rune) bool { return c <= ' ' || c == 0x7f || c > 0x7e }):
		return nil, errors.New("webhook: has characters that must be percent-encoded")
	case u.Scheme != "https" && (!p.Loopback || u.Scheme != "http") || u.Opaque != "":
		return nil, errors.New("webhook: not https")
	case u.User != nil || strings.Contains(raw, "#"):
		return nil, errors.New("webhook: has a user or a fragment")
	}
	if port := u.Port(); port != "" || strings.HasSuffix(u.Host, ":") {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, errors.New("webhook: bad port")
		}
	}
	home, err := p.host(u.Hostname())
	if err == nil && !home && u.Scheme != "https" {
		err = errors.New("webhook: not https")
	}
	return u, err
}

// host returns an error if a host is not allowed. home is true if it is the loopback host.
func (p Policy) host(host string) (home bool, err error) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if a, err := netip.ParseAddr(host); err == nil {
		return a.IsLoopback(), p.allowed(a)
	}
	if p.Loopback && host == "localhost" {
		return true, nil
	}
	labels := strings.Split(host, ".")
	top := labels[len(labels)-1]
	// A host whose last label is a number is another spelling of an IPv4 address (WHATWG URL, "ends
	// in a number").
	if len(labels) < 2 || len(host) > 253 || slices.Contains(inward, top) || strings.Trim(top, "0123456789") == "" || strings.HasPrefix(top, "0x") {
		return false, errors.New("webhook: not a public host")
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" || l[0] == '-' || l[len(l)-1] == '-' {
			return false, errors.New("webhook: not a host name")
		}
	}
	return false, nil
}

// inward lists top-level names that are not public: RFC 6761, RFC 6762, RFC 8375, and names that
// are common in private networks.
var inward = []string{"localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "test", "invalid", "onion", "arpa"}

// allowed returns an error if we must not connect to the address.
func (p Policy) allowed(a netip.Addr) error {
	if Public(a) || p.Loopback && a.IsLoopback() {
		return nil
	}
	return fmt.Errorf("%w: %s", errNotPublic, a)
}

// public6 is the part of IPv6 that is routed on the internet. Outside it are loopback, link-local,
// unique local (such as AWS's metadata service, fd00:ec2::254), multicast, and the forms that
// contain an IPv4 address: compatible ::/96, NAT64 64:ff9b::/96 and 64:ff9b:1::/48.
var public6 = netip.MustParsePrefix("2000::/3")

// special lists the blocks of the IANA special-purpose address registries that are not public and
// that package netip does not know: "this network", shared (carrier-grade NAT), protocol
// assignments, documentation, benchmarking, 6to4, Teredo, reserved.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("2001::/23"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("3fff::/20"),
}

// Public reports whether an address is on the public internet. It treats an IPv4-mapped IPv6
// address (::ffff:0:0/96) as the IPv4 address.
func Public(a netip.Addr) bool {
	if a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	return a.IsGlobalUnicast() && !a.IsPrivate() && (a.Is4() || public6.Contains(a)) &&
		!slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) })
}
