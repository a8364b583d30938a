package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// riff is what a WAV header says and what follows. ffmpeg's reader trusts the size of the data chunk where it is too small and
// tells nothing where it is too large, so both are looked at here.
type riff struct {
	// over is how many times the bytes that are there the header promises; 0: it is silent, as a recorder that writes into a pipe
	// leaves it, or promises no more than there is. Bytes, because what the header says of bytes per second may be false too.
	over float64
	// short is true where sound goes on after the end that the header promises.
	short bool
}

// maxChunks is how many chunks of a file are looked at.
const maxChunks = 64

// silentSize is from where on a size is a placeholder: programs that write into a pipe leave 0, 0x7fffffff, 0xffffffff and the like.
const silentSize = 0x7fff0000

// readRIFF walks the chunks of a WAV file.
func readRIFF(path string) (riff, error) {
	f, err := os.Open(path)
	if err != nil {
		return riff{}, fmt.Errorf("audio: wav: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return riff{}, fmt.Errorf("audio: wav: %w", err)
	}
	var r riff
	var size64 int64
	at := int64(12)
	for range maxChunks {
		id, size, err := chunk(f, at)
		if err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				break
			}
			return r, fmt.Errorf("audio: wav: %w", err)
		}
		switch id {
		case "ds64":
			b := make([]byte, 16)
			if _, err := f.ReadAt(b, at+8); err == nil {
				size64 = int64(binary.LittleEndian.Uint64(b[8:]) & (1<<62 - 1))
			}
		case "data":
			if size == 0xffffffff && size64 > 0 {
				size = size64
			}
			data := at + 8
			there := info.Size() - data
			switch {
			case size == 0, size >= silentSize:
			case size > there:
				r.over = float64(size) / float64(max(there, 1))
			default:
				r.short = there-size > 8 && !chunksFollow(f, data+size+size&1, info.Size())
			}
			return r, nil
		}
		at += 8 + size + size&1
	}
	return r, nil
}

func chunk(f io.ReaderAt, at int64) (id string, size int64, err error) {
	b := make([]byte, 8)
	if _, err := f.ReadAt(b, at); err != nil {
		return "", 0, err
	}
	return string(b[:4]), int64(binary.LittleEndian.Uint32(b[4:])), nil
}

// chunksFollow tells whether what stands from at on reads as chunks up to the end of the file, the last of which may be cut.
func chunksFollow(f io.ReaderAt, at, end int64) bool {
	for range maxChunks {
		if end-at < 8 {
			return true
		}
		id, size, err := chunk(f, at)
		if err != nil {
			return false
		}
		for _, c := range []byte(id) {
			if c < ' ' || c > '~' {
				return false
			}
		}
		at += 8 + size + size&1
		if at > end+1 {
			return false
		}
	}
	return true
}
