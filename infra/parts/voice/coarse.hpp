// The product of matrix.hpp in whole numbers: weights and inputs of 8 bits, which processors
// multiply four at a time.
//
// An input is never negative. It is rounded to 0 to 127 steps of its window's largest, so what a
// window becomes does not depend on its neighbours. 127 and not 255, so that the sum of two
// products fits into 16 bits, as some processors need it. A weight is rounded to -127 to 127 steps
// of the largest of its output. Sums are exact, so every processor gets the same.
#pragma once

#ifdef __x86_64__
#include <immintrin.h>
#else
#include <arm_neon.h>
#endif

#include "matrix.hpp"

namespace coarse {

constexpr float kTop = 127;
constexpr size_t kGroup = 4;                       // channels side by side, a byte each
constexpr size_t kRows = matrix::kRows;            // outputs of a tile
constexpr size_t kColumns = matrix::kColumns;      // columns of a tile
constexpr size_t kMargin = matrix::kMargin;

// Groups of four channels: a row holds their bytes column by column.
class Rows {
    std::vector<uint8_t> data_;
    size_t ld_ = 0, width_ = 0;

public:
    void reset(size_t groups, size_t columns) {
        width_ = (columns + kColumns - 1) / kColumns * kColumns;
        ld_ = (width_ + 2 * kMargin) * kGroup;
        data_.assign(groups * ld_, 0);
    }
    uint8_t * row(size_t i) { return data_.data() + i * ld_ + kMargin * kGroup; }
    const uint8_t * row(size_t i) const { return data_.data() + i * ld_ + kMargin * kGroup; }
    size_t width() const { return width_; }
};

// The kernels: kRows outputs of kColumns columns or twice as many, as whole numbers.
#ifdef __x86_64__
inline void tile(const int8_t * w, const uint8_t * const * in, size_t n, size_t j, int32_t * sums) {
    __m256i sum[kRows][3] = {};
    const __m256i ones = _mm256_set1_epi16(1);
    for (size_t k = 0; k < n; k++, w += kRows * kGroup) {
        __m256i x[3];
        std::memcpy(x, in[k] + j * kGroup, sizeof x);
#pragma clang loop unroll(full)
        for (size_t r = 0; r < kRows; r++) {
            int32_t four;
            std::memcpy(&four, w + r * kGroup, sizeof four);
            const __m256i v = _mm256_set1_epi32(four);
            for (size_t c = 0; c < 3; c++) sum[r][c] = _mm256_add_epi32(sum[r][c], _mm256_madd_epi16(_mm256_maddubs_epi16(x[c], v), ones));
        }
    }
    for (size_t r = 0; r < kRows; r++) std::memcpy(sums + r * 2 * kColumns, sum[r], sizeof sum[r]);
}

// Whether the processor multiplies bytes four at a time (AVX-512 VNNI).
inline bool hasDots() {
    unsigned a, b, c, d;
    return matrix::kWide && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c >> 11 & 1);
}
const bool kWide = hasDots();
[[gnu::target("avx512f,avx512bw,avx512vnni,evex512"), clang::min_vector_width(512)]] inline void wideTile(const int8_t * w, const uint8_t * const * in, size_t n, size_t j, int32_t * sums) {
    __m512i sum[kRows][3];
    for (size_t r = 0; r < kRows; r++)
        for (size_t c = 0; c < 3; c++) sum[r][c] = _mm512_setzero_si512();
    for (size_t k = 0; k < n; k++, w += kRows * kGroup) {
        __m512i x[3];
        for (size_t c = 0; c < 3; c++) x[c] = _mm512_loadu_si512(in[k] + j * kGroup + c * 64);
#pragma clang loop unroll(full)
        for (size_t r = 0; r < kRows; r++) {
            int32_t four;
            std::memcpy(&four, w + r * kGroup, sizeof four);
            const __m512i v = _mm512_set1_epi32(four);
            sum[r][0] = _mm512_dpbusd_epi32(sum[r][0], x[0], v);
            sum[r][1] = _mm512_dpbusd_epi32(sum[r][1], x[1], v);
            sum[r][2] = _mm512_dpbusd_epi32(sum[r][2], x[2], v);
        }
    }
    for (size_t r = 0; r < kRows; r++)
        for (size_t c = 0; c < 3; c++) _mm512_storeu_si512(sums + r * 2 * kColumns + c * 16, sum[r][c]);
}
#else
inline void tile(const int8_t * w, const uint8_t * const * in, size_t n, size_t j, int32_t * sums) {
    int32x4_t sum[kRows][6] = {};
    for (size_t k = 0; k < n; k++, w += kRows * kGroup) {
        const int8x16_t all = vld1q_s8(w);  // four weights of each output
        for (size_t c = 0; c < 6; c++) {
            const int8x16_t x = vreinterpretq_s8_u8(vld1q_u8(in[k] + j * kGroup + c * 16));
            sum[0][c] = vdotq_laneq_s32(sum[0][c], x, all, 0);
            sum[1][c] = vdotq_laneq_s32(sum[1][c], x, all, 1);
            sum[2][c] = vdotq_laneq_s32(sum[2][c], x, all, 2);
            sum[3][c] = vdotq_laneq_s32(sum[3][c], x, all, 3);
        }
    }
    for (size_t r = 0; r < kRows; r++)
        for (size_t c = 0; c < 6; c++) vst1q_s32(sums + r * 2 * kColumns + c * 4, sum[r][c]);
}
constexpr bool kWide = false;
inline void wideTile(const int8_t * w, const uint8_t * const * in, size_t n, size_t j, int32_t * sums) { tile(w, in, n, j, sums); }
#endif

// A matrix of weights, [outputs][channels][taps], in groups of four channels at one tap. The
// numbers of outputs and of channels are multiples of four.
class Weights {
    std::vector<int8_t> packed_;
    std::vector<float> scale_, bias_;
    size_t outputs_ = 0, groups_ = 0;

public:
    Weights() = default;
    Weights(const std::vector<float> & w, size_t outputs, size_t channels, size_t taps, std::vector<float> bias)
        : packed_(outputs * channels * taps), scale_(outputs), bias_(std::move(bias)), outputs_(outputs), groups_(channels * taps / kGroup) {
        for (size_t m = 0; m < outputs; m++) {
            const float * of = w.data() + m * channels * taps;
            float most = 0;
            for (size_t i = 0; i < channels * taps; i++) most = std::max(most, std::fabs(of[i]));
            scale_[m] = most / kTop;
            for (size_t c = 0; c < channels; c++)
                for (size_t t = 0; t < taps; t++) {
                    const size_t group = c / kGroup * taps + t;
                    packed_[((m / kRows * groups_ + group) * kRows + m % kRows) * kGroup + c % kGroup] = int8_t(most > 0 ? std::lrint(of[c * taps + t] / scale_[m]) : 0);
                }
        }
    }
    size_t outputs() const { return outputs_; }
    size_t groups() const { return groups_; }

    // out[m][j] = bias[m] + step[j] times the sum over the inputs, for j below columns, which is a
    // multiple of kColumns. in has a pointer for each group of four channels at a tap, taps of a
    // group together. step[j] is what a step of the inputs of column j is worth.
    void apply(const uint8_t * const * in, float * const * out, size_t columns, const float * step) const {
        int32_t sums[kRows * 2 * kColumns];
        for (size_t j = 0; j < columns;) {
            const bool wide = kWide && columns - j >= 2 * kColumns;
            const size_t n = wide ? 2 * kColumns : kColumns;
            for (size_t m = 0; m < outputs_; m += kRows) {
                const int8_t * w = packed_.data() + m * groups_ * kGroup;
                if (wide) wideTile(w, in, groups_, j, sums);
                else tile(w, in, groups_, j, sums);
                for (size_t r = 0; r < kRows; r++) {
                    const int32_t * s = sums + r * 2 * kColumns;
                    float * y = out[m + r] + j;
                    const float scale = scale_[m + r], bias = bias_[m + r];
                    for (size_t i = 0; i < n; i++) {
                        const float one = scale * step[j + i];
                        y[i] = bias + one * float(s[i]);
                    }
                }
            }
            j += n;
        }
    }
};

// top = max(top, x), column by column.
inline void raise(float * top, const float * x, size_t n) {
    for (size_t i = 0; i < n; i++) top[i] = std::max(top[i], x[i]);
}

// The same for max(0, scale * x + shift).
inline void raise(float * top, const float * x, float scale, float shift, size_t n) {
    for (size_t i = 0; i < n; i++) top[i] = std::max(top[i], std::max(0.0f, scale * x[i] + shift));
}

// Four rows in steps: how many of them are in one, by column, is in per.
inline void round(uint8_t * y, const float * const * x, const float * per, size_t n) {
    auto step = [&](size_t r, size_t i) { return int32_t(x[r][i] * per[i] + 0.5f); };
    for (size_t i = 0; i < n; i++) {
        const int32_t four = step(0, i) | step(1, i) << 8 | step(2, i) << 16 | step(3, i) << 24;
        std::memcpy(y + i * kGroup, &four, sizeof four);
    }
}

// The same for max(0, scale * x + shift).
inline void round(uint8_t * y, const float * const * x, const float * scale, const float * shift, const float * per, size_t n) {
    auto step = [&](size_t r, size_t i) { return int32_t(std::max(0.0f, scale[r] * x[r][i] + shift[r]) * per[i] + 0.5f); };
    for (size_t i = 0; i < n; i++) {
        const int32_t four = step(0, i) | step(1, i) << 8 | step(2, i) << 16 | step(3, i) << 24;
        std::memcpy(y + i * kGroup, &four, sizeof four);
    }
}

}  // namespace coarse
