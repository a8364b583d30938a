//go:build !linux

package process

import "time"

// Used returns 0: it is only known on Linux, where the engines run.
func Used() time.Duration { return 0 }
