package report

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// TestMain draws thousands of profiles, the same ones each time, and leaves no files behind; the
// command line's flags win.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.checks": "3000", "rapid.seed": "1", "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}
