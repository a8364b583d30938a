package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

const (
	campplusName = "campplus"
	// normEpsilon is what PyTorch's batch normalisation adds to a variance.
	normEpsilon = 1e-5
)

// CAMPlus converts the CAM++ checkpoint that 3D-Speaker publishes (192 dimensions, 80 mel bands)
// into the file that parley-voice reads: matrices [outputs][inputs] in half floats, inputs by
// channel and tap, in the order in which the program reads them. A batch normalisation after a
// convolution is folded into it; one before an activation remains, as scale and shift.
func CAMPlus(checkpoint []byte) ([]byte, error) {
	source, err := readTorch(checkpoint)
	if err != nil {
		return nil, fmt.Errorf("weights: campplus: %w", err)
	}
	c := &folding{source: source, w: &writer{}}
	c.w.int32(magic, len(campplusName))
	c.w.string(campplusName)

	c.conv("head.conv1", "head.conv1", "head.bn1", 32, 1, 3, 3)
	for _, layer := range []string{"head.layer1.0", "head.layer1.1", "head.layer2.0", "head.layer2.1"} {
		c.conv(layer+".conv1", layer+".conv1", layer+".bn1", 32, 32, 3, 3)
		c.conv(layer+".conv2", layer+".conv2", layer+".bn2", 32, 32, 3, 3)
		if layer[len(layer)-1] == '0' {
			c.conv(layer+".shortcut", layer+".shortcut.0", layer+".shortcut.1", 32, 32, 1, 1)
		}
	}
	c.conv("head.conv2", "head.conv2", "head.bn2", 32, 32, 3, 3)
	c.conv("tdnn", "xvector.tdnn.linear", "xvector.tdnn.nonlinear.batchnorm", 128, 320, 5)
	in := 128
	for b, layers := range []int{12, 24, 16} {
		block := fmt.Sprintf("block%d", b+1)
		for i := range layers {
			to, from := fmt.Sprintf("%s.%d", block, i), fmt.Sprintf("xvector.%s.tdnnd%d", block, i+1)
			c.norm(to+".norm", from+".nonlinear1.batchnorm", in)
			c.conv(to+".wide", from+".linear1", from+".nonlinear2.batchnorm", 128, in, 1)
			c.conv(to+".local", from+".cam_layer.linear_local", "", 32, 128, 3)
			c.conv(to+".mask1", from+".cam_layer.linear1", "", 64, 128, 1)
			c.conv(to+".mask2", from+".cam_layer.linear2", "", 32, 64, 1)
			in += 32
		}
		transit := fmt.Sprintf("xvector.transit%d", b+1)
		c.norm(block+".norm", transit+".nonlinear.batchnorm", in)
		c.conv(block+".transit", transit+".linear", "", in/2, in, 1)
		in /= 2
	}
	c.norm("norm", "xvector.out_nonlinear.batchnorm", in)
	c.conv("dense", "xvector.dense.linear", "xvector.dense.nonlinear.batchnorm", 192, 2*in, 1)
	if c.err != nil {
		return nil, fmt.Errorf("weights: campplus: %w", c.err)
	}
	return c.w.b, nil
}

// folding writes tensors of a checkpoint, with normalisations folded in.
type folding struct {
	source map[string]tensor
	w      *writer
	err    error
}

// get returns the values of a tensor of a given shape; zeros after the first error.
func (c *folding) get(name string, shape ...int) []float32 {
	t, ok := c.source[name]
	if !ok || !slices.Equal(t.shape, shape) {
		if c.err == nil {
			c.err = fmt.Errorf("no tensor %s of shape %v", name, shape)
		}
		n := 1
		for _, d := range shape {
			n *= d
		}
		return make([]float32, n)
	}
	return t.floats()
}

// normalisation returns a batch normalisation as scale and shift of each channel. One without
// weights has scale 1 and shift 0 before its statistics are applied.
func (c *folding) normalisation(name string, channels int) (scale, shift []float64) {
	mean, variance := c.get(name+".running_mean", channels), c.get(name+".running_var", channels)
	gain, offset := make([]float32, channels), make([]float32, channels)
	for i := range gain {
		gain[i] = 1
	}
	if _, ok := c.source[name+".weight"]; ok {
		gain, offset = c.get(name+".weight", channels), c.get(name+".bias", channels)
	}
	scale, shift = make([]float64, channels), make([]float64, channels)
	for i := range channels {
		scale[i] = float64(gain[i]) / math.Sqrt(float64(variance[i])+normEpsilon)
		shift[i] = float64(offset[i]) - float64(float64(mean[i])*scale[i])
	}
	return scale, shift
}

func (c *folding) norm(to, from string, channels int) {
	scale, shift := c.normalisation(from, channels)
	c.vector(to+".scale", scale)
	c.vector(to+".shift", shift)
}

// conv writes a convolution and the normalisation after it, if any, as weight and bias.
func (c *folding) conv(to, from, norm string, shape ...int) {
	weight := c.get(from+".weight", shape...)
	outputs := shape[0]
	bias := make([]float64, outputs)
	if _, ok := c.source[from+".bias"]; ok {
		for i, v := range c.get(from+".bias", outputs) {
			bias[i] = float64(v)
		}
	}
	scale := make([]float64, outputs)
	for i := range scale {
		scale[i] = 1
	}
	if norm != "" {
		var shift []float64
		scale, shift = c.normalisation(norm, outputs)
		for i := range bias {
			bias[i] = float64(bias[i]*scale[i]) + shift[i]
		}
	}
	inputs := len(weight) / outputs
	c.w.tensorHeader(to+".weight", typeF16, []int{outputs, inputs})
	for i, v := range weight {
		c.w.b = binary.LittleEndian.AppendUint16(c.w.b, floatToHalf(float32(float64(v)*scale[i/inputs])))
	}
	c.vector(to+".bias", bias)
}

func (c *folding) vector(name string, values []float64) {
	c.w.tensorHeader(name, typeF32, []int{len(values)})
	for _, v := range values {
		c.w.float32(float32(v))
	}
}
