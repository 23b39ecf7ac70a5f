/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A problem's numbers in one call: transcription.py says what they are and why, and holds this to
 * account; so do road.py and blockage.py for what is read of them here.
 */
#include <math.h>
#include <stdlib.h>

#include "constants.h"
#include "layout.h" /* problem_t, numbers_t and what they consist of: compiled_transcription.py */

static double limited(double value, double least, double most) {
    return fmin(fmax(value, least), most);
}

/* ------------------------------------------------------------------------------ along the road */

/* How many of n increasing values lie before one. */
static int count_below(const double *values, int n, double value) {
    int low = 0, high = n;
    while (low < high) {
        int middle = (low + high) / 2;
        if (values[middle] < value) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Between which of n increasing values one lies, and how far along; constant beyond the ends. */
typedef struct {
    int index;
    double share;
} place_t;

static place_t place_of(const double *values, int n, double value) {
    int index = count_below(values, n, value) - 1;
    if (index < 0) return (place_t){0, 0.0};
    if (index > n - 2) return (place_t){n - 2, 1.0};
    double begin = values[index];
    return (place_t){index, (value - begin) / (values[index + 1] - begin)};
}

/* The same, for a value that is no less than the one before. */
static place_t place_after(place_t before, const double *values, int n, double value) {
    int index = before.index;
    while (index < n - 2 && values[index + 1] < value) index++;
    double begin = values[index];
    return (place_t){index, limited((value - begin) / (values[index + 1] - begin), 0.0, 1.0)};
}

static double at(const double *profile, place_t p) {
    return profile[p.index] + p.share * (profile[p.index + 1] - profile[p.index]);
}

static place_t on_road(const road_t *road, double station) {
    return place_of(road->station, road->vertices, station);
}

/* Of stations in order; before: the place of the one before, or null. */
static place_t next_on_road(const road_t *road, double station, const place_t *before) {
    if (!before) return on_road(road, station);
    return place_after(*before, road->station, road->vertices, station);
}

static double last_station(const road_t *road) { return road->station[road->vertices - 1]; }

/* Road.project of one point; near: about where, or not a number. */
static void project(const road_t *road, double x, double y, double near, double *station,
                    double *offset) {
    int begin = 0, end = road->vertices, vertex, last = road->vertices - 2;
    if (!isnan(near)) {
        near = limited(near, road->station[0], last_station(road));
        begin = count_below(road->station, road->vertices, near - LOCAL) - 1;
        if (begin < 0) begin = 0;
        end = count_below(road->station, road->vertices, near + LOCAL) + 1;
        if (end > road->vertices) end = road->vertices;
    }
    double least = INFINITY;
    vertex = begin;
    for (int i = begin; i < end; i++) {
        double dx = road->x[i] - x, dy = road->y[i] - y, square = dx * dx + dy * dy;
        if (square < least) {
            least = square;
            vertex = i;
        }
    }
    double nearest = INFINITY;
    *station = *offset = NAN;
    for (int side = 0; side < 2; side++) {
        int i = vertex - 1 + side;
        i = i < 0 ? 0 : i > last ? last : i;
        double ax = road->x[i + 1] - road->x[i], ay = road->y[i + 1] - road->y[i];
        double dx = x - road->x[i], dy = y - road->y[i];
        double share = (dx * ax + dy * ay) / fmax(ax * ax + ay * ay, 1e-12);
        if (i > 0) share = fmax(share, 0.0);
        if (i < last) share = fmin(share, 1.0);
        double gx = dx - share * ax, gy = dy - share * ay, square = gx * gx + gy * gy;
        if (!(square < nearest)) continue;
        nearest = square;
        *station = road->station[i] + share * (road->station[i + 1] - road->station[i]);
        *offset = (ax * dy >= ay * dx ? 1.0 : -1.0) * sqrt(square);
    }
}

static double station_of(const road_t *road, double x, double y, double near) {
    double station, offset;
    project(road, x, y, near, &station, &offset);
    return station;
}

/* Road.locate. */
static double locate(const road_t *road, double x, double y, double yaw) {
    double least = INFINITY;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < road->vertices; i++) {
            double distance = hypot(road->x[i] - x, road->y[i] - y);
            if (distance > least + SAME_PLACE) continue; /* whichever way it leads */
            double away = distance + AGAINST * (1.0 - cos(road->heading[i] - yaw));
            if (pass && away <= least + SAME_PLACE)
                return station_of(road, x, y, road->station[i]);
            if (!pass) least = fmin(least, away);
        }
    return NAN;
}

/* Road.span. */
static void span(const road_t *road, double station, double *before, double *beyond) {
    double heading = at(road->heading, on_road(road, station));
    *before = road->station[0];
    *beyond = last_station(road);
    for (int i = 0; i < road->vertices; i++) {
        if (fabs(road->heading[i] - heading) <= LOCAL_TURN) continue;
        if (road->station[i] < station) *before = fmax(*before, road->station[i]);
        if (road->station[i] > station) *beyond = fmin(*beyond, road->station[i]);
    }
}

/* Road.local with all that lies ahead. */
static road_t local(const road_t *road, double station, double behind) {
    double before, end;
    span(road, station, &before, &end);
    double begin = fmax(station - behind, before);
    if (begin <= road->station[0] && end >= last_station(road)) return *road;
    int final = road->vertices - 1, first = 0, last;
    while (first < final - 1 && road->station[first + 1] <= begin) first++;
    last = count_below(road->station, road->vertices, end);
    last = last < first + 1 ? first + 1 : last > final ? final : last;
    road_t part = *road;
    const double **arrays[] = {&part.station,   &part.x,          &part.y,           &part.heading,
                               &part.curvature, &part.left_width, &part.right_width, &part.speed_limit};
    for (int i = 0; i < 8; i++) *arrays[i] += first;
    part.vertices = last - first + 1;
    return part;
}

/* ---------------------------------------------------------------------------------- obstacles */

static const double *size_at(const problem_t *p, int obstacle, int node) {
    int at = node < p->size_nodes ? node : p->size_nodes - 1;
    return p->sizes + 3 * (obstacle * p->size_nodes + at);
}

/* Obstacle.poses_at, at one node. */
static void pose_at(const double *poses, int count, int node, double *pose) {
    int known = node < count ? node : count - 1;
    for (int i = 0; i < 3; i++) pose[i] = poses[3 * known + i];
    if (node < count || count == 1) return;
    for (int i = 0; i < 2; i++)
        pose[i] += (node - known) * (poses[3 * known + i] - poses[3 * (known - 1) + i]);
}

static void put_obstacles(const problem_t *p, numbers_t *out) {
    double c = cos(p->state[2]), s = sin(p->state[2]), *to = out->obstacles;
    const double *poses = p->poses;
    const margins_t *m = &p->margins;
    for (int j = 0; j < p->obstacles; poses += 3 * p->counts[j++]) {
        double yaw = NAN, cosine = NAN, sine = NAN;
        for (int k = 0; k <= p->steps; k++, to += OBSTACLE_PARAMETERS) {
            double pose[3], settled = fmin(k * p->dt / m->settling_time, 1.0);
            const double *size = size_at(p, j, k);
            pose_at(poses, p->counts[j], k, pose);
            double dx = pose[0] - p->state[0], dy = pose[1] - p->state[1];
            to[0] = c * dx + s * dy;
            to[1] = c * dy - s * dx;
            if (pose[2] != yaw) {
                yaw = pose[2];
                cosine = cos(yaw - p->state[2]);
                sine = sin(yaw - p->state[2]);
            }
            to[2] = cosine;
            to[3] = sine;
            for (int i = 0; i < 3; i++) to[4 + i] = size[i];
            to[6] += m->obstacle * (m->obstacle_now + (1.0 - m->obstacle_now) * settled);
        }
    }
}

/* ----------------------------------------------------------------------------------- blockage */

typedef struct {
    double first, last, right, left; /* along the road, and beside it for a car's centre */
} standing_t;

static int has_gap(const road_t *road, const vehicle_t *car, const standing_t *at_side, int count,
                   double begin) {
    place_t here = on_road(road, begin);
    double half = car->width / 2, reached = half - at(road->right_width, here);
    double high = at(road->left_width, here) - half;
    /* what reaches farthest of all that begins within what is covered, until nothing adds to it */
    for (int grown = 1; grown;) {
        grown = 0;
        for (int j = 0; j < count; j++) {
            const standing_t *o = at_side + j;
            if (o->first > begin || begin > o->last) continue;
            if (o->right <= reached && o->left > reached) {
                reached = o->left;
                grown = 1;
            }
        }
    }
    return reached < high;
}

/* blockage.first_blocked_station */
static double blocked_station(const problem_t *p, double here) {
    standing_t all[MAX_OBSTACLES];
    int count = 0;
    road_t road = {0};
    const double *poses = p->poses;
    const vehicle_t *car = &p->vehicle;
    double ahead = here + car->rear_to_center + car->length / 2, half = car->width / 2;
    for (int j = 0; j < p->obstacles; poses += 3 * p->counts[j++]) {
        double end[3];
        pose_at(poses, p->counts[j], p->steps, end);
        if (hypot(end[0] - poses[0], end[1] - poses[1]) > STANDING_MOTION) continue;
        if (!count) road = local(&p->road, here, BLOCKAGE_BEHIND);
        const double *size = size_at(p, j, p->steps);
        double c = cos(poses[2]), s = sin(poses[2]);
        standing_t o = {INFINITY, -INFINITY, INFINITY, -INFINITY};
        for (int corner = 0; corner < 4; corner++) {
            double along = (corner & 2 ? 1.0 : -1.0) * (size[0] + size[2]), station, offset;
            double across = (corner & 1 ? 1.0 : -1.0) * (size[1] + size[2]);
            project(&road, poses[0] + along * c - across * s, poses[1] + along * s + across * c,
                    NAN, &station, &offset);
            o.first = fmin(o.first, station);
            o.last = fmax(o.last, station);
            o.right = fmin(o.right, offset - half);
            o.left = fmax(o.left, offset + half);
        }
        all[count++] = o;
    }
    double blocked = INFINITY;
    for (int j = 0; j < count; j++)
        if (all[j].first > ahead && all[j].first < blocked &&
            !has_gap(&road, car, all, count, all[j].first))
            blocked = all[j].first;
    return blocked - BLOCKAGE_DISTANCE;
}

/* ------------------------------------------------------------------------------------ the road */

typedef struct {
    const problem_t *problem;
    double here, stop; /* stations of the box's centre, and to stop before */
} way_t;

static way_t way_of(const problem_t *p, double here, double blocked) {
    const double reach = p->vehicle.rear_to_center;
    way_t w = {.problem = p};
    w.here = station_of(&p->road, p->state[0] + reach * cos(p->state[2]),
                        p->state[1] + reach * sin(p->state[2]), here);
    w.stop = fmin(p->target.stop, fmin(last_station(&p->road), blocked));
    return w;
}

static double slowing(double speed, double at, double station) {
    return sqrt(speed * speed + 2 * COMFORT_DECELERATION * fmax(at - station, 0.0));
}

static double rising(double speed, double at, double station) {
    return sqrt(fmax(speed * speed - 2 * COMFORT_DECELERATION * fmax(at - station, 0.0), 0.0));
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
        const double grip_speed = sqrt(p->friction * GRAVITY / fmax(bend, 1e-6));
        double speed = fmin(at(road->speed_limit, places[i]), sqrt(LATERAL_COMFORT) * grip_speed);
        speed = fmax(speed, fmin(t->needed, sqrt(LATERAL_MOST) * grip_speed));
        speed = fmin(speed, fmax(t->cruise, rising(t->speed, t->station, station[i])));
        speed = fmin(speed, slowing(t->speed, t->station, station[i]));
        speed = fmin(speed, slowing(0.0, stop, station[i]));
        least = fmin(least, speed * speed + 2 * COMFORT_DECELERATION * station[i]);
        speeds[i] = sqrt(fmax(least - 2 * COMFORT_DECELERATION * station[i], 0.0));
    }
}

static double spaced(double first, double last, int count, int i) {
    return i == count - 1 ? last : first + i * ((last - first) / (count - 1));
}

/* transcription._reach */
static double reach_of(const way_t *w) {
    enum { COUNT = (int)FARTHEST + 1 };
    const problem_t *p = w->problem;
    const double speed = p->state[SPEED], duration = p->steps * p->dt;
    double station[COUNT], speeds[COUNT], before = 0.0, time = 0.0;
    place_t places[COUNT];
    for (int i = 0; i < COUNT; i++) {
        station[i] = w->here + spaced(0.0, FARTHEST, COUNT, i);
        places[i] = next_on_road(&p->road, station[i], i ? places + i - 1 : 0);
    }
    put_speeds(w, station, places, COUNT, speeds);
    for (int i = 0; i < COUNT; i++) {
        const double way = spaced(0.0, FARTHEST, COUNT, i), least = fmax(speed, LEAST_SPEED);
        const double braked = sqrt(fmax(speed * speed - 2 * COMFORT_DECELERATION * way, 0.0));
        const double wanted = fmax(fmax(speeds[i], braked), LEAST_SPEED);
        const double pace = fmin(wanted, sqrt(least * least + 2 * FAST_ACCELERATION * way));
        if (i > 0) {
            const double step = way - spaced(0.0, FARTHEST, COUNT, i - 1);
            const double taken = 2.0 * step / (pace + before);
            if (time + taken >= duration) return way - step + step * (duration - time) / taken;
            time += taken;
        }
        before = pace;
    }
    return FARTHEST;
}

/* transcription._stations_ahead: the first and last one and how many. */
static int stations_ahead(const way_t *w, double *first, double *last) {
    double before, beyond;
    span(&w->problem->road, w->here, &before, &beyond);
    const double end = fmin(w->here + reach_of(w), fmax(beyond, w->here)) + BEYOND;
    const int count = (int)ceil(end - w->here + BEHIND) + 1;
    *first = w->here - BEHIND;
    *last = fmax(end, w->here + BEYOND);
    return count > 2 * ANCHORS ? count : 2 * ANCHORS;
}

typedef struct {
    int count;
    double *station, *profile, *width, *margin;
    place_t *places;
} fine_t;

/* transcription._lines: values and slopes about the anchors, two numbers each. */
static void put_lines(const fine_t *fine, const double *anchors, double *lines) {
    const double spacing = anchors[1] - anchors[0];
    for (int a = 0; a < ANCHORS; a++) {
        double value[3];
        for (int i = 0; i < 3; i++)
            value[i] = at(fine->profile, place_of(fine->station, fine->count,
                                                  anchors[a] + spacing * (0.5 * i - 0.5)));
        lines[2 * a] = value[1];
        lines[2 * a + 1] = (value[2] - value[0]) / spacing;
    }
}

/* transcription.edge_margin */
static void put_margin(const problem_t *p, fine_t *fine) {
    const double front = p->vehicle.rear_to_center + p->vehicle.length / 2;
    for (int i = 0; i < fine->count; i++) {
        const place_t place = fine->places[i];
        const double room = at(p->road.left_width, place) + at(p->road.right_width, place);
        const double bend = fabs(at(p->road.curvature, place));
        const double swept = p->vehicle.width + bend * front * front / 2;
        fine->margin[i] = limited((room - swept) / 4, 0.0, p->margins.road);
    }
}

/* transcription._edge */
static void put_edge(fine_t *fine, const double *edge, const double *anchors, double *lines) {
    const double spacing = anchors[1] - anchors[0];
    double beyond[ANCHORS], straight[2 * ANCHORS];
    for (int i = 0; i < fine->count; i++) {
        fine->width[i] = at(edge, fine->places[i]);
        fine->profile[i] = fine->width[i] - fine->margin[i];
    }
    put_lines(fine, anchors, lines);
    for (int i = 0; i < 2 * ANCHORS; i++) straight[i] = lines[i];
    for (int a = 0; a < ANCHORS; a++) beyond[a] = 0.0;
    for (int i = 0; i < fine->count; i++) {
        const double station = fine->station[i];
        const int a = (int)((station - anchors[0]) / spacing + 0.5);
        const double line = straight[2 * a] - straight[2 * a + 1] * anchors[a] +
                            straight[2 * a + 1] * station;
        beyond[a] = fmax(beyond[a], line - fine->width[i]);
    }
    for (int a = 0; a < ANCHORS; a++) {
        if (beyond[a] <= 0.0) continue;
        lines[2 * a] -= beyond[a];
        double least = INFINITY;
        for (int i = 0; i < fine->count; i++)
            if (fabs(fine->station[i] - anchors[a]) <= STEP_WINDOW * spacing)
                least = fmin(least, fine->width[i] - fine->margin[i]);
        if (least > lines[2 * a] - fabs(lines[2 * a + 1]) * spacing / 2) {
            lines[2 * a] = least;
            lines[2 * a + 1] = 0.0;
        }
    }
}

/* transcription.road_parameters */
static void put_road(const way_t *w, fine_t *fine, double first, double last, double *road) {
    const problem_t *p = w->problem;
    const double c = cos(p->state[2]), s = sin(p->state[2]);
    double anchors[ANCHORS], left[2 * ANCHORS], right[2 * ANCHORS], offset[2 * ANCHORS] = {0};
    double speed[2 * ANCHORS];
    for (int i = 0; i < fine->count; i++) {
        fine->station[i] = spaced(first, last, fine->count, i);
        fine->places[i] = next_on_road(&p->road, fine->station[i], i ? fine->places + i - 1 : 0);
    }
    for (int a = 0; a < ANCHORS; a++) anchors[a] = spaced(first, last, ANCHORS, a);
    const double spacing = anchors[1] - anchors[0];
    put_margin(p, fine);
    put_edge(fine, p->road.left_width, anchors, left);
    put_edge(fine, p->road.right_width, anchors, right);
    if (p->target.offset != 0.0) {
        for (int i = 0; i < fine->count; i++) {
            const double ahead = p->target.offset_station - fine->station[i];
            fine->profile[i] = p->target.offset * limited(1.0 - ahead / GOAL_APPROACH, 0.0, 1.0);
        }
        put_lines(fine, anchors, offset);
    }
    put_speeds(w, fine->station, fine->places, fine->count, fine->profile);
    put_lines(fine, anchors, speed);
    *road++ = p->margins.grip * p->friction * GRAVITY;
    *road++ = w->stop - w->here;
    *road++ = 0.1 * spacing * spacing;
    for (int a = 0; a < ANCHORS; a++) {
        const place_t place = on_road(&p->road, anchors[a]);
        const double heading = at(p->road.heading, place), local_heading = heading - p->state[2];
        const double beyond =
            anchors[a] - limited(anchors[a], p->road.station[0], last_station(&p->road));
        const double dx = at(p->road.x, place) + beyond * cos(heading) - p->state[0];
        const double dy = at(p->road.y, place) + beyond * sin(heading) - p->state[1];
        const double turned =
            at(p->road.heading, on_road(&p->road, anchors[a] + spacing / 2)) -
            at(p->road.heading, on_road(&p->road, anchors[a] - spacing / 2));
        const double fields[ANCHOR_SIZE] = {
            c * dx + s * dy,    c * dy - s * dx,      cos(local_heading), sin(local_heading),
            turned / spacing,   anchors[a] - w->here, left[2 * a],        left[2 * a + 1],
            right[2 * a],       right[2 * a + 1],     offset[2 * a],      offset[2 * a + 1],
            speed[2 * a],       speed[2 * a + 1],
        };
        for (int i = 0; i < ANCHOR_SIZE; i++) *road++ = fields[i];
    }
}

/* transcription.state_envelope */
static void put_envelope(const problem_t *p, numbers_t *out) {
    const vehicle_t *v = &p->vehicle;
    const double most[2] = {v->speed_max, v->steering_max}, least[2] = {0.0, -v->steering_max};
    const double up[2] = {v->acceleration_max, v->steering_rate_max};
    const double down[2] = {-v->deceleration_max, -v->steering_rate_max};
    for (int k = 0; k <= p->steps; k++) {
        double *lower = out->state_lower + STATES * k, *upper = out->state_upper + STATES * k;
        for (int i = 0; i < SPEED; i++) {
            lower[i] = -INFINITY;
            upper[i] = INFINITY;
        }
        for (int i = 0; i < 2; i++) {
            const double start = p->state[SPEED + i], reach = RETURN_USE * k * p->dt;
            upper[SPEED + i] = fmax(most[i], start + reach * down[i]);
            lower[SPEED + i] = fmin(least[i], start + reach * up[i]);
        }
    }
}

/* Return 0, or 1 where there is no memory. */
int transcribe(const problem_t *p, numbers_t *out) {
    double first, last;
    out->here = isnan(p->station) ? locate(&p->road, p->state[0], p->state[1], p->state[2])
                                  : station_of(&p->road, p->state[0], p->state[1], p->station);
    out->blocked_station = blocked_station(p, out->here);
    for (int i = 0; i < STATES; i++) out->initial_state[i] = i < SPEED ? 0.0 : p->state[i];
    put_envelope(p, out);
    put_obstacles(p, out);
    const way_t way = way_of(p, out->here, out->blocked_station);
    fine_t fine = {.count = stations_ahead(&way, &first, &last)};
    double *const memory = malloc(fine.count * (4 * sizeof *memory + sizeof *fine.places));
    if (!memory) return 1;
    fine.station = memory;
    fine.profile = memory + fine.count;
    fine.width = memory + 2 * fine.count;
    fine.margin = memory + 3 * fine.count;
    fine.places = (place_t *)(memory + 4 * fine.count);
    put_road(&way, &fine, first, last, out->road);
    free(memory);
    return 0;
}
