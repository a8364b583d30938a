package audio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"parley/shared/errcode"
	"parley/shared/process"
)

// Prober tells what a file is and how long it is.
type Prober struct {
	FFmpeg string // path of the program
}

// Probe reads format, exact length and size of the file at path. The length is what the packets of the first audio track hold;
// a header that promises clearly more makes it AUDIO_DURATION_UNAVAILABLE. Also UNSUPPORTED_FORMAT, AUDIO_TOO_SHORT and
// AUDIO_TOO_LONG, with details.durationMs; ctx's error where ctx ended.
func (p Prober) Probe(ctx context.Context, path string) (Info, error) {
	a, err := p.measure(ctx, path)
	if err != nil {
		return a, err
	}
	if err := withinBounds(a.DurationMs); err != nil {
		return a, err
	}
	return a, nil
}

func withinBounds(ms int64) error {
	d := time.Duration(ms) * time.Millisecond
	switch {
	case d < Bounds.MinLength:
		return errcode.New(errcode.AudioTooShort).With("durationMs", ms).With("minDurationMs", Bounds.MinLength.Milliseconds())
	case d > Bounds.MaxLength:
		return errcode.New(errcode.AudioTooLong).With("durationMs", ms).With("maxDurationMs", Bounds.MaxLength.Milliseconds())
	}
	return nil
}

func (p Prober) measure(ctx context.Context, path string) (Info, error) {
	src, err := open(path)
	if err != nil {
		return Info{}, err
	}
	a := Info{Format: src.format.Name, SizeBytes: src.size}
	walk := p.walk
	if src.format == OGG {
		chained, err := isChained(path)
		if err != nil {
			return a, err
		}
		if chained {
			walk = p.count
		}
	}
	held, err := walk(ctx, src, "0:a:0")
	if err != nil {
		return a, err
	}
	claim := time.Duration(min(src.riff.over, 1000) * float64(held))
	if src.format != WAV {
		// Without an output ffmpeg prints what it read of the header and fails: that is meant.
		r, err := process.Run(ctx, engineCommand(p.FFmpeg, src.input("-v", "info"), probeTime, 0))
		if err != nil && r.ExitCode < 0 {
			return a, refusal(ctx, r, err)
		}
		claim = headerClaim(r.Stderr)
		// The promise is that of the longest track, which may be the picture or another sound.
		for n := range min(strings.Count(r.Stderr, "  Stream #0:"), maxTracks) {
			if !broken(claim, held) {
				break
			}
			other, err := p.walk(ctx, src, "0:"+strconv.Itoa(n))
			if ctx.Err() != nil {
				return a, err
			}
			if err == nil && !broken(claim, other) {
				claim = 0
			}
		}
	}
	if broken(claim, held) {
		return a, errcode.New(errcode.AudioDurationUnavailable).With("durationMs", held.Milliseconds()).
			Because(fmt.Errorf("audio: the header promises %v, the packets hold %v", claim, held))
	}
	a.DurationMs = held.Milliseconds()
	return a, nil
}

// maxTracks is how many tracks are looked at for the one that a header's promise is of.
const maxTracks = 8

// broken tells whether a header's promise is clearly more than what is there.
func broken(claim, held time.Duration) bool {
	over := claim - held
	return over > claimSlack && float64(over) > claimShare*float64(held)
}

// Exceeds tells whether one length of a recording, by its packets' times or by its samples, is longer than the other by more than
// damage and drift explain. Both in ms.
func Exceeds(one, other int64) bool {
	return broken(time.Duration(one)*time.Millisecond, time.Duration(other)*time.Millisecond)
}

// walk reads the packets of the streams without decoding them and tells where the last one ends.
func (p Prober) walk(ctx context.Context, src source, streams string) (time.Duration, error) {
	return p.time(ctx, src, "-map", streams, "-ignore_unknown", "-c", "copy")
}

func (p Prober) time(ctx context.Context, src source, options ...string) (time.Duration, error) {
	args := append(append(src.input(), options...), "-f", "null", "-progress", "-", "-")
	r, err := process.Run(ctx, engineCommand(p.FFmpeg, args, probeTime, 0))
	if err != nil {
		return 0, refusal(ctx, r, err)
	}
	held, ok := lastTime(string(r.Stdout))
	if !ok || held <= 0 {
		return 0, errcode.New(errcode.AudioDurationUnavailable).Because(fmt.Errorf("audio: no packets: %s", r.Stderr))
	}
	return held, nil
}

// count is walk by decoding: the length by the samples, whatever times the packets carry. It takes ten times as long.
func (p Prober) count(ctx context.Context, src source, streams string) (time.Duration, error) {
	return p.time(ctx, src, "-map", streams, "-af", "asetpts=N/SR/TB")
}

// refusal is what a failed walk means for the client.
func refusal(ctx context.Context, r process.Result, err error) error {
	if ctx.Err() != nil || r.ExitCode < 0 && errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("audio: probe: %w", err)
	}
	if strings.Contains(r.Stderr, "matches no streams") {
		return errcode.Newf(errcode.UnsupportedFormat, "The file has no audio track. Send the recording itself as MP3, WAV, M4A, WebM, OGG or FLAC.").Because(err)
	}
	return errcode.New(errcode.AudioDurationUnavailable).Because(err)
}

var (
	outTime  = regexp.MustCompile(`(?m)^out_time_us=(\d+)$`)
	duration = regexp.MustCompile(`Duration: (\d+):(\d\d):(\d\d\.\d+)`)
)

// lastTime is where the last packet ended, from ffmpeg's progress report.
func lastTime(report string) (time.Duration, bool) {
	all := outTime.FindAllStringSubmatch(report, -1)
	if len(all) == 0 {
		return 0, false
	}
	us, err := strconv.ParseInt(all[len(all)-1][1], 10, 64)
	return time.Duration(us) * time.Microsecond, err == nil
}

// headerClaim is the length that a header promises; 0 where it is silent, or where ffmpeg only guessed from the bit rate.
func headerClaim(talk string) time.Duration {
	m := duration.FindStringSubmatch(talk)
	if m == nil || strings.Contains(talk, "Estimating duration from bitrate") {
		return 0
	}
	h, err1 := strconv.Atoi(m[1])
	mins, err2 := strconv.Atoi(m[2])
	s, err3 := strconv.ParseFloat(m[3], 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return 0
	}
	return time.Duration(h)*time.Hour + time.Duration(mins)*time.Minute + time.Duration(s*float64(time.Second))
}

// source is a file that ffmpeg is to read.
type source struct {
	path   string
	format Format
	size   int64
	riff   riff // of a WAV
}

// open looks at the file's beginning: UNSUPPORTED_FORMAT.
func open(path string) (source, error) {
	path, err := filepath.Abs(path) // the engine runs in another folder
	if err != nil {
		return source{}, fmt.Errorf("audio: %w", err)
	}
	s := source{path: path}
	f, err := os.Open(path)
	if err != nil {
		return s, fmt.Errorf("audio: %w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return s, fmt.Errorf("audio: %w", err)
	}
	s.size = info.Size()
	head := make([]byte, SniffBytes)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return s, fmt.Errorf("audio: %w", err)
	}
	var ok bool
	if s.format, ok = Sniff(head[:n]); !ok {
		return s, errcode.New(errcode.UnsupportedFormat)
	}
	if s.format == WAV {
		if s.riff, err = readRIFF(path); err != nil {
			return s, err
		}
	}
	return s, nil
}

// input are ffmpeg's arguments up to and with the input file.
func (s source) input(options ...string) []string {
	args := []string{"-nostdin", "-hide_banner"}
	if len(options) == 0 {
		options = []string{"-v", "error"}
	}
	args = append(args, options...)
	args = append(args, "-threads", "1", "-protocol_whitelist", "file", "-f", s.format.Demuxer)
	if s.format == WAV && s.riff.short {
		args = append(args, "-ignore_length", "1")
	}
	return append(args, "-i", "file:"+s.path)
}

func engineCommand(path string, args []string, cpu time.Duration, output int) process.Command {
	return process.Command{Path: path, Args: args, MaxOutput: output + maxReport,
		Limits: process.Limits{CPU: cpu, Memory: engineMemory, File: uint64(output + maxReport)}}
}
