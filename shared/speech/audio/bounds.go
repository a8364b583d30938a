package audio

import "time"

// Bounds are what a recording must keep to.
var Bounds = struct {
	MinLength, MaxLength time.Duration
	MaxBytes             int64
}{
	MinLength: 3 * time.Minute,
	MaxLength: 45 * time.Minute,
	MaxBytes:  26_214_400,
}

// How long and how large the work on one file may get. A file of 25 MB is walked in under a second
// and decoded in under ten.
const (
	probeTime    = 20 * time.Second // of the processor, for all parts of a file together
	decodeTime   = 90 * time.Second
	engineMemory = 2 << 30 // address space, bytes; resident it needs 15 to 60 MB
	// decodeSeconds is where decoding stops whatever the file says: a second above MaxLength.
	decodeSeconds = 2701
	maxReport     = 1 << 20 // bytes of ffmpeg's own talk
)

// A header's claim counts as broken where it promises more than is there by both of these.
const (
	claimSlack = time.Second
	claimShare = 0.01
)
