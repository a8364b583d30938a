package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// startRounds is how often each function is started. The median is shown.
const startRounds = 7

// starts measures each function's start: from the start of its process to its first request for
// work ("next") at the Lambda Runtime API, on an idle machine.
func starts(ctx context.Context, w *tabwriter.Writer, dist string) error {
	programs, err := filepath.Glob(filepath.Join(dist, "*", "bootstrap"))
	if err != nil || len(programs) == 0 {
		return errors.Join(fmt.Errorf("no functions in %s: run `make functions` first", dist), err)
	}
	fmt.Fprintln(w, "function\tstart, ms\tprogram, MB\t")
	for _, p := range programs {
		times := make([]time.Duration, startRounds)
		for i := range times {
			if times[i], err = start(ctx, p); err != nil {
				return fmt.Errorf("%s: %w", p, err)
			}
		}
		slices.Sort(times)
		info, err := os.Stat(p)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\t%.0f\t%.1f\t\n", filepath.Base(filepath.Dir(p)), float64(times[startRounds/2].Microseconds())/1000, float64(info.Size())/1e6)
	}
	return nil
}

// startPatience bounds one start.
const startPatience = 20 * time.Second

func start(ctx context.Context, program string) (time.Duration, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	asked := make(chan time.Time, 1)
	srv := &http.Server{ReadHeaderTimeout: startPatience, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/invocation/next") {
			select {
			case asked <- time.Now():
			default:
			}
		}
		<-r.Context().Done()
	})}
	go func() { _ = srv.Serve(l) }() // ends with Close
	defer srv.Close()

	cmd := exec.CommandContext(ctx, program)
	cmd.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + l.Addr().String(), "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"AWS_LAMBDA_FUNCTION_NAME=bench", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=1769"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // an error means that it has ended
		_ = cmd.Wait()                                      // killed
	}()
	select {
	case at := <-asked:
		return at.Sub(began), nil
	case <-time.After(startPatience):
		return 0, errors.New("it never asked for work")
	}
}
