/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What cars see, and how they drive on: loops about the functions of functions.c, which CasADi
 * generates from the Python definitions. sizes.h holds the sizes that those have.
 */
#include <math.h>
#include <stddef.h>

#include "functions.c"
#include "sizes.h"

#define NX 5
#define NU 2
#define ARGUMENTS 10 /* more than any of the functions has */
#define RESULTS 10
#define MEETING 4

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

/* CasADi's functions of up to three arguments and two results. */
static void call(int (*function)(const double **, double **, int *, double *, int),
                 const double *first, const double *second, const double *third, double *result,
                 double *more) {
    const double *arg[ARGUMENTS] = {first, second, third};
    double *res[RESULTS] = {result, more};
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

/* What is met first along each line by a car at a place. */
static void scan(const double *place, const double *on_road, int count, float *out) {
    double gap[LINES], speed[LINES], met[MEETING];
    for (int i = 0; i < LINES; i++) gap[i] = -1.0; /* nothing is in the way */
    for (int m = 0; m < count; m++, on_road += ON_ROAD_SIZE) {
        call(meeting, place, on_road, 0, met, 0);
        double here = limited(met[0], GAP_MIN, HUGE_VAL), past = met[1];
        if (past < 0.0) continue;
        for (int i = 0; i < LINES; i++) {
            double line = LEFTMOST - i * LINE_SPACING;
            if (line <= met[2] || line >= met[3]) continue;
            if (gap[i] > 0.0 && gap[i] <= here) continue;
            gap[i] = here;
            speed[i] = on_road[ON_ROAD_SPEED];
        }
    }
    for (int i = 0; i < LINES; i++, out += SCAN_VIEW) {
        int met_one = gap[i] > 0.0;
        out[0] = met_one ? (float)(1.0 / gap[i]) : 0.0f;
        out[1] = met_one ? (float)(place[PLACE_SPEED] / gap[i]) : 0.0f;
        out[2] = met_one ? (float)((place[PLACE_SPEED] - speed[i]) / gap[i]) : 0.0f;
    }
}

#include "plain_rule.c"

/* Obstacles in road coordinates at node k. */
static void find_obstacles(const walk_t *w, int k, double *on_road) {
    for (int m = 0; m < w->obstacle_count; m++) {
        size_t row = (size_t)m * w->obstacle_nodes + k;
        call(obstacle_on_road, w->obstacles + row * OBSTACLE_SIZE, w->road, 0,
             on_road + m * ON_ROAD_SIZE, 0);
    }
}

/* Commands of a rule for all cars at node 0: cars x NU. */
void observation_rule(const walk_t *w, const rule_t *s, const double *wanted, double *commands) {
    double on_road[w->obstacle_count * ON_ROAD_SIZE + 1];
    double view[ROAD_VIEW], place[PLACE_SIZE], axle[AXLE_SIZE];
    find_obstacles(w, 0, on_road);
    for (int car = 0; car < w->cars; car++) {
        const double *x = w->states + (size_t)car * w->nodes * NX;
        call(road_view, x, w->road, 0, view, place);
        call(axle_view, x, w->road, 0, axle, 0);
        follow_rule(s, x, place, axle, wanted[car], on_road, w->obstacle_count,
                    commands + car * NU);
    }
}

/* Observations of the nodes from `first` to before `end`: cars x (end - first) x the size. */
void observation_observe(const walk_t *w, int first, int end, float *out) {
    double on_road[w->obstacle_count * ON_ROAD_SIZE + 1];
    double view[ROAD_VIEW], place[PLACE_SIZE], axle[AXLE_SIZE], command[NU];
    for (int k = first; k < end; k++) {
        find_obstacles(w, k, on_road);
        for (int car = 0; car < w->cars; car++) {
            const double *x = w->states + ((size_t)car * w->nodes + k) * NX;
            size_t row = (size_t)car * (end - first) + k - first;
            float *seen = out + row * (ROAD_VIEW + LINES * SCAN_VIEW + NU);
            call(road_view, x, w->road, 0, view, place);
            call(axle_view, x, w->road, 0, axle, 0);
            write_floats(view, ROAD_VIEW, seen);
            scan(place, on_road, w->obstacle_count, seen + ROAD_VIEW);
            follow_rule(&plain_rule, x, place, axle, 0.0, on_road, w->obstacle_count, command);
            write_floats(command, NU, seen + ROAD_VIEW + LINES * SCAN_VIEW);
        }
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
            call(motion, x, u, &w->dt, x + NX, 0);
        }
}

/* Drive all cars one step on from a node by actions, cars x NU; write what they see there. */
void observation_drive(const walk_t *w, int node, const double *actions, float *out) {
    for (int car = 0; car < w->cars; car++)
        for (int i = 0; i < NU; i++)
            w->controls[((size_t)car * (w->nodes - 1) + node) * NU + i] = actions[car * NU + i];
    observation_advance(w, node, node + 1);
    observation_observe(w, node + 1, node + 2, out);
}
