package local

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestConfigBounds(t *testing.T) {
	root := t.TempDir()
	for _, tc := range []struct {
		name string
		c    Config
		ok   bool
	}{
		{"the defaults", Config{}, true},
		{"the shortest sweep", Config{SweepEvery: MinSweepEvery}, true},
		{"a shorter one", Config{SweepEvery: MinSweepEvery - 1}, false},
		{"the longest sweep", Config{SweepEvery: MaxSweepEvery}, true},
		{"a longer one", Config{SweepEvery: MaxSweepEvery + 1}, false},
		{"the longest deadline", Config{Deadline: maxDuration}, true},
		{"a longer one", Config{Deadline: maxDuration + 1}, false},
		{"a negative deadline", Config{Deadline: -1}, false},
		{"negative polls", Config{PollEvery: -1}, false},
	} {
		tc.c.Root = root
		if _, err := tc.c.withDefaults(); (err == nil) != tc.ok || err != nil && !errors.Is(err, ErrConfig) {
			t.Errorf("%s: error %v", tc.name, err)
		}
	}
}

func TestDataFolderIsForOneSystem(t *testing.T) {
	dir := t.TempDir()
	d, err := openData(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openData(dir); err == nil || !strings.Contains(err.Error(), "running") {
		t.Errorf("a second system: %v", err)
	}
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
	again, err := openData(dir)
	if err != nil {
		t.Fatalf("after the first ended: %v", err)
	}
	_ = again.close()
}

func TestSystemIsRemembered(t *testing.T) {
	dir := t.TempDir()
	d, err := openData(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close() // a temporary folder
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "parley local --data") {
		t.Errorf("before any start: %v; want it to say how to start one", err)
	}
	s := System{URL: "http://127.0.0.1:8080", Endpoint: "http://127.0.0.1:4566", Stack: StackName, Deployed: "x",
		Outputs: map[string]string{"TableRuns": "r", "QueueIngest": "q", "Bucket": "b"}}
	if err := d.save(s); err != nil {
		t.Fatal(err)
	}
	got, err := Load(dir)
	if err != nil || got.URL != s.URL || got.Outputs["TableRuns"] != "r" {
		t.Errorf("loaded %+v, %v", got, err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "env"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"AWS_ENDPOINT_URL=http://127.0.0.1:4566", "PARLEY_URL=http://127.0.0.1:8080", "PARLEY_RUNS_TABLE=r", "PARLEY_QUEUE_INGEST=q", "PARLEY_BUCKET=b"} {
		if !slices.Contains(strings.Split(string(raw), "\n"), line) {
			t.Errorf("env lacks %s:\n%s", line, raw)
		}
	}
	if v, ok := got.Lookup("PARLEY_RUNS_TABLE"); !ok || v != "r" {
		t.Errorf("Lookup: %q, %v", v, ok)
	}
	if _, ok := got.Lookup("HOME"); ok {
		t.Error("Lookup finds what is not the system's")
	}
}

func TestEndpointStaysWhileItsPortIsFree(t *testing.T) {
	first, err := freeEndpoint("")
	if err != nil {
		t.Fatal(err)
	}
	same, err := freeEndpoint(first)
	if err != nil || same != first {
		t.Errorf("%s, %v; want %s again", same, err, first)
	}
	l, err := net.Listen("tcp", strings.TrimPrefix(first, "http://"))
	if err != nil {
		t.Skip("somebody else took the port meanwhile")
	}
	defer l.Close() // only to take the port
	other, err := freeEndpoint(first)
	if err != nil || other == first {
		t.Errorf("%s, %v; want another than the taken %s", other, err, first)
	}
}

func TestMovedStateNamesTheNewEndpoint(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "sqs.json")
	if err := os.WriteFile(path, []byte(`{"http://127.0.0.1:400/0/q":"http://127.0.0.1:4000/0/q"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := moveState(dir, "http://127.0.0.1:400", "http://127.0.0.1:500"); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if want := `{"http://127.0.0.1:500/0/q":"http://127.0.0.1:4000/0/q"}`; err != nil || string(raw) != want {
		t.Errorf("%s, %v; want %s", raw, err, want)
	}
}

func TestContextHasTheSettingsAndTheProjectsOwn(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "cdk.json"), []byte(`{"app":"x","context":{"flag":true}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	raw, err := contextOf(root, []string{"arch=amd64", "parts=/a=b"})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(raw), &got); err != nil || got["flag"] != true || got["arch"] != "amd64" || got["parts"] != "/a=b" {
		t.Errorf("context %s, %v", raw, err)
	}
}

func TestFailedCommandShowsWhatItSaid(t *testing.T) {
	err := command{name: "sh", args: []string{"-c", "echo what went wrong >&2; exit 3"}}.run(context.Background())
	if err == nil || !strings.Contains(err.Error(), "what went wrong") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := (command{name: "sleep", args: []string{"60"}}).run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestStoppedChildTakesItsGroupAlong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	c, err := spawn("/bin/sh", []string{"-c", `sleep 60 & echo $! > "$0.new"; mv "$0.new" "$0"; wait`, file}, []string{"PATH=" + os.Getenv("PATH")}, "/", nil)
	if err != nil {
		t.Fatal(err)
	}
	pid := ""
	for pid == "" {
		raw, err := os.ReadFile(file)
		if err == nil {
			pid = strings.TrimSpace(string(raw))
		}
	}
	c.stop(time.Minute)
	// The kernel needs a moment to end a killed process. If one lives on, the test times out.
	for {
		raw, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || strings.Contains(string(raw), ") Z ") {
			return
		}
	}
}

func TestOrphansAreKilledButThoseSpared(t *testing.T) {
	start := func(group bool) *exec.Cmd {
		cmd := exec.Command("sleep", "60")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: group}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	spared := start(true)
	defer spared.Wait()         // it was killed
	defer spared.Process.Kill() // it lives
	o := adoptOrphans()
	if !slices.Contains(o.spared, spared.Process.Pid) {
		t.Fatalf("spared %v lack %d", o.spared, spared.Process.Pid)
	}
	orphan := start(true) // nothing waits for it, as if its parent had died
	other := start(false) // other code in this process waits for it
	defer other.Wait()
	defer other.Process.Kill()
	o.kill()
	after := children(os.Getpid())
	if !slices.Contains(after, spared.Process.Pid) || slices.Contains(after, orphan.Process.Pid) || !slices.Contains(after, other.Process.Pid) {
		t.Errorf("children %v; want %d spared, %d let be and %d gone", after, spared.Process.Pid, other.Process.Pid, orphan.Process.Pid)
	}
}

func TestDeadOrphanLeavesNoZombie(t *testing.T) {
	o := adoptOrphans()
	defer o.kill()
	// The shell ends at once. Its child becomes an orphan and ends a moment later.
	if err := (command{name: "sh", args: []string{"-c", "sleep 0.05 & echo done"}}).run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for len(o.list()) > 0 { // if one stays, the test times out
		runtime.Gosched()
	}
}

func TestFaultsOfASystem(t *testing.T) {
	dir := t.TempDir()
	if err := SetFaults(dir, []string{"transcribe=error:2", "nonsense"}); err == nil {
		t.Error("a wrong spec was taken")
	}
	if got, err := ShowFaults(dir); err != nil || len(got) != 0 {
		t.Errorf("after a refused set: %v, %v", got, err)
	}
	if err := SetFaults(dir, []string{"transcribe=error:2", "ready=false"}); err != nil {
		t.Fatal(err)
	}
	if got, err := ShowFaults(dir); err != nil || !slices.Equal(got, []string{"transcribe=error:2", "ready=false"}) {
		t.Errorf("shown %v, %v", got, err)
	}
	if err := ClearFaults(dir); err != nil {
		t.Fatal(err)
	}
	if got, err := ShowFaults(dir); err != nil || len(got) != 0 {
		t.Errorf("after clear: %v, %v", got, err)
	}
}
