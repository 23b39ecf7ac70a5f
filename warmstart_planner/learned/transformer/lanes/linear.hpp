/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rows of tokens as lanes, and the products with weights that most of the time goes to.
 *
 * Tokens lie side by side in registers, WIDTH a group; features follow each other. A layer's
 * weights then come from memory one by one, as operands that an instruction repeats in all lanes,
 * in the order in which they are used: each is read once for all tokens of two groups.
 */
#pragma once
#include "layout.h" /* the structures of library.py */
#include "number.hpp"

namespace learned {

using V = scp::Wide;
constexpr int WIDTH = V::WIDTH;
constexpr int TILE = 16;  /* outputs whose weights lie together; weights.py packs them */
constexpr int SUMS = scp::REGISTER == 64 ? 16 : 8;  /* kept in registers at once */
constexpr float NORM_EPSILON = 1e-5f;               /* torch's */

inline int padded(int count) { return (count + TILE - 1) / TILE * TILE; }
inline int groups_of(int tokens) { return padded(tokens) / WIDTH; }
inline V::Values repeated(float x) { return x - V::Values{}; }
inline V lane(float x) { return V::of(repeated(x)); }
inline float *numbers(V *x) { return reinterpret_cast<float *>(x); }
inline const float *numbers(const V *x) { return reinterpret_cast<const float *>(x); }

/* y = weight x + bias. `weight` has for each TILE of outputs the TILE numbers of each input. */
struct Linear {
    int inputs, outputs;
    const float *bias, *weight;
};

/* Sums of GROUPS groups of tokens from a first one on, handed over as they are ready. */
template <int GROUPS, class Take>
inline void multiply(const Linear &l, const V *x, int stride, int first, Take take) {
    constexpr int COUNT = SUMS / GROUPS;
    for (int j = 0; j < l.outputs; j += COUNT) {
        const float *w = l.weight + (size_t)(j / TILE) * TILE * l.inputs + j % TILE;
        const V *from = x + first;
        V::Values sum[COUNT][GROUPS];
        SCP_UNROLL for (int t = 0; t < COUNT; t++)
            SCP_UNROLL for (int g = 0; g < GROUPS; g++) sum[t][g] = repeated(l.bias[j + t]);
        for (int k = 0; k < l.inputs; k++, w += TILE, from += stride)
            SCP_UNROLL for (int t = 0; t < COUNT; t++)
                SCP_UNROLL for (int g = 0; g < GROUPS; g++) sum[t][g] += w[t] * from[g].v;
        const int count = l.outputs - j;
        SCP_UNROLL for (int t = 0; t < COUNT; t++)
            if (t < count)
                SCP_UNROLL for (int g = 0; g < GROUPS; g++)
                    take((j + t) * stride + first + g, V::of(sum[t][g]));
    }
}

template <class Take> inline void multiply(const Linear &l, const V *x, int groups, Take take) {
    int g = 0;
    for (; g + 1 < groups; g += 2) multiply<2>(l, x, groups, g, take);
    if (g < groups) multiply<1>(l, x, groups, g, take);
}

/* Not a number stays that. */
inline V positive(V x) { return maximum(V(0.0), x); }

__attribute__((noinline)) inline void put(const Linear &l, const V *x, int groups, V *y) {
    multiply(l, x, groups, [y](int at, V value) { y[at] = value; });
}

__attribute__((noinline)) inline void put_positive(const Linear &l, const V *x, int groups, V *y) {
    multiply(l, x, groups, [y](int at, V value) { y[at] = positive(value); });
}

__attribute__((noinline)) inline void add(const Linear &l, const V *x, int groups, V *y) {
    multiply(l, x, groups, [y](int at, V value) { y[at] += value; });
}

/* Each token to mean 0 and variance 1; what a norm scales and shifts by is in the next weights. */
inline void normalise(const V *x, int count, int groups, V *y) {
    const V share(1.0 / count);
    for (int g = 0; g < groups; g++) {
        V sum[4] = {V(0.0), V(0.0), V(0.0), V(0.0)}, square[4] = {V(0.0), V(0.0), V(0.0), V(0.0)};
        for (int i = 0; i < count; i++) sum[i % 4] += x[i * groups + g];
        const V mean = ((sum[0] + sum[1]) + (sum[2] + sum[3])) * share;
        for (int i = 0; i < count; i++) {
            const V off = x[i * groups + g] - mean;
            square[i % 4] += off * off;
        }
        const V variance = ((square[0] + square[1]) + (square[2] + square[3])) * share;
        const V scale = V(1.0) / sqrt(variance + V(NORM_EPSILON));
        for (int i = 0; i < count; i++) y[i * groups + g] = (x[i * groups + g] - mean) * scale;
    }
}

}  // namespace learned
