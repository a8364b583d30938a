package audio

import (
	"encoding/binary"
	"time"
)

// oggParts finds the links of a chained Ogg file (RFC 3533), as recordings of broadcasts, and of
// devices that were changed, are: pages that begin streams, behind pages that go on with others.
// What is no page is stepped over.
func oggParts(w *window, from int64) []part {
	const header, first = 27, 0x02
	parts := []part{{from: from}}
	within := false // behind the pages that begin the link's streams
	for at := from; at < w.size && len(parts) <= maxParts; {
		b := w.bytes(at, header+255)
		if len(b) < header || string(b[:4]) != "OggS" || len(b) < header+int(b[26]) {
			if at = w.find("OggS\x00", at+1, w.size); at < 0 {
				break
			}
			continue
		}
		if b[5]&first == 0 {
			within = true
		} else if within {
			parts, within = append(parts, part{from: at}), false
		}
		body := at + header + int64(b[26])
		next := body
		for _, segment := range b[header : header+int(b[26])] {
			next += int64(segment)
		}
		if b[5]&first != 0 {
			if head := w.bytes(body, 12); len(head) == 12 && string(head[:8]) == "OpusHead" {
				// RFC 7845
				skip := time.Duration(binary.LittleEndian.Uint16(head[10:])) * time.Second / 48000
				parts[len(parts)-1].trim = func(time.Duration) (lead, tail time.Duration) { return skip, 0 }
			}
		}
		// A page that was cut: the next one may begin within it.
		if next < w.size && !w.has(next, "OggS") {
			next = at + 4
		}
		at = next
	}
	return parts
}
