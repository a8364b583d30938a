package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/smithy-go"
	"github.com/spf13/cobra"
)

// Ensure that an error of each kind says what to do next.
func TestEveryErrorSaysWhatToDoNext(t *testing.T) {
	recording, taken := recordingFile(t), takenAddress(t)
	refusal := func(code string) string {
		return `{"error":{"code":"` + code + `","message":"No.","timestamp":"2026-04-21T12:00:00.000Z","requestId":"req_b"}}`
	}
	const id = "req_aaaaaaaaaaaaaaaaaaaaaaaaaa"
	for name, tt := range map[string]struct {
		status int
		body   string
		args   []string
		says   string
	}{
		"too few credits":               {402, refusal("INSUFFICIENT_CREDITS"), []string{"submit", recording}, "parley credits"},
		"an unknown run":                {404, refusal("REQUEST_NOT_FOUND"), []string{"show", id}, "parley runs"},
		"a run that has not ended":      {409, refusal("RUN_NOT_TERMINAL"), []string{"erase", id}, "parley wait"},
		"a wrong key":                   {401, refusal("INVALID_API_KEY"), []string{"credits"}, "PARLEY_API_KEY"},
		"an expired key":                {401, refusal("API_KEY_EXPIRED"), []string{"credits"}, "admin key rotate"},
		"a service that is not Parley":  {404, "<html>", []string{"credits"}, "Check the service's URL"},
		"a recording that is not there": {200, finished, []string{"submit", recording + ".none"}, "Check that the file"},
		"a missing argument":            {200, finished, []string{"show"}, "parley show --help"},
		"a value out of bounds":         {200, finished, []string{"admin", "key", "create", "--client", "cli_a", "--rate", "0"}, "parley admin key create --help"},
		"an unknown command":            {200, finished, []string{"dance"}, "parley --help"},
		"an unknown flag":               {200, finished, []string{"runs", "--dance"}, "parley runs --help"},
		"an address in use":             {200, finished, []string{"local", "--addr", taken.Addr().String(), "--data", t.TempDir()}, "--addr"},
		"no local system":               {200, finished, []string{"admin", "client", "list", "--local", "--data", t.TempDir()}, "starts one"},
		"a page without --html":         {200, finished, []string{"show", id, "--audio", recording}, "--html FILE"},
	} {
		t.Run(name, func(t *testing.T) {
			service(t, tt.status, tt.body)
			if _, errs, exit := parley(t, tt.args...); exit == 0 || !strings.Contains(errs, tt.says) {
				t.Errorf("exit %d: %s", exit, errs)
			}
		})
	}
	t.Run("no service", func(t *testing.T) {
		t.Setenv("PARLEY_URL", "http://127.0.0.1:9")
		t.Setenv("PARLEY_API_KEY", "pk_test")
		if _, errs, _ := parley(t, "credits"); !strings.Contains(errs, "PARLEY_URL") || !strings.Contains(errs, "parley local") {
			t.Error(errs)
		}
	})
}

// Ensure that errors of AWS and of the operating system get advice too.
func TestNext(t *testing.T) {
	root := rootCommand()
	at := func(args ...string) *cobra.Command {
		c, _, err := root.Find(args)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for _, tt := range []struct {
		name string
		c    *cobra.Command
		err  error
		says string
	}{
		{"AWS", at("admin", "queues"), fmt.Errorf("queues: %w", &smithy.OperationError{ServiceID: "SQS", Err: errors.New("denied")}), "credentials"},
		{"a stack that cannot be found", at("admin", "audit"), exitError{exitUnreachable, errors.New("no such stack")}, "--stack"},
		{"a full disk", at("demo"), &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, "Free some space"},
		{"a file of somebody else", at("score"), &fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, "you may use it"},
		{"a system that does not start", at("local"), exitError{exitFailed, errors.New("broken")}, "parley doctor"},
		{"a stop", at("score"), context.Canceled, "again"},
		{"a sentence of ours", at("admin", "runs", "retry"), errors.New("run x has status success: only a failed run can be retried"), ""},
	} {
		if got := next(tt.c, tt.err); !strings.Contains(got, tt.says) || tt.says == "" && got != "" {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.says)
		}
	}
}

// Ensure that a wait that is stopped names the command that goes on with it.
func TestAStoppedWaitSaysHowToGoOn(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		stop()
		_, _ = w.Write([]byte(`{"id":"req_a","status":"processing","pollIntervalSeconds":1}`))
	}))
	defer srv.Close()
	t.Setenv("PARLEY_URL", srv.URL)
	t.Setenv("PARLEY_API_KEY", "pk_test")
	root := rootCommand()
	var errs strings.Builder
	root.SetErr(&errs)
	root.SetArgs([]string{"wait", "req_a"})
	if exit := executeRoot(ctx, root); exit != exitFailed || !strings.Contains(errs.String(), "The run goes on: parley wait req_a") {
		t.Errorf("exit %d: %s", exit, errs.String())
	}
}

// Ensure that a demo that is stopped does not promise that its run goes on.
func TestAStoppedDemoSaysThatItHasEnded(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		stop()
		_, _ = w.Write([]byte(`{"id":"req_a","status":"processing","pollIntervalSeconds":1}`))
	}))
	defer srv.Close()
	root := rootCommand()
	root.SetErr(io.Discard)
	r := remote{url: srv.URL, key: "pk_test", ends: true}
	cl, err := r.open(func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	err = r.await(ctx, root, cl, "req_a", r.progress(root))
	if said := next(root, err); !strings.Contains(said, "The system has stopped, too.") {
		t.Errorf("%v: %q", err, said)
	}
}
