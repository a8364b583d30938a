package audio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/shared/errcode"
	"parley/shared/process"
)

// reader is ffmpeg with what is left of the processor time that one file may cost, however many
// parts it has.
type reader struct {
	ffmpeg string
	left   time.Duration
}

// errSpent says that the processor time is used up.
var errSpent = errors.New("audio: the file takes too long to be read")

// run runs ffmpeg with bounds on time, memory and output.
func (e *reader) run(ctx context.Context, c process.Command) (process.Result, error) {
	if e.left <= 0 {
		return process.Result{ExitCode: 1}, errSpent
	}
	c.Path = e.ffmpeg
	c.MaxOutput += maxReport
	c.Limits = process.Limits{CPU: e.left, Memory: engineMemory, File: uint64(c.MaxOutput)}
	r, err := process.Run(ctx, c)
	e.left -= r.CPU
	return r, err
}

// input are ffmpeg's arguments up to and with the input, a part of the file at path. Times are left
// as the file tells them, so that ffmpeg takes no gap for a fault of the clock and closes it.
func input(path string, f Format, p part, whole int64, level string) []string {
	name := "file:" + path
	switch pieces := p.pieces; {
	case len(pieces) > 0:
		names := make([]string, len(pieces))
		for i, b := range pieces {
			names[i] = fmt.Sprintf("subfile,,start,%d,end,%d,,:%s", b.from, b.to, name)
		}
		name = "concat:" + strings.Join(names, "|")
	case p.from > 0 || p.to < whole:
		name = fmt.Sprintf("subfile,,start,%d,end,%d,,:%s", p.from, p.to, name)
	}
	args := []string{"-nostdin", "-hide_banner", "-nostats", "-v", level, "-copyts", "-threads", "1", "-protocol_whitelist", "file,subfile,concat", "-f", f.Demuxer}
	if f == WAV && p.riff.short {
		args = append(args, "-ignore_length", "1")
	}
	return append(args, "-i", name)
}

// maxTracks is how many tracks of sound are looked at for the first that has any.
const maxTracks = 8

// maxListing is the most that the list of a part's packets may take, in bytes; it is read as it
// comes. A recording of 45 minutes in packets of 2.5 ms takes 80 MB.
const maxListing = 256 << 20

// list reads the packets of one track of a part without decoding them. The track is named as ffmpeg
// does, "0:a:1" for the second of those with sound.
func (e *reader) list(ctx context.Context, in []string, track string) (*listing, *header, error) {
	// ffmpeg prints of a packet only its decoding time, which it makes grow, and its length. So the
	// time is put where the length goes, and the sum of the lengths where the decoding time goes,
	// both from a number far from 0 on, since neither may be negative.
	const filter = "setts=dts=if(N\\,PREV_OUTDTS\\,-%d)+max(DURATION\\,0):duration=PTS+%d"
	args := append(slices.Clone(in), "-map", track, "-ignore_unknown", "-map_metadata", "-1", "-c", "copy",
		"-bsf", fmt.Sprintf(filter, int64(sumBase), int64(timeBase)), "-flush_packets", "0", "-f", "framecrc", "pipe:1")
	l, h := &listing{sum: -sumBase}, &header{}
	r, err := e.run(ctx, process.Command{Args: args, MaxOutput: maxListing, Stdout: &lines{do: l.line}, Stderr: &lines{do: h.line}})
	if err == nil {
		err = l.err
	}
	if err != nil {
		return l, h, refusal(ctx, r, err)
	}
	return l, h, nil
}

const (
	sumBase  = 1 << 52
	timeBase = 1 << 51
)

// listing reads the list of a track's packets.
type listing struct {
	clock
	channels int     // by the header
	unit     float64 // seconds
	sum      int64   // of the packets' lengths so far, in units
	err      error
}

// line takes one line: "0, sum of lengths, the same, time, bytes, checksum, flags".
func (l *listing) line(s []byte) {
	if len(s) == 0 || s[0] == '#' {
		if layout, ok := bytes.CutPrefix(s, []byte("#channel_layout_name 0: ")); ok {
			l.channels = channelsOf(string(layout))
		}
		if rest, ok := bytes.CutPrefix(s, []byte("#tb 0: ")); ok {
			num, den, _ := strings.Cut(strings.TrimSpace(string(rest)), "/")
			n, err1 := strconv.ParseFloat(num, 64)
			d, err2 := strconv.ParseFloat(den, 64)
			if err1 == nil && err2 == nil && d > 0 {
				l.unit = n / d
			}
		}
		return
	}
	// A million lines may be read, so nothing is allocated.
	_, rest, ok1 := bytes.Cut(s, comma)
	sum, rest, ok2 := number(rest)
	_, rest, ok3 := bytes.Cut(rest, comma)
	at, rest, ok4 := number(rest)
	if !ok1 || !ok2 || !ok3 || !ok4 || l.unit <= 0 {
		l.err = fmt.Errorf("audio: a list of packets reads %q", s[:min(len(s), 100)])
		return
	}
	at -= timeBase
	length := sum - l.sum
	l.sum = sum
	if i := bytes.Index(rest, []byte(", F=0x")); i >= 0 && discarded(rest[i+6:]) {
		return // it serves to decode the next, and is not heard
	}
	l.add(packet{at: l.duration(at), length: l.duration(length), ok: at > -timeBase})
}

// layoutNames are ffmpeg's names of layouts that begin with no number.
var layoutNames = map[string]int{"mono": 1, "stereo": 2, "downmix": 2, "binaural": 2, "quad": 4, "quad(side)": 4, "hexagonal": 6, "octagonal": 8, "cube": 8, "hexadecagonal": 16}

// maxChannels bounds what is believed of a header.
const maxChannels = 64

// channelsOf is how many channels a layout has: "stereo", "5.1(side)", "4 channels (FL+FR+BL+BR)".
// 0 where that is not known.
func channelsOf(layout string) (n int) {
	layout = strings.TrimSpace(layout)
	if n, ok := layoutNames[layout]; ok {
		return n
	}
	numbers := layout[:len(layout)-len(strings.TrimLeft(layout, "0123456789."))]
	for number := range strings.SplitSeq(numbers, ".") {
		i, err := strconv.Atoi(number)
		if err != nil {
			return 0
		}
		n += min(i, maxChannels)
	}
	return min(n, maxChannels)
}

var comma = []byte(",")

// number reads the number before the next comma, and what comes behind that.
func number(s []byte) (n int64, rest []byte, ok bool) {
	s, rest, ok = bytes.Cut(s, comma)
	s = bytes.TrimSpace(s)
	digits, negative := bytes.CutPrefix(s, []byte("-"))
	if len(digits) == 0 || len(digits) > 19 {
		return 0, rest, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' || n > (math.MaxInt64-9)/10 {
			return 0, rest, false
		}
		n = 10*n + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, rest, ok
}

// discarded tells whether the flags of a packet, in hexadecimal, say that it is to be decoded but
// not heard: bit 2.
func discarded(flags []byte) bool {
	n := 0
	for _, c := range flags {
		digit := strings.IndexByte("0123456789abcdef", c)
		if digit < 0 {
			break
		}
		n = n<<4 | digit
	}
	return n&4 != 0
}

// duration turns units into time, as far as time goes.
func (l *listing) duration(units int64) time.Duration {
	return time.Duration(max(min(math.Round(float64(units)*l.unit*1e9), math.MaxInt64/4), math.MinInt64/4))
}

// header is what ffmpeg says of a part's header.
type header struct {
	// the length that is promised; not positive: none, or ffmpeg only guessed it from the bit rate
	claim  time.Duration
	audio  int  // how many tracks of sound there are
	tracks int  // how many tracks there are in all
	over   bool // the header's description has ended
}

var (
	claimed = regexp.MustCompile(`^  Duration: (\d+):(\d\d):(\d\d\.\d+)`)
	stream  = regexp.MustCompile(`^  Stream #0:\d+[^:]*: (\w+): `)
)

// line takes one line of what ffmpeg says.
func (h *header) line(s []byte) {
	switch m := claimed.FindSubmatch(s); {
	case h.over:
	case bytes.HasPrefix(s, []byte("Stream mapping:")), bytes.HasPrefix(s, []byte("Output #")):
		h.over = true
	case m != nil && h.claim == 0:
		hours, err1 := strconv.Atoi(string(m[1]))
		minutes, err2 := strconv.Atoi(string(m[2]))
		seconds, err3 := strconv.ParseFloat(string(m[3]), 64)
		if err1 == nil && err2 == nil && err3 == nil && hours < 1e5 {
			h.claim = time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute + time.Duration(seconds*float64(time.Second))
		}
	case bytes.Contains(s, []byte("Estimating duration from bitrate")):
		h.claim = -1
	default:
		if m := stream.FindSubmatch(s); m != nil {
			h.tracks++
			if string(m[1]) == "Audio" {
				h.audio++
			}
		}
	}
}

// maxLine is how much of a line is looked at, in bytes.
const maxLine = 1024

// lines is an io.Writer that calls do for each line, without its end.
type lines struct {
	do   func([]byte)
	held []byte
}

// Write implements io.Writer; it never fails.
func (l *lines) Write(p []byte) (int, error) {
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			l.held = append(l.held, p[:min(len(p), max(maxLine-len(l.held), 0))]...)
			return n, nil
		}
		if len(l.held) == 0 {
			l.do(p[:min(i, maxLine)])
		} else {
			l.do(append(l.held, p[:min(i, max(maxLine-len(l.held), 0))]...))
			l.held = l.held[:0]
		}
		p = p[i+1:]
	}
}

// refusal is what a failed reading means for the client.
func refusal(ctx context.Context, r process.Result, err error) error {
	if ctx.Err() != nil || r.ExitCode < 0 && errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("audio: probe: %w", err)
	}
	if strings.Contains(r.Stderr, "matches no streams") {
		return errNoTrack
	}
	return errcode.New(errcode.AudioDurationUnavailable).Because(err)
}

// errNoTrack says that a part has no track of sound, or none of that number.
var errNoTrack = errors.New("audio: no such track")
