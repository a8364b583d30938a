package local

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// build is the result of building the sources. The other fields may be read once done is closed.
type build struct {
	done  chan struct{}
	sums  map[string]string // SHA-256 of each function's program
	stack string            // fingerprint of the stack
	err   error
}

// build builds the functions in the background.
func (s *starter) build(ctx context.Context) *build {
	b := &build{done: make(chan struct{})}
	if before, err := s.data.load(); err == nil && before.Deployed == "" {
		s.Progress("building the functions (about a minute the first time)")
	}
	go func() {
		defer close(b.done)
		if b.sums, b.err = BuildFunctions(ctx, s.Root, runtime.GOARCH); b.err != nil {
			return
		}
		b.stack, b.err = fingerprint(ctx, s.Root, append(slices.Sorted(maps.Keys(b.sums)), s.settings()...)...)
	}()
	return b
}

// deploy makes the emulated AWS match the sources, and returns the system without its URL. If
// nothing changed since the last time, it does nothing; if only functions changed, it replaces
// their programs; otherwise the CDK deploys the stack.
func (s *starter) deploy(ctx context.Context, t tools, endpoint string, built *build) (System, error) {
	<-built.done
	system, err := s.data.load()
	if err != nil {
		return system, err
	}
	if built.err != nil {
		return system, built.err
	}
	system.Endpoint, system.Stack = endpoint, StackName
	sums := built.sums
	if built.stack != system.Deployed {
		if system.Outputs, err = s.cdk(ctx, t, endpoint); err != nil {
			return system, err
		}
		system.Deployed = built.stack
		// The CDK replaced only the programs that differ from its last deployment. Some of the
		// others may have been pushed since then; they are compared below.
		for name, sum := range sums {
			if system.Templates[name] != sum {
				if system.Functions == nil {
					system.Functions = map[string]string{}
				}
				system.Functions[name] = sum
			}
		}
		system.Templates = sums
	}
	lambdas, err := newFunctions(system)
	if err != nil {
		return system, err
	}
	if _, err := lambdas.push(ctx, s.Root, system.Functions, sums, s.Progress); err != nil {
		return system, err
	}
	system.Functions = sums
	return system, s.data.save(system)
}

// settings returns the stack's context values (infra/stack/app). Nothing else differs from a
// deployment on AWS.
func (s *starter) settings() []string {
	return []string{
		"stack=" + StackName,
		"arch=" + runtime.GOARCH,
		"dist=" + Dist(s.Root, runtime.GOARCH),
		// Layers are not unpacked for native functions, which look for their engines in the folder
		// parts.
		"layers=" + s.data.path("layers"),
		"parts=" + s.Parts,
		// One copy per processor, but at least 2, the minimum of SQS.
		"copies=" + strconv.Itoa(max(2, runtime.NumCPU())),
		"kind=dev",
		"throwaway=true",
	}
}

// cdk synthesises and deploys the stack, and returns its outputs.
func (s *starter) cdk(ctx context.Context, t tools, endpoint string) (map[string]string, error) {
	app := filepath.Join(t.cache, "stack-app")
	s.Progress("building the stack (1 to 2 minutes the first time)")
	if err := (command{dir: s.Root, name: "go", args: []string{"build", "-buildvcs=false", "-o", app, "./infra/stack/app"}}).run(ctx); err != nil {
		return nil, err
	}
	if err := s.emptyLayers(); err != nil {
		return nil, err
	}
	values, err := contextOf(s.Root, s.settings())
	if err != nil {
		return nil, err
	}
	assembly := s.data.path("assembly")
	if err := os.RemoveAll(assembly); err != nil {
		return nil, fmt.Errorf("local: synthesise: %w", err)
	}
	env := append(cdkEnv(endpoint), "CDK_OUTDIR="+assembly, "CDK_CONTEXT_JSON="+values)
	s.Progress("synthesising the stack (10 to 20 s)")
	if err := (command{dir: s.Root, env: env, name: app}).run(ctx); err != nil {
		return nil, err
	}
	s.Progress("deploying the stack (10 to 30 s)")
	flags := cdkFlags(assembly)
	if _, err := os.Stat(s.data.path("aws", "bootstrapped")); err != nil {
		if err := (command{dir: s.data.dir, env: env, name: t.cdk(), args: append([]string{"bootstrap", "aws://" + Account + "/" + Region}, flags[:4]...)}).run(ctx); err != nil {
			return nil, err
		}
		if err := os.WriteFile(s.data.path("aws", "bootstrapped"), nil, 0o644); err != nil {
			return nil, fmt.Errorf("local: bootstrap: %w", err)
		}
	}
	outputs := s.data.path("assembly", "outputs.json")
	if err := (command{dir: s.data.dir, env: env, name: t.cdk(), args: append([]string{"deploy", "--all",
		"--require-approval", "never", "--outputs-file", outputs}, flags...)}).run(ctx); err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(outputs)
	if err != nil {
		return nil, fmt.Errorf("local: deploy: %w", err)
	}
	var all map[string]map[string]string
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, fmt.Errorf("local: deploy: %w", err)
	}
	return all[StackName], nil
}

// cdkEnv is the environment in which the CDK deploys onto an emulated AWS.
func cdkEnv(endpoint string) []string {
	return []string{
		"AWS_ENDPOINT_URL=" + endpoint, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_SESSION_TOKEN=", "AWS_PROFILE=",
		"AWS_REGION=" + Region, "AWS_DEFAULT_REGION=" + Region,
		"CDK_DEFAULT_ACCOUNT=" + Account, "CDK_DEFAULT_REGION=" + Region,
		"CDK_DISABLE_CLI_TELEMETRY=true", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=true",
	}
}

// cdkFlags are the CDK's flags to work on a synthesised assembly without a terminal.
func cdkFlags(assembly string) []string {
	return []string{"--app", assembly, "--ci", "--no-notices", "--progress", "events"}
}

// emptyLayers creates a stand-in for each layer, because the emulator keeps layers in memory and in
// its state, and native functions never see them.
func (s *starter) emptyLayers() error {
	for _, layer := range layers {
		dir := s.data.path("layers", string(layer), "parley")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("local: layers: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dir, "README"), []byte("The engines of a local system are in the folder named by PARLEY_PARTS.\n"), 0o644); err != nil {
			return fmt.Errorf("local: layers: %w", err)
		}
	}
	return nil
}

// contextOf returns the context of cdk.json with the settings added, in the form in which the CDK
// passes it to the stack's program.
func contextOf(root string, settings []string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(root, "cdk.json"))
	if err != nil {
		return "", fmt.Errorf("local: read cdk.json: %w", err)
	}
	var file struct{ Context map[string]any }
	if err := json.Unmarshal(raw, &file); err != nil {
		return "", fmt.Errorf("local: read cdk.json: %w", err)
	}
	if file.Context == nil {
		file.Context = map[string]any{}
	}
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		file.Context[name] = value
	}
	raw, err = json.Marshal(file.Context)
	if err != nil {
		return "", fmt.Errorf("local: context: %w", err)
	}
	return string(raw), nil
}
