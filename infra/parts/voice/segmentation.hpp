// Who speaks when within ten seconds: PyanNet (Bredin & Laurent 2021) with the powerset classes of
// Plaquet & Bredin 2023, as pyannote's segmentation-3.0 trains it. A SincNet makes 589 frames of
// ten seconds, four bidirectional LSTM layers follow.
//
// Windows go through the LSTMs side by side, one column each, so that the weights are read once
// per step of all. The result for a window does not depend on its neighbours.
#pragma once

#include "file.hpp"

namespace segmentation {

using matrix::Rows;
using matrix::Weights;

constexpr size_t kWindow = 160000;               // samples
constexpr size_t kFrames = 589;                  // of a window; 270 samples from one to the next
constexpr size_t kClasses = 7;                   // nobody; one of three; two of three: 12, 13, 23
constexpr size_t kBatch = matrix::kColumns;      // windows side by side, at most
constexpr size_t kHidden = 128, kGates = 4 * kHidden, kBoth = 2 * kHidden;
constexpr size_t kLayers = 4;
constexpr size_t kStep = 8;                      // frames whose input is multiplied at once

constexpr size_t kStride = 10;                   // samples from one product to the next
constexpr size_t kTaps = 251, kHalf = kTaps / 2;
constexpr size_t kFilters = 80, kBands = kFilters / 2;
constexpr size_t kFiltered = (kWindow - kTaps) / kStride + 1;
constexpr size_t kPool = 3;
constexpr size_t kBlock = 240;                   // at once: a multiple of kPool and of a tile
constexpr size_t kChannels = 60, kReach = 5;     // of the two convolutions that follow

constexpr float kEpsilon = 1e-5f;                // of every normalisation

// e^x, to 2 parts in ten million. Plain arithmetic, which the compiler turns into vectors.
inline float exponential(float x) {
    x = std::min(std::max(x, -87.0f), 87.0f);
    const float n = __builtin_rintf(x * 1.44269504f);
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    const int32_t bits = (int32_t(n) + 127) << 23;
    float scale;
    std::memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}
inline float sigmoid(float x) { return 1.0f / (1.0f + exponential(-x)); }
inline float tangent(float x) { return 2.0f / (1.0f + exponential(-2.0f * x)) - 1.0f; }

// Normalises a row to mean 0 and deviation 1, then scales and shifts it.
inline void normalise(float * x, size_t n, float scale, float shift) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    const double mean = sum / double(n);
    for (size_t i = 0; i < n; i++) squares += (x[i] - mean) * (x[i] - mean);
    const float gain = scale / std::sqrt(float(squares / double(n)) + kEpsilon), offset = shift - float(mean) * gain;
    for (size_t i = 0; i < n; i++) x[i] = x[i] * gain + offset;
}

struct Norm {
    std::vector<float> scale, shift;
    Norm(weights::File & f, const std::string & what, size_t channels) : scale(f.tensor(what + ".weight", channels, 0)), shift(f.tensor(what + ".bias", channels, 0)) {}
};

// Band passes between learnt frequencies (Ravanelli & Bengio 2018): 40 cosines, which are the same
// backwards, and 40 sines, which change their sign.
class Filters {
    Weights even_, odd_;
    Rows phases_, sums_, differences_, out_;

public:
    explicit Filters(weights::File & f) {
        const std::vector<float> low = f.tensor("sinc.low", kBands, 0), band = f.tensor("sinc.band", kBands, 0);
        const double pi = std::acos(-1.0), rate = 16000, least = 50;  // Hz
        std::vector<float> even(kBands * (kHalf + 1)), odd(kBands * kHalf);
        for (size_t b = 0; b < kBands; b++) {
            const double from = least + std::fabs(double(low[b])), to = std::min(std::max(from + least + std::fabs(double(band[b])), least), rate / 2);
            for (size_t k = 0; k < kHalf; k++) {
                const double t = 2 * pi * (double(k) - double(kHalf)) / rate, window = 0.54 - 0.46 * std::cos(2 * pi * double(k) / (kTaps - 1));
                const double gain = window / (t / 2) / (2 * (to - from));
                even[b * (kHalf + 1) + k] = float((std::sin(to * t) - std::sin(from * t)) * gain);
                odd[b * kHalf + k] = float((std::cos(from * t) - std::cos(to * t)) * gain);
            }
            even[b * (kHalf + 1) + kHalf] = 1;
        }
        even_ = Weights(even, kBands, kHalf + 1, {});
        odd_ = Weights(odd, kBands, kHalf, {});
    }

    // The loudest of three products each: kFilters rows of kFiltered/kPool columns.
    void apply(const std::vector<float> & x, Rows & y) {
        const size_t columns = kWindow / kStride;
        phases_.reset(kStride, columns + 2 * kBlock);
        for (size_t p = 0; p < kStride; p++)
            for (size_t j = 0; j < columns; j++) phases_.row(p)[j] = x[j * kStride + p];
        sums_.reset(kHalf + 1, kBlock);
        differences_.reset(kHalf, kBlock);
        out_.reset(kFilters, kBlock);
        y.reset(kFilters, kFiltered / kPool);
        const float *even[kHalf + 1], *odd[kHalf];
        float * out[kFilters];
        for (size_t k = 0; k <= kHalf; k++) even[k] = sums_.row(k);
        for (size_t k = 0; k < kHalf; k++) odd[k] = differences_.row(k);
        for (size_t i = 0; i < kFilters; i++) out[i] = out_.row(i);
        for (size_t from = 0; from < kFiltered; from += kBlock) {
            const auto tap = [&](size_t k) { return phases_.row(k % kStride) + k / kStride + from; };
            for (size_t k = 0; k < kHalf; k++) {
                const float *a = tap(k), *b = tap(kTaps - 1 - k);
                float *s = sums_.row(k), *d = differences_.row(k);
                for (size_t j = 0; j < kBlock; j++) s[j] = a[j] + b[j];
                for (size_t j = 0; j < kBlock; j++) d[j] = a[j] - b[j];
            }
            std::memcpy(sums_.row(kHalf), tap(kHalf), kBlock * sizeof(float));
            even_.apply(even, out, kBlock);
            odd_.apply(odd, out + kBands, kBlock);
            const size_t n = std::min(kBlock, kFiltered - from) / kPool;
            for (size_t i = 0; i < kFilters; i++) {
                const float * o = out[i];
                float * to = y.row(i) + from / kPool;
                for (size_t j = 0; j < n; j++) to[j] = std::max(std::max(std::fabs(o[3 * j]), std::fabs(o[3 * j + 1])), std::fabs(o[3 * j + 2]));
            }
        }
    }
};

// One direction of a layer.
struct LSTM {
    Weights input, hidden;
    LSTM(weights::File & f, const std::string & what, size_t in) : input(f.weights(what + ".input", kGates, in)), hidden(Weights(f.tensor(what + ".hidden.weight", kGates, kHidden), kGates, kHidden, {})) {}
};

class Network {
    Norm sound_;
    Filters filters_;
    Norm norm0_;
    Weights conv1_;
    Norm norm1_;
    Weights conv2_;
    Norm norm2_;
    std::vector<LSTM> lstm_;
    Weights linear0_, linear1_, classes_;
    // Buffers, kept between calls.
    std::vector<float> wave_;
    size_t side_ = kBatch;  // columns of a frame: as many windows, or a few more
    Rows pooled_, wide_, x_, y_, gates_;

    explicit Network(weights::File && f)
        : sound_(f, "sound", 1), filters_(f), norm0_(f, "norm.0", kFilters), conv1_(f.weights("conv.1", kChannels, kFilters * kReach)), norm1_(f, "norm.1", kChannels),
          conv2_(f.weights("conv.2", kChannels, kChannels * kReach)), norm2_(f, "norm.2", kChannels) {
        for (size_t i = 0; i < kLayers; i++)
            for (const char * direction : {".forward", ".backward"}) lstm_.emplace_back(f, "lstm." + std::to_string(i) + direction, i == 0 ? kChannels : kBoth);
        linear0_ = f.weights("linear.0", kHidden, kBoth);
        linear1_ = f.weights("linear.1", kHidden, kHidden);
        // The kernel works on four outputs at a time.
        std::vector<float> w = f.tensor("classes.weight", kClasses, kHidden), b = f.tensor("classes.bias", kClasses, 0);
        w.resize((kClasses + 1) * kHidden);
        classes_ = Weights(w, kClasses + 1, kHidden, b);
        f.end();
    }

    // A convolution over time, then the loudest of three each. in has n columns.
    size_t convolve(const Weights & w, const Norm & norm, const Rows & in, size_t channels, size_t n, Rows & out) {
        const size_t made = n - kReach + 1, kept = made / kPool;
        wide_.reset(kChannels, made);
        const float * taps[kFilters * kReach];
        float * rows[kChannels];
        for (size_t c = 0; c < channels; c++)
            for (size_t k = 0; k < kReach; k++) taps[c * kReach + k] = in.row(c) + k;
        for (size_t c = 0; c < kChannels; c++) rows[c] = wide_.row(c);
        w.apply(taps, rows, wide_.width());
        out.reset(kChannels, kept);
        for (size_t c = 0; c < kChannels; c++) {
            float * y = out.row(c);
            for (size_t j = 0; j < kept; j++) y[j] = std::max(std::max(rows[c][3 * j], rows[c][3 * j + 1]), rows[c][3 * j + 2]);
            normalise(y, kept, norm.scale[c], norm.shift[c]);
            matrix::leak(y, kept);
        }
        return kept;
    }

    // The SincNet of one window, into column `column` of each frame of x_.
    void window(const int16_t * pcm, size_t n, size_t column) {
        wave_.assign(kWindow, 0.0f);
        for (size_t i = 0; i < n; i++) wave_[i] = float(pcm[i]) / 32768;
        normalise(wave_.data(), kWindow, sound_.scale[0], sound_.shift[0]);
        filters_.apply(wave_, pooled_);
        size_t frames = kFiltered / kPool;
        for (size_t i = 0; i < kFilters; i++) {
            normalise(pooled_.row(i), frames, norm0_.scale[i], norm0_.shift[i]);
            matrix::leak(pooled_.row(i), frames);
        }
        frames = convolve(conv1_, norm1_, pooled_, kFilters, frames, y_);
        frames = convolve(conv2_, norm2_, y_, kChannels, frames, pooled_);
        for (size_t c = 0; c < kChannels; c++)
            for (size_t t = 0; t < frames; t++) x_.row(c)[t * side_ + column] = pooled_.row(c)[t];
    }

    // One direction of a layer: kHidden rows of y_ from `to` on.
    void run(const LSTM & l, size_t inputs, size_t to, bool backward) {
        const float *in[kBoth], *before[kHidden];
        float * out[kGates];
        float cell[kHidden][kBatch] = {};
        const float zeros[kBatch] = {};
        std::fill_n(before, kHidden, zeros);
        gates_.reset(kGates, kStep * side_);
        for (size_t done = 0; done < kFrames; done += kStep) {
            const size_t n = std::min(kStep, kFrames - done), first = backward ? kFrames - done - n : done;
            for (size_t i = 0; i < inputs; i++) in[i] = x_.row(i) + first * side_;
            for (size_t i = 0; i < kGates; i++) out[i] = gates_.row(i);
            l.input.apply(in, out, n * side_);
            for (size_t k = 0; k < n; k++) {
                const size_t at = backward ? n - 1 - k : k, t = first + at;
                for (size_t i = 0; i < kGates; i++) out[i] = gates_.row(i) + at * side_;
                l.hidden.add(before, out, side_);
                for (size_t i = 0; i < kHidden; i++) {
                    float *c = cell[i], *h = y_.row(to + i) + t * side_;
                    const float *a = out[i], *b = out[kHidden + i], *g = out[2 * kHidden + i], *o = out[3 * kHidden + i];
                    for (size_t j = 0; j < side_; j++) {
                        c[j] = sigmoid(b[j]) * c[j] + sigmoid(a[j]) * tangent(g[j]);
                        h[j] = sigmoid(o[j]) * tangent(c[j]);
                    }
                    before[i] = h;
                }
            }
        }
    }

    void dense(const Weights & w, const Rows & x, Rows & y, bool leaky) {
        const float * in[kBoth];
        float * out[kHidden];
        for (size_t i = 0; i < w.inputs(); i++) in[i] = x.row(i);
        for (size_t i = 0; i < w.outputs(); i++) out[i] = y.row(i);
        w.apply(in, out, x.width());
        for (size_t i = 0; leaky && i < w.outputs(); i++) matrix::leak(out[i], y.width());
    }

    void batch(const std::vector<int16_t> & pcm, const size_t * starts, size_t n, std::vector<uint8_t> & out) {
        side_ = (n + matrix::kLeast - 1) / matrix::kLeast * matrix::kLeast;
        x_.reset(kBoth, kFrames * side_);
        for (size_t i = 0; i < n; i++) window(pcm.data() + starts[i], std::min(kWindow, pcm.size() - starts[i]), i);
        y_.reset(kBoth, kFrames * side_);
        for (size_t i = 0; i < kLayers; i++) {
            run(lstm_[2 * i], i == 0 ? kChannels : kBoth, 0, false);
            run(lstm_[2 * i + 1], i == 0 ? kChannels : kBoth, kHidden, true);
            std::swap(x_, y_);
        }
        dense(linear0_, x_, y_, true);
        dense(linear1_, y_, x_, true);
        dense(classes_, x_, y_, false);
        for (size_t i = 0; i < n; i++)
            for (size_t t = 0; t < kFrames; t++) {
                float p[kClasses], most = -1e9f, sum = 0;
                for (size_t k = 0; k < kClasses; k++) most = std::max(most, p[k] = y_.row(k)[t * side_ + i]);
                for (float & v : p) sum += v = exponential(v - most);
                for (const float v : p) out.push_back(uint8_t(v / sum * 255 + 0.5f));
            }
    }

public:
    explicit Network(const char * path) : Network(weights::File(path, "segmentation")) {}

    // The probabilities of the classes, in 255ths: kFrames times kClasses for each window. A window
    // begins at its start and lasts kWindow samples; what is beyond the end is silence.
    std::vector<uint8_t> classes(const std::vector<int16_t> & pcm, const std::vector<size_t> & starts) {
        std::vector<uint8_t> out;
        out.reserve(starts.size() * kFrames * kClasses);
        for (size_t i = 0; i < starts.size(); i += kBatch) batch(pcm, starts.data() + i, std::min(kBatch, starts.size() - i), out);
        return out;
    }
};

}  // namespace segmentation
