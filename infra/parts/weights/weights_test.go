package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestHalfFloats(t *testing.T) {
	for _, c := range []struct {
		name  string
		float float32
		half  uint16
	}{
		{"zero", 0, 0},
		{"minus zero", float32(math.Copysign(0, -1)), 0x8000},
		{"one", 1, 0x3c00},
		{"the largest", 65504, 0x7bff},
		{"the last that rounds down to it", math.Float32frombits(0x477fefff), 0x7bff},
		{"the first that rounds up to infinity", 65520, 0x7c00},
		{"infinity", float32(math.Inf(1)), 0x7c00},
		{"the smallest normal", 1.0 / (1 << 14), 0x0400},
		{"the smallest", 1.0 / (1 << 24), 0x0001},
		{"half of the smallest, a tie that goes to even", 1.0 / (1 << 25), 0x0000},
		{"a tie that goes down to even", 1 + 1.0/(1<<11), 0x3c00},
		{"a tie that goes up to even", 1 + 3.0/(1<<11), 0x3c02},
		{"one that rounds up to the next power of two", 2 - 1.0/(1<<12), 0x4000},
	} {
		if got := floatToHalf(c.float); got != c.half {
			t.Errorf("%s: floatToHalf(%g) = %#04x, want %#04x", c.name, c.float, got, c.half)
		}
	}
	if got := floatToHalf(float32(math.NaN())); got&0x7c00 != 0x7c00 || got&0x3ff == 0 {
		t.Errorf("floatToHalf(NaN) = %#04x", got)
	}
	for h := range uint32(1 << 16) {
		f := halfToFloat(uint16(h))
		if math.IsNaN(float64(f)) {
			continue
		}
		if got := floatToHalf(f); got != uint16(h) {
			t.Fatalf("%#04x became %g became %#04x", h, f, got)
		}
	}
}

func TestBlocksKeepTheLargestValueExactly(t *testing.T) {
	var block [blockQ8]float32
	block[0], block[1], block[2] = 127, -64, 0.4
	b := appendBlockQ8(nil, &block)
	if len(b) != 2+blockQ8 {
		t.Fatalf("a block has %d bytes", len(b))
	}
	if scale := halfToFloat(binary.LittleEndian.Uint16(b)); scale != 1 {
		t.Errorf("the scale is %g, want 1", scale)
	}
	if got := []int8{int8(b[2]), int8(b[3]), int8(b[4])}; got[0] != 127 || got[1] != -64 || got[2] != 0 {
		t.Errorf("the values are %v", got)
	}
	if got := appendBlockQ8(nil, new([blockQ8]float32)); !bytes.Equal(got, make([]byte, 2+blockQ8)) {
		t.Errorf("a block of zeros became %v", got)
	}
}

// halves returns n half floats that count up.
func halves(n int) []byte {
	var b []byte
	for i := range n {
		b = binary.LittleEndian.AppendUint16(b, floatToHalf(float32(i%64)/64))
	}
	return b
}

// ctranslate2 returns a Whisper model with one layer on each side and a width of 64, as CTranslate2
// writes it.
func ctranslate2(leaveOut string) []byte {
	const width, text = 64, 96
	type entry struct {
		name  string
		shape []int
	}
	var all []entry
	matrix := func(name string, rows, columns int) {
		all = append(all, entry{name + "/weight", []int{rows, columns}}, entry{name + "/bias", []int{rows}})
	}
	norm := func(name string) {
		all = append(all, entry{name + "/gamma", []int{width}}, entry{name + "/beta", []int{width}})
	}
	all = append(all, entry{"encoder/position_encodings/encodings", []int{32, width}},
		entry{"decoder/position_encodings/encodings", []int{16, width}}, entry{"decoder/embeddings/weight", []int{text, width}},
		entry{"encoder/conv1/weight", []int{width, 80, 3}}, entry{"encoder/conv1/bias", []int{width}},
		entry{"encoder/conv2/weight", []int{width, width, 3}}, entry{"encoder/conv2/bias", []int{width}})
	norm("encoder/layer_norm")
	norm("decoder/layer_norm")
	for _, side := range []string{"encoder", "decoder"} {
		layer := side + "/layer_0"
		norm(layer + "/ffn/layer_norm")
		matrix(layer+"/ffn/linear_0", 4*width, width)
		matrix(layer+"/ffn/linear_1", width, 4*width)
		norm(layer + "/self_attention/layer_norm")
		matrix(layer+"/self_attention/linear_0", 3*width, width)
		matrix(layer+"/self_attention/linear_1", width, width)
	}
	norm("decoder/layer_0/attention/layer_norm")
	matrix("decoder/layer_0/attention/linear_0", width, width)
	matrix("decoder/layer_0/attention/linear_1", 2*width, width)
	matrix("decoder/layer_0/attention/linear_2", width, width)

	w := &writer{}
	text16 := func(s string) {
		w.b = binary.LittleEndian.AppendUint16(w.b, uint16(len(s)+1))
		w.string(s + "\x00")
	}
	w.int32(specVersion)
	text16("WhisperSpec")
	w.int32(3)
	var kept []entry
	for _, e := range all {
		if e.name != leaveOut {
			kept = append(kept, e)
		}
	}
	w.int32(len(kept))
	for _, e := range kept {
		text16(e.name)
		w.b = append(w.b, byte(len(e.shape)))
		n := 1
		for _, d := range e.shape {
			w.int32(d)
			n *= d
		}
		w.b = append(w.b, typeHalf)
		w.int32(2 * n)
		w.b = append(w.b, halves(n)...)
	}
	return w.b
}

func vocabulary() []byte {
	lines := make([]string, words+1)
	for i := range lines {
		lines[i] = fmt.Sprintf("w%d", i)
	}
	lines[1] = "Ġthe" // GPT-2 writes a space as the rune 0x120
	return []byte(strings.Join(lines, "\n"))
}

func TestWhisperModelsAreConvertedAndQuantised(t *testing.T) {
	half, err := Whisper(ctranslate2(""), vocabulary())
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{b: half}
	var header [12]int
	for i := range header {
		header[i] = r.int32()
	}
	if want := [12]int{magic, 96, 32, 64, 1, 1, 16, 64, 1, 1, 80, 1}; header != want {
		t.Errorf("the header is %v, want %v", header, want)
	}
	if mels, bins := r.int32(), r.int32(); mels != 80 || bins != fftBins {
		t.Errorf("%d by %d filters", mels, bins)
	}
	r.take(80 * fftBins * 4)
	if n := r.int32(); n != words {
		t.Errorf("%d words", n)
	}
	r.take(r.int32())
	if got := string(r.take(r.int32())); got != " the" {
		t.Errorf("the second word is %q", got)
	}
	if bytes.Contains(half, []byte("attn.key.bias")) {
		t.Error("a key has a bias")
	}

	small, err := QuantiseQ8(half)
	if err != nil {
		t.Fatal(err)
	}
	if len(small) >= len(half) || len(small) < len(half)/3 {
		t.Errorf("%d bytes became %d", len(half), len(small))
	}
	if again, _ := QuantiseQ8(half); !bytes.Equal(small, again) {
		t.Error("the same file twice gives other bytes")
	}
}

func TestMelFiltersHaveUnitArea(t *testing.T) {
	filters := melFilters(80)
	if len(filters) != 80*fftBins {
		t.Fatalf("%d values", len(filters))
	}
	for i := range 80 {
		area := 0.0
		for _, x := range filters[i*fftBins : (i+1)*fftBins] {
			if x < 0 {
				t.Fatalf("filter %d is negative", i)
			}
			area += float64(x) * 40 // Hz a bin
		}
		if i > 30 && math.Abs(area-1) > 0.1 { // the lowest are narrower than a bin
			t.Errorf("filter %d has an area of %.3f", i, area)
		}
	}
}

func TestBrokenWhisperModelsAreRefused(t *testing.T) {
	good := ctranslate2("")
	otherType := bytes.Clone(good)
	at := bytes.Index(otherType, []byte("decoder/embeddings/weight\x00")) + len("decoder/embeddings/weight\x00") + 1 + 2*4
	otherType[at] = 1
	for name, c := range map[string]struct {
		model, vocabulary []byte
		says              string
	}{
		"an empty file":        {nil, vocabulary(), "too early"},
		"a truncated file":     {good[:len(good)-1], vocabulary(), "too early"},
		"another kind of file": {append([]byte{9}, good[1:]...), vocabulary(), "not a CTranslate2"},
		"a missing tensor":     {ctranslate2("decoder/layer_norm/beta"), vocabulary(), "decoder/layer_norm/beta"},
		"a lossy type":         {otherType, vocabulary(), "not of half floats"},
		"a short vocabulary":   {good, []byte("a\nb"), "short"},
	} {
		if _, err := Whisper(c.model, c.vocabulary); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want an error that says %q", name, err, c.says)
		}
	}
}

func TestBrokenFilesAreNotQuantised(t *testing.T) {
	half, err := Whisper(ctranslate2(""), vocabulary())
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"an empty file": nil, "a truncated file": half[:len(half)-1], "another kind of file": bytes.Repeat([]byte{1}, 100)} {
		if _, err := QuantiseQ8(b); err == nil {
			t.Errorf("%s was quantised", name)
		}
	}
}

// safetensors returns a tiny file with every tensor that Silero needs.
func safetensors(t *testing.T, leaveOut string) []byte {
	t.Helper()
	header := map[string]any{"__metadata__": map[string]string{"format": "pt"}}
	var data []byte
	for _, want := range sileroTensors() {
		if want.source == leaveOut {
			continue
		}
		start := len(data)
		for i := range 6 {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(i)/4))
		}
		header[want.source] = map[string]any{"dtype": "F32", "shape": []int{2, 1, 3}, "data_offsets": []int{start, len(data)}}
	}
	h, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(h))), h...), data...)
}

func TestSileroModelsAreConverted(t *testing.T) {
	b, err := Silero(safetensors(t, ""), [3]int{6, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{b: b}
	if m, name := r.int32(), string(r.take(r.int32())); m != magic || name != sileroName {
		t.Errorf("the file begins %#x %q", m, name)
	}
	r.take(3*4 + 3*4 + 4*3*4 + 4*4)
	if rank, length, kind := r.int32(), r.int32(), r.int32(); rank != 2 || length != 36 || kind != typeF16 {
		t.Errorf("the first tensor has rank %d, a name of %d bytes and type %d", rank, length, kind)
	}
	if inner, outer, name := r.int32(), r.int32(), string(r.take(36)); inner != 3 || outer != 2 || name != "_model.encoder.0.reparam_conv.weight" {
		t.Errorf("the first tensor is %s, %d by %d", name, inner, outer)
	}
	if got := r.take(12); !bytes.Equal(got, []byte{0, 0, 0, 0x34, 0, 0x38, 0, 0x3a, 0, 0x3c, 0, 0x3d}) {
		t.Errorf("the first tensor holds % x", got)
	}
}

func TestBrokenSileroModelsAreRefused(t *testing.T) {
	good := safetensors(t, "")
	for name, b := range map[string][]byte{
		"an empty file":          nil,
		"a truncated file":       good[:len(good)-1],
		"a header past the end":  append(binary.LittleEndian.AppendUint64(nil, 1<<40), good[8:]...),
		"a missing tensor":       safetensors(t, "lstm_cell.bias_hh"),
		"a dimension below zero": bytes.Replace(good, []byte("[2,1,3]"), []byte("[-2,1,3"), 1),
	} {
		if _, err := Silero(b, [3]int{}); err == nil {
			t.Errorf("%s was converted", name)
		}
	}
}
