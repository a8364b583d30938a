package main

import (
	"context"

	"parley/infra/measure/degrade"
	"parley/shared/speech/audio"
)

// variant is another recording of the same interview.
type variant struct {
	name string
	of   func(ctx context.Context, pcm []int16) ([]int16, error)
}

// later is how much silence the variant of that name begins with, in samples: 0.3 s.
const later = 3 * audio.SampleRate / 10

// variants are recordings in which every word can be heard as well as in the original.
func variants(ffmpeg string) []variant {
	coded := func(c degrade.Codec) func(context.Context, []int16) ([]int16, error) {
		return func(ctx context.Context, pcm []int16) ([]int16, error) { return c.Through(ctx, ffmpeg, pcm) }
	}
	return []variant{
		{"plain", func(_ context.Context, pcm []int16) ([]int16, error) { return pcm, nil }},
		{"vorbis", coded(degrade.Codec{Name: "libvorbis", File: "ogg", Rate: 16000})},
		{"opus", coded(degrade.Codec{Name: "libopus", File: "webm", Rate: 48000, Kbits: 32})},
		{"mp3", coded(degrade.Codec{Name: "libmp3lame", File: "mp3", Rate: 44100, Kbits: 64})},
		{"22 kHz", coded(degrade.Codec{Name: "flac", File: "flac", Rate: 22050})},
		{"later", func(_ context.Context, pcm []int16) ([]int16, error) {
			return append(make([]int16, later), pcm...), nil
		}},
	}
}
