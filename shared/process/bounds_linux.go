package process

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// limit sets the resource limits of a child that has just started.
func limit(pid int, l Limits) error {
	for _, r := range []struct {
		what  int
		value uint64
	}{
		{unix.RLIMIT_CPU, uint64((l.CPU + time.Second - 1) / time.Second)},
		{unix.RLIMIT_AS, l.Memory},
		{unix.RLIMIT_FSIZE, l.File},
	} {
		if r.value == 0 {
			continue
		}
		err := unix.Prlimit(pid, r.what, &unix.Rlimit{Cur: r.value, Max: r.value}, nil)
		if err != nil && !errors.Is(err, unix.ESRCH) { // ESRCH: the child has already ended
			return fmt.Errorf("process: limit: %w", err)
		}
	}
	return nil
}

func killGroup(pid int) error {
	if err := syscall.Kill(-pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("process: kill: %w", err)
	}
	return nil
}
