package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// lookEvery is how often the processes are looked at; each keeps its own peak, so only one that lives shorter is missed.
const lookEvery = 100 * time.Millisecond

// peaks scores a recording and reports, for each function, the largest sum of the peak resident memory of its process and of
// the engines that are its children.
func peaks(ctx context.Context, w *tabwriter.Writer, dir, recording string) error {
	most := map[string]int64{}
	var took time.Duration
	err := withSystem(ctx, dir, func(ctx context.Context, score func(context.Context, string) (time.Duration, error)) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		done := make(chan struct{})
		go func() {
			defer close(done)
			tick := time.NewTicker(lookEvery)
			defer tick.Stop()
			for {
				look(most)
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
			}
		}()
		var err error
		took, err = score(ctx, recording)
		cancel()
		<-done
		return err
	})
	if err != nil {
		return err
	}
	names := make([]string, 0, len(most))
	for name := range most {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Fprintf(w, "scored in %.0f s\t\nfunction\tpeak memory, MB\t\n", took.Seconds())
	for _, name := range names {
		fmt.Fprintf(w, "%s\t%d\t\n", name, most[name]/1024)
	}
	return w.Flush()
}

// look adds up, for each function's process, its own peak and those of its children, in kB.
func look(most map[string]int64) {
	stats, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		return // only for a malformed pattern
	}
	peak, parent := map[string]int64{}, map[string]string{}
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		pid := filepath.Base(filepath.Dir(path))
		for _, line := range strings.Split(string(raw), "\n") {
			name, value, _ := strings.Cut(line, ":")
			fields := strings.Fields(value)
			if len(fields) == 0 {
				continue
			}
			switch name {
			case "PPid":
				parent[pid] = fields[0]
			case "VmHWM":
				if n, err := strconv.ParseInt(fields[0], 10, 64); err == nil {
					peak[pid] = n
				}
			}
		}
	}
	for pid, own := range peak {
		if _, isChild := peak[parent[pid]]; isChild && functionOf(parent[pid]) != "" {
			continue // counted with its parent
		}
		name := functionOf(pid)
		if name == "" {
			continue
		}
		sum := own
		for child, p := range parent {
			if p == pid {
				sum += peak[child]
			}
		}
		most[name] = max(most[name], sum)
	}
}
