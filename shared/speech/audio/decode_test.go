package audio

import (
	"slices"
	"testing"
)

// Ensure that parts of one and of two channels are decoded into as many as are asked for, as long
// as planned.
func TestPartsAreDecodedIntoChannels(t *testing.T) {
	d := Decoder{FFmpeg: ffmpeg(t)}
	k := &kitchen{t}
	left, right := babble(2*rate), make([]int16, 2*rate)
	both := make([]int16, 0, 4*rate)
	for i := range left {
		both = append(both, left[i], right[i])
	}
	path := file(t, "x", slices.Concat(k.from(wave(left, rate, 1), "out.flac", "-c:a", "flac"), k.from(wave(both, rate, 2), "out.flac", "-c:a", "flac")))
	p, err := d.plan(t.Context(), path)
	if err != nil || len(p.Parts) != 2 || p.Parts[0].Channels != 1 || p.Parts[1].Channels != 2 || p.Channels() != 2 {
		t.Fatalf("%+v, %v", p.Parts, err)
	}
	const half = 2 * SampleRate
	stereo, err := d.render(t.Context(), p, 2)
	if err != nil || len(stereo) != 4*half {
		t.Fatalf("%d samples of two channels, %v", len(stereo), err)
	}
	mono, err := d.render(t.Context(), p, 1)
	if err != nil || len(mono) != 2*half {
		t.Fatalf("%d samples of one channel, %v", len(mono), err)
	}
	loud := 0
	for i := range half {
		if stereo[2*i] != mono[i] || stereo[2*i+1] != mono[i] {
			t.Fatalf("sample %d of the part with one channel: %d and %d for %d", i, stereo[2*i], stereo[2*i+1], mono[i])
		}
		if stereo[2*(half+i)+1] != 0 {
			t.Fatalf("sample %d of the silent channel: %d", i, stereo[2*(half+i)+1])
		}
		if stereo[2*(half+i)] != 0 {
			loud++
		}
	}
	if loud < half/2 {
		t.Errorf("%d samples of the other channel", loud)
	}
}

func TestSamplesMayBeCutAnywhere(t *testing.T) {
	want := []int16{1, -2, 300, -32768, 32767}
	b := Bytes(want)
	for cut := range b {
		for _, copies := range []int{1, 2} {
			s := &sampleWriter{copies: copies}
			for _, piece := range [][]byte{b[:cut], nil, b[cut:min(cut+1, len(b))], b[min(cut+1, len(b)):]} {
				if n, err := s.Write(piece); n != len(piece) || err != nil {
					t.Fatal(n, err)
				}
			}
			var all []int16
			for _, v := range want {
				all = append(all, slices.Repeat([]int16{v}, copies)...)
			}
			if !slices.Equal(s.to, all) {
				t.Errorf("cut at %d: %v", cut, s.to)
			}
		}
	}
}

func TestChannelsOfALayout(t *testing.T) {
	for layout, want := range map[string]int{
		"mono": 1, "stereo": 2, " stereo\n": 2, "2.1": 3, "5.1(side)": 6, "7.1.4": 12, "quad(side)": 4, "3 channels (FL+FR+LFE)": 3, "16 channels": 16,
		"": 0, "unknown": 0, "5.": 0, "999999 channels": maxChannels, "99999999999999999999": 0,
	} {
		if got := channelsOf(layout); got != want {
			t.Errorf("%q: %d channels", layout, got)
		}
	}
}
