package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
)

// Numbers of the Whisper family (Radford and others 2022).
const (
	// words is how many entries of the vocabulary are text, in the English and in the multilingual
	// models.
	words         = 50257
	headSize      = 64    // width of an attention head
	fftBins       = 201   // of 400 samples
	sampleRate    = 16000 // Hz
	specVersion   = 6     // of CTranslate2's file
	typeHalf      = 4     // CTranslate2's number for half floats
	smallestFloat = 8     // tensors with at most this many rows are options, not weights
)

// tensor is a model's tensor. The shape has the outermost dimension first; the data are
// little-endian, as in the original file.
type tensor struct {
	shape []int
	data  []byte
}

// Whisper converts a CTranslate2 Whisper model of half floats (its model.bin and vocabulary.txt)
// into the ggml file that whisper.cpp publishes for the same weights, byte for byte. It rejects
// models of other types, because they have lost precision.
func Whisper(model, vocabulary []byte) ([]byte, error) {
	source, err := readCTranslate2(model)
	if err != nil {
		return nil, fmt.Errorf("weights: whisper: %w", err)
	}
	text, err := readVocabulary(vocabulary)
	if err != nil {
		return nil, fmt.Errorf("weights: whisper: %w", err)
	}
	c := &renaming{source: source, out: map[string]tensor{}}
	c.all()
	if c.err != nil {
		return nil, fmt.Errorf("weights: whisper: %w", c.err)
	}
	w := &writer{b: make([]byte, 0, len(model)+len(model)/64)}
	c.header(w)
	w.int32(len(text))
	for _, t := range text {
		w.int32(len(t))
		w.string(t)
	}
	for _, name := range c.order {
		writeTensor(w, name, c.out[name])
	}
	return w.b, nil
}

func readCTranslate2(b []byte) (map[string]tensor, error) {
	r := &reader{b: b}
	text := func() string {
		s := r.take(r.uint16())
		return strings.TrimSuffix(string(s), "\x00")
	}
	version, spec := r.int32(), text()
	if r.err == nil && (version != specVersion || spec != "WhisperSpec") {
		return nil, fmt.Errorf("not a CTranslate2 Whisper model (version %d, %q)", version, spec)
	}
	r.int32() // revision
	count := r.int32()
	if count > maxTensors {
		return nil, fmt.Errorf("%d tensors", count)
	}
	tensors := map[string]tensor{}
	for i := 0; i < count && r.err == nil; i++ {
		name := text()
		shape := make([]int, r.uint8())
		if len(shape) > 4 {
			return nil, fmt.Errorf("%s has %d dimensions", name, len(shape))
		}
		values := 1
		for d := range shape {
			shape[d] = r.int32()
			if values *= shape[d]; values > math.MaxInt32 {
				return nil, fmt.Errorf("%s has more than 2^31 values", name)
			}
		}
		kind := r.uint8()
		data := r.take(r.int32())
		if r.err != nil {
			break
		}
		if len(shape) > 0 && shape[0] > smallestFloat && (kind != typeHalf || len(data) != 2*values) {
			return nil, fmt.Errorf("%s is not of half floats: no other type converts without loss", name)
		}
		tensors[name] = tensor{shape, data}
	}
	return tensors, r.err
}

// renaming maps CTranslate2's tensors to OpenAI's names, in whisper.cpp's order. The caller checks
// the result's size. A missing tensor, or one of another rank, is an error.
type renaming struct {
	source map[string]tensor
	out    map[string]tensor
	order  []string
	layers map[string]int
	err    error
}

func (c *renaming) get(name string, rank int) tensor {
	t, ok := c.source[name]
	if !ok || len(t.shape) != rank {
		if c.err == nil {
			c.err = fmt.Errorf("model.bin has no %s of rank %d", name, rank)
		}
		return tensor{shape: make([]int, rank)}
	}
	return t
}

func (c *renaming) linear(to, from string, rank int) {
	c.out[to+".weight"], c.out[to+".bias"] = c.get(from+"/weight", rank), c.get(from+"/bias", 1)
}

func (c *renaming) norm(to, from string) {
	c.out[to+".weight"], c.out[to+".bias"] = c.get(from+"/gamma", 1), c.get(from+"/beta", 1)
}

// split separates matrices that CTranslate2 stores as one, below each other.
func (c *renaming) split(to, from string, names ...string) {
	weight, bias := c.get(from+"/weight", 2), c.get(from+"/bias", 1)
	n := len(names)
	for i, name := range names {
		k, l := len(weight.data)/n, len(bias.data)/n
		c.out[to+"."+name+".weight"] = tensor{[]int{weight.shape[0] / n, weight.shape[1]}, weight.data[i*k : (i+1)*k]}
		if name != "key" { // Whisper's keys have no bias; CTranslate2 stores zeros
			c.out[to+"."+name+".bias"] = tensor{[]int{bias.shape[0] / n}, bias.data[i*l : (i+1)*l]}
		}
	}
}

func (c *renaming) inOrder(names ...string) {
	for _, name := range names {
		c.order = append(c.order, name+".weight")
		if !strings.HasSuffix(name, ".key") {
			c.order = append(c.order, name+".bias")
		}
	}
}

func (c *renaming) all() {
	c.out["encoder.positional_embedding"] = c.get("encoder/position_encodings/encodings", 2)
	c.out["decoder.positional_embedding"] = c.get("decoder/position_encodings/encodings", 2)
	c.out["decoder.token_embedding.weight"] = c.get("decoder/embeddings/weight", 2)
	c.linear("encoder.conv1", "encoder/conv1", 3)
	c.linear("encoder.conv2", "encoder/conv2", 3)
	c.norm("encoder.ln_post", "encoder/layer_norm")
	c.norm("decoder.ln", "decoder/layer_norm")

	c.layers = map[string]int{}
	c.order = append(c.order, "decoder.positional_embedding", "encoder.positional_embedding", "decoder.token_embedding.weight")
	c.side("decoder")
	c.inOrder("decoder.ln", "encoder.conv1", "encoder.conv2")
	c.side("encoder")
	c.inOrder("encoder.ln_post")
}

func (c *renaming) side(side string) {
	for i := range maxTensors {
		from, to := fmt.Sprintf("%s/layer_%d", side, i), fmt.Sprintf("%s.blocks.%d", side, i)
		if _, more := c.source[from+"/ffn/linear_0/weight"]; !more {
			c.layers[side] = i
			return
		}
		attention, cross := to+".attn", to+".cross_attn"
		c.norm(to+".mlp_ln", from+"/ffn/layer_norm")
		c.linear(to+".mlp.0", from+"/ffn/linear_0", 2)
		c.linear(to+".mlp.2", from+"/ffn/linear_1", 2)
		c.norm(attention+"_ln", from+"/self_attention/layer_norm")
		c.split(attention, from+"/self_attention/linear_0", "query", "key", "value")
		c.linear(attention+".out", from+"/self_attention/linear_1", 2)
		c.inOrder(to+".mlp_ln", to+".mlp.0", to+".mlp.2", attention+"_ln",
			attention+".query", attention+".key", attention+".value", attention+".out")
		if side == "encoder" {
			continue
		}
		c.norm(cross+"_ln", from+"/attention/layer_norm")
		c.linear(cross+".query", from+"/attention/linear_0", 2)
		c.split(cross, from+"/attention/linear_1", "key", "value")
		c.linear(cross+".out", from+"/attention/linear_2", 2)
		c.inOrder(cross+"_ln", cross+".query", cross+".key", cross+".value", cross+".out")
	}
}

func (c *renaming) header(w *writer) {
	embedding := c.out["decoder.token_embedding.weight"].shape
	audio := c.out["encoder.positional_embedding"].shape
	mels := c.out["encoder.conv1.weight"].shape[1]
	w.int32(magic, embedding[0], audio[0], audio[1], audio[1]/headSize, c.layers["encoder"],
		c.out["decoder.positional_embedding"].shape[0], embedding[1], embedding[1]/headSize, c.layers["decoder"], mels, typeF16)
	w.int32(mels, fftBins)
	for _, x := range melFilters(mels) {
		w.float32(x)
	}
}

func writeTensor(w *writer, name string, t tensor) {
	shape := append([]int(nil), t.shape...)
	single := len(shape) < 2 || strings.HasSuffix(name, "positional_embedding")
	if name == "encoder.conv1.bias" || name == "encoder.conv2.bias" {
		shape = append(shape, 1) // as a column, in which form the convolution adds it
	}
	if !single {
		w.tensorHeader(name, typeF16, shape)
		w.b = append(w.b, t.data...)
		return
	}
	w.tensorHeader(name, typeF32, shape)
	for i := 0; i+1 < len(t.data); i += 2 {
		w.float32(halfToFloat(binary.LittleEndian.Uint16(t.data[i:])))
	}
}

// readVocabulary decodes GPT-2's alphabet, in which every byte is a printable rune, for the entries
// that are text.
func readVocabulary(b []byte) ([]string, error) {
	bytes := map[rune]byte{}
	next := rune(256)
	for x := range 256 {
		if (x >= '!' && x <= '~') || (x >= 0xa1 && x <= 0xac) || (x >= 0xae && x <= 0xff) {
			bytes[rune(x)] = byte(x)
			continue
		}
		bytes[next] = byte(x)
		next++
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) < words {
		return nil, errors.New("vocabulary.txt is too short")
	}
	out := make([]string, words)
	for i := range out {
		var entry []byte
		for _, r := range lines[i] {
			x, ok := bytes[r]
			if !ok {
				return nil, fmt.Errorf("vocabulary.txt line %d holds %q", i+1, r)
			}
			entry = append(entry, x)
		}
		out[i] = string(entry)
	}
	return out, nil
}

// melFilters returns n triangular filters over the bins of a 400-sample transform at 16 kHz, on
// Slaney's mel scale and of unit area (librosa.filters.mel). Whisper's spectrogram is made with
// them.
func melFilters(n int) []float32 {
	const hzPerMel = 200.0 / 3 // below 1 kHz, where the scale is linear
	logStep, knee := math.Log(6.4)/27, 1000/hzPerMel
	toHz := func(mel float64) float64 {
		if mel < knee {
			return hzPerMel * mel
		}
		return 1000 * math.Exp(logStep*(mel-knee))
	}
	top := knee + float64(math.Log(sampleRate/2/1000.0)/logStep)
	edges := make([]float64, n+2)
	for i := range edges {
		edges[i] = toHz(top * float64(i) / float64(n+1))
	}
	out := make([]float32, 0, n*fftBins)
	for i := range n {
		norm := 2 / (edges[i+2] - edges[i])
		for k := range fftBins {
			hz := float64(sampleRate/2*k) / (fftBins - 1)
			rise, fall := (hz-edges[i])/(edges[i+1]-edges[i]), (edges[i+2]-hz)/(edges[i+2]-edges[i+1])
			height := float32(max(0, min(rise, fall)))
			out = append(out, float32(float64(height)*norm)+0)
		}
	}
	return out
}
