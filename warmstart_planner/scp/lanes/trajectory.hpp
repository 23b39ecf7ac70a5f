/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Trajectories by lane, and how a guess is driven.
 */
#pragma once
#include "problem.hpp"

namespace scp {

template <class V> struct Trajectories {
    V x[NODES][STATES], u[STEPS][CONTROLS];

    void load(int lane, const double *states, const double *controls) {
        for (int k = 0; k < NODES; k++)
            for (int i = 0; i < STATES; i++) x[k][i].set(lane, states[k * STATES + i]);
        for (int k = 0; k < STEPS; k++)
            for (int i = 0; i < CONTROLS; i++) u[k][i].set(lane, controls[k * CONTROLS + i]);
    }

    void store(int lane, double *states, double *controls) const {
        for (int k = 0; k < NODES; k++)
            for (int i = 0; i < STATES; i++) states[k * STATES + i] = x[k][i][lane];
        for (int k = 0; k < STEPS; k++)
            for (int i = 0; i < CONTROLS; i++) controls[k * CONTROLS + i] = u[k][i][lane];
    }

    /* Take over the other's where the mask says so. */
    void take(typename V::Truth which, const Trajectories &other) {
        for (int k = 0; k < NODES; k++)
            for (int i = 0; i < STATES; i++) x[k][i] = select(which, other.x[k][i], x[k][i]);
        for (int k = 0; k < STEPS; k++)
            for (int i = 0; i < CONTROLS; i++) u[k][i] = select(which, other.u[k][i], u[k][i]);
    }
};

/* Acceleration that brings the car back to where a guess is at that time. */
template <class V> V speed_feedback(const V *here, const V *guess) {
    const auto yaw = sin_cos(guess[2]);
    const V ahead = yaw.cos * (guess[0] - here[0]) + yaw.sin * (guess[1] - here[1]);
    return V(0.5) * ahead + V(1.5) * (guess[3] - here[3]);
}

/* Steering rate that brings the car back to a guess's path: critically damped in the distance
 * driven, with a length that grows with speed; nothing where the car is on the guess. */
template <class V> V steering_feedback(double wheelbase, const V *here, const V *guess) {
    const auto yaw = sin_cos(guess[2]);
    const V lateral = yaw.cos * (here[1] - guess[1]) - yaw.sin * (here[0] - guess[0]);
    const V per_length = V(1.0) / maximum(V(3.0), V(0.5) * here[3]);
    const V bend = -(lateral * per_length * per_length) -
                   V(2.0) * sin(here[2] - guess[2]) * per_length;
    const V wanted = atan(tan(guess[4]) + V(wheelbase) * bend);
    return (wanted - here[4]) * V(1.0 / 0.25);
}

/* Turn guesses into what the car can do: drive the model with the guess's controls and feedback
 * towards its states, within all bounds. A consistent guess comes back unchanged. */
template <class V> void roll_out(const Problems<V> &p, Trajectories<V> &t) {
    V here[STATES], next[STATES];
    for (int i = 0; i < STATES; i++) here[i] = p.initial[i];
    for (int k = 0; k < STEPS; k++) {
        V *u = t.u[k];
        u[0] += speed_feedback(here, t.x[k]);
        u[1] += steering_feedback(p.wheelbase, here, t.x[k]);
        for (int i = 0; i < CONTROLS; i++) {
            const V moved = here[PLACE + i], per_step(1.0 / TIME_STEP);
            u[i] = clip(u[i], (p.lower[k + 1][i] - moved) * per_step,
                        (p.upper[k + 1][i] - moved) * per_step);
            u[i] = clip(u[i], V(p.control_lower[i]), V(p.control_upper[i]));
        }
        dynamics(here, u, next);
        for (int i = 0; i < STATES; i++) {
            t.x[k][i] = here[i];
            here[i] = next[i];
        }
    }
    for (int i = 0; i < STATES; i++) t.x[STEPS][i] = here[i];
}

}  // namespace scp
