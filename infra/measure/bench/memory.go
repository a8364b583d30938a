package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"
)

// lookEvery is how often the processes are inspected. Each process keeps its own peak, so only
// those with shorter lives are missed.
const lookEvery = 100 * time.Millisecond

// peaks scores a recording and reports, for each function, the largest sum of the peak resident
// memory of its process and of the engines that are its children.
func peaks(ctx context.Context, w *tabwriter.Writer, recording string) error {
	most := map[string]uint64{}
	var took time.Duration
	var unseen error
	err := withSystem(ctx, func(dir string, score scorer) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		done := make(chan struct{})
		go func() {
			defer close(done)
			tick := time.NewTicker(lookEvery)
			defer tick.Stop()
			for {
				unseen = errors.Join(unseen, look(dir, most))
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
		return errors.Join(err, unseen)
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
		fmt.Fprintf(w, "%s\t%d\t\n", name, most[name]>>20)
	}
	return w.Flush()
}

// look keeps the largest value that each function has used.
func look(dir string, most map[string]uint64) error {
	now, err := used(dir)
	for name, u := range now {
		most[name] = max(most[name], u.peak)
	}
	return err
}
