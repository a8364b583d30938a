package whisper

import (
	"errors"
	"math"
	"testing"

	"parley/shared/speech/audio"
	"parley/shared/speech/transcript"
)

func TestLanguageProbability(t *testing.T) {
	spoken := [][2]int64{{0, 1000}}
	second := make([]int16, audio.SampleRate)
	english := hearing{Language: "en", LanguageP: 0.7, Heard: "zh", HeardP: 0.2, Speech: spoken}
	for name, c := range map[string]struct {
		answer   any
		pcm      []int16
		language string
		want     float64 // NaN: no opinion
	}{
		"the probability of the language that is asked for": {english, second, "en", 0.7},
		"no speech":                   {hearing{}, second, "en", math.NaN()},
		"too short for a word":        {english, make([]int16, minSamples-1), "en", math.NaN()},
		"as short as a word":          {english, make([]int16, minSamples), "en", 0.7},
		"a language it does not know": {english, second, "xx", math.NaN()},
	} {
		t.Run(name, func(t *testing.T) {
			p, ok, err := fake(t, c.answer).LanguageProbability(t.Context(), c.pcm, c.language)
			if err != nil || ok == math.IsNaN(c.want) || ok && p != c.want {
				t.Errorf("%g, %v, %v", p, ok, err)
			}
		})
	}
	if _, ok, err := New("/nowhere", "ggml-tiny.en-q8_0.bin", "vad").LanguageProbability(t.Context(), second, "en"); ok || err != nil {
		t.Errorf("a model of English alone: %v, %v", ok, err)
	}
	if _, _, err := fake(t, "die").LanguageProbability(t.Context(), second, "en"); !errors.Is(err, transcript.ErrProvider) {
		t.Errorf("an engine that ends: %v", err)
	}
}
