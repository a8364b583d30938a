// Command lint synthesises both stacks and checks the templates offline: against AWS's own resource
// schemas (unknown resource types and properties, missing required properties, references to
// resources that do not exist), with cfn-lint, and with cdk-nag. Run it in the repository's root.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"parley/infra/local"
	"parley/infra/stack"
	"parley/infra/stack/nag"
	"parley/infra/stack/standin"
	"parley/shared/speech/recogniser/amazon"
)

//go:embed schema.js
var schema []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "lint:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	defer jsii.Close()
	work, err := os.MkdirTemp("", "parley-lint")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work) // a temporary folder
	props, err := standin.Make(work)
	if err != nil {
		return err
	}
	templates, err := synthesise(work, props)
	if err != nil {
		return err
	}
	say := func(line string) { fmt.Fprintln(os.Stderr, line) }
	modules, err := local.NodeModules(ctx, say)
	if err != nil {
		return err
	}
	linter, err := local.CFNLint(ctx, say)
	if err != nil {
		return err
	}
	script := filepath.Join(work, "schema.js")
	if err := os.WriteFile(script, schema, 0o600); err != nil {
		return err
	}
	for _, path := range templates {
		template, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		node := exec.CommandContext(ctx, "node", script)
		node.Env = append(os.Environ(), "NODE_PATH="+modules)
		node.Stdin, node.Stdout, node.Stderr = bytes.NewReader(template), os.Stdout, os.Stderr
		if err := node.Run(); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
		// The schemas of each region are in the package, so this needs no network. W3005 is about
		// dependencies that the CDK writes twice.
		check := exec.CommandContext(ctx, linter, "--ignore-checks", "W3005",
			"--regions", "eu-central-1", "us-east-1", "ap-southeast-2", "--template", path)
		check.Stdout, check.Stderr = os.Stdout, os.Stderr
		if err := check.Run(); err != nil {
			return fmt.Errorf("%s: cfn-lint: %w", filepath.Base(path), err)
		}
		fmt.Printf("%s: cfn-lint finds nothing\n", filepath.Base(path))
	}
	return rules(work, props)
}

// synthesise writes the templates and returns their paths.
func synthesise(work string, props stack.Props) ([]string, error) {
	out := filepath.Join(work, "out")
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: &out})
	stack.NewStack(app, "parley", props)
	// What the setting of the recogniser adds.
	props.Recogniser = amazon.Setting
	stack.NewStack(app, "parley-amazon", props)
	app.Synth(nil)
	return filepath.Glob(filepath.Join(out, "*.template.json"))
}

// rules checks the stacks against cdk-nag's rules.
func rules(work string, props stack.Props) error {
	report, err := nag.Check(filepath.Join(work, "nag"), props)
	if err != nil {
		return err
	}
	fmt.Printf("cdk-nag finds %d things without a written reason, and %d with one\n", len(report.Open), report.Kept)
	if problems := append(report.Open, report.Unused...); len(problems) > 0 {
		return fmt.Errorf("cdk-nag: add a reason in infra/stack/nag, or remove one that nothing needs:\n%s", strings.Join(problems, "\n"))
	}
	return nil
}
