package audio

import (
	"encoding/binary"
	"time"
)

// sureFrames is how many frames in a row, each where the one before says, make a stream. A file of
// fewer is not one.
const sureFrames = 3

// isMPEG tells whether n frames of MPEG audio layer III stand in a row at an offset, of the same
// version and rate.
func isMPEG(w *window, at int64, n int) bool {
	var first mpegHeader
	for i := range n {
		h := readMPEG(w, at)
		if h.bytes == 0 || i > 0 && h.kind != first.kind {
			return false
		}
		if i == 0 {
			first = h
		}
		at += int64(h.bytes)
	}
	return true
}

// mpegHeader is what the header of a layer III frame says.
type mpegHeader struct {
	bytes    int    // of the whole frame; 0: it is no such header
	kind     uint32 // what all frames of a stream share: version, rate, and whether it is mono
	samples  int    // of the frame, per channel
	rate     int    // Hz
	sideInfo int    // bytes between the header and the data, where an encoder's tag stands
}

func readMPEG(w *window, at int64) mpegHeader {
	b := w.bytes(at, 4)
	if len(b) < 4 || b[0] != 0xff {
		return mpegHeader{}
	}
	return mpegFrame(binary.BigEndian.Uint32(b))
}

// mpegFrame reads the header of a layer III frame (ISO/IEC 11172-3, 13818-3).
func mpegFrame(h uint32) mpegHeader {
	version, layer, rate, sample, pad := h>>19&3, h>>17&3, h>>12&15, h>>10&3, int(h>>9&1)
	mono := h>>6&3 == 3
	if h>>21 != 0x7ff || version == 1 || layer != 1 || rate == 0 || rate == 15 || sample == 3 || h&3 == 2 {
		return mpegHeader{}
	}
	bitrates := [16]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0}
	out := mpegHeader{samples: 576, sideInfo: 17, rate: [3]int{44100, 48000, 32000}[sample], kind: h & 0xfffe0c00}
	if mono {
		out.kind |= 1
		out.sideInfo = 9
	}
	switch version {
	case 3: // MPEG-1
		bitrates = [16]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0}
		out.samples, out.sideInfo = 1152, 32
		if mono {
			out.sideInfo = 17
		}
	case 2: // MPEG-2
		out.rate /= 2
	case 0: // MPEG-2.5
		out.rate /= 4
	}
	out.bytes = out.samples/8*bitrates[rate]*1000/out.rate + pad
	return out
}

// gapless is what an encoder's tag says of the samples that are no recording
// (http://gabriel.mp3-tech.org/mp3infotag.html).
type gapless struct {
	tagged     bool  // there is a tag, which only the first frame of a recording holds
	frames     int64 // of the recording, that of the tag not counted; 0: not told
	delay, pad int64 // samples at the beginning and at the end
	known      bool  // delay and pad are told
}

// decoderDelay is what a layer III decoder itself adds, in samples.
const decoderDelay = 528 + 1

// readGapless reads the encoder's tag in the frame at an offset, with the conditions under which
// ffmpeg follows it.
func readGapless(w *window, at int64, h mpegHeader) (g gapless) {
	const vbri = 36
	if b := w.bytes(at+vbri, 6); len(b) == 6 && string(b) == "VBRI\x00\x01" {
		return gapless{tagged: true}
	}
	b := w.bytes(at+4+int64(h.sideInfo), 8+4+4+100+4+9+15)
	if len(b) < 8 || !hasAny(b, "Xing", "Info") || binary.BigEndian.Uint32(b[4:])&^0xf != 0 {
		return g
	}
	g.tagged = true
	flags, rest := b[7], b[8:]
	for _, field := range []struct{ flag, bytes byte }{{1, 4}, {2, 4}, {4, 100}, {8, 4}} {
		if flags&field.flag == 0 {
			continue
		}
		if len(rest) < int(field.bytes) {
			return g
		}
		if field.flag == 1 {
			g.frames = int64(binary.BigEndian.Uint32(rest))
		}
		rest = rest[field.bytes:]
	}
	if len(rest) < 24 || !hasAny(rest, "LAME", "Lavf", "Lavc") {
		return g
	}
	g.delay, g.pad = int64(rest[21])<<4|int64(rest[22])>>4, int64(rest[22]&15)<<8|int64(rest[23])
	g.known = true
	return g
}

// trim is what to leave out at both ends of a stream of frames like this one that holds so much.
func (g gapless) trim(h mpegHeader) func(held time.Duration) (lead, tail time.Duration) {
	return func(held time.Duration) (lead, tail time.Duration) {
		samples := func(n int64) time.Duration { return time.Duration(n) * time.Second / time.Duration(h.rate) }
		if g.frames > 0 {
			last := g.frames * int64(h.samples)
			tail = max(min(held, samples(last))-samples(last-g.pad+decoderDelay), 0)
		}
		return samples(g.delay + decoderDelay), tail
	}
}

// mpegParts finds the recordings that were joined into one MPEG stream: a frame with an encoder's
// tag, or frames of another rate or number of channels, begin the next. What is neither frame nor
// tag is stepped over.
func mpegParts(w *window, from int64) []part {
	parts := []part{{from: from}}
	var current mpegHeader // zero before the first frame of the part
	end := w.size          // of the last frame
	behindTag := false
	for at := from; at < w.size && w.err == nil; {
		h := readMPEG(w, at)
		sound := h.bytes > 0 && (h.kind == current.kind || isMPEG(w, at, 2))
		if !sound {
			behindTag = behindTag || beginsRecording(w, at)
			at += max(tagBytes(w, at), 1)
			continue
		}
		g := readGapless(w, at, h)
		if current.bytes > 0 && (h.kind != current.kind || g.tagged || behindTag) {
			if len(parts) == maxParts {
				// the rest is read as one with this part, as the reader of such streams can
				end = w.size
				break
			}
			parts[len(parts)-1].to = end // the reader may take what stands between for sound
			parts = append(parts, part{from: at})
		}
		if last := &parts[len(parts)-1]; g.known && (current.bytes == 0 || last.from == at) {
			last.trim = g.trim(h)
		}
		current, behindTag = h, false
		at += int64(h.bytes)
		end = min(at, w.size)
	}
	parts[len(parts)-1].to = end
	return parts
}

// beginsRecording tells whether the tag at an offset is one that a recording begins with. Live
// streams put tags of the kind PRIV before each of their pieces, to tell the time.
func beginsRecording(w *window, at int64) bool {
	return w.has(at, "ID3") && tagBytes(w, at) > 0 && !w.has(at+10, "PRIV")
}

// adtsHeader is what the header of an ADTS frame says (ISO/IEC 13818-7).
type adtsHeader struct {
	bytes int    // of the whole frame; 0: it is no such header
	kind  uint32 // profile, rate and channels, which all frames of a recording share
}

func readADTS(w *window, at int64) adtsHeader {
	b := w.bytes(at, 7)
	if len(b) < 7 || b[0] != 0xff || b[1]&0xf6 != 0xf0 || b[2]>>2&15 > 12 {
		return adtsHeader{}
	}
	n := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5
	if n < 7 {
		return adtsHeader{}
	}
	return adtsHeader{n, uint32(b[1]&8)<<16 | uint32(b[2]&0xfd)<<8 | uint32(b[3]&0xc0)}
}

// isADTS tells whether n ADTS frames of one kind stand in a row at an offset.
func isADTS(w *window, at int64, n int) bool {
	var kind uint32
	for i := range n {
		h := readADTS(w, at)
		if h.bytes == 0 || i > 0 && h.kind != kind {
			return false
		}
		kind = h.kind
		at += int64(h.bytes)
	}
	return true
}

// adtsParts finds the recordings that were joined into one ADTS stream: a tag, or frames of another
// profile, rate or number of channels, begin the next. Without either, the stream just goes on.
func adtsParts(w *window, from int64) []part {
	parts := []part{{from: from}}
	var current adtsHeader
	end := w.size // of the last frame
	behindTag := false
	for at := from; at < w.size && w.err == nil; {
		h := readADTS(w, at)
		if h.bytes == 0 || h.kind != current.kind && !isADTS(w, at, 2) {
			behindTag = behindTag || beginsRecording(w, at)
			at += max(tagBytes(w, at), 1)
			continue
		}
		if current.bytes > 0 && (h.kind != current.kind || behindTag) {
			if len(parts) == maxParts {
				end = w.size
				break
			}
			parts[len(parts)-1].to = end
			parts = append(parts, part{from: at})
		}
		current, behindTag = h, false
		at += int64(h.bytes)
		end = min(at, w.size)
	}
	parts[len(parts)-1].to = end
	return parts
}
