// Command app is the CDK program of Parley's stack. `cdk deploy` in the repository's root runs it.
//
// Its context values (-c NAME=VALUE) are stack (the stack's name, default parley) and the fields of
// stack.Props: arch (arm64 or amd64), dist, layers, parts, concurrency and throwaway.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"parley/infra/stack"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	setting := func(name, otherwise string) string {
		if v, ok := app.Node().TryGetContext(jsii.String(name)).(string); ok && v != "" {
			return v
		}
		return otherwise
	}
	arch := setting("arch", "arm64")
	copies, err := strconv.Atoi(setting("concurrency", "0"))
	if err != nil {
		fail(fmt.Errorf("context concurrency: %w", err))
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		fail(err)
	}
	stack.NewStack(app, setting("stack", "parley"), stack.Props{
		Stack: awscdk.StackProps{
			Env: &awscdk.Environment{
				Account: optional(os.Getenv("CDK_DEFAULT_ACCOUNT")),
				Region:  optional(os.Getenv("CDK_DEFAULT_REGION")),
			},
			Description: jsii.String("Parley: speech in, CEFR-aligned vocabulary, fluency and accent scores out"),
		},
		Arch:        arch,
		Dist:        setting("dist", filepath.Join("dist", arch)),
		Layers:      setting("layers", filepath.Join(cache, "parley", "layers", arch)),
		Parts:       setting("parts", ""),
		Concurrency: copies,
		Throwaway:   setting("throwaway", "false") == "true",
	})
	app.Synth(nil)
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "stack:", err)
	os.Exit(1)
}
