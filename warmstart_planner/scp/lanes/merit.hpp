/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Exact-penalty merit of trajectories that were driven: cost and weighted violations of all rows.
 */
#pragma once
#include "trajectory.hpp"

namespace scp {

/* What a violation of one costs: linear and half of the quadratic penalty, for a step's time. */
template <class V> struct Penalty {
    V linear, quadratic;
    V of(V violation) const { return violation * (linear + V(0.5) * quadratic * violation); }
};

template <class V> Penalty<V> penalty_of(V linear, double square) {
    return {linear * V(TIME_STEP), V(square * TIME_STEP)};
}

template <class V> struct Merit {
    V merit, cost, violation;

    void add(V row, const Penalty<V> &penalty) {
        const V over = maximum(-row, V(0.0));
        merit += penalty.of(over);
        violation = maximum(over, violation);
    }
};

/* Obstacles that the circles about the shapes do not keep apart already. */
template <class V>
void add_obstacles(const Problems<V> &p, const V *x, int k, const Penalty<V> &penalty,
                   Merit<V> &sum) {
    const auto yaw = sin_cos(x[2]);
    const V cx = x[0] + V(p.car_center) * yaw.cos, cy = x[1] + V(p.car_center) * yaw.sin;
    for (int j = 0; j < p.obstacles; j++) {
        const auto near = p.circle_gap(k, j, cx, cy) <= V(0.0);
        if (!near.any()) continue;
        V value;
        obstacle_value(x, p.obstacle[k][j], &value);
        sum.add(select(near, value, V(0.0)), penalty);
    }
}

/* The first node's road rows cannot be changed by any control and are left out. */
template <class V>
Merit<V> score(const Problems<V> &p, const Trajectories<V> &t, const Penalty<V> &penalty) {
    Merit<V> sum{V(0.0), V(0.0), V(0.0)};
    for (int k = 0; k < NODES; k++) {
        V cost, rows[STAGE_ROWS];
        if (k < STEPS) stage_value(t.x[k], t.u[k], p.road, &cost, rows);
        else terminal_value(t.x[k], p.road, &cost, rows);
        sum.cost += cost;
        if (k > 0 && p.is_wanted[k]) {
            arrival_value(t.x[k], p.road, p.window[k], &cost);
            sum.cost += cost;
        }
        for (int i = k > 0 ? 0 : ROAD_ROWS; i < STAGE_ROWS; i++) sum.add(rows[i], penalty);
        if (k > 0) add_obstacles(p, t.x[k], k, penalty, sum);
    }
    sum.merit += sum.cost;
    return sum;
}

/* Scaled gaps between what the model makes of a node and the next one: sum and largest. */
template <class V> struct Defects { V sum, largest; };

template <class V>
Defects<V> defects(const Trajectories<V> &t, const double (&scale)[STATES]) {
    Defects<V> found{V(0.0), V(0.0)};
    for (int k = 0; k < STEPS; k++) {
        V next[STATES], norm(0.0);
        dynamics(t.x[k], t.u[k], next);
        for (int i = 0; i < STATES; i++)
            norm += absolute(next[i] - t.x[k + 1][i]) * V(1.0 / scale[i]);
        found.sum += norm;
        found.largest = maximum(found.largest, norm);
    }
    return found;
}

}  // namespace scp
