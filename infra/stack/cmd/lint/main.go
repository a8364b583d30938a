// Command lint synthesises the stack and checks the template offline against AWS's own resource
// schemas. It finds unknown resource types and properties, missing required properties, and
// references to resources that do not exist. Run it in the repository's root.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
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
	template, err := synthesise(work)
	if err != nil {
		return err
	}
	modules, err := local.NodeModules(ctx, func(line string) { fmt.Fprintln(os.Stderr, line) })
	if err != nil {
		return err
	}
	script := filepath.Join(work, "schema.js")
	if err := os.WriteFile(script, schema, 0o600); err != nil {
		return err
	}
	node := exec.CommandContext(ctx, "node", script)
	node.Env = append(os.Environ(), "NODE_PATH="+modules)
	node.Stdin, node.Stdout, node.Stderr = bytes.NewReader(template), os.Stdout, os.Stderr
	return node.Run()
}

// synthesise returns the template. It uses stand-ins for functions and layers, because their
// contents do not affect the template.
func synthesise(work string) ([]byte, error) {
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
	assembly := app.Synth(nil)
	return json.Marshal(assembly.GetStackByName(jsii.String("parley")).Template())
}
