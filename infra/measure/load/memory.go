package main

import (
	"fmt"
	"io"
	"os"

	"github.com/prometheus/procfs"

	"parley/infra/local"
)

// The groups of processes whose memory is told apart.
const (
	emulator = iota
	front    // this process, with the clients of the load
	api      // the functions that the front calls
	others   // the functions that the emulator calls
	engines  // what the functions start
	groups
)

// memory is how many bytes each group has in memory. What processes share is divided among them.
type memory [groups]uint64

func (m memory) total() (sum uint64) {
	for _, of := range m {
		sum += of
	}
	return sum
}

// process is a process of this machine.
type process struct {
	parent   int
	ours     bool   // it is the system's emulator or a function
	function string // empty: not a function
}

// group returns the group of a process, and whether it has one. self is this process.
func group(all map[int]process, pid, self int) (int, bool) {
	p := all[pid]
	switch {
	case pid == self:
		return front, true
	case p.ours && p.function == "":
		return emulator, true
	case p.ours && p.parent == self:
		return api, true
	case p.ours:
		return others, true
	}
	for seen := 0; p.parent != 0 && seen < len(all); seen++ {
		if p = all[p.parent]; p.ours {
			return engines, p.function != ""
		}
	}
	return 0, false
}

// measure returns the memory of the system on this data folder.
func measure(dir string) (m memory, err error) {
	ours, err := local.Processes(dir)
	if err != nil {
		return m, err
	}
	running, err := procfs.AllProcs()
	if err != nil {
		return m, fmt.Errorf("list the processes: %w", err)
	}
	all := map[int]process{}
	for _, p := range running {
		if stat, err := p.Stat(); err == nil { // else it has ended
			all[p.PID] = process{parent: stat.PPID}
		}
	}
	for _, p := range ours {
		all[p.PID] = process{all[p.PID].parent, true, p.Function}
	}
	for _, p := range running {
		if g, ok := group(all, p.PID, os.Getpid()); ok {
			if rollup, err := p.ProcSMapsRollup(); err == nil { // else it has ended
				m[g] += rollup.Pss
			}
		}
	}
	return m, nil
}

// memories are measurements of a system's memory.
type memories struct {
	dir  string // the system's data folder
	rows []row
}

type row struct {
	when string
	memory
}

// note measures now.
func (m *memories) note(when string) error {
	now, err := measure(m.dir)
	m.rows = append(m.rows, row{when, now})
	return err
}

// print writes the measurements as a table, in MB.
func (m *memories) print(out io.Writer) error {
	const line = "| %-28s | %5v | %8v | %5v | %13v | %15v | %7v |\n"
	if _, err := fmt.Fprintf(out, line, "memory, MB", "total", "emulator", "front", "API functions", "other functions", "engines"); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, "|---|---:|---:|---:|---:|---:|---:|"); err != nil {
		return err
	}
	for _, r := range m.rows {
		if _, err := fmt.Fprintf(out, line, r.when, r.total()>>20, r.memory[emulator]>>20, r.memory[front]>>20, r.memory[api]>>20, r.memory[others]>>20, r.memory[engines]>>20); err != nil {
			return err
		}
	}
	return nil
}
