package certainty_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"parley/shared/speech/transcript"
	"parley/shared/speech/transcript/certainty"
)

// word is one of four letters, said in ms.
func word(p float64, ms int64) transcript.Word {
	return transcript.Word{Text: " Work,", StartMs: 1000, EndMs: 1000 + ms, P: p}
}

func speaker(p float64) certainty.Speaker {
	return certainty.SpeakerOf([]transcript.Turn{{Words: []transcript.Word{word(p, 320)}}, {}, {Words: []transcript.Word{word(p, 320), word(p, 320)}}})
}

func TestCertainty(t *testing.T) {
	usual := speaker(0.8).Of(word(0.8, 320))
	for _, c := range []struct {
		name       string
		got        float64
		more, less bool // than the usual
	}{
		{"a word that the recogniser is surer of", speaker(0.8).Of(word(0.95, 320)), true, false},
		{"a word that it doubts", speaker(0.8).Of(word(0.4, 320)), false, true},
		{"a speaker who is heard surely throughout", speaker(0.95).Of(word(0.8, 320)), true, false},
		{"a speaker whose words are doubtful throughout", speaker(0.6).Of(word(0.8, 320)), false, true},
		{"a word that is drawn out", speaker(0.8).Of(word(0.8, 1500)), false, true},
		{"a word that was given and not heard", speaker(0.8).Of(word(1, 1500)), true, false},
		{"a word without times is said as usual", speaker(0.8).Of(word(0.8, 0)), false, false},
		{"no number is no certainty", speaker(0.8).Of(word(math.NaN(), 320)), false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if (c.got > usual+1e-9) != c.more || (c.got < usual-1e-9) != c.less {
				t.Fatalf("%.3f, usually %.3f", c.got, usual)
			}
		})
	}
	t.Run("what was given is certain", func(t *testing.T) {
		if got := speaker(1).Of(word(1, 320)); got != 1 {
			t.Fatal(got)
		}
	})
	t.Run("of a word without a probability nothing is known", func(t *testing.T) {
		if got := speaker(0.8).Of(word(0, 320)); got != 0 {
			t.Fatal(got)
		}
	})
	t.Run("a speaker without words", func(t *testing.T) {
		if got := certainty.SpeakerOf(nil).Of(word(0.5, 320)); !(got >= 0 && got < 0.1) {
			t.Fatal(got)
		}
	})
}

func TestCertaintyIsAProbability(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 0, 1e-9, 0.3, 0.999999, 1, 2})
		w := transcript.Word{Text: rapid.String().Draw(t, "text"), P: p.Draw(t, "p"), StartMs: rapid.Int64Range(-5000, 5000).Draw(t, "start"), EndMs: rapid.Int64Range(-5000, 5000).Draw(t, "end")}
		s := certainty.SpeakerOf([]transcript.Turn{{Words: []transcript.Word{w, {P: p.Draw(t, "other")}}}})
		if got := s.Of(w); !(got >= 0 && got <= 1) {
			t.Fatalf("%v of %+v", got, w)
		}
	})
}
