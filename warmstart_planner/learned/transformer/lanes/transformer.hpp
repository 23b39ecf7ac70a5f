/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The Decision Transformer as it is served: Served in training/decision_transformer/export.py,
 * step by step.
 *
 * Two things take no time here that the graph has: obstacles that are absent, which attention
 * gives no weight, and products that weights alone decide, which were done when these were packed.
 * Results agree with the graph's to the rounding of single precision.
 */
#pragma once
#include "attention.hpp"
#include "road.hpp"
#include "weights.hpp"

namespace learned {

constexpr int FIRST_OBSTACLE = 1 + ANCHORS; /* of the tokens: car, road, obstacles */
constexpr int MOST_TOKENS = FIRST_OBSTACLE + OBSTACLES;
constexpr int MOST_POINTS = (1 + OBSTACLES * SAMPLES + TILE - 1) / TILE * TILE;
constexpr int MOST_GROUPS = MOST_CANDIDATES / WIDTH;

inline V load(const float *from) {
    V v;
    std::memcpy(&v, from, sizeof v);
    return v;
}

/* A problem, those of its obstacles that are there. */
struct Problem {
    const float *state, *obstacle[OBSTACLES];
    Road road;
    int count;

    explicit Problem(const inputs_t &in) : state(in.state), count(0) {
        std::memcpy(&road, in.road, sizeof road);
        for (int i = 0; i < OBSTACLES; i++)
            if (in.present[i]) obstacle[count++] = in.obstacles + i * SAMPLES * OBSTACLE_SIZE;
    }
    int tokens() const { return FIRST_OBSTACLE + count; }
};

/* Hands out memory, or counts what is needed where there is none. */
struct Arena {
    char *base;
    size_t used;
    V *take(size_t count) {
        V *begin = base ? reinterpret_cast<V *>(base + used) : nullptr;
        used += (count * sizeof(V) + 63) / 64 * 64;
        return begin;
    }
};

struct Transformer {
    sizes_t size;
    Weights weights;
    int groups; /* of candidates */
    V *token, *norm, *three, *mixed, *wide, *scores, *column; /* of tokens at work */
    V *context, *known[2 * MOST_LAYERS]; /* of the problem */
    V *hidden, *head, *past[MOST_LAYERS]; /* of the candidates, as all below */
    V *states, *controls; /* after each step, steps x STATES and steps x CONTROLS */
    V *actions, *node, *excess, *sample, *rate, *yaw, *velocity;
    V choice[MOST_GROUPS], own_cost[MOST_GROUPS], cost_to_go[MOST_GROUPS],
        constraint_to_go[MOST_GROUPS];

    void lay_out(Arena &a) {
        const int w = size.width, n = size.block, steps = n * size.blocks;
        groups = groups_of(size.candidates);
        const int tokens = groups_of(MOST_TOKENS), most = tokens > groups ? tokens : groups;
        for (V **each : {&token, &norm, &mixed}) *each = a.take(w * most);
        three = a.take(3 * w * most);
        wide = a.take(size.hidden * most);
        scores = a.take(padded(MOST_TOKENS) + padded(size.candidates) + padded(size.blocks));
        column = a.take((OBSTACLE_FEATURES * SAMPLES + 64) * most);
        context = a.take(w * tokens);
        for (int i = 0; i < size.mode_layers + size.sequence_layers; i++)
            known[i] = a.take(2 * w * tokens);
        for (V **each : {&hidden, &head}) *each = a.take(w * groups);
        for (int i = 0; i < size.sequence_layers; i++) past[i] = a.take(size.blocks * w * groups);
        states = a.take(steps * STATES * groups);
        controls = a.take(steps * CONTROLS * groups);
        actions = a.take((2 * n + 2) * groups);
        for (V **each : {&node, &excess}) *each = a.take(2 * (n + 1) * groups);
        for (V **each : {&sample, &rate, &yaw, &velocity})
            *each = a.take(2 * (2 * n + 1) * groups);
    }

    // ------------------------------------------------------------------------------ the problem

    /* Leave the problem's tokens, normalised, in `context`, and what is to be known of them. */
    void encode(const Problem &p) {
        const int w = size.width, g = groups_of(p.tokens());
        for (int i = 0; i < w * g; i++) token[i] = V(0.0);
        see_road(p, g * WIDTH);
        see_points(p, g * WIDTH);
        for (int i = 0; i < size.encoder_layers; i++) {
            attend_mutually(weights.encoder[i].attention, g, p.tokens());
            go_forward(weights.encoder[i].forward, g);
        }
        normalise(token, w, g, context);
        for (int f = 0; f < w; f++)
            for (int i = f * g; i < (f + 1) * g; i++)
                context[i] = context[i] * lane(weights.norm_scale[f]) + lane(weights.norm_shift[f]);
        for (int i = 0; i < size.mode_layers; i++)
            put(weights.modes[i].look.known, context, g, known[i]);
        for (int i = 0; i < size.sequence_layers; i++)
            put(weights.sequence[i].look.known, context, g, known[size.mode_layers + i]);
    }

    /* One token for each anchor. */
    void see_road(const Problem &p, int stride) {
        const int g = groups_of(ANCHORS), from = g * WIDTH;
        float *const columns = numbers(column);
        for (int i = 0; i < (ANCHOR_SIZE + 1) * from; i++) columns[i] = 0.0f;
        for (int i = 0; i < ANCHORS; i++) {
            const Road::Anchor &a = p.road.anchor[i];
            const float *const fields = &a.x;
            for (int f = 0; f < ANCHOR_SIZE; f++) columns[f * from + i] = fields[f];
            /* what a bend takes of the grip */
            columns[ANCHOR_SIZE * from + i] = a.curvature * a.speed * a.speed / p.road.grip;
        }
        put(weights.road, column, g, norm);
        for (int f = 0; f < size.width; f++)
            for (int i = 0; i < ANCHORS; i++)
                numbers(token)[f * stride + 1 + i] =
                    numbers(norm)[f * from + i] + weights.place[f * ANCHORS + i];
    }

    /* One token for the car and one for each obstacle, by where they are on the road. */
    void see_points(const Problem &p, int stride) {
        const int points = 1 + p.count * SAMPLES, g = groups_of(points), from = g * WIDTH;
        float place[4][MOST_POINTS];
        for (int i = 0; i < from; i++) {
            const int j = i - 1;
            const bool is_obstacle = 0 < i && i < points;
            const float own[4] = {p.state[0], p.state[1], 1.0f, 0.0f};
            const float *at =
                is_obstacle ? p.obstacle[j / SAMPLES] + j % SAMPLES * OBSTACLE_SIZE : own;
            for (int f = 0; f < 4; f++) place[f][i] = at[f];
        }
        V at[(POINT + 4) * MOST_POINTS / WIDTH], seen[OBSTACLE_FEATURES * MOST_POINTS / WIDTH];
        for (int i = 0; i < g; i++) {
            V own[4], all[POINT + 4];
            for (int f = 0; f < 4; f++) own[f] = load(place[f] + i * WIDTH);
            const Point on_road = project(p.road, own[0], own[1]);
            std::memcpy(all, &on_road, sizeof on_road);
            heading_terms(on_road, own[2], own[3], all + POINT);
            for (int f = 0; f < POINT + 4; f++) at[f * g + i] = all[f];
        }
        see_car(p, numbers(at), from, stride);
        if (!p.count) return;
        multiply(weights.obstacle_features, at, g,
                 [&seen](int to, V value) { seen[to] = clip(value, V(-10.0), V(10.0)); });
        see_obstacles(p, numbers(seen), from, stride);
    }

    void see_car(const Problem &p, const float *at, int from, int stride) {
        const int g = groups_of(1);
        const float stop = p.road.stop_station;
        V *to = column;
        const auto give = [&to, g](float value) {
            for (int i = 0; i < g; i++) *to++ = lane(value);
        };
        for (int f = 0; f < POINT; f++) give(at[f * from]);
        for (int f = 0; f < STATES; f++) give(p.state[f]);
        give(p.road.grip);
        give(std::fmin(std::fmax(stop, -20.0f), 150.0f));
        give(std::fmin(std::fmax(stop, -20.0f), 20.0f));
        put(weights.ego, column, g, norm);
        for (int f = 0; f < size.width; f++) numbers(token)[f * stride] = norm[f * g][0];
    }

    void see_obstacles(const Problem &p, const float *seen, int from, int stride) {
        const int g = groups_of(p.count), to = g * WIDTH, moving = OBSTACLE_FEATURES * SAMPLES;
        float *const columns = numbers(column);
        for (int i = 0; i < (moving + 3) * to; i++) columns[i] = 0.0f;
        for (int i = 0; i < p.count; i++) {
            for (int s = 0; s < SAMPLES; s++)
                for (int f = 0; f < OBSTACLE_FEATURES; f++)
                    columns[(s * OBSTACLE_FEATURES + f) * to + i] =
                        seen[f * from + 1 + i * SAMPLES + s];
            const float *const last = p.obstacle[i] + (SAMPLES - 1) * OBSTACLE_SIZE;
            for (int f = 0; f < 3; f++) columns[(moving + f) * to + i] = last[4 + f] / 2.0f;
        }
        put_positive(weights.obstacle_first, column, g, norm);
        put(weights.obstacle_second, norm, g, mixed);
        for (int f = 0; f < size.width; f++)
            for (int i = 0; i < p.count; i++)
                numbers(token)[f * stride + FIRST_OBSTACLE + i] = numbers(mixed)[f * to + i];
    }

    // -------------------------------------------------------------------------- layers of `token`

    void attend_mutually(const Mutual &m, int g, int tokens) {
        const int w = size.width;
        normalise(token, w, g, norm);
        put(m.all, norm, g, three);
        const Known among{numbers(three + w * g), numbers(three + 2 * w * g), g * WIDTH, tokens};
        attend(three, g, among, w, size.heads, scores, mixed);
        add(m.out, mixed, g, token);
    }

    void look_at_problem(const Look &l, const V *of_problem, int tokens) {
        const int w = size.width, g = groups_of(tokens);
        normalise(token, w, groups, norm);
        put(l.query, norm, groups, three);
        const Known there{numbers(of_problem), numbers(of_problem + w * g), g * WIDTH, tokens};
        attend(three, groups, there, w, size.heads, scores, mixed);
        add(l.out, mixed, groups, token);
    }

    void look_back(const Past &p, V *tokens, int block) {
        const int w = size.width, g = groups;
        V *const newest = tokens + block * w * g;
        normalise(token, w, g, newest);
        if (!block) return add(p.out, newest, g, token);
        put(p.seek, newest, g, three);
        for (int i = 0; i < g; i++) {
            for (int b = 0; b <= block; b++) {
                V sum[4] = {V(0.0), V(0.0), V(0.0), V(0.0)};
                const V *const each = tokens + b * w * g + i;
                for (int f = 0; f < w; f++) sum[f % 4] += each[f * g] * three[f * g + i];
                scores[b] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
            }
            const V share = soften(scores, block + 1);
            for (int f = 0; f < w; f++) {
                V sum(0.0);
                for (int b = 0; b <= block; b++) sum += scores[b] * tokens[(b * w + f) * g + i];
                mixed[f * g + i] = sum * share;
            }
        }
        add(p.out, mixed, g, token);
    }

    void go_forward(const Forward &f, int g) {
        normalise(token, size.width, g, norm);
        put_positive(f.widen, norm, g, wide);
        add(f.narrow, wide, g, token);
    }

    // ---------------------------------------------------------------------------- modes, sequences

    /* Let the modes look at the problem: leave `hidden`, their choice and the cost of their ways. */
    void ask(const Problem &p) {
        const int w = size.width, g = groups, of_problem = groups_of(p.tokens()) * WIDTH;
        for (int f = 0; f < w; f++)
            for (int i = 0; i < g; i++)
                token[f * g + i] = load(weights.mode + f * g * WIDTH + i * WIDTH) +
                                   lane(numbers(context)[f * of_problem]);
        for (int i = 0; i < size.mode_layers; i++) {
            attend_mutually(weights.modes[i].attention, g, size.candidates);
            look_at_problem(weights.modes[i].look, known[i], p.tokens());
            go_forward(weights.modes[i].forward, g);
        }
        std::memcpy(hidden, token, w * g * sizeof(V));
        normalise(hidden, w, g, norm);
        put(weights.mode_out, norm, g, column);
        for (int i = 0; i < g; i++) {
            choice[i] = column[i];
            own_cost[i] = column[g + i];
        }
        put_logarithms();
    }

    /* The choice as logarithms of probabilities. */
    void put_logarithms() {
        const int count = size.candidates;
        float *const c = numbers(choice), top = c[0], total = 0.0f;
        for (int k = 1; k < count; k++) top = std::fmax(top, c[k]);
        for (int k = 0; k < count; k++) total += std::exp(c[k] - top);
        for (int k = 0; k < count; k++) c[k] -= top + std::log(total);
    }

    /* What is wanted of each candidate. */
    void want(const inputs_t &in) {
        for (int i = 0; i < groups * WIDTH; i++) {
            const int k = i < size.candidates ? i : 0;
            numbers(cost_to_go)[i] =
                std::fmax(numbers(own_cost)[i] + weights.caution[k] -
                              in.relative_return[k] / static_cast<float>(COST_SCALE),
                          0.0f);
            numbers(constraint_to_go)[i] = std::log1p(5.0f * in.constraint_to_go[k]) / 3.0f;
        }
    }

    /* Drive all candidates, block by block; `token` is what they have come to at the last one. */
    void drive(const Problem &p) {
        const int w = size.width, g = groups, n = size.block;
        put(weights.head, hidden, g, head);
        for (int block = 0; block < size.blocks; block++) {
            see_steps(p, block);
            put(weights.step, column, g, token);
            for (int f = 0; f < w; f++)
                for (int i = 0; i < g; i++)
                    token[f * g + i] += head[f * g + i] + lane(weights.step_place[block * w + f]);
            for (int i = 0; i < size.sequence_layers; i++) {
                look_back(weights.sequence[i].past, past[i], block);
                look_at_problem(weights.sequence[i].look, known[size.mode_layers + i], p.tokens());
                go_forward(weights.sequence[i].forward, g);
            }
            normalise(token, w, g, norm);
            put(weights.step_out, norm, g, actions);
            move(p, block);
            for (int i = 0; i < g; i++) {
                cost_to_go[i] = positive(cost_to_go[i] + actions[2 * n * g + i]);
                constraint_to_go[i] = positive(constraint_to_go[i] + actions[(2 * n + 1) * g + i]);
            }
        }
    }

    /* The state that a block begins at, in one group of candidates. */
    V before(const Problem &p, int block, int field, int group) const {
        if (!block) return lane(p.state[field]);
        return states[((block * size.block - 1) * STATES + field) * groups + group];
    }

    /* The columns that a block's token is made of. */
    void see_steps(const Problem &p, int block) {
        for (int i = 0; i < groups; i++) {
            V all[STEP_COLUMNS], *const state = all + POINT + 4, *const rest = state + STATES;
            for (int f = 0; f < STATES; f++) state[f] = before(p, block, f, i);
            const Point at = project(p.road, state[0], state[1]);
            std::memcpy(all, &at, sizeof at);
            const auto heading = sin_cos(state[2]);
            heading_terms(at, heading.cos, heading.sin, all + POINT);
            for (int c = 0; c < CONTROLS; c++)
                rest[c] = block ? controls[((block * size.block - 1) * CONTROLS + c) * groups + i]
                                : V(0.0);
            rest[2] = cost_to_go[i];
            rest[3] = constraint_to_go[i];
            rest[4] = minimum(V(20.0) * constraint_to_go[i], V(1.0)); /* whether any is allowed */
            for (int f = 0; f < STEP_COLUMNS; f++) column[f * groups + i] = all[f];
        }
    }

    /* The car's model over a block: network/motion.py in training/decision_transformer/. */
    void move(const Problem &p, int block) {
        const int n = size.block, g = groups, samples = 2 * n + 1;
        for (int c = 0; c < CONTROLS; c++) {
            V *const asked = actions + c * n * g, *const nodes = node + c * (n + 1) * g;
            for (int i = 0; i < n * g; i++)
                asked[i] = clip(asked[i], V(CONTROL_LOWER[c]), V(CONTROL_UPPER[c]));
            put(weights.sums, asked, g, nodes);
            for (int i = 0; i < g; i++) {
                const V start = before(p, block, 3 + c, i);
                /* a start beyond the bounds may stay, or come back */
                const V low = minimum(V(STATE_LOWER[c]), start);
                const V high = maximum(V(STATE_UPPER[c]), start);
                for (int k = 0; k <= n; k++) {
                    const V free = start + nodes[k * g + i];
                    nodes[k * g + i] = clip(free, low, high);
                    excess[k * g + i] = nodes[k * g + i] - free;
                }
            }
            put(weights.samples, nodes, g, sample + c * samples * g);
            add(weights.rates, excess, g, asked);
        }
        for (int i = 0; i < samples * g; i++)
            rate[i] = sample[i] * tan(sample[samples * g + i]) * V(1.0 / WHEELBASE);
        put(weights.yaw_sums, rate, g, yaw);
        for (int k = 0; k < samples; k++)
            for (int i = 0; i < g; i++) {
                yaw[k * g + i] += before(p, block, 2, i);
                const auto heading = sin_cos(yaw[k * g + i]);
                velocity[k * g + i] = sample[k * g + i] * heading.cos;
                rate[k * g + i] = sample[k * g + i] * heading.sin;
            }
        V *const x = excess, *const y = excess + n * g;
        put(weights.place_sums, velocity, g, x);
        put(weights.place_sums, rate, g, y);
        for (int k = 0; k < n; k++)
            for (int i = 0; i < g; i++) {
                V *const to = states + (block * n + k) * STATES * g + i;
                to[0] = before(p, block, 0, i) + x[k * g + i];
                to[g] = before(p, block, 1, i) + y[k * g + i];
                to[2 * g] = yaw[(k + 1) * g + i];
                to[3 * g] = node[(k + 1) * g + i];
                to[4 * g] = node[(n + 1 + k + 1) * g + i];
                for (int c = 0; c < CONTROLS; c++)
                    controls[((block * n + k) * CONTROLS + c) * g + i] = actions[(c * n + k) * g + i];
            }
    }

    void hand_over(const Problem &p, const outputs_t &out) const {
        const int steps = size.block * size.blocks, stride = groups * WIDTH;
        for (int k = 0; k < size.candidates; k++) {
            float *x = out.states + k * (steps + 1) * STATES;
            float *u = out.controls + k * steps * CONTROLS;
            for (int f = 0; f < STATES; f++) *x++ = p.state[f];
            for (int i = 0; i < steps * STATES; i++) *x++ = numbers(states)[i * stride + k];
            for (int i = 0; i < steps * CONTROLS; i++) *u++ = numbers(controls)[i * stride + k];
            out.log_probability[k] = numbers(choice)[k];
        }
    }
};

}  // namespace learned
