package audio

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Format is a kind of audio file.
type Format struct {
	Name    string // as the API calls it
	Demuxer string // as ffmpeg calls its reader: always forced, so that a playlist can never be one
}

// The formats that are taken.
var (
	WAV  = Format{"wav", "wav"}
	MP3  = Format{"mp3", "mp3"}
	M4A  = Format{"m4a", "mov"}
	WebM = Format{"webm", "matroska"}
	OGG  = Format{"ogg", "ogg"}
	FLAC = Format{"flac", "flac"}
)

// Formats lists them all.
var Formats = []Format{MP3, WAV, M4A, WebM, OGG, FLAC}

// SniffBytes is how much of a file's beginning Sniff wants to see; less will do for a shorter file.
const SniffBytes = 16384

// Sniff tells a file's format by its first bytes, never by its name; ok is false for any other kind of file.
func Sniff(head []byte) (f Format, ok bool) {
	switch {
	case len(head) >= 12 && hasAny(head, "RIFF", "RF64", "BW64") && string(head[8:12]) == "WAVE":
		return WAV, true
	case hasAny(head, "fLaC"):
		return FLAC, true
	case hasAny(head, "OggS\x00"):
		return OGG, true
	case isEBML(head):
		return WebM, true
	case isMP4(head):
		return M4A, true
	case hasAny(head, "ID3"):
		rest, inside := skipID3(head)
		if !inside {
			return Format{}, false
		}
		if rest == nil { // the tag, a cover picture as a rule, is longer than what we see
			return MP3, true
		}
		if hasAny(rest, "fLaC") {
			return FLAC, true
		}
		return MP3, isMPEG(rest)
	}
	return MP3, isMPEG(head)
}

func hasAny(b []byte, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return bytes.HasPrefix(b, []byte(p)) })
}

// isEBML tells whether b begins a Matroska file of doctype webm or matroska (RFC 8794, RFC 9559).
func isEBML(b []byte) bool {
	if !hasAny(b, "\x1a\x45\xdf\xa3") {
		return false
	}
	b = b[:min(len(b), 256)]
	i := bytes.Index(b, []byte{0x42, 0x82}) // DocType
	if i < 0 || i+3 > len(b) {
		return false
	}
	return hasAny(b[i+3:], "webm", "matroska")
}

// brands are the major brands of ISO base media files that hold sound.
var brands = []string{"M4A", "M4B", "M4P", "M4V", "F4A", "mp41", "mp42", "mp71", "isom", "iso2", "iso3", "iso4", "iso5", "iso6", "iso7", "iso8",
	"iso9", "avc1", "dash", "qt  ", "MSNV", "3gp", "3g2"}

func isMP4(b []byte) bool {
	if len(b) < 16 || string(b[4:8]) != "ftyp" {
		return false
	}
	size := int(binary.BigEndian.Uint32(b))
	if size < 16 {
		return false
	}
	return slices.ContainsFunc(brands, func(brand string) bool { return bytes.HasPrefix(b[8:], []byte(brand)) })
}

// skipID3 steps over ID3v2 tags; inside is false where the header is none, rest is nil where the tag goes on beyond b.
func skipID3(b []byte) (rest []byte, inside bool) {
	for hasAny(b, "ID3") {
		if len(b) < 10 || b[3] == 0xff || b[4] == 0xff {
			return nil, false
		}
		size := 0
		for _, c := range b[6:10] {
			if c >= 0x80 {
				return nil, false
			}
			size = size<<7 | int(c)
		}
		size += 10
		if b[5]&0x10 != 0 {
			size += 10 // a footer
		}
		if size >= len(b) {
			return nil, true
		}
		b = b[size:]
	}
	return b, true
}

// mpegJunk is how far into the file the first frame may be: zeros, or the rest of a frame that was cut.
const mpegJunk = 4096

// isMPEG tells whether b holds MPEG audio layer III: three frame headers in a row, each where the one before says, of the same
// version and rate. Fewer bytes than three frames (a file of a tenth of a second) are not enough.
func isMPEG(b []byte) bool {
	for i := 0; i < len(b) && i < mpegJunk; i++ {
		if b[i] != 0xff {
			continue
		}
		at, frames := i, 0
		var kind uint32
		for frames < 3 && at+4 <= len(b) {
			n, k := mpegFrame(binary.BigEndian.Uint32(b[at:]))
			if n == 0 || frames > 0 && k != kind {
				break
			}
			at, kind, frames = at+n, k, frames+1
		}
		if frames == 3 {
			return true
		}
	}
	return false
}

// mpegFrame is the length in bytes of the layer III frame with this header (ISO/IEC 11172-3, 13818-3) and what all frames of a
// stream share; 0 where it is no such header.
func mpegFrame(h uint32) (length int, kind uint32) {
	version, layer, rate, sample, pad := h>>19&3, h>>17&3, h>>12&15, h>>10&3, int(h>>9&1)
	if h>>21 != 0x7ff || version == 1 || layer != 1 || rate == 0 || rate == 15 || sample == 3 || h&3 == 2 {
		return 0, 0
	}
	bitrates := [16]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0}
	factor := 72
	hz := [3]int{44100, 48000, 32000}[sample]
	switch version {
	case 3: // MPEG-1
		bitrates = [16]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0}
		factor = 144
	case 2: // MPEG-2
		hz /= 2
	case 0: // MPEG-2.5
		hz /= 4
	}
	return factor*bitrates[rate]*1000/hz + pad, h & 0xfffe0c00
}
