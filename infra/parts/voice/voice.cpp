// parley-voice: describes voices, on one thread: an embedding of the speaker for each window of a
// recording, with CAM++, and how many speak when, with PyanNet. It serves many requests.
//
//   parley-voice CAMPLUS SEGMENTATION [plain]
//
// The arguments are the files of weights. With "plain", embeddings are computed in floats, as the
// network was published, and take more than twice as long. It prints
// {"ready":true,"dimensions":192}. Then it serves one request at a time until its input ends. A
// request is a line, and N 16-bit little-endian samples (16 kHz, mono) after it:
//   {"samples":N,"windows":[[first,last],…]}
//   {"samples":N,"starts":[first,…]}
// The first form has at most 1024 windows of 0.2 to 20 s, in samples; last is exclusive. The answer
// is one line:
//   {"embeddings":"…"}
// This is the base64 of 192 little-endian floats for each window: a vector of length 1. The second
// form has at most 96 windows of 10 s, with silence behind the last sample. Its answer
//   {"classes":"…"}
// is the base64 of 589 times 7 bytes for each window: the probabilities, in 255ths, of the classes
// of each frame. Frames are 270 samples apart, the first is around sample 495. The classes are
// nobody; one of three speakers, who are numbered in each window anew; the first and second at
// once, the first and third, the second and third.
//
// The same request always gets the same bytes. After a malformed request it answers {"error":…} and
// exits with 1.
//
// An embedding identifies a person, so the program does not keep, write or log any of a request
// after its answer.
#include "../protocol/protocol.hpp"
#include "campplus.hpp"
#include "segmentation.hpp"

namespace {

using protocol::json;

constexpr size_t kMaxSamples = size_t(protocol::kSampleRate) * 60 * 10;
constexpr size_t kMaxWindows = 1024;
constexpr size_t kMaxStarts = 96;
constexpr size_t kMinWindow = protocol::kSampleRate / 5;           // samples
constexpr size_t kMaxWindow = size_t(protocol::kSampleRate) * 20;  // samples

template <class T> std::string base64(const std::vector<T> & v) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::vector<unsigned char> b(v.size() * sizeof(T));
    if (!b.empty()) std::memcpy(b.data(), v.data(), b.size());
    std::string s;
    s.reserve((b.size() + 2) / 3 * 4);
    for (size_t i = 0; i < b.size(); i += 3) {
        const size_t n = std::min(size_t(3), b.size() - i);
        uint32_t x = 0;
        for (size_t k = 0; k < 3; k++) x = x << 8 | (k < n ? b[i + k] : 0);
        for (size_t k = 0; k < 4; k++) s += k <= n ? digits[x >> (18 - 6 * k) & 63] : '=';
    }
    return s;
}

std::vector<std::pair<size_t, size_t>> windows(const json & r, size_t samples) {
    if (!r.contains("windows") || !r["windows"].is_array() || r["windows"].size() > kMaxWindows) throw protocol::Malformed("windows is not a list of at most 1024");
    std::vector<std::pair<size_t, size_t>> all;
    for (const json & w : r["windows"]) {
        if (!w.is_array() || w.size() != 2 || !w[0].is_number_unsigned() || !w[1].is_number_unsigned()) throw protocol::Malformed("a window is not a pair of whole numbers");
        const auto first = w[0].get<uint64_t>(), last = w[1].get<uint64_t>();
        if (last > samples || first > last || last - first < kMinWindow || last - first > kMaxWindow) throw protocol::Malformed("a window is not of 0.2 to 20 s within the samples");
        all.emplace_back(first, fbank::frames(last - first));
    }
    return all;
}

std::vector<size_t> starts(const json & r, size_t samples) {
    if (!r["starts"].is_array() || r["starts"].size() > kMaxStarts) throw protocol::Malformed("starts is not a list of at most 96");
    std::vector<size_t> all;
    for (const json & s : r["starts"]) {
        if (!s.is_number_unsigned() || s.get<uint64_t>() >= samples) throw protocol::Malformed("a start is not within the samples");
        all.push_back(s.get<uint64_t>());
    }
    return all;
}

void serve(const char * voices, const char * speakers, bool plain) {
    campplus::Network network(voices, plain);
    segmentation::Network segments(speakers);
    protocol::say({{"ready", true}, {"dimensions", campplus::kEmbedding}});
    std::string line;
    while (protocol::readLine(line)) {
        const json r = protocol::parse(line, {"samples", "windows", "starts"});
        const size_t n = protocol::sampleCount(r, kMaxSamples);
        const bool who = r.contains("starts");
        if (who && r.contains("windows")) throw protocol::Malformed("windows and starts are two requests");
        const auto from = who ? starts(r, n) : std::vector<size_t>{};
        const auto all = who ? std::vector<std::pair<size_t, size_t>>{} : windows(r, n);
        std::vector<int16_t> pcm;
        pcm.reserve(n);
        protocol::readSamples(n, [&](const int16_t * x, size_t k) { pcm.insert(pcm.end(), x, x + k); });
        if (who) protocol::say({{"classes", base64(segments.classes(pcm, from))}});
        else protocol::say({{"embeddings", base64(network.embed(pcm, all))}});
    }
}

}  // namespace

int main(int argc, char ** argv) {
    const bool plain = argc == 4 && std::string(argv[3]) == "plain";
    if (argc != 3 && !plain) {
        fputs("usage: parley-voice CAMPLUS SEGMENTATION [plain]\n", stderr);
        return 2;
    }
    return protocol::run([&] { serve(argv[1], argv[2], plain); });
}
