package main

import (
	"fmt"
	"strings"

	"github.com/prometheus/procfs"

	"parley/infra/local"
)

// usage is what the processes of one function, with the engines that are their children, have used.
type usage struct {
	cpu  float64 // s of processor time, of those that live, and of what they have waited for
	peak uint64  // bytes: the largest sum of the peak resident memory of one process and its engines
}

// used looks at every process of this machine and sums by function.
func used() (map[string]usage, error) {
	all, err := procfs.AllProcs()
	if err != nil {
		return nil, fmt.Errorf("list the processes: %w", err)
	}
	type process struct {
		function string
		parent   int
		cpu      float64
		peak     uint64
	}
	found, out := map[int]process{}, map[string]usage{}
	for _, p := range all {
		stat, err := p.Stat()
		if err != nil {
			continue // it has ended meanwhile
		}
		status, err := p.NewStatus()
		if err != nil {
			continue
		}
		found[p.PID] = process{functionOf(p), stat.PPID, stat.CPUTime() + float64(stat.CUTime+stat.CSTime)/ticks, status.VmHWM}
	}
	sums := map[int]uint64{}
	for pid, p := range found {
		owner := pid
		if found[p.parent].function != "" {
			owner = p.parent // an engine, whose environment is bare
		}
		function := found[owner].function
		if function == "" {
			continue
		}
		u := out[function]
		u.cpu += p.cpu
		out[function] = u
		sums[owner] += p.peak
	}
	for pid, sum := range sums {
		u := out[found[pid].function]
		u.peak = max(u.peak, sum)
		out[found[pid].function] = u
	}
	return out, nil
}

// ticks is how many of the kernel's units of processor time make a second: on Linux 100 for every program, whatever it runs on.
const ticks = 100

// functionOf tells which function a process belongs to, by the name that the runtime gives it; empty: none.
func functionOf(p procfs.Proc) string {
	env, err := p.Environ()
	if err != nil {
		return "" // another user's, or ended
	}
	for _, v := range env {
		if name, ok := strings.CutPrefix(v, "AWS_LAMBDA_FUNCTION_NAME="); ok {
			return strings.TrimPrefix(name, local.StackName+"-")
		}
	}
	return ""
}
