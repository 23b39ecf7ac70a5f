/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Plans moved on to another problem's time: proposals/shifted.py says how, and holds this to account.
 */

static const double turn = 6.283185307179586;

/* How many steps of the plans' grid lie between their stamp and a node. */
static double steps_to(const problem_t *p, const shift_t *s, int node) {
    return (s->begin + node * p->dt) / s->dt;
}

/* How much later than the plans' end a node is; none where that is rounding [s]. */
static double lateness(const problem_t *p, const shift_t *s, int node) {
    const double late = s->begin + node * p->dt - (s->nodes - 1) * s->dt;
    return late > 1e-9 ? late : 0.0;
}

static void interpolate_plan(const problem_t *p, const shift_t *s, const double *states, int node,
                             double *out) {
    const double place = limited(steps_to(p, s, node), 0.0, s->nodes - 1.0);
    const int before = (int)fmin(floor(place + 1e-9), s->nodes - 1);
    const int after = (int)fmin(before + 1, s->nodes - 1);
    const double share = fmax(place - before, 0.0);
    const double *a = states + STATES * before, *b = states + STATES * after;
    for (int i = 0; i < STATES; i++) out[i] = a[i] + share * (b[i] - a[i]);
}

/* shifted._extension: the nodes from `first` on go on along the road at the last speed. */
static void extend(const problem_t *p, const shift_t *s, const double *end, int first,
                   double *states) {
    double travelled = 0.0, station, offset, turns = 0.0;
    for (int n = 1; n < first; n++) {
        const double *a = states + STATES * (n - 1), *b = a + STATES;
        travelled += sqrt((b[0] - a[0]) * (b[0] - a[0]) + (b[1] - a[1]) * (b[1] - a[1]));
    }
    project(&p->road, end[0], end[1], p->here + travelled, &station, &offset);
    for (int n = first; n <= p->steps; n++) {
        double x, y, *out = states + STATES * n;
        const double ahead = station + end[SPEED] * lateness(p, s, n);
        const double heading = point_at(&p->road, ahead, &x, &y);
        const double bend = at(p->road.curvature, on_road(&p->road, ahead));
        const double steering = atan(p->vehicle.wheelbase * bend / fmax(1.0 - offset * bend, 0.2));
        if (n == first) turns = turn * rint((end[2] - heading) / turn);
        out[0] = x - offset * sin(heading);
        out[1] = y + offset * cos(heading);
        out[2] = heading + turns;
        out[SPEED] = end[SPEED];
        out[SPEED + 1] = limited(steering, -p->vehicle.steering_max, p->vehicle.steering_max);
    }
}

void shift_plans(problem_t *p, const shift_t *s) {
    int first = 0; /* that is beyond the plans' end */
    find_place(p);
    while (first <= p->steps && lateness(p, s, first) == 0.0) first++;
    for (int k = 0; k < s->count; k++) {
        const double *states = s->states + (size_t)k * s->nodes * STATES;
        const double *controls = s->controls + (size_t)k * (s->nodes - 1) * CONTROLS;
        double *moved = s->moved_states + (size_t)k * (p->steps + 1) * STATES;
        double *held = s->moved_controls + (size_t)k * p->steps * CONTROLS;
        for (int n = 0; n < first; n++) interpolate_plan(p, s, states, n, moved + STATES * n);
        if (first <= p->steps) extend(p, s, states + STATES * (s->nodes - 1), first, moved);
        for (int n = 0; n < p->steps; n++) {
            const int step = (int)limited(floor(steps_to(p, s, n) + 1e-9), 0.0, s->nodes - 1.0);
            for (int i = 0; i < CONTROLS; i++)
                held[CONTROLS * n + i] = step < s->nodes - 1 ? controls[CONTROLS * step + i] : 0.0;
        }
    }
}
