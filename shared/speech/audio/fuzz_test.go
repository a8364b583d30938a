package audio

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"parley/shared/errcode"
)

// Ensure that any cut settings are within their bounds, or refused with the names of the offenders, and that what is taken can be applied.
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
		s, err := open(path)
		if err != nil {
			if !errcode.Is(err, errcode.UnsupportedFormat) {
				t.Errorf("answers %v", err)
			}
			return
		}
		if s.size != int64(len(b)) || s.riff.over < 0 || s.riff.over > 0 && s.riff.over < 1 || s.riff.over > 0 && s.riff.short {
			t.Errorf("%+v", s)
		}
		if _, err := isChained(path); err != nil {
			t.Error(err)
		}
	})
}
