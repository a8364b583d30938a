package audio

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"parley/shared/errcode"
)

// Ensure that any cut settings are within their bounds, or refused with the names of the offenders,
// and that what is taken can be applied.
func FuzzValidateCut(f *testing.F) {
	for _, s := range []string{`{}`, ``, `null`, `[]`, `{"startSeconds":60,"endSeconds":240}`, `{"paddingMs":1e999}`, `{"minSilenceMs":100.5}`, `{"silenceThresholdDb":-60}`, `{"speed":2}`, `{"endSeconds":-0}`} {
		f.Add(s, int64(240_000))
	}
	f.Add(`{"startSeconds":2520}`, int64(2_700_000))
	f.Fuzz(func(t *testing.T, raw string, length int64) {
		c, err := ValidateCut(json.RawMessage(raw), length)
		if err != nil {
			var e *errcode.Error
			if !errors.As(err, &e) || e.Code != errcode.InvalidParameters {
				t.Fatalf("answers %v", err)
			}
			if faults, _ := e.Details["fields"].([]CutFault); len(faults) == 0 {
				t.Errorf("names nothing: %v", e.Details)
			}
			if _, err := json.Marshal(e.Details); err != nil {
				t.Errorf("details that are no JSON: %v", err)
			}
			return
		}
		if c.StartSeconds < 0 || c.StartSeconds > 2520 || c.EndSeconds != 0 && (c.EndSeconds < 180 || c.EndSeconds > 2700) || c.SilenceThresholdDb < -60 || c.SilenceThresholdDb > -15 ||
			c.MinSilenceMs < 100 || c.MinSilenceMs > 2000 || c.MinSpeechMs < 50 || c.MinSpeechMs > 1000 || c.PaddingMs < 0 || c.PaddingMs > 500 {
			t.Errorf("%s is taken as %+v", raw, c)
		}
		pcm := make([]int16, SampleRate)
		if w := windowOf(pcm, c); w.StartMs < 0 || w.EndMs > 1000 || w.Len() < 0 {
			t.Errorf("%s cuts %v out of a second", raw, w)
		}
	})
}

// Ensure that any file is looked at within its bounds, whatever it says of itself.
func FuzzOpen(f *testing.F) {
	f.Add(wave(babble(400), rate, 1))
	f.Add(frames(3))
	f.Add([]byte("RF64\xff\xff\xff\xffWAVEds64\x1c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVEdata\x10\x00\x00\x00"))
	f.Add([]byte("OggS\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00OggS\x00\x00"))
	f.Add([]byte("ID3\x04\x00\x00\x00\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		checkParts(t, path, int64(len(b)))
	})
}

// checkParts ensures that a file is taken apart into pieces of itself, in order, or refused.
func checkParts(t *testing.T, path string, want int64) {
	f, parts, size, err := open(path)
	if err != nil {
		if !errcode.Is(err, errcode.UnsupportedFormat) && !errcode.Is(err, errcode.AudioDurationUnavailable) {
			t.Errorf("answers %v", err)
		}
		return
	}
	if size != want || f.Name == "" || len(parts) == 0 || len(parts) > maxParts {
		t.Fatalf("%v of %d bytes in %d parts", f, size, len(parts))
	}
	end := int64(0)
	for _, p := range parts {
		if p.from < end || p.to <= p.from || p.to > size {
			t.Errorf("a part from %d to %d behind one to %d", p.from, p.to, end)
		}
		end = p.to
		if r := p.riff; r.over < 0 || r.over > 0 && r.over < 1 || r.over > 0 && r.short {
			t.Errorf("%+v", r)
		}
		if p.trim != nil {
			if lead, tail := p.trim(time.Minute); lead < 0 || tail < 0 {
				t.Errorf("%v and %v are trimmed", lead, tail)
			}
		}
	}
}

// maxFuzzed is how much of an input is used, in bytes.
const maxFuzzed = 1 << 20

// Ensure that files which are joined, cut, nested and wrapped are answered by a code or by a
// length, that what is taken is decoded into no more than may be, and that neither takes more time
// or memory than the engine's bounds leave it.
func FuzzJoined(f *testing.F) {
	p := Prober{FFmpeg: ffmpeg(f)}
	k := &kitchen{f}
	short := func(out string, args ...string) []byte { return k.from(k.wav(0.3, rate, 1), out, args...) }
	seeds := [][]byte{
		short("out.webm", "-c:a", "libopus", "-f", "webm", "-live", "1"), short("out.mka", "-c:a", "flac"), short("out.mp4", args([]string{"-c:a", "aac"}, fragments...)...),
		short("out.m4a", "-c:a", "aac"), short("out.ogg", "-c:a", "libopus"), short("out.ogg", "-ar", "44100", "-c:a", "libvorbis"), short("out.mp3", "-c:a", "libmp3lame"),
		short("out.aac", "-c:a", "aac"), short("out.flac", "-c:a", "flac"), short("out.wav", "-c:a", "adpcm_ms"), k.wav(0.3, rate, 1),
	}
	for i, first := range seeds {
		for how := range byte(joinings) {
			f.Add(first, seeds[(i+int(how))%len(seeds)], how, uint16(len(first)/2))
		}
	}
	f.Fuzz(func(t *testing.T, first, second []byte, how byte, at uint16) {
		b := joined(first, second, how, int(at))
		if len(b) > maxFuzzed {
			return
		}
		path := file(t, "x", b)
		checkParts(t, path, int64(len(b)))
		var e *errcode.Error
		found, err := p.Plan(t.Context(), path)
		if err != nil {
			if !errors.As(err, &e) || e.Code != errcode.UnsupportedFormat && e.Code != errcode.AudioDurationUnavailable {
				t.Errorf("answers %v", err)
			}
			return
		}
		if a := found.Audio(); a.DurationMs < 0 || a.Joins != len(found.Parts)-1 || a.Breaks.Count < 0 || a.Breaks.LeftOutMs < 0 || found.Length() <= 0 || found.Channels() < 1 {
			t.Errorf("%+v of %v", a, found.Length())
		}
		pcm, err := Decoder(p).Decode(t.Context(), path)
		if err != nil && (!errors.As(err, &e) || e.Code != errcode.TranscriptionFailed) || len(pcm) > maxSamples {
			t.Errorf("%d samples, %v", len(pcm), err)
		}
	})
}

// joinings is how many ways there are to join two files.
const joinings = 7

// joined is two files in one.
func joined(first, second []byte, how byte, at int) []byte {
	at = min(at, len(first))
	switch how % joinings {
	case 0: // one behind the other
		return slices.Concat(first, second)
	case 1: // one that was cut, and another
		return slices.Concat(first[:at], second)
	case 2: // one within the other
		return slices.Concat(first[:at], second, first[at:])
	case 3: // each behind a tag
		return slices.Concat([]byte(id3(at)), first, []byte(id3(9)), second)
	case 4: // attached
		return slices.Concat([]byte(webmHeader()), []byte(element(hSegment, element(hAttach, element("\x61\xa7", element("\x46\x5c", string(second))))+"…")), first)
	case 5: // in a box
		return slices.Concat([]byte(mp4Box("ftyp", "isom\x00\x00\x00\x00")+mp4Box("free", string(second))), first)
	}
	return slices.Concat(riffOf("RIFF", chunkOf("LIST", string(second))), first)
}
