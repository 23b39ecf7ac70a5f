/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * From ways along the road, known at a few times, to states and controls of the car:
 * road_ways.py says what they are.
 */
#include <math.h>
#include <string.h>

#include "layout.h" /* road_ways_t: library.py */

#define SMOOTHING 0.7 /* window over which offsets are smoothed [s] */
#define FADE_IN 0.6   /* time after which they are smoothed wholly [s] */
#define MOVING 0.5    /* below this speed a course is not seen in positions [m/s] */
#define PACE 1.0      /* speed from which on curvature is told from the course's change [m/s] */
#define TURN 6.283185307179586
enum { PX, PY, YAW, SPEED, STEERING, NX };
enum { ACCELERATION, STEERING_RATE, NU };
enum { STATION, OFFSET, KNOT_SPEED, KNOT };

static double limited(double value, double lower, double upper) {
    return value < lower ? lower : value > upper ? upper : value;
}

/* A node's stage, and its share of it; the last stage goes on. */
static int stage_of(const road_ways_t *w, int node, double *share) {
    int stage = node / w->per_stage < w->stages ? node / w->per_stage : w->stages - 1;
    *share = (double)node / w->per_stage - stage;
    return stage;
}

static void drive(const road_ways_t *w, const double *knots, double *speed, double *station) {
    for (int n = 0; n <= w->steps; n++) {
        double share;
        const double *knot = knots + stage_of(w, n, &share) * KNOT;
        speed[n] = (1.0 - share) * knot[KNOT_SPEED] + share * knot[KNOT + KNOT_SPEED];
        station[n] = n ? station[n - 1] + (speed[n - 1] + speed[n]) / 2 * w->dt : w->station;
    }
}

/* Slopes, times a stage's duration, of the cubic spline through a way's offsets that ends along
 * the road: its second derivatives are continuous. By elimination in a tridiagonal system. */
static void find_slopes(const road_ways_t *w, const double *knots, double *slope) {
    double share[w->stages + 1];
    int last = w->stages;
    slope[0] = w->lateral_speed * w->per_stage * w->dt;
    share[0] = 0.0;
    for (int i = 1; i < last; i++) {
        double change = knots[(i + 1) * KNOT + OFFSET] - knots[(i - 1) * KNOT + OFFSET];
        share[i] = 1.0 / (4.0 - share[i - 1]);
        slope[i] = (3.0 * change - slope[i - 1]) * share[i];
    }
    slope[last] = 0.0;
    for (int i = last - 1; i > 0; i--) slope[i] -= share[i] * slope[i + 1];
}

static void interpolate(const road_ways_t *w, const double *knots, double *offset) {
    double slope[w->stages + 1];
    find_slopes(w, knots, slope);
    for (int n = 0; n <= w->steps; n++) {
        double u;
        int stage = stage_of(w, n, &u);
        const double *knot = knots + stage * KNOT;
        double v = 1.0 - u;
        offset[n] = (1.0 + 2.0 * u) * v * v * knot[OFFSET] + u * v * v * slope[stage] +
                    u * u * (3.0 - 2.0 * u) * knot[KNOT + OFFSET] - u * u * v * slope[stage + 1];
    }
}

/* Average offsets over a Hann window; the start stays as it is, the end goes on as it ends. */
static void smooth(const road_ways_t *w, const double *offset, double *smoothed) {
    int half = (int)rint(SMOOTHING / w->dt) / 2;
    double kernel[2 * half + 1], padded[w->steps + 1 + 2 * half], sum = 0.0;
    for (int i = 0; i <= 2 * half; i++) {
        kernel[i] = 0.5 - 0.5 * cos(TURN * (i + 1) / (2 * half + 2));
        sum += kernel[i];
    }
    for (int i = 0; i < half; i++) {
        padded[i] = offset[0] - w->lateral_speed * w->dt * (half - i);
        padded[half + w->steps + 1 + i] = offset[w->steps];
    }
    memcpy(padded + half, offset, (w->steps + 1) * sizeof(double));
    for (int n = 0; n <= w->steps; n++) {
        double average = 0.0, share = limited(n * w->dt / FADE_IN, 0.0, 1.0);
        for (int i = 0; i <= 2 * half; i++) average += kernel[i] * padded[n + i];
        smoothed[n] = offset[n] + share * (average / sum - offset[n]);
    }
}

/* Places in the map at stations, which rise, and offsets; straight on beyond the road's ends. */
static void place(const road_ways_t *w, const double *station, const double *offset, double *x,
                  double *y) {
    const double *s = w->road_station;
    int last = w->vertices - 1, low = 0, high = last - 1;
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (s[middle] <= station[0]) low = middle;
        else high = middle - 1;
    }
    for (int n = 0; n <= w->steps; n++) {
        double on_road = limited(station[n], s[0], s[last]), beyond = station[n] - on_road;
        while (low < last - 1 && s[low + 1] <= on_road) low++;
        double f = (on_road - s[low]) / (s[low + 1] - s[low]);
        double heading = w->road_heading[low] +
                         f * (w->road_heading[low + 1] - w->road_heading[low]);
        double c = cos(heading), v = sin(heading);
        x[n] = w->road_x[low] + f * (w->road_x[low + 1] - w->road_x[low]) + beyond * c -
               offset[n] * v;
        y[n] = w->road_y[low] + f * (w->road_y[low + 1] - w->road_y[low]) + beyond * v +
               offset[n] * c;
    }
}

/* Direction of motion at each node, in the turn of the initial yaw; where the car stands, it keeps
 * the last one. */
static void find_courses(const road_ways_t *w, const double *x, const double *y, double *course) {
    const double *state = w->initial_state;
    double slip = atan(w->rear_to_center * tan(state[STEERING]) / w->wheelbase);
    double step[w->steps + 1];
    step[0] = state[YAW] + slip;
    for (int n = 0; n < w->steps; n++) {
        double dx = x[n + 1] - x[n], dy = y[n + 1] - y[n], least = MOVING * w->dt;
        step[n + 1] = step[n];
        if (dx * dx + dy * dy <= least * least) continue;
        double change = atan2(dy, dx) - step[n];
        step[n + 1] += change - TURN * rint(change / TURN);
    }
    for (int n = 1; n < w->steps; n++) course[n] = (step[n] + step[n + 1]) / 2;
    course[0] = step[0];
    course[w->steps] = step[w->steps];
}

static void write_states(const road_ways_t *w, const double *x, const double *y,
                         const double *speed, const double *course, double *state) {
    memcpy(state, w->initial_state, NX * sizeof(double));
    for (int n = 1; n <= w->steps; n++) {
        int next = n < w->steps ? n + 1 : n;
        double rate = (course[next] - course[n - 1]) / ((next - n + 1) * w->dt);
        double curvature = rate / (speed[n] > PACE ? speed[n] : PACE);
        double yaw = course[n] - atan(w->rear_to_center * curvature);
        state += NX;
        state[PX] = x[n] - w->rear_to_center * cos(yaw);
        state[PY] = y[n] - w->rear_to_center * sin(yaw);
        state[YAW] = yaw;
        state[SPEED] = speed[n];
        state[STEERING] = limited(atan(w->wheelbase * curvature), -w->steering_max,
                                  w->steering_max);
    }
}

static void write_controls(const road_ways_t *w, const double *state, double *control) {
    for (int n = 0; n < w->steps; n++, state += NX, control += NU)
        for (int i = 0; i < NU; i++) {
            int moved = i == ACCELERATION ? SPEED : STEERING;
            control[i] = limited((state[NX + moved] - state[moved]) / w->dt, w->control_lower[i],
                                 w->control_upper[i]);
        }
}

/* Write states, ways x (steps + 1) x NX, and controls, ways x steps x NU. */
void road_ways_states(const road_ways_t *w, double *states, double *controls) {
    int nodes = w->steps + 1;
    double speed[nodes], station[nodes], offset[nodes], smoothed[nodes], x[nodes], y[nodes];
    double course[nodes];
    for (int i = 0; i < w->ways; i++) {
        const double *knots = w->knots + (size_t)i * (w->stages + 1) * KNOT;
        drive(w, knots, speed, station);
        interpolate(w, knots, offset);
        smooth(w, offset, smoothed);
        place(w, station, smoothed, x, y);
        find_courses(w, x, y, course);
        write_states(w, x, y, speed, course, states);
        write_controls(w, states, controls);
        states += (size_t)nodes * NX;
        controls += (size_t)w->steps * NU;
    }
}
