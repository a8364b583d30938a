package main

import (
	"context"
	"os"
	"testing"
)

// Ensure that the endpoint used by the local system and the adapters' tests passes the suite.
func TestEndpointConforms(t *testing.T) {
	endpoint := os.Getenv("PARLEY_ENDPOINT")
	if endpoint == "" {
		t.Skip("no endpoint: PARLEY_ENDPOINT is not set; `go run ./infra/local/cmd/emulator go test ./infra/prove/conformance` starts one")
	}
	for _, s := range suites() {
		t.Run(s.name, func(t *testing.T) {
			cfg, unique := configuration(endpoint), uniqueName()
			t.Cleanup(func() {
				if err := s.tidy(context.WithoutCancel(t.Context()), cfg, unique); err != nil {
					t.Log(err)
				}
			})
			for _, c := range s.checks(cfg, unique) {
				t.Run(c.name, func(t *testing.T) {
					err := c.do(t.Context())
					switch {
					case err != nil && c.gap != "":
						t.Skipf("a known gap of the emulator: %s: %v", c.gap, err)
					case err != nil:
						t.Error(err)
					}
				})
			}
		})
	}
}
