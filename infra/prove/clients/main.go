// Command clients makes clients from the OpenAPI document with nine generators, compiles them, and
// submits and reads the sample interview with each.
//
//	go run ./infra/prove/clients                     on the local system, which it starts and stops
//	go run ./infra/prove/clients -url http://…       on a running one, with the key in PARLEY_API_KEY
//	go run ./infra/prove/clients -only ogen,hey-api  only these
//
// Run it in the root of the checkout. It installs the generators, by exact versions. It exits with
// 1 if a client could not be made, be compiled, submit or read, and prints what each did.
//
// All clients send the same input under one Idempotency-Key. A client that sent anything else than
// the others would be refused; so they all read one run. Two clients that cannot send metadata
// share a second run.
package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"parley/infra/local"
	"parley/infra/local/operate"
	"parley/infra/prove/tool"
	"parley/shared/api"
	"parley/shared/speech/installed"
)

// patience bounds the whole command, stepPatience one program of a generator.
const patience, stepPatience = time.Hour, 10 * time.Minute

// source is where the clients' programs are, from the root of the checkout.
const source = "infra/prove/clients"

// jarSum is the SHA-256 of openapi-generator's jar, which a package of PyPI brings.
const jarSum = "1760050094997b9cc790cc1350be095f15da8c08a996b184d3eadc4ccda5e35e"

func main() {
	url := flag.String("url", "", "of a running system")
	only := flag.String("only", "", "names of generators, separated by commas")
	keep := flag.String("keep", "", "folder for the clients; empty: a temporary one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := prove(ctx, *url, *keep, *only); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func prove(ctx context.Context, url, dir, only string) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "parley-clients-"); err != nil {
			return fmt.Errorf("clients: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	w := workshop{dir: dir}
	if err := w.open(ctx); err != nil {
		return err
	}
	if url != "" {
		return w.all(ctx, only, url, os.Getenv("PARLEY_API_KEY"))
	}
	err = local.Run(ctx, local.Config{Addr: "127.0.0.1:0", Data: filepath.Join(dir, "data"), Parts: installed.Dir(), PollEvery: 10 * time.Second, SweepEvery: time.Minute,
		Progress: func(line string) { fmt.Fprintln(os.Stderr, line) },
		Ready: func(ctx context.Context, s local.System) error {
			key, err := operate.Newcomer(ctx, s, "Clients", 100)
			if err != nil {
				return fmt.Errorf("clients: %w", err)
			}
			if err := w.all(ctx, only, s.URL, key); err != nil {
				return err
			}
			return errDone
		}})
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}

// errDone stops the local system after the test.
var errDone = errors.New("clients: done")

// workshop is a folder with the documents, the clients' programs and the generators.
type workshop struct {
	dir               string
	python, node, jar string
}

// open installs the generators and writes what they read.
func (w *workshop) open(ctx context.Context) error {
	read := func(name string) []byte {
		raw, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			panic(err) // part of the checkout
		}
		return raw
	}
	python, err := tool.Python(ctx, "clients-python", read("python/requirements.txt"))
	if err != nil {
		return err
	}
	if w.node, err = tool.Node(ctx, "clients-node", read("node/package.json"), read("node/package-lock.json")); err != nil {
		return err
	}
	w.python = filepath.Join(python, "bin")
	jars, _ := filepath.Glob(filepath.Join(python, "lib", "*", "site-packages", "openapi_generator_cli", "openapi-generator.jar"))
	if len(jars) != 1 {
		return fmt.Errorf("clients: %d jars of openapi-generator in %s", len(jars), python)
	}
	w.jar = jars[0]
	raw, err := os.ReadFile(w.jar)
	if err != nil {
		return fmt.Errorf("clients: %w", err)
	}
	if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != jarSum {
		return fmt.Errorf("clients: %s has another hash", w.jar)
	}
	for _, kind := range []string{"go", "python", "node", "java"} {
		if err := os.CopyFS(filepath.Join(w.dir, kind), os.DirFS(filepath.Join(source, kind))); err != nil {
			return fmt.Errorf("clients: %w", err)
		}
	}
	err = errors.Join(
		os.WriteFile(filepath.Join(w.dir, "openapi.json"), api.OpenAPI(), 0o644),
		os.WriteFile(filepath.Join(w.dir, "openapi-3.0.json"), api.OlderOpenAPI(), 0o644),
		os.Symlink(filepath.Join(w.node, "node_modules"), filepath.Join(w.dir, "node", "node_modules")))
	short := exec.CommandContext(ctx, installed.FFmpeg(installed.Dir()), "-v", "error", "-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", "1", filepath.Join(w.dir, "short.flac"))
	if out, made := short.CombinedOutput(); made != nil {
		err = errors.Join(err, fmt.Errorf("make a recording: %w: %s", made, out))
	}
	if err != nil {
		return fmt.Errorf("clients: %w", err)
	}
	return nil
}

// generator makes a client, which a program of ours then uses.
type generator struct {
	name     string
	document string // the edition that it reads
	in       string // the folder that it works in
	generate []string
	compile  []string
	use      []string
	env      []string
	objects  bool   // the client can send metadata
	limit    string // what it still cannot do
}

func (w *workshop) generators() []generator {
	const newer, older = "../openapi.json", "../openapi-3.0.json"
	jar := func(name, document, out string, more ...string) []string {
		return append([]string{"java", "-jar", w.jar, "generate", "-g", name, "-i", document, "-o", out}, more...)
	}
	bin := func(name string) string { return "node_modules/.bin/" + name }
	tsc := func(file string) []string {
		return []string{bin("tsc"), "--strict", "--target", "es2022", "--module", "commonjs", "--moduleResolution", "node10", "--lib", "es2022,dom,dom.iterable", "--types", "node", "--outDir", "out", file}
	}
	python := filepath.Join(w.python, "python")
	return []generator{
		{name: "oapi-codegen", document: older, in: "go", objects: true, generate: []string{"go", "tool", "oapi-codegen", "-generate", "types,client", "-package", "oapi", "-o", "oapi/oapi.go", older},
			compile: []string{"go", "build", "-o", "bin/oapi", "./cmd/oapi"}, use: []string{"bin/oapi"},
			limit: "leaves the form to the caller; of 3.1 it loses the shape of the webhook (undefined: RunCompleted)"},
		{name: "ogen", document: newer, in: "go", objects: true, generate: []string{"go", "tool", "ogen", "-target", "ogen", "-package", "ogen", "-clean", newer},
			compile: []string{"go", "build", "-o", "bin/ogen", "./cmd/ogen"}, use: []string{"bin/ogen"},
			limit: "sends an object that is not set as an empty text (cutSettings must be a JSON object): set it to an empty one"},
		{name: "openapi-generator-go", document: newer, in: "go", generate: jar("go", newer, "openapigenerator", "--package-name", "openapigenerator", "--additional-properties=withGoMod=false", "--global-property", "apiTests=false,modelTests=false"),
			compile: []string{"go", "build", "-o", "bin/openapigenerator", "./cmd/openapigenerator"}, use: []string{"bin/openapigenerator"},
			limit: "cannot send metadata and cutSettings: it makes one field of each member (metadata[position] is not a field of this call)"},
		{name: "openapi-generator-java", document: newer, in: "java", generate: jar("java", newer, ".", "--library", "native"),
			compile: []string{"bash", "-c", "cp Try.java src/main/java/ && mvn -q -B -DskipTests compile org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"},
			use:     []string{"java", "-cp", "target/classes:target/dependency/*", "Try"},
			limit:   "cannot send metadata and cutSettings: it sends Java's own text for them (metadata must be a JSON object)"},
		{name: "openapi-generator-python", document: older, in: "python", objects: true, generate: jar("python", older, "generated"),
			compile: []string{python, "-m", "compileall", "-q", "generated/openapi_client"}, use: []string{python, "openapi_generator.py"}, env: []string{"PYTHONPATH=generated"},
			limit: "of 3.1 it makes a file for the webhook that nothing imports and that is no Python (webhook_id: ,)"},
		{name: "openapi-generator-typescript", document: newer, in: "node", objects: true, generate: jar("typescript-fetch", newer, "openapi-generator"),
			compile: tsc("openapi-generator.ts"), use: []string{"node", "out/openapi-generator.js"}},
		{name: "openapi-python-client", document: newer, in: "python", objects: true, generate: []string{filepath.Join(w.python, "openapi-python-client"), "generate", "--meta", "none", "--path", newer, "--output-path", "parley_client", "--overwrite"},
			compile: []string{python, "-m", "compileall", "-q", "parley_client"}, use: []string{python, "openapi_python_client.py"}},
		{name: "openapi-typescript", document: newer, in: "node", objects: true, generate: []string{bin("openapi-typescript"), newer, "-o", "openapi-typescript.gen.ts"},
			compile: tsc("openapi-typescript.ts"), use: []string{"node", "out/openapi-typescript.js"},
			limit: "is types only: openapi-fetch leaves the form to the caller"},
		{name: "hey-api", document: newer, in: "node", objects: true, generate: []string{bin("openapi-ts"), "-i", newer, "-o", "hey-api", "-c", "@hey-api/client-fetch"},
			compile: tsc("hey-api.ts"), use: []string{"node", "out/hey-api.js"}},
	}
}

// said is what a client's program prints.
type said struct {
	Refusal  string  `json:"refusal"`
	ID       string  `json:"id"`
	Status   string  `json:"status"`
	Fluency  float64 `json:"fluency"`
	Level    string  `json:"level"`
	Words    int     `json:"words"`
	Measures int     `json:"measures"`
}

// all tries every generator, and prints a row for each.
func (w *workshop) all(ctx context.Context, only, url, key string) error {
	trial := rand.Text()
	runs := map[bool]said{} // by whether the client can send metadata
	var failed []error
	fmt.Printf("%-29s %-18s %-31s %s\n", "generator", "document", "read the run", "what it cannot do")
	for _, g := range w.generators() {
		if only != "" && !slices.Contains(strings.Split(only, ","), g.name) {
			continue
		}
		got, err := w.try(ctx, g, url, key, fmt.Sprint(trial, g.objects))
		if first, ok := runs[g.objects]; err == nil && ok && got != first {
			err = fmt.Errorf("it read %+v, another client %+v", got, first)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", g.name, err))
			fmt.Printf("%-29s %-18s FAILED: %.200s\n", g.name, filepath.Base(g.document), strings.ReplaceAll(err.Error(), "\n", " "))
			continue
		}
		runs[g.objects] = got
		fmt.Printf("%-29s %-18s %-31s %s\n", g.name, filepath.Base(g.document), got.ID, g.limit)
	}
	for objects, first := range runs {
		if err := w.same(ctx, first, objects, url, key); err != nil {
			failed = append(failed, err)
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("clients: %w", errors.Join(failed...))
	}
	return nil
}

// try makes a client and submits and reads with it.
func (w *workshop) try(ctx context.Context, g generator, url, key, repeat string) (said, error) {
	recording, err := filepath.Abs("infra/sample/interview.opus")
	if err != nil {
		return said{}, fmt.Errorf("clients: %w", err)
	}
	env := append(g.env, "PATH="+w.python+string(os.PathListSeparator)+os.Getenv("PATH"),
		"PARLEY_URL="+url, "PARLEY_API_KEY="+key, "PARLEY_RECORDING="+recording, "PARLEY_SHORT="+filepath.Join(w.dir, "short.flac"), "PARLEY_IDEMPOTENCY="+repeat)
	var out []byte
	for _, step := range []struct {
		what string
		line []string
	}{{"generate", g.generate}, {"compile", g.compile}, {"submit and read", g.use}} {
		if out, err = w.do(ctx, g.in, env, step.line); err != nil {
			return said{}, fmt.Errorf("%s: %w", step.what, err)
		}
	}
	var got said
	if err := json.Unmarshal(out, &got); err != nil {
		return said{}, fmt.Errorf("it printed %q: %w", out, err)
	}
	if got.Refusal != "AUDIO_TOO_SHORT" {
		return said{}, fmt.Errorf("the short recording was answered %q", got.Refusal)
	}
	return got, nil
}

// do runs a command in a folder of the workshop and returns what it printed. Its error has the end
// of what the command complained of.
func (w *workshop) do(ctx context.Context, in string, env, line []string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, stepPatience)
	defer cancel()
	c := exec.CommandContext(ctx, line[0], line[1:]...)
	c.Dir, c.Env = filepath.Join(w.dir, in), append(os.Environ(), env...)
	var out, complaint bytes.Buffer
	c.Stdout, c.Stderr = &out, &complaint
	if err := c.Run(); err != nil {
		said := cmp.Or(strings.TrimSpace(complaint.String()), strings.TrimSpace(out.String()))
		return nil, fmt.Errorf("%w: %s", err, said[max(0, len(said)-2000):])
	}
	return out.Bytes(), nil
}

// same compares what the clients read with the run's own body.
func (w *workshop) same(ctx context.Context, s said, objects bool, url, key string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+api.Base+"/speech/analyze/"+s.ID, nil)
	if err != nil {
		return fmt.Errorf("read the run: %w", err)
	}
	req.Header.Set("X-API-Key", key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("read the run: %w", err)
	}
	defer func() { _ = res.Body.Close() }() // read only
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("read the run: %w", err)
	}
	var run struct {
		Status   string
		Metadata map[string]string
		Tags     []string
		Scores   struct {
			Fluency    float64
			AccentCefr string
		}
		Analysis   struct{ Fluency struct{ Measures []struct{} } }
		Transcript struct{ Segments []struct{ Words []struct{} } }
	}
	if err := json.Unmarshal(raw, &run); err != nil {
		return fmt.Errorf("read the run: %w", err)
	}
	want := said{Refusal: s.Refusal, ID: s.ID, Status: run.Status, Fluency: run.Scores.Fluency, Level: run.Scores.AccentCefr, Measures: len(run.Analysis.Fluency.Measures)}
	for _, segment := range run.Transcript.Segments {
		want.Words += len(segment.Words)
	}
	metadata := 0
	if objects {
		metadata = 3
	}
	if s != want || !slices.Equal(run.Tags, []string{"june", "support team"}) || len(run.Metadata) != metadata {
		return fmt.Errorf("the clients read %+v, the run is %+v with tags %q and metadata %q", s, want, run.Tags, run.Metadata)
	}
	fmt.Printf("%s: %s, fluency %.1f, accent %s, %d words, metadata %q\n", s.ID, s.Status, s.Fluency, s.Level, s.Words, run.Metadata)
	return nil
}
