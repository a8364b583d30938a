package audio

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// listed reads a list of packets, in pieces of 7 bytes.
func listed(text string) *listing {
	l := &listing{sum: -sumBase}
	w := &lines{do: l.line}
	for len(text) > 0 {
		n := min(7, len(text))
		_, _ = w.Write([]byte(text[:n]))
		text = text[n:]
	}
	return l
}

// packetLine is a packet as ffmpeg lists it: the sum of the lengths up to its end, and its time.
func packetLine(sum, at int64, flags string) string {
	return fmt.Sprintf("0, %10d, %10d, %8d, %8d, 0x%08x%s\n", sum-sumBase, sum-sumBase, at+timeBase, 251, 0xd54f7776, flags)
}

func TestAListOfPacketsIsRead(t *testing.T) {
	const head = "#software: Lavf61.1.100\n#tb 0: 1/48000\n#media_type 0: audio\n#channel_layout_name 0: stereo\n"
	two := packetLine(960, -312, ", S=1,       10") + packetLine(1920, 648, "")
	for name, c := range map[string]struct {
		text    string
		packets int
		length  time.Duration
		begin   time.Duration
	}{
		"two packets":                  {head + two, 2, 40 * time.Millisecond, -6_500_000},
		"one that is not heard":        {head + packetLine(960, -960, ", F=0x5, S=1,       10") + packetLine(1920, 0, ""), 1, 20 * time.Millisecond, 0},
		"other flags":                  {head + packetLine(960, 0, ", F=0x3") + packetLine(1920, 960, ", F=0x18"), 2, 40 * time.Millisecond, 0},
		"one without a time":           {head + packetLine(960, 0, "") + packetLine(1920, -timeBase, "") + packetLine(2880, 1920, ""), 3, 60 * time.Millisecond, 0},
		"a time beyond all":            {head + packetLine(960, 0, "") + packetLine(1920, 1<<62, ""), 2, 20*time.Millisecond + keptOfBreak + 20*time.Millisecond, 0},
		"a list that is cut":           {head + two + "0, -45", 2, 40 * time.Millisecond, -6_500_000},
		"a comment longer than a line": {"#extradata 0: " + strings.Repeat("x", 5*maxLine) + "\n" + head + two, 2, 40 * time.Millisecond, -6_500_000},
	} {
		l := listed(c.text)
		if l.err != nil || l.packets != c.packets || l.length != c.length || l.begin != c.begin || l.channels != 2 {
			t.Errorf("%s: %d packets of %v from %v on, %d channels, %v", name, l.packets, l.length, l.begin, l.channels, l.err)
		}
	}
	for name, text := range map[string]string{"no unit": two, "a line of nothing": head + two + "\n" + "nonsense\n" + two, "too few numbers": head + "0, 1, 1\n", "no number": head + "0, 1, 1, x, 1, 0x0\n",
		"too large": head + "0, 99999999999999999999, 1, 1, 1, 0x0\n", "a unit of 0": "#tb 0: 1/0\n" + two} {
		if l := listed(text); l.err == nil {
			t.Errorf("%s: %d packets of %v", name, l.packets, l.length)
		}
	}
}

func TestTheHeadersPromiseIsRead(t *testing.T) {
	const film = `Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:/tmp/x':
  Metadata:
    title           : Duration: 09:00:00.00
                    :   Duration: 09:00:00.00
                    :   Stream #0:7: Audio: pcm
  Duration: 01:02:03.50, start: 0.000000, bitrate: 26 kb/s
  Stream #0:0[0x1](und): Video: mpeg4 (Simple Profile) (mp4v / 0x7634706D), yuv420p, 16x16
  Stream #0:1[0x2](und): Audio: aac (LC) (mp4a / 0x6134706D), 16000 Hz, mono, fltp, 73 kb/s (default)
  Stream #0:2: Audio: none (ac-4 / 0x342D6361), 0 channels
Stream mapping:
  Stream #0:1 -> #0:0 (copy)
Output #0, framecrc, to 'pipe:':
  Duration: 05:00:00.00
  Stream #0:0(und): Audio: aac (LC) (mp4a / 0x6134706D)
`
	for name, c := range map[string]struct {
		text          string
		claim         time.Duration
		audio, tracks int
	}{
		"a film":     {film, time.Hour + 2*time.Minute + 3500*time.Millisecond, 2, 3},
		"not told":   {strings.Replace(film, "01:02:03.50", "N/A", 1), 0, 2, 3},
		"guessed":    {"[mp3 @ 0x1] Estimating duration from bitrate, this may be inaccurate\n" + film, 0, 2, 3},
		"impossible": {strings.Replace(film, "01:02:03.50", "999999999:02:03.50", 1), 0, 2, 3},
		"nothing":    {"", 0, 0, 0},
	} {
		h := &header{}
		w := &lines{do: h.line}
		_, _ = w.Write([]byte(c.text))
		if max(h.claim, 0) != c.claim || h.audio != c.audio || h.tracks != c.tracks {
			t.Errorf("%s: %+v", name, h)
		}
	}
}
