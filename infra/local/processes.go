package local

import (
	"fmt"
	"strings"

	"github.com/prometheus/procfs"

	"parley/shared/engine/fault"
)

// Process is a process of a running system.
type Process struct {
	PID int
	// Function is the short name of the function that it runs; empty for the emulator.
	Function string
}

// Processes lists the processes of the system on this data folder: the emulator and the copies of
// the functions, but not the engines and other programs that a function runs.
func Processes(dir string) ([]Process, error) {
	file, err := faultFile(dir)
	if err != nil {
		return nil, err
	}
	all, err := procfs.AllProcs()
	if err != nil {
		return nil, fmt.Errorf("local: list the processes: %w", err)
	}
	var out []Process
	for _, p := range all {
		env, err := p.Environ()
		if err != nil {
			continue // it has ended, or is another user's
		}
		ours, function := false, ""
		for _, v := range env {
			name, value, _ := strings.Cut(v, "=")
			switch name {
			case fault.EnvFile:
				ours = value == file
			case "AWS_LAMBDA_FUNCTION_NAME":
				function = strings.TrimPrefix(value, StackName+"-")
			}
		}
		if ours {
			out = append(out, Process{p.PID, function})
		}
	}
	return out, nil
}
