/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A window into one QP of the lanes: linearisation and solution by lane, as dense numbers.
 */
#include "qp.hpp"

using namespace scp;

constexpr int ALL_ROWS = ROWS + 1;             /* the last one: friction, or stopping at the end */
constexpr int ROW_SIZE = 2 + STATES + CONTROLS; /* value, there, gradient */

extern "C" struct node_t {
    double A[STATES * STATES], B[STATES * CONTROLS], Q[STATES * STATES], q[STATES];
    double R[CONTROLS], r[CONTROLS], row[ALL_ROWS * ROW_SIZE];
    double z[STATES], y[CONTROLS];
};

/* Of one lane. */
extern "C" struct answer_t {
    double model, size, multiplier, iterations, complementarity, gap;
};

/* As the engine asks; `scale` of states, then of controls. */
extern "C" struct question_t {
    double radius, penalty, penalty_square, complementarity, gap, limit;
    double scale[STATES + CONTROLS];
};

template <class V> struct Window {
    Problems<V> problems;
    Trajectories<V> given;
    Qp<V> qp;

    static void show_row(const V &value, const V &there, int lane, double *out) {
        out[0] = value[lane];
        out[1] = there[lane];
    }

    static void show_common(const Node<V> &n, int lane, node_t &out) {
        for (int i = 0; i < STATES; i++) {
            out.q[i] = n.q[i][lane];
            out.z[i] = n.z[i][lane];
            for (int j = 0; j < STATES; j++) out.Q[i * STATES + j] = n.h[at(i, j)][lane];
        }
        for (int row = 0; row < n.rows; row++) {
            double *r = out.row + row * ROW_SIZE;
            show_row(n.row[row].soft.value, n.row[row].there, lane, r);
            for (int i = 0; i < PLACE; i++) r[2 + i] = n.row[row].c[i][lane];
        }
    }

    static void show_stage(const Stage<V> &n, int lane, node_t &out) {
        for (int i = 0; i < STATES; i++) {
            V unit[STATES], A[STATES], B[CONTROLS];
            for (int j = 0; j < STATES; j++) unit[j] = V(i == j);
            times_a(n.a, unit, A);
            times_b(n.b, unit, B);
            for (int j = 0; j < STATES; j++) out.A[i * STATES + j] = A[j][lane];
            for (int j = 0; j < CONTROLS; j++) out.B[i * CONTROLS + j] = B[j][lane];
        }
        double *r = out.row + ROWS * ROW_SIZE;
        show_row(n.grip.value, V(1.0), lane, r);
        for (int i = FRICTION_FIRST; i < FRICTION_END; i++)
            r[2 + i] = n.friction[i - FRICTION_FIRST][lane];
        r[2 + STATES] = n.friction[FRICTION_END - FRICTION_FIRST][lane];
        for (int i = 0; i < CONTROLS; i++) {
            out.R[i] = CONTROL_COST[i];
            out.r[i] = n.r[i][lane];
            out.y[i] = n.y[i][lane];
        }
    }

    static void show_end(const End<V> &n, int lane, node_t &out) {
        double *r = out.row + ROWS * ROW_SIZE;
        show_row(n.stop.value, V(1.0), lane, r);
        for (int i = STOPPING_FIRST; i < STOPPING_END; i++)
            r[2 + i] = n.stopping[i - STOPPING_FIRST][lane];
    }

    void solve(const problem_t *const *problem, const question_t &ask, int count,
               const double *states, const double *controls, node_t *nodes, answer_t *answers) {
        problems.clear();
        for (int lane = 0; lane < V::WIDTH; lane++) {
            const int which = lane < count ? lane : 0;
            problems.load(lane, *problem[which]);
            given.load(lane, states + which * NODES * STATES,
                       controls + which * STEPS * CONTROLS);
        }
        Scales scales;
        std::memcpy(&scales, ask.scale, sizeof scales);
        const auto all = V(1.0) > V(0.0);
        linearise(problems, given, V(2.0 * ask.scale[0] * ask.radius), all, qp.nodes);
        const Step<V> step =
            qp.solve(problems, given, scales, V(ask.radius),
                     penalty_of(V(ask.penalty), ask.penalty_square), all, V(ask.limit),
                     {ask.complementarity, ask.gap});
        for (int lane = 0; lane < count; lane++) {
            answers[lane] = {step.model[lane],      step.size[lane],
                             step.multiplier[lane], step.iterations[lane],
                             step.complementarity[lane], step.gap[lane]};
            for (int k = 0; k < NODES; k++) {
                node_t &out = nodes[lane * NODES + k];
                out = node_t{};
                show_common(qp.nodes.node(k), lane, out);
                if (k < STEPS) show_stage(qp.nodes.stage[k], lane, out);
                else show_end(qp.nodes.end, lane, out);
            }
        }
    }
};

static Window<Wide> wide;
static Window<Single> single;

/* `kind`: 0 lanes of float, 1 one lane of double. */
extern "C" void solve_qp(int kind, const problem_t *const *problem, const question_t *ask,
                         int count, const double *states, const double *controls, node_t *nodes,
                         answer_t *answers) {
    if (kind == 0) wide.solve(problem, *ask, count, states, controls, nodes, answers);
    else single.solve(problem, *ask, count, states, controls, nodes, answers);
}

extern "C" int width(int kind) {
    return kind == 0 ? Wide::WIDTH : Single::WIDTH;
}
