package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"text/tabwriter"
	"time"
)

// openings is how often a report page is opened: less often than a link may be in a minute.
const openings = 100

// page times a report page on the system that serves it, one opening after the other, from the
// request to the page's last byte, and prints how large it is.
func page(ctx context.Context, out io.Writer, address string) error {
	fmt.Fprintf(out, "%s\nload before: %s\n\n", machine(), load())
	client := &http.Client{Timeout: pollTimeout}
	var times []time.Duration
	var size int64
	for range openings {
		began := time.Now()
		n, err := open(ctx, client, address)
		if err != nil {
			return fmt.Errorf("page: %w", err)
		}
		times, size = append(times, time.Since(began)), n
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "call\tn\tp50, ms\tp90, ms\tp99, ms\tmax, ms\tCPU, ms\t")
	show(w, fmt.Sprintf("report page, %d bytes", size), times, 0)
	return w.Flush()
}

// open reads a page and returns its size in bytes.
func open(ctx context.Context, client *http.Client, address string) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, err
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(io.Discard, res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		return 0, err
	}
	if res.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("HTTP %d", res.StatusCode)
	}
	return n, nil
}
