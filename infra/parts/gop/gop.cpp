// parley-gop: the times of words and phones, and the two scores that goodness of pronunciation
// compares (Witt and Young 2000), with pocketsphinx. It serves many requests.
//
//   parley-gop MODELDIR [DICT [plain]]
//
// MODELDIR holds en-us/ (the acoustic model), cmudict-en-us.dict and en-us-phone.lm.bin. DICT is
// used instead of that dictionary. With "plain", PocketSphinx computes every score itself: slower,
// with the same answers (fast.hpp).
//
// It prints {"ready":true}. Then it serves one request at a time until its input ends. A request is
// a line, and N 16-bit little-endian samples (16 kHz, mono) after it:
//   {"samples":N,"words":"lower case words","extra":[["word","PH ON ES"],["word(2)","…"]]}
// The answer is one line, in frames of 10 ms:
//   {"frames":F,"dropped":[…],
//    "words":[{"w":…,"start":…,"n":…,"score":…,
//              "phones":[{"p":…,"start":…,"n":…,"score":…,"loop":…}]}],
//    "loop":[{"p":…,"start":…,"n":…,"score":…}]}
// "words" also holds silences and fillers, by their names: <sil>, [NOISE] and so on. If the request
// has no words, only the loop runs. If the words cannot be aligned, it answers {"error":…} and
// serves the next request. After a malformed request it answers {"error":…} and exits with 1.
//
// "score" is the log score of the aligned phone, and "loop" that of the free phone loop over the
// same frames. Both are pocketsphinx's: logarithms to base 1.0001, shifted right by 10 bits, so
// that one unit is 0.1024 nat. The goodness of a phone is (score - loop) / n.
//
// There are three decoders: one for words (fast, with active senones only), one for the phones of
// these words, and the loop. The last two use the scores of all senones. Otherwise each would
// normalise a frame by a different set, and their scores could not be subtracted. The phones'
// decoder scores the senones for the loop too.
#include <pocketsphinx.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <sstream>

#include "../protocol/protocol.hpp"
#include "fast.hpp"

namespace {

using protocol::json;

constexpr size_t kMaxSamples = size_t(protocol::kSampleRate) * 60;
constexpr size_t kMaxWords = 1 << 16;  // bytes of "words"
constexpr size_t kMaxExtra = 2000;     // pronunciations in one request
constexpr size_t kMaxAdded = 50000;    // pronunciations added in the life of the process
constexpr size_t kMaxPhones = 512;     // bytes of one pronunciation
constexpr size_t kFrame = protocol::kSampleRate / 100;

struct Free {
    void operator()(ps_decoder_t * d) const { ps_free(d); }
    void operator()(ps_config_t * c) const { ps_config_free(c); }
    void operator()(char * s) const { free(s); }
};
using Decoder = std::unique_ptr<ps_decoder_t, Free>;

// This request cannot be aligned. The decoders can serve the next one.
struct Refused : std::runtime_error {
    using std::runtime_error::runtime_error;
};

enum class Task { words, phones, loop };

Decoder open(const std::string & dir, const std::string & dict, Task task) {
    std::unique_ptr<ps_config_t, Free> c(ps_config_init(nullptr));
    ps_config_set_str(c.get(), "hmm", (dir + "/en-us").c_str());
    ps_config_set_str(c.get(), "dict", dict.c_str());
    // Cepstral means are taken over the piece, so that no answer depends on earlier requests.
    ps_config_set_str(c.get(), "cmn", "batch");
    ps_config_set_str(c.get(), "loglevel", "FATAL");
    ps_config_set_bool(c.get(), "compallsen", task != Task::words);
    ps_config_set_bool(c.get(), "bestpath", 0);
    if (task == Task::loop) {
        ps_config_set_str(c.get(), "allphone", (dir + "/en-us-phone.lm.bin").c_str());
        ps_config_set_bool(c.get(), "allphone_ci", 1);
        ps_config_set_float(c.get(), "lw", 2.0);
        ps_config_set_float(c.get(), "beam", 1e-20);
        ps_config_set_float(c.get(), "pbeam", 1e-20);
    } else {
        // The beams are wide, because the default ones lose accented speech.
        ps_config_set_float(c.get(), "beam", 1e-100);
        ps_config_set_float(c.get(), "pbeam", 1e-100);
        ps_config_set_float(c.get(), "wbeam", 1e-80);
    }
    Decoder d(ps_init(c.get()));
    if (!d) throw std::runtime_error("the acoustic model or the dictionary could not be loaded");
    return d;
}

// Each piece starts a new stream. Otherwise the noise estimate of earlier pieces would change its
// scores.
bool decode(const Decoder & d, const std::vector<int16_t> & pcm) {
    if (ps_start_stream(d.get()) < 0 || ps_start_utt(d.get()) < 0) return false;
    const bool ok = ps_process_raw(d.get(), pcm.data(), pcm.size(), 0, 1) >= 0;
    return ps_end_utt(d.get()) >= 0 && ok;
}

// Searches the frame that a decoder is at, and goes on to the next.
bool step(ps_decoder_t * d) {
    const bool ok = ps_search_step(d->search, d->acmod->output_frame) >= 0;
    acmod_advance(d->acmod);
    d->n_frame++;
    return ok;
}

// As decode of each alone, but frame by frame: other takes the scores of all senones from d.
bool decodeBoth(ps_decoder_t * d, ps_decoder_t * other, const std::vector<int16_t> & pcm) {
    if (ps_start_stream(d) < 0 || ps_start_utt(d) < 0 || ps_start_utt(other) < 0) return false;
    const int16_t * next = pcm.data();
    size_t left = pcm.size();
    bool ok = true;
    while (ok && left > 0) ok = acmod_process_raw(d->acmod, &next, &left, 1) >= 0;
    acmod_t * const to = other->acmod;
    while (ok && d->acmod->n_feat_frame > 0) {
        ok = step(d);
        std::copy_n(d->acmod->senone_scores, bin_mdef_n_sen(d->acmod->mdef), to->senone_scores);
        to->senscr_frame = to->output_frame;  // its scores are there: it computes none
        to->n_feat_frame = 1;
        ok = step(other) && ok;
    }
    ok = ps_end_utt(d) >= 0 && ok;
    return ps_end_utt(other) >= 0 && ok;
}

bool known(const Decoder & d, const std::string & word) {
    return std::unique_ptr<char, Free>(ps_lookup_word(d.get(), word.c_str())) != nullptr;
}

struct Aligner {
    // Declared before the decoders that they are put into, so that these end first.
    std::unique_ptr<fast::Senones> senones[3];
    std::unique_ptr<fast::Language> language;
    Decoder words, phones, loop;
    size_t added = 0;

    Aligner(const std::string & dir, const std::string & dict, bool plain)
        : words(open(dir, dict, Task::words)), phones(open(dir, dict, Task::phones)), loop(open(dir, dict, Task::loop)) {
        if (plain) return;
        size_t i = 0;
        for (const Decoder * d : {&words, &phones, &loop}) senones[i++] = fast::Senones::into(d->get());
        language = fast::Language::into(loop.get());
    }

    // The dictionary only grows: add keeps a pronunciation that has the same word and number.
    void add(const std::string & word, const std::string & pronunciation) {
        if (known(words, word)) return;
        if (added == kMaxAdded) throw protocol::Malformed("too many pronunciations were added");
        added++;
        if (ps_add_word(words.get(), word.c_str(), pronunciation.c_str(), 0) < 0 || ps_add_word(phones.get(), word.c_str(), pronunciation.c_str(), 0) < 0)
            throw protocol::Malformed("a pronunciation holds an unknown phone, or an alternate comes before its word");
    }

    json answer(const std::vector<int16_t> & pcm, const std::string & text) {
        json a = {{"frames", pcm.size() / kFrame}, {"dropped", json::array()}, {"words", json::array()}, {"loop", json::array()}};
        std::string kept, word;
        for (std::istringstream in(text); in >> word;) {
            if (word[0] == '<' || word[0] == '[' || !known(words, word)) {
                a["dropped"].push_back(word);
                continue;
            }
            kept += (kept.empty() ? "" : " ") + word;
        }
        ps_alignment_t * alignment = nullptr;
        if (!kept.empty()) {
            if (ps_set_align_text(words.get(), kept.c_str()) < 0 || !decode(words, pcm) || ps_set_alignment(words.get(), nullptr) < 0)
                throw Refused("the words could not be aligned");
            ps_alignment_t * first = ps_get_alignment(words.get());
            if (first == nullptr || ps_set_alignment(phones.get(), first) < 0 || !decodeBoth(phones.get(), loop.get(), pcm) || !(alignment = ps_get_alignment(phones.get())))
                throw Refused("the phones could not be aligned");
        } else if (!decode(loop, pcm)) {
            throw Refused("the phone loop failed");
        }

        const int frames = int(pcm.size() / kFrame) + 2;  // the last windows are padded
        std::vector<double> sum(frames + 1, 0.0);         // the loop's score before a frame
        for (ps_seg_t * s = ps_seg_iter(loop.get()); s != nullptr; s = ps_seg_next(s)) {
            int start, end, score, lm, back;
            ps_seg_frames(s, &start, &end);
            ps_seg_prob(s, &score, &lm, &back);
            a["loop"].push_back({{"p", ps_seg_word(s)}, {"start", start}, {"n", end - start + 1}, {"score", score}});
            for (int k = start; k <= end && k < frames; k++) sum[k + 1] = double(score) / (end - start + 1);
        }
        for (int k = 0; k < frames; k++) sum[k + 1] += sum[k];
        if (alignment == nullptr) return a;
        for (ps_alignment_iter_t * w = ps_alignment_words(alignment); w != nullptr; w = ps_alignment_iter_next(w)) {
            int start, n;
            const int score = ps_alignment_iter_seg(w, &start, &n);
            json one = {{"w", ps_alignment_iter_name(w)}, {"start", start}, {"n", n}, {"score", score}, {"phones", json::array()}};
            for (ps_alignment_iter_t * p = ps_alignment_iter_children(w); p != nullptr; p = ps_alignment_iter_next(p)) {
                const int mine = ps_alignment_iter_seg(p, &start, &n);
                if (start < 0 || n <= 0 || start + n > frames) continue;
                one["phones"].push_back({{"p", ps_alignment_iter_name(p)}, {"start", start}, {"n", n}, {"score", mine},
                                         {"loop", std::round((sum[start + n] - sum[start]) * 10) / 10}});
            }
            a["words"].push_back(one);
        }
        return a;
    }
};

void serve(const std::string & dir, const std::string & dict, bool plain) {
    Aligner aligner(dir, dict, plain);
    protocol::say({{"ready", true}});
    std::string line;
    while (protocol::readLine(line)) {
        const json r = protocol::parse(line, {"samples", "words", "extra"});
        const size_t n = protocol::sampleCount(r, kMaxSamples);
        const std::string text = protocol::text(r, "words", kMaxWords);
        const json extra = r.contains("extra") && !r["extra"].is_null() ? r["extra"] : json::array();
        if (!extra.is_array() || extra.size() > kMaxExtra) throw protocol::Malformed("extra is not a list of at most 2000 pronunciations");
        std::vector<int16_t> pcm;
        pcm.reserve(n);
        protocol::readSamples(n, [&](const int16_t * x, size_t k) { pcm.insert(pcm.end(), x, x + k); });
        for (const json & e : extra) {
            if (!e.is_array() || e.size() != 2 || !e[0].is_string() || !e[1].is_string()) throw protocol::Malformed("a pronunciation is not a pair of strings");
            const auto word = e[0].get<std::string>(), phones = e[1].get<std::string>();
            if (word.empty() || word.size() > kMaxPhones || phones.find_first_not_of(' ') == std::string::npos || phones.size() > kMaxPhones)
                throw protocol::Malformed("a pronunciation is empty or longer than 512 bytes");
            aligner.add(word, phones);
        }
        try {
            protocol::say(aligner.answer(pcm, text));
        } catch (const Refused & e) {
            protocol::sayError(e.what());
        }
    }
}

}  // namespace

int main(int argc, char ** argv) {
    const bool plain = argc == 4 && std::string(argv[3]) == "plain";
    if (argc < 2 || argc > 4 || (argc == 4 && !plain)) {
        fputs("usage: parley-gop MODELDIR [DICT [plain]]\n", stderr);
        return 2;
    }
    const std::string dir = argv[1];
    return protocol::run([&] { serve(dir, argc > 2 ? argv[2] : dir + "/cmudict-en-us.dict", plain); });
}
