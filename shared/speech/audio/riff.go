package audio

import (
	"encoding/binary"
	"time"
)

// riff is what a WAV header says and what follows. ffmpeg's reader trusts the size of the data
// chunk where it is too small and tells nothing where it is too large, so both are looked at here.
type riff struct {
	// over is how many times the bytes that are there the header promises; 0: it is silent, as a
	// recorder that writes into a pipe leaves it, or promises no more than there is. Bytes, because
	// what the header says of bytes per second may be false too.
	over float64
	// short is true where sound goes on after the end that the header promises.
	short bool
	// samples is how many there are by the chunk "fact", at rate Hz; 0: not told. Only a codec in
	// blocks holds more.
	samples int64
	rate    int64
	// unpadded are where chunks of an odd size end that were not filled up, which ffmpeg's reader
	// takes for granted.
	unpadded []int64
}

// maxChunks is how many chunks of a file are looked at.
const maxChunks = 1024

// silentSize is from where on a size is a placeholder: programs that write into a pipe leave 0,
// 0x7fffffff, 0xffffffff and the like.
const silentSize = 0x7fff0000

// isRIFF tells whether b begins a WAV file, of whatever size and order of bytes.
func isRIFF(b []byte) bool {
	return len(b) >= 12 && hasAny(b, "RIFF", "RF64", "BW64", "RIFX") && string(b[8:12]) == "WAVE"
}

// riffParts finds the WAV files that lie behind one another.
func riffParts(w *window, from int64) []part {
	var parts []part
	for at := from; at >= 0 && len(parts) <= maxParts; {
		next := nextRIFF(w, at+12)
		p := part{from: at, to: next}
		if next < 0 {
			p.to = w.size
		}
		p.riff = readRIFF(w, p.from, p.to)
		p.trim, p.pieces = p.riff.trim(), p.riff.padded(p.from, p.to)
		parts = append(parts, p)
		at = next
	}
	return parts
}

// nextRIFF is where the next WAV file begins, -1 where none does.
func nextRIFF(w *window, from int64) int64 {
	for at := w.find("WAVE", from+8, w.size); at >= 0; at = w.find("WAVE", at+4, w.size) {
		if isRIFF(w.bytes(at-8, 12)) {
			return at - 8
		}
	}
	return -1
}

// trim leaves out what the last block of a codec holds beyond the recording.
func (r riff) trim() func(time.Duration) (lead, tail time.Duration) {
	if r.samples == 0 || r.rate == 0 {
		return nil
	}
	told := time.Duration(float64(r.samples) / float64(r.rate) * float64(time.Second))
	return func(held time.Duration) (lead, tail time.Duration) {
		if over := held - told; over > 0 && over < longestPacket {
			return 0, over
		}
		return 0, 0
	}
}

// readRIFF walks the chunks of one WAV file.
func readRIFF(w *window, from, to int64) (r riff) {
	var size64 int64
	var order binary.ByteOrder = binary.LittleEndian
	if w.has(from, "RIFX") {
		order = binary.BigEndian
	}
	at := from + 12
	for range maxChunks {
		head := w.bytes(at, 8)
		if len(head) < 8 || at+8 > to {
			break
		}
		id, size := string(head[:4]), int64(order.Uint32(head[4:]))
		switch body := w.bytes(at+8, 28); id {
		case "ds64":
			if len(body) >= 16 {
				size64 = int64(binary.LittleEndian.Uint64(body[8:]) & (1<<62 - 1))
			}
		case "fmt ":
			// PCM and floats have no blocks to be filled up.
			if len(body) >= 16 && order.Uint16(body) != 1 && order.Uint16(body) != 3 && order.Uint16(body) != 0xfffe {
				r.rate = int64(order.Uint32(body[4:]))
			}
		case "fact":
			if len(body) >= 4 {
				r.samples = int64(order.Uint32(body))
			}
		case "data":
			if size == 0xffffffff && size64 > 0 {
				size = size64
			}
			there := to - (at + 8)
			switch {
			case size == 0, size >= silentSize && size64 == 0, size >= 1<<40:
			case size > there:
				r.over = float64(size) / float64(max(there, 1))
			default:
				r.short = there-size > 8 && !chunksFollow(w, chunkAfter(w, at, size), to)
			}
			return r
		}
		next := chunkAfter(w, at, size)
		if next&1 != at&1 && len(r.unpadded) < maxUnpadded {
			r.unpadded = append(r.unpadded, next)
		}
		at = next
	}
	return r
}

// maxUnpadded is how many chunks of a file are filled up for it.
const maxUnpadded = 16

// padded puts a part together with a byte behind each chunk that lacks it; nil where none does.
func (r riff) padded(from, to int64) (pieces []piece) {
	for _, at := range r.unpadded {
		pieces = append(pieces, piece{from, at}, piece{0, 1})
		from = at
	}
	if pieces != nil {
		pieces = append(pieces, piece{from, to})
	}
	return pieces
}

// chunkAfter is where the chunk begins behind the one of this size: one of an odd size is filled up
// by a byte, by most programs.
func chunkAfter(w *window, at, size int64) int64 {
	at += 8 + size
	if size&1 == 1 && !isChunk(w, at) {
		at++
	}
	return at
}

// isChunk tells whether the id of a chunk stands at an offset.
func isChunk(w *window, at int64) bool {
	b := w.bytes(at, 4)
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return len(b) == 4
}

// chunksFollow tells whether what stands from at on reads as chunks up to the end of the file, the
// last of which may be cut.
func chunksFollow(w *window, at, end int64) bool {
	for range maxChunks {
		if end-at < 8 {
			return true
		}
		size, ok := w.le32(at + 4)
		if !ok || !isChunk(w, at) {
			return false
		}
		at = chunkAfter(w, at, size)
		if at > end+1 {
			return false
		}
	}
	return true
}
