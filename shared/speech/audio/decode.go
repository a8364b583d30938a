package audio

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"parley/shared/errcode"
	"parley/shared/process"
)

// Decoder turns a file into PCM.
type Decoder struct {
	FFmpeg string // path of the program
}

// maxPCM is the most that decoding yields, in bytes.
const maxPCM = decodeSeconds * SampleRate * 2

// fill puts silence where packets were never sent or are lost, as in recordings of calls: there the times jump ahead, and without it
// the pauses would vanish from speech whose pauses are measured. Times that go back are taken as going on, so that no sound is
// dropped. Up to 100 ms count as jitter.
const fill = `asetpts='st(1\,if(gt(PTS\,ld(0)+0.1/TB)\,PTS\,ld(0)));st(0\,ld(1)+S/SR/TB);ld(1)',`

// resample is the one way to 16 kHz mono whatever the samples come as: through floats, without dither, so that the same samples
// give the same PCM in every lossless format.
const resample = "aresample=resampler=swr:internal_sample_fmt=fltp:dither_method=none:osr=16000:osf=s16:ochl=mono:async=1:min_hard_comp=0.05"

// Decode decodes the first audio track of the file at path into 16 kHz mono samples, 45 minutes and a second at most. UNSUPPORTED_FORMAT,
// TRANSCRIPTION_FAILED where it holds nothing that can be decoded; ctx's error where ctx ended.
func (d Decoder) Decode(ctx context.Context, path string) ([]int16, error) {
	src, err := open(path)
	if err != nil {
		return nil, err
	}
	r, err := process.Run(ctx, engineCommand(d.FFmpeg, append(d.arguments(src), "pipe:1"), decodeTime, maxPCM))
	if err := d.judge(ctx, r, err, len(r.Stdout)); err != nil {
		return nil, err
	}
	return Samples(r.Stdout), nil
}

// DecodeTo is Decode into a file of little-endian samples, which it replaces; it returns how many samples there are.
func (d Decoder) DecodeTo(ctx context.Context, path, pcm string) (samples int64, err error) {
	src, err := open(path)
	if err != nil {
		return 0, err
	}
	if pcm, err = filepath.Abs(pcm); err != nil {
		return 0, fmt.Errorf("audio: decode: %w", err)
	}
	r, err := process.Run(ctx, engineCommand(d.FFmpeg, append(d.arguments(src), "-y", "file:"+pcm), decodeTime, maxPCM))
	size := int64(0)
	if info, statErr := os.Stat(pcm); statErr == nil {
		size = info.Size()
	}
	if err := d.judge(ctx, r, err, int(size)); err != nil {
		return 0, err
	}
	return size / 2, nil
}

func (d Decoder) arguments(src source) []string {
	return append(src.input(), "-map", "0:a:0", "-t", strconv.Itoa(decodeSeconds), "-map_metadata", "-1", "-af", fill+resample,
		"-fs", strconv.Itoa(maxPCM), "-c:a", "pcm_s16le", "-f", "s16le")
}

// judge tells what became of a decoding that gave so many bytes.
func (d Decoder) judge(ctx context.Context, r process.Result, err error, bytes int) error {
	switch {
	case ctx.Err() != nil, err != nil && r.ExitCode < 0:
		return fmt.Errorf("audio: decode: %w", err)
	case bytes < 2:
		if err == nil {
			err = fmt.Errorf("audio: decode: %s", r.Stderr)
		}
		return errcode.Newf(errcode.TranscriptionFailed, "The recording could not be decoded. Re-encode the file and resubmit.").Because(err)
	}
	return nil // damage in the middle of a file is for the quality to show
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
