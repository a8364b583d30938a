// Command contract tests the service against its own OpenAPI document with independent programs:
// schemathesis, a fuzzer, with all its checks, and spectral, a linter.
//
//	go run ./infra/prove/schemathesis                        the handlers in this process, over the model store
//	go run ./infra/prove/schemathesis -system                the whole local system, which it starts and stops
//	go run ./infra/prove/schemathesis -lint                  the document alone
//	go run ./infra/prove/schemathesis -print                 prints the document
//
// It installs what is missing. It exits with 1 if a check failed, or if there were fewer requests
// than -least.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"parley/infra/local"
	"parley/infra/local/operate"
	"parley/shared/api"
	"parley/shared/speech/installed"
)

// patience bounds the whole command.
const patience = 2 * time.Hour

func main() {
	printing := flag.Bool("print", false, "print the OpenAPI document and exit")
	linting := flag.Bool("lint", false, "lint the OpenAPI document and exit")
	system := flag.Bool("system", false, "test the whole local system, which it starts and stops")
	examples := flag.Int("examples", 500, "maximum number of test cases per call, phase and mode")
	least := flag.Int64("least", 0, "fail if fewer requests were sent")
	phases := flag.String("phases", "examples,coverage,fuzzing,stateful", "phases of the fuzzer, separated by commas")
	served := flag.Bool("served", false, "fuzz by the document as it is served, which leaves some rules to the tests")
	seed := flag.Int64("seed", 1, "seed of the fuzzer")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	work := func() error {
		return try(ctx, fuzz{phases: *phases, examples: *examples, seed: *seed, served: *served}, *system, *least)
	}
	switch {
	case *printing:
		work = func() error { _, err := os.Stdout.Write(api.OpenAPI()); return err }
	case *linting:
		work = func() error { return lint(ctx) }
	}
	if err := work(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func try(ctx context.Context, f fuzz, system bool, least int64) (err error) {
	dir, err := os.MkdirTemp("", "parley-contract-")
	if err != nil {
		return fmt.Errorf("contract: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	f.dir = dir
	if f.program, err = installFuzzer(ctx); err != nil {
		return err
	}
	if system {
		err := local.Run(ctx, local.Config{Addr: "127.0.0.1:0", Data: filepath.Join(dir, "data"), Parts: installed.Dir(), PollEvery: 10 * time.Second, SweepEvery: time.Minute,
			Progress: func(line string) { fmt.Fprintln(os.Stderr, line) },
			Ready: func(ctx context.Context, s local.System) error {
				var keys [2]string
				for i := range keys {
					if keys[i], err = operate.Newcomer(ctx, s, "Fuzzer", 1_000_000); err != nil {
						return err
					}
				}
				if err := f.run(ctx, s.URL, keys); err != nil {
					return err
				}
				return errDone
			}})
		if errors.Is(err, errDone) {
			return nil
		}
		return fmt.Errorf("contract: %w", err)
	}
	s, err := serve(dir)
	if err != nil {
		return err
	}
	defer s.close()
	err = f.run(ctx, s.server.URL, s.keys)
	fmt.Println("requests:", s.asked.Load())
	if err != nil {
		return err
	}
	if s.asked.Load() < least {
		return fmt.Errorf("contract: only %d requests were sent; -least asks for %d", s.asked.Load(), least)
	}
	return nil
}

// errDone stops the local system after the test.
var errDone = errors.New("contract: done")

// fuzz holds the fuzzer's settings.
type fuzz struct {
	program, dir, phases string
	examples             int
	seed                 int64
	served               bool
}

func (f fuzz) run(ctx context.Context, url string, keys [2]string) error {
	recording := filepath.Join(f.dir, "silence.flac")
	silence := exec.CommandContext(ctx, installed.FFmpeg(installed.Dir()), "-v", "error", "-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", "181", recording)
	if out, err := silence.CombinedOutput(); err != nil {
		return fmt.Errorf("contract: make a recording: %w: %s", err, out)
	}
	document := api.StrictOpenAPI()
	if f.served {
		var err error
		if document, err = served(ctx, url+api.Base+"/openapi.json"); err != nil {
			return err
		}
	}
	users := fmt.Sprintf(`{"auth": [{"name": "first", "fixedHeaders": [{"name": "X-API-Key", "value": %q}]}, {"name": "second", "fixedHeaders": [{"name": "X-API-Key", "value": %q}]}]}`, keys[0], keys[1])
	for name, content := range map[string][]byte{"openapi.json": document, "schemathesis.toml": config, "hooks.py": hooks, "users.json": []byte(users)} {
		if err := os.WriteFile(filepath.Join(f.dir, name), content, 0o600); err != nil {
			return fmt.Errorf("contract: %w", err)
		}
	}
	// Given the document's address, it would leave out the call that serves the document.
	c := exec.CommandContext(ctx, f.program, "run", "openapi.json", "--url", url+api.Base, "--checks", "all", "--phases", f.phases,
		"--max-examples", strconv.Itoa(f.examples), "--seed", strconv.FormatInt(f.seed, 10),
		"--workers", "1", // CPython 3.11 sometimes fails if two threads parse at once
		"--report", "junit", "--report-junit-path", filepath.Join(f.dir, "report.xml"))
	c.Dir, c.Stdout, c.Stderr = f.dir, os.Stdout, os.Stderr
	c.Env = append(os.Environ(), "SCHEMATHESIS_HOOKS=hooks", "PYTHONPATH="+f.dir, "PARLEY_FUZZ_RECORDING="+recording)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGTERM) }
	c.WaitDelay = 10 * time.Second
	if err := c.Run(); err != nil {
		return fmt.Errorf("contract: the fuzzer: %w", err)
	}
	return nil
}

// served returns the answer to a GET of url.
func served(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // read only
	raw, err := io.ReadAll(io.LimitReader(res.Body, local.MaxPayload))
	if err == nil && res.StatusCode != http.StatusOK {
		err = errors.New(res.Status)
	}
	if err != nil {
		return nil, fmt.Errorf("contract: read %s: %w", url, err)
	}
	return raw, nil
}
