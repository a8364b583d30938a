// Files of weights, as infra/parts/weights writes them.
#pragma once

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

#include "matrix.hpp"

namespace weights {

using matrix::Weights;

// Reads the file of weights: ggml's magic number, a name, then the tensors in the order in which
// the network asks for them.
class File {
    std::unique_ptr<FILE, int (*)(FILE *)> f_;

    void bytes(void * to, size_t n) {
        if (std::fread(to, 1, n, f_.get()) != n) throw std::runtime_error("the file of weights ends too early");
    }
    int number() {
        int32_t v;
        bytes(&v, sizeof v);
        return v;
    }
    void name(size_t length, const std::string & want) {
        if (length != want.size()) throw std::runtime_error("the file of weights has no " + want);
        std::string have(length, 0);
        bytes(have.data(), length);
        if (have != want) throw std::runtime_error("the file of weights has no " + want);
    }

public:
    File(const char * path, const std::string & network) : f_(std::fopen(path, "rb"), &std::fclose) {
        if (!f_) throw std::runtime_error("the file of weights could not be opened");
        if (number() != 0x67676d6c) throw std::runtime_error("the file of weights is of another kind");
        name(number(), network);
    }

    // A tensor of [outputs][inputs], or of [outputs] if inputs is 0.
    std::vector<float> tensor(const std::string & what, size_t outputs, size_t inputs) {
        const int rank = number(), length = number(), kind = number();
        if (rank != (inputs ? 2 : 1) || length < 0 || (kind != 0 && kind != 1)) throw std::runtime_error("the file of weights has no " + what);
        if ((inputs && number() != int(inputs)) || number() != int(outputs)) throw std::runtime_error(what + " is of another shape");
        name(length, what);
        const size_t n = outputs * std::max(inputs, size_t(1));
        std::vector<float> v(n);
        if (kind == 0) {
            bytes(v.data(), n * sizeof(float));
            return v;
        }
        std::vector<_Float16> half(n);
        bytes(half.data(), n * sizeof(_Float16));
        for (size_t i = 0; i < n; i++) v[i] = float(half[i]);
        return v;
    }

    Weights weights(const std::string & what, size_t outputs, size_t inputs) {
        std::vector<float> w = tensor(what + ".weight", outputs, inputs);
        return Weights(w, outputs, inputs, tensor(what + ".bias", outputs, 0));
    }

    void end() {
        char c;
        if (std::fread(&c, 1, 1, f_.get()) != 0) throw std::runtime_error("the file of weights is too long");
    }
};

}  // namespace weights
