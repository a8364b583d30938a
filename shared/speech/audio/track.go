package audio

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"parley/shared/errcode"
	"parley/shared/process"
)

// What a track must hold to be one with sound: so many pieces of 100 ms above a level. A program
// that records the screen leaves a track of silence beside that of the microphone, with a chime in
// it perhaps.
const (
	// listenRate is in Hz, of two channels, since a mixture of channels may cancel out.
	listenRate   = 8000
	listenPiece  = listenRate / 10 * 2 * 2          // bytes
	listenPieces = 30                               // 3 s
	listenLevel  = 33                               // RMS of 16-bit samples: -60 dB of full scale
	maxListening = decodeSeconds * 10 * listenPiece // bytes
)

// errHeard says that there is sound.
var errHeard = errors.New("audio: heard")

// decodable is nil unless there is no decoder for the part's one track: UNSUPPORTED_FORMAT.
func (e *reader) decodable(ctx context.Context, in []string) error {
	r, err := e.run(ctx, process.Command{Args: append(slices.Clone(in), "-map", soundTrack(0), "-frames:a", "1", "-f", "null", "-")})
	if ctx.Err() != nil {
		return fmt.Errorf("audio: probe: %w", err)
	}
	if err != nil && strings.Contains(r.Stderr, "no decoder found") {
		return errcode.Newf(errcode.UnsupportedFormat, "The file's audio is of a kind that cannot be decoded. Convert it to MP3, WAV, M4A, WebM, OGG or FLAC and resubmit.").Because(err)
	}
	return nil // damage shows elsewhere
}

// sounding is the number of the first track with sound among a part's tracks of sound; where none
// has any, that of the first that can be decoded. errNoTrack where none can.
func (e *reader) sounding(ctx context.Context, in []string, tracks int) (int, error) {
	fallback := -1
	for n := range min(tracks, maxTracks) {
		ear := &ear{}
		_, err := e.run(ctx, process.Command{Args: append(slices.Clone(in), "-map", soundTrack(n), "-t", strconv.Itoa(decodeSeconds),
			"-ar", strconv.Itoa(listenRate), "-ac", "2", "-c:a", "pcm_s16le", "-f", "s16le", "pipe:1"), MaxOutput: maxListening, Stdout: ear})
		switch {
		case ctx.Err() != nil:
			return 0, fmt.Errorf("audio: probe: %w", err)
		case errors.Is(err, errHeard):
			return n, nil
		case fallback < 0 && ear.bytes > 0:
			fallback = n
		}
	}
	if fallback < 0 {
		return 0, errNoTrack
	}
	return fallback, nil
}

// ear is an io.Writer that listens.
type ear struct {
	piece  []byte
	bytes  int64
	pieces int // that are loud enough
}

// Write implements io.Writer: errHeard once there was enough sound.
func (e *ear) Write(p []byte) (int, error) {
	e.bytes += int64(len(p))
	for rest := p; len(rest) > 0; {
		n := min(listenPiece-len(e.piece), len(rest))
		e.piece = append(e.piece, rest[:n]...)
		rest = rest[n:]
		if len(e.piece) < listenPiece {
			break
		}
		sum := 0.0
		for i := 0; i < listenPiece; i += 2 {
			s := float64(int16(binary.LittleEndian.Uint16(e.piece[i:])))
			sum += s * s
		}
		e.piece = e.piece[:0]
		if sum > listenLevel*listenLevel*listenPiece/2 {
			if e.pieces++; e.pieces >= listenPieces {
				return len(p), errHeard
			}
		}
	}
	return len(p), nil
}
