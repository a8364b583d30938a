package weights

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
)

const (
	sileroName    = "silero-16k"
	sileroWindow  = 512     // samples at 16 kHz
	sileroContext = 64      // samples carried over from the previous window
	maxHeader     = 1 << 20 // bytes of a safetensors header
)

// sileroTensor is one tensor as ggml wants it: its name there and here, in half or single
// precision.
type sileroTensor struct {
	name, source string
	half         bool
	keepOnes     bool // dimensions of 1 are dropped elsewhere
}

func sileroTensors() []sileroTensor {
	var all []sileroTensor
	for i := range 4 {
		ours, theirs := fmt.Sprintf("_model.encoder.%d.reparam_conv", i), fmt.Sprintf("conv%d", i+1)
		all = append(all, sileroTensor{name: ours + ".weight", source: theirs + ".weight", half: true},
			sileroTensor{name: ours + ".bias", source: theirs + ".bias"})
	}
	for _, k := range []string{"weight_ih", "weight_hh", "bias_ih", "bias_hh"} {
		all = append(all, sileroTensor{name: "_model.decoder.rnn." + k, source: "lstm_cell." + k})
	}
	return append(all,
		sileroTensor{name: "_model.decoder.decoder.2.weight", source: "final_conv.weight", half: true},
		sileroTensor{name: "_model.decoder.decoder.2.bias", source: "final_conv.bias"},
		sileroTensor{name: "_model.stft.forward_basis_buffer", source: "stft_conv.weight", half: true, keepOnes: true})
}

// Silero converts Silero VAD's 16 kHz safetensors file of single floats into the ggml file that
// whisper.cpp reads, with the layout of that project's convert-silero-vad-to-ggml.py. version is
// the model's.
func Silero(safetensors []byte, version [3]int) ([]byte, error) {
	tensors, err := readSafetensors(safetensors)
	if err != nil {
		return nil, fmt.Errorf("weights: silero: %w", err)
	}
	w := &writer{}
	w.int32(magic, len(sileroName))
	w.string(sileroName)
	w.int32(version[0], version[1], version[2], sileroWindow, sileroContext, 4)
	for _, channels := range [][2]int{{129, 128}, {128, 64}, {64, 64}, {64, 128}} {
		w.int32(channels[0], channels[1], 3) // in, out, kernel
	}
	w.int32(128, 128, 128, 1) // LSTM in and hidden, last convolution in and out
	for _, want := range sileroTensors() {
		t, ok := tensors[want.source]
		if !ok {
			return nil, fmt.Errorf("weights: silero: no tensor %s", want.source)
		}
		var shape []int
		for _, n := range t.shape {
			if n != 1 || want.keepOnes {
				shape = append(shape, n)
			}
		}
		if !want.half {
			w.tensorHeader(want.name, typeF32, shape)
			w.b = append(w.b, t.data...)
			continue
		}
		w.tensorHeader(want.name, typeF16, shape)
		for i := 0; i < len(t.data); i += 4 {
			x := math.Float32frombits(binary.LittleEndian.Uint32(t.data[i:]))
			w.b = binary.LittleEndian.AppendUint16(w.b, floatToHalf(x))
		}
	}
	return w.b, nil
}

// readSafetensors reads the tensors of single floats of a safetensors file: the length of a JSON
// header, the header, the data.
func readSafetensors(b []byte) (map[string]tensor, error) {
	if len(b) < 8 {
		return nil, errTruncated
	}
	size := binary.LittleEndian.Uint64(b)
	if size > maxHeader || size > uint64(len(b)-8) {
		return nil, fmt.Errorf("a header of %d bytes", size)
	}
	var header map[string]json.RawMessage
	if err := json.Unmarshal(b[8:8+size], &header); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	data := b[8+size:]
	tensors := map[string]tensor{}
	for name, raw := range header {
		if name == "__metadata__" {
			continue
		}
		var entry struct {
			Type    string `json:"dtype"`
			Shape   []int  `json:"shape"`
			Offsets [2]int `json:"data_offsets"`
		}
		if err := json.Unmarshal(raw, &entry); err != nil {
			return nil, fmt.Errorf("header of %s: %w", name, err)
		}
		count := 1
		for _, n := range entry.Shape {
			if n < 0 || n > len(data) {
				return nil, fmt.Errorf("%s has a dimension of %d", name, n)
			}
			if count *= n; count > len(data) {
				return nil, fmt.Errorf("%s is larger than the file", name)
			}
		}
		start, end := entry.Offsets[0], entry.Offsets[1]
		if entry.Type != "F32" || start < 0 || end > len(data) || end-start != 4*count {
			return nil, fmt.Errorf("%s is not a tensor of 32-bit floats within the file", name)
		}
		tensors[name] = tensor{shape: entry.Shape, data: data[start:end]}
	}
	return tensors, nil
}
