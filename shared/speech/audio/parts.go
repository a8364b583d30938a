package audio

import (
	"fmt"
	"time"

	"parley/shared/errcode"
)

// maxParts is how many recordings a file may be joined of. Each costs a start of the engine, 20 ms.
const maxParts = 256

// part is one recording within a file: some bytes that make a file of the same format by
// themselves.
type part struct {
	from, to int64 // bytes of the file
	// trim tells what of a part that holds so much is no recording, by what the container says of
	// its codec's delay and padding; nil: it says nothing beyond what the packets' times do.
	trim func(held time.Duration) (lead, tail time.Duration)
	// encrypted is true where an audio track is.
	encrypted bool
	riff      riff // of a WAV
	// pieces are the bytes of which the part is put together, unless it is all of the bytes from
	// the one to the other.
	pieces []piece
}

// piece is some bytes of the file.
type piece struct{ from, to int64 }

// bytes is the part's length in bytes.
func (p part) bytes() int64 { return p.to - p.from }

// split finds the recordings of which a file is joined, in order, from where the first one begins.
// There is one at least. AUDIO_DURATION_UNAVAILABLE where there are too many.
func split(w *window, f Format, from int64) ([]part, error) {
	var parts []part
	switch f {
	case WAV:
		parts = riffParts(w, from)
	case MP3:
		parts = mpegParts(w, from)
	case AAC:
		parts = adtsParts(w, from)
	case M4A:
		parts = mp4Parts(w, from)
	case WebM:
		parts = webmParts(w, from)
	case OGG:
		parts = oggParts(w, from)
	case FLAC:
		parts = flacParts(w, from)
	}
	if w.err != nil {
		return nil, fmt.Errorf("audio: %w", w.err)
	}
	if len(parts) > maxParts {
		return nil, errcode.Newf(errcode.AudioDurationUnavailable, "The file is joined of more than %d recordings. Re-encode it as one and resubmit.", maxParts)
	}
	for i := range parts {
		if i+1 < len(parts) && parts[i].to == 0 {
			parts[i].to = parts[i+1].from
		}
	}
	if last := &parts[len(parts)-1]; last.to == 0 {
		last.to = w.size
	}
	return parts, nil
}
