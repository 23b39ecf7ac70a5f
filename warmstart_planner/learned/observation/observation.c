/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What cars see, and how they drive on: loops about the functions of functions.c, which CasADi
 * generates from the Python definitions. sizes.h holds the sizes that those have.
 */
#include <math.h>
#include <stddef.h>

#define CASADI_SYMBOL_EXPORT static /* what a library exports cannot be inlined */
#include "functions.c"
#include "layout.h" /* roll_out_t: library.py */
#include "sizes.h"

#define NX 5
#define NU 2
#define ARGUMENTS 10 /* more than any of the functions has */
#define RESULTS 10
#define MEETING 4
#define BATCH 4 /* points whose place on the road is found side by side */
#define GROUP 4 /* cars that look at the road together: whole batches of points */
_Static_assert(GROUP * POINTS % BATCH == 0, "a group's points have to be whole batches");
#define OBSERVATION_SIZE (ROAD_VIEW + LINES * SCAN_VIEW + NU)

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

/* Road coordinates of points, THERE_SIZE each; `count` is a multiple of BATCH. Flattened, the inner
 * loop becomes one of vector instructions. */
__attribute__((flatten, noinline)) static void locate(const double *restrict px,
                                                      const double *restrict py,
                                                      const double *restrict road, int count,
                                                      double *restrict there) {
    for (int first = 0; first < count; first += BATCH) {
        double fields[THERE_SIZE][BATCH];
        for (int i = 0; i < BATCH; i++) {
            double one[THERE_SIZE];
            const double *arg[] = {px + first + i, py + first + i, road};
            double *res[] = {one};
            on_the_road(arg, res, 0, 0, 0);
            for (int f = 0; f < THERE_SIZE; f++) fields[f][i] = one[f];
        }
        for (int i = 0; i < BATCH; i++, there += THERE_SIZE)
            for (int f = 0; f < THERE_SIZE; f++) there[f] = fields[f][i];
    }
}

static int whole_batches(int count) {
    return (count + BATCH - 1) / BATCH * BATCH;
}

/* Obstacles along the road and across it at node k. */
static void find_obstacles(const roll_out_t *r, int k, double *on_road) {
    int count = whole_batches(r->obstacle_count);
    double px[count + 1], py[count + 1], there[count * THERE_SIZE + 1];
    const double *obstacle = r->obstacles + (size_t)k * OBSTACLE_SIZE;
    size_t next = (size_t)r->obstacle_nodes * OBSTACLE_SIZE;
    for (int m = 0; m < count; m++) { /* the last one again, up to a whole batch */
        const double *one = obstacle + next * (m < r->obstacle_count ? m : r->obstacle_count - 1);
        px[m] = one[0];
        py[m] = one[1];
    }
    locate(px, py, r->road, count, there);
    for (int m = 0; m < r->obstacle_count; m++)
        call(obstacle_on_road, obstacle + next * m, there + m * THERE_SIZE, 0,
             on_road + m * ON_ROAD_SIZE, 0);
}

/* What a car sees of the road. */
typedef struct {
    double view[ROAD_VIEW], place[PLACE_SIZE], axle[AXLE_SIZE];
} seen_t;

/* What up to GROUP cars see of the road at node k. */
static void look(const roll_out_t *r, int k, int first, int count, seen_t *seen) {
    double px[GROUP * POINTS] = {0.0}, py[GROUP * POINTS] = {0.0};
    double there[GROUP * POINTS * THERE_SIZE];
    const double *x = r->states + ((size_t)first * r->nodes + k) * NX;
    size_t next = (size_t)r->nodes * NX;
    for (int i = 0; i < count; i++)
        call(car_points, x + next * i, 0, 0, px + i * POINTS, py + i * POINTS);
    locate(px, py, r->road, whole_batches(count * POINTS), there);
    for (int i = 0; i < count; i++) {
        const double *own = there + i * POINTS * THERE_SIZE;
        call(road_view, x + next * i, own, r->road, seen[i].view, seen[i].place);
        call(axle_view, x + next * i, own, 0, seen[i].axle, 0);
    }
}

/* Commands of a rule for all cars at node 0: cars x NU. */
void observation_rule(const roll_out_t *r, const rule_t *s, const double *wanted,
                      double *commands) {
    double on_road[r->obstacle_count * ON_ROAD_SIZE + 1];
    seen_t seen;
    find_obstacles(r, 0, on_road);
    for (int car = 0; car < r->cars; car++) {
        const double *x = r->states + (size_t)car * r->nodes * NX;
        look(r, 0, car, 1, &seen);
        follow_rule(s, x, seen.place, seen.axle, wanted[car], on_road, r->obstacle_count,
                    commands + car * NU);
    }
}

/* The observation of a car at a state. */
static void write_observation(const roll_out_t *r, const double *x, const seen_t *seen,
                              const double *on_road, float *out) {
    double command[NU];
    write_floats(seen->view, ROAD_VIEW, out);
    scan(seen->place, on_road, r->obstacle_count, out + ROAD_VIEW);
    follow_rule(&plain_rule, x, seen->place, seen->axle, 0.0, on_road, r->obstacle_count, command);
    write_floats(command, NU, out + ROAD_VIEW + LINES * SCAN_VIEW);
}

/* Observations of the nodes from `first` to before `end`: cars x (end - first) x the size. */
void observation_observe(const roll_out_t *r, int first, int end, float *out) {
    double on_road[r->obstacle_count * ON_ROAD_SIZE + 1];
    seen_t seen[GROUP];
    for (int k = first; k < end; k++) {
        find_obstacles(r, k, on_road);
        for (int car = 0; car < r->cars; car++) {
            if (car % GROUP == 0) {
                int left = r->cars - car;
                look(r, k, car, left < GROUP ? left : GROUP, seen);
            }
            const double *x = r->states + ((size_t)car * r->nodes + k) * NX;
            size_t row = (size_t)car * (end - first) + k - first;
            write_observation(r, x, seen + car % GROUP, on_road, out + row * OBSERVATION_SIZE);
        }
    }
}

/* Drive all cars from node `first` to node `end`; the controls become those that were applied. */
void observation_advance(const roll_out_t *r, int first, int end) {
    static const int moves[NU] = {3, 4};
    for (int car = 0; car < r->cars; car++)
        for (int k = first; k < end; k++) {
            double *x = r->states + ((size_t)car * r->nodes + k) * NX;
            double *u = r->controls + ((size_t)car * (r->nodes - 1) + k) * NU;
            for (int i = 0; i < NU; i++) {
                double least = (r->moved_lower[i] - x[moves[i]]) / r->dt;
                double most = (r->moved_upper[i] - x[moves[i]]) / r->dt;
                if (least > r->control_upper[i]) least = r->control_upper[i];
                if (most < r->control_lower[i]) most = r->control_lower[i];
                u[i] = limited(u[i], r->control_lower[i], r->control_upper[i]);
                u[i] = limited(u[i], least, most);
            }
            call(motion, x, u, &r->dt, x + NX, 0);
        }
}

/* Drive all cars one step on from a node by actions, cars x NU; write what they see there. */
void observation_drive(const roll_out_t *r, int node, const double *actions, float *out) {
    for (int car = 0; car < r->cars; car++)
        for (int i = 0; i < NU; i++)
            r->controls[((size_t)car * (r->nodes - 1) + node) * NU + i] = actions[car * NU + i];
    observation_advance(r, node, node + 1);
    observation_observe(r, node + 1, node + 2, out);
}
