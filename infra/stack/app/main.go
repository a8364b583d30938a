// Command app is the CDK program of Parley's stacks. `cdk deploy --all` in the repository's root
// runs it.
//
// Its context values (-c NAME=VALUE) are stack (the name, default parley) and the fields of
// stack.Props: kind (prod or dev), arch (arm64 or amd64), dist, layers, parts, concurrency (the
// account's quota), copies, domain, certificate and zone, origins (separated by commas), recogniser
// (whisper or amazon), alarms (an address), endpoint, throwaway and adopt (true or false).
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"parley/infra/stack"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	id, props, err := read(func(name string) string {
		v, _ := app.Node().TryGetContext(&name).(string)
		return v
	})
	if err == nil {
		err = props.Check(id)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) // the CDK's engine ends with this process
	}
	stack.NewStack(app, id, props)
	app.Synth(nil)
}

// read reads the settings through value, which returns a context value or an empty string.
func read(value func(name string) string) (id string, props stack.Props, err error) {
	setting := func(name, otherwise string) string {
		if v := value(name); v != "" {
			return v
		}
		return otherwise
	}
	number := func(name string) int {
		n, bad := strconv.Atoi(setting(name, "0"))
		if bad != nil {
			err = fmt.Errorf("stack: -c %s=%s is not a number", name, value(name))
		}
		return n
	}
	cache, bad := os.UserCacheDir()
	if bad != nil {
		return "", props, fmt.Errorf("stack: %w", bad)
	}
	arch := setting("arch", "arm64")
	props = stack.Props{
		Stack: awscdk.StackProps{
			Env: &awscdk.Environment{
				Account: optional(os.Getenv("CDK_DEFAULT_ACCOUNT")),
				Region:  optional(os.Getenv("CDK_DEFAULT_REGION")),
			},
			Description: jsii.String("Parley: speech in, CEFR-aligned vocabulary, fluency and accent scores out"),
		},
		Kind:        stack.Kind(setting("kind", string(stack.Prod))),
		Arch:        arch,
		Dist:        setting("dist", filepath.Join("dist", arch)),
		Layers:      setting("layers", filepath.Join(cache, "parley", "layers", arch)),
		Parts:       value("parts"),
		Concurrency: number("concurrency"),
		Copies:      number("copies"),
		Domain:      stack.Domain{Name: value("domain"), Certificate: value("certificate"), Zone: value("zone")},
		Recogniser:  value("recogniser"),
		Alarms:      value("alarms"),
		Endpoint:    value("endpoint"),
		Throwaway:   value("throwaway") == "true",
		Adopt:       value("adopt") == "true",
	}
	switch rollout := setting("rollout", "canary"); rollout {
	case "canary":
	case "all-at-once":
		props.AllAtOnce = true
	default:
		err = fmt.Errorf("stack: -c rollout is canary or all-at-once, not %q", rollout)
	}
	if origins := value("origins"); origins != "" {
		props.Origins = strings.Split(origins, ",")
	}
	return setting("stack", "parley"), props, err
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
