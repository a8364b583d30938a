// Command lint synthesises both stacks and checks the templates offline: against AWS's own resource
// schemas (unknown resource types and properties, missing required properties, references to
// resources that do not exist), and with cfn-lint. Run it in the repository's root.
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
	"syscall"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"parley/infra/local"
	"parley/infra/stack"
	"parley/shared/speech"
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
	templates, err := synthesise(work)
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
	return nil
}

// synthesise writes the templates and returns their paths. It uses stand-ins for functions and
// layers, because their contents do not affect the templates.
func synthesise(work string) ([]string, error) {
	props := stack.Props{Dist: filepath.Join(work, "dist"), Layers: filepath.Join(work, "layers")}
	var assets []string
	for _, f := range stack.Functions() {
		assets = append(assets, filepath.Join(props.Dist, f.Name))
	}
	for _, stage := range speech.Service.Stages {
		for _, layer := range stage.Layers {
			assets = append(assets, filepath.Join(props.Layers, string(layer)))
		}
	}
	for _, dir := range assets {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(dir, "stand-in"), []byte(dir), 0o600); err != nil {
			return nil, err
		}
	}
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: jsii.String(filepath.Join(work, "out"))})
	stack.NewStack(app, "parley", props)
	// What the setting of the recogniser adds.
	props.Recogniser = amazon.Setting
	stack.NewStack(app, "parley-amazon", props)
	app.Synth(nil)
	return filepath.Glob(filepath.Join(work, "out", "*.template.json"))
}
