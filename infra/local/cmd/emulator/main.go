// Command emulator starts an emulated AWS, runs a program with PARLEY_ENDPOINT set to its endpoint,
// and stops it: `go run ./infra/local/cmd/emulator go test ./shared/...`. It exits with the
// program's exit status.
package main

import (
	"context"
	"fmt"
	"os"

	"parley/infra/local"
)

func main() {
	status, err := local.Beside("the emulated AWS", func(ctx context.Context, dir string, progress func(line string)) (string, func() error, error) {
		s, err := local.StartEmulator(ctx, dir, progress)
		if err != nil {
			return "", nil, err
		}
		return s.Endpoint, s.Stop, nil
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "emulator:", err)
	}
	os.Exit(status)
}
