package system_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/infra/local"
	"parley/shared/errcode"
)

// program is the command line as people run it, on the running system.
type program struct {
	t    *testing.T
	sys  *system
	path string
	env  []string
}

// build compiles the program.
func build(t *testing.T, s *system) program {
	t.Helper()
	path := filepath.Join(t.TempDir(), "parley")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "parley/infra/cli").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program{t: t, sys: s, path: path, env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "PARLEY_URL=" + s.URL}}
}

// outcome is what a command printed, and how it ended.
type outcome struct {
	t    *testing.T
	what string
	out  []byte
	errs string
	exit int
}

func (p program) run(args ...string) outcome {
	p.t.Helper()
	ctx, stop := context.WithTimeout(p.t.Context(), patience)
	defer stop()
	c := exec.CommandContext(ctx, p.path, args...)
	c.Env = p.env
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err := c.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		p.t.Fatal(err)
	}
	return outcome{p.t, "parley " + strings.Join(args, " "), out.Bytes(), errs.String(), c.ProcessState.ExitCode()}
}

// admin runs an operator's command on the running system.
func (p program) admin(args ...string) outcome {
	p.t.Helper()
	return p.run(append([]string{"admin", "--local", "--data", p.sys.data(), "--json"}, args...)...)
}

// exits fails the test unless the command exited with this code.
func (o outcome) exits(code int) outcome {
	o.t.Helper()
	if o.exit != code {
		o.t.Fatalf("%s: exit %d, want %d: %s%s", o.what, o.exit, code, o.out, o.errs)
	}
	return o
}

// reads returns what the command printed, parsed as JSON.
func (o outcome) reads() map[string]any {
	o.t.Helper()
	var v map[string]any
	if err := json.Unmarshal(o.out, &v); err != nil {
		o.t.Fatalf("%s: %v: %s%s", o.what, err, o.out, o.errs)
	}
	return v
}

func (o outcome) lists() []map[string]any {
	o.t.Helper()
	var v []map[string]any
	if err := json.Unmarshal(o.out, &v); err != nil {
		o.t.Fatalf("%s: %v: %s%s", o.what, err, o.out, o.errs)
	}
	return v
}

func members(v map[string]any) []string {
	var names []string
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func text(v map[string]any, name string) string { s, _ := v[name].(string); return s }

// Ensure that clients and operators can do with the command line everything that the page on
// operating names, with its exit codes and its JSON.
func TestTheCommandLineDoesWhatItsPageSays(t *testing.T) {
	s := need(t)
	p := build(t, s)
	same := func(what string, got, want any) {
		t.Helper()
		if g, w := asJSON(got), asJSON(want); g != w {
			t.Errorf("%s: %s, want %s", what, g, w)
		}
	}

	// A client, its settings and its key.
	made := p.admin("client", "create", "--name", "Acme", "--credits", "20", "--concurrent-runs", "2", "--permission", "speech").exits(0).reads()
	same("what a new client is told as", members(made), []string{"clientId"})
	id := text(made, "clientId")
	shown := p.admin("client", "show", id).exits(0).reads()
	same("its permissions", shown["permissions"], []string{"speech"})
	same("its grants", shown["grants"], []string{})
	for _, step := range []struct {
		flags  []string
		member string
		want   any
	}{
		{[]string{"--active=false"}, "active", false}, {[]string{"--active=true"}, "active", true}, {[]string{"--concurrent-runs", "3"}, "concurrentRuns", 3},
		{[]string{"--grant", "multilingual"}, "grants", []string{"multilingual"}}, {[]string{"--grant", "multilingual"}, "grants", []string{"multilingual"}}, {[]string{"--revoke-grant", "multilingual"}, "grants", []string{}},
	} {
		same(strings.Join(step.flags, " "), p.admin(append([]string{"client", "set", id}, step.flags...)...).exits(0).reads()[step.member], step.want)
	}
	if all := p.admin("client", "list").exits(0).lists(); !slices.ContainsFunc(all, func(c map[string]any) bool { return text(c, "clientId") == id && text(c, "name") == "Acme" }) {
		t.Errorf("the client is not among %v", all)
	}
	key := p.admin("key", "create", "--client", id, "--expires-in", "1h", "--ip", "127.0.0.0/8", "--rate", "50").exits(0).reads()
	if listed := p.admin("key", "list", "--client", id).exits(0); len(listed.lists()) != 1 || bytes.Contains(listed.out, []byte(text(key, "key"))) || text(listed.lists()[0], "keyId") != text(key, "keyId") {
		t.Errorf("the keys are %s", listed.out)
	}
	p.env = append(p.env, "PARLEY_API_KEY="+text(key, "key"))

	// A client that may do nothing.
	none := text(p.admin("client", "create", "--name", "Nobody", "--permission", "none").exits(0).reads(), "clientId")
	same("its permissions", p.admin("client", "show", none).exits(0).reads()["permissions"], []string{})
	refused(t, send(t, http.MethodGet, s.URL+"/api/v1/runs", http.Header{"X-Api-Key": {text(p.admin("key", "create", "--client", none).exits(0).reads(), "key")}}, nil), 403, errcode.MissingPermission)

	// Credits.
	entry := p.admin("credits", "grant", "--client", id, "--amount", "5", "--note", "a gift").exits(0).reads()
	same("an entry", []any{entry["type"], entry["amount"], entry["balanceAfter"], entry["note"]}, []any{"grant", 5, 25, "a gift"})
	entry = p.admin("credits", "adjust", "--client", id, "--amount=-5").exits(0).reads()
	same("an entry", []any{entry["type"], entry["amount"], entry["balanceAfter"]}, []any{"adjust", -5, 20})
	p.admin("credits", "adjust", "--client", id, "--amount=-21").exits(1)
	same("the balance", p.run("credits", "--json").exits(0).reads()["balance"], 20)

	// A run, from its submit to its erasure.
	recording := filepath.Join(t.TempDir(), "quiet.flac")
	must(t, os.WriteFile(recording, silence(t, 200), 0o600))
	failed := p.run("submit", recording, "--wait", "--json", "--external-id", "4711").exits(1).reads()
	same("a run of silence", []any{failed["status"], failed["externalId"]}, []any{"failed", "4711"})
	first := text(failed, "id")
	same("the same file again", p.run("submit", recording, "--json", "--external-id", "4711").exits(0).reads()["id"], first)
	same("shown", p.run("show", first, "--json").exits(1).reads()["id"], first)
	same("waited for", p.run("wait", first, "--json").exits(1).reads()["id"], first)
	listed, _ := p.run("runs", "--json", "--external-id", "4711").exits(0).reads()["data"].([]any)
	same("how many runs there are", len(listed), 1)
	if o := p.run("show", first).exits(1); !strings.Contains(string(o.out), string(errcode.TranscriptionFailed)) {
		t.Errorf("for people: %s", o.out)
	}
	p.run("erase", first).exits(0)
	p.run("erase", first, "--json").exits(0)
	p.admin("runs", "retry", first).exits(1) // erased

	// A run that an operator ends and retries.
	set := []string{"local", "faults", "--data", s.data(), "--json"}
	same("faults set", p.run(append(set, "set", "ingest=drop")...).exits(0).reads()["faults"], []string{"ingest=drop"})
	t.Cleanup(func() { must(t, local.ClearFaults(s.data())) })
	accepted := p.run("submit", recording, "--json", "--idempotency-key", "another").exits(0).reads()
	second := text(accepted, "id")
	live := p.admin("runs", "show", second).exits(0).reads()
	same("a live run", []any{live["status"], live["attempt"], live["clientId"]}, []any{"processing", 1, id})
	if runs := p.admin("runs", "list", "--client", id, "--status", "processing").exits(0).lists(); len(runs) != 1 || text(runs[0], "id") != second {
		t.Errorf("the runs under way are %v", runs)
	}
	p.run("erase", second).exits(1) // it has not ended
	p.admin("runs", "retry", second).exits(1)
	p.admin("runs", "fail", second).exits(2)
	ended := p.admin("runs", "fail", second, "--why", "by hand").exits(0).reads()
	same("ended by hand", []any{ended["status"], ended["reason"], ended["charged"]}, []any{"failed", "operator: by hand", 0})
	p.admin("runs", "fail", second, "--why", "again").exits(1)
	same("faults shown", p.run(append(set, "show")...).exits(0).reads()["faults"], []string{"ingest=drop"})
	same("faults cleared", p.run(append(set, "clear")...).exits(0).reads()["faults"], []string{})
	retried := p.admin("runs", "retry", second).exits(0).reads()
	same("tried again", []any{retried["status"], retried["attempt"]}, []any{"processing", 2})
	same("and its end", text(p.run("wait", second, "--json").exits(1).reads(), "status"), "failed")

	// Queues and books.
	for _, q := range p.admin("queues").exits(0).lists() {
		same("a queue", members(q), []string{"dead", "delayed", "inFlight", "name", "oldestSeconds", "waiting"})
	}
	same("redriven", p.admin("queues", "redrive", "accent").exits(0).reads()["name"], "accent")
	p.admin("queues", "redrive", "none").exits(2)
	audited := p.admin("audit", "--client", id).exits(0).reads()
	same("the audit", []any{audited["clients"], audited["runs"], audited["violations"]}, []any{1, 2, []string{}})

	// Webhooks' secrets.
	secret := func(args ...string) []any {
		t.Helper()
		v, _ := p.admin(append([]string{"webhook"}, append(args, "--client", id)...)...).exits(0).reads()["secrets"].([]any)
		return v
	}
	same("its secrets", len(secret("secret")), 1)
	same("its secrets while one is replaced", len(secret("rotate", "--overlap", "1h")), 2)
	p.admin("webhook", "show", second).exits(1) // the run has none

	// Keys end.
	heir := p.admin("key", "rotate", text(key, "keyId"), "--overlap", "1h").exits(0).reads()
	p.run("credits").exits(0) // the old one, for that long
	same("revoked", p.admin("key", "revoke", text(key, "keyId")).exits(0).reads()["active"], false)
	if o := p.run("credits").exits(1); !strings.Contains(o.errs, string(errcode.InvalidAPIKey)) {
		t.Errorf("by a revoked key: %s", o.errs)
	}
	p.env = append(p.env, "PARLEY_API_KEY="+text(heir, "key"))
	p.run("credits").exits(0)

	// Wrong use, and a service that cannot be reached.
	p.run("dance").exits(2)
	p.admin("client", "show").exits(2)
	p.admin("client", "create", "--name", "x", "--permission", "flight").exits(2)
	p.admin("client", "show", "cli_none").exits(1)
	p.run("credits", "--url", "http://127.0.0.1:9").exits(3)
	p.run("admin", "--local", "--data", t.TempDir(), "client", "list").exits(3)

	// The variables for other programs.
	vars, err := os.ReadFile(filepath.Join(s.data(), "env"))
	if err != nil || !strings.Contains(string(vars), "AWS_ENDPOINT_URL="+s.Endpoint) {
		t.Errorf("env holds %s, %v", vars, err)
	}
}

// asJSON returns a value as it is encoded, so that numbers and lists of any type can be compared.
func asJSON(v any) string { b, _ := json.Marshal(v); return string(b) }
