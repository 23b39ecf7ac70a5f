/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The Riccati recursion: from the cost-to-go of the next node to that of a node and its feedback.
 *
 * min over y of  y'R y/2 + y'S z + z'H z/2 + r'y + g'z + V(A z + B y),  V(z) = z'P z/2 + p'z is
 * attained by y = K z + k and is again of that form (Rawlings, Mayne and Diehl, Model Predictive
 * Control, 2nd edition 2017, chapter 8). Products with A and B are generated: they know which
 * entries vanish or are one. Trajectories that were driven have no defects, so the dynamics have
 * no constant.
 */
#pragma once
#include "programme.hpp"

namespace scp {

/* A quadratic function of the state: packed symmetric matrix and gradient. */
template <class V> struct CostToGo {
    V P[H_SIZE], p[STATES];
};

/* A node's quadratic terms, barrier and eliminated rows included. R is diagonal, and only friction
 * couples a control with states: S is a row of the acceleration. */
template <class V> struct Terms {
    V H[H_SIZE], g[STATES];
    V S[FRICTION_END - FRICTION_FIRST], R[CONTROLS], r[CONTROLS];
};

/* Add weight c c' and -force c for a gradient c by the states FIRST to LAST - 1. */
template <int FIRST, int LAST, class V>
void add_row(const V *c, const typename SoftRow<V>::Term &term, V *H, V *g) {
    SCP_UNROLL
    for (int i = FIRST; i < LAST; i++) {
        const V weighted = term.weight * c[i - FIRST];
        g[i] -= term.force * c[i - FIRST];
        SCP_UNROLL
        for (int j = i; j < LAST; j++) H[at(i, j)] += weighted * c[j - FIRST];
    }
}

/* One step back. `next` becomes the cost-to-go of this node. */
template <class V> void riccati(const Terms<V> &n, Stage<V> &stage, CostToGo<V> &next) {
    V PA[STATES][STATES], PB[CONTROLS][STATES]; /* P A by rows, P B by columns */
    SCP_UNROLL
    for (int i = 0; i < STATES; i++) {
        V row[STATES], column[CONTROLS];
        SCP_UNROLL
        for (int j = 0; j < STATES; j++) row[j] = next.P[at(i, j)];
        times_a(stage.a, row, PA[i]);
        times_b(stage.b, row, column);
        SCP_UNROLL
        for (int j = 0; j < CONTROLS; j++) PB[j][i] = column[j];
    }
    /* L = S + B'PA, G = R + B'PB, r = r + B'p */
    V L[CONTROLS][STATES], G0[CONTROLS], G1[CONTROLS], r[CONTROLS];
    SCP_UNROLL
    for (int j = 0; j < CONTROLS; j++) times_a(stage.a, PB[j], L[j]);
    SCP_UNROLL
    for (int i = FRICTION_FIRST; i < FRICTION_END; i++) L[0][i] += n.S[i - FRICTION_FIRST];
    times_b(stage.b, PB[0], G0);
    times_b(stage.b, PB[1], G1);
    times_b(stage.b, next.p, r);
    const V g00 = n.R[0] + G0[0], g01 = G0[1], g11 = n.R[1] + G1[1];
    r[0] += n.r[0];
    r[1] += n.r[1];
    const V per_det = one_over(g00 * g11 - g01 * g01);
    const V i00 = g11 * per_det, i01 = -(g01 * per_det), i11 = g00 * per_det;
    auto &K = stage.gain;
    SCP_UNROLL
    for (int i = 0; i < STATES; i++) {
        K[0][i] = -(i00 * L[0][i] + i01 * L[1][i]);
        K[1][i] = -(i01 * L[0][i] + i11 * L[1][i]);
    }
    stage.feed[0] = -(i00 * r[0] + i01 * r[1]);
    stage.feed[1] = -(i01 * r[0] + i11 * r[1]);
    V Ap[STATES];
    times_a(stage.a, next.p, Ap);
    SCP_UNROLL
    for (int j = 0; j < STATES; j++) {
        V column[STATES], APA[STATES];
        SCP_UNROLL
        for (int i = 0; i < STATES; i++) column[i] = PA[i][j];
        times_a(stage.a, column, APA);
        SCP_UNROLL
        for (int i = 0; i <= j; i++)
            next.P[at(i, j)] = n.H[at(i, j)] + APA[i] + L[0][i] * K[0][j] + L[1][i] * K[1][j];
    }
    SCP_UNROLL
    for (int i = 0; i < STATES; i++)
        next.p[i] = n.g[i] + Ap[i] + K[0][i] * r[0] + K[1][i] * r[1];
}

}  // namespace scp
