package audio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// windowBytes is how much of a file is held at a time while it is looked through; nothing that is
// looked at in one piece is larger than half of it.
const windowBytes = 1 << 16

// window reads here and there in a file through one buffer. The first error of reading is kept in
// err; from then on nothing is found.
type window struct {
	r    io.ReaderAt
	size int64
	at   int64 // where the buffer begins
	buf  []byte
	room []byte
	err  error
}

func newWindow(r io.ReaderAt, size int64) *window {
	return &window{r: r, size: size, room: make([]byte, windowBytes)}
}

// bytes are the n bytes at an offset, fewer where the file ends before; valid until the next call.
// n is at most windowBytes/2.
func (w *window) bytes(at int64, n int) []byte {
	if at < 0 || at >= w.size || w.err != nil {
		return nil
	}
	n = int(min(int64(n), w.size-at, windowBytes/2))
	if at < w.at || at+int64(n) > w.at+int64(len(w.buf)) {
		m, err := w.r.ReadAt(w.room[:min(windowBytes, w.size-at)], at)
		if err != nil && !errors.Is(err, io.EOF) {
			w.err = err
			return nil
		}
		w.at, w.buf = at, w.room[:m]
	}
	off := at - w.at
	return w.buf[min(off, int64(len(w.buf))):min(off+int64(n), int64(len(w.buf)))]
}

// has tells whether the file reads so at an offset.
func (w *window) has(at int64, text string) bool { return string(w.bytes(at, len(text))) == text }

// find is where text, of at most 1 KB, first stands in the bytes from one offset to another; -1
// where it does not.
func (w *window) find(text string, from, to int64) int64 {
	to = min(to, w.size)
	for at := from; at+int64(len(text)) <= to; {
		b := w.bytes(at, int(min(windowBytes/2, to-at)))
		if len(b) < len(text) {
			return -1
		}
		if i := bytes.Index(b, []byte(text)); i >= 0 {
			return at + int64(i)
		}
		at += int64(len(b) - len(text) + 1)
	}
	return -1
}

// be and le are the unsigned numbers of n bytes, 8 at most, at an offset; ok is false where the
// file ends before.
func (w *window) be(at int64, n int) (v uint64, ok bool) {
	b := w.bytes(at, n)
	for _, c := range b {
		v = v<<8 | uint64(c)
	}
	return v, len(b) == n
}

func (w *window) le32(at int64) (v int64, ok bool) {
	b := w.bytes(at, 4)
	if len(b) < 4 {
		return 0, false
	}
	return int64(binary.LittleEndian.Uint32(b)), true
}
