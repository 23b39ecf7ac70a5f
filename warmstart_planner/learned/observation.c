/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What cars see, and how they drive on: loops about the functions of functions.c, which CasADi
 * generates from the Python definitions. sizes.h holds the sizes that those have.
 */
#include <stddef.h>

#include "functions.c"
#include "sizes.h"

#define NX 5
#define NU 2
#define ARGUMENTS 10 /* more than any of the functions has */

/* Mirrored by observation_library.py. */
typedef struct {
    int cars, nodes, obstacle_count, obstacle_nodes;
    double dt;
    /* of the controls, and of speed and steering, which they move */
    double control_lower[NU], control_upper[NU], moved_lower[NU], moved_upper[NU];
    const double *road;
    const double *obstacles; /* obstacle_count x obstacle_nodes x OBSTACLE_SIZE */
    double *states;          /* cars x nodes x NX */
    double *controls;        /* cars x (nodes - 1) x NU */
} walk_t;

static void call(int (*function)(const double **, double **, int *, double *, int),
                 const double *first, const double *second, const double *third, double *result) {
    const double *arg[ARGUMENTS] = {first, second, third};
    double *res[ARGUMENTS] = {result};
    double work[WORK_SIZE];
    int iwork[WORK_SIZE];
    function(arg, res, iwork, work, 0);
}

/* Comparisons instead of fmin and fmax: what is not a number stays visible. */
static double limited(double value, double lower, double upper) {
    if (value < lower) value = lower;
    return value > upper ? upper : value;
}

static void write_floats(const double *values, int count, float *out) {
    for (int i = 0; i < count; i++) out[i] = (float)values[i];
}

/* Indices of the nearest obstacles at node k, nearest first; returns how many there are. */
static int nearest_obstacles(const walk_t *w, const double *pose, int k, int *nearest) {
    double square[NEAREST];
    int found = 0;
    for (int m = 0; m < w->obstacle_count; m++) {
        const double *o = w->obstacles + ((size_t)m * w->obstacle_nodes + k) * OBSTACLE_SIZE;
        double dx = o[0] - pose[0], dy = o[1] - pose[1], here = dx * dx + dy * dy;
        int at = found < NEAREST ? found++ : NEAREST;
        for (; at > 0 && here < square[at - 1]; at--) {
            if (at == NEAREST) continue; /* the farthest falls out */
            square[at] = square[at - 1];
            nearest[at] = nearest[at - 1];
        }
        if (at < NEAREST) {
            square[at] = here;
            nearest[at] = m;
        }
    }
    return found;
}

/* What one car sees at node k. */
static void see(const walk_t *w, const double *state, int k, float *out) {
    double pose[POSE_SIZE], road[ROAD_VIEW], view[OBSTACLE_VIEW];
    int nearest[NEAREST];
    call(road_view, state, w->road, 0, road);
    write_floats(road, ROAD_VIEW, out);
    call(car_pose, state, 0, 0, pose);
    int found = nearest_obstacles(w, pose, k, nearest);
    for (int i = 0; i < NEAREST; i++) {
        float *place = out + ROAD_VIEW + i * OBSTACLE_VIEW;
        if (i < found) {
            size_t row = (size_t)nearest[i] * w->obstacle_nodes + k;
            call(obstacle_view, pose, w->obstacles + row * OBSTACLE_SIZE, 0, view);
            write_floats(view, OBSTACLE_VIEW, place);
        } else {
            for (int j = 0; j < OBSTACLE_VIEW; j++) place[j] = 0.0f;
        }
    }
}

/* Observations of the nodes from `first` to before `end`: cars x (end - first) x the size. */
void observation_observe(const walk_t *w, int first, int end, float *out) {
    for (int car = 0; car < w->cars; car++)
        for (int k = first; k < end; k++) {
            see(w, w->states + ((size_t)car * w->nodes + k) * NX, k, out);
            out += ROAD_VIEW + NEAREST * OBSTACLE_VIEW;
        }
}

/* Drive all cars from node `first` to node `end`; the controls become those that were applied. */
void observation_advance(const walk_t *w, int first, int end) {
    static const int moves[NU] = {3, 4};
    for (int car = 0; car < w->cars; car++)
        for (int k = first; k < end; k++) {
            double *x = w->states + ((size_t)car * w->nodes + k) * NX;
            double *u = w->controls + ((size_t)car * (w->nodes - 1) + k) * NU;
            for (int i = 0; i < NU; i++) {
                double least = (w->moved_lower[i] - x[moves[i]]) / w->dt;
                double most = (w->moved_upper[i] - x[moves[i]]) / w->dt;
                if (least > w->control_upper[i]) least = w->control_upper[i];
                if (most < w->control_lower[i]) most = w->control_lower[i];
                u[i] = limited(u[i], w->control_lower[i], w->control_upper[i]);
                u[i] = limited(u[i], least, most);
            }
            call(motion, x, u, &w->dt, x + NX);
        }
}
