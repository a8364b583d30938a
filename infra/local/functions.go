package local

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go/middleware"

	"parley/shared/engine/awsbody"
	"parley/shared/engine/pipeline"
	"parley/shared/speech/installed"
)

// layers lists the layers of the stack.
var layers = []pipeline.Layer{installed.LayerFFmpeg, installed.LayerRecogniser, installed.LayerAligner, installed.LayerVoices}

// invokePatience is how long an invocation may take. The functions invoked here have a timeout of
// 55 s.
const invokePatience = 60 * time.Second

// functions calls the emulated Lambda.
type functions struct {
	client *lambda.Client
	system System
}

func newFunctions(s System) (*functions, error) {
	if s.Endpoint == "" {
		return nil, errors.New("local: the system has no endpoint")
	}
	return &functions{system: s, client: lambda.New(lambda.Options{
		BaseEndpoint: aws.String(s.Endpoint), Region: Region,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		APIOptions:  []func(*middleware.Stack) error{awsbody.KeepAnswers},
	})}, nil
}

func (f *functions) physical(name string) string { return f.system.Stack + "-" + name }

// invoke calls a scheduled function as its schedule would, and waits for it.
func (f *functions) invoke(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, invokePatience)
	defer cancel()
	out, err := f.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(f.physical(name)), Payload: []byte(`{"source":"aws.events"}`)})
	if err != nil {
		return fmt.Errorf("local: invoke %s: %w", name, err)
	}
	if out.FunctionError != nil {
		return fmt.Errorf("local: %s failed: %s", name, out.Payload)
	}
	return nil
}

// nudge is like invoke but does not wait for the function.
func (f *functions) nudge(ctx context.Context, name string) error {
	_, err := f.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(f.physical(name)), InvocationType: types.InvocationTypeEvent,
		Payload: []byte(`{"source":"aws.events"}`)})
	if err != nil {
		return fmt.Errorf("local: invoke %s: %w", name, err)
	}
	return nil
}

// push replaces the program of each function whose hash differs from that of the live program, and
// returns the names of those functions.
func (f *functions) push(ctx context.Context, root string, live, sums map[string]string, progress func(string)) ([]string, error) {
	changed := []string{}
	for name, sum := range sums {
		if live[name] != sum {
			changed = append(changed, name)
		}
	}
	slices.Sort(changed)
	known := func(name string) bool { return f.system.Outputs["Function"+title(name)] != "" }
	for _, name := range changed {
		if !known(name) {
			progress("skipped the function " + name + ", which is not in the stack")
			continue
		}
		code, err := pack(root, name)
		if err != nil {
			return nil, err
		}
		if _, err := f.client.UpdateFunctionCode(ctx, &lambda.UpdateFunctionCodeInput{
			FunctionName: aws.String(f.physical(name)), ZipFile: code, Architectures: []types.Architecture{architecture()},
		}); err != nil {
			return nil, fmt.Errorf("local: push %s: %w", name, err)
		}
	}
	replaced := slices.DeleteFunc(changed, func(name string) bool { return !known(name) })
	if len(replaced) > 0 {
		progress("replaced " + strings.Join(replaced, ", "))
	}
	return replaced, nil
}

func architecture() types.Architecture {
	if runtime.GOARCH == "amd64" {
		return types.ArchitectureX8664
	}
	return types.ArchitectureArm64
}

// Push builds the named functions, or all if none is named, and replaces those that changed in the
// running system on c's data folder. It returns the names of the replaced functions. It does not
// deploy the stack: a changed stack needs a restart. It fails if the system is not running.
func Push(ctx context.Context, c Config, names ...string) ([]string, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	system, err := Load(c.Data)
	if err != nil {
		return nil, err
	}
	sums, err := BuildFunctions(ctx, c.Root, runtime.GOARCH, names...)
	if err != nil {
		return nil, err
	}
	lambdas, err := newFunctions(system)
	if err != nil {
		return nil, err
	}
	replaced, err := lambdas.push(ctx, c.Root, system.Functions, sums, c.Progress)
	if err != nil {
		return nil, err
	}
	maps.Copy(system.Functions, sums)
	return replaced, (&data{dir: c.Data}).save(system)
}
