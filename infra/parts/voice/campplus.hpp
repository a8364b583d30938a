// CAM++ (Wang et al. 2023) turns log mel energies into an embedding of the speaker, as 3D-Speaker
// trains it. If a batch normalisation follows a convolution, the file of weights has the two
// combined (infra/parts/weights).
//
// The head works window by window. The tail works on a batch of windows side by side, with zeros
// between them, so that its weights are read once per batch. The result for a window does not
// depend on its neighbours.
#pragma once

#include <memory>
#include <string>

#include "fbank.hpp"
#include "file.hpp"

namespace campplus {

using matrix::Rows;
using matrix::Weights;
using weights::File;

constexpr size_t kEmbedding = 192;
constexpr size_t kChannels = 32;          // of the head
constexpr size_t kHeadBands = 10;         // at the end of the head
constexpr size_t kSegment = 100;          // frames of the tail that share a mask
constexpr size_t kGap = 2;                // zero frames between windows: the reach of a filter
constexpr size_t kMinFrames = 10;         // of 10 ms
constexpr size_t kMaxFrames = 2000;
constexpr size_t kBatchFrames = 1200;     // per batch, unless one window is longer
constexpr size_t kWidest = 1024;          // the most channels of a layer

// Batch normalisation before an activation: a scale and a shift for each channel.
struct Norm {
    std::vector<float> scale, shift;
    Norm() = default;
    Norm(File & f, const std::string & what, size_t channels) : scale(f.tensor(what + ".scale", channels, 0)), shift(f.tensor(what + ".shift", channels, 0)) {}
};

// A convolution of 3x3 or 1x1 over bands and frames. The stride is over bands.
struct Conv {
    Weights w;
    size_t in, size, stride;
    Conv(File & f, const std::string & what, size_t in, size_t size, size_t stride) : w(f.weights(what, kChannels, in * size * size)), in(in), size(size), stride(stride) {}

    // x has `bands` rows per channel. y gets kChannels channels of bands/stride rows.
    void apply(const Rows & x, size_t bands, Rows & y, const float * zeros) const {
        const int half = int(size / 2);
        const float * rows[kChannels * 9];
        float * out[kChannels];
        for (size_t b = 0; b < bands / stride; b++) {
            size_t k = 0;
            for (size_t c = 0; c < in; c++)
                for (int db = -half; db <= half; db++) {
                    const int from = int(b * stride) + db;
                    const float * row = from < 0 || from >= int(bands) ? zeros : x.row(c * bands + from);
                    for (int dt = -half; dt <= half; dt++) rows[k++] = row + dt;
                }
            for (size_t c = 0; c < kChannels; c++) out[c] = y.row(c * (bands / stride) + b);
            w.apply(rows, out, x.width());
        }
    }
};

struct Residual {
    Conv one, two;
    std::unique_ptr<Conv> shortcut;
    Residual(File & f, const std::string & what, size_t stride)
        : one(f, what + ".conv1", kChannels, 3, stride), two(f, what + ".conv2", kChannels, 3, 1), shortcut(stride == 1 ? nullptr : new Conv(f, what + ".shortcut", kChannels, 1, stride)) {}
};

// A layer of a dense block. It reduces its input to 128 channels. From these a dilated convolution
// makes 32 new ones, multiplied by a mask that depends on the context.
struct Dense {
    Norm norm;
    Weights wide, local;
    std::vector<float> mask1, bias1, mask2, bias2;
    size_t in, dilation;
    static constexpr size_t kInner = 128, kHidden = 64, kGrowth = 32;
    Dense(File & f, const std::string & what, size_t in, size_t dilation)
        : norm(f, what + ".norm", in), wide(f.weights(what + ".wide", kInner, in)), local(f.weights(what + ".local", kGrowth, kInner * 3)),
          mask1(f.tensor(what + ".mask1.weight", kHidden, kInner)), bias1(f.tensor(what + ".mask1.bias", kHidden, 0)),
          mask2(f.tensor(what + ".mask2.weight", kGrowth, kHidden)), bias2(f.tensor(what + ".mask2.bias", kGrowth, 0)), in(in), dilation(dilation) {}

    // The mask of one context: kGrowth numbers between 0 and 1.
    void mask(const float * context, float * out) const {
        float hidden[kHidden];
        for (size_t i = 0; i < kHidden; i++) {
            float s = bias1[i];
            for (size_t k = 0; k < kInner; k++) s += mask1[i * kInner + k] * context[k];
            hidden[i] = std::max(0.0f, s);
        }
        for (size_t i = 0; i < kGrowth; i++) {
            float s = bias2[i];
            for (size_t k = 0; k < kHidden; k++) s += mask2[i * kHidden + k] * hidden[k];
            out[i] = 1 / (1 + std::exp(-s));
        }
    }
};

struct Block {
    std::vector<Dense> layers;
    Norm norm;
    Weights transit;
    Block(File & f, const std::string & what, size_t in, size_t count, size_t dilation) {
        for (size_t i = 0; i < count; i++) layers.emplace_back(f, what + "." + std::to_string(i), in + Dense::kGrowth * i, dilation);
        const size_t out = in + Dense::kGrowth * count;
        norm = Norm(f, what + ".norm", out);
        transit = f.weights(what + ".transit", out / 2, out);
    }
};

// Where a window is in a batch, in frames of the tail.
struct Place {
    size_t at, frames;
};

// The mean over columns, summed in double so that it is precise at any length.
inline float mean(const float * x, size_t n) {
    double s = 0;
    for (size_t i = 0; i < n; i++) s += x[i];
    return float(s / double(n));
}

class Network {
    fbank::Extractor extractor_;
    Conv conv1_;
    std::vector<Residual> head_;
    Conv conv2_;
    Weights tdnn_;
    std::vector<Block> blocks_;
    Norm norm_;
    std::vector<float> dense_, denseBias_;
    // Buffers, kept between calls.
    Rows features_, a_, b_, c_, even_, odd_, x_, h_, inner_, local_;
    std::vector<float> zeros_, keep_;

    explicit Network(File && f)
        : conv1_(f, "head.conv1", 1, 3, 1), head_(head(f)), conv2_(f, "head.conv2", kChannels, 3, 2), tdnn_(f.weights("tdnn", 128, kChannels * kHeadBands * 5)) {
        blocks_.reserve(3);
        blocks_.emplace_back(f, "block1", 128, 12, 1);
        blocks_.emplace_back(f, "block2", 256, 24, 2);
        blocks_.emplace_back(f, "block3", 512, 16, 2);
        norm_ = Norm(f, "norm", 512);
        dense_ = f.tensor("dense.weight", kEmbedding, 1024);
        denseBias_ = f.tensor("dense.bias", kEmbedding, 0);
        f.end();
    }

    static std::vector<Residual> head(File & f) {
        std::vector<Residual> v;
        v.reserve(4);
        v.emplace_back(f, "head.layer1.0", 2);
        v.emplace_back(f, "head.layer1.1", 1);
        v.emplace_back(f, "head.layer2.0", 2);
        v.emplace_back(f, "head.layer2.1", 1);
        return v;
    }

    void rectify(Rows & y, size_t rows, const Rows * plus = nullptr) const {
        for (size_t i = 0; i < rows; i++) {
            if (plus) matrix::addRectify(y.row(i), plus->row(i), keep_.data(), y.width());
            else matrix::rectify(y.row(i), keep_.data(), y.width());
        }
    }

    // The head of one window. It writes to even_ and odd_, from column place.at.
    void window(const int16_t * pcm, size_t n, const Place & place) {
        features_.reset(fbank::kBins, n);
        for (size_t t = 0; t < n; t++) extractor_.frame(pcm + t * fbank::kHop, [&](int b, float v) { features_.row(b)[t] = v; });
        for (int b = 0; b < fbank::kBins; b++) {
            float * row = features_.row(b);
            const float m = mean(row, n);
            for (size_t t = 0; t < n; t++) row[t] -= m;
        }
        keep_.assign(features_.width(), 0.0f);
        std::fill_n(keep_.begin(), n, 1.0f);
        zeros_.assign(features_.width() + 2 * matrix::kMargin, 0.0f);
        const float * zeros = zeros_.data() + matrix::kMargin;

        size_t bands = fbank::kBins;
        a_.reset(kChannels * bands, n);
        conv1_.apply(features_, bands, a_, zeros);
        rectify(a_, kChannels * bands);
        for (const Residual & r : head_) {
            const size_t out = bands / r.one.stride;
            b_.reset(kChannels * out, n);
            c_.reset(kChannels * out, n);
            r.one.apply(a_, bands, b_, zeros);
            rectify(b_, kChannels * out);
            r.two.apply(b_, out, c_, zeros);
            if (r.shortcut) {
                r.shortcut->apply(a_, bands, b_, zeros);
                rectify(c_, kChannels * out, &b_);
            } else {
                rectify(c_, kChannels * out, &a_);
            }
            std::swap(a_, c_);
            bands = out;
        }
        b_.reset(kChannels * kHeadBands, n);
        conv2_.apply(a_, bands, b_, zeros);
        rectify(b_, kChannels * kHeadBands);
        for (size_t i = 0; i < kChannels * kHeadBands; i++) {
            const float * row = b_.row(i);
            float * even = even_.row(i) + place.at;
            float * odd = odd_.row(i) + place.at;
            for (size_t t = 0; t < n; t++) (t % 2 == 0 ? even : odd)[t / 2] = row[t];
        }
    }

    void layer(const Dense & d, const std::vector<Place> & places) {
        const size_t width = x_.width();
        const float * in[kWidest];
        float * out[Dense::kInner];
        for (size_t i = 0; i < d.in; i++) {
            matrix::normalise(h_.row(i), x_.row(i), d.norm.scale[i], d.norm.shift[i], width);
            in[i] = h_.row(i);
        }
        for (size_t i = 0; i < Dense::kInner; i++) out[i] = inner_.row(i);
        d.wide.apply(in, out, width);
        rectify(inner_, Dense::kInner);

        const float * taps[Dense::kInner * 3];
        for (size_t i = 0; i < Dense::kInner; i++)
            for (int k = 0; k < 3; k++) taps[3 * i + k] = inner_.row(i) + (k - 1) * int(d.dilation);
        for (size_t i = 0; i < Dense::kGrowth; i++) out[i] = x_.row(d.in + i);
        d.local.apply(taps, out, width);

        for (const Place & p : places) {
            float whole[Dense::kInner], context[Dense::kInner], mask[Dense::kGrowth];
            for (size_t i = 0; i < Dense::kInner; i++) whole[i] = mean(inner_.row(i) + p.at, p.frames);
            for (size_t from = 0; from < p.frames; from += kSegment) {
                const size_t n = std::min(kSegment, p.frames - from);
                for (size_t i = 0; i < Dense::kInner; i++) context[i] = whole[i] + (n == p.frames ? whole[i] : mean(inner_.row(i) + p.at + from, n));
                d.mask(context, mask);
                for (size_t i = 0; i < Dense::kGrowth; i++) {
                    float * y = x_.row(d.in + i) + p.at + from;
                    for (size_t t = 0; t < n; t++) y[t] *= mask[i];
                }
            }
        }
    }

    // One batch of windows: an embedding of length 1 for each.
    void batch(const int16_t * pcm, const std::vector<std::pair<size_t, size_t>> & windows, std::vector<float> & out) {
        std::vector<Place> places;
        size_t columns = 0;
        for (const auto & [start, frames] : windows) {
            places.push_back({columns, (frames - 1) / 2 + 1});
            columns += places.back().frames + kGap;
        }
        even_.reset(kChannels * kHeadBands, columns);
        odd_.reset(kChannels * kHeadBands, columns);
        for (size_t i = 0; i < windows.size(); i++) window(pcm + windows[i].first, windows[i].second, places[i]);

        x_.reset(kWidest, columns);
        h_.reset(kWidest, columns);
        inner_.reset(Dense::kInner, columns);
        keep_.assign(x_.width(), 0.0f);
        for (const Place & p : places) std::fill_n(keep_.begin() + p.at, p.frames, 1.0f);

        const float * taps[kChannels * kHeadBands * 5];
        float * rows[kWidest];
        for (size_t i = 0; i < kChannels * kHeadBands; i++) {
            const float *e = even_.row(i), *o = odd_.row(i);
            const float * five[5] = {e - 1, o - 1, e, o, e + 1};
            std::copy(five, five + 5, taps + 5 * i);
        }
        for (size_t i = 0; i < tdnn_.outputs(); i++) rows[i] = x_.row(i);
        tdnn_.apply(taps, rows, x_.width());
        for (size_t i = 0; i < tdnn_.outputs(); i++) matrix::rectify(x_.row(i), keep_.data(), x_.width());

        for (const Block & b : blocks_) {
            for (const Dense & d : b.layers) layer(d, places);
            const float * in[kWidest];
            for (size_t i = 0; i < b.transit.inputs(); i++) {
                matrix::normalise(h_.row(i), x_.row(i), b.norm.scale[i], b.norm.shift[i], x_.width());
                in[i] = h_.row(i);
            }
            for (size_t i = 0; i < b.transit.outputs(); i++) rows[i] = x_.row(i);
            b.transit.apply(in, rows, x_.width());
        }
        for (size_t i = 0; i < 512; i++) matrix::normalise(x_.row(i), x_.row(i), norm_.scale[i], norm_.shift[i], x_.width());

        for (const Place & p : places) {
            float statistics[1024];
            for (size_t i = 0; i < 512; i++) {
                const float * row = x_.row(i) + p.at;
                double sum = 0, squares = 0;
                for (size_t t = 0; t < p.frames; t++) sum += row[t];
                const double m = sum / double(p.frames);
                for (size_t t = 0; t < p.frames; t++) squares += (row[t] - m) * (row[t] - m);
                statistics[i] = float(m);
                statistics[512 + i] = float(std::sqrt(squares / double(p.frames - 1)));
            }
            double e[kEmbedding], length = 0;
            for (size_t i = 0; i < kEmbedding; i++) {
                double s = denseBias_[i];
                for (size_t k = 0; k < 1024; k++) s += double(dense_[i * 1024 + k]) * statistics[k];
                e[i] = s;
                length += s * s;
            }
            for (const double v : e) out.push_back(float(v / std::sqrt(std::max(length, 1e-20))));
        }
    }

public:
    explicit Network(const char * path) : Network(File(path, "campplus")) {}

    // The embeddings of windows, kEmbedding numbers each. A window is its first sample and its
    // number of frames, kMinFrames to kMaxFrames.
    std::vector<float> embed(const std::vector<int16_t> & pcm, const std::vector<std::pair<size_t, size_t>> & windows) {
        std::vector<float> out;
        out.reserve(windows.size() * kEmbedding);
        std::vector<std::pair<size_t, size_t>> group;
        size_t frames = 0;
        for (const auto & w : windows) {
            if (!group.empty() && frames + w.second > kBatchFrames) {
                batch(pcm.data(), group, out);
                group.clear();
                frames = 0;
            }
            group.push_back(w);
            frames += w.second;
        }
        if (!group.empty()) batch(pcm.data(), group, out);
        return out;
    }
};

}  // namespace campplus
