package audio

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"parley/shared/errcode"
)

// Plan is what a file is found to be before it is decoded: which recordings it is joined of, which
// track of each holds the sound, how long each is, and what is left out. The length that is held
// and billed is its length, and the decoder follows it.
type Plan struct {
	Format    Format
	SizeBytes int64
	Parts     []Part // one at least, in order
	path      string
}

// Part is one of the recordings that a file is joined of.
type Part struct {
	Track    int // of the sound among the part's tracks of sound, from 0
	Channels int // of that track by its header; 0: not told
	// of the recording: without delay and padding, gaps filled, breaks shortened
	Length time.Duration
	// Trimmed is what of the codec's delay and padding, by what the file tells, is left out.
	Trimmed time.Duration
	Breaks  Breaks
	// Gap is silence before the part, in a file whose parts' times go on.
	Gap time.Duration

	bytes  part
	origin time.Duration // the time at which the recording begins, as the packets tell it
	end    time.Duration // the time at which its last packet ends
	limit  time.Duration // see clock.limit
}

// Length is that of the whole recording, from 45:00 to a second more taken as 45:00: a recorder
// that stops by its own timer is late by a little, and its encoder adds some more.
func (p Plan) Length() time.Duration {
	d := p.held()
	if d > Bounds.MaxLength && d <= Bounds.MaxLength+maxLate {
		return Bounds.MaxLength
	}
	return d
}

// maxLate is how much longer than Bounds.MaxLength a recording may be; what is more than that is
// left out.
const maxLate = time.Second

func (p Plan) held() (d time.Duration) {
	for _, part := range p.Parts {
		d += part.Gap + part.Length
	}
	return d
}

// Channels is the most that a part has, by the headers; 1 where none tells.
func (p Plan) Channels() int {
	n := 1
	for _, part := range p.Parts {
		n = max(n, part.Channels)
	}
	return n
}

// Audio is what the run keeps of the plan.
func (p Plan) Audio() Info {
	a := Info{Format: p.Format.Name, SizeBytes: p.SizeBytes, DurationMs: p.Length().Round(time.Millisecond).Milliseconds(), Joins: max(len(p.Parts)-1, 0), Channels: p.Channels()}
	for _, part := range p.Parts {
		a.Breaks.Count += part.Breaks.Count
		a.Breaks.LeftOutMs += part.Breaks.LeftOutMs
	}
	return a
}

// errEmpty says that a part holds no packet.
var errEmpty = errors.New("audio: no packets")

// emptyPart is how large a part without a packet may be and be passed over: the header of a
// recording that was stopped as it began.
const emptyPart = 16 << 10

// plan looks through the file at path. UNSUPPORTED_FORMAT, AUDIO_DURATION_UNAVAILABLE; ctx's error
// where ctx ended.
func plan(ctx context.Context, ffmpeg, path string) (Plan, error) {
	path, err := filepath.Abs(path) // the engine runs in another folder
	if err != nil {
		return Plan{}, fmt.Errorf("audio: %w", err)
	}
	f, parts, size, err := open(path)
	p := Plan{Format: f, SizeBytes: size, path: path}
	if err != nil {
		return p, err
	}
	e := &reader{ffmpeg: ffmpeg, left: probeTime}
	var first error
	for _, part := range parts {
		if part.encrypted {
			return p, errcode.Newf(errcode.UnsupportedFormat, "The file is encrypted. Send a copy that is not protected.")
		}
		one, err := e.survey(ctx, path, f, part, size)
		switch {
		case err == nil:
			if n := len(p.Parts); n > 0 {
				one.follow(p.Parts[n-1], f)
			}
			p.Parts = append(p.Parts, one)
			continue
		case errors.Is(err, errNoTrack):
			// A picture without sound may have been put behind a recording.
			err = errcode.Newf(errcode.UnsupportedFormat, "The file has no audio track. Send the recording itself as MP3, WAV, M4A, WebM, OGG or FLAC.").Because(err)
		case !errors.Is(err, errEmpty), len(parts) > 1 && part.bytes() > emptyPart:
			return p, err
		}
		if first == nil {
			first = err
		}
	}
	if len(p.Parts) == 0 {
		return p, first
	}
	return p, nil
}

// follow puts the gap before a part that goes on by the clock of the one before, as where a live
// stream's header was sent again. The clocks of Ogg's links and of bare frames begin anywhere.
func (p *Part) follow(before Part, f Format) {
	if gap := p.origin - before.end; gap > jitter && (f == M4A || f == WebM) {
		var c clock
		c.wait(gap)
		p.Gap = c.length
		p.Breaks.Count += c.breaks.Count
		p.Breaks.LeftOutMs += c.breaks.LeftOutMs
	}
}

// open tells what the file at path is and of which parts it is joined. UNSUPPORTED_FORMAT,
// AUDIO_DURATION_UNAVAILABLE.
func open(path string) (f Format, parts []part, size int64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return f, nil, 0, fmt.Errorf("audio: %w", err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return f, nil, 0, fmt.Errorf("audio: %w", err)
	}
	w := newWindow(file, info.Size())
	f, from, ok := identify(w)
	switch {
	case w.err != nil:
		return f, nil, w.size, fmt.Errorf("audio: %w", w.err)
	case !ok:
		return f, nil, w.size, errcode.New(errcode.UnsupportedFormat)
	}
	parts, err = split(w, f, from)
	return f, parts, w.size, err
}

// soundTrack names the track with this number among those with sound.
func soundTrack(n int) string { return "0:a:" + strconv.Itoa(n) }

// survey finds the track of a part that holds the sound, and its length. errNoTrack,
// AUDIO_DURATION_UNAVAILABLE, UNSUPPORTED_FORMAT.
func (e *reader) survey(ctx context.Context, path string, f Format, p part, whole int64) (Part, error) {
	in := input(path, f, p, whole, "info")
	l, h, err := e.list(ctx, in, soundTrack(0))
	track := 0
	switch {
	case h.audio > 1:
		if track, err = e.sounding(ctx, input(path, f, p, whole, "error"), h.audio); err != nil {
			return Part{}, err
		}
		if track > 0 {
			l, _, err = e.list(ctx, in, soundTrack(track))
		}
	case h.audio == 1 && f != MP3 && f != AAC && f != FLAC:
		if e := e.decodable(ctx, input(path, f, p, whole, "error")); e != nil {
			return Part{}, e
		}
	}
	switch {
	case errors.Is(err, errNoTrack), ctx.Err() != nil, err != nil && l.packets > 0:
		return Part{}, err
	case l.packets == 0, l.length <= 0:
		return Part{}, errcode.New(errcode.AudioDurationUnavailable).Because(errors.Join(errEmpty, err))
	}
	if err := e.believe(ctx, in, f, p, h, l, track); err != nil {
		return Part{}, err
	}
	out := Part{Track: track, Channels: l.channels, Breaks: l.breaks, bytes: p, limit: l.limit()}
	var lead, tail time.Duration
	if l.begin < 0 && l.begin >= -longestPacket {
		lead = -l.begin // the recording begins at 0, and the delay stands before
	}
	if p.trim != nil {
		lead, tail = p.trim(l.length)
	}
	if lead+tail >= l.length {
		lead, tail = 0, 0
	}
	out.origin, out.end = l.begin+lead, l.begin+l.end
	out.Trimmed, out.Length = lead+tail, l.length-lead-tail
	return out, nil
}

// believe compares what the header promises with what the packets hold: AUDIO_DURATION_UNAVAILABLE
// where it is clearly more.
func (e *reader) believe(ctx context.Context, in []string, f Format, p part, h *header, l *listing, track int) error {
	// A header may count from the first packet or from 0, and counts what is left out.
	held := max(l.length, l.end, l.begin+l.end)
	claim := max(h.claim, 0)
	if f == WAV {
		claim = time.Duration(min(p.riff.over, 1000) * float64(held))
	}
	// The promise is that of the longest track, which may be the picture or another sound.
	for n := 0; n < min(h.tracks, maxTracks) && broken(claim, held); n++ {
		other, _, err := e.list(ctx, in, fmt.Sprint("0:", n))
		if ctx.Err() != nil {
			return err
		}
		if err == nil && !broken(claim, max(other.end, other.begin+other.end)) {
			claim = 0
		}
	}
	if broken(claim, held) {
		return errcode.New(errcode.AudioDurationUnavailable).With("durationMs", l.length.Milliseconds()).
			Because(fmt.Errorf("audio: the header promises %v, the packets of track %d hold %v", claim, track, held))
	}
	return nil
}
