// parley-asr: speech to text with libwhisper, on one thread. It serves many requests.
//
//   parley-asr MODEL VADMODEL
//
// It prints {"ready":true,"version":"…","multilingual":…}. Then it serves one request at a time
// until its input ends. A request is a line, and N 16-bit little-endian samples (16 kHz, mono)
// after it:
//   {"samples":N,"language":"en"|"auto"|…,"prompt":"","hear":false}
// The answer is one line:
//   {"language":…,"languageP":…,"heard":…,"heardP":…,"speech":[[startMs,endMs],…],
//    "segments":[{"startMs":…,"endMs":…,"tokens":[
//        {"t":…,"p":…,"startMs":…,"endMs":…,"others":[{"t":…,"p":…},…]},…]},…]}
// "hear" asks for the language only: no words are decoded, and "segments" is empty. After a
// malformed request or a failure of the model it answers {"error":…} and exits with 1.
//
// If there is no speech, the answer is empty and Whisper is not called, because it invents
// sentences on silence and noise.
//
// A token may hold part of a UTF-8 sequence. Such a token is merged with those that follow, so that
// every "t" is valid UTF-8. The merged "p" is the smallest of theirs. The times span all of them.
//
// "others" are what may have been said in the place of a token that begins a word: the likeliest
// such tokens at that step of the decoder, each with its probability among all tokens of text. It
// is left out where there are fewer than two. The token itself is among them unless a higher
// temperature drew it.
//
// "heard" is the most likely language at the beginning: of the windows that are decoded, up to 15 s
// of speech. If "language" is "auto" or "hear" is true, it is that of the first 30 s of
// speech, pauses left out. "languageP" is the probability, there, of the language that was decoded.
// An English-only model always hears "en" with probability 1.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>

#include "../protocol/protocol.hpp"
#include "whisper.h"

namespace {

using protocol::json;

constexpr size_t kMaxSamples = size_t(protocol::kSampleRate) * 60 * 10;
constexpr size_t kMaxPrompt = 4096;                                  // bytes
constexpr int kPromptTokens = 64;                                    // room for the prompt
constexpr size_t kHearSamples = size_t(protocol::kSampleRate) * 30;  // one window of the encoder
constexpr size_t kTellSamples = size_t(protocol::kSampleRate) * 15;  // speech that tells a language
constexpr size_t kWindowSamples = protocol::kSampleRate * 286 / 10;  // heard at once, at most
constexpr size_t kEdge = size_t(protocol::kSampleRate);              // of a window, without speech
constexpr size_t kRestSamples = protocol::kSampleRate * 3 / 10;      // speech worth decoding
constexpr double kShortPause = 0.6;                                  // windows
constexpr double kPauseSamples = 0.4 * protocol::kSampleRate;        // of a pause that is not short
constexpr size_t kOthers = 8;                                        // of a token
constexpr float kLeastOther = 0.005f;                                // probability
constexpr int kThreads = 1;                                          // several spin while they wait
constexpr int kMinSpeechMs = 80, kMinSilenceMs = 100, kPadMs = 0;    // of the voice detector

struct Free {
    void operator()(whisper_context * c) const { whisper_free(c); }
    void operator()(whisper_state * s) const { whisper_free_state(s); }
    void operator()(whisper_vad_context * c) const { whisper_vad_free(c); }
    void operator()(whisper_vad_segments * s) const { whisper_vad_free_segments(s); }
};
template <class T> using Owned = std::unique_ptr<T, Free>;

// onlyErrors logs errors. A window that is not decoded to its end is none: Decoding::next asks for
// it.
void onlyErrors(ggml_log_level level, const char * text, void *) {
    if (level == GGML_LOG_LEVEL_ERROR && !strstr(text, "encoder_begin_callback")) fputs(text, stderr);
}

// The process that waits for the answer. When it is gone, decoding stops.
const pid_t parent = getppid();
bool orphaned(void *) { return getppid() != parent; }

struct Span {
    size_t start, end;  // samples
};

std::vector<Span> speech(whisper_vad_context * vad, const std::vector<float> & pcm) {
    std::vector<Span> spans;
    if (pcm.empty()) return spans;
    whisper_vad_params p = whisper_vad_default_params();
    p.min_speech_duration_ms = kMinSpeechMs;
    p.min_silence_duration_ms = kMinSilenceMs;
    p.speech_pad_ms = kPadMs;
    Owned<whisper_vad_segments> s(whisper_vad_segments_from_samples(vad, p, pcm.data(), int(pcm.size())));
    if (!s) throw std::runtime_error("voice detection failed");
    const auto sample = [&](float centiseconds) {
        return std::min(pcm.size(), size_t(std::lround(std::max(0.0f, centiseconds) * protocol::kSampleRate / 100)));
    };
    for (int i = 0; i < whisper_vad_segments_n_segments(s.get()); i++) {
        const Span span{sample(whisper_vad_segments_get_segment_t0(s.get(), i)), sample(whisper_vad_segments_get_segment_t1(s.get(), i))};
        if (span.end > span.start) spans.push_back(span);
    }
    return spans;
}

// Odds are the probabilities of the languages, by language id.
using Odds = std::vector<float>;

int likeliest(const Odds & p) { return int(std::max_element(p.begin(), p.end()) - p.begin()); }

// encoded is the probability of each language in the window of 30 s that the state has encoded. It
// costs one step of the decoder.
Odds encoded(whisper_context * model, whisper_state * state) {
    Odds p(whisper_lang_max_id() + 1, 0.0f);
    if (!whisper_is_multilingual(model)) {
        p[whisper_lang_id("en")] = 1;
        return p;
    }
    const whisper_token sot = whisper_token_sot(model);
    if (whisper_decode_with_state(model, state, &sot, 1, 0, kThreads) != 0) throw std::runtime_error("language detection failed");
    const float * logits = whisper_get_logits_from_state(state);
    const auto of = [&](size_t id) { return logits[whisper_token_lang(model, int(id))]; };
    float top = of(0);
    for (size_t id = 1; id < p.size(); id++) top = std::max(top, of(id));
    float sum = 0;
    for (size_t id = 0; id < p.size(); id++) sum += p[id] = std::exp(of(id) - top);
    for (float & x : p) x /= sum;
    return p;
}

// hear encodes the first 30 s of speech, pauses left out, for its language.
Odds hear(whisper_context * model, whisper_state * state, const std::vector<float> & pcm, const std::vector<Span> & spans) {
    std::vector<float> voice;
    for (const Span & s : spans) {
        const size_t n = std::min(s.end - s.start, kHearSamples - voice.size());
        voice.insert(voice.end(), pcm.begin() + s.start, pcm.begin() + s.start + n);
    }
    if (whisper_pcm_to_mel_with_state(model, state, voice.data(), int(voice.size()), kThreads) != 0) throw std::runtime_error("the spectrogram failed");
    if (whisper_encode_with_state(model, state, 0, kThreads) != 0) throw std::runtime_error("encoding failed");
    return encoded(model, state);
}

// windowsOf cuts the speech into windows that are heard at once. Left to itself, Whisper begins a
// window where its last words ended, so a word that is heard otherwise moves every window after it.
// The cuts depend on the pauses only. Of all ways to cut, the one with the least cost is taken: 1
// for each window, and up to kShortPause more if the pause before it is short. The pauses between
// windows are shared by half, up to kEdge. A stretch that is too long for a window is one of its
// own.
std::vector<Span> windowsOf(const std::vector<Span> & spans, size_t samples) {
    const size_t n = spans.size();
    // pause is the pause before stretch i, in samples.
    const auto pause = [&](size_t i) { return (i < n ? spans[i].start : samples) - (i > 0 ? spans[i - 1].end : 0); };
    const auto edge = [&](size_t i) { return std::min(i > 0 && i < n ? pause(i) / 2 : pause(i), kEdge); };
    const auto window = [&](size_t i, size_t j) { return Span{spans[i].start - edge(i), spans[j - 1].end + edge(j)}; };
    std::vector<double> cost(n + 1, 0);   // of the stretches before it
    std::vector<size_t> first(n + 1, 0);  // of the last window of these
    for (size_t j = 1; j <= n; j++) {
        cost[j] = std::numeric_limits<double>::infinity();
        for (size_t i = j; i-- > 0;) {
            const Span w = window(i, j);
            if (i + 1 < j && w.end - w.start > kWindowSamples) break;
            const double c = cost[i] + 1 + (i > 0 ? kShortPause * std::exp(-double(pause(i)) / kPauseSamples) : 0);
            if (c < cost[j]) {
                cost[j] = c;
                first[j] = i;
            }
        }
    }
    std::vector<Span> windows;
    for (size_t j = n; j > 0; j = first[j]) windows.push_back(window(first[j], j));
    std::reverse(windows.begin(), windows.end());
    return windows;
}

size_t speechIn(const std::vector<Span> & spans, size_t start, size_t end) {
    size_t n = 0;
    for (const Span & s : spans) {
        const size_t from = std::max(s.start, start), to = std::min(s.end, end);
        if (to > from) n += to - from;
    }
    return n;
}

// Likely are tokens by falling probability.
using Likely = std::vector<std::pair<whisper_token, float>>;

// Step is one step of the decoder: what it wrote, and the tokens that were likeliest there.
struct Step {
    whisper_token written = -1;
    Likely likeliest = {};
};

// Pass is what is decoded of one encoding.
struct Pass {
    int segments;  // of the window, before it
    std::vector<Step> steps = {};
};

// likeliest are up to kOthers tokens of text, each with its probability among all of them.
Likely likeliest(const float * logits, whisper_token texts) {
    Likely best;
    const float top = *std::max_element(logits, logits + texts), least = top + std::log(kLeastOther);
    float sum = 0;
    for (whisper_token id = 0; id < texts; id++) {
        if (logits[id] < top - 20) continue;  // all together under 0.0002
        const float p = std::exp(logits[id] - top);
        sum += p;
        if (logits[id] >= least) best.push_back({id, p});
    }
    const size_t n = std::min(best.size(), kOthers);
    std::partial_sort(best.begin(), best.begin() + n, best.end(), [](const auto & a, const auto & b) { return a.second > b.second; });
    best.resize(n);
    for (auto & b : best) b.second /= sum;
    return best;
}

// Decoding is the decoding of one window. It also tells the language by what the decoding encodes,
// and keeps what else could have been written.
struct Decoding {
    const std::vector<Span> & spans;
    std::vector<Pass> passes = {};
    Odds p = {};               // the mean of what was encoded so far, by the speech in it
    double speech = 0;         // in what was encoded so far, samples
    Span window = {0, 0};
    size_t start = 0;          // of what the state holds
    bool begun = false, failed = false;

    void begin(Span w) {
        window = w;
        start = w.start;
        begun = false;
        passes.clear();
    }

    // add counts what the state holds; the next encoding begins at end.
    void add(whisper_context * model, whisper_state * state, size_t end) {
        const double n = double(speechIn(spans, start, end));
        start = end;
        if (speech >= kTellSamples || n == 0) return;
        const Odds now = encoded(model, state);
        p.resize(now.size());
        for (size_t id = 0; id < p.size(); id++) p[id] = float((speech * p[id] + n * now[id]) / (speech + n));
        speech += n;
    }

    // next is called before each encoding, while the state holds the one before. The next one
    // begins where the last segment ends. Without speech in the rest of the window it ends there.
    static bool next(whisper_context * model, whisper_state * state, void * self) {
        auto & d = *static_cast<Decoding *>(self);
        try {
            const int n = whisper_full_n_segments_from_state(state);
            if (d.begun && n > 0) {
                const size_t end = d.window.start + size_t(whisper_full_get_segment_t1_from_state(state, n - 1)) * protocol::kSampleRate / 100;
                if (speechIn(d.spans, end, d.window.end) < kRestSamples) return false;
                d.add(model, state, end);
            }
            d.begun = true;
            d.passes.push_back({n});
        } catch (const std::exception &) {
            d.failed = true;
        }
        return !d.failed;
    }

    // step is called before each token is chosen, after the n tokens that were written before it.
    // A pass that begins anew, at a higher temperature, replaces what was kept of it.
    static void step(whisper_context * model, whisper_state *, const whisper_token_data * written, int n, float * logits, void * self) {
        auto & d = *static_cast<Decoding *>(self);
        if (d.passes.empty()) return;
        std::vector<Step> & steps = d.passes.back().steps;
        steps.resize(n);
        if (n > 0) steps[n - 1].written = written[n - 1].id;
        steps.push_back({-1, likeliest(logits, whisper_token_eot(model))});
    }
};

// Others finds what else could have been written for the tokens of a window's segments, in order.
// The tokens of a segment are among those that were written in its pass.
struct Others {
    const std::vector<Pass> & passes;
    size_t pass = 0, at = 0;

    const Likely & of(int segment, whisper_token id) {
        static const Likely none;
        while (pass + 1 < passes.size() && passes[pass + 1].segments <= segment) {
            pass++;
            at = 0;
        }
        if (pass >= passes.size()) return none;
        const std::vector<Step> & steps = passes[pass].steps;
        for (size_t i = at; i < steps.size(); i++) {
            if (steps[i].written != id) continue;
            at = i + 1;
            return steps[i].likeliest;
        }
        return none;
    }
};

bool wholeUTF8(const std::string & s) {
    size_t i = 0;
    while (i < s.size()) {
        const unsigned char c = s[i];
        // The last 1 is for a stray byte, which is replaced when it is written.
        const size_t n = c < 0x80 ? 1 : (c >> 5) == 6 ? 2 : (c >> 4) == 14 ? 3 : (c >> 3) == 30 ? 4 : 1;
        if (i + n > s.size()) return false;
        i += n;
    }
    return true;
}

double rounded(float p) { return std::round(double(p) * 1e6) / 1e6; }

// beginsWord tells whether a token is the beginning of a word and valid by itself.
bool beginsWord(const std::string & t) { return t.size() > 1 && t[0] == ' ' && wholeUTF8(t); }

json tokens(whisper_context * model, whisper_state * state, int segment, int64_t windowMs, Others & others) {
    json all = json::array(), instead = json::array();
    std::string text;
    float p = 1;
    int64_t start = 0, end = 0;
    const auto put = [&] {
        json token = {{"t", text}, {"p", rounded(p)}, {"startMs", windowMs + start * 10}, {"endMs", windowMs + end * 10}};
        if (instead.size() > 1 && beginsWord(text)) token["others"] = instead;
        all.push_back(token);
        text.clear();
    };
    for (int j = 0; j < whisper_full_n_tokens_from_state(state, segment); j++) {
        const whisper_token_data d = whisper_full_get_token_data_from_state(state, segment, j);
        if (d.id >= whisper_token_eot(model)) continue;
        const Likely & likely = others.of(segment, d.id);
        if (text.empty()) {
            p = d.p;
            start = d.t0;
            instead = json::array();
            for (const auto & [id, chance] : likely) {
                const std::string t = whisper_token_to_str(model, id);
                if (beginsWord(t)) instead.push_back({{"t", t}, {"p", rounded(chance)}});
            }
        }
        text += whisper_token_to_str(model, d.id);
        p = std::min(p, d.p);
        end = d.t1;
        if (!text.empty() && wholeUTF8(text)) put();
    }
    if (!text.empty()) put();
    return all;
}

json transcribe(whisper_context * model, whisper_vad_context * vad, const std::vector<float> & pcm, int language, const std::string & prompt, bool hearOnly) {
    const std::vector<Span> spans = speech(vad, pcm);
    json a = {{"language", ""}, {"languageP", 0}, {"heard", ""}, {"heardP", 0}, {"speech", json::array()}, {"segments", json::array()}};
    if (spans.empty()) return a;
    for (const Span & s : spans) a["speech"].push_back({s.start * 1000 / protocol::kSampleRate, s.end * 1000 / protocol::kSampleRate});

    // Each window has its own state. The sampler of the temperature fallback is seeded only when a
    // state is made, so a shared state would make an answer depend on what was decoded before.
    Owned<whisper_state> state;
    const auto renew = [&] {
        state.reset();
        state.reset(whisper_init_state(model));
        if (!state) throw std::runtime_error("no memory for a decoding state");
    };
    const auto tell = [&](const Odds & heard) {
        const int top = likeliest(heard);
        if (language < 0) language = top;
        a["language"] = whisper_lang_str(language);
        a["languageP"] = rounded(heard[language]);
        a["heard"] = whisper_lang_str(top);
        a["heardP"] = rounded(heard[top]);
    };
    const bool listen = hearOnly || language < 0;
    renew();
    if (listen) tell(hear(model, state.get(), pcm, spans));
    if (hearOnly) return a;

    whisper_full_params p = whisper_full_default_params(WHISPER_SAMPLING_GREEDY);
    p.n_threads = kThreads;
    p.greedy.best_of = 1;
    p.language = whisper_lang_str(language);
    p.token_timestamps = true;
    p.no_context = true;
    p.n_max_text_ctx = 0;  // with earlier text as context it skips speech and repeats itself
    p.suppress_nst = false;
    p.print_progress = p.print_realtime = p.print_timestamps = p.print_special = false;
    if (!prompt.empty()) {
        p.initial_prompt = prompt.c_str();
        p.carry_initial_prompt = true;
        p.n_max_text_ctx = kPromptTokens;
    }
    p.abort_callback = orphaned;
    Decoding decoding{spans};
    p.encoder_begin_callback = Decoding::next;
    p.encoder_begin_callback_user_data = &decoding;
    p.logits_filter_callback = Decoding::step;
    p.logits_filter_callback_user_data = &decoding;
    for (const Span & w : windowsOf(spans, pcm.size())) {
        renew();
        decoding.begin(w);
        if (whisper_full_with_state(model, state.get(), p, pcm.data() + w.start, int(w.end - w.start)) != 0) throw std::runtime_error("decoding failed");
        if (decoding.failed) throw std::runtime_error("language detection failed");
        if (decoding.begun) decoding.add(model, state.get(), w.end);
        const int64_t startMs = int64_t(w.start * 1000 / protocol::kSampleRate);
        Others others{decoding.passes};
        for (int i = 0; i < whisper_full_n_segments_from_state(state.get()); i++) {
            a["segments"].push_back({{"startMs", startMs + whisper_full_get_segment_t0_from_state(state.get(), i) * 10},
                                     {"endMs", startMs + whisper_full_get_segment_t1_from_state(state.get(), i) * 10},
                                     {"tokens", tokens(model, state.get(), i, startMs, others)}});
        }
    }
    if (!listen) tell(decoding.speech > 0 ? decoding.p : hear(model, state.get(), pcm, spans));
    return a;
}

void serve(const char * modelFile, const char * vadFile) {
    whisper_log_set(onlyErrors, nullptr);
    whisper_context_params cp = whisper_context_default_params();
    cp.use_gpu = false;
    Owned<whisper_context> model(whisper_init_from_file_with_params_no_state(modelFile, cp));
    if (!model) throw std::runtime_error("the model could not be loaded");
    whisper_vad_context_params vp = whisper_vad_default_context_params();
    vp.n_threads = kThreads;
    vp.use_gpu = false;
    Owned<whisper_vad_context> vad(whisper_vad_init_from_file_with_params(vadFile, vp));
    if (!vad) throw std::runtime_error("the voice detection model could not be loaded");
    protocol::say({{"ready", true}, {"version", whisper_version()}, {"multilingual", whisper_is_multilingual(model.get()) != 0}});

    std::string line;
    while (protocol::readLine(line)) {
        const json r = protocol::parse(line, {"samples", "language", "prompt", "hear"});
        const size_t n = protocol::sampleCount(r, kMaxSamples);
        const std::string language = protocol::text(r, "language", 16), prompt = protocol::text(r, "prompt", kMaxPrompt);
        const int id = language.empty() || language == "auto" ? -1 : whisper_lang_id(language.c_str());
        if (id < 0 && !language.empty() && language != "auto") throw protocol::Malformed("the language is unknown");
        if (r.contains("hear") && !r["hear"].is_boolean()) throw protocol::Malformed("hear is neither true nor false");
        const bool hearOnly = r.contains("hear") && r["hear"].get<bool>();
        std::vector<float> pcm;
        pcm.reserve(n);
        protocol::readSamples(n, [&](const int16_t * x, size_t k) {
            for (size_t i = 0; i < k; i++) pcm.push_back(float(x[i]) / 32768.0f);
        });
        protocol::say(transcribe(model.get(), vad.get(), pcm, id, prompt, hearOnly));
    }
}

}  // namespace

int main(int argc, char ** argv) {
    if (argc != 3) {
        fputs("usage: parley-asr MODEL VADMODEL\n", stderr);
        return 2;
    }
    return protocol::run([&] { serve(argv[1], argv[2]); });
}
