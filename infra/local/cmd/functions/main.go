// Command functions builds the named Lambda functions, or all, into dist/<arch>/<name>/bootstrap.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"parley/infra/local"
)

func main() {
	arch := flag.String("arch", runtime.GOARCH, "processor: amd64, arm64, or all (both)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	archs := []string{*arch}
	switch *arch {
	case "all":
		archs = []string{"amd64", "arm64"}
	case "amd64", "arm64":
	default:
		fail(fmt.Errorf("-arch must be amd64, arm64 or all, not %q", *arch))
	}
	for _, a := range archs {
		if _, err := local.BuildFunctions(ctx, ".", a, flag.Args()...); err != nil {
			fail(err)
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "functions:", err)
	os.Exit(1)
}
