package fault

import (
	"os"
	"sync/atomic"
)

var doomed atomic.Bool

// die ends the process like a crash: no deferred call runs and nothing is flushed.
var die = func() { os.Exit(134) }

// Doomed reports whether a crash was injected into the work that this process is doing.
func Doomed() bool { return doomed.Load() }

// DieIfDoomed ends the process at once if a crash was injected. Package awsfault calls it after the
// next write to AWS, so that the work is left half done, and at the end of an invocation that wrote
// nothing.
func DieIfDoomed() {
	if doomed.Load() {
		die()
	}
}
