package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"syscall"
	"time"
)

// quantile returns the smallest of the sorted times such that a share q of them, above 0 to 1, is
// no larger (the nearest rank).
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[max(int(math.Ceil(q*float64(len(sorted)))), 1)-1]
}

// processor returns the processor time used by this process and the children that it has waited
// for. Unlike wall time, it does not grow with the load of the machine.
func processor() (time.Duration, error) {
	var all time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			return 0, fmt.Errorf("processor time: %w", err)
		}
		all += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return all, nil
}

// show prints a line of figures, in ms, for at least one time. The processor time, if known, is the
// mean per call.
func show(w io.Writer, what string, times []time.Duration, spent time.Duration) {
	slices.Sort(times)
	ms := func(q float64) float64 { return float64(quantile(times, q).Microseconds()) / 1000 }
	cpu := ""
	if spent > 0 {
		cpu = fmt.Sprintf("%.1f", spent.Seconds()*1000/float64(len(times)))
	}
	fmt.Fprintf(w, "%s\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%s\t\n", what, len(times), ms(0.5), ms(0.9), ms(0.99), ms(1), cpu)
}
