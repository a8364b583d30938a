package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"parley/infra/local"
)

// Ensure that what a local system says at its start can be copied line by line.
func TestALocalSystemSaysWhereItIs(t *testing.T) {
	for _, tt := range []struct {
		name, page string
		last       string // the last line
	}{
		{"with its console", "http://127.0.0.1:8081", "  http://127.0.0.1:8081   shows what it does: drop a recording there"},
		{"without a console", "", "  parley submit interview.mp3 --wait"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			c := &cobra.Command{}
			c.SetOut(&out)
			if err := announce(c, local.System{URL: "http://127.0.0.1:8080"}, t.TempDir(), tt.page, false, false); err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if got := strings.TrimSpace(lines[len(lines)-1]); got != strings.TrimSpace(tt.last) || strings.Contains(out.String(), `\n`) {
				t.Errorf("%q", out.String())
			}
		})
	}
}
