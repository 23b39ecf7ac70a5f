/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Places along the road: road.py says what they are, and holds this to account.
 */

enum { STRIDE = 16 };                 /* between vertices that are looked at first */
static const double LEAST_GAIN = 1e-9; /* distances that are as near as this are one [m] */

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

/* A station's place on the path, straight on beyond the ends; its heading. */
static double point_at(const road_t *road, double station, double *x, double *y) {
    const place_t place = on_road(road, station);
    const double heading = at(road->heading, place);
    const double beyond = station - limited(station, road->station[0], last_station(road));
    *x = at(road->x, place) + beyond * cos(heading);
    *y = at(road->y, place) + beyond * sin(heading);
    return heading;
}

static double distance(const road_t *road, int vertex, double x, double y) {
    const double dx = road->x[vertex] - x, dy = road->y[vertex] - y;
    return sqrt(dx * dx + dy * dy);
}

/* The first of the vertices from begin to before end that are nearest to a point. A vertex that is
 * farther than another by so many times the longest segment has as many after it that are no
 * nearer: they are passed over. */
static int nearest_vertex(const road_t *road, double x, double y, int begin, int end) {
    double least = INFINITY;
    int nearest = begin;
    for (int i = begin; i < end; i += STRIDE) least = smaller(distance(road, i, x, y), least);
    least += LEAST_GAIN; /* which the loop below has to find again */
    for (int i = begin; i < end;) {
        const double away = distance(road, i, x, y), passed = (away - least) / road->longest;
        if (away < least) {
            least = away;
            nearest = i;
        }
        i += passed > 1.0 ? (int)smaller(passed, end - i) : 1;
    }
    return nearest;
}

/* Road.project of one point; near: about where, or not a number. */
static void project(const road_t *road, double x, double y, double near, double *station,
                    double *offset) {
    int begin = 0, end = road->vertices, last = road->vertices - 2;
    if (!isnan(near)) {
        near = limited(near, road->station[0], last_station(road));
        begin = count_below(road->station, road->vertices, near - LOCAL) - 1;
        if (begin < 0) begin = 0;
        end = count_below(road->station, road->vertices, near + LOCAL) + 1;
        if (end > road->vertices) end = road->vertices;
    }
    const int vertex = nearest_vertex(road, x, y, begin, end);
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

/* Road.local. */
static road_t local(const road_t *road, double station, double behind, double ahead) {
    double before, beyond;
    span(road, station, &before, &beyond);
    const double begin = fmax(station - behind, before), end = fmin(station + ahead, beyond);
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

/* transcription.edge_margin, at one place. */
static double edge_margin(const road_t *road, const vehicle_t *car, double most, place_t place) {
    const double room = at(road->left_width, place) + at(road->right_width, place);
    const double front = car->rear_to_center + car->length / 2;
    const double swept = car->width + fabs(at(road->curvature, place)) * front * front / 2;
    return limited((room - swept) / 4, 0.0, most);
}
