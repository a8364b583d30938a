// The protocol that every engine speaks on its standard streams. A request is one JSON line with a
// sample count, then that many 16-bit little-endian samples. The answer is one JSON line. Every
// length is checked against its limit before memory is allocated for it.
#pragma once

#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "json.hpp"

namespace protocol {

using json = nlohmann::ordered_json;

constexpr int kSampleRate = 16000;          // Hz, mono
constexpr size_t kMaxLine = 1 << 18;        // bytes of one request line
constexpr size_t kBlock = 1 << 15;          // samples read at once

// A request that breaks the protocol. The rest of the stream cannot be trusted.
struct Malformed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Reads one request line. Returns false at a clean end of the stream.
inline bool readLine(std::string & line) {
    line.clear();
    int c;
    while ((c = getchar_unlocked()) != EOF) {
        if (c == '\n') return true;
        if (line.size() == kMaxLine) throw Malformed("the request line is longer than 262144 bytes");
        line.push_back(static_cast<char>(c));
    }
    if (!line.empty()) throw Malformed("the request line ends without a newline");
    return false;
}

// Parses a request line: an object with no other fields than these. Only "samples" is required.
inline json parse(const std::string & line, const std::vector<const char *> & fields) {
    json r = json::parse(line, nullptr, false);
    if (!r.is_object()) throw Malformed("the request line is not a JSON object");
    for (const auto & [key, value] : r.items()) {
        bool known = false;
        for (const char * f : fields) known = known || key == f;
        if (!known) throw Malformed("the request has an unknown field");
    }
    return r;
}

inline std::string text(const json & r, const char * field, size_t maxBytes) {
    if (!r.contains(field)) return "";
    if (!r[field].is_string()) throw Malformed(std::string(field) + " is not a string");
    auto s = r[field].get<std::string>();
    if (s.size() > maxBytes) throw Malformed(std::string(field) + " is too long");
    if (s.find('\0') != std::string::npos) throw Malformed(std::string(field) + " holds a zero byte");
    return s;
}

inline size_t sampleCount(const json & r, size_t most) {
    if (!r.contains("samples") || !r["samples"].is_number_unsigned()) throw Malformed("samples is not a whole number");
    const auto n = r["samples"].get<uint64_t>();
    if (n > most) throw Malformed("samples is above " + std::to_string(most));
    return static_cast<size_t>(n);
}

// Reads n samples and passes them on block by block: take(const int16_t *, size_t).
template <class Take> void readSamples(size_t n, Take take) {
    std::vector<int16_t> block(n < kBlock ? n : kBlock);
    while (n > 0) {
        const size_t want = n < kBlock ? n : kBlock;
        if (fread(block.data(), sizeof(int16_t), want, stdin) != want) throw Malformed("the stream ends within the samples");
        take(block.data(), want);
        n -= want;
    }
}

// Writes one answer line. Bytes that are not UTF-8 become U+FFFD.
inline void say(const json & answer) {
    const std::string s = answer.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    if (fwrite(s.data(), 1, s.size(), stdout) != s.size() || fflush(stdout) != 0) throw std::runtime_error("the answer could not be written");
}

inline void sayError(const std::string & why) {
    json e;
    e["error"] = why;
    say(e);
}

// Runs the engine and returns the exit status of its program: 0 after a clean end of the stream; 1
// after a failure, which it reports if the stream can still be written.
template <class Serve> int run(Serve serve) {
    try {
        serve();
        return 0;
    } catch (const std::exception & e) {
        try {
            sayError(e.what());
        } catch (const std::exception &) {
            // Nobody reads the stream any more.
        }
        return 1;
    }
}

}  // namespace protocol
