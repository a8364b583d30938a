package fault

import (
	"os"
	"sync/atomic"
)

var doomed atomic.Bool

// die ends the process as a crash would: no deferred call runs, nothing is flushed.
var die = func() { os.Exit(134) }

// Doomed says whether a crash was injected into the work now going on in this process.
func Doomed() bool { return doomed.Load() }

// DieIfDoomed ends the process there and then when a crash was injected. awsfault calls it after the first write to
// AWS that follows, so that the work is left half done, and at the end of an invocation that wrote nothing.
func DieIfDoomed() {
	if doomed.Load() {
		die()
	}
}
