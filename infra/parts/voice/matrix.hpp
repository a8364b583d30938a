// Rows of floats with room on both sides, and the one product to which every convolution reduces.
//
// An output row of a convolution is a weighted sum of input rows, each read at its own offset in
// time. So one kernel takes a list of row pointers, and no patch is copied. A sum always adds its
// rows in the same order, so that the same samples give the same bits.
#pragma once

#ifdef __x86_64__
#include <cpuid.h>
#endif

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace matrix {

constexpr size_t kRows = 4;       // output rows of a tile
constexpr size_t kColumns = 24;   // columns of a tile
constexpr size_t kLeast = 8;      // columns of the smallest
constexpr size_t kBlock = 128;    // input rows at once: 12 KB, which stay in the level 1 cache
constexpr size_t kMargin = 8;     // zeros before and after each row, for the offsets

// Eight floats fill one register of AVX or two of NEON, sixteen one of AVX-512. The kernel keeps
// twelve such sums in registers.
using Vec = float __attribute__((vector_size(32)));
using Wide = float __attribute__((vector_size(64)));

template <class V, size_t vectors = 3> [[gnu::always_inline]] inline void tile(const float * w, const float * bias, const float * const * in, float * const * out, size_t n, size_t j) {
    constexpr size_t width = sizeof(V) / sizeof(float);
    V sum[kRows][vectors];
    for (size_t r = 0; r < kRows; r++)
        for (size_t c = 0; c < vectors; c++) {
            if (bias) sum[r][c] = bias[r] - V{};
            else std::memcpy(&sum[r][c], out[r] + j + c * width, sizeof(V));
        }
    for (size_t k = 0; k < n; k++, w += kRows) {
        const float * row = in[k] + j;
        V x[vectors];
        std::memcpy(x, row, sizeof x);
#pragma clang loop unroll(full)
        for (size_t r = 0; r < kRows; r++)
#pragma clang loop unroll(full)
            for (size_t c = 0; c < vectors; c++) sum[r][c] += w[r] * x[c];
    }
    for (size_t r = 0; r < kRows; r++)
        for (size_t c = 0; c < vectors; c++) std::memcpy(out[r] + j + c * width, &sum[r][c], sizeof(V));
}

#ifdef __x86_64__
// Whether the processor and the system support AVX-512 (Intel's manual, volume 1, 15.2). The sum of
// a column has the same terms in the same order at any register width, so this changes the speed
// but no bit of the result.
inline bool hasWide() {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 27 & 1)) return false;
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if ((low & 0xe6) != 0xe6) return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 16 & 1);
}
const bool kWide = hasWide();
[[gnu::target("avx512f,evex512"), clang::min_vector_width(512)]] inline void wideTile(const float * w, const float * bias, const float * const * in, float * const * out, size_t n, size_t j) {
    tile<Wide>(w, bias, in, out, n, j);
}
#else
constexpr bool kWide = false;
inline void wideTile(const float * w, const float * bias, const float * const * in, float * const * out, size_t n, size_t j) {
    tile<Wide>(w, bias, in, out, n, j);
}
#endif

// Rows of equal length, which is a whole number of tiles.
class Rows {
    std::vector<float> data_;
    size_t ld_ = 0, width_ = 0;

public:
    void reset(size_t rows, size_t columns) {
        width_ = (columns + kColumns - 1) / kColumns * kColumns;
        ld_ = width_ + 2 * kMargin;
        data_.assign(rows * ld_, 0.0f);
    }
    float * row(size_t i) { return data_.data() + i * ld_ + kMargin; }
    const float * row(size_t i) const { return data_.data() + i * ld_ + kMargin; }
    size_t width() const { return width_; }
    size_t bytes() const { return data_.capacity() * sizeof(float); }
};

// A matrix of weights, [outputs][inputs], stored as the kernel reads it: kRows outputs side by
// side. The number of outputs is a multiple of kRows.
class Weights {
    std::vector<float> packed_, bias_;
    size_t outputs_ = 0, inputs_ = 0;

public:
    Weights() = default;
    Weights(const std::vector<float> & w, size_t outputs, size_t inputs, std::vector<float> bias)
        : packed_(outputs * inputs), bias_(std::move(bias)), outputs_(outputs), inputs_(inputs) {
        bias_.resize(outputs, 0.0f);
        for (size_t m = 0; m < outputs; m++)
            for (size_t k = 0; k < inputs; k++) packed_[(m / kRows * inputs + k) * kRows + m % kRows] = w[m * inputs + k];
    }
    size_t outputs() const { return outputs_; }
    size_t inputs() const { return inputs_; }

    // out[m][j] = bias[m] + sum over k of w[m][k] * in[k][j], for j below columns, which is a
    // multiple of kLeast. in and out are arrays of row pointers.
    void apply(const float * const * in, float * const * out, size_t columns) const { product(in, out, columns, bias_.data()); }

    // The same sum added to what out holds, without the bias.
    void add(const float * const * in, float * const * out, size_t columns) const { product(in, out, columns, nullptr); }

private:
    void product(const float * const * in, float * const * out, size_t columns, const float * start) const {
        for (size_t j = 0; j < columns;) {
            const size_t left = columns - j, n = kWide && left >= 2 * kColumns ? 2 * kColumns : std::min(left, kColumns) / kLeast * kLeast;
            for (size_t k = 0; k < inputs_; k += kBlock)
                for (size_t m = 0; m < outputs_; m += kRows) {
                    const float * w = packed_.data() + (m / kRows * inputs_ + k) * kRows;
                    const float * bias = start && k == 0 ? start + m : nullptr;
                    const size_t some = std::min(kBlock, inputs_ - k);
                    switch (n) {
                        case 2 * kColumns: wideTile(w, bias, in + k, out + m, some, j); break;
                        case kColumns: tile<Vec>(w, bias, in + k, out + m, some, j); break;
                        case 2 * kLeast: tile<Vec, 2>(w, bias, in + k, out + m, some, j); break;
                        default: tile<Vec, 1>(w, bias, in + k, out + m, some, j);
                    }
                }
            j += n;
        }
    }
};

// y = x, or a hundredth of it below 0.
inline void leak(float * y, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = std::max(y[i], 0.01f * y[i]);
}

// y = max(0, y) where keep is 1, and 0 where keep is 0.
inline void rectify(float * y, const float * keep, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = std::max(0.0f, y[i]) * keep[i];
}

// The same for y + x.
inline void addRectify(float * y, const float * x, const float * keep, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = std::max(0.0f, y[i] + x[i]) * keep[i];
}

// y = max(0, scale * x + shift).
inline void normalise(float * y, const float * x, float scale, float shift, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = std::max(0.0f, scale * x[i] + shift);
}

}  // namespace matrix
