/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The weights of the Decision Transformer, where weights.py has packed them: in the
 * order of the fields here, with what norms scale and shift by already inside.
 */
#pragma once
#include "linear.hpp"

namespace learned {

struct Reader {
    const float *at;
    const float *table(int count) {
        const float *begin = at;
        at += padded(count);
        return begin;
    }
    Linear linear(int inputs, int outputs) {
        const float *bias = table(outputs);
        return {inputs, outputs, bias, table(padded(outputs) * inputs)};
    }
};

/* Two linear layers with a rectifier between them. */
struct Forward {
    Linear widen, narrow;
    void read(Reader &r, const sizes_t &s) {
        widen = r.linear(s.width, s.hidden);
        narrow = r.linear(s.hidden, s.width);
    }
};

/* Among tokens: queries, keys and values at once. */
struct Mutual {
    Linear all, out;
    void read(Reader &r, const sizes_t &s) {
        all = r.linear(s.width, 3 * s.width);
        out = r.linear(s.width, s.width);
    }
};

/* At the problem's tokens: `known` makes their keys and values. */
struct Look {
    Linear query, known, out;
    void read(Reader &r, const sizes_t &s) {
        query = r.linear(s.width, s.width);
        known = r.linear(s.width, 2 * s.width);
        out = r.linear(s.width, s.width);
    }
};

/* At a sequence's tokens so far, by one head. Keys and values are the tokens themselves: their
 * weights are in those of `seek` and `out`. */
struct Past {
    Linear seek, out;
    void read(Reader &r, const sizes_t &s) {
        seek = r.linear(s.width, s.width);
        out = r.linear(s.width, s.width);
    }
};

struct Weights {
    Linear obstacle_features, ego, road, obstacle_first, obstacle_second;
    const float *place;
    struct { Mutual attention; Forward forward; } encoder[MOST_LAYERS];
    const float *norm_scale, *norm_shift, *mode;
    struct { Mutual attention; Look look; Forward forward; } modes[MOST_LAYERS];
    Linear mode_out, head, step;
    const float *step_place;
    struct { Past past; Look look; Forward forward; } sequence[MOST_LAYERS];
    Linear step_out, sums, samples, yaw_sums, place_sums, rates, outcome_first, outcome_second, outcome_out;
    const float *usual, *whitening, *between, *caution;

    /* Return how many numbers there are. */
    size_t read(const float *packed, const sizes_t &s) {
        Reader r{packed};
        const int w = s.width, n = s.block;
        obstacle_features = r.linear(POINT + 4, OBSTACLE_FEATURES);
        ego = r.linear(POINT + STATES + 3, w);
        road = r.linear(ANCHOR_SIZE + 1, w);
        obstacle_first = r.linear(OBSTACLE_FEATURES * SAMPLES + 3, w);
        obstacle_second = r.linear(w, w);
        place = r.table(w * ANCHORS);
        for (int i = 0; i < s.encoder_layers; i++) {
            encoder[i].attention.read(r, s);
            encoder[i].forward.read(r, s);
        }
        norm_scale = r.table(w);
        norm_shift = r.table(w);
        mode = r.table(w * padded(s.candidates));
        for (int i = 0; i < s.mode_layers; i++) {
            modes[i].attention.read(r, s);
            modes[i].look.read(r, s);
            modes[i].forward.read(r, s);
        }
        mode_out = r.linear(w, 2);
        head = r.linear(w, w);
        step = r.linear(STEP_COLUMNS, w);
        step_place = r.table(s.blocks * w);
        for (int i = 0; i < s.sequence_layers; i++) {
            sequence[i].past.read(r, s);
            sequence[i].look.read(r, s);
            sequence[i].forward.read(r, s);
        }
        step_out = r.linear(w, 2 * n + 2);
        sums = r.linear(n, n + 1);
        samples = r.linear(n + 1, 2 * n + 1);
        yaw_sums = r.linear(2 * n + 1, 2 * n + 1);
        place_sums = r.linear(2 * n + 1, n);
        rates = r.linear(n + 1, n);
        outcome_first = r.linear(2 * w + CANDIDATE_FEATURES, s.outcome_hidden);
        outcome_second = r.linear(s.outcome_hidden, s.outcome_hidden);
        outcome_out = r.linear(s.outcome_hidden, 2);
        usual = r.table(s.strange);
        whitening = r.table(padded(s.strange) * s.strange);
        between = r.table(s.block * s.blocks / STRIDE * SAMPLES);
        caution = r.table(padded(s.candidates));
        return r.at - packed;
    }
};

}  // namespace learned
