package audio

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// frames are n empty MPEG-1 layer III frames of 128 kbit/s at 44.1 kHz.
func frames(n int) []byte {
	var b []byte
	for range n {
		f := make([]byte, 417)
		binary.BigEndian.PutUint32(f, 0xfffb9000)
		b = append(b, f...)
	}
	return b
}

// aacFrames are n empty ADTS frames of 100 bytes.
func aacFrames(n int) []byte {
	return bytes.Repeat(append([]byte{0xff, 0xf1, 0x50, 0x80, 0x0c, 0x9f, 0xfc}, make([]byte, 93)...), n)
}

func TestIdentify(t *testing.T) {
	id3 := func(n int) []byte {
		return append([]byte{'I', 'D', '3', 4, 0, 0, 0, 0, byte(n >> 7), byte(n & 127)}, make([]byte, n)...)
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for name, c := range map[string]struct {
		head []byte
		want string
	}{
		"wav":                        {[]byte("RIFF\x00\x00\x00\x00WAVEfmt "), "wav"},
		"rf64":                       {[]byte("RF64\xff\xff\xff\xffWAVEds64"), "wav"},
		"avi":                        {[]byte("RIFF\x00\x00\x00\x00AVI LIST"), ""},
		"flac":                       {[]byte("fLaC\x00\x00\x00\x22"), "flac"},
		"ogg":                        {[]byte("OggS\x00\x02"), "ogg"},
		"webm":                       {[]byte("\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm\x42\x87\x81\x04"), "webm"},
		"matroska":                   {[]byte("\x1a\x45\xdf\xa3\xa3\x42\x82\x88matroska"), "webm"},
		"another EBML":               {[]byte("\x1a\x45\xdf\xa3\xa3\x42\x82\x84nope"), ""},
		"EBML cut off":               {[]byte("\x1a\x45\xdf\xa3\xa3\x42\x82"), ""},
		"m4a":                        {[]byte("\x00\x00\x00\x20ftypM4A \x00\x00\x02\x00"), "m4a"},
		"mp4":                        {[]byte("\x00\x00\x00\x20ftypisom\x00\x00\x02\x00"), "m4a"},
		"quicktime":                  {[]byte("\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00"), "m4a"},
		"heic":                       {[]byte("\x00\x00\x00\x20ftypheic\x00\x00\x02\x00"), ""},
		"mp3":                        {frames(3), "mp3"},
		"mp3 of two frames":          {frames(2), ""},
		"mp3 after zeros":            {join(make([]byte, 4095), frames(3)), "mp3"},
		"mp3 after too many zeros":   {join(make([]byte, 4096), frames(3)), ""},
		"mp3 with a tag":             {join(id3(300), frames(3)), "mp3"},
		"flac with a tag":            {join(id3(300), []byte("fLaC")), "flac"},
		"text with a tag":            {join(id3(300), bytes.Repeat([]byte("text"), 999)), ""},
		"a tag that goes on beyond":  {id3(9000)[:500], ""},
		"a long tag before ogg":      {join(id3(16000), id3(16000), []byte("OggS\x00\x02")), "ogg"},
		"a tag of nonsense":          {[]byte("ID3\x04\x00\x00\xff\xff\xff\xff......"), ""},
		"a sync and then nothing":    {join([]byte{0xff, 0xfb, 0x90, 0}, make([]byte, 9000)), ""},
		"adts":                       {join(aacFrames(3)), "m4a"},
		"adts of two frames":         {aacFrames(2), ""},
		"adts that contradict":       {bytes.Repeat([]byte{0xff, 0xf1, 0x50, 0x80, 0x02, 0x1f, 0xfc}, 300), ""},
		"any brand":                  {[]byte("\x00\x00\x00\x20ftypxq7 \x00\x00\x02\x00"), "m4a"},
		"a picture's brand":          {[]byte("\x00\x00\x00\x20ftypavif\x00\x00\x02\x00"), ""},
		"rifx":                       {[]byte("RIFX\x00\x00\x00\x00WAVEfmt "), "wav"},
		"utf-16 text":                {bytes.Repeat([]byte{0xff, 0xfe}, 3000), ""},
		"all ones":                   {bytes.Repeat([]byte{0xff}, 9000), ""},
		"playlist":                   {[]byte("#EXTM3U\nhttp://example.com/a.mp3"), ""},
		"nothing":                    {nil, ""},
		"a word that begins like it": {[]byte("RIFFraff and WAVE"), ""},
	} {
		f, _, ok := identify(newWindow(bytes.NewReader(c.head), int64(len(c.head))))
		if ok != (c.want != "") || ok && f.Name != c.want {
			t.Errorf("%s: got %q, %v, want %q", name, f.Name, ok, c.want)
		}
	}
}

func FuzzIdentify(f *testing.F) {
	f.Add(frames(3))
	f.Add([]byte("ID3\x04\x00\x00\x00\x00\x00\x01"))
	f.Add([]byte("\x1a\x45\xdf\xa3\xa3\x42\x82"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, from, ok := identify(newWindow(bytes.NewReader(b), int64(len(b)))); ok && (from < 0 || from >= int64(len(b))) {
			t.Errorf("a recording at %d of %d bytes", from, len(b))
		}
	})
}
