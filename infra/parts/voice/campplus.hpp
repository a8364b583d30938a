// CAM++ (Wang et al. 2023) turns log mel energies into an embedding of the speaker, as 3D-Speaker
// trains it. If a batch normalisation follows a convolution, the file of weights has the two
// combined (infra/parts/weights).
//
// The products are computed in whole numbers (coarse.hpp). The cosine with the embedding in floats,
// which is the published network's, is 0.995 in the middle.
//
// The head works window by window. The tail works on a batch of windows side by side, with zeros
// between them, so that its weights are read once per batch. The result for a window does not
// depend on its neighbours.
#pragma once

#include <memory>
#include <string>

#include "coarse.hpp"
#include "fbank.hpp"
#include "file.hpp"

namespace campplus {

using matrix::Rows;
using weights::File;

constexpr size_t kEmbedding = 192;
constexpr size_t kChannels = 32;          // of the head
constexpr size_t kHeadBands = 10;         // at the end of the head
constexpr size_t kInput = 128;            // channels of the tail at its beginning
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

// A matrix of weights, [outputs][channels][taps]: in floats, or in whole numbers.
struct Weights {
    matrix::Weights exact;
    coarse::Weights rough;
    Weights() = default;
    Weights(File & f, const std::string & what, size_t outputs, size_t channels, size_t taps, bool plain) {
        const std::vector<float> w = f.tensor(what + ".weight", outputs, channels * taps), bias = f.tensor(what + ".bias", outputs, 0);
        if (plain) exact = matrix::Weights(w, outputs, channels * taps, bias);
        else rough = coarse::Weights(w, outputs, channels, taps, bias);
    }
};

// A convolution of 3x3 or 1x1 over bands and frames. The stride is over bands.
struct Conv {
    Weights w;
    size_t in, size, stride;
    Conv(File & f, const std::string & what, size_t in, size_t size, size_t stride, bool plain)
        : w(f, what, kChannels, in, size * size, plain), in(in), size(size), stride(stride) {}

    // x has `bands` rows per channel. y gets kChannels channels of bands/stride rows.
    void apply(const Rows & x, size_t bands, Rows & y, const float * zeros) const {
        each<const float>(in, bands, y, [&](size_t row) { return row == kNone ? zeros : x.row(row); }, 1,
             [&](const float * const * rows, float * const * out) { w.exact.apply(rows, out, x.width()); });
    }

    // The same for groups of channels in steps.
    void apply(const coarse::Rows & x, size_t bands, Rows & y, const uint8_t * zeros, const float * step) const {
        each<const uint8_t>(in / coarse::kGroup, bands, y, [&](size_t row) { return row == kNone ? zeros : x.row(row); }, coarse::kGroup,
             [&](const uint8_t * const * rows, float * const * out) { w.rough.apply(rows, out, x.width(), step); });
    }

private:
    static constexpr size_t kNone = SIZE_MAX;  // a row before the first band or after the last

    template <class T, class Row, class Product> void each(size_t channels, size_t bands, Rows & y, Row of, int wide, Product product) const {
        const int half = int(size / 2);
        T * rows[kChannels * 9];
        float * out[kChannels];
        for (size_t b = 0; b < bands / stride; b++) {
            size_t k = 0;
            for (size_t c = 0; c < channels; c++)
                for (int db = -half; db <= half; db++) {
                    const int from = int(b * stride) + db;
                    T * row = of(from < 0 || from >= int(bands) ? kNone : c * bands + from);
                    for (int dt = -half; dt <= half; dt++) rows[k++] = row + dt * wide;
                }
            for (size_t c = 0; c < kChannels; c++) out[c] = y.row(c * (bands / stride) + b);
            product(rows, out);
        }
    }
};

struct Residual {
    Conv one, two;
    std::unique_ptr<Conv> shortcut;
    Residual(File & f, const std::string & what, size_t stride, bool plain)
        : one(f, what + ".conv1", kChannels, 3, stride, plain), two(f, what + ".conv2", kChannels, 3, 1, plain),
          shortcut(stride == 1 ? nullptr : new Conv(f, what + ".shortcut", kChannels, 1, stride, plain)) {}
};

// A layer of a dense block. It reduces its input to 128 channels. From these a dilated convolution
// makes 32 new ones, multiplied by a mask that depends on the context.
struct Dense {
    Norm norm;
    Weights wide, local;
    std::vector<float> mask1, bias1, mask2, bias2;
    size_t in, dilation;
    static constexpr size_t kInner = 128, kHidden = 64, kGrowth = 32;
    Dense(File & f, const std::string & what, size_t in, size_t dilation, bool plain)
        : norm(f, what + ".norm", in), wide(f, what + ".wide", kInner, in, 1, plain), local(f, what + ".local", kGrowth, kInner, 3, plain),
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
    size_t inputs;
    Block(File & f, const std::string & what, size_t in, size_t count, size_t dilation, bool plain) : inputs(in + Dense::kGrowth * count) {
        for (size_t i = 0; i < count; i++) layers.emplace_back(f, what + "." + std::to_string(i), in + Dense::kGrowth * i, dilation, plain);
        norm = Norm(f, what + ".norm", inputs);
        transit = Weights(f, what + ".transit", inputs / 2, inputs, 1, plain);
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
    bool plain_;
    fbank::Extractor extractor_;
    Conv conv1_;
    std::vector<Residual> head_;
    Conv conv2_;
    Weights tdnn_;
    std::vector<Block> blocks_;
    Norm norm_;
    std::vector<float> dense_, denseBias_;
    // Buffers, kept between calls.
    Rows features_, a_, b_, c_, even_, odd_, x_, h_, inner_;
    coarse::Rows a8_, b8_, even8_, odd8_, h8_, inner8_;
    std::vector<float> zeros_, keep_;
    // By column: the largest input, how many steps are in one, and what a step is worth. The last
    // is kept of the input of a residual and of the tail.
    std::vector<float> top_, per_, step_, windows_, tail_;

    Network(File && f, bool plain)
        : plain_(plain), conv1_(f, "head.conv1", 1, 3, 1, true), head_(head(f, plain)), conv2_(f, "head.conv2", kChannels, 3, 2, plain), tdnn_(f, "tdnn", kInput, kChannels * kHeadBands, 5, plain) {
        blocks_.reserve(3);
        blocks_.emplace_back(f, "block1", 128, 12, 1, plain);
        blocks_.emplace_back(f, "block2", 256, 24, 2, plain);
        blocks_.emplace_back(f, "block3", 512, 16, 2, plain);
        norm_ = Norm(f, "norm", 512);
        dense_ = f.tensor("dense.weight", kEmbedding, 1024);
        denseBias_ = f.tensor("dense.bias", kEmbedding, 0);
        f.end();
    }

    static std::vector<Residual> head(File & f, bool plain) {
        std::vector<Residual> v;
        v.reserve(4);
        v.emplace_back(f, "head.layer1.0", 2, plain);
        v.emplace_back(f, "head.layer1.1", 1, plain);
        v.emplace_back(f, "head.layer2.0", 2, plain);
        v.emplace_back(f, "head.layer2.1", 1, plain);
        return v;
    }

    void rectify(Rows & y, size_t rows, const Rows * plus = nullptr) const {
        for (size_t i = 0; i < rows; i++) {
            if (plus) matrix::addRectify(y.row(i), plus->row(i), keep_.data(), y.width());
            else matrix::rectify(y.row(i), keep_.data(), y.width());
        }
    }

    // Makes steps of what is in top_, for the columns of each place; none for the others.
    void settle(const std::vector<Place> & places) {
        per_.assign(top_.size(), 0.0f);
        step_.assign(top_.size(), 0.0f);
        for (const Place & p : places) {
            const float most = *std::max_element(top_.begin() + p.at, top_.begin() + p.at + p.frames);
            if (most <= 0) continue;
            std::fill_n(per_.begin() + p.at, p.frames, coarse::kTop / most);
            std::fill_n(step_.begin() + p.at, p.frames, most / coarse::kTop);
        }
    }

    // Rows in steps: channels of `bands` rows each become groups of channels.
    void narrow(const Rows & x, size_t channels, size_t bands, const std::vector<Place> & places, coarse::Rows & y) {
        top_.assign(x.width(), 0.0f);
        for (size_t i = 0; i < channels * bands; i++) coarse::raise(top_.data(), x.row(i), x.width());
        settle(places);
        for (size_t g = 0; g < channels / coarse::kGroup; g++)
            for (size_t b = 0; b < bands; b++) {
                const float * four[coarse::kGroup];
                for (size_t i = 0; i < coarse::kGroup; i++) four[i] = x.row((g * coarse::kGroup + i) * bands + b);
                coarse::round(y.row(g * bands + b), four, per_.data(), x.width());
            }
    }

    // The first rows of x_, normalised: in steps, or in h_.
    void prepare(const Norm & norm, size_t rows, const std::vector<Place> & places) {
        const size_t width = x_.width();
        if (plain_) {
            for (size_t i = 0; i < rows; i++) matrix::normalise(h_.row(i), x_.row(i), norm.scale[i], norm.shift[i], width);
            return;
        }
        top_.assign(width, 0.0f);
        for (size_t i = 0; i < rows; i++) coarse::raise(top_.data(), x_.row(i), norm.scale[i], norm.shift[i], width);
        settle(places);
        for (size_t i = 0; i < rows; i += coarse::kGroup) {
            const float * four[coarse::kGroup];
            for (size_t k = 0; k < coarse::kGroup; k++) four[k] = x_.row(i + k);
            coarse::round(h8_.row(i / coarse::kGroup), four, norm.scale.data() + i, norm.shift.data() + i, per_.data(), width);
        }
    }

    // What prepare made, times weights.
    void multiply(const Weights & w, size_t rows, float * const * out) const {
        if (plain_) {
            const float * in[kWidest];
            for (size_t i = 0; i < rows; i++) in[i] = h_.row(i);
            w.exact.apply(in, out, x_.width());
            return;
        }
        const uint8_t * in[kWidest / coarse::kGroup];
        for (size_t g = 0; g < rows / coarse::kGroup; g++) in[g] = h8_.row(g);
        w.rough.apply(in, out, x_.width(), step_.data());
    }

    // A convolution over bands and frames of x, of which x8 are the steps.
    void convolve(const Conv & c, const Rows & x, const coarse::Rows & x8, const std::vector<float> & step, size_t bands, Rows & y) const {
        if (plain_) c.apply(x, bands, y, zeros_.data() + matrix::kMargin);
        else c.apply(x8, bands, y, reinterpret_cast<const uint8_t *>(zeros_.data()) + coarse::kMargin * coarse::kGroup, step.data());
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
        const std::vector<Place> whole{{0, n}};
        // Rows in steps, unless they are not asked for.
        const auto narrowed = [&](const Rows & x, size_t bands, coarse::Rows & y) {
            if (plain_) return;
            y.reset(kChannels / coarse::kGroup * bands, n);
            narrow(x, kChannels, bands, whole, y);
        };

        size_t bands = fbank::kBins;
        a_.reset(kChannels * bands, n);
        conv1_.apply(features_, bands, a_, zeros_.data() + matrix::kMargin);
        rectify(a_, kChannels * bands);
        for (const Residual & r : head_) {
            const size_t out = bands / r.one.stride;
            b_.reset(kChannels * out, n);
            c_.reset(kChannels * out, n);
            narrowed(a_, bands, a8_);
            windows_ = step_;
            convolve(r.one, a_, a8_, windows_, bands, b_);
            rectify(b_, kChannels * out);
            narrowed(b_, out, b8_);
            convolve(r.two, b_, b8_, step_, out, c_);
            if (r.shortcut) {
                convolve(*r.shortcut, a_, a8_, windows_, bands, b_);
                rectify(c_, kChannels * out, &b_);
            } else {
                rectify(c_, kChannels * out, &a_);
            }
            std::swap(a_, c_);
            bands = out;
        }
        b_.reset(kChannels * kHeadBands, n);
        narrowed(a_, bands, a8_);
        convolve(conv2_, a_, a8_, step_, bands, b_);
        rectify(b_, kChannels * kHeadBands);
        if (plain_) {
            for (size_t i = 0; i < kChannels * kHeadBands; i++) {
                const float * row = b_.row(i);
                float * even = even_.row(i) + place.at;
                float * odd = odd_.row(i) + place.at;
                for (size_t t = 0; t < n; t++) (t % 2 == 0 ? even : odd)[t / 2] = row[t];
            }
            return;
        }
        // Each row is a channel of its own to the tail.
        b8_.reset(kChannels * kHeadBands / coarse::kGroup, n);
        narrow(b_, kChannels * kHeadBands, 1, whole, b8_);
        for (size_t g = 0; g < kChannels * kHeadBands / coarse::kGroup; g++) {
            const uint8_t * row = b8_.row(g);
            uint8_t * even = even8_.row(g) + place.at * coarse::kGroup;
            uint8_t * odd = odd8_.row(g) + place.at * coarse::kGroup;
            for (size_t t = 0; t < n; t++) std::memcpy((t % 2 == 0 ? even : odd) + t / 2 * coarse::kGroup, row + t * coarse::kGroup, coarse::kGroup);
        }
        std::fill_n(tail_.begin() + place.at, place.frames, step_[0]);
    }

    void layer(const Dense & d, const std::vector<Place> & places) {
        const size_t width = x_.width();
        float * out[Dense::kInner];
        prepare(d.norm, d.in, places);
        for (size_t i = 0; i < Dense::kInner; i++) out[i] = inner_.row(i);
        multiply(d.wide, d.in, out);
        rectify(inner_, Dense::kInner);

        for (size_t i = 0; i < Dense::kGrowth; i++) out[i] = x_.row(d.in + i);
        if (plain_) {
            const float * taps[Dense::kInner * 3];
            for (size_t i = 0; i < Dense::kInner; i++)
                for (int k = 0; k < 3; k++) taps[3 * i + k] = inner_.row(i) + (k - 1) * int(d.dilation);
            d.local.exact.apply(taps, out, width);
        } else {
            narrow(inner_, Dense::kInner, 1, places, inner8_);
            const uint8_t * taps[Dense::kInner / coarse::kGroup * 3];
            for (size_t g = 0; g < Dense::kInner / coarse::kGroup; g++)
                for (int k = 0; k < 3; k++) taps[3 * g + k] = inner8_.row(g) + (k - 1) * int(d.dilation) * int(coarse::kGroup);
            d.local.rough.apply(taps, out, width, step_.data());
        }

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
        if (plain_) {
            even_.reset(kChannels * kHeadBands, columns);
            odd_.reset(kChannels * kHeadBands, columns);
        } else {
            even8_.reset(kChannels * kHeadBands / coarse::kGroup, columns);
            odd8_.reset(kChannels * kHeadBands / coarse::kGroup, columns);
            tail_.assign(even8_.width(), 0.0f);
        }
        for (size_t i = 0; i < windows.size(); i++) window(pcm + windows[i].first, windows[i].second, places[i]);

        x_.reset(kWidest, columns);
        if (plain_) h_.reset(kWidest, columns);
        else h8_.reset(kWidest / coarse::kGroup, columns);
        inner_.reset(Dense::kInner, columns);
        if (!plain_) inner8_.reset(Dense::kInner / coarse::kGroup, columns);
        keep_.assign(x_.width(), 0.0f);
        for (const Place & p : places) std::fill_n(keep_.begin() + p.at, p.frames, 1.0f);

        float * rows[kWidest];
        for (size_t i = 0; i < kWidest; i++) rows[i] = x_.row(i);
        // Five frames are three even ones and two odd ones.
        const auto five = [&](const auto & even, const auto & odd, size_t n, auto ** taps, int wide) {
            for (size_t i = 0; i < n; i++) {
                const auto *e = even.row(i), *o = odd.row(i);
                for (const auto * tap : {e - wide, o - wide, e, o, e + wide}) *taps++ = tap;
            }
        };
        if (plain_) {
            const float * taps[kChannels * kHeadBands * 5];
            five(even_, odd_, kChannels * kHeadBands, taps, 1);
            tdnn_.exact.apply(taps, rows, x_.width());
        } else {
            const uint8_t * taps[kChannels * kHeadBands / coarse::kGroup * 5];
            five(even8_, odd8_, kChannels * kHeadBands / coarse::kGroup, taps, coarse::kGroup);
            tdnn_.rough.apply(taps, rows, x_.width(), tail_.data());
        }
        for (size_t i = 0; i < kInput; i++) matrix::rectify(x_.row(i), keep_.data(), x_.width());

        for (const Block & b : blocks_) {
            for (const Dense & d : b.layers) layer(d, places);
            prepare(b.norm, b.inputs, places);
            multiply(b.transit, b.inputs, rows);
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
    // plain: in floats, as the network was published.
    Network(const char * path, bool plain) : Network(File(path, "campplus"), plain) {}

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
