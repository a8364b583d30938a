package local

import (
	"bytes"
	"context"
	"errors"
)

// Emulator is an emulated AWS without our stack, for tests of the adapters and of the emulator
// itself.
type Emulator struct {
	// Endpoint is its address on loopback. It accepts any credentials.
	Endpoint string

	cloud *cloud
	data  *data
	tools tools
}

// StartEmulator starts an Emulator that keeps its state in the folder dir. The caller stops it.
func StartEmulator(ctx context.Context, dir string, progress func(line string)) (*Emulator, error) {
	c, err := Config{Root: dir, Data: dir, Progress: progress}.withDefaults()
	if err != nil {
		return nil, err
	}
	d, err := openData(c.Data)
	if err != nil {
		return nil, err
	}
	tools, err := installTools(ctx, c.Progress)
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	cloud, err := (&starter{Config: c, data: d}).startCloud(ctx, tools)
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	return &Emulator{Endpoint: cloud.endpoint, cloud: cloud, data: d, tools: tools}, nil
}

// CDK runs the CDK's program on the synthesised assembly in a folder: "deploy", "--all". It returns
// what the program said, and an error if it failed. The account must have been bootstrapped (CDK
// with "bootstrap") before the first deployment.
func (e *Emulator) CDK(ctx context.Context, assembly string, args ...string) (said string, err error) {
	var out bytes.Buffer
	err = command{dir: e.data.dir, env: cdkEnv(e.Endpoint), name: e.tools.cdk(), args: append(args, cdkFlags(assembly)...), stdout: &out}.run(ctx)
	return out.String(), err
}

// Stop lets the emulator save its state, and ends it.
func (e *Emulator) Stop() error {
	e.cloud.stop()
	return e.data.close()
}
