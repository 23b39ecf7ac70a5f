/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is estimated beside the ways: what to expect of each and how unfamiliar the problem is
 * (network/merit.py, outcome_head.py and export.py in training/decision_transformer/).
 */
#pragma once
#include "transformer.hpp"

namespace learned {

struct Estimates {
    V *features, *first, *second;
    float *strange, *white, *seen;

    void lay_out(Arena &a, const sizes_t &s, int groups) {
        const int nodes = s.block * s.blocks / STRIDE;
        features = a.take((2 * s.width + CANDIDATE_FEATURES) * groups);
        first = a.take(s.outcome_hidden * groups);
        second = a.take((s.outcome_hidden + 2) * groups);
        strange = numbers(a.take(padded(s.strange)));
        white = numbers(a.take(padded(s.strange)));
        seen = numbers(a.take(nodes * OBSTACLES * OBSTACLE_SIZE));
    }

    /* What to expect of each candidate, once all are driven. */
    void expect(const Transformer &t, const Problem &p, const outputs_t &out) {
        const int w = t.size.width, g = t.groups;
        std::memcpy(features, t.token, w * g * sizeof(V));
        std::memcpy(features + w * g, t.hidden, w * g * sizeof(V));
        interpolate(t, p);
        for (int i = 0; i < g; i++) {
            V plain[CANDIDATE_FEATURES];
            put_plain(t, p, i, plain);
            for (int f = 0; f < CANDIDATE_FEATURES; f++) features[(2 * w + f) * g + i] = plain[f];
        }
        V *const merit = features + (2 * w + SCALED_MERIT) * g;
        std::memcpy(second + t.size.outcome_hidden * g, merit, g * sizeof(V));
        normalise(features, 2 * w + CANDIDATE_FEATURES, g, features);
        put_positive(t.weights.outcome_first, features, g, first);
        put_positive(t.weights.outcome_second, first, g, second);
        put(t.weights.outcome_out, second, g, first);
        const float *const logit = numbers(first), *const cost = numbers(first + g);
        const float *const as_is = numbers(second + t.size.outcome_hidden * g);
        for (int k = 0; k < t.size.candidates; k++) {
            const float scale = COST_SCALE, amiss = scale * std::fmax(as_is[k] - cost[k], 0.0f);
            const float failure = 1.0f / (1.0f + std::exp(logit[k])) + float(RISK) * amiss;
            out.predicted_return[k] = 1.0f - std::exp(scale * cost[k]);
            out.failure_probability[k] = failure < 1.0f ? failure : 1.0f;
        }
    }

    /* The distance from what training saw. */
    float unfamiliarity(const Transformer &t, const Problem &p) {
        const int count = t.size.strange;
        put_strange(t, p, strange);
        for (int i = 0; i < count; i++) {
            strange[i] -= t.weights.usual[i];
            white[i] = 0.0f;
        }
        /* rows of a lower triangle */
        for (int i = 0; i < count; i++) {
            const float *const row = t.weights.whitening + (size_t)i * padded(count);
            for (int j = 0; j <= i; j += WIDTH) {
                V sum = load(white + j) + lane(strange[i]) * load(row + j);
                std::memcpy(white + j, &sum, sizeof sum);
            }
        }
        float total = 0.0f;
        for (int i = 0; i < count; i++) total += white[i] * white[i];
        return std::sqrt(total / count);
    }

  private:
    /* What the obstacles are at the nodes looked at. */
    void interpolate(const Transformer &t, const Problem &p) {
        const int nodes = t.size.block * t.size.blocks / STRIDE;
        for (int k = 0; k < nodes; k++)
            for (int j = 0; j < p.count; j++) {
                float *const to = seen + (k * OBSTACLES + j) * OBSTACLE_SIZE;
                for (int f = 0; f < OBSTACLE_SIZE; f++) to[f] = 0.0f;
                for (int s = 0; s < SAMPLES; s++) {
                    const float share = t.weights.between[k * SAMPLES + s];
                    if (share == 0.0f) continue;
                    for (int f = 0; f < OBSTACLE_SIZE; f++)
                        to[f] += share * p.obstacle[j][s * OBSTACLE_SIZE + f];
                }
            }
    }

    /* A group's features beside its tokens. */
    void put_plain(const Transformer &t, const Problem &p, int group, V *plain) {
        const int nodes = t.size.block * t.size.blocks / STRIDE, g = t.groups;
        const V grip = lane(p.road.grip), stop = lane(p.road.stop_station);
        V path(0.0), total(0.0), most(0.0), soon(0.0), violated(0.0), last_cost(0.0);
        for (int k = 0; k < nodes; k++) {
            const int step = (k + 1) * STRIDE - 1;
            V x[STATES], u[CONTROLS], cost, rows[3], apart(ABSENT);
            for (int f = 0; f < STATES; f++) x[f] = t.states[(step * STATES + f) * g + group];
            for (int c = 0; c < CONTROLS; c++) u[c] = t.controls[(step * CONTROLS + c) * g + group];
            const auto turn = sin_cos(x[2]);
            const V heading[2] = {turn.cos, turn.sin};
            const V centre[2] = {x[0] + V(REAR_TO_CENTER) * turn.cos,
                                 x[1] + V(REAR_TO_CENTER) * turn.sin};
            const Point on_road = project(p.road, centre[0], centre[1]);
            const V *const at = reinterpret_cast<const V *>(&on_road);
            stage(x, u, heading, at, &grip, &cost, rows);
            path += cost;
            for (int j = 0; j < p.count; j++) {
                V obstacle[OBSTACLE_SIZE], gap;
                for (int f = 0; f < OBSTACLE_SIZE; f++)
                    obstacle[f] = lane(seen[(k * OBSTACLES + j) * OBSTACLE_SIZE + f]);
                separation(centre, heading, obstacle, &gap);
                apart = minimum(gap, apart);
            }
            V violation = missing(apart) + missing(rows[0]) + missing(rows[1]) + missing(rows[2]);
            if (k == nodes - 1) {
                V reserve;
                end(x, at, &stop, &grip, &last_cost, &reserve);
                violation += missing(reserve);
            }
            total += violation;
            most = maximum(violation, most);
            if (k < SOON) soon += violation;
            violated += select(violation > V(VIOLATED), V(1.0), V(0.0));
        }
        const V cost = V(STRIDE * TIME_STEP) * path + last_cost;
        const V merit = cost + V(PRICE * TIME_STEP * STRIDE) * total;
        plain[0] = t.choice[group] * V(1.0 / 5.0);
        plain[1] = t.own_cost[group];
        plain[2] = t.cost_to_go[group];
        plain[3] = log1p(cost) * V(1.0 / COST_SCALE);
        plain[SCALED_MERIT] = log1p(merit) * V(1.0 / COST_SCALE);
        plain[5] = log1p(V(10.0 / nodes) * total);
        plain[6] = log1p(V(10.0) * most);
        plain[7] = log1p(V(10.0 / (SOON < nodes ? SOON : nodes)) * soon);
        plain[8] = violated * V(1.0 / nodes);
    }

    static V missing(V row) { return positive(-row); }

    static V log1p(V x) {
        V y;
        for (int i = 0; i < WIDTH; i++) y.set(i, std::log1p(x[i]));
        return y;
    }

    /* The features by which problems are compared with training's. */
    void put_strange(const Transformer &t, const Problem &p, float *to) const {
        const int w = t.size.width, stride = groups_of(p.tokens()) * WIDTH;
        const float number = p.count;
        for (int part = 0; part < 3; part++)
            for (int f = 0; f < w; f++) {
                const float *const each = numbers(t.context) + f * stride;
                const int first = part == 0 ? 0 : part == 1 ? 1 : FIRST_OBSTACLE;
                const int count = part == 0 ? 1 : part == 1 ? ANCHORS : p.count;
                float sum = 0.0f;
                for (int i = 0; i < count; i++) sum += each[first + i];
                *to++ = sum / (count ? count : 1);
            }
        *to++ = p.state[3];
        *to++ = p.state[4];
        *to++ = p.road.grip;
        float most = 0.0f, total = 0.0f, narrowest = INFINITY, moved = 0.0f;
        for (const auto &a : p.road.anchor) {
            most = std::fmax(most, std::fabs(a.curvature));
            total += std::fabs(a.curvature);
            narrowest = std::fmin(narrowest, a.left + a.right);
        }
        *to++ = most;
        *to++ = total / ANCHORS;
        for (const auto &a : p.road.anchor) *to++ = a.speed;
        for (const auto &a : p.road.anchor) *to++ = a.left;
        for (const auto &a : p.road.anchor) *to++ = a.right;
        *to++ = narrowest;
        *to++ = number;
        for (int i = 0; i < p.count; i++) {
            const float *const o = p.obstacle[i], *const next = o + OBSTACLE_SIZE;
            moved = std::fmax(moved, std::fabs(next[0] - o[0]) + std::fabs(next[1] - o[1]));
        }
        *to++ = moved;
    }
};

}  // namespace learned
