package audio

import (
	"bytes"
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
	AAC  = Format{"m4a", "aac"} // bare ADTS frames, as phones and live streams leave them
	WebM = Format{"webm", "matroska"}
	OGG  = Format{"ogg", "ogg"}
	FLAC = Format{"flac", "flac"}
)

// Formats lists them all.
var Formats = []Format{MP3, WAV, M4A, AAC, WebM, OGG, FLAC}

// identify tells a file's format by what stands in it, never by its name, and where the recording
// begins: behind the tags in front of it, however long. ok is false for any other kind of file.
func identify(w *window) (f Format, from int64, ok bool) {
	for _, from := range []int64{skipTags(w, 0), skipPadding(w, skipTags(w, 0))} {
		switch head := w.bytes(from, 16); {
		case isRIFF(head):
			return WAV, from, true
		case hasAny(head, "fLaC"):
			return FLAC, from, true
		case hasAny(head, "OggS\x00"):
			return OGG, from, true
		case isEBML(w, from):
			return WebM, from, true
		case isMP4(w, from):
			return M4A, from, true
		}
	}
	from = skipPadding(w, skipTags(w, 0))
	for at := from; at < from+maxJunk && at < w.size; at++ {
		if isMPEG(w, at, sureFrames) {
			return MP3, from, true
		}
		if isADTS(w, at, sureFrames) {
			return AAC, from, true
		}
	}
	return Format{}, from, false
}

// maxJunk is how far behind the tags the first frame of an MPEG or ADTS stream may be: zeros, or
// the rest of a frame that was cut.
const maxJunk = 4096

func hasAny(b []byte, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return bytes.HasPrefix(b, []byte(p)) })
}

// maxTags is how many tags may stand after one another.
const maxTags = 64

// skipTags steps over the tags at an offset, ID3v2 and APEv2. It returns the offset itself where
// there are none, and the file's end where a tag goes on beyond it.
func skipTags(w *window, at int64) int64 {
	for range maxTags {
		n := tagBytes(w, at)
		if n == 0 {
			break
		}
		at = min(at+n, w.size)
	}
	return at
}

// maxPadding is how many zeros may stand behind the tags.
const maxPadding = 1 << 20

// skipPadding steps over the zeros behind the tags that end at an offset; there are none where
// there are no tags.
func skipPadding(w *window, at int64) int64 {
	if at == 0 {
		return 0
	}
	for end := at + maxPadding; at < end; {
		b := w.bytes(at, windowBytes/2)
		rest := bytes.TrimLeft(b, "\x00")
		at += int64(len(b) - len(rest))
		if len(rest) > 0 || len(b) == 0 {
			break
		}
	}
	return at
}

// tagBytes is the length of the tag at an offset; 0 where there is none.
// (https://id3.org/id3v2.4.0-structure,
// https://wiki.hydrogenaud.io/index.php?title=APEv2_specification)
func tagBytes(w *window, at int64) int64 {
	b := w.bytes(at, 32)
	switch {
	case len(b) >= 10 && hasAny(b, "ID3") && b[3] != 0xff && b[4] != 0xff:
		size := int64(0)
		for _, c := range b[6:10] {
			if c >= 0x80 {
				return 0
			}
			size = size<<7 | int64(c)
		}
		size += 10
		if b[5]&0x10 != 0 {
			size += 10 // a footer
		}
		return size
	case len(b) == 32 && hasAny(b, "APETAGEX"):
		size := int64(b[12]) | int64(b[13])<<8 | int64(b[14])<<16 | int64(b[15])<<24
		if b[23]&0x20 != 0 { // this is the header, which the size leaves out
			return size + 32
		}
		return 32 // the footer of what was taken for sound
	case len(b) == 32 && hasAny(b, "TAG"): // ID3v1
		return 128
	}
	return 0
}
