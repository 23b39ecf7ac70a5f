/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whether the car can still stop in time after the last state.
 */

/* Where the front comes to a stand, braked from a sample on. */
static double stop_after(const problem_t *problem, const path_t *path, const foot_t *feet,
                         const samples_t *ego, int sample) {
    const vehicle_t *car = &problem->vehicle;
    double x = ego->x[sample] + ego->cos[sample] * car->length / 2;
    double y = ego->y[sample] + ego->sin[sample] * car->length / 2;
    const foot_t *centre = &feet[sample];
    double front = project(path, x, y, centre->station + car->length / 2, centre->segment).station;
    double braking = smaller(grip_of(problem) * STOPPING_SHARE, car->deceleration_max);
    return front + square(ego->speed[sample]) / (2 * braking);
}

/* Distance by which a stop after the last state comes too late, at the last node. */
static void terminal(const problem_t *problem, const path_t *path, const foot_t *feet,
                     const samples_t *ego, double *violation) {
    double start = stop_after(problem, path, feet, ego, 0);
    double end = stop_after(problem, path, feet, ego, ego->count - 1);
    double limit = smaller(path->end, problem->stop_station);
    raise_to(&violation[ego->nodes - 1], end - larger(limit, start));
}
