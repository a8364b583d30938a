package audio

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/shared/errcode"
)

// partsOf is where the parts of a file begin and end.
func partsOf(t *testing.T, b []byte) (f Format, spans string, parts []part, err error) {
	t.Helper()
	f, parts, size, err := open(file(t, "x", b))
	if size != int64(len(b)) {
		t.Errorf("%d bytes", size)
	}
	for _, p := range parts {
		spans += fmt.Sprintf("%d-%d ", p.from, p.to)
	}
	return f, strings.TrimSpace(spans), parts, err
}

// element is one of Matroska, of an unknown size where content ends with "…".
func element(id, content string) string {
	if c, ok := strings.CutSuffix(content, "…"); ok {
		return id + "\x01\xff\xff\xff\xff\xff\xff\xff" + c
	}
	return id + string([]byte{0x10 | byte(len(content)>>24), byte(len(content) >> 16), byte(len(content) >> 8), byte(len(content))}) + content
}

const (
	hEBML    = "\x1a\x45\xdf\xa3"
	hSegment = "\x18\x53\x80\x67"
	hTracks  = "\x16\x54\xae\x6b"
	hCluster = "\x1f\x43\xb6\x75"
	hAttach  = "\x19\x41\xa4\x69"
)

func webmHeader() string { return element(hEBML, element("\x42\x82", "webm")) }

func TestPartsOfWebM(t *testing.T) {
	sound := element("\xa3", "\x81\x00\x00\x80sound")
	one := webmHeader() + element(hSegment, element(hTracks, element("\xae", element("\xd7", "\x01")+element("\x83", "\x02"))+"…")+element(hCluster, sound+"…")+"…")
	nested := webmHeader() + element(hSegment, element(hAttach, "…"[:0]+one)+element(hCluster, sound+sound))
	n := len(one)
	for name, c := range map[string]struct {
		file, want string
	}{
		"one":            {one, fmt.Sprintf("0-%d", n)},
		"two":            {one + one, fmt.Sprintf("0-%d %d-%d", n, n, 2*n)},
		"one cut, one":   {one[:n-3] + one, fmt.Sprintf("0-%d %d-%d", n-3, n-3, 2*n-3)},
		"a magic number": {one + hEBML + "and no header", fmt.Sprintf("0-%d", n+17)},
		"nested":         {nested, fmt.Sprintf("0-%d", len(nested))},
		"nested, one":    {nested + one, fmt.Sprintf("0-%d %d-%d", len(nested), len(nested), len(nested)+n)},
	} {
		if f, got, _, err := partsOf(t, []byte(c.file)); got != c.want || f != WebM || err != nil {
			t.Errorf("%s: %v %s, %v; want %s", name, f, got, err, c.want)
		}
	}
}

func TestWhatWebMTellsOfItsTracks(t *testing.T) {
	track := func(number, kind, more string) string {
		return element("\xae", element("\xd7", number)+element("\x83", kind)+more)
	}
	delay := element("\x56\xaa", string(binary.BigEndian.AppendUint32(nil, 6_500_000)))
	locked := element("\x6d\x80", element("\x62\x40", element("\x50\x35", element("\x47\xe1", "\x05"))))
	group := func(number byte, discard string) string {
		return element("\xa0", element("\xa1", string([]byte{0x80 | number})+"\x00\x00\x00sound")+element("\x75\xa2", discard))
	}
	file := func(tracks, cluster string) string {
		return webmHeader() + element(hSegment, element(hTracks, tracks)+element(hCluster, cluster)+"…")
	}
	for name, c := range map[string]struct {
		file       string
		lead, tail time.Duration
		encrypted  bool
	}{
		"plain":                         {file(track("\x01", "\x02", ""), group(1, "\x00")), 0, 0, false},
		"delay and padding":             {file(track("\x01", "\x02", delay), group(1, "\x00\xcd\xfe\x60")), 6_500_000, 13_500_000, false},
		"padding of the picture":        {file(track("\x01", "\x02", delay)+track("\x02", "\x01", ""), group(2, "\x00\xcd\xfe\x60")), 6_500_000, 0, false},
		"the picture first":             {file(track("\x02", "\x01", "")+track("\x01", "\x02", delay), group(1, "\x00\xcd\xfe\x60")), 6_500_000, 13_500_000, false},
		"padding at the beginning":      {file(track("\x01", "\x02", ""), group(1, "\xff\x00\x00\x00")), 0, 0, false},
		"delay of a year":               {file(track("\x01", "\x02", element("\x56\xaa", "\x70\x00\x00\x00\x00\x00\x00\x00")), ""), longestPacket, 0, false},
		"encrypted sound":               {file(track("\x01", "\x02", locked), ""), 0, 0, true},
		"encrypted sound, told earlier": {file(element("\xae", locked+element("\x83", "\x02")), ""), 0, 0, true},
		"an encrypted picture":          {file(track("\x01", "\x02", "")+track("\x02", "\x01", locked), ""), 0, 0, false},
	} {
		_, _, parts, err := partsOf(t, []byte(c.file))
		if err != nil || len(parts) != 1 || parts[0].encrypted != c.encrypted {
			t.Errorf("%s: %+v, %v", name, parts, err)
			continue
		}
		if lead, tail := parts[0].trim(time.Minute); lead != c.lead || tail != c.tail {
			t.Errorf("%s: %v and %v are trimmed", name, lead, tail)
		}
	}
}

// mp4Box is a box of an ISO base media file.
func mp4Box(kind, content string) string {
	return string(be32(uint32(8+len(content)))) + kind + content
}

func TestPartsOfMP4(t *testing.T) {
	kind, index := mp4Box("ftyp", "isom\x00\x00\x00\x00isom"), mp4Box("moov", mp4Box("trak", ""))
	data, fragment := mp4Box("mdat", "sound, sound, sound"), mp4Box("moof", "")
	for name, c := range map[string]struct {
		parts []string // of which the file is joined
		tail  string   // what belongs to the last
	}{
		"one":                              {[]string{kind + index + data}, ""},
		"one, index behind":                {[]string{kind + data + index}, ""},
		"two":                              {[]string{kind + data + index, kind + index + data}, ""},
		"two in fragments":                 {[]string{kind + index + fragment + data + fragment + data, kind + index + fragment + data}, ""},
		"fragments, the index sent again":  {[]string{kind + index + fragment + data, index + fragment + data}, ""},
		"data without an end, another":     {[]string{kind + index + "\x00\x00\x00\x00mdatsound", kind + index + data}, ""},
		"one cut in its data, another":     {[]string{kind + index + mp4Box("mdat", "sound")[:10], kind + index + data}, ""},
		"one cut within a header, another": {[]string{kind + index + data + "\x00\x00", kind + index + data}, ""},
		"one, and junk":                    {[]string{kind + index + data}, "\x00\x00\x00\x02junk"},
		"only a type and junk":             {[]string{kind}, "\x00\x00\x00\x02junk"},
		"two types":                        {[]string{kind + kind + index + data}, ""},
		"a picture in the index":           {[]string{kind + data + mp4Box("moov", mp4Box("trak", "")+mp4Box("udta", kind))}, ""},
		"a large size":                     {[]string{kind + index + "\x00\x00\x00\x01mdat\x00\x00\x00\x00\x00\x00\x00\x15sound", kind + index + data}, ""},
		"a size beyond all":                {[]string{kind + index + "\x00\x00\x00\x01mdat\xff\xff\xff\xff\xff\xff\xff\xffsound", kind + index + data}, ""},
	} {
		at, want := 0, ""
		for _, p := range c.parts {
			want += fmt.Sprintf(" %d-%d", at, at+len(p))
			at += len(p)
		}
		if c.tail != "" {
			want = strings.TrimSuffix(want, strconv.Itoa(at)) + strconv.Itoa(at+len(c.tail))
		}
		f, got, _, err := partsOf(t, []byte(strings.Join(c.parts, "")+c.tail))
		if got != strings.TrimSpace(want) || f != M4A || err != nil {
			t.Errorf("%s: %v %s, %v; want %s", name, f, got, err, want)
		}
	}
}

// tagged is an MPEG-1 layer III frame of 44.1 kHz with an encoder's tag, of 4 bytes before delay
// and padding.
func tagged(frames uint32, encoder string, delay, pad int) []byte {
	f := frameOf(0xfffb9000)
	at := 4 + 32
	at += copy(f[at:], "Xing\x00\x00\x00\x0f")
	at += copy(f[at:], be32(frames))
	at += 4 + 100 + 4 // bytes, table, quality
	copy(f[at:], encoder)
	f[at+21], f[at+22], f[at+23] = byte(delay>>4), byte(delay<<4|pad>>8), byte(pad)
	return f
}

// frameOf is an empty frame with this header.
func frameOf(header uint32) []byte {
	f := make([]byte, mpegFrame(header).bytes)
	binary.BigEndian.PutUint32(f, header)
	return f
}

func TestPartsOfMP3(t *testing.T) {
	const mono, low = 0xfffb90c0, 0xfff34000
	run := func(header uint32, n int) []byte { return bytes.Repeat(frameOf(header), n) }
	a, b := append(tagged(5, "LAME3.100", 576, 1000), frames(5)...), run(mono, 4)
	tag := []byte(id3(500))
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	n, m := len(a), len(b)
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"one":                                   {a, fmt.Sprintf("0-%d", n)},
		"two with a tag":                        {join(a, a), fmt.Sprintf("0-%d %d-%d", n, n, 2*n)},
		"a tag between":                         {join(a, tag, a), fmt.Sprintf("0-%d %d-%d", n, n+len(tag), 2*n+len(tag))},
		"a tag between, without encoders' tags": {join(b, tag, b), fmt.Sprintf("0-%d %d-%d", m, m+len(tag), 2*m+len(tag))},
		"the time between":                      {join(b, []byte("ID3\x04\x00\x00\x00\x00\x00\x12PRIV\x00\x00\x00\x08\x00\x00com.time"), b), fmt.Sprintf("0-%d", 2*m+28)},
		"a tag in front":                        {join(tag, a), fmt.Sprintf("%d-%d", len(tag), n+len(tag))},
		"other channels":                        {join(a, b), fmt.Sprintf("0-%d %d-%d", n, n, n+m)},
		"another rate":                          {join(b, run(low, 3)), fmt.Sprintf("0-%d %d-%d", m, m, m+len(run(low, 3)))},
		"the same without tags":                 {join(b, b), fmt.Sprintf("0-%d", 2*m)},
		"a header in the noise":                 {join(b, []byte("\xff\xf3\x40\x00noise"), b), fmt.Sprintf("0-%d", 2*m+9)},
		"a tag behind":                          {join(a, []byte("TAG"+strings.Repeat("x", 125))), fmt.Sprintf("0-%d", n)},
	} {
		if f, got, _, err := partsOf(t, c.file); got != c.want || f != MP3 || err != nil {
			t.Errorf("%s: %v %s, %v; want %s", name, f, got, err, c.want)
		}
	}
}

func TestPartsOfADTS(t *testing.T) {
	one, other := aacFrames(4), bytes.Repeat(append([]byte{0xff, 0xf1, 0x60, 0x80, 0x0c, 0x9f, 0xfc}, make([]byte, 93)...), 5)
	tag, time := []byte(id3(500)), []byte("ID3\x04\x00\x00\x00\x00\x00\x12PRIV\x00\x00\x00\x08\x00\x00com.time")
	for name, c := range map[string]struct {
		file [][]byte
		want string
	}{
		"one":            {[][]byte{one}, "0-400"},
		"the same again": {[][]byte{one, one}, "0-800"},
		"another rate":   {[][]byte{one, other}, "0-400 400-900"},
		"a tag between":  {[][]byte{one, tag, one}, "0-400 910-1310"},
		"time between":   {[][]byte{time, one, time, one}, "28-856"},
		"noise between":  {[][]byte{one, []byte("\xff\xf1noise"), one}, "0-807"},
		"noise behind":   {[][]byte{one, []byte("\xff\xf1noise")}, "0-400"},
	} {
		if f, got, _, err := partsOf(t, bytes.Join(c.file, nil)); got != c.want || f != AAC || err != nil {
			t.Errorf("%s: %v %s, %v; want %s", name, f, got, err, c.want)
		}
	}
}

func TestWhatAnMP3TellsOfItsDelayAndPadding(t *testing.T) {
	held := func(frames int) time.Duration { return time.Duration(frames*1152) * time.Second / 44100 }
	samples := func(d time.Duration) int { return int(math.Round(d.Seconds() * 44100)) }
	for name, c := range map[string]struct {
		tag              []byte
		frames           int // that there are
		wantLead, wanted int // samples
	}{
		"as encoded":               {tagged(5, "LAME3.100", 576, 1000), 5, 576 + 529, 1000 - 529},
		"of ffmpeg":                {tagged(5, "Lavf", 576, 1000), 5, 576 + 529, 1000 - 529},
		"padding less than a tail": {tagged(5, "LAME3.100", 576, 400), 5, 576 + 529, 0},
		"fewer frames than told":   {tagged(9, "LAME3.100", 576, 1000), 5, 576 + 529, 0},
		"more frames than told":    {tagged(5, "LAME3.100", 576, 1000), 9, 576 + 529, 1000 - 529},
		"frames not told":          {tagged(0, "LAME3.100", 576, 1000), 5, 576 + 529, 0},
	} {
		_, _, parts, err := partsOf(t, append(c.tag, frames(c.frames)...))
		if err != nil || len(parts) != 1 || parts[0].trim == nil {
			t.Errorf("%s: %+v, %v", name, parts, err)
			continue
		}
		if lead, tail := parts[0].trim(held(c.frames)); samples(lead) != c.wantLead || samples(tail) != c.wanted {
			t.Errorf("%s: %d and %d samples are trimmed", name, samples(lead), samples(tail))
		}
	}
	for name, tag := range map[string][]byte{"of an encoder that ffmpeg does not follow": tagged(5, "GOGO", 576, 1000), "no tag": frames(1)} {
		if _, _, parts, err := partsOf(t, append(tag, frames(5)...)); err != nil || parts[0].trim != nil {
			t.Errorf("%s: %+v, %v", name, parts, err)
		}
	}
}

func TestAFileIsJoinedOfSoManyAtMost(t *testing.T) {
	one := webmHeader() + element(hSegment, element(hCluster, ""))
	wav := riffOf("RIFF", chunkOf("fmt ", strings.Repeat("\x01", 16)), chunkOf("data", "sound"))
	page := "OggS\x00\x02" + strings.Repeat("\x00", 20) + "\x00" + "OggS\x00\x00" + strings.Repeat("\x00", 20) + "\x00"
	for name, one := range map[string]string{"webm": one, "wav": string(wav), "ogg": page, "flac": "fLaC\x00\x00\x00\x22" + strings.Repeat("\x00", 34),
		"m4a": mp4Box("ftyp", "isom\x00\x00\x00\x00") + mp4Box("moov", "")} {
		if _, _, parts, err := partsOf(t, []byte(strings.Repeat(one, maxParts))); err != nil || len(parts) != maxParts {
			t.Errorf("%s: %d parts, %v", name, len(parts), err)
		}
		if _, _, parts, err := partsOf(t, []byte(strings.Repeat(one, maxParts+1))); !errcode.Is(err, errcode.AudioDurationUnavailable) {
			t.Errorf("%s, one more: %d parts, %v", name, len(parts), err)
		}
	}
	// Bare frames need no header: what is more is read with the last part.
	mp3 := bytes.Repeat(append(tagged(1, "LAME", 576, 1000), frames(1)...), maxParts+9)
	_, _, parts, err := partsOf(t, mp3)
	if err != nil || len(parts) != maxParts || parts[maxParts-1].to != int64(len(mp3)) {
		t.Errorf("mp3: %d parts, %v", len(parts), err)
	}
}

func TestAWindowFindsWhatLiesAcrossItsEdges(t *testing.T) {
	for _, at := range []int{0, windowBytes/2 - 2, windowBytes/2 - 1, windowBytes - 2, windowBytes, 3*windowBytes - 3} {
		b := make([]byte, 3*windowBytes)
		copy(b[at:], "abc")
		w := newWindow(bytes.NewReader(b), int64(len(b)))
		if got := w.find("abc", 0, w.size); got != int64(at) {
			t.Errorf("at %d: found at %d", at, got)
		}
		if got := w.find("abc", 0, int64(at)+2); got != -1 {
			t.Errorf("at %d: found at %d within less", at, got)
		}
		if got := w.find("abc", int64(at)+1, w.size); got != -1 {
			t.Errorf("at %d: found at %d behind it", at, got)
		}
		if !w.has(int64(at), "abc") || w.has(int64(at)-1, "abc") {
			t.Errorf("at %d: reads %q", at, w.bytes(int64(at), 3))
		}
	}
}
