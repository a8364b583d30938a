package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// Bounds of a PyTorch checkpoint.
const (
	maxPickle  = 4 << 20  // bytes of data.pkl
	maxStorage = 64 << 20 // bytes of one storage
	maxStack   = 1 << 16  // values on the stack, and memoised
)

// readTorch reads the single-float tensors of a PyTorch checkpoint: tensors by name (a state
// dictionary), alone or as the state_dict of a Lightning checkpoint, whose other entries are not
// read. The file is a zip archive with a pickle and the tensors' storages. readTorch reads the
// pickle as data. The pickle may name only the four things that such a file needs; nothing is
// looked up or called. Tensors of integers are left out.
func readTorch(b []byte) (map[string]tensor, error) {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	entries := map[string]*zip.File{}
	root := ""
	for _, f := range z.File {
		entries[f.Name] = f
		if dir, ok := strings.CutSuffix(f.Name, "/data.pkl"); ok {
			root = dir
		}
	}
	open := func(name string, most int64) ([]byte, error) {
		f := entries[root+"/"+name]
		if f == nil {
			return nil, fmt.Errorf("no %s", name)
		}
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		got, err := io.ReadAll(io.LimitReader(r, most+1))
		if err == nil && int64(len(got)) > most {
			err = fmt.Errorf("%s has more than %d bytes", name, most)
		}
		return got, errors.Join(err, r.Close())
	}
	pickle, err := open("data.pkl", maxPickle)
	if err != nil {
		return nil, err
	}
	described, err := unpickle(pickle)
	if err != nil {
		return nil, fmt.Errorf("data.pkl: %w", err)
	}
	storages := map[string][]byte{}
	out := map[string]tensor{}
	for name, t := range described {
		if t.storage.kind != "FloatStorage" {
			continue
		}
		data, ok := storages[t.storage.key]
		if !ok {
			if data, err = open("data/"+t.storage.key, maxStorage); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			storages[t.storage.key] = data
		}
		if out[name], err = t.in(data); err != nil {
			return nil, fmt.Errorf("%s %w", name, err)
		}
	}
	return out, nil
}

// The values on a pickle's stack besides numbers (int), strings, false (bool) and tuples ([]any).
type (
	pickleMark   struct{}
	pickleGlobal string // module and name, separated by a space
	pickleDict   map[string]torchTensor
	torchStorage struct{ kind, key string }
	torchTensor  struct {
		storage       torchStorage
		offset        int
		shape, stride []int
	}
)

// in returns the tensor's values in its storage.
func (t torchTensor) in(data []byte) (tensor, error) {
	values := 1
	for d := len(t.shape) - 1; d >= 0; d-- {
		if t.shape[d] != 1 && t.stride[d] != values {
			return tensor{}, errors.New("is not stored row by row")
		}
		if values *= t.shape[d]; values > maxStorage {
			return tensor{}, errors.New("is too large")
		}
	}
	if t.offset > len(data)/4 || values > len(data)/4-t.offset {
		return tensor{}, errors.New("reaches past its storage")
	}
	return tensor{t.shape, data[4*t.offset : 4*(t.offset+values)]}, nil
}

const (
	globalTensor = pickleGlobal("torch._utils _rebuild_tensor_v2")
	globalOrder  = pickleGlobal("collections OrderedDict")
	globalFloats = pickleGlobal("torch FloatStorage")
	globalLongs  = pickleGlobal("torch LongStorage")
)

// unpickle reads the pickle of a state dictionary (protocol 2, and only the operations that such a
// file needs).
func unpickle(b []byte) (map[string]torchTensor, error) {
	r := &reader{b: b}
	m := &pickler{memo: map[int]any{}}
	for r.err == nil && m.err == nil {
		switch op := r.uint8(); op {
		case 0x80: // PROTO
			if v := r.uint8(); v != 2 && r.err == nil {
				return nil, fmt.Errorf("protocol %d", v)
			}
		case '}':
			m.push(pickleDict{})
		case ')':
			m.push([]any{})
		case '(':
			m.push(pickleMark{})
		case 0x89: // NEWFALSE
			m.push(false)
		case 'K':
			m.push(r.uint8())
		case 'M':
			m.push(r.uint16())
		case 'J':
			m.push(r.int32())
		case 'X':
			m.push(string(r.take(r.int32())))
		case 'c':
			m.push(m.global(r.line(), r.line()))
		case 'q':
			m.remember(r.uint8())
		case 'r':
			m.remember(r.int32())
		case 'h':
			m.recall(r.uint8())
		case 'j':
			m.recall(r.int32())
		case 't':
			m.push(m.toMark())
		case 0x85, 0x86, 0x87: // TUPLE1 to TUPLE3
			m.push(m.pop(op - 0x84))
		case 'Q':
			m.persistent()
		case 'R':
			m.reduce()
		case 'u':
			m.setItems()
			if d := m.wrapped(r.b); d != nil {
				return d, nil
			}
		case '.':
			if d, ok := m.pop(1)[0].(pickleDict); ok && m.err == nil && r.err == nil {
				return d, nil
			}
			m.fail("it does not end with a dictionary of tensors")
		default:
			if r.err == nil {
				return nil, fmt.Errorf("operation %#x", op)
			}
		}
	}
	return nil, errors.Join(r.err, m.err)
}

// pickler is the stack machine. After the first error, its results are meaningless.
type pickler struct {
	stack []any
	memo  map[int]any
	err   error
}

func (m *pickler) fail(format string, args ...any) {
	if m.err == nil {
		m.err = fmt.Errorf(format, args...)
	}
}

func (m *pickler) push(v any) {
	if len(m.stack) >= maxStack {
		m.fail("more than %d values", maxStack)
		return
	}
	m.stack = append(m.stack, v)
}

// pop removes n values and returns them, the last pushed at the end; nils if there are fewer.
func (m *pickler) pop(n int) []any {
	if len(m.stack) < n {
		m.fail("the stack is empty")
		return make([]any, n)
	}
	at := len(m.stack) - n
	out := append([]any{}, m.stack[at:]...)
	m.stack = m.stack[:at]
	return out
}

// toMark removes and returns what is above the last mark, and removes the mark.
func (m *pickler) toMark() []any {
	for i := len(m.stack) - 1; i >= 0; i-- {
		if _, ok := m.stack[i].(pickleMark); ok {
			out := m.pop(len(m.stack) - i)
			return out[1:]
		}
	}
	m.fail("no mark")
	return nil
}

func (m *pickler) remember(i int) {
	if len(m.stack) == 0 || len(m.memo) >= maxStack {
		m.fail("nothing to remember")
		return
	}
	m.memo[i] = m.stack[len(m.stack)-1]
}

func (m *pickler) recall(i int) {
	v, ok := m.memo[i]
	if !ok {
		m.fail("nothing was remembered as %d", i)
	}
	m.push(v)
}

func (m *pickler) global(module, name string) pickleGlobal {
	switch g := pickleGlobal(module + " " + name); g {
	case globalTensor, globalOrder, globalFloats, globalLongs:
		return g
	default:
		m.fail("it names %q", string(g))
		return ""
	}
}

// persistent turns ("storage", type, key, device, size) into a storage.
func (m *pickler) persistent() {
	t, _ := m.pop(1)[0].([]any)
	if len(t) == 5 && t[0] == "storage" {
		kind, isGlobal := t[1].(pickleGlobal)
		key, isText := t[2].(string)
		if isGlobal && isText {
			m.push(torchStorage{strings.TrimPrefix(string(kind), "torch "), key})
			return
		}
	}
	m.fail("a persistent value is no storage")
}

// reduce performs the two allowed calls: an empty OrderedDict, and a tensor.
func (m *pickler) reduce() {
	v := m.pop(2)
	args, _ := v[1].([]any)
	switch v[0] {
	case globalOrder:
		if len(args) == 0 {
			m.push(pickleDict{})
			return
		}
	case globalTensor:
		if len(args) != 6 {
			break
		}
		storage, isStorage := args[0].(torchStorage)
		offset, isOffset := args[1].(int)
		shape, isShape := numbers(args[2])
		stride, isStride := numbers(args[3])
		if isStorage && isOffset && isShape && isStride && len(shape) == len(stride) {
			m.push(torchTensor{storage, offset, shape, stride})
			return
		}
	}
	m.fail("a call that is neither an empty dictionary nor a tensor")
}

// wrapped returns the dictionary on top of the stack if it is the value of "state_dict" and whole:
// the next operation, in rest, is not the mark that begins another batch of entries. Else nil.
func (m *pickler) wrapped(rest []byte) pickleDict {
	n := len(m.stack)
	if m.err != nil || n < 2 || m.stack[n-2] != "state_dict" || len(rest) == 0 || rest[0] == '(' {
		return nil
	}
	d, _ := m.stack[n-1].(pickleDict)
	return d
}

func numbers(v any) ([]int, bool) {
	tuple, ok := v.([]any)
	out := make([]int, len(tuple))
	for i, x := range tuple {
		n, isNumber := x.(int)
		ok = ok && isNumber
		out[i] = n
	}
	return out, ok
}

func (m *pickler) setItems() {
	items := m.toMark()
	dict, ok := m.pop(1)[0].(pickleDict)
	if !ok || len(items)%2 != 0 {
		m.fail("pairs for what is no dictionary")
		return
	}
	for i := 0; i+1 < len(items); i += 2 {
		name, isName := items[i].(string)
		t, isTensor := items[i+1].(torchTensor)
		if !isName || !isTensor || len(dict) >= maxTensors {
			m.fail("an entry is not a tensor by name, or one too many")
			return
		}
		dict[name] = t
	}
	m.push(dict)
}

// line reads up to a newline.
func (r *reader) line() string {
	i := bytes.IndexByte(r.b, '\n')
	if i < 0 || i > maxName {
		i = len(r.b)
	}
	s := string(r.take(i))
	r.take(1)
	return s
}

// floats returns the values of a tensor of single floats.
func (t tensor) floats() []float32 {
	out := make([]float32, len(t.data)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.data[4*i:]))
	}
	return out
}
