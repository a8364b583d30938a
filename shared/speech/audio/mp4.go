package audio

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"time"
)

// stillBrands are the major brands of ISO base media files that hold pictures; a file of any other
// may hold sound.
var stillBrands = []string{"heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "mif2", "msf1", "miaf", "avif", "avis", "jpeg", "jpgs", "jp2 ", "jpx ", "jpm ", "jxl ", "crx "}

// box is one box of an ISO base media file (ISO/IEC 14496-12) or QuickTime movie.
type box struct {
	kind     string
	from, to int64 // with its header
	body     int64
	open     bool // it claims no size: it goes on to the end
}

// readBox reads the header of the box at an offset; ok is false where there is none or it goes on
// beyond to.
func readBox(w *window, at, to int64) (b box, ok bool) {
	head := w.bytes(at, 16)
	if len(head) < 8 || at+8 > to {
		return box{}, false
	}
	b = box{kind: string(head[4:8]), from: at, body: at + 8}
	for _, c := range []byte(b.kind) {
		if (c < ' ' || c > '~') && c != 0xa9 {
			return box{}, false
		}
	}
	switch size := int64(binary.BigEndian.Uint32(head)); {
	case size == 1 && len(head) == 16:
		large := binary.BigEndian.Uint64(head[8:])
		if large < 16 || large > uint64(to-at) {
			return b, false
		}
		b.body, b.to = at+16, at+int64(large)
	case size == 0:
		b.to, b.open = to, true
	case size < 8 || size > to-at:
		return b, false
	default:
		b.to = at + size
	}
	return b, true
}

// maxBoxes is how many boxes of one level are looked at; a recording of 45 minutes in fragments of
// 20 ms has 270,000.
const maxBoxes = 1 << 19

// boxes calls do for the boxes that lie from one offset to another, until it returns false; it
// returns where it stopped.
func boxes(w *window, from, to int64, do func(box) bool) int64 {
	for range maxBoxes {
		b, ok := readBox(w, from, to)
		if !ok || !do(b) {
			break
		}
		from = b.to
	}
	return from
}

// isFileType tells whether a box of the file's type stands at an offset, which begins a file.
func isFileType(w *window, at int64) bool {
	b := w.bytes(at, 16)
	if len(b) < 16 || string(b[4:8]) != "ftyp" {
		return false
	}
	if size := binary.BigEndian.Uint32(b); size < 16 || size > 4096 {
		return false
	}
	for _, c := range b[8:12] {
		if (c < ' ' || c > '~') && c != 0 {
			return false
		}
	}
	return true
}

// isMP4 tells whether an ISO base media file, or a QuickTime movie of the time before they told
// their type, begins at an offset.
func isMP4(w *window, at int64) bool {
	if isFileType(w, at) {
		return !slices.Contains(stillBrands, string(w.bytes(at, 12)[8:]))
	}
	if b, ok := readBox(w, at, w.size); !ok || !slices.Contains([]string{"moov", "mdat", "wide", "free", "skip", "pnot", "styp", "sidx", "moof"}, b.kind) {
		return false
	}
	found := false
	boxes(w, at, w.size, func(b box) bool {
		found = b.kind == "moov"
		return !found
	})
	return found
}

// mp4Parts finds the files that were put behind one another: each begins with the box of its type,
// or, behind fragments, with another index. Fragments whose time goes back begin one as well, to
// which the index of those before belongs: ffmpeg would drop what it takes for repeated. Where the
// boxes do not lead on, as behind a file that was cut, the next beginning is searched for.
func mp4Parts(w *window, from int64) []part {
	parts := []part{{from: from}}
	var index box                    // of the current part
	fragments, sound := false, false // are in it
	times := map[uint64]uint64{}     // of each track's last fragment
	next := func(at int64, index box) {
		p := part{from: at}
		if index.to > 0 {
			p.pieces = []piece{{index.from, index.to}}
		}
		parts = append(parts, p)
		fragments, sound = false, false
		clear(times)
	}
	for at := from; at < w.size && len(parts) <= maxParts; {
		trail := at
		stop := boxes(w, at, w.size, func(b box) bool {
			switch {
			case sound && b.kind == "ftyp" && isFileType(w, b.from), fragments && b.kind == "moov":
				next(b.from, box{})
			case b.kind == "moof" && goesBack(w, b, times):
				next(b.from, index)
				goesBack(w, b, times)
			}
			if b.kind == "moov" {
				index = b
			}
			if b.kind != "free" && b.kind != "skip" && b.kind != "wide" {
				trail = b.from
			}
			sound = sound || b.kind == "mdat" || b.kind == "moof" || b.kind == "moov"
			fragments = fragments || b.kind == "moof"
			return len(parts) <= maxParts && !b.open
		})
		if stop >= w.size || len(parts) > maxParts {
			break
		}
		// The last box that was read may claim more than it holds and have led into the middle of
		// the next file.
		at = nextFileType(w, max(trail, at)+8)
		if at < 0 {
			break
		}
		next(at, box{})
	}
	for i := range parts {
		p := &parts[i]
		if p.to = w.size; i+1 < len(parts) {
			p.to = parts[i+1].from
		}
		if len(p.pieces) > 0 {
			p.pieces = append(p.pieces, piece{p.from, p.to})
		}
		readMP4(w, p)
	}
	return parts
}

// goesBack tells whether a fragment's time is before that of one before it of the same track, and
// keeps it.
func goesBack(w *window, fragment box, times map[uint64]uint64) (back bool) {
	boxes(w, fragment.body, fragment.to, func(b box) bool {
		if b.kind != "traf" {
			return true
		}
		header, ok1 := inner(w, b, "tfhd")
		decode, ok2 := inner(w, b, "tfdt")
		if !ok1 || !ok2 {
			return true
		}
		track, ok1 := w.be(header.body+4, 4)
		version, ok2 := w.be(decode.body, 1)
		if !ok1 || !ok2 {
			return true
		}
		time, ok := w.be(decode.body+4, 4+4*int(min(version, 1)))
		last, told := times[track]
		if ok && told && time < last {
			back = true
		}
		if told || len(times) < maxTrackBoxes {
			times[track] = time
		}
		return true
	})
	return back
}

// nextFileType is where the next file begins that tells its type, -1 where none does.
func nextFileType(w *window, from int64) int64 {
	for at := w.find("ftyp", from, w.size); at >= 0; at = w.find("ftyp", at+4, w.size) {
		if isFileType(w, at-4) {
			return at - 4
		}
	}
	return -1
}

// maxTrackBoxes is how many tracks of a file are looked at.
const maxTrackBoxes = 64

// encryptedEntries are the sample entries of sound that cannot be decoded without a key: Common
// Encryption (ISO/IEC 23001-7), and what Apple's and Audible's shops sell.
var encryptedEntries = []string{"enca", "drms", "aavd"}

// readMP4 reads in the part's index whether a track of sound is encrypted, and what iTunes' tag
// says of delay and padding.
func readMP4(w *window, p *part) {
	tracks, edited := 0, false
	boxes(w, p.from, p.to, func(top box) bool {
		if top.kind != "moov" {
			return true
		}
		boxes(w, top.body, top.to, func(b box) bool {
			if b.kind != "trak" {
				return true
			}
			tracks++
			path := func(names ...string) (box, bool) { return inner(w, b, names...) }
			if _, ok := path("edts", "elst"); ok {
				edited = true
			}
			table, ok := path("mdia", "minf", "stbl", "stsd")
			if handler, is := path("mdia", "hdlr"); ok && is && w.has(handler.body+8, "soun") {
				boxes(w, table.body+8, table.to, func(entry box) bool {
					p.encrypted = p.encrypted || slices.Contains(encryptedEntries, entry.kind)
					return true
				})
			}
			return tracks < maxTrackBoxes
		})
		if !edited {
			p.trim = iTunesTrim(w, top)
		}
		return false
	})
}

// inner is the box within a box that the names lead to.
func inner(w *window, b box, names ...string) (found box, ok bool) {
	for _, name := range names {
		ok = false
		boxes(w, b.body, b.to, func(c box) bool {
			if c.kind == name {
				b, ok = c, true
			}
			return !ok
		})
		if !ok {
			return box{}, false
		}
	}
	return b, true
}

// iTunesTrim reads the tag iTunSMPB: after a number that is always 0, the samples of delay, of
// padding, and of the recording itself, in hexadecimal. nil where there is none that makes sense.
func iTunesTrim(w *window, index box) func(time.Duration) (lead, tail time.Duration) {
	at := w.find("iTunSMPB", index.body, index.to)
	if at < 0 {
		return nil
	}
	// A box "data" follows: size, name, type, language, then the text.
	text := w.bytes(at+8, 16+64)
	if len(text) < 16+9 || string(text[4:8]) != "data" {
		return nil
	}
	var n [4]int64
	fields := strings.Fields(strings.TrimRight(string(text[16:]), "\x00"))
	for i := range n {
		if i >= len(fields) {
			return nil
		}
		v, err := strconv.ParseInt(fields[i], 16, 64)
		if err != nil || v < 0 {
			return nil
		}
		n[i] = v
	}
	delay, padding, samples := n[1], n[2], n[3]
	total := delay + padding + samples
	if delay == 0 || delay >= maxPriming || padding >= maxPriming || samples == 0 || total < samples {
		return nil
	}
	return func(held time.Duration) (lead, tail time.Duration) {
		// The rate is what makes all of the samples fill the track.
		share := func(of int64) time.Duration { return time.Duration(float64(held) * float64(of) / float64(total)) }
		return share(delay), share(padding)
	}
}

// maxPriming is what ffmpeg takes for the delay of an encoder at most, in samples.
const maxPriming = 16384
