/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The compiled verdict: what verdict.verify finds of a trajectory, for one problem that is bound
 * once and any number of trajectories. Each file holds the maths of the Python module of its name,
 * which stays its reference. Written at generation: constants.h, the constants of those modules, and
 * layout.h, what is handed over: the structures of compiled.py. Nothing is shared with the solvers.
 * SI units, map frame.
 */
#include <math.h>
#include <stdlib.h>

#include "constants.h"
#include "layout.h"

enum { PX, PY, YAW, SPEED, STEERING, NX };
enum { ACCELERATION, STEERING_RATE, NU };
enum { HALF_LENGTH, HALF_WIDTH, RADIUS, SIZES };
enum { COLLISION, ROAD, DIRECTION, LIMITS, FRICTION, DYNAMICS, TERMINAL, GROUPS };

/* Numbers handed out from one block of memory. */
typedef struct {
    double *next;
} memory_t;

static double *take(memory_t *memory, size_t count) {
    double *first = memory->next;
    memory->next += count;
    return first;
}

/* As numpy's maximum, minimum and clip: what is not a number stays one. */
static inline double larger(double a, double b) {
    return (a > b) | (a != a) ? a : b;
}

static inline double smaller(double a, double b) {
    return (a < b) | (a != a) ? a : b;
}

static inline double limited(double value, double lower, double upper) {
    return smaller(larger(value, lower), upper);
}

static inline void raise_to(double *value, double other) {
    *value = larger(*value, other);
}

static inline double sign(double value) {
    return value > 0.0 ? 1.0 : value < 0.0 ? -1.0 : value;
}

static inline double square(double value) {
    return value * value;
}

#include "motion.c"
#include "path.c"
#include "shapes.c"
#include "collision.c"
#include "corridor.c"
#include "direction.c"
#include "dynamics.c"
#include "limits.c"
#include "terminal.c"

/* A problem with all that no trajectory changes. */
typedef struct {
    problem_t problem;
    path_t path;
    bounds_t bounds;
    traffic_t traffic;
} judge_t;

/* Bind a problem, whose arrays have to outlive the judge; null where memory is short. */
judge_t *judge_create(const problem_t *problem) {
    size_t count = path_size(&problem->road) + bounds_size(&problem->road) + traffic_size(problem);
    judge_t *judge = malloc(sizeof *judge + count * sizeof(double));
    if (!judge) return NULL;
    memory_t memory = {(double *)(judge + 1)};
    judge->problem = *problem;
    judge->path = path_of(&judge->problem.road, &memory);
    judge->bounds = bounds_of(&judge->path, corridor_reach(&problem->vehicle), &memory);
    judge->traffic = traffic_of(problem, &memory);
    return judge;
}

void judge_destroy(judge_t *judge) {
    free(judge);
}

/* Put the groups together: a violation that cannot be computed is no reason to pass. */
static void sum_up(const tolerances_t *tolerances, double *groups, int nodes, verdict_t *verdict,
                   double *to_go) {
    const double allowed[GROUPS] = {tolerances->collision, tolerances->road,
                                    tolerances->direction, tolerances->limits,
                                    tolerances->friction,  tolerances->position,
                                    tolerances->terminal};
    verdict->violation = 0.0;
    for (int k = 0; k < nodes; k++) to_go[k] = 0.0;
    for (int g = 0; g < GROUPS; g++) {
        verdict->largest[g] = 0.0;
        for (int k = 0; k < nodes; k++) {
            double value = groups[g * nodes + k];
            if (isnan(value)) value = INFINITY;
            raise_to(&verdict->largest[g], value);
            if (value <= allowed[g]) continue;
            raise_to(&verdict->violation, value);
            to_go[k] += value;
        }
    }
    for (int k = nodes - 2; k >= 0; k--) to_go[k] += to_go[k + 1];
}

/* Judge a trajectory of at least 2 and at most the problem's nodes; to_go has one number a node.
 * Returns 0 where memory is short. */
int judge_verdict(const judge_t *judge, const trajectory_t *trajectory, verdict_t *verdict,
                  double *to_go) {
    const problem_t *problem = &judge->problem;
    const path_t *path = &judge->path;
    size_t nodes = trajectory->nodes;
    size_t count = GROUPS * nodes + samples_size(nodes) + feet_size(nodes) + pair_size(nodes);
    double *block = malloc(count * sizeof(double));
    if (!block) return 0;
    memory_t memory = {block};
    double *groups = take(&memory, GROUPS * nodes);
    for (size_t i = 0; i < GROUPS * nodes; i++) groups[i] = 0.0;
    samples_t ego = follow(trajectory, &problem->vehicle, &memory);
    foot_t *feet = feet_of(path, &ego, problem->near, &memory);
    verdict->clearance = collision(problem, &judge->traffic, &ego, &memory,
                                   groups + COLLISION * nodes);
    road(problem, path, &judge->bounds, feet, &ego, groups + ROAD * nodes);
    direction(path, feet, &ego, problem->tolerances.standing, groups + DIRECTION * nodes);
    limits(problem, trajectory, groups + LIMITS * nodes);
    friction(problem, trajectory, &ego, groups + FRICTION * nodes);
    dynamics(problem, trajectory, &ego, groups + DYNAMICS * nodes);
    terminal(problem, path, feet, &ego, groups + TERMINAL * nodes);
    verdict->speeding = speeding(path, feet, &ego);
    sum_up(&problem->tolerances, groups, (int)nodes, verdict, to_go);
    free(block);
    return 1;
}
