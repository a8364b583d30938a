package audio

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// maxPages is how many pages of an Ogg file are looked at: a file of 25 MB in pages of 4 KB has 6400.
const maxPages = 1 << 18

// isChained tells whether an Ogg file (RFC 3533) is several after one another, as a recording of a broadcast is. ffmpeg's reader
// takes the headers of the second for packets of sound, which decoding alone shows to be none.
func isChained(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, fmt.Errorf("audio: ogg: %w", err)
	}
	defer func() { _ = f.Close() }()
	const header, first = 27, 0x02
	b := make([]byte, header+255)
	within := false // behind the pages that begin the first file
	at := int64(0)
	for range maxPages {
		n, err := f.ReadAt(b, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return false, fmt.Errorf("audio: ogg: %w", err)
		}
		if n < header || string(b[:4]) != "OggS" || n < header+int(b[26]) {
			return false, nil // the end, or damage
		}
		if b[5]&first == 0 {
			within = true
		} else if within {
			return true, nil
		}
		at += header + int64(b[26])
		for _, segment := range b[header : header+int(b[26])] {
			at += int64(segment)
		}
	}
	return false, nil
}
