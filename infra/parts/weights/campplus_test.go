package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"
)

// pickled writes the operations of a state dictionary's pickle.
type pickled struct{ bytes.Buffer }

func (p *pickled) text(s string) {
	p.WriteByte('X')
	_ = binary.Write(p, binary.LittleEndian, uint32(len(s)))
	p.WriteString(s)
}

func (p *pickled) number(n int) {
	p.WriteByte('J')
	_ = binary.Write(p, binary.LittleEndian, int32(n))
}

func (p *pickled) tuple(n ...int) {
	p.WriteByte('(')
	for _, v := range n {
		p.number(v)
	}
	p.WriteByte('t')
}

// entry names a tensor of a storage.
func (p *pickled) entry(name, kind, key string, offset int, shape, stride []int) {
	p.text(name)
	p.WriteString("ctorch._utils\n_rebuild_tensor_v2\n((")
	p.text("storage")
	p.WriteString("ctorch\n" + kind + "\n")
	p.text(key)
	p.text("cpu")
	p.number(1)
	p.WriteString("tQ")
	p.number(offset)
	p.tuple(shape...)
	p.tuple(stride...)
	p.WriteString("\x89ccollections\nOrderedDict\n)RtR")
}

// archive returns a checkpoint with this pickle and these storages.
func archive(t *testing.T, pickle []byte, storages map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	put := func(name string, content []byte) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	put("archive/data.pkl", pickle)
	for key, content := range storages {
		put("archive/data/"+key, content)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func floats(values ...float32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func dictionary(entries func(p *pickled)) []byte {
	p := &pickled{}
	p.WriteString("\x80\x02}(")
	entries(p)
	p.WriteString("u.")
	return p.Bytes()
}

func TestTensorsAreReadOutOfACheckpoint(t *testing.T) {
	b := archive(t, dictionary(func(p *pickled) {
		p.entry("a", "FloatStorage", "1", 0, []int{2, 2}, []int{2, 1})
		p.entry("b", "FloatStorage", "1", 1, []int{3}, []int{1})
		p.entry("count", "LongStorage", "2", 0, nil, nil)
	}), map[string][]byte{"1": floats(1, 2, 3, 4), "2": make([]byte, 8)})
	got, err := readTorch(b)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || fmt.Sprint(got["a"].shape, got["a"].floats(), got["b"].floats()) != "[2 2] [1 2 3 4] [2 3 4]" {
		t.Errorf("got %v", got)
	}
}

func TestTensorsAreReadOutOfALightningCheckpoint(t *testing.T) {
	p := &pickled{}
	p.WriteString("\x80\x02}(")
	p.text("version")
	p.text("2.0.2")
	p.text("state_dict")
	p.WriteString("}(")
	p.entry("a", "FloatStorage", "1", 0, []int{2}, []int{1})
	p.WriteString("u(")
	p.entry("b", "FloatStorage", "1", 1, []int{1}, []int{1})
	p.WriteString("u")
	p.WriteString("cos\nsystem\n") // what follows the tensors is not read
	got, err := readTorch(archive(t, p.Bytes(), map[string][]byte{"1": floats(1, 2)}))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || fmt.Sprint(got["a"].floats(), got["b"].floats()) != "[1 2] [2]" {
		t.Errorf("got %v", got)
	}
}

func TestACheckpointIsNeverRun(t *testing.T) {
	one := func(entry func(p *pickled)) []byte {
		return archive(t, dictionary(entry), map[string][]byte{"1": floats(1, 2)})
	}
	for name, c := range map[string]struct {
		b    []byte
		says string
	}{
		"no archive":                {[]byte("hello"), "zip"},
		"no pickle":                 {archive(t, nil, nil), "too early"},
		"a command":                 {archive(t, []byte("\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R."), nil), `names "os system"`},
		"a call of what is no name": {archive(t, []byte("\x80\x02X\x02\x00\x00\x00ls)R."), nil), "a call"},
		"another operation":         {archive(t, []byte("\x80\x02\x93."), nil), "operation 0x93"},
		"another protocol":          {archive(t, []byte("\x80\x05}."), nil), "protocol 5"},
		"an empty stack":            {archive(t, []byte("\x80\x02R."), nil), "stack is empty"},
		"a memory of nothing":       {archive(t, []byte("\x80\x02h\x07."), nil), "nothing was remembered"},
		"a tensor past its storage": {one(func(p *pickled) { p.entry("a", "FloatStorage", "1", 1, []int{2}, []int{1}) }), "past its storage"},
		"a tensor of columns":       {one(func(p *pickled) { p.entry("a", "FloatStorage", "1", 0, []int{2, 1}, []int{2, 1}) }), "row by row"},
		"a storage that is absent":  {one(func(p *pickled) { p.entry("a", "FloatStorage", "3", 0, []int{1}, []int{1}) }), "no data/3"},
		"more than fits":            {one(func(p *pickled) { p.entry("a", "FloatStorage", "1", 0, []int{1 << 20, 1 << 20}, []int{1 << 20, 1}) }), "too large"},
		"an endless stack":          {archive(t, []byte("\x80\x02"+strings.Repeat("}", maxStack+1)+"."), nil), "more than 65536 values"},
		"nothing but numbers":       {archive(t, []byte("\x80\x02K\x01."), nil), "dictionary of tensors"},
	} {
		if _, err := readTorch(c.b); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want an error that says %q", name, err, c.says)
		}
	}
}

func TestNormalisationsAreFoldedIntoTheConvolutionBeforeThem(t *testing.T) {
	source := map[string]tensor{
		"c.weight":       {[]int{2, 1, 1}, floats(3, 5)},
		"n.weight":       {[]int{2}, floats(2, 1)},
		"n.bias":         {[]int{2}, floats(10, 0)},
		"n.running_mean": {[]int{2}, floats(4, 1)},
		"n.running_var":  {[]int{2}, floats(1-normEpsilon, 4-normEpsilon)},
	}
	c := &folding{source: source, w: &writer{}}
	c.conv("x", "c", "n", 2, 1, 1)
	r := &reader{b: c.w.b}
	r.take(3*4 + 2*4 + len("x.weight"))
	for i, want := range []float32{6, 2.5} {
		if got := halfToFloat(uint16(r.uint16())); math.Abs(float64(got-want)) > 1e-2 {
			t.Errorf("weight %d is %v, want %v", i, got, want)
		}
	}
	r.take(3*4 + 4 + len("x.bias"))
	for i, want := range []float32{2, -0.5} { // 10 - 4*2, 0 - 1*0.5
		got := math.Float32frombits(binary.LittleEndian.Uint32(r.take(4)))
		if math.Abs(float64(got-want)) > 1e-4 {
			t.Errorf("bias %d is %v, want %v", i, got, want)
		}
	}
	if c.err != nil || r.err != nil || len(r.b) != 0 {
		t.Errorf("%v, %v, %d bytes left", c.err, r.err, len(r.b))
	}
	if c.get("missing", 1); c.err == nil {
		t.Error("a missing tensor is no error")
	}
}

func TestACheckpointOfAnotherNetworkIsRefused(t *testing.T) {
	b := archive(t, dictionary(func(p *pickled) { p.entry("a", "FloatStorage", "1", 0, []int{2}, []int{1}) }), map[string][]byte{"1": floats(1, 2)})
	if _, err := CAMPlus(b); err == nil || !strings.Contains(err.Error(), "head.conv1.weight") {
		t.Errorf("%v", err)
	}
}
