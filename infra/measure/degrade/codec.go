package degrade

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"parley/shared/speech/audio"
)

// Codec is a coder of ffmpeg's by which samples go there and back.
type Codec struct {
	// Name is ffmpeg's, File the ending of the container's name.
	Name, File string
	// Rate is the coded sampling rate, Hz.
	Rate int
	// Kbits is the bit rate in kbit/s; 0: the coder has one.
	Kbits float64
}

// The codecs of the table. AMR-NB stands for G.729, for which ffmpeg has no coder: both predict
// from a codebook (ACELP) at about 8 kbit/s.
var (
	G711   = Codec{Name: "pcm_mulaw", File: "wav", Rate: 8000}
	AMR    = Codec{Name: "libopencore_amrnb", File: "amr", Rate: 8000, Kbits: 7.95}
	Opus16 = Codec{Name: "libopus", File: "opus", Rate: 16000, Kbits: 16}
	Opus8  = Codec{Name: "libopus", File: "opus", Rate: 16000, Kbits: 8}
	MP3    = Codec{Name: "libmp3lame", File: "mp3", Rate: 16000, Kbits: 24}
)

// Through codes 16 kHz samples with ffmpeg and decodes them. The result is as long as what was
// given.
func (c Codec) Through(ctx context.Context, ffmpeg string, pcm []int16) ([]int16, error) {
	dir, err := os.MkdirTemp("", "parley-degrade")
	if err != nil {
		return nil, fmt.Errorf("degrade: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	coded := filepath.Join(dir, "coded."+c.File)
	raw := []string{"-f", "s16le", "-ar", "16000", "-ac", "1"}
	in := append(append([]string{}, raw...), "-i", "pipe:0", "-ar", strconv.Itoa(c.Rate), "-c:a", c.Name)
	if c.Kbits > 0 {
		in = append(in, "-b:a", strconv.FormatFloat(c.Kbits, 'f', -1, 64)+"k")
	}
	if _, err := do(ctx, ffmpeg, audio.Bytes(pcm), append(in, "-threads", "1", coded)...); err != nil {
		return nil, fmt.Errorf("degrade: %s: %w", c.Name, err)
	}
	back, err := do(ctx, ffmpeg, nil, append([]string{"-i", coded}, append(raw, "pipe:1")...)...)
	if err != nil {
		return nil, fmt.Errorf("degrade: %s: %w", c.Name, err)
	}
	out := make([]int16, len(pcm))
	copy(out, audio.Samples(back))
	return out, nil
}

func do(ctx context.Context, ffmpeg string, in []byte, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, ffmpeg, append([]string{"-nostdin", "-v", "error"}, args...)...)
	c.Stdin = bytes.NewReader(in)
	var complaint bytes.Buffer
	c.Stderr = &complaint
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, complaint.String())
	}
	return out, nil
}

// Lossy loses packets of 20 ms, a share of them, 0 to 1, in twos: silence stands for them.
func Lossy(x []int16, share float64) []int16 {
	const packet = audio.SampleRate / 50
	rng := rand.New(rand.NewPCG(20, 0))
	out := append([]int16{}, x...)
	for at := 0; at < len(out); at += packet {
		if rng.Float64() < share/2 {
			clear(out[at:min(at+2*packet, len(out))])
			at += packet
		}
	}
	return out
}
