package process

import (
	"os"
	"time"

	"github.com/prometheus/procfs"
)

// tick is the kernel's unit of processor time: on Linux, 10 ms for every program, whatever the
// machine.
const tick = 10 * time.Millisecond

// Used returns the processor time that this process and its children have used so far, living or
// not; 0 if it cannot be read.
func Used() time.Duration {
	all, err := procfs.AllProcs()
	if err != nil {
		return 0
	}
	used := time.Duration(0)
	for _, p := range all {
		stat, err := p.Stat()
		if err != nil || p.PID != os.Getpid() && stat.PPID != os.Getpid() {
			continue // it has ended meanwhile, or is not ours
		}
		used += time.Duration(stat.UTime+stat.STime)*tick + time.Duration(stat.CUTime+stat.CSTime)*tick
	}
	return used
}
