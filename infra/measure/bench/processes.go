package main

import (
	"fmt"

	"github.com/prometheus/procfs"

	"parley/infra/local"
)

// usage is what the processes of one function have used, together with the engines that are their
// children.
type usage struct {
	cpu float64 // s of processor time, of living processes and of those they have waited for
	// bytes: the largest sum of the peak resident memory of one process and its engines
	peak uint64
}

// used inspects the processes of the system on the data folder dir and their children, and sums by
// function.
func used(dir string) (map[string]usage, error) {
	copies, err := local.Processes(dir)
	if err != nil {
		return nil, err
	}
	function := map[int]string{}
	for _, c := range copies {
		function[c.PID] = c.Function
	}
	all, err := procfs.AllProcs()
	if err != nil {
		return nil, fmt.Errorf("list the processes: %w", err)
	}
	out, sums := map[string]usage{}, map[int]uint64{}
	for _, p := range all {
		stat, err := p.Stat()
		if err != nil {
			continue // it has ended meanwhile
		}
		owner := p.PID
		if function[stat.PPID] != "" {
			owner = stat.PPID // an engine
		}
		if function[owner] == "" {
			continue
		}
		status, err := p.NewStatus()
		if err != nil {
			continue
		}
		u := out[function[owner]]
		u.cpu += stat.CPUTime() + float64(stat.CUTime+stat.CSTime)/ticks
		out[function[owner]] = u
		sums[owner] += status.VmHWM
	}
	for pid, sum := range sums {
		u := out[function[pid]]
		u.peak = max(u.peak, sum)
		out[function[pid]] = u
	}
	return out, nil
}

// ticks is the number of the kernel's units of processor time per second: on Linux, 100 for every
// program, whatever the machine.
const ticks = 100
