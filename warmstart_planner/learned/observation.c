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

/* Mirrored by plain_rule.py. */
typedef struct {
    double lateral_gain, softening, steering_gain, speed_gain, time_gap, standing_gap, stop_gap;
    double acceleration, deceleration, side_gap, foresight, offset_price, swerve_price;
} rule_t;

static const rule_t plain_rule = PLAIN_RULE;
static const double control_lower[NU] = CONTROL_LOWER, control_upper[NU] = CONTROL_UPPER;

/* An obstacle ahead of a car: where it is when the car arrives, and what following it allows. */
typedef struct {
    double decay; /* of the car's lateral error until then */
    double now, then, beside, limit;
} ahead_t;

/* What the intelligent driver model makes of something ahead. */
static double following(const rule_t *s, double speed, double gap, double other, double standing) {
    double comfort = 2.0 * sqrt(s->acceleration * s->deceleration);
    double closing = speed * s->time_gap + speed * (speed - other) / comfort;
    double share = (standing + fmax(closing, 0.0)) / fmax(gap, 0.1);
    return s->acceleration * (1.0 - share * share);
}

/* What is ahead of a car; `room` to the left and right is that where the road is narrowest. */
static int look_ahead(const rule_t *s, const double *place, const double *on_road, int count,
                      ahead_t *ahead, double *room) {
    double speed = place[PLACE_SPEED];
    int found = 0;
    for (int m = 0; m < count; m++, on_road += ON_ROAD_SIZE) {
        if (on_road[ON_ROAD_STATION] <= place[PLACE_STATION]) continue;
        ahead_t *one = ahead + found++;
        double gap = on_road[ON_ROAD_STATION] - on_road[ON_ROAD_REACH_ALONG];
        gap -= place[PLACE_STATION] + CAR_LENGTH / 2;
        double arrival = fmax(gap, 0.0) / fmax(speed, 1.0);
        one->decay = exp(-s->lateral_gain * arrival);
        one->now = on_road[ON_ROAD_OFFSET];
        one->then = one->now + on_road[ON_ROAD_DRIFT] * fmin(arrival, s->foresight);
        one->beside = on_road[ON_ROAD_REACH_ACROSS] + CAR_WIDTH / 2 + s->side_gap;
        one->limit = following(s, speed, gap, on_road[ON_ROAD_SPEED], s->standing_gap);
        room[0] = fmin(room[0], on_road[ON_ROAD_LEFT]);
        room[1] = fmin(room[1], on_road[ON_ROAD_RIGHT]);
    }
    return found;
}

/* The acceleration that keeping a lateral offset allows. */
static double allowed(double offset, double here, double most, const ahead_t *ahead, int count) {
    for (int m = 0; m < count; m++) {
        const ahead_t *one = ahead + m;
        double arrived = offset + one->decay * (here - offset);
        double apart = fmax(fmin(one->now, one->then), fmin(arrived, offset)) -
                       fmin(fmax(one->now, one->then), fmax(arrived, offset));
        if (fmax(apart, 0.0) < one->beside) most = fmin(most, one->limit);
    }
    return most;
}

/* The command of a rule (plain_rule.py) for a lateral offset that is wanted. */
static void follow_rule(const rule_t *s, const double *x, const double *place, const double *axle,
                        double wanted, const double *on_road, int count, double *command) {
    double here = place[PLACE_OFFSET], speed = place[PLACE_SPEED];
    double room[2] = {place[PLACE_LEFT], place[PLACE_RIGHT]};
    ahead_t ahead[count + 1];
    int found = look_ahead(s, place, on_road, count, ahead, room);
    double stop = following(s, speed, place[PLACE_STOP], 0.0, s->stop_gap);
    double best = -HUGE_VAL, offset = wanted, limit = stop;
    for (int i = 0; i < (count > 0 ? 1 + 2 * RULE_SIDES : 1); i++) {
        double each = wanted;
        if (i > 0) {
            int right = i > RULE_SIDES, part = right ? i - RULE_SIDES : i;
            double width = fmax(room[right] - CAR_WIDTH / 2 - s->side_gap, 0.0);
            each = (right ? -width : width) * part / RULE_SIDES;
        }
        double most = allowed(each, here, stop, ahead, found);
        double value = fmin(most, 0.0) - s->offset_price * fabs(each - wanted) -
                       s->swerve_price * fabs(each - here);
        if (value > best) best = value, offset = each, limit = most;
    }
    double turn = atan(s->lateral_gain * (axle[AXLE_OFFSET] - offset) / (s->softening + speed));
    double grip = place[PLACE_GRIP], lateral = axle[AXLE_LATERAL], quick = fmax(speed, 1.0);
    /* no more than the grip allows at this speed */
    double sharpest = fmin(atan(grip * CAR_WHEELBASE / (quick * quick)), CAR_STEERING_MAX);
    double angle = limited(-axle[AXLE_HEADING] - turn, -sharpest, sharpest);
    double left = sqrt(fmax(grip * grip - lateral * lateral, 1.0));
    command[0] = limited(fmin(s->speed_gain * (place[PLACE_TARGET] - speed), limit), -left, left);
    command[1] = s->steering_gain * (angle - x[4]);
    for (int i = 0; i < NU; i++)
        command[i] = limited(command[i], control_lower[i], control_upper[i]);
}

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
