package weights

import (
	"encoding/binary"
	"fmt"
)

const segmentationName = "segmentation"

// Segmentation converts the checkpoint of pyannote's segmentation-3.0 (PyanNet: 80 sinc filters,
// two convolutions, four bidirectional LSTM layers, 7 classes) into the file that parley-voice
// reads: matrices [outputs][inputs] in half floats, in the order in which the program reads them.
// The two biases of an LSTM are added up. Of the sinc filters, it keeps the learnt frequencies.
func Segmentation(checkpoint []byte) ([]byte, error) {
	source, err := readTorch(checkpoint)
	if err != nil {
		return nil, fmt.Errorf("weights: segmentation: %w", err)
	}
	c := &folding{source: source, w: &writer{}}
	c.w.int32(magic, len(segmentationName))
	c.w.string(segmentationName)

	c.vectors("sound", "sincnet.wav_norm1d", 1)
	c.copied("sinc.low", "sincnet.conv1d.0.filterbank.low_hz_", 40, 1)
	c.copied("sinc.band", "sincnet.conv1d.0.filterbank.band_hz_", 40, 1)
	c.vectors("norm.0", "sincnet.norm1d.0", 80)
	c.conv("conv.1", "sincnet.conv1d.1", "", 60, 80, 5)
	c.vectors("norm.1", "sincnet.norm1d.1", 60)
	c.conv("conv.2", "sincnet.conv1d.2", "", 60, 60, 5)
	c.vectors("norm.2", "sincnet.norm1d.2", 60)
	in := 60
	for layer := range 4 {
		for _, direction := range []struct{ name, suffix string }{{"forward", ""}, {"backward", "_reverse"}} {
			to, from := fmt.Sprintf("lstm.%d.%s", layer, direction.name), fmt.Sprintf("_l%d%s", layer, direction.suffix)
			c.halves(to+".input.weight", "lstm.weight_ih"+from, 512, in)
			bias := make([]float64, 512)
			for _, which := range []string{"ih", "hh"} {
				for i, v := range c.get("lstm.bias_"+which+from, len(bias)) {
					bias[i] += float64(v)
				}
			}
			c.vector(to+".input.bias", bias)
			c.halves(to+".hidden.weight", "lstm.weight_hh"+from, 512, 128)
		}
		in = 256
	}
	c.conv("linear.0", "linear.0", "", 128, 256)
	c.conv("linear.1", "linear.1", "", 128, 128)
	c.conv("classes", "classifier", "", 7, 128)
	if c.err != nil {
		return nil, fmt.Errorf("weights: segmentation: %w", c.err)
	}
	return c.w.b, nil
}

// copied writes a tensor's values, as they are, as a vector.
func (c *folding) copied(to, from string, shape ...int) {
	values := c.get(from, shape...)
	c.w.tensorHeader(to, typeF32, []int{len(values)})
	for _, v := range values {
		c.w.float32(v)
	}
}

// vectors writes the weight and the bias of a normalisation over time.
func (c *folding) vectors(to, from string, channels int) {
	c.copied(to+".weight", from+".weight", channels)
	c.copied(to+".bias", from+".bias", channels)
}

// halves writes a matrix in half floats.
func (c *folding) halves(to, from string, outputs, inputs int) {
	c.w.tensorHeader(to, typeF16, []int{outputs, inputs})
	for _, v := range c.get(from, outputs, inputs) {
		c.w.b = binary.LittleEndian.AppendUint16(c.w.b, floatToHalf(v))
	}
}
