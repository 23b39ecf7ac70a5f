/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Which way the car goes along its road, and how fast.
 */

/* How far a moving car is turned beyond crosswise to its road from each node to the next. */
static void direction(const path_t *path, const foot_t *feet, const samples_t *ego,
                      double standing, double *violation) {
    for (int i = 0; i < ego->count; i++) {
        long s = feet[i].segment;
        double along = path->cos[s] * ego->cos[i] + path->sin[s] * ego->sin[i];
        if (along >= 0.0 || fabs(ego->speed[i]) <= standing) continue;
        raise_to(&violation[i / SUBSTEPS], -asin(larger(along, -1.0)));
    }
}

/* Largest speed beyond the road's limit. */
static double speeding(const path_t *path, const foot_t *feet, const samples_t *ego) {
    double most = 0.0;
    for (int i = 0; i < ego->count; i++)
        raise_to(&most, ego->speed[i] - profile_at(path, path->road->speed_limit, &feet[i]));
    return most;
}
