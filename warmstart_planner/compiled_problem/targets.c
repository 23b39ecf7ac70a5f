/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a goal asks for along the road: targets.py says what it is and why, and holds this to account.
 */

/* Find where the car is, and what blocks the road, unless that is known. */
static void find_place(problem_t *p) {
    if (!isnan(p->here)) return;
    p->here = isnan(p->station) ? locate(&p->road, p->state[0], p->state[1], p->state[2])
                                : station_of(&p->road, p->state[0], p->state[1], p->station);
}

static void find_blockage(problem_t *p) {
    find_place(p);
    if (isnan(p->blocked_station)) p->blocked_station = first_blocked_station(p, p->here);
}

/* Where the box's centre is, and the station to stop before. */
typedef struct {
    const problem_t *problem;
    double here, offset, stop;
} way_t;

static way_t way_of(problem_t *p) {
    const double reach = p->vehicle.rear_to_center;
    way_t w = {.problem = p};
    find_blockage(p);
    project(&p->road, p->state[0] + reach * cos(p->state[2]),
            p->state[1] + reach * sin(p->state[2]), p->here, &w.here, &w.offset);
    w.stop = fmin(p->target.stop, fmin(last_station(&p->road), p->blocked_station));
    return w;
}

static double slowing(double speed, double at, double station) {
    return sqrt(speed * speed + 2 * COMFORT_DECELERATION * larger(at - station, 0.0));
}

static double rising(double speed, double at, double station) {
    return sqrt(larger(speed * speed - 2 * COMFORT_DECELERATION * larger(at - station, 0.0), 0.0));
}

/* targets.target_speeds; places: of the stations on the road. */
static void put_speeds(const way_t *w, const double *station, const place_t *places, int count,
                       double *speeds) {
    const problem_t *p = w->problem;
    const road_t *road = &p->road;
    const double stop = w->stop - p->vehicle.length / 2;
    const target_t *t = &p->target;
    double least = INFINITY;
    for (int i = count - 1; i >= 0; i--) {
        const double bend = fabs(at(road->curvature, places[i]));
        const double grip_speed = sqrt(p->friction * GRAVITY / larger(bend, 1e-6));
        double speed = smaller(at(road->speed_limit, places[i]), sqrt(LATERAL_COMFORT) * grip_speed);
        speed = larger(speed, smaller(t->needed, sqrt(LATERAL_MOST) * grip_speed));
        speed = smaller(speed, larger(t->cruise, rising(t->speed, t->station, station[i])));
        speed = smaller(speed, slowing(t->speed, t->station, station[i]));
        speed = smaller(speed, slowing(0.0, stop, station[i]));
        least = smaller(least, speed * speed + 2 * COMFORT_DECELERATION * station[i]);
        speeds[i] = sqrt(larger(least - 2 * COMFORT_DECELERATION * station[i], 0.0));
    }
}

/* targets.target_offsets, at one station. */
static double target_offset(const target_t *t, double station) {
    if (t->offset == 0.0) return 0.0;
    return t->offset * limited(1.0 - (t->offset_station - station) / GOAL_APPROACH, 0.0, 1.0);
}
