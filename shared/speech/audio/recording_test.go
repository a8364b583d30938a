package audio

import (
	"slices"
	"testing"

	"parley/shared/speech/audio/channels"
)

// two interleaves two channels.
func two(left, right []int16) []int16 {
	out := make([]int16, 2*len(left))
	for i := range left {
		out[2*i], out[2*i+1] = left[i], right[i]
	}
	return out
}

func TestARecordingOfOneOrTwoChannels(t *testing.T) {
	d := Decoder{FFmpeg: ffmpeg(t)}
	sound := babble(20 * SampleRate)
	turned := make([]int16, len(sound))
	for i, v := range sound {
		turned[i] = -v
	}
	for _, tt := range []struct {
		name     string
		pcm      []int16
		channels int
		want     Channels
	}{
		{"one passes unchanged", sound, 1, Channels{Count: 1, Used: channels.Mono}},
		{"two that are the same are one sound", two(sound, sound), 2, Channels{Count: 2, Used: channels.Mixed}},
		{"two of opposite polarity are not lost", two(sound, turned), 2, Channels{Count: 2, Used: channels.Left, Note: "Only the left channel is used: the channels have opposite polarity and cancel each other when mixed."}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := file(t, "a.wav", wave(tt.pcm, SampleRate, tt.channels))
			r, err := d.Record(t.Context(), path, channels.Auto)
			must(t, err)
			if r.Channels != tt.want || len(r.Tracks) != 1 || !slices.Equal(r.Tracks[0], sound) {
				t.Errorf("%+v, %d tracks of %d ms", r.Channels, len(r.Tracks), r.DurationMs())
			}
			info, err := Prober(d).measure(t.Context(), path)
			if err != nil || info.Channels != tt.channels {
				t.Errorf("%+v, %v", info, err)
			}
		})
	}
	six := make([]int16, 6*len(sound))
	for i, v := range sound {
		six[6*i+2] = v
	}
	r, err := d.Record(t.Context(), file(t, "six.wav", wave(six, SampleRate, 6)), channels.Auto)
	if err != nil || r.Channels != (Channels{Count: 6, Used: channels.Mixed, Note: "The 6 channels were mixed."}) || len(r.Tracks) != 1 {
		t.Errorf("six: %+v, %v", r.Channels, err)
	}
}

// Ensure that separate channels are each measured for themselves, and that together they are one
// recording.
func TestInspectingSeparateChannels(t *testing.T) {
	left, right := make([]int16, 60*SampleRate), make([]int16, 60*SampleRate)
	hiss(left, 5)
	hiss(right, 5)
	voice(left, 1000, 4000, 40000, 6000)
	voice(left, 20000, 30000, 40000, 6000)
	voice(right, 5000, 15000, 20000, 6000)
	voice(right, 28000, 40000, 20000, 6000)
	in := Inspect(Recording{Channels: Channels{Count: 2, Used: channels.Separate}, Tracks: [][]int16{left, right}}, DefaultCut())
	if len(in.Tracks) != 2 || len(in.Tracks[0].Speech) != 2 || len(in.Tracks[1].Speech) != 2 || len(in.Speech) != 3 || in.DurationMs != 60000 {
		t.Fatalf("%+v", in)
	}
	if len(in.Chunks) != len(in.Tracks[0].Chunks)+len(in.Tracks[1].Chunks) || in.TrackOf(0) != 0 || in.TrackOf(len(in.Chunks)-1) != 1 || in.TrackOf(99) != 0 {
		t.Errorf("chunks %v of %+v", in.Chunks, in.Tracks)
	}
	if q := in.Quality; !near(int64(q.SpeechPercent), 56, 2) || in.Of(1).Quality.SpeechPercent != q.SpeechPercent || in.Of(0).Quality.LevelDb <= in.Of(1).Quality.LevelDb {
		t.Errorf("quality %+v, left %+v, right %+v", q, in.Of(0).Quality, in.Of(1).Quality)
	}
	if one := Inspect(Recording{Channels: Channels{Count: 1, Used: channels.Mono}, Tracks: [][]int16{left}}, DefaultCut()); len(one.Tracks) != 0 || one.TrackOf(0) != 0 || !slices.Equal(one.Of(1).Speech, one.Speech) {
		t.Errorf("%+v", one)
	}
}
