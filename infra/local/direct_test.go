package local

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"parley/shared/errcode"
)

// standIn is the variable that makes the program of the tests a function.
const standIn = "PARLEY_TEST_FUNCTION"

func TestMain(m *testing.M) {
	if os.Getenv(standIn) == "" {
		os.Exit(m.Run())
	}
	if os.Getenv(standIn) == "broken" {
		fmt.Println("cannot start")
		os.Exit(1)
	}
	lambda.Start(function)
}

// function does what the path of its event says.
func function(ctx context.Context, e events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
	fmt.Println("asked for " + e.Path)
	switch e.Path {
	case "/fail":
		return events.APIGatewayProxyResponse{}, errors.New("secret")
	case "/exit":
		os.Exit(1)
	case "/hang":
		select {}
	case "/long":
		return events.APIGatewayProxyResponse{StatusCode: http.StatusOK, Body: strings.Repeat("x", MaxPayload)}, nil
	}
	deadline, _ := ctx.Deadline()
	of, _ := lambdacontext.FromContext(ctx)
	said, err := json.Marshal(map[string]any{
		"pid": os.Getpid(), "version": os.Getenv("VERSION"), "name": lambdacontext.FunctionName, "memory": lambdacontext.MemoryLimitInMB,
		"endpoint": os.Getenv("AWS_ENDPOINT_URL"), "arn": of.InvokedFunctionArn, "id": of.AwsRequestID,
		"timed": time.Until(deadline) > 0, "traced": os.Getenv("_X_AMZN_TRACE_ID") != "",
	})
	return events.APIGatewayProxyResponse{StatusCode: http.StatusOK, Body: string(said)}, err
}

// answered is what the stand-in says of itself.
type answered struct {
	PID                          int
	Version, Name, Endpoint, ARN string
	Memory                       int
	ID                           string
	Timed, Traced                bool
}

// emulated stands in for the emulator: a gateway with one API, Lambda with one function, and the
// log.
type emulated struct {
	*httptest.Server
	archive []byte

	mu        sync.Mutex
	revision  string
	variables map[string]string
	reserved  bool
	timeout   int
	forwarded int
	lines     []string
	streams   map[string]bool
}

func emulate(t *testing.T) *emulated {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	w, err := z.Create("bootstrap")
	if err == nil {
		_, err = io.WriteString(w, "#!/bin/sh\nexec '"+self+"'\n")
	}
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	e := &emulated{archive: archive.Bytes(), revision: "1", timeout: 60, streams: map[string]bool{}, variables: map[string]string{standIn: "1", "VERSION": "1"}}
	e.Server = httptest.NewServer(e)
	t.Cleanup(e.Close)
	return e
}

// ServeHTTP implements http.Handler.
func (e *emulated) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	defer e.mu.Unlock()
	answer := func(v any) { _ = json.NewEncoder(w).Encode(v) }
	const uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:"
	proxied := func(function string) map[string]any {
		return map[string]any{"ANY": map[string]any{"methodIntegration": map[string]any{"type": "AWS_PROXY", "uri": uri + function + "/invocations"}}}
	}
	switch path := r.URL.Path; {
	case path == "/restapis/abc":
		answer(map[string]any{"id": "abc"})
	case path == "/restapis/abc/stages/live":
		answer(map[string]any{"stageName": "live"})
	case path == "/restapis/abc/resources":
		answer(map[string]any{"item": []any{
			map[string]any{"id": "r", "path": "/"},
			map[string]any{"id": "p", "parentId": "r", "path": "/{proxy+}", "pathPart": "{proxy+}", "resourceMethods": proxied("parley-poll")},
			map[string]any{"id": "a", "parentId": "r", "path": "/alias", "pathPart": "alias", "resourceMethods": proxied("parley-poll:live")},
			map[string]any{"id": "u", "parentId": "r", "path": "/unknown", "pathPart": "unknown", "resourceMethods": proxied("parley-unknown")},
		}})
	case strings.HasSuffix(path, "/functions/parley-poll"):
		out := map[string]any{
			"Code": map[string]any{"Location": e.URL + "/code"},
			"Configuration": map[string]any{"FunctionName": "parley-poll", "FunctionArn": "arn:poll", "Version": "$LATEST", "RevisionId": e.revision, "Timeout": e.timeout, "MemorySize": 256,
				"TracingConfig": map[string]any{"Mode": "Active"}, "Environment": map[string]any{"Variables": e.variables}},
		}
		if e.reserved {
			out["Concurrency"] = map[string]any{"ReservedConcurrentExecutions": 0}
		}
		answer(out)
	case path == "/code":
		_, _ = w.Write(e.archive)
	case strings.HasPrefix(r.Header.Get("X-Amz-Target"), "Logs_20140328."):
		var in struct {
			LogStreamName string
			LogEvents     []struct{ Message string }
		}
		_ = json.NewDecoder(r.Body).Decode(&in)
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".CreateLogStream") {
			e.streams[in.LogStreamName] = true
		}
		if !e.streams[in.LogStreamName] {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		for _, one := range in.LogEvents {
			e.lines = append(e.lines, one.Message)
		}
	case strings.HasPrefix(path, "/_aws/execute-api/abc/live/"):
		e.forwarded++
		_, _ = io.WriteString(w, "forwarded")
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// change changes the stand-in, and what the front knows of it becomes old.
func (e *emulated) change(d *direct, how func()) {
	e.mu.Lock()
	how()
	e.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known = map[string]described{}
}

// fronted returns the front of a stand-in for the emulator, and its address.
func fronted(t *testing.T, e *emulated, said io.Writer) (*direct, string) {
	t.Helper()
	s := System{Endpoint: e.URL, Stack: StackName, Outputs: map[string]string{"ApiId": "abc", "ApiStage": "live"}}
	lambdas, err := newFunctions(s)
	if err != nil {
		t.Fatal(err)
	}
	d, err := startDirect(t.Context(), s, lambdas.client, []string{"PATH=" + os.Getenv("PATH"), "AWS_ENDPOINT_URL=http://other"}, t.TempDir(), said)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(newGateway(s, d, time.Minute, make(chan struct{}, maxForwarded)))
	t.Cleanup(func() {
		proxy.Close()
		if !d.fleet.stopped {
			d.stop()
		}
	})
	return d, proxy.URL
}

func get(t *testing.T, url string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	status, _, body := do(t, req, err)
	return status, body
}

func ask(t *testing.T, url string) answered {
	t.Helper()
	status, body := get(t, url)
	var a answered
	if err := json.Unmarshal(body, &a); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	return a
}

// Ensure that the front calls a function with the settings of its deployment, keeps its copy for
// the next call, and starts another once the function is deployed anew.
func TestTheFrontCallsAFunction(t *testing.T) {
	e := emulate(t)
	d, url := fronted(t, e, io.Discard)
	first := ask(t, url+"/x")
	if want := (answered{first.PID, "1", "parley-poll", e.URL, "arn:poll", 256, first.ID, true, true}); first != want || len(first.ID) != 36 {
		t.Errorf("%+v, want %+v", first, want)
	}
	if again := ask(t, url+"/x"); again.PID != first.PID || again.ID == first.ID {
		t.Errorf("the next call: %+v after %+v", again, first)
	}
	e.change(d, func() { e.revision, e.variables = "2", map[string]string{standIn: "1", "VERSION": "2"} })
	if after := ask(t, url+"/x"); after.PID == first.PID || after.Version != "2" {
		t.Errorf("after a deployment: %+v", after)
	}
	if n := len(d.fleet.all); n != 1 {
		t.Errorf("%d copies", n)
	}
	d.stop()
	if err := syscall.Kill(first.PID, 0); err == nil {
		t.Error("the old copy has not ended")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.forwarded != 0 || len(e.streams) != 2 {
		t.Errorf("%d calls forwarded, %d streams of logs", e.forwarded, len(e.streams))
	}
	text := strings.Join(e.lines, "\n")
	for _, want := range []string{"START RequestId: " + first.ID + " Version: $LATEST", "asked for /x", "END RequestId: " + first.ID, "REPORT RequestId: " + first.ID + "\tDuration: "} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %q:\n%s", want, text)
		}
	}
}

// Ensure that a function that fails, dies, hangs or says too much is answered for in the envelope,
// that the next call gets a copy that works, and that the emulator's log has what Lambda says.
func TestAFunctionThatFails(t *testing.T) {
	e := emulate(t)
	var said bytes.Buffer
	d, url := fronted(t, e, &said)
	before := ask(t, url+"/x")
	for _, tt := range []struct {
		path string
		kept bool // the copy goes on
		said string
	}{
		{"/fail", true, ""},
		{"/exit", false, "Lambda parley-poll: Runtime exited before returning a response\n"},
		{"/hang", false, "Lambda parley-poll: Task timed out\n"},
		{"/long", false, "Lambda parley-poll: Response payload size exceeded maximum\n"},
	} {
		t.Run(tt.path, func(t *testing.T) {
			said.Reset()
			if tt.path == "/hang" {
				e.change(d, func() { e.revision, e.timeout = "short", 1 })
			}
			status, body := get(t, url+tt.path)
			if e := envelope(t, body); status != http.StatusInternalServerError || e.Code != errcode.InternalError || strings.Contains(string(body), "secret") {
				t.Errorf("%d %s", status, body)
			}
			if tt.path == "/hang" {
				e.change(d, func() { e.revision, e.timeout = "long", 60 })
			}
			after := ask(t, url+"/x")
			if (after.PID == before.PID) != tt.kept || !strings.HasSuffix(said.String(), tt.said) {
				t.Errorf("process %d after %d; said %q", after.PID, before.PID, said.String())
			}
			before = after
		})
	}
	d.stop()
	if !slices.ContainsFunc(e.lines, func(l string) bool { return strings.HasSuffix(l, "Task timed out after 1.00 seconds") }) {
		t.Errorf("the log lacks the timeout:\n%s", strings.Join(e.lines, "\n"))
	}
}

// Ensure that a copy that was killed while it was idle is not called, and that a function that
// cannot start is an error of the service.
func TestACopyThatHasEnded(t *testing.T) {
	e := emulate(t)
	d, url := fronted(t, e, io.Discard)
	first := ask(t, url+"/x")
	d.fleet.mu.Lock()
	idle := d.fleet.idle["parley-poll"][0]
	d.fleet.mu.Unlock()
	if err := syscall.Kill(idle.child.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-idle.child.done
	if after := ask(t, url+"/x"); after.PID == first.PID {
		t.Errorf("process %d was called again", first.PID)
	}
	e.change(d, func() { e.revision, e.variables = "2", map[string]string{standIn: "broken"} })
	if status, body := get(t, url+"/x"); status != http.StatusInternalServerError || envelope(t, body).Code != errcode.InternalError {
		t.Errorf("%d %s", status, body)
	}
	d.stop()
	if n := len(d.fleet.all); n != 0 || !slices.Contains(e.lines, "cannot start") {
		t.Errorf("%d copies are left; lines %q", n, e.lines)
	}
}

// Ensure that the emulated gateway gets what the front does not do itself: functions that it cannot
// find, aliases, and reserved concurrency, as soon as there is some.
func TestWhatTheFrontForwards(t *testing.T) {
	e := emulate(t)
	d, url := fronted(t, e, io.Discard)
	for i, path := range []string{"/unknown", "/alias", "/"} {
		if status, body := get(t, url+path); status != http.StatusOK || string(body) != "forwarded" || e.forwarded != i+1 {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	_ = ask(t, url+"/x")
	e.change(d, func() { e.reserved = true })
	if _, body := get(t, url+"/x"); string(body) != "forwarded" {
		t.Errorf("with reserved concurrency: %s", body)
	}
	e.change(d, func() { e.reserved = false })
	_ = ask(t, url+"/x")
}

// Ensure that calls at the same time have copies of their own, and that all of them are used again.
func TestCallsAtTheSameTime(t *testing.T) {
	e := emulate(t)
	d, url := fronted(t, e, io.Discard)
	for range 2 {
		var all sync.WaitGroup
		for range 3 * maxForwarded {
			all.Go(func() {
				res, err := http.Get(url + "/x")
				if err != nil {
					t.Error(err)
					return
				}
				if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusOK {
					t.Errorf("%s, %v", res.Status, err)
				}
			})
		}
		all.Wait()
	}
	d.fleet.mu.Lock()
	defer d.fleet.mu.Unlock()
	if n := len(d.fleet.all); n < 1 || n > maxForwarded || n != len(d.fleet.idle["parley-poll"]) {
		t.Errorf("%d copies, %d of them idle", n, len(d.fleet.idle["parley-poll"]))
	}
}

// Ensure that the journal sends lines in their order, creates a stream once and again after the
// emulator forgot it, and says how many lines it dropped.
func TestTheJournal(t *testing.T) {
	var mu sync.Mutex
	var got []string
	known := false
	taking := func(_ context.Context, action string, in any) error {
		raw, err := json.Marshal(in)
		mu.Lock()
		defer mu.Unlock()
		if action == "PutLogEvents" && !known {
			return errors.New("unknown stream")
		}
		known = true
		got = append(got, action+" "+string(raw))
		return err
	}
	j := startJournal(taking)
	p := &printer{journal: j, stream: &stream{group: "g", name: "s"}}
	for _, part := range []string{"one\ntw", "o\r\n", "\nthree", "\n", "rest"} {
		if n, err := io.WriteString(p, part); err != nil || n != len(part) {
			t.Error(n, err)
		}
	}
	j.stop()
	text := strings.Join(got, "\n")
	var messages []string
	for _, part := range strings.Split(text, `"message":"`)[1:] {
		message, _, _ := strings.Cut(part, `"`)
		messages = append(messages, message)
	}
	if !slices.Equal(messages, []string{"one", "two", "", "three"}) || strings.Count(text, "CreateLogStream") != 1 {
		t.Errorf("%s", text)
	}

	known, got = false, nil
	again := &journal{pending: map[*stream][]string{p.stream: {"four"}}, ask: taking}
	again.send()
	if text := strings.Join(got, "\n"); strings.Count(text, "CreateLogStream") != 1 || strings.Count(text, "four") != 1 {
		t.Errorf("after the stream was forgotten: %s", text)
	}

	full := &journal{pending: map[*stream][]string{}, dropped: map[*stream]int{}, ask: func(_ context.Context, _ string, in any) error {
		raw, err := json.Marshal(in)
		got = []string{string(raw)}
		return err
	}}
	for range maxBatch + 2 {
		full.add(p.stream, "x")
	}
	full.send()
	if n := strings.Count(got[0], `"x"`); n != maxBatch || !strings.Contains(got[0], "2 lines were dropped") {
		t.Errorf("%d lines sent", n)
	}
}

// Ensure that only an archive with a program is unpacked.
func TestUnpack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f", "bootstrap")
	if err := unpack([]byte("no archive"), path); err == nil {
		t.Error("no archive was unpacked")
	}
	var empty bytes.Buffer
	if err := zip.NewWriter(&empty).Close(); err != nil {
		t.Fatal(err)
	}
	if err := unpack(empty.Bytes(), path); err == nil {
		t.Error("an empty archive was unpacked")
	}
	if err := unpack(emulate(t).archive, path); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o100 == 0 {
		t.Errorf("%v, %v", info, err)
	}
}
