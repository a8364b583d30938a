// Command emulator runs a program with an emulated AWS beside it, which PARLEY_ENDPOINT names to the program, and stops
// it again: `go run ./infra/local/cmd/emulator go test ./shared/...`. It ends with the program's own exit status.
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
