// Command cdk runs the CDK's program, in the version that infra/local pins, with its own arguments.
// Run it in the repository's root, with AWS credentials in the environment if the command needs
// them:
//
//	go run ./infra/stack/cmd/cdk deploy --all -c concurrency=1000
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"parley/infra/local"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		os.Exit(max(failed.ExitCode(), 1)) // it has said why
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cdk:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if err := node(ctx); err != nil {
		return err
	}
	if _, err := os.Stat("cdk.json"); err != nil {
		return errors.New("there is no cdk.json here: run it in the repository's root")
	}
	modules, err := local.NodeModules(ctx, func(line string) { fmt.Fprintln(os.Stderr, line) })
	if err != nil {
		return err
	}
	program := filepath.Join(modules, ".bin", "cdk")
	if _, err := os.Stat(program); err != nil {
		return fmt.Errorf("the CDK's program %s is missing: delete the folder %s and run this again", program, filepath.Dir(modules))
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "CDK_DISABLE_CLI_TELEMETRY=true", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=true")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	return cmd.Run()
}

// Versions of Node.js.
const (
	leastNode     = 20 // with which the CDK still works
	supportedNode = 22 // the oldest that Node's makers still mend
	currentNode   = 24
)

// node returns an error if there is no Node.js that the CDK runs on, and warns of an old one.
func node(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "node", "--version").Output()
	if err != nil {
		return fmt.Errorf("the CDK needs Node.js: install version %d, the current LTS (%w)", currentNode, err)
	}
	version := strings.TrimSpace(string(out))
	digits, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	switch major, err := strconv.Atoi(digits); {
	case err != nil, major < leastNode:
		return fmt.Errorf("node.js %s is too old for the CDK: install version %d, the current LTS", version, currentNode)
	case major < supportedNode:
		fmt.Fprintf(os.Stderr, "cdk: node.js %s is past its end of life; the CDK still runs on it. Install version %d, the current LTS.\n", version, currentNode)
	}
	return nil
}
