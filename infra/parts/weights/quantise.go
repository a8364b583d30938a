package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

const (
	blockQ8     = 32 // values that share a scale
	ftypeQ8     = 7  // GGML_FTYPE_MOSTLY_Q8_0
	quantFormat = 2000
)

// QuantiseQ8 converts a ggml Whisper model of half floats to q8_0 (32 values of 8 bits share a
// half-float scale), as whisper.cpp's whisper-quantize does: only matrices, and not the positional
// embeddings.
func QuantiseQ8(model []byte) ([]byte, error) {
	r := &reader{b: model}
	w := &writer{b: make([]byte, 0, len(model)*5/8)}
	if m := r.int32(); r.err == nil && m != magic {
		return nil, errors.New("weights: quantise: not a ggml file")
	}
	w.int32(magic)
	for range 10 {
		w.int32(r.int32())
	}
	r.int32() // the old type
	w.int32(quantFormat + ftypeQ8)
	mels, bins := r.int32(), r.int32()
	w.int32(mels, bins)
	if mels > 1024 || bins > 1024 {
		return nil, fmt.Errorf("weights: quantise: %d by %d mel filters", mels, bins)
	}
	w.b = append(w.b, r.take(mels*bins*4)...)
	words := r.int32()
	w.int32(words)
	for i := 0; i < words && r.err == nil; i++ {
		n := r.int32()
		w.int32(n)
		w.b = append(w.b, r.take(n)...)
	}
	for tensors := 0; len(r.b) > 0 && r.err == nil; tensors++ {
		if tensors == maxTensors {
			return nil, fmt.Errorf("weights: quantise: more than %d tensors", maxTensors)
		}
		if err := quantiseTensor(w, r); err != nil {
			return nil, fmt.Errorf("weights: quantise: %w", err)
		}
	}
	if r.err != nil {
		return nil, fmt.Errorf("weights: quantise: %w", r.err)
	}
	return w.b, nil
}

func quantiseTensor(w *writer, r *reader) error {
	rank, length, kind := r.int32(), r.int32(), r.int32()
	if rank > 4 || length > maxName {
		return fmt.Errorf("a tensor of rank %d with a name of %d bytes", rank, length)
	}
	shape, count := make([]int, rank), 1
	for i := rank - 1; i >= 0; i-- {
		shape[i] = r.int32()
		count *= shape[i]
		if count > math.MaxInt32 {
			return errors.New("a tensor of more than 2^31 values")
		}
	}
	name := string(r.take(length))
	size := map[int]int{typeF32: 4, typeF16: 2}[kind]
	if size == 0 && r.err == nil {
		return fmt.Errorf("%s is of type %d, not of floats", name, kind)
	}
	data := r.take(count * size)
	if r.err != nil {
		return r.err
	}
	if rank != 2 || skipQuantising[name] {
		w.tensorHeader(name, kind, shape)
		w.b = append(w.b, data...)
		return nil
	}
	if kind != typeF16 || shape[1]%blockQ8 != 0 {
		return fmt.Errorf("%s: rows of %d values of type %d cannot be cut into blocks of %d half floats", name, shape[1], kind, blockQ8)
	}
	w.tensorHeader(name, typeQ8, shape)
	var block [blockQ8]float32
	for ; len(data) > 0; data = data[2*blockQ8:] {
		for i := range block {
			block[i] = halfToFloat(binary.LittleEndian.Uint16(data[2*i:]))
		}
		w.b = appendBlockQ8(w.b, &block)
	}
	return nil
}

var skipQuantising = map[string]bool{
	"encoder.conv1.bias": true, "encoder.conv2.bias": true,
	"encoder.positional_embedding": true, "decoder.positional_embedding": true,
}

// appendBlockQ8 is ggml's quantize_row_q8_0_ref for one block, in single precision throughout.
func appendBlockQ8(b []byte, block *[blockQ8]float32) []byte {
	var most float32
	for _, x := range block {
		most = max(most, float32(math.Abs(float64(x))))
	}
	scale, inverse := most/127, float32(0)
	if scale != 0 {
		inverse = 1 / scale
	}
	b = binary.LittleEndian.AppendUint16(b, floatToHalf(scale))
	for _, x := range block {
		scaled := float32(x * inverse)
		b = append(b, byte(int8(math.Round(float64(scaled)))))
	}
	return b
}
