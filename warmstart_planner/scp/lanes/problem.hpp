/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Problems: as the C interface gives them, and as lanes read them. Every lane has a problem of its
 * own; what belongs to the car and the horizon is the same for all.
 */
#pragma once
#include "functions.hpp"
#include "layout.h" /* the structures of library.py */

namespace scp {

constexpr int NODES = STEPS + 1;
/* An obstacle that a lane has not: so far away that nothing comes near it. */
constexpr double ABSENT[OBSTACLE_SIZE] = {1e6, 1e6, 1.0};

/* A bound that is this large is none. */
constexpr double ANYWHERE = 1e6;

template <class V> struct Problems {
    V initial[STATES], road[ROAD_SIZE];
    V obstacle[NODES][OBSTACLES][OBSTACLE_SIZE], reach[OBSTACLES];
    V lower[NODES][CONTROLS], upper[NODES][CONTROLS]; /* of speed and steering */
    V window[NODES][WINDOW_SIZE]; /* where a node is wanted */
    bool is_wanted[NODES];        /* by any lane, or was */
    double control_lower[CONTROLS], control_upper[CONTROLS], car_reach, car_center, wheelbase;
    int obstacles;                                    /* the most that a lane has */
    const problem_t *given[V::WIDTH];

    /* Give a lane a problem, unless it has it. The first one after `clear` goes to all lanes. */
    void load(int lane, const problem_t &p) {
        if (given[lane] == &p) return;
        if (obstacles < 0) {
            obstacles = 0;
            for (auto &each : given) each = &p;
            put(p, [](V &to, double value) { to = V(value); });
        } else {
            given[lane] = &p;
            put(p, [lane](V &to, double value) { to.set(lane, value); });
        }
    }

    /* Forget what lanes have: the next call's problems may lie where this one's did. */
    void clear() {
        for (auto &each : given) each = nullptr;
        obstacles = -1;
        for (auto &each : is_wanted) each = false;
    }

    /* A lower bound of the separation from an obstacle: circles about both shapes. */
    V circle_gap(int k, int j, V x, V y) const {
        const V dx = x - obstacle[k][j][0], dy = y - obstacle[k][j][1];
        return sqrt(dx * dx + dy * dy) - V(car_reach) - reach[j];
    }

  private:
    template <class Put> void put(const problem_t &p, Put put) {
        for (int i = 0; i < STATES; i++) put(initial[i], p.initial_state[i]);
        for (int i = 0; i < ROAD_SIZE; i++) put(road[i], p.road[i]);
        for (int k = 0; k < NODES; k++)
            for (int i = 0; i < CONTROLS; i++) {
                put(lower[k][i], p.state_lower[k * STATES + PLACE + i]);
                put(upper[k][i], p.state_upper[k * STATES + PLACE + i]);
            }
        if (p.obstacle_count > obstacles) obstacles = p.obstacle_count;
        for (int j = 0; j < OBSTACLES; j++) put_obstacle(p, j, put);
        for (int k = 0; k < NODES; k++) put_window(p, k, put);
        for (int i = 0; i < CONTROLS; i++) {
            control_lower[i] = p.control_lower[i];
            control_upper[i] = p.control_upper[i];
        }
        car_reach = p.car_reach;
        car_center = p.car_center;
        wheelbase = p.wheelbase;
    }

    template <class Put> void put_window(const problem_t &p, int k, Put put) {
        const double *from = p.windows + k * WINDOW_SIZE;
        for (int i = 0; i < WINDOW_SIZE; i++) put(window[k][i], from[i]);
        for (int i = 0; i < WINDOW_SIZE; i++)
            is_wanted[k] = is_wanted[k] || (from[i] > -ANYWHERE && from[i] < ANYWHERE);
    }

    template <class Put> void put_obstacle(const problem_t &p, int j, Put put) {
        const bool there = j < p.obstacle_count;
        put(reach[j], there ? p.obstacle_reach[j] : 0.0);
        for (int k = 0; k < NODES; k++) {
            const double *from = there ? p.obstacles + (j * NODES + k) * OBSTACLE_SIZE : ABSENT;
            for (int i = 0; i < OBSTACLE_SIZE; i++) put(obstacle[k][j][i], from[i]);
        }
    }
};

}  // namespace scp
