/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The convex programme about current trajectories, node by node, and its linearisation.
 *
 * What the interior-point method needs of a node lies together: two passes over the nodes are one
 * of its iterations, and memory traffic is what they cost.
 */
#pragma once
#include "interior_point.hpp"

namespace scp {

constexpr int ROWS = ROAD_ROWS + OBSTACLES;
constexpr int PLACE_BOUNDED_EVERY = 4; /* nodes; between them place and heading cannot go far */
constexpr double TURN_SHARE = 0.3;     /* of the distance ahead that a turned row leaves */
constexpr double TURN_DEPTH = 1.0;     /* overlap across [m] beyond which a row is not turned */
constexpr double TURN_DISTANCE = 0.1;  /* closer than this [m] the plain linearisation is used */
constexpr double SOFT_MAXIMUM_GAP = 0.03; /* the soft maximum may be less than the largest [m] */

/* Where entry (i, j) of a symmetric matrix of states is in its packed upper triangle. */
constexpr int at(int i, int j) {
    return i <= j ? i * STATES - i * (i - 1) / 2 + (j - i) : at(j, i);
}

/* A row of road or obstacle, which depends on place and heading only. */
template <class V> struct PlaceRow {
    V c[PLACE], there; /* there: 1 where the lane has the row, else 0 */
    SoftRow<V> soft;
};

/* What all nodes have; z is the deviation from the current state. */
template <class V> struct Node {
    V h[H_SIZE], q[STATES];
    V z[STATES], z_next[STATES];
    Box<V> bound[STATES];
    PlaceRow<V> row[ROWS];
    int rows = 0;

    V value_of(const PlaceRow<V> &r, const V *dx) const {
        return r.soft.value + r.c[0] * dx[0] + r.c[1] * dx[1] + r.c[2] * dx[2];
    }
};

/* A node with controls; y is the deviation from the current ones. */
template <class V> struct Stage : Node<V> {
    V a[A_SIZE], b[B_SIZE], r[CONTROLS];
    V y[CONTROLS], y_next[CONTROLS];
    V gain[CONTROLS][STATES], feed[CONTROLS];
    Box<V> control_bound[CONTROLS];
    V friction[FRICTION_END - FRICTION_FIRST + 1]; /* by states, then by acceleration */
    SoftRow<V> grip;

    V grip_value(const V *dx, const V *du) const {
        V value = grip.value + friction[FRICTION_END - FRICTION_FIRST] * du[0];
        SCP_UNROLL
        for (int i = FRICTION_FIRST; i < FRICTION_END; i++)
            value += friction[i - FRICTION_FIRST] * dx[i];
        return value;
    }
};

/* The last node. */
template <class V> struct End : Node<V> {
    V stopping[STOPPING_END - STOPPING_FIRST];
    SoftRow<V> stop;

    V stop_value(const V *dx) const {
        V value = stop.value;
        SCP_UNROLL
        for (int i = STOPPING_FIRST; i < STOPPING_END; i++)
            value += stopping[i - STOPPING_FIRST] * dx[i];
        return value;
    }
};

template <class V> struct Programme {
    Stage<V> stage[STEPS];
    End<V> end;
    V obstacle_rows; /* how many each lane has */

    Node<V> &node(int k) { return k < STEPS ? static_cast<Node<V> &>(stage[k]) : end; }
};

/* First of a node's states that are bounded; node 0 has none: its state is given. */
constexpr int first_bounded(int k) {
    return k == 0 ? STATES : k % PLACE_BOUNDED_EVERY == 0 ? 0 : PLACE;
}

/* -------------------------------------------------------------------------- linearisation */

template <class V> void set_road_rows(Node<V> &n, const V *values, const V *place) {
    for (int row = 0; row < ROAD_ROWS; row++) {
        n.row[row].soft.value = values[row];
        n.row[row].there = V(1.0);
        for (int i = 0; i < PLACE; i++) n.row[row].c[i] = place[row * PLACE + i];
    }
    n.rows = ROAD_ROWS;
}

template <class V> void linearise_stage(const V *x, const V *u, const V *road, Stage<V> &n) {
    V values[STAGE_ROWS], place[ROAD_ROWS * PLACE];
    stage_model(x, u, road, n.a, n.b, n.h, n.q, n.r, values, place, n.friction);
    set_road_rows(n, values, place);
    n.grip.value = values[ROAD_ROWS];
}

template <class V> void linearise_end(const V *x, const V *road, End<V> &n) {
    V values[STAGE_ROWS], place[ROAD_ROWS * PLACE];
    terminal_model(x, road, n.h, n.q, values, place, n.stopping);
    set_road_rows(n, values, place);
    n.stop.value = values[ROAD_ROWS];
}

/* The cost of a node that is wanted somewhere, with some speed. */
template <class V>
void add_arrival(const V *x, const V *road, const V *window, Node<V> &n) {
    V h[ARRIVING * (ARRIVING + 1) / 2], q[ARRIVING];
    arrival_model(x, road, window, h, q);
    int from = 0;
    for (int i = 0; i < ARRIVING; i++) {
        for (int j = i; j < ARRIVING; j++) n.h[at(i, j)] += h[from++];
        n.q[i] += q[i];
    }
}

template <class V> struct HalfPlane { V value, c[PLACE], separation; };

/* A half-plane that keeps car and obstacle apart: value and gradient of a row >= 0.
 *
 * Where they overlap or touch it is the linearised separation. Where they do not, any non-negative
 * combination of the separations along the boxes' axes is an inner approximation of being apart,
 * and the largest one is not the best: a node ahead of an obstacle would be held behind its face
 * although the path already bends past its side. So the row is turned from the axis along the car
 * towards the one across it as far as a share of the distance ahead remains; near contact
 * nothing is turned, and fixed points are those of the plain linearisation. */
template <class V> HalfPlane<V> separating_row(const V *x, const V *obstacle) {
    V value, gradient[PLACE], axis[4], slope[4 * PLACE], alignment;
    obstacle_model(x, obstacle, &value, gradient, axis, slope, &alignment);
    const V one(1.0), zero(0.0);
    const auto same = alignment > V(0.7), touching = value < V(TURN_DISTANCE);
    const V other_along = select(same, axis[2], axis[3]);
    const V other_across = select(same, axis[3], axis[2]);
    const auto own_along = axis[0] > other_along, own_across = axis[1] > other_across;
    const V ahead = select(own_along, axis[0], other_along);
    const V aside = select(own_across, axis[1], other_across);
    const V beside = clip(one + aside * V(1.0 / TURN_DEPTH), zero, one);
    const V part = beside * V(1.0 - TURN_SHARE) * ahead / (ahead - aside);
    const auto turned = (ahead > zero) & (aside < V(TURN_SHARE) * ahead);
    const V turn = select(turned, part, one);
    HalfPlane<V> row;
    row.separation = value;
    for (int i = 0; i < PLACE; i++) {
        const V *s = slope + i; /* of one state, by axis */
        const V along = select(own_along, s[0], select(same, s[2 * PLACE], s[3 * PLACE]));
        const V across = select(own_across, s[PLACE], select(same, s[3 * PLACE], s[2 * PLACE]));
        row.c[i] = select(touching, gradient[i], (one - turn) * along + turn * across);
    }
    row.value = select(touching, value,
                       (one - turn) * ahead + turn * aside - V(SOFT_MAXIMUM_GAP));
    return row;
}

/* Rows for the obstacles that a step within the trust region could touch in some lane; in the
 * other lanes such a row is zero, far from active, and counts for nothing. */
template <class V>
void add_obstacle_rows(const Problems<V> &p, const V *x, int k, V reach,
                       typename V::Truth at_work, Node<V> &n, V &count) {
    const auto yaw = sin_cos(x[2]);
    const V cx = x[0] + V(p.car_center) * yaw.cos, cy = x[1] + V(p.car_center) * yaw.sin;
    for (int j = 0; j < p.obstacles; j++) {
        const auto about = at_work & (p.circle_gap(k, j, cx, cy) <= reach);
        if (!about.any()) continue;
        const HalfPlane<V> plane = separating_row(x, p.obstacle[k][j]);
        const auto near = about & (plane.separation <= reach);
        if (!near.any()) continue;
        PlaceRow<V> &row = n.row[n.rows++];
        row.there = as_number(near);
        count += row.there;
        row.soft.value = select(near, plane.value, V(1.0));
        for (int i = 0; i < PLACE; i++) row.c[i] = select(near, plane.c[i], V(0.0));
    }
}

/* Dynamics, cost and rows about trajectories. The first node's road
 * rows are left out, as in the merit. `reach` is how far a step may go [m]. */
template <class V>
void linearise(const Problems<V> &p, const Trajectories<V> &t, V reach,
               typename V::Truth at_work, Programme<V> &qp) {
    qp.obstacle_rows = V(0.0);
    for (int k = 0; k < STEPS; k++) linearise_stage(t.x[k], t.u[k], p.road, qp.stage[k]);
    linearise_end(t.x[STEPS], p.road, qp.end);
    qp.stage[0].rows = 0;
    for (int k = 1; k < NODES; k++)
        if (p.is_wanted[k]) add_arrival(t.x[k], p.road, p.window[k], qp.node(k));
    for (int k = 1; k < NODES; k++)
        add_obstacle_rows(p, t.x[k], k, reach, at_work, qp.node(k), qp.obstacle_rows);
}

}  // namespace scp
