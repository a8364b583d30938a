// What PocketSphinx takes longest for, faster and to the same bit: the scores of the senones, and
// those of the phone loop's language model.
//
// PocketSphinx goes through the Gaussians of a codebook one by one, and breaks off where one falls
// below the worst that is kept. Here they are computed side by side, and none breaks off. Each gets
// the same operations in the same order, and it only falls, so the same ones are kept. A few frames
// are computed at a time, because the Gaussians do not fit into the cache. The senones of a phone
// follow each other and are computed side by side as well, in whole numbers. The language model
// keeps what it said of three phones.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <vector>

extern "C" {
#include "acmod.h"
#include "allphone_search.h"
#include "lm/ngram_model_internal.h"
#include "pocketsphinx_internal.h"
#include "ptm_mgau.h"
#include "tied_mgau_common.h"
}

namespace fast {

// Takes the place of ptm_mgau_frame_eval in one decoder.
class Senones {
    static constexpr int kTop = 4;       // Gaussians that are kept of a codebook
    static constexpr int kAhead = 4;     // frames at a time
    static constexpr int kLanes = 8;     // Gaussians side by side
    static constexpr int kSenones = 16;  // senones side by side
    using Floats = float __attribute__((vector_size(4 * kLanes)));
    using Bytes = uint8_t __attribute__((vector_size(kSenones)));
    using Shorts = int16_t __attribute__((vector_size(2 * kSenones)));

    ps_mgaufuncs_t functions_;  // the first member, so that a decoder's table leads back here
    const acmod_t * acmod_;
    ptm_mgau_t * s_;
    int codebooks_, streams_, densities_;
    // By codebook and stream: for each group of kLanes Gaussians their constants, then for each
    // dimension their means and their variances.
    std::vector<std::vector<float>> gaussians_;
    // By codebook: the first frame that is computed, and kAhead frames of all streams' densities.
    std::vector<int> first_;
    std::vector<std::vector<float>> found_;
    struct Run {
        int codebook, from, to;  // senones
    };
    std::vector<Run> runs_;
    // reach_[k]: the sum of two is more than k above the larger where they differ by less.
    std::vector<int16_t> reach_;

    static const uint8_t * sums(const ptm_mgau_t * s) { return static_cast<const uint8_t *>(LOGMATH_TABLE(s->lmath_8b)->table); }

    // Whether the model is of the kind that this works for.
    static bool fits(const ptm_mgau_t * s) {
        if (s->max_topn != kTop || s->ds_ratio != 1 || s->mixw_cb != nullptr || s->g->n_density % kLanes != 0) return false;
        if (!std::is_sorted(std::reverse_iterator(sums(s) + 256), std::reverse_iterator(sums(s))) || sums(s)[255] != 0) return false;
        for (int f = 0; f < s->g->n_feat; f++)
            for (int w = 0; w < s->g->n_density; w++)
                if (*std::max_element(s->mixw[f][w], s->mixw[f][w] + s->n_sen) > MAX_NEG_MIXW) return false;
        return true;
    }

    Senones(const acmod_t * acmod, ptm_mgau_t * s)
        : functions_(*s->base.vt), acmod_(acmod), s_(s), codebooks_(s->g->n_mgau), streams_(s->g->n_feat), densities_(s->g->n_density), first_(codebooks_, -1),
          found_(codebooks_, std::vector<float>(size_t(kAhead) * streams_ * densities_)) {
        functions_.frame_eval = evaluate;
        for (int cb = 0; cb < codebooks_; cb++)
            for (int f = 0; f < streams_; f++) {
                const int n = s->g->featlen[f];
                const float *mean = s->g->mean[cb][f][0], *var = s->g->var[cb][f][0];
                std::vector<float> g;
                for (int from = 0; from < densities_; from += kLanes) {
                    g.insert(g.end(), s->g->det[cb][f] + from, s->g->det[cb][f] + from + kLanes);
                    for (int d = 0; d < n; d++)
                        for (const float * v : {mean, var})
                            for (int i = 0; i < kLanes; i++) g.push_back(v[(from + i) * n + d]);
                }
                gaussians_.push_back(std::move(g));
            }
        for (int i = 0; i < s->n_sen; i++) {
            if (runs_.empty() || runs_.back().codebook != s->sen2cb[i]) runs_.push_back({s->sen2cb[i], i, i});
            runs_.back().to = i + 1;
        }
        for (int k = 0; k < sums(s)[0]; k++) reach_.push_back(int16_t(std::find_if(sums(s), sums(s) + 256, [&](int v) { return v <= k; }) - sums(s)));
    }

    // The densities of a codebook in a frame, stream by stream.
    const float * densities(int cb, int frame) {
        const size_t size = size_t(streams_) * densities_;
        std::vector<float> & out = found_[cb];
        if (first_[cb] >= 0 && frame >= first_[cb] && frame < first_[cb] + kAhead) return out.data() + (frame - first_[cb]) * size;
        first_[cb] = frame;
        // Those past the last frame are computed from it anew and are not asked for.
        const int last = std::max(frame, acmod_->output_frame + acmod_->n_feat_frame - 1);
        for (int f = 0; f < streams_; f++) {
            const float * z[kAhead];
            for (int k = 0; k < kAhead; k++) z[k] = features(std::min(frame + k, last))[f];
            const float * g = gaussians_[cb * streams_ + f].data();
            const int n = s_->g->featlen[f];
            for (int from = 0; from < densities_; from += kLanes) {
                Floats d[kAhead];
                std::memcpy(&d[0], g, sizeof(Floats));
                g += kLanes;
                for (int k = 1; k < kAhead; k++) d[k] = d[0];
                for (int i = 0; i < n; i++, g += 2 * kLanes) {
                    Floats mean, var;
                    std::memcpy(&mean, g, sizeof mean);
                    std::memcpy(&var, g + kLanes, sizeof var);
                    for (int k = 0; k < kAhead; k++) {
                        // In steps, or the compiler would round fewer times than PocketSphinx.
                        Floats x = z[k][i] - mean;
                        x = x * x;
                        x = x * var;
                        d[k] = d[k] - x;
                    }
                }
                for (int k = 0; k < kAhead; k++) std::memcpy(out.data() + k * size + f * densities_ + from, &d[k], sizeof(Floats));
            }
        }
        return out.data();
    }

    mfcc_t ** features(int frame) const {
        const int at = (acmod_->feat_outidx + frame - acmod_->output_frame) % acmod_->n_feat_alloc;
        return acmod_->feat_buf[at < 0 ? at + acmod_->n_feat_alloc : at];
    }

    static int32 whole(float d) { return d < float(MAX_NEG_INT32) ? MAX_NEG_INT32 : int32(d); }

    // As eval_topn: the best Gaussians of the frame before, in this one. density is that of one.
    template <class Density> static void again(ptm_topn_t * top, Density density) {
        for (int i = 0; i < kTop; i++) {
            const ptm_topn_t one{top[i].cw, whole(density(top[i].cw))};
            int j = i - 1;
            for (; j >= 0 && one.score > top[j].score; j--) top[j + 1] = top[j];
            top[j + 1] = one;
        }
    }

    // As eval_cb: the others, in order.
    void best(ptm_topn_t * top, const float * d) const {
        float least = float(top[kTop - 1].score);
        for (int from = 0; from < densities_; from += kLanes) {
            Floats v;
            std::memcpy(&v, d + from, sizeof v);
            if (!__builtin_reduce_or(v >= least)) continue;
            for (int i = from; i < from + kLanes; i++) {
                if (d[i] < least || std::any_of(top, top + kTop, [&](const ptm_topn_t & t) { return t.cw == i; })) continue;
                const int32 score = whole(d[i]);
                int j = kTop - 2;
                for (; j >= 0 && score >= top[j].score; j--) top[j + 1] = top[j];
                top[j + 1] = {i, score};
                least = float(top[kTop - 1].score);
            }
        }
    }

    // The density of one Gaussian, of a codebook whose others are not needed.
    float alone(int cb, int f, int cw, const float * z) const {
        const int n = s_->g->featlen[f];
        const float *mean = s_->g->mean[cb][f][0] + cw * n, *var = s_->g->var[cb][f][0] + cw * n;
        float d = s_->g->det[cb][f][cw];
        for (int k = 0; k < n; k++) {
            float x = z[k] - mean[k];
            x = x * x;
            x = x * var[k];
            d = d - x;
        }
        return d;
    }

    bool active(int cb) const { return bitvec_is_set(s_->f->mgau_active, cb); }

    // As ptm_mgau_codebook_eval and ptm_mgau_codebook_norm.
    void codebooks(mfcc_t ** z, int frame) {
        for (int cb = 0; cb < codebooks_; cb++) {
            const float * d = active(cb) ? densities(cb, frame) : nullptr;
            for (int f = 0; f < streams_; f++) {
                ptm_topn_t * top = s_->f->topn[cb][f];
                if (d == nullptr) {
                    again(top, [&](int cw) { return alone(cb, f, cw, z[f]); });
                    continue;
                }
                const float * own = d + f * densities_;
                again(top, [&](int cw) { return own[cw]; });
                best(top, own);
            }
        }
        for (int f = 0; f < streams_; f++) {
            int32 norm = WORST_SCORE;
            for (int cb = 0; cb < codebooks_; cb++)
                if (active(cb)) norm = std::max(norm, s_->f->topn[cb][f][0].score >> SENSCR_SHIFT);
            for (int cb = 0; cb < codebooks_; cb++)
                for (int k = 0; active(cb) && k < kTop; k++) {
                    int32 & score = s_->f->topn[cb][f][k].score;
                    score = std::min(norm - (score >> SENSCR_SHIFT), MAX_NEG_ASCR);
                }
        }
    }

    // One senone: as in ptm_mgau_senone_eval.
    int one(int senone) const {
        int sum = 0;
        for (int f = 0; f < streams_; f++) {
            const ptm_topn_t * top = s_->f->topn[s_->sen2cb[senone]][f];
            int density = s_->mixw[f][top[0].cw][senone] + top[0].score;
            for (int k = 1; k < kTop; k++) density = fast_logmath_add(s_->lmath_8b, density, s_->mixw[f][top[k].cw][senone] + top[k].score);
            sum += density;
        }
        return sum;
    }

    // kSenones senones of one codebook.
    Shorts some(int cb, int from) const {
        Shorts sum{};
        for (int f = 0; f < streams_; f++) {
            const ptm_topn_t * top = s_->f->topn[cb][f];
            Shorts density;
            for (int k = 0; k < kTop; k++) {
                Bytes weights;
                std::memcpy(&weights, s_->mixw[f][top[k].cw] + from, sizeof weights);
                const Shorts next = __builtin_convertvector(weights, Shorts) + int16_t(top[k].score);
                if (k == 0) {
                    density = next;
                    continue;
                }
                const Shorts low = __builtin_elementwise_min(density, next), apart = __builtin_elementwise_max(density, next) - low;
                density = low;
                for (const int16_t reach : reach_) density += apart < reach;  // true is -1
            }
            sum += density;
        }
        return sum;
    }

    // As ptm_mgau_senone_eval of all senones.
    void all(int16 * scores) const {
        int16_t best = INT16_MAX;
        for (const Run & r : runs_) {
            int i = r.from;
            for (; i + kSenones <= r.to; i += kSenones) {
                const Shorts v = some(r.codebook, i);
                std::memcpy(scores + i, &v, sizeof v);
                best = std::min(best, __builtin_reduce_min(v));
            }
            for (; i < r.to; i++) best = std::min(best, scores[i] = int16_t(one(i)));
        }
        for (int i = 0; i < s_->n_sen; i++) scores[i] -= best;
    }

    // As ptm_mgau_senone_eval of some senones: each is the distance from the one before.
    void some(int16 * scores, const uint8 * senones, int n) const {
        std::fill_n(scores, s_->n_sen, int16(0));
        int best = INT32_MAX, senone = 0;
        for (int i = 0; i < n; i++) {
            senone += senones[i];
            if (const int cb = s_->sen2cb[senone]; !active(cb))  // where a frame is scored again
                for (int f = 0; f < streams_; f++)
                    for (int k = 0; k < kTop; k++) s_->f->topn[cb][f][k].score = MAX_NEG_ASCR;
            const int score = one(senone);
            best = std::min(best, score);
            scores[senone] = int16(score);
        }
        for (int i = 0; i < s_->n_sen; i++) scores[i] -= best;
    }

    static int evaluate(ps_mgau_t * base, int16 * scores, uint8 * senones, int32 n, mfcc_t ** z, int32 frame, int32 all) {
        Senones & self = *reinterpret_cast<Senones *>(base->vt);
        ptm_mgau_t * s = self.s_;
        if (frame == 0) std::fill(self.first_.begin(), self.first_.end(), -1);  // other speech
        const int at = frame % s->n_fast_hist;
        s->f = s->hist + at;
        if (frame >= base->frame_idx) {
            const ptm_fast_eval_t * before = s->hist + (at == 0 ? s->n_fast_hist : at) - 1;
            std::copy_n(before->topn[0][0], self.codebooks_ * self.streams_ * kTop, s->f->topn[0][0]);
            if (all) {
                bitvec_set_all(s->f->mgau_active, self.codebooks_);
            } else {
                bitvec_clear_all(s->f->mgau_active, self.codebooks_);
                for (int i = 0, senone = 0; i < n; i++) {
                    senone += senones[i];
                    bitvec_set(s->f->mgau_active, s->sen2cb[senone]);
                }
            }
            self.codebooks(z, frame);
        }
        if (all) self.all(scores);
        else self.some(scores, senones, n);
        return 0;
    }

public:
    // Puts it into a decoder, which must end before what this returns.
    static std::unique_ptr<Senones> into(ps_decoder_t * d) {
        auto * s = reinterpret_cast<ptm_mgau_t *>(d->acmod->mgau);
        if (std::strcmp(s->base.vt->name, "ptm") != 0 || !fits(s)) throw std::runtime_error("the acoustic model is of another kind");
        std::unique_ptr<Senones> self(new Senones(d->acmod, s));
        s->base.vt = &self->functions_;
        return self;
    }
    Senones(const Senones &) = delete;
};

// Takes the place of the language model's score in a phone loop.
class Language {
    ngram_funcs_t functions_;  // the first member, so that a model's table leads back here
    ngram_funcs_t * before_;
    int words_;
    std::vector<int32> pairs_, triples_;
    static constexpr int32 kUnknown = INT32_MIN;
    static constexpr int kWords = 64;

    Language(ngram_model_t * m) : functions_(*m->funcs), before_(m->funcs), words_(m->n_words), pairs_(words_ * words_, kUnknown), triples_(words_ * words_ * words_, kUnknown) {
        functions_.score = score;
    }

    static int32 score(ngram_model_t * m, int32 word, int32 * history, int32 n, int32 * used) {
        Language & self = *reinterpret_cast<Language *>(m->funcs);
        const auto known = [&](int32 w) { return w >= 0 && w < self.words_; };
        if (n < 1 || n > 2 || !known(word) || !known(history[0]) || (n == 2 && !known(history[1]))) return self.before_->score(m, word, history, n, used);
        const size_t pair = size_t(history[0]) * self.words_ + word;
        int32 & kept = n == 1 ? self.pairs_[pair] : self.triples_[size_t(history[1]) * self.words_ * self.words_ + pair];
        if (kept == kUnknown) kept = self.before_->score(m, word, history, n, used);
        return kept;
    }

public:
    // Puts it into the model of a phone loop, which must end before what this returns. The loop
    // does not ask how many words were used.
    static std::unique_ptr<Language> into(ps_decoder_t * loop) {
        ngram_model_t * m = reinterpret_cast<allphone_search_t *>(loop->search)->lm;
        if (m->n_words > kWords) throw std::runtime_error("the language model has too many phones");
        std::unique_ptr<Language> self(new Language(m));
        m->funcs = &self->functions_;
        return self;
    }
    Language(const Language &) = delete;
};

}  // namespace fast
