package local

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// callee is a deployed function, with all that its copies need.
type callee struct {
	name, arn, version string
	revision           string // changes with its program and with every setting
	code               string // where its program can be had, as a zip archive
	handler, group     string
	timeout            time.Duration
	memory             int // MB
	traced             bool
	variables          map[string]string
	// reserved: some concurrency is reserved for it, which is a bound that the emulated Lambda
	// keeps.
	reserved bool
}

// newCallee reads a function's description.
func newCallee(out *lambda.GetFunctionOutput) (callee, error) {
	f := out.Configuration
	if f == nil || out.Code == nil || aws.ToString(out.Code.Location) == "" || aws.ToInt32(f.Timeout) <= 0 {
		return callee{}, errors.New("local: the description of a function lacks its code or timeout")
	}
	c := callee{name: aws.ToString(f.FunctionName), arn: aws.ToString(f.FunctionArn), version: aws.ToString(f.Version),
		revision: aws.ToString(f.RevisionId) + " " + aws.ToString(f.CodeSha256), code: aws.ToString(out.Code.Location),
		handler: aws.ToString(f.Handler), group: "/aws/lambda/" + aws.ToString(f.FunctionName),
		timeout: time.Duration(aws.ToInt32(f.Timeout)) * time.Second, memory: int(aws.ToInt32(f.MemorySize)),
		traced:   f.TracingConfig != nil && f.TracingConfig.Mode == types.TracingModeActive,
		reserved: out.Concurrency != nil && out.Concurrency.ReservedConcurrentExecutions != nil}
	if f.Environment != nil {
		c.variables = f.Environment.Variables
	}
	if f.LoggingConfig != nil && aws.ToString(f.LoggingConfig.LogGroup) != "" {
		c.group = *f.LoggingConfig.LogGroup
	}
	return c, nil
}

// environment returns the environment of a copy, as Lambda makes it: common is the emulator's own,
// which the functions that it starts itself see too.
func (c callee) environment(common []string, endpoint, dir string) []string {
	env := append(slices.Clone(common),
		"AWS_REGION="+Region, "AWS_DEFAULT_REGION="+Region, "AWS_ACCESS_KEY_ID="+Account, "AWS_SECRET_ACCESS_KEY=test", "AWS_SESSION_TOKEN=",
		"AWS_LAMBDA_FUNCTION_NAME="+c.name, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE="+strconv.Itoa(c.memory), "AWS_LAMBDA_FUNCTION_VERSION="+c.version,
		"LAMBDA_TASK_ROOT="+dir, "_HANDLER="+c.handler)
	for name, value := range c.variables {
		env = append(env, name+"="+value)
	}
	return append(env, "AWS_ENDPOINT_URL="+endpoint)
}

// idlePatience is how long a copy is kept without an event.
const idlePatience = 5 * time.Minute

// fleet runs the copies of functions. It starts one for each event that finds none idle; whoever
// calls it bounds how many there are.
type fleet struct {
	endpoint string
	common   []string // the environment of all functions
	dir      string   // for their programs
	journal  *journal
	said     io.Writer // the emulator's log, which has how copies failed

	mu      sync.Mutex
	idle    map[string][]*instance // by function, the last one used last
	all     map[*instance]bool
	stopped bool
}

func newFleet(endpoint string, common []string, dir string, j *journal, said io.Writer) *fleet {
	return &fleet{endpoint: endpoint, common: common, dir: dir, journal: j, said: said,
		idle: map[string][]*instance{}, all: map[*instance]bool{}}
}

// invoke lets a copy of the function handle an event, and returns its answer.
func (f *fleet) invoke(ctx context.Context, c callee, event []byte) ([]byte, error) {
	for range maxForwarded {
		i, err := f.take(ctx, c)
		if err != nil {
			return nil, err
		}
		body, err := i.invoke(event)
		switch {
		case err == nil, errors.Is(err, errFailed):
			f.give(i)
			return body, err
		case errors.Is(err, errGone):
			f.end(i) // it ended while it was idle
		default:
			f.end(i)
			// In the emulator's words.
			fmt.Fprintf(f.said, "%s WARNING [front] Lambda %s: %s\n", time.Now().Format(time.DateTime), c.name, err)
			return nil, err
		}
	}
	return nil, errExited
}

// take returns a copy of the function as it is deployed now, and ends idle ones that are older.
func (f *fleet) take(ctx context.Context, c callee) (*instance, error) {
	var old []*instance
	defer func() {
		for _, i := range old {
			f.end(i)
		}
	}()
	f.mu.Lock()
	for len(f.idle[c.name]) > 0 {
		last := len(f.idle[c.name]) - 1
		i := f.idle[c.name][last]
		f.idle[c.name] = f.idle[c.name][:last]
		if i.expire.Stop() && i.alive() && i.of.revision == c.revision {
			f.mu.Unlock()
			return i, nil
		}
		old = append(old, i)
	}
	f.mu.Unlock()
	return f.start(ctx, c)
}

func (f *fleet) start(ctx context.Context, c callee) (*instance, error) {
	program, err := f.program(ctx, c)
	if err != nil {
		return nil, err
	}
	i, err := startInstance(c, program, c.environment(f.common, f.endpoint, filepath.Dir(program)), f.journal)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.all[i] = true
	stopped := f.stopped
	f.mu.Unlock()
	if stopped {
		f.end(i)
		return nil, errExited
	}
	return i, nil
}

// give takes a copy back.
func (f *fleet) give(i *instance) {
	f.mu.Lock()
	if f.stopped || !i.alive() {
		f.mu.Unlock()
		f.end(i)
		return
	}
	defer f.mu.Unlock()
	i.expire = time.AfterFunc(idlePatience, func() {
		f.mu.Lock()
		f.idle[i.of.name] = slices.DeleteFunc(f.idle[i.of.name], func(other *instance) bool { return other == i })
		f.mu.Unlock()
		f.end(i)
	})
	f.idle[i.of.name] = append(f.idle[i.of.name], i)
}

func (f *fleet) end(i *instance) {
	i.end()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.all, i)
}

// stop ends all copies, also those that are at work.
func (f *fleet) stop() {
	f.mu.Lock()
	f.stopped = true
	var all []*instance
	for i := range f.all {
		all = append(all, i)
	}
	f.mu.Unlock()
	var ending sync.WaitGroup
	for _, i := range all {
		ending.Go(func() { f.end(i) })
	}
	ending.Wait()
}

// program returns the path of a function's program, and fetches it if it is not there.
func (f *fleet) program(ctx context.Context, c callee) (string, error) {
	dir := filepath.Join(f.dir, c.name+"-"+short([]byte(c.revision)))
	path := filepath.Join(dir, "bootstrap")
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.code, nil)
	if err != nil {
		return "", fmt.Errorf("local: fetch %s: %w", c.name, err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("local: fetch %s: %w", c.name, err)
	}
	archive, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return "", fmt.Errorf("local: fetch %s: %w", c.name, err)
	}
	return path, unpack(archive, path)
}

// unpack writes a function's program, the file bootstrap of an archive, to a path.
func unpack(archive []byte, path string) error {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return fmt.Errorf("local: unpack: %w", err)
	}
	file, err := z.Open("bootstrap")
	if err != nil {
		return fmt.Errorf("local: unpack: %w", err)
	}
	program, err := io.ReadAll(file)
	if err := errors.Join(err, file.Close(), os.MkdirAll(filepath.Dir(path), 0o755)); err != nil {
		return fmt.Errorf("local: unpack: %w", err)
	}
	// A process that starts while the file is open for writing has it open too for a moment, and
	// the kernel runs no program that is open for writing.
	own.Lock()
	defer own.Unlock()
	if err := os.WriteFile(path+".new", program, 0o755); err != nil {
		return fmt.Errorf("local: unpack: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("local: unpack: %w", err)
	}
	return nil
}

// nameOf returns the name of the function in an integration's address; empty if it names a version
// or an alias.
func nameOf(uri string) string {
	_, arn, _ := strings.Cut(uri, "/functions/")
	arn, _, _ = strings.Cut(arn, "/")
	if parts := strings.Split(arn, ":"); len(parts) == 7 && parts[2] == "lambda" {
		return parts[6]
	}
	return ""
}
