// Log mel energies as Kaldi computes them, from 16-bit samples (compute-fbank-feats: 80 bins, 25 ms
// povey windows every 10 ms, no dither, snipped edges, pre-emphasis 0.97, each frame's mean
// removed, power spectrum, 20 Hz to the Nyquist frequency).
#pragma once

#include <cfloat>
#include <cmath>
#include <complex>
#include <cstdint>
#include <cstring>
#include <vector>

namespace fbank {

constexpr int kRate = 16000;    // Hz
constexpr int kFrame = 400;     // samples, 25 ms
constexpr int kHop = 160;       // samples, 10 ms
constexpr int kFFT = 512;       // the next power of two
constexpr int kBins = 80;
constexpr double kLow = 20, kHigh = kRate / 2.0;  // Hz
constexpr float kPreEmphasis = 0.97f;

// The number of frames that fit into a number of samples.
inline size_t frames(size_t samples) { return samples < kFrame ? 0 : (samples - kFrame) / kHop + 1; }

class Extractor {
    static constexpr int kHalf = kFFT / 2;
    float window_[kFrame];
    std::complex<float> twiddle_[kHalf];   // of the complex transform: e^(-2 pi i k / kHalf)
    std::complex<float> unpack_[kHalf];    // of the real one: e^(-2 pi i k / kFFT)
    int reversed_[kHalf];
    struct Filter {
        int first;
        std::vector<float> weights;
    } filters_[kBins];

    static double mel(double hz) { return 1127.0 * std::log(1.0 + hz / 700.0); }

    void transform(std::complex<float> * x) const {
        for (int i = 0; i < kHalf; i++)
            if (reversed_[i] > i) std::swap(x[i], x[reversed_[i]]);
        for (int n = 2; n <= kHalf; n *= 2) {
            const int step = kHalf / n;
            for (int from = 0; from < kHalf; from += n) {
                for (int k = 0; k < n / 2; k++) {
                    const std::complex<float> w = twiddle_[k * step], b = x[from + k + n / 2], a = x[from + k];
                    const std::complex<float> t(w.real() * b.real() - w.imag() * b.imag(), w.real() * b.imag() + w.imag() * b.real());
                    x[from + k] = a + t;
                    x[from + k + n / 2] = a - t;
                }
            }
        }
    }

public:
    Extractor() {
        const double pi = std::acos(-1.0);
        for (int i = 0; i < kFrame; i++) window_[i] = float(std::pow(0.5 - 0.5 * std::cos(2 * pi * i / (kFrame - 1)), 0.85));
        for (int i = 0; i < kHalf; i++) {
            twiddle_[i] = std::complex<float>(float(std::cos(2 * pi * i / kHalf)), float(-std::sin(2 * pi * i / kHalf)));
            unpack_[i] = std::complex<float>(float(std::cos(2 * pi * i / kFFT)), float(-std::sin(2 * pi * i / kFFT)));
            int r = 0;
            for (int bit = 1; bit < kHalf; bit *= 2) r = 2 * r + ((i & bit) != 0);
            reversed_[i] = r;
        }
        const double low = mel(kLow), step = (mel(kHigh) - low) / (kBins + 1);
        for (int b = 0; b < kBins; b++) {
            const double left = low + b * step, centre = left + step, right = centre + step;
            filters_[b].first = -1;
            for (int k = 0; k < kHalf; k++) {
                const double m = mel(double(kRate) * k / kFFT);
                if (m <= left || m >= right) continue;
                if (filters_[b].first < 0) filters_[b].first = k;
                filters_[b].weights.push_back(float(m <= centre ? (m - left) / step : (right - m) / step));
            }
        }
    }

    // One frame from kFrame samples: put(bin, log energy) for each bin.
    template <class Put> void frame(const int16_t * pcm, Put put) const {
        float x[kFFT] = {};
        double sum = 0;
        for (int i = 0; i < kFrame; i++) sum += pcm[i];
        const float mean = float(sum / kFrame);
        float before = float(pcm[0]) - mean;
        for (int i = 0; i < kFrame; i++) {
            const float v = float(pcm[i]) - mean;
            x[i] = (v - kPreEmphasis * before) * window_[i];
            before = v;
        }
        std::complex<float> z[kHalf];
        std::memcpy(static_cast<void *>(z), x, sizeof x);
        transform(z);
        float power[kHalf];
        power[0] = (z[0].real() + z[0].imag()) * (z[0].real() + z[0].imag());
        for (int k = 1; k < kHalf; k++) {
            const std::complex<float> a = z[k], b = std::conj(z[kHalf - k]);
            // The transforms of the even samples and of the odd ones.
            const float er = (a.real() + b.real()) / 2, ei = (a.imag() + b.imag()) / 2;
            const float orr = (a.imag() - b.imag()) / 2, oi = -(a.real() - b.real()) / 2;
            const float re = er + unpack_[k].real() * orr - unpack_[k].imag() * oi;
            const float im = ei + unpack_[k].real() * oi + unpack_[k].imag() * orr;
            power[k] = re * re + im * im;
        }
        for (int b = 0; b < kBins; b++) {
            const Filter & f = filters_[b];
            float energy = 0;
            for (size_t k = 0; k < f.weights.size(); k++) energy += f.weights[k] * power[f.first + k];
            put(b, std::log(energy > FLT_EPSILON ? energy : FLT_EPSILON));
        }
    }
};

}  // namespace fbank
