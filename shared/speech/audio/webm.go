package audio

import "time"

// The elements of Matroska that are looked at (RFC 8794, RFC 9559).
const (
	idDocType      = 0x4282
	idSegment      = 0x18538067
	idTracks       = 0x1654ae6b
	idTrackEntry   = 0xae
	idTrackNumber  = 0xd7
	idTrackType    = 0x83
	idCodecDelay   = 0x56aa // ns
	idEncodings    = 0x6d80
	idEncoding     = 0x6240
	idEncryption   = 0x5035
	idAttachments  = 0x1941a469
	idCluster      = 0x1f43b675
	idBlockGroup   = 0xa0
	idBlock        = 0xa1
	idDiscard      = 0x75a2 // ns, signed
	trackTypeAudio = 2
)

// isEBML tells whether a Matroska file of doctype webm or matroska begins at an offset.
func isEBML(w *window, at int64) bool {
	if !w.has(at, "\x1a\x45\xdf\xa3") {
		return false
	}
	_, n := vint(w, at+4, false)
	if n == 0 {
		return false
	}
	at += 4 + n
	for range 16 { // elements of a header
		id, idBytes := vint(w, at, true)
		size, sizeBytes := vint(w, at+idBytes, false)
		if idBytes == 0 || sizeBytes == 0 || size > 256 {
			break
		}
		at += idBytes + sizeBytes
		if id == idDocType {
			return w.has(at, "webm") || w.has(at, "matroska")
		}
		at += int64(size)
	}
	return false
}

// maxElements is how many elements of a file are looked at; a recording of 45 minutes in packets of
// 2.5 ms has 1,080,000 blocks.
const maxElements = 2 << 20

// webmParts finds the recordings that were put behind one another: each begins with an EBML header.
// One that lies within an attached file begins none.
func webmParts(w *window, from int64) []part {
	left := maxElements
	var parts []part
	for at := from; at >= 0 && len(parts) <= maxParts; {
		p := part{from: at, to: w.size}
		next := nextEBML(w, at+4)
		if next >= 0 {
			p.to = next
		}
		t := readWebM(w, at, p.to, &left)
		// A header within an attached file, the end of which lies behind, is passed over.
		for next >= 0 && t.attached > next {
			next = nextEBML(w, max(next+4, t.attached))
			p.to = w.size
			if next >= 0 {
				p.to = next
			}
			t = readWebM(w, at, p.to, &left)
		}
		p.encrypted, p.trim = t.encrypted, t.trim()
		parts = append(parts, p)
		at = next
	}
	return parts
}

// nextEBML is where the next Matroska file begins, -1 where none does.
func nextEBML(w *window, at int64) int64 {
	for at = w.find("\x1a\x45\xdf\xa3", at, w.size); at >= 0 && !isEBML(w, at); {
		at = w.find("\x1a\x45\xdf\xa3", at+4, w.size)
	}
	return at
}

// webmTracks is what a Matroska file tells of its tracks.
type webmTracks struct {
	tracks    []webmTrack
	encrypted bool
	attached  int64 // where the attached files end; 0: there are none
}

type webmTrack struct {
	number uint64
	audio  bool
	delay  time.Duration
	tail   time.Duration // of the padding in its last packets
	locked bool
}

// trim is what the first audio track leaves out at its ends.
func (t webmTracks) trim() func(time.Duration) (lead, tail time.Duration) {
	for _, track := range t.tracks {
		if track.audio {
			return func(time.Duration) (lead, tail time.Duration) { return track.delay, track.tail }
		}
	}
	return nil
}

// webmReader is where the reading of a Matroska file stands.
type webmReader struct {
	webmTracks

	track *webmTrack // that is being described
	block uint64     // the track number of the block of this group
}

// readWebM reads the elements of one Matroska file. Those that hold others are stepped into
// whatever size they claim, so that it makes no difference whether a browser told their sizes; what
// is no element ends the reading.
func readWebM(w *window, at, to int64, left *int) webmTracks {
	var r webmReader
	for at < to && *left > 0 {
		*left--
		id, idBytes := vint(w, at, true)
		size, sizeBytes := vint(w, at+idBytes, false)
		if idBytes == 0 || sizeBytes == 0 || idBytes > 4 {
			break
		}
		body := at + idBytes + sizeBytes
		switch id {
		case idSegment, idCluster, idTracks, idEncodings, idEncoding:
			at = body
			continue
		case idTrackEntry:
			r.tracks = append(r.tracks, webmTrack{})
			if len(r.tracks) > maxTracks {
				return r.webmTracks
			}
			r.track = &r.tracks[len(r.tracks)-1]
			at = body
			continue
		case idBlockGroup:
			r.block = 0
			at = body
			continue
		}
		// Of an element that is not whole, what can be read may still matter.
		if size == unknownSize || size > uint64(w.size-body) {
			if id == idAttachments {
				r.attached = w.size
			}
			break
		}
		r.element(w, id, body, size)
		at = body + int64(size)
	}
	return r.webmTracks
}

// element reads an element that is whole and holds no others.
func (r *webmReader) element(w *window, id uint64, body int64, size uint64) {
	value, _ := w.be(body, int(min(size, 8)))
	switch {
	case id == idAttachments:
		r.attached = body + int64(size)
	case id == idBlock:
		r.block, _ = vint(w, body, false)
	case id == idDiscard:
		for i := range r.tracks {
			if n := signed(value, size); r.tracks[i].number == r.block && n > 0 {
				r.tracks[i].tail += min(time.Duration(n), longestPacket)
			}
		}
	case r.track == nil:
	case id == idTrackNumber:
		r.track.number = value
	case id == idTrackType:
		r.track.audio = value == trackTypeAudio
		r.encrypted = r.encrypted || r.track.audio && r.track.locked
	case id == idCodecDelay:
		r.track.delay = min(time.Duration(value&(1<<62-1)), longestPacket)
	case id == idEncryption:
		r.track.locked = true
		r.encrypted = r.encrypted || r.track.audio
	}
}

// unknownSize is the size of an element that ends where the next one begins that cannot be within
// it.
const unknownSize = 1<<56 - 1

// vint reads a number of variable length, with its marker where it is an element's id; length is 0
// where there is none.
func vint(w *window, at int64, marker bool) (v uint64, length int64) {
	b := w.bytes(at, 8)
	if len(b) == 0 || b[0] == 0 {
		return 0, 0
	}
	for n, mask := int64(1), byte(0x80); mask > 0; n, mask = n+1, mask>>1 {
		if b[0]&mask == 0 {
			continue
		}
		if int64(len(b)) < n {
			return 0, 0
		}
		for _, c := range b[:n] {
			v = v<<8 | uint64(c)
		}
		if !marker {
			v &= 1<<(7*n) - 1
			if v == 1<<(7*n)-1 {
				v = unknownSize
			}
		}
		return v, n
	}
	return 0, 0
}

// signed reads a number of size bytes, 8 at most, as one with a sign.
func signed(v, size uint64) int64 {
	bits := 64 - 8*min(size, 8)
	return int64(v<<bits) >> bits
}
