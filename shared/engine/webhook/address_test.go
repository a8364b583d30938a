package webhook_test

import (
	"net/netip"
	"strings"
	"testing"

	"parley/shared/engine/webhook"
)

func TestPublicAddresses(t *testing.T) {
	for address, want := range map[string]bool{
		"1.1.1.1": true, "93.184.216.34": true, "223.255.255.254": true, "2606:2800:220:1::1": true, "2a00:1450:4001::1": true,
		"::ffff:93.184.216.34": true, // the IPv4 address is public

		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.0": false, "10.255.255.255": false, "9.255.255.255": true, "11.0.0.0": true,
		"100.63.255.255": true, "100.64.0.0": false, "100.127.255.255": false, "100.128.0.0": true,
		"127.0.0.1": false, "127.255.255.255": false, "169.254.0.1": false, "169.254.169.254": false, "169.255.0.0": true,
		"172.15.255.255": true, "172.16.0.0": false, "172.31.255.255": false, "172.32.0.0": true,
		"192.0.0.1": false, "192.0.1.0": true, "192.0.2.1": false, "192.88.99.1": false, "192.167.255.255": true, "192.168.0.0": false, "192.168.255.255": false, "192.169.0.0": true,
		"198.17.255.255": true, "198.18.0.0": false, "198.19.255.255": false, "198.20.0.0": true, "198.51.100.7": false, "203.0.113.7": false,
		"223.255.255.255": true, "224.0.0.1": false, "239.255.255.255": false, "240.0.0.0": false, "255.255.255.255": false,

		"::": false, "::1": false, "::2": false, "::7f00:1": false, "::a00:1": false, // compatible
		// mapped, translated
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:169.254.169.254": false, "::ffff:0:127.0.0.1": false,
		"64:ff9b::7f00:1": false, "64:ff9b::5db8:d822": false, "64:ff9b:1::1": false, "100::1": false,
		"1fff:ffff::": false, "2001::1": false, "2001:0:4136:e378:8000:63bf:3fff:fdd2": false, "2001:2::1": false, "2001:1ff:ffff::": false, "2001:200::1": true,
		"2001:db7:ffff::1": true, "2001:db8::1": false, "2001:db9::1": true, "2001:ffff::1": true, "2002:7f00:1::": false, "2002:5db8:d822::1": false, "2003::1": true,
		"3ffe::1": true, "3fff::1": false, "3fff:fff:ffff::": false, "3fff:1000::": true, "4000::": false, "5f00::1": false,
		"fc00::1": false, "fd00::1": false, "fd00:ec2::254": false, "fe80::1": false, "fec0::1": false, "ff02::1": false, "ff0e::1": false,
	} {
		if got := webhook.Public(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: public %v, want %v", address, got, want)
		}
	}
	if webhook.Public(netip.MustParseAddr("2606:2800:220:1::1%eth0")) || webhook.Public(netip.Addr{}) {
		t.Error("an address with a zone, or none, is taken for public")
	}
}

func TestCheck(t *testing.T) {
	deployed, local := webhook.Policy{}, webhook.Policy{Loopback: true}
	for address, want := range map[string]struct{ deployed, local bool }{
		"https://hooks.example.com/a?b=c":                        {true, true},
		"https://hooks.example.com.:8443/":                       {true, true},
		"https://93.184.216.34/":                                 {true, true},
		"https://[2606:2800:220:1::1]:9/":                        {true, true},
		"https://xn--bcher-kva.example.com":                      {true, true},
		"http://hooks.example.com/":                              {},
		"http://93.184.216.34/":                                  {},
		"http://127.0.0.1:8000/x":                                {false, true},
		"http://[::1]:8000/x":                                    {false, true},
		"http://localhost:8000/x":                                {false, true},
		"https://127.0.0.1/":                                     {false, true},
		"https://localhost./":                                    {false, true},
		"https://sub.localhost/":                                 {},
		"https://[::ffff:127.0.0.1]/":                            {false, true},
		"http://10.0.0.1/":                                       {},
		"https://169.254.169.254/":                               {},
		"https://[fd00:ec2::254]/":                               {},
		"https://[fe80::1%25eth0]/":                              {},
		"https://2130706433/":                                    {},
		"https://127.1/":                                         {},
		"https://0177.0.0.1/":                                    {},
		"https://1.2.3.0x7f/":                                    {},
		"https://intranet/":                                      {},
		"https://db.internal/":                                   {},
		"https://metadata.google.internal/":                      {},
		"https://me:pw@example.com/":                             {},
		"https://@example.com/":                                  {},
		"https://example.com/#x":                                 {},
		"https://example.com/#":                                  {},
		"https://example.com:0/":                                 {},
		"https://example.com:65536/":                             {},
		"https://example.com:/":                                  {},
		"https://exa mple.com/":                                  {},
		"https://example.com/a b":                                {},
		"https://example.com/\r\nX: y":                           {},
		"https://bücher.example.com/":                            {},
		"https://-a.example.com/":                                {},
		"https://a..example.com/":                                {},
		"https:example.com":                                      {},
		"https:///x":                                             {},
		"//example.com/":                                         {},
		"ftp://example.com/":                                     {},
		"":                                                       {},
		"https://example.com/" + strings.Repeat("x", 2028):       {true, true},
		"https://example.com/" + strings.Repeat("x", 2029):       {},
		"https://" + strings.Repeat("a", 64) + ".example.com":    {},
		"https://" + strings.Repeat("abcdefg.", 32) + "example/": {},
	} {
		for name, p := range map[string]struct {
			webhook.Policy
			want bool
		}{"deployed": {deployed, want.deployed}, "local": {local, want.local}} {
			if err := p.Check(address); (err == nil) != p.want {
				t.Errorf("%s, %s: %v", address, name, err)
			}
		}
	}
}
