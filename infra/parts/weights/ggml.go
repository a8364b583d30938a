// Package weights converts published model files into the files that whisper.cpp reads. The result
// equals that of whisper.cpp's own scripts byte for byte, and nothing that came with the models is
// run.
//
// Sums are kept unfused (by explicit conversions), so that the bytes are the same on every
// processor.
package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

const (
	magic   = 0x67676d6c // "ggml"
	typeF32 = 0
	typeF16 = 1
	typeQ8  = 8 // GGML_TYPE_Q8_0

	maxTensors = 4096
	maxName    = 256
)

// writer appends ggml's little-endian fields.
type writer struct{ b []byte }

func (w *writer) int32(values ...int) {
	for _, v := range values {
		w.b = binary.LittleEndian.AppendUint32(w.b, uint32(int32(v)))
	}
}

func (w *writer) float32(v float32) {
	w.b = binary.LittleEndian.AppendUint32(w.b, math.Float32bits(v))
}

func (w *writer) string(s string) { w.b = append(w.b, s...) }

// tensorHeader writes a tensor's header. shape has the outermost dimension first; ggml wants the
// innermost first.
func (w *writer) tensorHeader(name string, kind int, shape []int) {
	w.int32(len(shape), len(name), kind)
	for i := len(shape) - 1; i >= 0; i-- {
		w.int32(shape[i])
	}
	w.string(name)
}

// reader reads little-endian fields from a slice. After the first error, every method returns zero
// values.
type reader struct {
	b   []byte
	err error
}

var errTruncated = errors.New("the file ends too early")

func (r *reader) take(n int) []byte {
	if r.err == nil && (n < 0 || n > len(r.b)) {
		r.err = errTruncated
	}
	if r.err != nil {
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) uint8() int {
	if b := r.take(1); b != nil {
		return int(b[0])
	}
	return 0
}

func (r *reader) uint16() int {
	if b := r.take(2); b != nil {
		return int(binary.LittleEndian.Uint16(b))
	}
	return 0
}

// int32 reads a count, a size or a dimension. None may be negative.
func (r *reader) int32() int {
	b := r.take(4)
	if b == nil {
		return 0
	}
	v := int(int32(binary.LittleEndian.Uint32(b)))
	if v < 0 {
		r.err = fmt.Errorf("a negative count: %d", v)
		return 0
	}
	return v
}

// halfToFloat widens an IEEE 754 half; exact.
func halfToFloat(h uint16) float32 {
	sign, exponent, mantissa := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch exponent {
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | mantissa<<13)
	case 0:
		return math.Float32frombits(sign | math.Float32bits(float32(mantissa)/(1<<24)))
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | mantissa<<13)
}

// floatToHalf rounds to the nearest IEEE 754 half, ties to even. Too large a value becomes
// infinite.
func floatToHalf(f float32) uint16 {
	bits := math.Float32bits(f)
	sign := uint16(bits >> 16 & 0x8000)
	abs := bits & 0x7fffffff
	switch {
	case abs > 0x7f800000:
		return sign | 0x7e00
	case abs >= 0x477ff000: // from 65520, the nearest half is infinite
		return sign | 0x7c00
	case abs < 0x38800000: // below the smallest normal half: count in units of 2^-24
		units := math.RoundToEven(float64(math.Float32frombits(abs)) * (1 << 24))
		return sign | uint16(units)
	}
	rounded := abs + 0xfff + (abs>>13)&1
	return sign | uint16((rounded-0x38000000)>>13)
}
