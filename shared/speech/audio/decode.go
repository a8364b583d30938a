package audio

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"parley/shared/errcode"
	"parley/shared/process"
)

// Decoder turns a file into PCM.
type Decoder struct {
	FFmpeg string // path of the program
}

// resample is the one way to 16 kHz whatever the samples come as: through floats, without dither,
// so that the same samples give the same PCM in every lossless format. Where the frames' times jump
// it puts silence, at the beginning too. A layout of channels comes after it.
const resample = "aresample=resampler=swr:internal_sample_fmt=fltp:dither_method=none:osr=16000:osf=s16:" +
	"async=1:min_hard_comp=0.05:first_pts=0:ochl="

// layouts are ffmpeg's names of one and of two channels.
var layouts = [...]string{1: "mono", 2: "stereo"}

// plan is what the prober finds of the file at path; what it refuses cannot be decoded.
func (d Decoder) plan(ctx context.Context, path string) (Plan, error) {
	p, err := plan(ctx, d.FFmpeg, path)
	if _, refused := errors.AsType[*errcode.Error](err); refused {
		return p, undecodable(err)
	}
	return p, err
}

func undecodable(err error) error {
	return errcode.Newf(errcode.TranscriptionFailed, "The recording could not be decoded. Re-encode the file and resubmit.").Because(err)
}

// maxSamples is the most that decoding yields of a channel.
const maxSamples = decodeSeconds * SampleRate

// render decodes what is planned into samples of one or of two channels, interleaved. A part with
// one channel has the same in both.
func (d Decoder) render(ctx context.Context, p Plan, channels int) ([]int16, error) {
	e := &reader{ffmpeg: d.FFmpeg, left: decodeTime}
	out := make([]int16, 0, channels*min(samplesIn(p.held()+maxFit), maxSamples))
	room := func() int { return maxSamples - len(out)/channels }
	for _, part := range p.Parts {
		out = append(out, make([]int16, channels*min(samplesIn(part.Gap), room()))...)
		begin, all := len(out)/channels, room()
		if all == 0 {
			break
		}
		var err error
		if out, err = e.decode(ctx, p, part, channels, out); err != nil {
			return nil, err
		}
		// What the codec's frames explain of a difference is made to fit the plan. Any other is
		// left for whoever compares the lengths of the whole; there that of a short part might pass
		// for drift.
		got, planned := len(out)/channels-begin, samplesIn(part.Length)
		switch off := max(got-planned, planned-got); {
		case off <= samplesIn(maxFit+part.Trimmed):
			planned = min(planned, all)
			out = append(out, make([]int16, channels*max(planned-got, 0))...)[:channels*(begin+planned)]
		case len(p.Parts) > 1 && got < all && broken(part.Length, lasting(got)):
			return nil, errcode.Newf(errcode.TranscriptionFailed, "Only a part of the recording could be decoded. Re-encode the file and resubmit.").
				Because(fmt.Errorf("audio: decode: %v of a part of %v", lasting(got), part.Length))
		}
	}
	if p.held() > p.Length() { // by up to a second, which is left out
		out = out[:min(len(out), channels*samplesIn(p.Length()))]
	}
	return out, nil
}

// maxFit is how far what was decoded may be off the plan by the codec's frames, beyond what is
// trimmed.
const maxFit = 150 * time.Millisecond

// samplesIn is how many samples so much sound has, per channel; lasting is the reverse.
func samplesIn(d time.Duration) int { return int((d*SampleRate + time.Second/2) / time.Second) }

func lasting(samples int) time.Duration { return time.Duration(samples) * time.Second / SampleRate }

// decode decodes one part and appends its samples to out, until there are maxSamples of each
// channel.
func (e *reader) decode(ctx context.Context, p Plan, part Part, channels int, out []int16) ([]int16, error) {
	room := maxSamples - len(out)/channels
	own := min(channels, max(part.Channels, 1))
	pour := &sampleWriter{to: out, copies: channels / own}
	args := append(input(p.path, p.Format, part.bytes, p.SizeBytes, "error"), "-map", soundTrack(part.Track), "-map_metadata", "-1",
		"-t", strconv.FormatFloat(lasting(room).Seconds(), 'f', 6, 64), "-af", filter(part.origin, part.limit)+","+resample+layouts[own],
		"-fs", strconv.Itoa(2*own*room), "-c:a", "pcm_s16le", "-f", "s16le", "pipe:1")
	r, err := e.run(ctx, process.Command{Args: args, MaxOutput: 2 * own * room, Stdout: pour})
	switch {
	case ctx.Err() != nil, err != nil && r.ExitCode < 0, errors.Is(err, errSpent):
		return nil, fmt.Errorf("audio: decode: %w", err)
	case len(pour.to) == len(out):
		if err == nil {
			err = fmt.Errorf("audio: decode: %s", r.Stderr)
		}
		return nil, undecodable(err)
	}
	return pour.to, nil // damage in the middle of a file is for the quality to show
}

// sampleWriter is an io.Writer of little-endian 16-bit samples, each of which goes to its end so
// many times.
type sampleWriter struct {
	to     []int16
	copies int
	odd    []byte // the first byte of a sample whose second is to come
}

// Write implements io.Writer; it never fails.
func (s *sampleWriter) Write(p []byte) (int, error) {
	n := len(p)
	if len(s.odd) > 0 && n > 0 {
		s.add(append(s.odd, p[0]))
		p, s.odd = p[1:], s.odd[:0]
	}
	for ; len(p) > 1; p = p[2:] {
		s.add(p)
	}
	s.odd = append(s.odd, p...)
	return n, nil
}

func (s *sampleWriter) add(b []byte) {
	v := int16(binary.LittleEndian.Uint16(b))
	for range s.copies {
		s.to = append(s.to, v)
	}
}

// Samples reads little-endian 16-bit samples; an odd byte at the end is left out.
func Samples(b []byte) []int16 {
	pcm := make([]int16, len(b)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return pcm
}

// Bytes writes samples little-endian.
func Bytes(pcm []int16) []byte {
	b := make([]byte, 2*len(pcm))
	for i, s := range pcm {
		binary.LittleEndian.PutUint16(b[2*i:], uint16(s))
	}
	return b
}
