// Command parts puts the engines in place (make parts): see package parts.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"

	"parley/infra/parts"
)

func main() {
	arch := flag.String("arch", runtime.GOARCH, "processor to get the engines for: amd64, arm64 or all")
	root := flag.String("cache", "", "folder that keeps everything (default: parley in the user's cache folder)")
	compiler := flag.Bool("compiler", false, "only get the C compiler that builds the engines, and print its path")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *root, *arch, *compiler); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root, arch string, compiler bool) error {
	if root == "" {
		var err error
		if root, err = parts.Root(); err != nil {
			return err
		}
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	arches := []string{arch}
	switch arch {
	case "":
		arches = []string{runtime.GOARCH}
	case "all":
		arches = parts.Arches
	}
	c := &parts.Cache{Root: root, Fetcher: parts.Clients{}, Progress: parts.NewProgress(os.Stderr)}
	if compiler {
		path, err := c.Compiler(ctx)
		if err != nil {
			return err
		}
		fmt.Println(path)
		return nil
	}
	if err := c.Ensure(ctx, arches...); err != nil {
		return err
	}
	for _, arch := range arches {
		if _, err := c.LayOut(arch); err != nil {
			return err
		}
		fmt.Printf("engines for linux/%s are in %s\n", arch, c.Parts(arch))
	}
	return nil
}
