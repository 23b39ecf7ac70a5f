/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Attention: queries are lanes, keys and values of all tokens are plain numbers to them.
 */
#pragma once
#include "linear.hpp"

namespace learned {


/* Keys and values of `tokens` tokens, a feature's `stride` numbers together. */
struct Known {
    const float *keys, *values;
    int stride, tokens;
};

/* Scores to weights; returns one over the sum that they are still to be divided by. */
inline V soften(V *scores, int count) {
    V top = scores[0], total(0.0);
    for (int s = 1; s < count; s++) top = maximum(scores[s], top);
    for (int s = 0; s < count; s++) {
        scores[s] = exp(scores[s] - top);
        total += scores[s];
    }
    return V(1.0) / total;
}

/* What each query gathers, (width) x groups; `scores` has room for all tokens, padded. */
__attribute__((noinline)) inline void attend(const V *query, int groups, const Known &known, int width, int heads, V *scores,
                   V *mixed) {
    const int size = width / heads;
    for (int h = 0; h < heads; h++)
        for (int g = 0; g < groups; g++) {
            const V *q = query + h * size * groups + g;
            const float *keys = known.keys + (size_t)h * size * known.stride;
            for (int s = 0; s < known.tokens; s += SUMS) {
                V::Values sum[SUMS];
                SCP_UNROLL for (int t = 0; t < SUMS; t++) sum[t] = V::Values{};
                for (int i = 0; i < size; i++) {
                    const float *key = keys + i * known.stride + s;
                    SCP_UNROLL for (int t = 0; t < SUMS; t++) sum[t] += key[t] * q[i * groups].v;
                }
                SCP_UNROLL for (int t = 0; t < SUMS; t++) scores[s + t] = V::of(sum[t]);
            }
            const V share = soften(scores, known.tokens);
            const float *values = known.values + (size_t)h * size * known.stride;
            for (int i = 0; i < size; i += HEAD_TILE) {
                V::Values sum[HEAD_TILE];
                SCP_UNROLL for (int t = 0; t < HEAD_TILE; t++) sum[t] = V::Values{};
                for (int s = 0; s < known.tokens; s++)
                    SCP_UNROLL for (int t = 0; t < HEAD_TILE; t++)
                        sum[t] += values[(i + t) * known.stride + s] * scores[s].v;
                SCP_UNROLL for (int t = 0; t < HEAD_TILE; t++)
                    mixed[(h * size + i + t) * groups + g] = V::of(sum[t]) * share;
            }
        }
}

}  // namespace learned
