/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Nodes against the nonlinear model.
 */

/* A defect in metres: its components are scaled by the ratio of the tolerances. */
static double scaled(const double *defect, const tolerances_t *tolerances) {
    double turned = fabs(defect[YAW]) / tolerances->yaw;
    double faster = fabs(defect[SPEED]) / tolerances->speed;
    double steered = fabs(defect[STEERING]) / tolerances->steering;
    double largest = larger(turned, larger(faster, steered));
    return larger(hypot(defect[PX], defect[PY]), tolerances->position * largest);
}

/* Defects of the nodes, each the sum of those from the start on: each by itself may be small where
 * the whole is a slip that no car can follow. What a node is off belongs to the step that it ends;
 * the first node's own distance from the initial state to step 0. */
static void dynamics(const problem_t *problem, const trajectory_t *trajectory,
                     const samples_t *ego, double *violation) {
    double sum[NX] = {0.0}, first[NX];
    for (int k = 0; k < ego->nodes - 1; k++) {
        const double *reached = ego->ends + NX * k, *next = trajectory->states + NX * (k + 1);
        for (int i = 0; i < NX; i++) sum[i] += next[i] - reached[i];
        violation[k] = scaled(sum, &problem->tolerances);
    }
    for (int i = 0; i < NX; i++) first[i] = fabs(trajectory->states[i] - problem->initial_state[i]);
    first[YAW] = fmod(first[YAW] + M_PI, 2 * M_PI) - M_PI;
    raise_to(&violation[0], scaled(first, &problem->tolerances));
}
