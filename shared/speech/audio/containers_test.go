package audio

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"parley/shared/errcode"
)

// What the table's samples of joined, gapped, wrapped and damaged containers are made with.

// join is several samples behind one another.
func join(of ...func(*kitchen) []byte) func(*kitchen) []byte {
	return func(k *kitchen) []byte {
		var b []byte
		for _, f := range of {
			b = append(b, f(k)...)
		}
		return b
	}
}

// id3 is a tag of so many bytes without its header: a picture.
func id3(n int) string {
	return "ID3\x03\x00\x00" + string([]byte{byte(n >> 21 & 127), byte(n >> 14 & 127), byte(n >> 7 & 127), byte(n & 127)}) + strings.Repeat("\xff\xfbP\x00picture", n/11) + strings.Repeat("p", n%11)
}

// shifted is a sample whose packets from a second on come later by so much, both in s. What it is
// written to may take more arguments.
func shifted(of func(*kitchen) []byte, out string, from, by float64, args ...string) func(*kitchen) []byte {
	return func(k *kitchen) []byte {
		expr := fmt.Sprintf(`if(gte(PTS*TB\,%g)\,PTS+%g/TB\,PTS)`, from, by)
		setts := "setts=pts=" + expr + ":dts=" + strings.ReplaceAll(expr, "PTS", "DTS")
		return k.from(of(k), out, append([]string{"-c", "copy", "-bsf:a", setts}, args...)...)
	}
}

// setBack is a WebM in which the clusters' times from a ms on are earlier by so many.
func setBack(of func(*kitchen) []byte, from, by uint64) func(*kitchen) []byte {
	return func(k *kitchen) []byte {
		b := of(k)
		changes := 0
		for i := 0; ; {
			n := bytes.Index(b[i:], []byte("\x1f\x43\xb6\x75"))
			if n < 0 {
				break
			}
			i += n + 4
			at := bytes.IndexByte(b[i:i+16], 0xe7) + i + 1
			size := int(b[at] & 0x7f)
			v := b[at+1 : at+1+size]
			ms := uint64(0)
			for _, c := range v {
				ms = ms<<8 | uint64(c)
			}
			if ms < from {
				continue
			}
			ms -= by
			for j := range v {
				v[len(v)-1-j] = byte(ms >> (8 * j))
			}
			changes++
		}
		if changes == 0 {
			k.t.Fatal("no cluster was set back")
		}
		return b
	}
}

// attached is the usual sound in Matroska with a file attached.
func attached(of func(*kitchen) []byte) func(*kitchen) []byte {
	return func(k *kitchen) []byte {
		name := filepath.Join(k.t.TempDir(), "attached")
		must(k.t, os.WriteFile(name, of(k), 0o600))
		return k.ffmpeg("out.mka", "-attach", name, "-metadata:s:t", "mimetype=video/webm", "-c:a", "libopus")
	}
}

// An ISO base media file is taken apart for a sample: find gives where the nth box of a kind
// begins, as long as its name stands nowhere else.
func find(k *kitchen, b []byte, kind string, n int) int {
	at := 0
	for range n {
		i := bytes.Index(b[at:], []byte(kind))
		if i < 0 {
			k.t.Fatalf("there are not %d boxes %q", n, kind)
		}
		at += i + 4
	}
	return at - 8
}

// top is the top-level boxes of a file.
func top(b []byte) (boxes [][]byte) {
	for len(b) >= 8 {
		n := min(max(int(binary.BigEndian.Uint32(b)), 8), len(b))
		boxes, b = append(boxes, b[:n:n]), b[n:]
	}
	return boxes
}

// kindOf is a box's.
func kindOf(box []byte) string { return string(box[4:8]) }

// without is a sample without the top-level boxes of some kinds.
func without(of func(*kitchen) []byte, kinds ...string) func(*kitchen) []byte {
	return func(k *kitchen) []byte {
		return bytes.Join(slices.DeleteFunc(top(of(k)), func(b []byte) bool { return slices.Contains(kinds, kindOf(b)) }), nil)
	}
}

// resent is a fragmented file whose beginning stands again before its nth fragment; from there so
// many fragments are left out.
func resent(of func(*kitchen) []byte, n, lost int) func(*kitchen) []byte {
	return func(k *kitchen) []byte {
		var head, out [][]byte
		fragments := 0
		for _, b := range top(of(k)) {
			switch kindOf(b) {
			case "ftyp", "moov":
				head = append(head, b)
			case "moof":
				if fragments++; fragments == n {
					out = append(out, head...)
				}
			}
			if fragments < n || fragments >= n+lost {
				out = append(out, b)
			}
		}
		return bytes.Join(out, nil)
	}
}

// brand is an ISO base media file of another major brand.
func brand(of func(*kitchen) []byte, major string) func(*kitchen) []byte {
	return changed(of, "ftyp", 0, []byte(major))
}

// kindOfSound is an ISO base media file whose nth track of sound claims another kind.
func kindOfSound(of func(*kitchen) []byte, was, is string, n int) func(*kitchen) []byte {
	return func(k *kitchen) []byte {
		b := of(k)
		// The name may stand in the data too: the box is that whose parent is the sample
		// description.
		at := find(k, b, "stsd", n)
		copy(b[at+20:], is)
		if got := string(b[at+16+4 : at+16+8]); got != is || was == is {
			k.t.Fatalf("a kind %q", got)
		}
		return b
	}
}

// emptied is an MP4 whose first track holds no sample.
func emptied(of func(*kitchen) []byte) func(*kitchen) []byte {
	return func(k *kitchen) []byte {
		b := of(k)
		for kind, count := range map[string]int{"stts": 12, "stsc": 12, "stsz": 16, "stco": 12} {
			copy(b[find(k, b, kind, 1)+count:], be32(0))
		}
		return b
	}
}

// played is an MP4 of one track whose edit list plays only so many s.
func played(of func(*kitchen) []byte, seconds uint32) func(*kitchen) []byte {
	return func(k *kitchen) []byte {
		b := of(k)
		scale := binary.BigEndian.Uint32(b[find(k, b, "mvhd", 1)+20:])
		for kind, at := range map[string]int{"mvhd": 24, "tkhd": 28, "elst": 16} {
			copy(b[find(k, b, kind, 1)+at:], be32(seconds*scale))
		}
		return b
	}
}

// iTunes is an MP4 whose index, at its end, gets the tag of delay, padding and length that iTunes
// writes.
func iTunes(of func(*kitchen) []byte, delay, padding, samples int) func(*kitchen) []byte {
	return func(k *kitchen) []byte {
		box := func(kind string, parts ...string) string {
			s := strings.Join(parts, "")
			return string(be32(uint32(8+len(s)))) + kind + s
		}
		text := fmt.Sprintf(" 00000000 %08X %08X %016X", delay, padding, samples) + strings.Repeat(" 00000000", 8)
		tag := box("----", box("mean", "\x00\x00\x00\x00com.apple.iTunes"), box("name", "\x00\x00\x00\x00iTunSMPB"), box("data", "\x00\x00\x00\x01\x00\x00\x00\x00", text))
		meta := box("udta", box("meta", "\x00\x00\x00\x00", box("hdlr", strings.Repeat("\x00", 8)+"mdirappl"+strings.Repeat("\x00", 9)), box("ilst", tag)))
		boxes := top(of(k))
		last := boxes[len(boxes)-1]
		if kindOf(last) != "moov" {
			k.t.Fatalf("the index is not last but %q", kindOf(last))
		}
		copy(last, be32(uint32(len(last)+len(meta))))
		return append(bytes.Join(boxes, nil), meta...)
	}
}

// oggPages changes the pages of an Ogg file and puts their checksums right.
func oggPages(of func(*kitchen) []byte, do func(page []byte)) func(*kitchen) []byte {
	return func(k *kitchen) []byte {
		b := of(k)
		for at := 0; at < len(b); {
			n := int(b[at+26])
			size := 27 + n
			for _, s := range b[at+27 : at+27+n] {
				size += int(s)
			}
			page := b[at : at+size]
			do(page)
			copy(page[22:], le32(0))
			copy(page[22:], le32(oggSum(page)))
			at += size
		}
		return b
	}
}

// oggSum is the checksum of an Ogg page: CRC-32 of the polynomial 0x04c11db7, the bits not
// reflected.
func oggSum(page []byte) uint32 {
	reversed := make([]byte, len(page))
	for i, c := range page {
		reversed[i] = reverse8(c)
	}
	// The library's is reflected, and inverted at both ends.
	sum := ^crc32.Update(0xffffffff, crc32.IEEETable, reversed)
	return reverse32(sum)
}

func reverse8(c byte) (r byte) {
	for range 8 {
		r, c = r<<1|c&1, c>>1
	}
	return r
}

func reverse32(v uint32) (r uint32) {
	for range 32 {
		r, v = r<<1|v&1, v>>1
	}
	return r
}

// later is an Ogg file whose time begins so many samples later.
func later(of func(*kitchen) []byte, samples uint64) func(*kitchen) []byte {
	return oggPages(of, func(page []byte) {
		if at := int64(binary.LittleEndian.Uint64(page[6:])); at > 0 {
			binary.LittleEndian.PutUint64(page[6:], uint64(at)+samples)
		}
	})
}

// riffOf is a WAV of these chunks.
func riffOf(magic string, chunks ...string) []byte {
	body := "WAVE" + strings.Join(chunks, "")
	return []byte(magic + string(le32(uint32(len(body)))) + body)
}

// chunkOf is a chunk, filled up to an even size.
func chunkOf(id, content string) string {
	return id + string(le32(uint32(len(content)))) + content + strings.Repeat("\x00", len(content)&1)
}

// wavOf is a WAV of the usual sound with chunks before and behind its samples.
func wavOf(before, after string) func(*kitchen) []byte {
	return func(k *kitchen) []byte {
		b := plain(k)
		return riffOf("RIFF", string(b[12:36]), before, chunkOf("data", string(b[44:])), after)
	}
}

// bigEndian is the usual sound as a WAV with the bytes the other way round.
func bigEndian(k *kitchen) []byte {
	b := plain(k)[44:]
	for i := 0; i+1 < len(b); i += 2 {
		b[i], b[i+1] = b[i+1], b[i]
	}
	format := "\x00\x01\x00\x01\x00\x00\x1f\x40\x00\x00\x3e\x80\x00\x02\x00\x10"
	body := "WAVEfmt " + string(be32(16)) + format + "data" + string(be32(uint32(len(b)))) + string(b)
	return []byte("RIFX" + string(be32(uint32(len(body)))) + body)
}

// extensible is a WAV of one channel whose format is told in the long form, with this code of what
// is within.
func extensible(codec string, kind, bits int) func(*kitchen) []byte {
	return func(k *kitchen) []byte {
		b := pcm(codec)(k)
		_, after, _ := bytes.Cut(b, []byte("data"))
		data := append([]byte("data"), after...)
		var f bytes.Buffer
		for _, v := range []any{uint16(0xfffe), uint16(1), uint32(rate), uint32(rate * bits / 8), uint16(bits / 8), uint16(bits), uint16(22), uint16(bits), uint32(4),
			uint16(kind), []byte("\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71")} {
			must(k.t, binary.Write(&f, binary.LittleEndian, v))
		}
		return riffOf("RIFF", chunkOf("fmt ", f.String()), string(data))
	}
}

// ds64 is a WAV of more than 32 bits of size in the form of this name.
func ds64(magic string) func(*kitchen) []byte {
	return func(k *kitchen) []byte {
		b := plain(k)
		sound := b[44:]
		sizes := make([]byte, 28)
		binary.LittleEndian.PutUint64(sizes[8:], uint64(len(sound)))
		out := riffOf(magic, chunkOf("ds64", string(sizes)), string(b[12:36]), "data\xff\xff\xff\xff"+string(sound))
		copy(out[4:], "\xff\xff\xff\xff")
		return out
	}
}

var (
	liveWebM   = encode("out.webm", "-c:a", "libopus", "-b:a", "16k", "-vbr", "off", "-f", "webm", "-live", "1", "-cluster_time_limit", "1000")
	matroska   = of(44100, 2, "out.mka", "-c:a", "flac")
	fragments  = []string{"-movflags", "frag_keyframe+empty_moov+default_base_moof", "-frag_duration", "1000000"}
	fragmented = encode("out.mp4", args([]string{"-ar", "44100", "-c:a", "aac"}, fragments...)...)
	opusMP4    = encode("out.mp4", "-c:a", "libopus")
	otherADTS  = of(44100, 2, "out.aac", "-c:a", "aac")
	otherMP3   = of(48000, 2, "out.mp3", "-c:a", "libmp3lame", "-b:a", "64k")
	otherOGG   = of(44100, 2, "out.ogg", "-c:a", "libvorbis")
	// A screen recorder's: the sound of the machine, then the microphone.
	secondSound = []string{"-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-map", "1:a", "-map", "0:a", "-t", "12"}
	secondChime = []string{"-f", "lavfi", "-i", "sine=f=880:r=8000:d=1", "-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono:d=11", "-filter_complex", "[1][2]concat=n=2:v=0:a=1[chime]", "-map", "[chime]", "-map", "0:a"}
)

// joinedSamples are of recordings that were put behind one another: they count whole.
var joinedSamples = []sample{
	{"webm, two joined", twice(opusWebM), WebM, 24_000, 60, "", "", 0},
	{"webm, two of a browser joined", twice(liveWebM), WebM, 24_000, 60, "", "", 0},
	{"webm, three joined", join(liveWebM, liveWebM, liveWebM), WebM, 36_000, 90, "", "", 0},
	{"matroska, two of other rates and numbers of channels joined", join(encode("out.mka", "-c:a", "flac"), matroska), WebM, 24_000, 0, "", "", 0},
	{"webm, one of opus and one of vorbis joined", join(liveWebM, encode("out.webm", "-ar", "44100", "-c:a", "libvorbis")), WebM, 24_000, 60, "", "", 0},
	{"webm, a recording that was cut off and a whole one", join(portion(50, liveWebM), liveWebM), WebM, 18_000, 500, "", "", 0},
	{"webm, behind it the beginning of another", join(liveWebM, func(k *kitchen) []byte { return liveWebM(k)[:200] }), WebM, 12_000, 40, "", "", 0},
	{"webm, behind it one that promises what is not there", join(liveWebM, portion(50, opusWebM)), WebM, 0, 0, errcode.AudioDurationUnavailable, "", 0},
	{"matroska with a webm attached", attached(opusWebM), WebM, 12_000, 40, "", "", 0},
	{"matroska with a webm attached, and another behind", join(attached(opusWebM), opusWebM), WebM, 24_000, 60, "", "", 0},
	{"m4a, two joined", twice(aac), M4A, 24_000, 60, "", "", 0},
	{"m4a, two joined, each with its index in front", twice(frontAAC), M4A, 24_000, 60, "", "", 0},
	{"mp4 in fragments, two joined", twice(fragmented), M4A, 24_000, 100, "", "", 0},
	{"mp4 in fragments, one joined to a whole one", join(fragmented, aac), M4A, 24_000, 100, "", "", 0},
	{"mp4 in fragments, two of other rates joined", join(fragmented, encode("out.mp4", args([]string{"-ar", "48000", "-ac", "2", "-c:a", "aac"}, fragments...)...)), M4A, 24_000, 120, "", "", 0},
	{"mp4 in fragments whose beginning was sent again", resent(fragmented, 6, 0), M4A, 12_000, 100, "", "", 0},
	{"mp4 in fragments whose beginning was sent again after two that were lost", resent(fragmented, 6, 2), M4A, 12_000, 100, "", "", 0},
	{"mp4 in fragments whose index alone was sent again", func(k *kitchen) []byte {
		b := resent(fragmented, 6, 0)(k)
		i := bytes.LastIndex(b, []byte("ftyp")) - 4
		return append(b[:i:i], b[i+int(binary.BigEndian.Uint32(b[i:])):]...)
	}, M4A, 12_000, 100, "", "", 0},
	{"mp4 in fragments, two joined of which the second has no beginning", join(without(fragmented, "mfra"), without(fragmented, "ftyp", "moov", "mfra")), M4A, 24_000, 100, "", "", 0},
	{"m4a that was cut off, and a whole one", join(portion(60, without(fragmented, "mfra")), fragmented), M4A, 19_000, 1000, "", "", 0},
	{"ogg, vorbis, two of other rates and numbers of channels", join(vorbisOGG, of(16000, 1, "out.ogg", "-c:a", "libvorbis")), OGG, 24_000, 60, "", "", 0},
	{"ogg, vorbis of one channel, then of two", join(of(16000, 1, "out.ogg", "-c:a", "libvorbis"), otherOGG), OGG, 24_000, 60, "", "", 0},
	{"ogg, opus, then vorbis, then FLAC", join(opusOGG, otherOGG, encode("out.ogg", "-c:a", "flac")), OGG, 36_000, 60, "", "", 0},
	{"ogg, FLAC of two rates", join(encode("out.ogg", "-c:a", "flac"), of(44100, 2, "out.ogg", "-c:a", "flac")), OGG, 24_000, 60, "", "", 0},
	{"ogg, opus, a chain of two between which bytes were lost", join(opusOGG, text(strings.Repeat("lost", 999)), vorbisOGG), OGG, 24_000, 60, "", "", 0},
	{"ogg, a link that was cut off and a whole one", join(portion(50, encode("out.ogg", "-c:a", "libopus", "-b:a", "16k", "-vbr", "off")), vorbisOGG), OGG, 18_000, 1100, "", "", 0},
	{"ogg, opus, a link whose time begins anywhere", join(opusOGG, later(opusOGG, 48000*3600)), OGG, 24_000, 60, "", "", 0},
	{"ogg with a picture track, a chain of two", twice(encode("out.ogv", args(film, "-t", "12", "-c:v", "libtheora", "-c:a", "libvorbis")...)), OGG, 24_000, 60, "", "", 0},
	{"mp3, two with a cover each", twice(encode("out.mp3", args(picture, "-ar", "44100", "-c:a", "libmp3lame", "-id3v2_version", "3")...)), MP3, 24_000, 60, "", "", 0},
	{"mp3, two of other rates and numbers of channels", join(mp3, otherMP3), MP3, 24_000, 60, "", "", 0},
	{"mp3, two without Xing frame and tag", twice(bareMP3), MP3, 24_000, 480, "", "", 0},
	{"mp3, two with a tag at the end of the first", join(encode("out.mp3", "-ar", "44100", "-c:a", "libmp3lame", "-write_id3v1", "1"), mp3), MP3, 24_000, 60, "", "", 0},
	{"mp3, ten joined", join(mp3, otherMP3, mp3, mp3, mp3, otherMP3, otherMP3, mp3, mp3, mp3), MP3, 120_000, 60, "", "", 0},
	{"raw AAC, two joined", twice(adts), AAC, 24_000, 600, "", "", 0},
	{"raw AAC, two of other rates and numbers of channels", join(adts, otherADTS), AAC, 24_000, 400, "", "", 0},
	{"raw AAC, two, each behind an ID3 tag", join(text(id3(5000)), adts, text(id3(90)), adts), AAC, 24_000, 600, "", "", 0},
	{"FLAC, two joined", twice(flacFile), FLAC, 24_000, 0, "", "", 0},
	{"FLAC, two of other rates behind an ID3 tag each", join(text(id3(70_000)), flacFile, text(id3(300)), of(44100, 2, "out.flac", "-c:a", "flac")), FLAC, 24_000, 0, "", "", 0},
	{"WAV, two joined", twice(plain), WAV, 24_000, 0, "", "", 0},
	{"WAV, two of other rates and numbers of channels", join(plain, of(44100, 2)), WAV, 24_000, 0, "", "", 0},
	{"WAV, two with no size", twice(changed(plain, "data", 0, le32(0))), WAV, 24_000, 0, "", "", 0},
	{"WAV, two with a pipe's size", twice(changed(plain, "data", 0, le32(0xffffffff))), WAV, 24_000, 0, "", "", 0},
}

// gapSamples are of packets whose times jump.
var gapSamples = []sample{
	{"webm, 30 s without packets", shifted(opusWebM, "out.webm", 6, 30), WebM, 42_000, 40, "", "", 0},
	{"webm, a minute without packets", shifted(opusWebM, "out.webm", 6, 60), WebM, 72_000, 40, "", "", 0},
	{"webm, a minute and a quarter of a second without packets", shifted(opusWebM, "out.webm", 6, 60.25), WebM, 13_000, 40, "", "", 0},
	{"webm, 12 minutes without packets", shifted(opusWebM, "out.webm", 6, 720), WebM, 13_000, 40, "", "", 0},
	{"webm, a day without packets", shifted(opusWebM, "out.webm", 6, 86_400), WebM, 13_000, 40, "", "", 0},
	{"webm, 40 s, then 2 minutes without packets", shifted(shifted(opusWebM, "out.webm", 4, 40), "out.webm", 50, 120), WebM, 53_000, 60, "", "", 0},
	{"webm, twice 2 minutes without packets", shifted(shifted(opusWebM, "out.webm", 4, 120), "out.webm", 130, 120), WebM, 14_000, 60, "", "", 0},
	{"webm, packets of 60 ms, 12 minutes without any", shifted(encode("out.webm", "-c:a", "libopus", "-frame_duration", "60"), "out.webm", 6, 720), WebM, 13_000, 90, "", "", 0},
	{"webm, packets of 2.5 ms", encode("out.webm", "-c:a", "libopus", "-frame_duration", "2.5"), WebM, 12_000, 40, "", "", 0},
	{"webm, vorbis, 30 s without packets", shifted(encode("out.webm", "-ar", "44100", "-c:a", "libvorbis"), "out.webm", 6, 30), WebM, 42_000, 60, "", "", 0},
	{"matroska, FLAC, 2 minutes without packets", shifted(encode("out.mka", "-c:a", "flac"), "out.mka", 6, 120), WebM, 13_000, 40, "", "", 0},
	{"webm whose times begin at 12 minutes", shifted(opusWebM, "out.webm", -1, 720, "-copyts"), WebM, 12_000, 40, "", "", 0},
	{"webm whose clock was set back by 5 s", setBack(liveWebM, 6000, 5000), WebM, 12_000, 40, "", "", 0},
	{"webm whose clock was set back to 0", setBack(liveWebM, 6000, 6000), WebM, 12_000, 60, "", "", 0},
	{"webm joined, of which the second has 2 minutes without packets", join(liveWebM, shifted(opusWebM, "out.webm", 6, 120)), WebM, 25_000, 60, "", "", 0},
	{"m4a, 30 s without packets", shifted(aac, "out.m4a", 6, 30), M4A, 42_000, 60, "", "", 0},
	{"m4a, a minute without packets", shifted(aac, "out.m4a", 6, 60), M4A, 72_000, 60, "", "", 0},
	{"m4a, 2 minutes without packets", shifted(aac, "out.m4a", 6, 120), M4A, 13_000, 60, "", "", 0},
	{"mp4 in fragments, 30 s without packets", shifted(aac, "out.mp4", 6, 30, fragments...), M4A, 42_000, 100, "", "", 0},
	{"mp4 in fragments, 2 minutes without packets", shifted(aac, "out.mp4", 6, 120, fragments...), M4A, 13_000, 100, "", "", 0},
	{"mp4 with opus, 2 minutes without packets", shifted(opusMP4, "out.mp4", 6, 120), M4A, 13_000, 60, "", "", 0},
	{"ogg, opus, 30 s without packets", shifted(opusOGG, "out.ogg", 6, 30), OGG, 42_000, 40, "", "", 0},
	{"ogg, opus, 12 minutes without packets", shifted(opusOGG, "out.ogg", 6, 720), OGG, 13_000, 40, "", "", 0},
	{"ogg, opus, whose time begins at an hour", later(opusOGG, 48000*3600), OGG, 12_000, 40, "", "", 0},
	{"ogg, vorbis, whose time begins at an hour", later(vorbisOGG, 44100*3600), OGG, 12_000, 60, "", "", 0},
}

// wrappedSamples are of brands, tags, wrappers and tracks.
var wrappedSamples = []sample{
	{"mp4 in fragments of the brand cmfc", brand(fragmented, "cmfc"), M4A, 12_000, 60, "", "", 0},
	{"mp4 in fragments of a brand that nobody knows", brand(fragmented, "xq7 "), M4A, 12_000, 60, "", "", 0},
	{"mp4 in fragments of no brand", brand(fragmented, "\x00\x00\x00\x00"), M4A, 12_000, 60, "", "", 0},
	{"QuickTime without its type", without(encode("out.mov", "-c:a", "pcm_s16le", "-movflags", "frag_keyframe+empty_moov+default_base_moof"), "ftyp"), M4A, 12_000, 60, "", "", 0},
	{"FLAC behind an ID3 tag of 300 KB", behind(id3(300_000), flacFile), FLAC, 12_000, 0, "", "", 0},
	{"FLAC behind two ID3 tags and zeros", behind(id3(300_000)+id3(17)+strings.Repeat("\x00", 9000), flacFile), FLAC, 12_000, 0, "", "", 0},
	{"FLAC with a tag at its end", join(flacFile, text("TAG"+strings.Repeat("x", 125))), FLAC, 12_000, 0, "", "", 0},
	{"ogg, opus, behind an ID3 tag of 300 KB", behind(id3(300_000), opusOGG), OGG, 12_000, 0, "", "", 0},
	{"webm behind an ID3 tag", behind(id3(20_000), opusWebM), WebM, 12_000, 40, "", "", 0},
	{"m4a behind an ID3 tag", behind(id3(20_001), aac), M4A, 12_000, 60, "", "", 0},
	{"WAV behind an ID3 tag", behind(id3(20_001), plain), WAV, 12_000, 0, "", "", 0},
	{"mp3 behind an APE tag", behind("APETAGEX\xd0\x07\x00\x00\x40\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\xa0"+strings.Repeat("\x00", 8)+strings.Repeat("x", 64), bareMP3), MP3, 12_000, 240, "", "", 0},
	{"raw AAC", adts, AAC, 12_000, 300, "", "", 0},
	{"raw AAC named .m4a", adts, AAC, 12_000, 300, "", "talk.m4a", 0},
	{"raw AAC behind an ID3 tag", behind(id3(300), adts), AAC, 12_000, 300, "", "", 0},
	{"mp4 with sound only in its second track", encode("out.mp4", args(secondSound, "-c:a", "aac", "-ar", "44100")...), M4A, 12_000, 60, "", "", 0},
	{"mp4 with a chime in its first track and sound in its second", encode("out.mp4", args(secondChime, "-c:a", "aac", "-ar", "44100")...), M4A, 12_000, 60, "", "", 0},
	{"matroska with sound only in its second track", encode("out.mka", args(secondSound, "-c:a", "libopus")...), WebM, 12_000, 60, "", "", 0},
	{"mp4 whose first track is empty", emptied(encode("out.mp4", args(twoTracks, "-t", "12", "-c:a", "aac", "-ar", "44100")...)), M4A, 12_000, 60, "", "", 0},
	{"mp4 whose first track cannot be decoded", kindOfSound(encode("out.mp4", args(twoTracks, "-t", "12", "-c:a", "libopus")...), "Opus", "ac-4", 1), M4A, 12_000, 60, "", "", 0},
	{"mp4 whose only track cannot be decoded", kindOfSound(opusMP4, "Opus", "ac-4", 1), M4A, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"mp4 of two tracks of silence", encode("out.mp4", "-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-map", "1:a", "-map", "1:a", "-t", "12", "-c:a", "aac"), M4A, 12_000, 300, "", "", 0},
	{"mp4 with a picture, and sound only in its second track", encode("out.mp4", args([]string{"-f", "lavfi", "-i", "testsrc=size=16x16:rate=2:duration=12"},
		"-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-map", "1:v", "-map", "2:a", "-map", "0:a", "-t", "12", "-c:v", "mpeg4", "-c:a", "aac", "-ar", "44100")...), M4A, 12_000, 60, "", "", 0},
	{"mp4 that is encrypted", encode("out.mp4", "-ar", "44100", "-c:a", "aac", "-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb", "-encryption_kid", "a7e61c373e219033c21091fa607bf3b8"), M4A, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"m4a that a shop protected", kindOfSound(aac, "mp4a", "drms", 1), M4A, 0, 0, errcode.UnsupportedFormat, "", 0},
	{"m4a joined to one that is protected", join(aac, kindOfSound(aac, "mp4a", "drms", 1)), M4A, 0, 0, errcode.UnsupportedFormat, "", 0},
	// wav
	{"RIFX", bigEndian, WAV, 12_000, 0, "", "", 0},
	{"BW64", ds64("BW64"), WAV, 12_000, 0, "", "", 0},
	{"RF64 made by hand", ds64("RF64"), WAV, 12_000, 0, "", "", 0},
	{"RF64, 80 % of it", portion(80, ds64("RF64")), WAV, 0, 0, errcode.AudioDurationUnavailable, "", 0},
	{"WAV, extensible, of one channel", extensible("pcm_s16le", 1, 16), WAV, 12_000, 0, "", "", 0},
	{"WAV, extensible, floats", extensible("pcm_f32le", 3, 32), WAV, 12_000, 0, "", "", 0},
	{"WAV, extensible, A-law", extensible("pcm_alaw", 6, 8), WAV, 12_000, 0, "", "", 0},
	{"WAV, extensible, µ-law", extensible("pcm_mulaw", 7, 8), WAV, 12_000, 0, "", "", 0},
	{"WAV, Yamaha's ADPCM", pcm("adpcm_yamaha"), WAV, 12_000, 0, "", "", 0},
	{"WAV, G.722", pcm("g722", "-ar", "16000"), WAV, 12_000, 0, "", "", 0},
	{"WAV, G.726", pcm("g726"), WAV, 12_000, 0, "", "", 0},
	{"WAV, G.723.1", pcm("g723_1", "-b:a", "6300"), WAV, 12_000, 0, "", "", 0},
	{"WAV, MPEG layer II within", pcm("mp2", "-ar", "16000"), WAV, 12_000, 60, "", "", 0},
	{"WAV with a chunk of an odd size in front", wavOf(chunkOf("LIST", "INFOabc"), ""), WAV, 12_000, 0, "", "", 0},
	{"WAV with chunks of an odd size that are not filled up", wavOf("LIST\x07\x00\x00\x00INFOabc"+"JUNK\x01\x00\x00\x00x", ""), WAV, 12_000, 0, "", "", 0},
	{"WAV whose first chunk has an odd size and is not filled up", func(k *kitchen) []byte {
		b := plain(k)
		return riffOf("RIFF", "bext\x5b\x02\x00\x00"+strings.Repeat("b", 603), string(b[12:]))
	}, WAV, 12_000, 0, "", "", 0},
	{"WAV with chunks of broadcasters and taggers", wavOf(chunkOf("bext", strings.Repeat("b", 603))+chunkOf("JUNK", strings.Repeat("\x00", 27))+chunkOf("iXML", "<x/>"), chunkOf("id3 ", id3(99))+chunkOf("cue ", strings.Repeat("\x00", 28))), WAV, 12_000, 0, "", "", 0},
	{"WAV with 500 chunks in front", wavOf(strings.Repeat(chunkOf("cue ", strings.Repeat("\x00", 28)), 500), ""), WAV, 12_000, 0, "", "", 0},
	{"WAV whose fact chunk is 0", wavOf(chunkOf("fact", "\x00\x00\x00\x00"), ""), WAV, 12_000, 0, "", "", 0},
	// delay and padding
	{"mp3 whose encoder told its delay and padding", mp3, MP3, 12_000, 1, "", "", 0},
	{"m4a whose edit list plays half of it", played(aac, 6), M4A, 6_000, 1, "", "", 0},
	{"m4a whose edit list leaves out the delay", aac, M4A, 12_000, 1, "", "", 0},
	{"m4a with iTunes' tag", iTunes(encode("out.m4a", "-ar", "44100", "-c:a", "aac", "-use_editlist", "0"), 1024, 432, 529_200), M4A, 12_000, 12, "", "", 0},
	{"webm that tells its delay and padding", opusWebM, WebM, 12_000, 2, "", "", 0},
	{"ogg, opus, that tells its delay and padding", opusOGG, OGG, 12_000, 1, "", "", 0},
	{"ogg, vorbis, that tells its padding", vorbisOGG, OGG, 12_000, 1, "", "", 0},
	{"WAV, Microsoft's ADPCM, that tells how many samples there are", pcm("adpcm_ms"), WAV, 12_000, 1, "", "", 0},
}

// boundSamples are about 45 minutes long.
var boundSamples = []sample{
	{"WAV of 2700.1 s", quiet(27001 * rate / 10), WAV, 2_700_000, 0, "", "", 0},
	{"WAV of 2701 s", quiet(2701 * rate), WAV, 2_700_000, 0, "", "", -1},
	{"WAV of a millisecond over 2701 s", quiet(2701*rate + rate/1000), WAV, 2_701_001, 1, "", "", 0},
	{"mp3 of 45 minutes, whose packets hold more", silent(2700, "out.mp3", "-c:a", "libmp3lame", "-compression_level", "9", "-b:a", "8k"), MP3, 2_700_000, 1, "", "", 0},
	{"mp3 of 45 minutes without a word of its padding", silent(2700, "out.mp3", "-c:a", "libmp3lame", "-compression_level", "9", "-b:a", "8k", "-write_xing", "0"), MP3, 2_700_000, 1, "", "", -1},
	{"raw AAC of 45 minutes", silent(2700, "out.aac", "-c:a", "aac", "-b:a", "8k"), AAC, 2_700_000, 1, "", "", -1},
}
