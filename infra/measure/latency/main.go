// Command latency measures how long the two calls take that a client waits for: a submit of 4 MB
// until it is accepted, through the handler that the gateway calls, and polls at a rate of 200 per
// second. The handlers, the inspection of the audio and ffmpeg are the real ones. The tables and
// the bucket are in memory, so the figures leave out the network and AWS.
//
// With -page LINK it opens a report page instead, on the running system that the link leads to.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// Bounds of the flags, and of the whole command.
const (
	maxSubmits = 10_000
	maxRate    = 2_000
	maxLasting = 10 * time.Minute
)

func main() {
	interview := flag.String("audio", filepath.FromSlash("infra/sample/interview.opus"), "interview that the recordings are made from")
	submits := flag.Int("submits", 200, "number of submits of each format, 1 to 10000")
	rate := flag.Int("rate", 200, "polls per second, 1 to 2000")
	lasting := flag.Duration("for", 30*time.Second, "how long to poll, up to 10m")
	link := flag.String("page", "", "link to a report page of a running system, to be opened 100 times instead")
	flag.Parse()
	if *submits < 1 || *submits > maxSubmits || *rate < 1 || *rate > maxRate || *lasting <= 0 || *lasting > maxLasting {
		fmt.Fprintln(os.Stderr, "latency: a flag is out of bounds; see -help")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if *link != "" {
		err = page(ctx, os.Stdout, *link)
	} else {
		err = measure(ctx, os.Stdout, *interview, *submits, *rate, *lasting)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "latency:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, out io.Writer, interview string, submits, rate int, lasting time.Duration) error {
	dir, err := os.MkdirTemp("", "parley-latency-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintf(out, "%s\nload before: %s\n\n", machine(), load())
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "call\tn\tp50, ms\tp90, ms\tp99, ms\tmax, ms\tCPU, ms\t")
	if err := errors.Join(submit(ctx, w, dir, interview, submits), w.Flush()); err != nil {
		return err
	}
	if err := errors.Join(poll(ctx, w, dir, rate, lasting), w.Flush()); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nload after: %s\n", load())
	return nil
}

// machine names the machine that is measured on.
func machine() string {
	model := "unknown processor"
	raw, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(raw)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d processors, %s/%s, %s", model, runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
}

// load returns the machine's load averages over 1, 5 and 15 minutes.
func load() string {
	raw, err := os.ReadFile("/proc/loadavg")
	if fields := bytes.Fields(raw); err == nil && len(fields) > 2 {
		return string(bytes.Join(fields[:3], []byte(" ")))
	}
	return "unknown"
}
