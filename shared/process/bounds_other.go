//go:build !linux

package process

import (
	"errors"
	"fmt"
	"syscall"
)

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// limit does nothing. The engines run on Linux only; this file lets the package compile elsewhere.
func limit(int, Limits) error { return nil }

func killGroup(pid int) error {
	if err := syscall.Kill(-pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("process: kill: %w", err)
	}
	return nil
}
