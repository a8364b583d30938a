package system_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"parley/shared/speech/audio"
	"parley/shared/speech/installed"
)

// rate is the sample rate of every recording made here, in Hz: the one at which the functions
// measure.
const rate = 16000

// samplePath is the interview in the repository: 236.5 s, 4 credits.
var samplePath = filepath.Join("..", "..", "sample", "interview.opus")

const (
	sampleCredits = 4
	sampleSeconds = 236
)

func sample(t *testing.T) []byte {
	t.Helper()
	raw, err := os.ReadFile(samplePath)
	must(t, err)
	return raw
}

var decoded struct {
	once sync.Once
	pcm  []int16
	err  error
}

// samplePCM returns the sample's samples, decoded once, as the functions decode them.
func samplePCM(t *testing.T) []int16 {
	t.Helper()
	decoded.once.Do(func() {
		decoded.pcm, decoded.err = audio.Decoder{FFmpeg: installed.FFmpeg(installed.Dir())}.Decode(t.Context(), samplePath)
	})
	must(t, decoded.err)
	return decoded.pcm
}

// wav returns samples as a WAV file.
func wav(pcm []int16) []byte {
	b := make([]byte, 44, 44+2*len(pcm))
	copy(b, "RIFF....WAVEfmt ")
	le := binary.LittleEndian
	le.PutUint32(b[4:], uint32(36+2*len(pcm)))
	le.PutUint32(b[16:], 16)
	le.PutUint16(b[20:], 1) // PCM
	le.PutUint16(b[22:], 1) // channels
	le.PutUint32(b[24:], rate)
	le.PutUint32(b[28:], 2*rate)
	le.PutUint16(b[32:], 2)
	le.PutUint16(b[34:], 16)
	copy(b[36:], "data")
	le.PutUint32(b[40:], uint32(2*len(pcm)))
	return append(b, audio.Bytes(pcm)...)
}

// flac returns a WAV file's samples, unchanged, as a FLAC file.
func flac(t *testing.T, wav []byte) []byte {
	t.Helper()
	in, out := filepath.Join(t.TempDir(), "in.wav"), filepath.Join(t.TempDir(), "out.flac")
	must(t, os.WriteFile(in, wav, 0o600))
	cmd := exec.CommandContext(t.Context(), installed.FFmpeg(installed.Dir()), "-nostdin", "-v", "error", "-y", "-i", in, "-ac", "1", "-ar", "16000", "-c:a", "flac", out)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("encode: %v: %s", err, said.Bytes())
	}
	raw, err := os.ReadFile(out)
	must(t, err)
	return raw
}

// made returns seconds of a sound as FLAC. f gives the sample at a moment, -1 to 1.
func made(t *testing.T, seconds int, f func(n int) float64) []byte {
	t.Helper()
	pcm := make([]int16, seconds*rate)
	for n := range pcm {
		pcm[n] = int16(math.Round(32000 * max(-1, min(1, f(n)))))
	}
	return flac(t, wav(pcm))
}

// silence is digital silence.
func silence(t *testing.T, seconds int) []byte {
	t.Helper()
	return made(t, seconds, func(int) float64 { return 0 })
}

// start returns the beginning of the sample, followed by silence up to 3 minutes: cheap to
// recognise.
func shortened(t *testing.T, seconds int) []byte {
	t.Helper()
	pcm := make([]int16, 185*rate)
	copy(pcm, samplePCM(t)[:seconds*rate])
	return flac(t, wav(pcm))
}

func whiteNoise() func(int) float64 {
	r := rand.New(rand.NewPCG(1, 2))
	return func(int) float64 { return 0.25 * r.NormFloat64() / 2 }
}

// pinkNoise is white noise through Paul Kellet's filter of three poles, within 0.5 dB of -3 dB per
// octave.
func pinkNoise() func(int) float64 {
	r := rand.New(rand.NewPCG(3, 4))
	var a, b, c float64
	return func(int) float64 {
		w := r.NormFloat64()
		a = 0.99765*a + 0.0990460*w
		b = 0.96300*b + 0.2965164*w
		c = 0.57000*c + 1.0526913*w
		return 0.05 * (a + b + c + 0.1848*w)
	}
}

// hum is the mains' 50 Hz with its harmonics.
func hum() func(int) float64 {
	return func(n int) float64 {
		t, v := float64(n)/rate, 0.0
		for h := 1; h <= 7; h++ {
			v += math.Sin(2*math.Pi*50*float64(h)*t) / float64(h)
		}
		return 0.2 * v
	}
}

// chords resembles music: four triads of six harmonics, struck again each second and fading.
func chords() func(int) float64 {
	progression := [][]float64{{261.63, 329.63, 392}, {220, 261.63, 329.63}, {174.61, 220, 261.63}, {196, 246.94, 293.66}}
	return func(n int) float64 {
		t, v := float64(n)/rate, 0.0
		at := math.Mod(t, 1)
		for _, f := range progression[int(t)%len(progression)] {
			for h := 1; h <= 6; h++ {
				v += math.Sin(2*math.Pi*f*float64(h)*t) / float64(h*h)
			}
		}
		return 0.15 * v * math.Exp(-1.5*at) * min(1, at/0.01)
	}
}
