package audio

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/shared/errcode"
	"parley/shared/speech/installed"
)

// ffmpeg is the engine's path; the test is skipped where there is none.
func ffmpeg(t testing.TB) string {
	t.Helper()
	if err := installed.Missing(installed.Dir(), installed.FFmpegFile); err != nil {
		t.Skip(err)
	}
	return installed.FFmpeg(installed.Dir())
}

// wave is a WAV file of 16-bit samples, channels interleaved.
func wave(samples []int16, rate, channels int) []byte {
	var b bytes.Buffer
	n := uint32(2 * len(samples))
	for _, v := range []any{[]byte("RIFF"), 36 + n, []byte("WAVEfmt "), uint32(16), uint16(1), uint16(channels), uint32(rate), uint32(2 * channels * rate),
		uint16(2 * channels), uint16(16), []byte("data"), n, samples} {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

// rate is that of most test recordings, in Hz: low, so that encoding them is quick.
const rate = 8000

// babble is noise with pauses: n samples.
func babble(n int) []int16 {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]int16, n)
	for i := range out {
		out[i] = int16(r.NormFloat64() * 3000 * math.Abs(math.Sin(float64(i)/9000)))
	}
	return out
}

func file(t testing.TB, name string, content []byte) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// convert encodes in into a file of this name with ffmpeg.
func convert(t *testing.T, in, name string, options ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), name)
	args := append([]string{"-nostdin", "-v", "error", "-y", "-i", in}, append(options, out)...)
	if b, err := exec.CommandContext(t.Context(), ffmpeg(t), args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return out
}

var encodings = []struct {
	name   string
	format Format
	slack  time.Duration // what encoder delay and padding may add
	args   []string
}{
	{"a.wav", WAV, 0, []string{"-c:a", "pcm_s16le"}},
	{"a.flac", FLAC, 0, []string{"-c:a", "flac"}},
	{"a.mp3", MP3, 120 * time.Millisecond, []string{"-c:a", "libmp3lame"}},
	{"vbr.mp3", MP3, 120 * time.Millisecond, []string{"-c:a", "libmp3lame", "-q:a", "5"}},
	{"bare.mp3", MP3, 240 * time.Millisecond, []string{"-c:a", "libmp3lame", "-q:a", "5", "-write_xing", "0", "-id3v2_version", "0"}},
	{"a.m4a", M4A, 300 * time.Millisecond, []string{"-c:a", "aac"}},
	{"fragmented.m4a", M4A, 300 * time.Millisecond, []string{"-c:a", "aac", "-f", "mp4", "-movflags", "frag_keyframe+empty_moov"}},
	{"a.webm", WebM, 30 * time.Millisecond, []string{"-c:a", "libopus"}},
	{"live.webm", WebM, 30 * time.Millisecond, []string{"-c:a", "libopus", "-f", "webm", "-live", "1"}},
	{"opus.ogg", OGG, 30 * time.Millisecond, []string{"-c:a", "libopus"}},
	{"vorbis.ogg", OGG, 30 * time.Millisecond, []string{"-c:a", "libvorbis"}},
}

const length = 20 // s, of most test recordings

func TestProbeTellsTheLengthOfEveryFormat(t *testing.T) {
	p := Prober{FFmpeg: ffmpeg(t)}
	in := file(t, "in.wav", wave(babble(length*rate), rate, 1))
	for _, e := range encodings {
		t.Run(e.name, func(t *testing.T) {
			path := convert(t, in, e.name, e.args...)
			plain := filepath.Join(t.TempDir(), "audio.bin") // the name says nothing
			if err := os.Rename(path, plain); err != nil {
				t.Fatal(err)
			}
			a, err := p.measure(t.Context(), plain)
			if err != nil {
				t.Fatal(err)
			}
			if off := time.Duration(a.DurationMs-length*1000) * time.Millisecond; off.Abs() > e.slack || a.Format != e.format.Name {
				t.Errorf("got %+v, off by %v, want %v at most", a, off, e.slack)
			}
			pcm, err := Decoder(p).Decode(t.Context(), plain)
			if err != nil {
				t.Fatal(err)
			}
			if off := len(pcm) - length*SampleRate; math.Abs(float64(off)) > e.slack.Seconds()*SampleRate {
				t.Errorf("decoded %d samples too many", off)
			}
		})
	}
}

func TestProbeRefusesFilesThatAreCutShort(t *testing.T) {
	p := Prober{FFmpeg: ffmpeg(t)}
	in := file(t, "in.wav", wave(babble(25*rate), rate, 1))
	for _, e := range append(encodings, struct {
		name   string
		format Format
		slack  time.Duration
		args   []string
	}{"front.m4a", M4A, 0, []string{"-c:a", "aac", "-movflags", "faststart"}}) {
		if e.name == "bare.mp3" || e.name == "live.webm" || e.name == "opus.ogg" || e.name == "vorbis.ogg" || e.name == "fragmented.m4a" {
			continue // their headers promise nothing
		}
		t.Run(e.name, func(t *testing.T) {
			whole, err := os.ReadFile(convert(t, in, e.name, e.args...))
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.measure(t.Context(), file(t, "cut", whole[:len(whole)*8/10]))
			if !errcode.Is(err, errcode.AudioDurationUnavailable) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestProbeTakesASilentHeader(t *testing.T) {
	p := Prober{FFmpeg: ffmpeg(t)}
	for _, size := range []uint32{0, 0xffffffff, 0x7fffffff} {
		b := wave(babble(length*rate), rate, 1)
		binary.LittleEndian.PutUint32(b[40:], size)
		binary.LittleEndian.PutUint32(b[4:], size)
		a, err := p.measure(t.Context(), file(t, "pipe.wav", b))
		if err != nil || a.DurationMs != length*1000 {
			t.Errorf("size %#x: got %+v, %v", size, a, err)
		}
	}
}

func TestAHeaderThatPromisesLessIsBilledByWhatIsThere(t *testing.T) {
	p := Prober{FFmpeg: ffmpeg(t)}
	b := wave(babble(length*rate), rate, 1)
	binary.LittleEndian.PutUint32(b[40:], 2*rate) // one second
	path := file(t, "modest.wav", b)
	a, err := p.measure(t.Context(), path)
	if err != nil || a.DurationMs != length*1000 {
		t.Errorf("wav: got %+v, %v", a, err)
	}
	if pcm, err := Decoder(p).Decode(t.Context(), path); err != nil || len(pcm) != length*SampleRate {
		t.Errorf("wav: decoded %d, %v", len(pcm), err)
	}
	flac, err := os.ReadFile(convert(t, file(t, "in.wav", wave(babble(length*rate), rate, 1)), "a.flac"))
	if err != nil {
		t.Fatal(err)
	}
	// STREAMINFO: the number of samples is the last 36 bits before the MD5 sum.
	binary.BigEndian.PutUint32(flac[22:], rate)
	a, err = p.measure(t.Context(), file(t, "modest.flac", flac))
	if err != nil || a.DurationMs != length*1000 {
		t.Errorf("flac: got %+v, %v", a, err)
	}
}

func TestALongRecordingsHeaderMayBeOffByOnePercent(t *testing.T) {
	for _, c := range []struct {
		claim, held time.Duration
		broken      bool
	}{
		{101 * time.Second, 100 * time.Second, false}, {101*time.Second + 1, 100 * time.Second, true}, {2727 * time.Second, 2700 * time.Second, false},
		{2728 * time.Second, 2700 * time.Second, true}, {11 * time.Second, 10 * time.Second, false}, {0, 10 * time.Second, false}, {5 * time.Second, 10 * time.Second, false},
	} {
		if got := broken(c.claim, c.held); got != c.broken {
			t.Errorf("%v promised, %v held: broken %v", c.claim, c.held, got)
		}
	}
}

// A file whose time scale is ten times what it was seems a tenth as long until it is decoded.
func TestFalseTimesShowInTheSamples(t *testing.T) {
	p := Prober{FFmpeg: ffmpeg(t)}
	b, err := os.ReadFile(convert(t, file(t, "in.wav", wave(babble(length*rate), rate, 1)), "a.m4a", "-c:a", "aac"))
	if err != nil {
		t.Fatal(err)
	}
	// mdhd: version and flags, two times, then the time scale.
	binary.BigEndian.PutUint32(b[bytes.Index(b, []byte("mdhd"))+16:], 10*rate)
	path := file(t, "false.m4a", b)
	a, err := p.measure(t.Context(), path)
	if err != nil || a.DurationMs > length*1000/9 {
		t.Fatalf("judged as %+v, %v", a, err)
	}
	samples, err := Decoder(p).Decode(t.Context(), path)
	if err != nil || !Exceeds(int64(len(samples))*1000/SampleRate, a.DurationMs) {
		t.Errorf("%d samples, %v", len(samples), err)
	}
}

func TestWhatIsEncryptedCannotBeDecoded(t *testing.T) {
	in := file(t, "in.wav", wave(babble(length*rate), rate, 1))
	// Bit-exact, the cipher begins at a fixed value: from a random one, a frame or two of some
	// files decode by chance.
	path := convert(t, in, "a.mp4", "-fflags", "+bitexact", "-c:a", "aac", "-encryption_scheme", "cenc-aes-ctr", "-encryption_key", strings.Repeat("76", 16), "-encryption_kid", strings.Repeat("a7", 16))
	samples, err := Decoder{FFmpeg: ffmpeg(t)}.Decode(t.Context(), path)
	if !errcode.Is(err, errcode.TranscriptionFailed) {
		t.Errorf("%d samples, %v", len(samples), err)
	}
}

func TestChunksBehindTheSoundAreNotSound(t *testing.T) {
	p := Prober{FFmpeg: ffmpeg(t)}
	b := wave(babble(length*rate), rate, 1)
	b = append(b, "LIST\x1a\x00\x00\x00INFOISFT\x0e\x00\x00\x00Lavf60.16.100\x00"...)
	a, err := p.measure(t.Context(), file(t, "list.wav", b))
	if err != nil || a.DurationMs != length*1000 {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestTheHeadersPromiseMayBeOffByASecond(t *testing.T) {
	p := Prober{FFmpeg: ffmpeg(t)}
	for _, c := range []struct {
		claimed float64 // s, of 20 there
		ok      bool
	}{{20.1, true}, {20.9, true}, {21.1, false}, {30, false}} {
		b := wave(babble(length*rate), rate, 1)
		binary.LittleEndian.PutUint32(b[40:], uint32(c.claimed*rate)*2)
		_, err := p.measure(t.Context(), file(t, "a.wav", b))
		if (err == nil) != c.ok || err != nil && !errcode.Is(err, errcode.AudioDurationUnavailable) {
			t.Errorf("%v s promised: got %v", c.claimed, err)
		}
	}
}

func TestProbeHoldsTheBoundsOfLength(t *testing.T) {
	p := Prober{FFmpeg: ffmpeg(t)}
	for _, c := range []struct {
		samples int
		want    errcode.Code
	}{{180*rate - 8, errcode.AudioTooShort}, {180 * rate, ""}, {2700 * rate, ""}, {2701 * rate, ""}, {2701*rate + 8, errcode.AudioTooLong}} {
		a, err := p.Probe(t.Context(), file(t, "a.wav", wave(make([]int16, c.samples), rate, 1)))
		if a.DurationMs == 2_701_000 {
			t.Errorf("%d samples are billed whole", c.samples)
		}
		if c.want == "" && err != nil || c.want != "" && !errcode.Is(err, c.want) {
			t.Errorf("%d samples: got %+v, %v", c.samples, a, err)
		}
		var e *errcode.Error
		if errors.As(err, &e) && e.Details["durationMs"] != int64(c.samples)*1000/rate {
			t.Errorf("%d samples: details %v", c.samples, e.Details)
		}
	}
}

func TestProbeRefusesWhatIsNoAudio(t *testing.T) {
	p := Prober{FFmpeg: ffmpeg(t)}
	in := file(t, "in.wav", wave(babble(SampleRate), SampleRate, 1))
	webm, err := os.ReadFile(convert(t, in, "v.webm", "-f", "lavfi", "-i", "testsrc=size=16x16:duration=1", "-map", "1:v", "-c:v", "libvpx"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content []byte
		want    errcode.Code
	}{
		"empty":                {nil, errcode.UnsupportedFormat},
		"text":                 {[]byte("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"), errcode.UnsupportedFormat},
		"concat":               {[]byte("ffconcat version 1.0\nfile /etc/passwd\n"), errcode.UnsupportedFormat},
		"picture":              {append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 99)...), errcode.UnsupportedFormat},
		"a header alone":       {wave(nil, SampleRate, 1), errcode.AudioDurationUnavailable},
		"a WAV of nonsense":    {append([]byte("RIFF\x00\x10\x00\x00WAVE"), bytes.Repeat([]byte{7}, 999)...), errcode.AudioDurationUnavailable},
		"a FLAC of nonsense":   {append([]byte("fLaC"), bytes.Repeat([]byte{7}, 999)...), errcode.AudioDurationUnavailable},
		"an MP4 of nonsense":   {append([]byte("\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00M4A mp42"), bytes.Repeat([]byte{7}, 999)...), errcode.AudioDurationUnavailable},
		"a film without sound": {webm, errcode.UnsupportedFormat},
	} {
		if _, err := p.Probe(t.Context(), file(t, "x", c.content)); !errcode.Is(err, c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAFilmIsJudgedByItsSound(t *testing.T) {
	p := Prober{FFmpeg: ffmpeg(t)}
	in := file(t, "in.wav", wave(babble(length*rate), rate, 1))
	path := convert(t, in, "film.mp4", "-f", "lavfi", "-i", "testsrc=size=16x16:rate=1:duration=60", "-map", "1:v", "-map", "0:a", "-c:v", "mpeg4", "-c:a", "aac")
	a, err := p.measure(t.Context(), path)
	if err != nil || math.Abs(float64(a.DurationMs-length*1000)) > 300 {
		t.Errorf("the picture is longer than the sound, which is no damage: got %+v, %v", a, err)
	}
}

func TestProbeEndsWithItsContext(t *testing.T) {
	p := Prober{FFmpeg: ffmpeg(t)}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := p.Probe(ctx, file(t, "a.wav", wave(babble(SampleRate), SampleRate, 1)))
	var e *errcode.Error
	if !errors.Is(err, context.Canceled) || errors.As(err, &e) {
		t.Errorf("got %v", err)
	}
}

// The same samples give the same PCM whether they come as WAV or FLAC.
func TestDecodingIsTheSameForTheSameSamples(t *testing.T) {
	d := Decoder{FFmpeg: ffmpeg(t)}
	for _, c := range []struct {
		rate, channels int
		bits           string
	}{{16000, 1, "s16"}, {16000, 2, "s16"}, {44100, 1, "s16"}, {44100, 2, "s16"}, {48000, 2, "s24"}, {8000, 1, "s16"}, {48000, 6, "s16"}} {
		name := strconv.Itoa(c.rate) + "/" + strconv.Itoa(c.channels) + "/" + c.bits
		in := file(t, "in.wav", wave(babble(20*c.rate*c.channels), c.rate, c.channels))
		wavArgs, flacArgs := []string{"-c:a", "pcm_s16le"}, []string{"-c:a", "flac"}
		if c.bits == "s24" {
			gain := []string{"-af", "volume=0.123"} // fills the lower bits
			wavArgs = append(gain, "-c:a", "pcm_s24le")
			flacArgs = []string{"-c:a", "flac", "-sample_fmt", "s32", "-bits_per_raw_sample", "24"}
			in = convert(t, in, "deep.wav", wavArgs...)
			wavArgs = []string{"-c:a", "copy"}
		}
		w, err := d.Decode(t.Context(), convert(t, in, "a.wav", wavArgs...))
		if err != nil {
			t.Fatal(name, err)
		}
		f, err := d.Decode(t.Context(), convert(t, in, "a.flac", flacArgs...))
		if err != nil {
			t.Fatal(name, err)
		}
		if len(w) != 20*SampleRate || !bytes.Equal(Bytes(w), Bytes(f)) {
			t.Errorf("%s: %d samples of WAV, %d of FLAC, equal: %v", name, len(w), len(f), bytes.Equal(Bytes(w), Bytes(f)))
		}
	}
}

func TestSixteenBitMonoPassesThroughUnchanged(t *testing.T) {
	in := babble(10 * SampleRate)
	out, err := Decoder{FFmpeg: ffmpeg(t)}.Decode(t.Context(), file(t, "a.wav", wave(in, SampleRate, 1)))
	if err != nil || !bytes.Equal(Bytes(in), Bytes(out)) {
		t.Errorf("%d samples, %v", len(out), err)
	}
}

// Ensure that what packets leave out is silence in its place, whatever the container, and that
// times which go back cost no sound.
func TestPacketsThatAreLeftOutAreSilence(t *testing.T) {
	in := file(t, "in.wav", wave(babble(20*rate), rate, 1))
	lost := `noise=amount=0:drop=between(pts*tb\,5\,7)`
	for _, tc := range []struct {
		name, out string
		args      []string
	}{
		{"Opus in WebM", "a.webm", []string{"-c:a", "libopus"}},
		{"Opus in Ogg", "a.ogg", []string{"-c:a", "libopus"}},
		{"AAC in MP4", "a.m4a", []string{"-c:a", "aac"}},
		{"FLAC in Matroska", "a.mka", []string{"-c:a", "flac"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			whole := convert(t, in, tc.out, tc.args...)
			holed := convert(t, whole, tc.out, "-c", "copy", "-bsf:a", lost)
			p := Prober{FFmpeg: ffmpeg(t)}
			a, err := p.measure(t.Context(), holed)
			must(t, err)
			samples, err := Decoder(p).Decode(t.Context(), holed)
			must(t, err)
			length := int64(len(samples)) * 1000 / SampleRate
			if length < 19_800 || length > 20_200 || a.DurationMs < 19_800 || a.DurationMs > 20_200 {
				t.Errorf("%d ms decoded, %d ms judged, want 20 s", length, a.DurationMs)
			}
			for i, s := range samples[5_300*SampleRate/1000 : 6_700*SampleRate/1000] {
				if s != 0 {
					t.Fatalf("%d at sample %d of the hole", s, i)
				}
			}
		})
	}
	b, err := os.ReadFile(convert(t, in, "a.webm", "-c:a", "libopus"))
	must(t, err)
	samples, err := Decoder{FFmpeg: ffmpeg(t)}.Decode(t.Context(), file(t, "twice.webm", append(slices.Clip(b), b...)))
	if err != nil || len(samples) < 39*SampleRate || len(samples) > 41*SampleRate {
		t.Errorf("a file twice over: %d ms, %v", len(samples)*1000/SampleRate, err)
	}
}

func TestDecodingStopsAfterFortyFiveMinutes(t *testing.T) {
	out, err := Decoder{FFmpeg: ffmpeg(t)}.Decode(t.Context(), file(t, "a.wav", wave(make([]int16, 3000*1000), 1000, 1)))
	if err != nil || len(out) != decodeSeconds*SampleRate {
		t.Errorf("%d s, %v", len(out)/SampleRate, err)
	}
}

func TestWhatCannotBeDecodedFailsTheTranscription(t *testing.T) {
	_, err := Decoder{FFmpeg: ffmpeg(t)}.Decode(t.Context(), file(t, "a.flac", append([]byte("fLaC"), bytes.Repeat([]byte{7}, 999)...)))
	if !errcode.Is(err, errcode.TranscriptionFailed) {
		t.Errorf("got %v", err)
	}
}
