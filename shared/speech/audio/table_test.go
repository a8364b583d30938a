package audio

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"parley/shared/errcode"
)

// The table of files: what each kind of file is answered, in all the ways in which recordings come
// and in which files lie. All are made here. Most last seconds, and count by the length in the
// details of AUDIO_TOO_SHORT.

// sample is one file and its answer.
type sample struct {
	name   string
	make   func(k *kitchen) []byte
	format Format // as it is told
	// ms is the length within slack (30 where it is 0): what the codec adds by its frames is no
	// error, and named where it is more.
	ms, slack int64
	// want is the answer where the length is not told.
	want errcode.Code
	// file is the file's name where it is to mislead.
	file string
	// decoded is how far what is decoded may be off the length that is told, in ms: where frames
	// are damaged. 0: 1; -1: it is not decoded, because that takes long.
	decoded int64
}

// seconds is how long most samples last.
const seconds = 12

// kitchen makes samples for one test.
type kitchen struct{ t testing.TB }

// wav is noise with pauses as a WAV file.
func (k *kitchen) wav(seconds float64, rate, channels int) []byte {
	return wave(babble(int(seconds*float64(rate))*channels), rate, channels)
}

// ffmpeg runs the engine in a folder of its own and gives the file out. {in} is a WAV of one
// channel.
func (k *kitchen) ffmpeg(out string, args ...string) []byte {
	k.t.Helper()
	return k.from(k.wav(seconds, rate, 1), out, args...)
}

// made are the files that were made so far: many samples begin with the same one.
var made sync.Map

// from is ffmpeg for another input.
func (k *kitchen) from(in []byte, out string, args ...string) []byte {
	k.t.Helper()
	key := fmt.Sprintf("%x %q %q", sha256.Sum256(in), out, args)
	if b, ok := made.Load(key); ok {
		return bytes.Clone(b.([]byte))
	}
	dir := k.t.TempDir()
	must(k.t, os.WriteFile(filepath.Join(dir, "in"), in, 0o600))
	cmd := exec.CommandContext(k.t.Context(), ffmpeg(k.t), append(append([]string{"-nostdin", "-v", "error", "-threads", "1", "-i", "in"}, args...), "-threads", "1", out)...)
	cmd.Dir = dir
	if said, err := cmd.CombinedOutput(); err != nil {
		k.t.Fatalf("%v: %v: %s", args, err, said)
	}
	b, err := os.ReadFile(filepath.Join(dir, out))
	must(k.t, err)
	made.Store(key, bytes.Clone(b))
	return b
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// encode is a sample that is encoded from the usual input.
func encode(out string, args ...string) func(*kitchen) []byte {
	return func(k *kitchen) []byte { return k.ffmpeg(out, args...) }
}

// text is a sample of exactly these bytes.
func text(s string) func(*kitchen) []byte { return func(*kitchen) []byte { return []byte(s) } }

// portion is the first share of a sample, in percent.
func portion(percent int, of func(*kitchen) []byte) func(*kitchen) []byte {
	return func(k *kitchen) []byte { b := of(k); return b[:len(b)*percent/100] }
}

// twice is a sample and once more behind it.
func twice(of func(*kitchen) []byte) func(*kitchen) []byte {
	return func(k *kitchen) []byte { b := of(k); return append(slices.Clip(b), b...) }
}

// behind is a sample behind other bytes.
func behind(s string, of func(*kitchen) []byte) func(*kitchen) []byte {
	return func(k *kitchen) []byte { return append([]byte(s), of(k)...) }
}

// changed is a sample in which the bytes at a place after the first mark are others.
func changed(of func(*kitchen) []byte, mark string, after int, to []byte) func(*kitchen) []byte {
	return func(k *kitchen) []byte {
		b := of(k)
		i := bytes.Index(b, []byte(mark))
		if i < 0 {
			k.t.Fatalf("%q is not in the file", mark)
		}
		copy(b[i+len(mark)+after:], to)
		return b
	}
}

// garbled is a sample with noise in the middle, from one percent of it to another.
func garbled(from, to int, of func(*kitchen) []byte) func(*kitchen) []byte {
	return func(k *kitchen) []byte {
		b := of(k)
		r := rand.New(rand.NewPCG(7, 8))
		for i := len(b) * from / 100; i < len(b)*to/100; i++ {
			b[i] = byte(r.Uint32())
		}
		return b
	}
}

// quiet is a WAV of so many samples of silence.
func quiet(samples int) func(*kitchen) []byte {
	return func(*kitchen) []byte { return wave(make([]int16, samples), rate, 1) }
}

// pcm is a WAV that was made by this encoder.
func pcm(codec string, options ...string) func(*kitchen) []byte {
	return encode("out.wav", append([]string{"-c:a", codec}, options...)...)
}

func le32(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }
func be32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// plain is the usual WAV.
func plain(k *kitchen) []byte { return k.wav(seconds, rate, 1) }

// of is a WAV of this rate and so many channels, encoded where there are arguments.
func of(rate, channels int, args ...string) func(*kitchen) []byte {
	return func(k *kitchen) []byte {
		in := k.wav(seconds, rate, channels)
		if len(args) == 0 {
			return in
		}
		return k.from(in, args[0], args[1:]...)
	}
}

var (
	// The picture is noise: larger than what is looked at of a file's beginning.
	picture   = []string{"-f", "lavfi", "-i", "nullsrc=size=200x200:rate=1:duration=1,geq=random(1)*255:128:128", "-map", "0:a", "-map", "1:v", "-c:v", "png", "-disposition:v", "attached_pic"}
	film      = []string{"-f", "lavfi", "-i", "testsrc=size=16x16:rate=2:duration=20", "-map", "1:v", "-map", "0:a"}
	twoTracks = []string{"-f", "lavfi", "-i", "sine=duration=20:sample_rate=8000", "-map", "0:a", "-map", "1:a"}

	mp3       = encode("out.mp3", "-ar", "44100", "-c:a", "libmp3lame", "-b:a", "64k")
	bareMP3   = encode("out.mp3", "-c:a", "libmp3lame", "-b:a", "24k", "-write_xing", "0", "-id3v2_version", "0")
	aac       = encode("out.m4a", "-ar", "44100", "-c:a", "aac", "-b:a", "48k")
	frontAAC  = encode("out.m4a", "-ar", "44100", "-c:a", "aac", "-b:a", "48k", "-movflags", "faststart")
	opusWebM  = encode("out.webm", "-c:a", "libopus", "-b:a", "16k")
	opusOGG   = encode("out.ogg", "-c:a", "libopus", "-b:a", "16k")
	vorbisOGG = encode("out.ogg", "-ar", "44100", "-c:a", "libvorbis")
	flacFile  = encode("out.flac", "-c:a", "flac")
	adts      = encode("out.aac", "-c:a", "aac", "-b:a", "24k")
)

func args(first []string, more ...string) []string {
	return append(slices.Clip(first), more...)
}

// samples is the table. What a codec's own frames add: an MPEG layer III frame 1152 samples and an
// encoder's delay of 1105, an AAC frame 1024.
var samples = []sample{
	// mp3
	{"mp3, constant bit rate", mp3, MP3, 12_000, 100, "", "", 0},
	{"mp3, variable bit rate", encode("out.mp3", "-ar", "44100", "-c:a", "libmp3lame", "-q:a", "5"), MP3, 12_000, 100, "", "", 0},
	{"mp3, variable bit rate, without a Xing frame", encode("out.mp3", "-ar", "44100", "-c:a", "libmp3lame", "-q:a", "5", "-write_xing", "0"), MP3, 12_000, 100, "", "", 0},
	{"mp3 without Xing frame and tag", bareMP3, MP3, 12_000, 240, "", "", 0},
	{"mp3 at 320 kbit/s, 48 kHz stereo", of(48000, 2, "out.mp3", "-c:a", "libmp3lame", "-b:a", "320k"), MP3, 12_000, 100, "", "", 0},
	{"mp3 at 8 kHz", encode("out.mp3", "-c:a", "libmp3lame", "-b:a", "8k"), MP3, 12_000, 240, "", "", 0},
	{"mp3 at 22.05 kHz", encode("out.mp3", "-ar", "22050", "-c:a", "libmp3lame"), MP3, 12_000, 130, "", "", 0},
	{"mp3 with a cover larger than what is looked at", encode("out.mp3", args(picture, "-ar", "44100", "-c:a", "libmp3lame", "-id3v2_version", "3")...), MP3, 12_000, 100, "", "", 0},
	{"mp3 with a tag at its end", encode("out.mp3", "-ar", "44100", "-c:a", "libmp3lame", "-write_id3v1", "1", "-metadata", "title=Talk"), MP3, 12_000, 100, "", "", 0},
	{"mp3 behind 4000 zeros", behind(strings.Repeat("\x00", 4000), bareMP3), MP3, 12_000, 240, "", "", 0},
	{"mp3 whose Xing frame promises half: two files joined", twice(mp3), MP3, 24_000, 200, "", "", 0},
	{"mp3, 80 % of it", portion(80, mp3), MP3, 0, 0, errcode.AudioDurationUnavailable, "", 0},
	{"mp3 without a promise, half of it", portion(50, bareMP3), MP3, 6_000, 300, "", "", 0},
	{"mp3 with noise in its middle", garbled(40, 45, bareMP3), MP3, 11_500, 700, "", "", 0},
	// m4a, mp4
	{"m4a, AAC, index at its end", aac, M4A, 12_000, 60, "", "", 0},
	{"m4a, AAC, index in front", frontAAC, M4A, 12_000, 60, "", "", 0},
	{"m4a, AAC at 8 kHz", encode("out.m4a", "-c:a", "aac", "-b:a", "16k"), M4A, 12_000, 300, "", "", 0},
	{"m4a, AAC at 96 kHz", of(96000, 1, "out.m4a", "-c:a", "aac"), M4A, 12_000, 30, "", "", 0},
	{"m4a, AAC of 6 channels", of(48000, 6, "out.m4a", "-c:a", "aac"), M4A, 12_000, 60, "", "", 0},
	{"m4a, ALAC", encode("out.m4a", "-c:a", "alac"), M4A, 12_000, 0, "", "", 0},
	{"m4a, ALAC of 24 bits at 192 kHz", of(192000, 1, "out.m4a", "-c:a", "alac", "-sample_fmt", "s32p"), M4A, 12_000, 0, "", "", 0},
	{"m4a with a cover", encode("out.m4a", args(picture, "-ar", "44100", "-c:a", "aac")...), M4A, 12_000, 60, "", "", 0},
	{"mp4 in fragments", encode("out.mp4", "-ar", "44100", "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov+default_base_moof", "-frag_duration", "1000000"), M4A, 12_000, 60, "", "", 0},
	{"mp4 in fragments with their index", encode("out.mp4", "-ar", "44100", "-c:a", "aac", "-movflags", "dash+global_sidx", "-frag_duration", "1000000"), M4A, 12_000, 60, "", "", 0},
	{"mp4 with mp3 within", encode("out.mp4", "-ar", "44100", "-c:a", "libmp3lame"), M4A, 12_000, 100, "", "", 0},
	{"mp4 with opus within", encode("out.mp4", "-c:a", "libopus"), M4A, 12_000, 40, "", "", 0},
	{"QuickTime", encode("out.mov", "-c:a", "pcm_s16le"), M4A, 12_000, 0, "", "", 0},
	{"3GP, AMR within", encode("out.3gp", "-c:a", "libopencore_amrnb", "-b:a", "12.2k"), M4A, 12_000, 40, "", "", 0},
	{"mp4 with a longer picture", encode("out.mp4", args(film, "-c:v", "mpeg4", "-c:a", "aac", "-ar", "44100")...), M4A, 12_000, 60, "", "", 0},
	{"mp4 with a second, longer sound track", encode("out.mp4", args(twoTracks, "-c:a", "aac", "-ar", "44100")...), M4A, 12_000, 60, "", "", 0},
	{"mp4 of a picture alone", encode("out.mp4", "-f", "lavfi", "-i", "testsrc=size=16x16:rate=2:duration=2", "-map", "1:v", "-c:v", "mpeg4"), M4A, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"m4a without its index", portion(80, aac), M4A, 0, 0, errcode.AudioDurationUnavailable, "", 0},
	{"m4a with its index, 80 % of it", portion(80, frontAAC), M4A, 0, 0, errcode.AudioDurationUnavailable, "", 0},
	{"mp4 in fragments, half of it", portion(50, encode("out.mp4", "-ar", "44100", "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov", "-frag_duration", "500000")), M4A, 6_000, 1500, "", "", 0},
	// webm, matroska
	{"webm, opus", opusWebM, WebM, 12_000, 40, "", "", 0},
	{"webm, vorbis", encode("out.webm", "-ar", "44100", "-c:a", "libvorbis"), WebM, 12_000, 0, "", "", 0},
	{"webm, opus, no length in its header, as browsers record", encode("out.webm", "-c:a", "libopus", "-f", "webm", "-live", "1"), WebM, 12_000, 40, "", "", 0},
	{"webm, opus, half of such a recording", portion(50, encode("out.webm", "-c:a", "libopus", "-b:a", "16k", "-vbr", "off", "-f", "webm", "-live", "1")), WebM, 6_000, 400, "", "", 0},
	{"webm, opus, 80 % of it", portion(80, opusWebM), WebM, 0, 0, errcode.AudioDurationUnavailable, "", 0},
	{"webm with a picture track", encode("out.webm", args(film, "-t", "12", "-c:v", "libvpx", "-c:a", "libopus")...), WebM, 12_000, 40, "", "", 0},
	{"webm with a longer picture track", encode("out.webm", args(film, "-c:v", "libvpx", "-c:a", "libopus")...), WebM, 12_000, 40, "", "", 0},
	{"webm of a picture alone", encode("out.webm", "-f", "lavfi", "-i", "testsrc=size=16x16:rate=2:duration=2", "-map", "1:v", "-c:v", "libvpx"), WebM, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"matroska, FLAC within", encode("out.mka", "-c:a", "flac"), WebM, 12_000, 0, "", "", 0},
	{"matroska with a second, longer sound track", encode("out.mka", args(twoTracks, "-c:a", "libopus")...), WebM, 12_000, 40, "", "", 0},
	// ogg
	{"ogg, opus", opusOGG, OGG, 12_000, 0, "", "", 0},
	{"ogg, opus stereo at 510 kbit/s", of(48000, 2, "out.ogg", "-c:a", "libopus", "-b:a", "510k"), OGG, 12_000, 0, "", "", 0},
	{"ogg, vorbis", vorbisOGG, OGG, 12_000, 0, "", "", 0},
	{"ogg, vorbis at 8 kHz", encode("out.ogg", "-c:a", "libvorbis"), OGG, 12_000, 0, "", "", 0},
	{"ogg, FLAC within", encode("out.ogg", "-c:a", "flac"), OGG, 12_000, 0, "", "", 0},
	{"ogg, Speex within", encode("out.ogg", "-c:a", "libspeex"), OGG, 12_000, 60, "", "", 0},
	{"ogg with a picture track", encode("out.ogv", args(film, "-t", "12", "-c:v", "libtheora", "-c:a", "libvorbis")...), OGG, 12_000, 0, "", "", 0},
	{"ogg, opus, a chain of two", twice(opusOGG), OGG, 24_000, 0, "", "", 0},
	{"ogg, vorbis, a chain of two", twice(vorbisOGG), OGG, 24_000, 60, "", "", 0},
	{"ogg, opus, half of it", portion(50, encode("out.ogg", "-c:a", "libopus", "-b:a", "16k", "-vbr", "off")), OGG, 6_000, 1100, "", "", 0},
	{"ogg with noise in its middle", garbled(40, 45, opusOGG), OGG, 11_500, 700, "", "", 0},
	// flac
	{"FLAC", flacFile, FLAC, 12_000, 0, "", "", 0},
	{"FLAC of 24 bits at 96 kHz", of(96000, 1, "out.flac", "-c:a", "flac", "-sample_fmt", "s32", "-bits_per_raw_sample", "24"), FLAC, 12_000, 0, "", "", 0},
	{"FLAC at 192 kHz", of(192000, 1, "out.flac", "-c:a", "flac"), FLAC, 12_000, 0, "", "", 0},
	{"FLAC of 8 channels", of(16000, 8, "out.flac", "-c:a", "flac"), FLAC, 12_000, 0, "", "", 0},
	{"FLAC with a cover", encode("out.flac", args(picture, "-c:a", "flac")...), FLAC, 12_000, 0, "", "", 0},
	{"FLAC that does not tell how many samples it has", flacSamples(0), FLAC, 12_000, 0, "", "", 0},
	{"FLAC that promises a second", flacSamples(rate), FLAC, 12_000, 0, "", "", 0},
	{"FLAC that promises a second too many", flacSamples(13*rate - 100), FLAC, 12_000, 0, "", "", 0},
	{"FLAC that promises a minute", flacSamples(60 * rate), FLAC, 0, 0, errcode.AudioDurationUnavailable, "", 0},
	{"FLAC, 80 % of it", portion(80, flacFile), FLAC, 0, 0, errcode.AudioDurationUnavailable, "", 0},
	{"FLAC behind an ID3 tag", behind("ID3\x04\x00\x00\x00\x00\x02\x00"+strings.Repeat("\x00", 256), flacFile), FLAC, 12_000, 0, "", "", 0},
	// wav
	{"WAV of 8 bits", pcm("pcm_u8"), WAV, 12_000, 0, "", "", 0},
	{"WAV of 16 bits", plain, WAV, 12_000, 0, "", "", 0},
	{"WAV of 24 bits", pcm("pcm_s24le"), WAV, 12_000, 0, "", "", 0},
	{"WAV of 32 bits", pcm("pcm_s32le"), WAV, 12_000, 0, "", "", 0},
	{"WAV of floats", pcm("pcm_f32le"), WAV, 12_000, 0, "", "", 0},
	{"WAV of doubles", pcm("pcm_f64le"), WAV, 12_000, 0, "", "", 0},
	{"WAV, A-law", pcm("pcm_alaw"), WAV, 12_000, 0, "", "", 0},
	{"WAV, µ-law", pcm("pcm_mulaw"), WAV, 12_000, 0, "", "", 0},
	{"WAV, Microsoft's ADPCM", pcm("adpcm_ms"), WAV, 12_000, 260, "", "", 0},
	{"WAV, IMA ADPCM", pcm("adpcm_ima_wav"), WAV, 12_000, 260, "", "", 0},
	{"WAV, mp3 within", pcm("libmp3lame", "-ar", "44100"), WAV, 12_000, 100, "", "", 0},
	{"WAV, extensible, of 6 channels", of(16000, 6, "out.wav", "-c:a", "pcm_s16le"), WAV, 12_000, 0, "", "", 0},
	{"WAV of 8 channels", of(16000, 8, "out.wav", "-c:a", "pcm_s24le"), WAV, 12_000, 0, "", "", 0},
	{"WAV at 192 kHz", of(192000, 1), WAV, 12_000, 0, "", "", 0},
	{"WAV at 11.025 kHz", of(11025, 1), WAV, 12_000, 0, "", "", 0},
	{"RF64", pcm("pcm_s16le", "-rf64", "always"), WAV, 12_000, 0, "", "", 0},
	{"WAV with a pipe's size", changed(plain, "data", 0, le32(0xffffffff)), WAV, 12_000, 0, "", "", 0},
	{"WAV with no size", changed(plain, "data", 0, le32(0)), WAV, 12_000, 0, "", "", 0},
	{"WAV that promises a second", changed(plain, "data", 0, le32(2*rate)), WAV, 12_000, 0, "", "", 0},
	{"WAV that promises a minute", changed(plain, "data", 0, le32(2*rate*60)), WAV, 0, 0, errcode.AudioDurationUnavailable, "", 0},
	{"WAV, 80 % of it", portion(80, plain), WAV, 0, 0, errcode.AudioDurationUnavailable, "", 0},
	{"WAV with a list in front of its samples", pcm("pcm_s16le", "-metadata", "title="+strings.Repeat("x", 301)), WAV, 12_000, 0, "", "", 0},
	{"WAV of an odd number of bytes", func(k *kitchen) []byte { return append(plain(k), 7) }, WAV, 12_000, 0, "", "", 0},
	{"WAV whose byte rate is a tenth", changed(plain, "WAVEfmt ", 12, le32(2*rate/10)), WAV, 12_000, 0, "", "", 0},
	{"WAV whose byte rate is ten times", changed(plain, "WAVEfmt ", 12, le32(2*rate*10)), WAV, 12_000, 0, "", "", 0},
	{"WAV whose byte rate is 0", changed(plain, "WAVEfmt ", 12, le32(0)), WAV, 12_000, 0, "", "", 0},
	{"WAV of no channels", changed(plain, "WAVEfmt ", 6, []byte{0, 0}), WAV, 0, 0, errcode.AudioDurationUnavailable, "", 0},
	{"WAV named .mp3", plain, WAV, 12_000, 0, "", "talk.mp3", 0},
	{"mp3 named .wav", mp3, MP3, 12_000, 100, "", "talk.wav", 0},
	{"WAV behind which a zip lies", func(k *kitchen) []byte { return append(plain(k), archive(k)...) }, WAV, 12_000, 400, "", "", 0},
	// the bounds
	{"WAV of 179.9 s", quiet(1799 * rate / 10), WAV, 179_900, 1, "", "", 0},
	{"WAV of a millisecond under 3 minutes", quiet(180*rate - rate/1000), WAV, 179_999, 1, "", "", 0},
	{"WAV of 3 minutes", quiet(180 * rate), WAV, 180_000, 1, "", "", 0},
	{"WAV of 45 minutes", quiet(2700 * rate), WAV, 2_700_000, 1, "", "", 0},
	{"FLAC of 179.9 s", silent(179.9, "out.flac", "-c:a", "flac"), FLAC, 179_900, 1, "", "", 0},
	{"ogg, opus, of 179.9 s", silent(179.9, "out.ogg", "-c:a", "libopus", "-application", "lowdelay", "-b:a", "6k"), OGG, 179_900, 0, "", "", 0},
	{"ogg, opus, of 3 minutes", silent(180, "out.ogg", "-c:a", "libopus", "-application", "lowdelay", "-b:a", "6k"), OGG, 180_000, 0, "", "", 0},
	{"mp3 of 3 minutes", silent(180, "out.mp3", "-c:a", "libmp3lame", "-compression_level", "9"), MP3, 180_000, 240, "", "", 0},
	{"m4a, ALAC, of 3 minutes", silent(180, "out.m4a", "-c:a", "alac"), M4A, 180_000, 0, "", "", 0},
	// sound of a kind that is not taken
	{"AMR", encode("out.amr", "-c:a", "libopencore_amrnb", "-b:a", "12.2k"), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"AIFF", encode("out.aiff"), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"WMA", encode("out.wma"), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"AC-3", encode("out.ac3", "-ar", "44100"), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"MPEG layer II", encode("out.mp2", "-ar", "44100"), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"AU", encode("out.au"), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"CAF", encode("out.caf"), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"W64", encode("out.w64"), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"AVI", encode("out.avi", args(film, "-c:v", "mpeg4", "-c:a", "pcm_s16le")...), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"MPEG transport stream", encode("out.ts", "-c:a", "aac"), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"FLV", encode("out.flv", "-ar", "44100", "-c:a", "libmp3lame"), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"WavPack", encode("out.wv"), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"bare samples", func(k *kitchen) []byte { return plain(k)[44:] }, Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"MIDI", text("MThd\x00\x00\x00\x06\x00\x00\x00\x01\x00\x60MTrk\x00\x00\x00\x04\x00\xff\x2f\x00"), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	// no sound
	{"an empty file", text(""), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"one byte", text("R"), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"zeros", text(strings.Repeat("\x00", 1<<20)), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"ones", text(strings.Repeat("\xff", 1<<20)), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"noise", garbled(0, 100, text(strings.Repeat("\x00", 1<<20))), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"a text named .wav", text(strings.Repeat("This is no recording. ", 500)), Format{}, 0, 0, errcode.UnsupportedFormat, "talk.wav", 0},
	{"a text that begins like a WAV", text("RIFF" + strings.Repeat("This is no recording. ", 500)), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"a cover alone", func(k *kitchen) []byte {
		b := k.ffmpeg("out.mp3", args(picture, "-c:a", "libmp3lame", "-id3v2_version", "3")...)
		return b[:skipTags(newWindow(bytes.NewReader(b), int64(len(b))), 0)]
	}, Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"a playlist", text("#EXTM3U\n#EXTINF:200,\nfile:///etc/passwd\n"), Format{}, 0, 0, errcode.UnsupportedFormat, "talk.mp3", 0},
	{"an HLS playlist", text("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXTINF:200,\nhttp://169.254.169.254/latest/meta-data/\n#EXT-X-ENDLIST\n"), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"an HLS playlist behind an ID3 tag", text("ID3\x04\x00\x00\x00\x00\x00\x00#EXTM3U\n#EXTINF:200,\nhttp://169.254.169.254/\n"), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"an ffconcat script", text("ffconcat version 1.0\nfile /etc/passwd\n"), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"a concat script", text("file '/etc/hostname'\nfile '/etc/passwd'\n"), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"a concat address", text("concat:/etc/passwd|/etc/hostname"), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"a DASH manifest", text(`<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>http://169.254.169.254/</BaseURL></MPD>`), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"SDP", text("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=audio 9 RTP/AVP 0\n"), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"SVG", text(`<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>`), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"HTML", text("<!doctype html><audio src=x.mp3>" + strings.Repeat("\n", 5000)), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"PDF", text("%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"a zip", archive, Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"a zip of a recording", func(k *kitchen) []byte { return zipped(k, plain(k)) }, Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"PNG", text("\x89PNG\r\n\x1a\n" + strings.Repeat("\x00", 99)), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"a program", text("\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 99)), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"HEIC", text("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + strings.Repeat("\x00", 99)), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	// two things at once
	{"PDF that goes on as mp3 after a page", behind("%PDF-1.7\n"+strings.Repeat(" ", 5000), bareMP3), Format{}, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"a zip within the tag of an mp3", func(k *kitchen) []byte {
		z := archive(k)
		return append(append([]byte{'I', 'D', '3', 4, 0, 0, 0, 0, byte(len(z) >> 7), byte(len(z) & 127)}, z...), bareMP3(k)...)
	}, MP3, 12_000, 240, "", "", 0},
	{"a playlist within a WAV", func(k *kitchen) []byte {
		return append(plain(k), "LIST\x22\x00\x00\x00#EXTM3U\nfile:///etc/passwd\n\n\n\n\n\n\n\n"...)
	}, WAV, 12_000, 0, "", "", 0},
	{"a WAV of nonsense", behind("RIFF\x00\x10\x00\x00WAVE", text(strings.Repeat("\x07", 999))), WAV, 0, 0, errcode.AudioDurationUnavailable, "", 0},
	{"a FLAC of nonsense", behind("fLaC", text(strings.Repeat("\x07", 999))), FLAC, 0, 0, errcode.AudioDurationUnavailable, "", 0},
	{"an ogg of nonsense", behind("OggS\x00\x02", text(strings.Repeat("\x07", 999))), OGG, 0, 0, errcode.AudioDurationUnavailable, "", 0},
	{"a webm of nonsense", behind("\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", text(strings.Repeat("\x07", 999))), WebM, 0, 0, errcode.AudioDurationUnavailable, "", 0},
	{"an mp4 of nonsense", behind("\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00M4A mp42", text(strings.Repeat("\x07", 999))), M4A, 0, 0, errcode.AudioDurationUnavailable, "", 0},
	{"a WAV header alone", text(string(wave(nil, rate, 1))), WAV, 0, 0, errcode.AudioDurationUnavailable, "", 0},
	{"a FLAC header alone", portion(1, flacFile), FLAC, 0, 0, errcode.AudioDurationUnavailable, "", 0},
}

// flacSamples is the usual FLAC with another number of samples in its header: 36 bits from the end
// of the 14th byte on.
func flacSamples(n uint32) func(*kitchen) []byte { return changed(flacFile, "fLaC", 18, be32(n)) }

// silent is encoded silence.
func silent(seconds float64, out string, args ...string) func(*kitchen) []byte {
	return func(k *kitchen) []byte { return k.from(quiet(int(seconds*rate))(k), out, args...) }
}

func archive(k *kitchen) []byte { return zipped(k, []byte("not a recording")) }

func zipped(k *kitchen, content []byte) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("talk.wav")
	must(k.t, err)
	_, err = w.Write(content)
	must(k.t, errors.Join(err, z.Close()))
	return b.Bytes()
}

// heard is what a probing tells: the length, also where it is out of bounds, or else the code.
func heard(a Info, err error) (ms int64, c errcode.Code, ok bool) {
	var e *errcode.Error
	switch {
	case err == nil:
		return a.DurationMs, "", true
	case !errors.As(err, &e):
		return 0, "", false
	case e.Code == errcode.AudioTooShort || e.Code == errcode.AudioTooLong:
		ms, ok := e.Details["durationMs"].(int64)
		inBounds := ms >= Bounds.MinLength.Milliseconds() && ms <= Bounds.MaxLength.Milliseconds()
		return ms, "", ok && !inBounds
	}
	return 0, e.Code, true
}

// Ensure that every file of the table has its answer, and that what is taken is decoded into as
// much sound as is billed.
func TestFiles(t *testing.T) {
	p := Prober{FFmpeg: ffmpeg(t)}
	names := map[string]bool{}
	for _, s := range slices.Concat(samples, joinedSamples, gapSamples, wrappedSamples, boundSamples) {
		if names[s.name] {
			t.Errorf("%s stands twice", s.name)
		}
		names[s.name] = true
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			name := s.file
			if name == "" {
				name = "audio"
			}
			path := file(t, name, s.make(&kitchen{t}))
			a, err := p.Probe(t.Context(), path)
			ms, c, ok := heard(a, err)
			slack := s.slack
			if slack == 0 {
				slack = 30
			}
			if !ok || c != s.want || c == "" && (max(ms-s.ms, s.ms-ms) > slack) || c == "" && a.Format != s.format.Name {
				t.Errorf("got %q of %d ms, %q (%v); want %q of %d ms within %d, %q", a.Format, ms, c, err, s.format.Name, s.ms, slack, s.want)
			}
			if c != "" || ms > Bounds.MaxLength.Milliseconds() || s.decoded < 0 {
				return
			}
			pcm, err := Decoder(p).Decode(t.Context(), path)
			if got := int64(len(pcm)) * 1000 / SampleRate; err != nil || max(got-ms, ms-got) > max(s.decoded, 1) {
				t.Errorf("%d ms are billed and %d ms decoded, %v", ms, got, err)
			}
		})
	}
	if len(names) < 60 {
		t.Errorf("only %d files", len(names))
	}
}
