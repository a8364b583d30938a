// Command oracle runs a program with a second, stricter DynamoDB beside it, which PARLEY_ENDPOINT
// names to the program, and stops it again: `go run ./infra/prove/oracle go test
// ./shared/engine/store/dynamo/...`. It exits with the program's own status. If the oracle cannot
// be built because cargo is not installed, it says so and exits with 0.
package main

import (
	"context"
	"fmt"
	"os"

	"parley/infra/local"
)

func main() {
	status, err := local.Beside("the oracle", func(ctx context.Context, dir string, progress func(line string)) (string, func() error, error) {
		s, err := local.StartOracle(ctx, dir, progress)
		if err != nil {
			return "", nil, err
		}
		return s.Endpoint, s.Stop, nil
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
	}
	os.Exit(status)
}
