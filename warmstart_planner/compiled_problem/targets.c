/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a goal asks for along the road: targets.py says what it is and why, and holds this to account.
 */

static const double reserve_most[] = RESERVE_MOST; /* of place, time and speed */

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

/* ----------------------------------------------------------------------- a region in its time */

/* targets._Approach: between which speeds the pace is followed on the way to a station. */
typedef struct {
    int count;
    double speed, step, least[MOST_SAMPLES], most[MOST_SAMPLES];
} approach_t;

static approach_t approach_to(const problem_t *p, const double *speeds, double station,
                              double lateral, double hurry) {
    const double way = fmax(station - p->here, 0.0), grip = p->friction * GRAVITY;
    approach_t a = {.count = (int)fmin(way, MOST_SAMPLES - 2) + 2, .speed = p->state[SPEED]};
    place_t place;
    for (int i = 0; i < a.count; i++) {
        const double there = spaced(p->here, p->here + way, a.count, i);
        place = next_on_road(&p->road, there, i ? &place : 0);
        const double bend = larger(fabs(at(p->road.curvature, place)), 1e-6);
        const double limit = larger(at(p->road.speed_limit, place), hurry);
        a.least[i] = rising(speeds[0], station, there);
        a.most[i] = smaller(smaller(limit, sqrt(lateral * grip / bend)),
                            slowing(speeds[1], station, there));
    }
    a.step = way / (a.count - 1);
    return a;
}

static double time_of(const approach_t *a, double pace) {
    double slowness[MOST_SAMPLES], sum = 0.0;
    for (int i = 0; i < a->count; i++)
        slowness[i] = 1.0 / larger(smaller(larger(pace, a->least[i]), a->most[i]), LEAST_PACE);
    for (int i = 0; i < a->count; i++) sum += slowness[i];
    sum -= (slowness[0] + slowness[a->count - 1]) / 2.0;
    const double taken = a->step * sum, response = RESPONSE_TIME / GAIN;
    return taken + response * (1.0 - exp(-taken / response)) * (1.0 - a->speed * slowness[0]);
}

static double pace_of(const approach_t *a, double duration) {
    double low = 0.0, high = FASTEST;
    for (int i = 0; i < HALVINGS; i++) {
        const double middle = (low + high) / 2;
        if (time_of(a, middle) <= duration) high = middle;
        else low = middle;
    }
    return high;
}

/* targets._inside */
static void inside(double low, double high, double most, double *bounds) {
    const double reserve = fmin(RESERVE * (high - low), most);
    bounds[0] = low + reserve;
    bounds[1] = high - reserve;
}

/* targets._within */
void within_region(problem_t *p, const region_t *goal, target_t *out) {
    find_place(p);
    const double speed = p->state[SPEED], front = p->vehicle.rear_to_center + p->vehicle.length / 2;
    *out = (target_t){speed, INFINITY, speed, INFINITY, INFINITY, 0.0, 0.0};
    if (p->stamp > goal->end || p->here > goal->last) return;
    const double late = fmax(goal->end - p->stamp, SOON);
    double places[2], times[2], speeds[2], most = INFINITY;
    inside(goal->first, goal->last, reserve_most[0], places);
    inside(fmax(goal->begin - p->stamp, 0.0), late, reserve_most[1], times);
    inside(goal->slowest, goal->fastest, reserve_most[2], speeds);
    if (goal->slowest <= 0.0) speeds[0] = 0.0;
    const double station = fmax(places[0], fmin(p->here, places[1]));
    const approach_t in_comfort = approach_to(p, speeds, station, LATERAL_COMFORT, 0.0);
    const double least = pace_of(&in_comfort, times[1]);
    if (times[0] > SOON) {
        const approach_t far = approach_to(p, speeds, places[1], LATERAL_COMFORT, 0.0);
        most = pace_of(&far, times[0]);
    }
    const double wanted = fmin(fmax(speed, least), fmax(most, least));
    if (time_of(&in_comfort, least) > late + SOON) {
        const approach_t unlimited =
            approach_to(p, speeds, fmax(goal->first, p->here), LATERAL_MOST, FASTEST);
        out->needed = fmin(pace_of(&unlimited, late), speed + HASTE);
    }
    const double hurried = fmin(fmax(speed + GAIN * (wanted - speed), 0.0), speed + HASTE);
    out->cruise = fmax(hurried, out->needed);
    out->station = station + p->vehicle.rear_to_center;
    out->speed = fmin(fmax(wanted, speeds[0]), speeds[1]);
    if (goal->fastest < STANDING) out->stop = station + front;
    out->offset_station = goal->first + p->vehicle.rear_to_center;
    out->offset = goal->offset;
}
