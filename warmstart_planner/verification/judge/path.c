/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The road's reference path: where a point is along it, and how wide the corridor is there.
 */

/* Where on the path a point is; `excess` is how far its foot is past the ends of the segment. */
typedef struct {
    double station, offset, excess;
    long segment;
} foot_t;
_Static_assert(sizeof(foot_t) == 4 * sizeof(double), "feet are taken from memory for numbers");

/* The road's polyline: of each segment the direction, length and stations a metre. */
typedef struct {
    const road_t *road;
    int segments, stride;
    double start, end, longest;
    double *cos, *sin, *length, *scale;
} path_t;

static size_t path_size(const road_t *road) {
    return 4 * (size_t)(road->vertices - 1);
}

static path_t path_of(const road_t *road, memory_t *memory) {
    int segments = road->vertices - 1;
    path_t path = {.road = road, .segments = segments};
    double **arrays[] = {&path.cos, &path.sin, &path.length, &path.scale};
    for (int i = 0; i < 4; i++) *arrays[i] = take(memory, segments);
    path.start = road->station[0];
    path.end = road->station[segments];
    for (int s = 0; s < segments; s++) {
        double dx = road->x[s + 1] - road->x[s], dy = road->y[s + 1] - road->y[s];
        path.length[s] = larger(hypot(dx, dy), 1e-9);
        path.cos[s] = dx / path.length[s];
        path.sin[s] = dy / path.length[s];
        path.scale[s] = (road->station[s + 1] - road->station[s]) / path.length[s];
        raise_to(&path.longest, path.length[s]);
    }
    double stride = COARSE * segments / (path.end - path.start);
    path.stride = stride >= segments ? segments : stride > 1.0 ? (int)stride : 1;
    return path;
}

/* Index of the first vertex whose station is not less than one given. */
static int vertex_from(const road_t *road, double station) {
    int low = 0, high = road->vertices;
    while (low < high) {
        int middle = (low + high) / 2;
        if (road->station[middle] < station) low = middle + 1;
        else high = middle;
    }
    return low;
}

static inline int holds(const path_t *path, long segment, double station) {
    const double *begin = path->road->station + segment;
    return (segment == 0 || begin[0] <= station) &&
           (segment == path->segments - 1 || station < begin[1]);
}

/* Index of the segment that holds a station; the first and last go on. `hint` may be one near. */
static long segment_at(const path_t *path, double station, long hint) {
    for (long s = hint; s < path->segments && s <= hint + 1; s++)
        if (holds(path, s, station)) return s;
    long low = 0, high = path->segments - 1;
    while (low < high) {
        long middle = (low + high + 1) / 2;
        if (path->road->station[middle] <= station) low = middle;
        else high = middle - 1;
    }
    return low;
}

/* Foot on the line of the segment at a guess. */
static foot_t foot_on(const path_t *path, double x, double y, double guess, long hint) {
    const road_t *road = path->road;
    long s = segment_at(path, guess, hint);
    double dx = x - road->x[s], dy = y - road->y[s];
    double station = road->station[s] + (path->cos[s] * dx + path->sin[s] * dy) * path->scale[s];
    double before = s > 0 ? road->station[s] - station : -INFINITY;
    double beyond = s < path->segments - 1 ? station - road->station[s + 1] : -INFINITY;
    double offset = path->cos[s] * dy - path->sin[s] * dx;
    return (foot_t){station, offset, larger(before, beyond), s};
}

/* Nearest coarse vertex to a point, of those from `low` to before `high` within reach of a
 * station. */
static int nearest_of(const path_t *path, double x, double y, double near, double reach, int low,
                      int high) {
    const road_t *road = path->road;
    double least = INFINITY;
    int nearest = low, end = high < road->vertices ? high : road->vertices;
    reach += path->stride * path->longest;
    for (int v = low; v < end; v += path->stride) {
        if (fabs(road->station[v] - near) > reach) continue;
        double distance = square(x - road->x[v]) + square(y - road->y[v]);
        if (distance < least) {
            least = distance;
            nearest = v;
        }
    }
    return nearest;
}

/* Coarse vertices between two stations, and a little beyond: the first, and one after the last. */
static void vertices_between(const path_t *path, double first, double last, int *low, int *high) {
    *low = vertex_from(path->road, first - COARSE) / path->stride * path->stride;
    *high = vertex_from(path->road, last + COARSE) + 1;
}

/* Nearest foot on all segments about the nearest of a few vertices near a guess. */
static foot_t search(const path_t *path, double x, double y, double near) {
    const road_t *road = path->road;
    foot_t best = {0};
    double least = INFINITY;
    int low, high;
    near = limited(near, path->start, path->end);
    vertices_between(path, near - UNSURE, near + UNSURE, &low, &high);
    int vertex = nearest_of(path, x, y, near, UNSURE, low, high);
    for (int i = vertex - path->stride - 1; i < vertex + path->stride + 1; i++) {
        int s = i < 0 ? 0 : i < path->segments ? i : path->segments - 1;
        double dx = x - road->x[s], dy = y - road->y[s];
        double part = (path->cos[s] * dx + path->sin[s] * dy) / path->length[s];
        if (s > 0) part = larger(part, 0.0);
        if (s < path->segments - 1) part = smaller(part, 1.0);
        /* exact at the vertices: two segments are as near where their common one is the foot */
        double gap = hypot(x - ((1.0 - part) * road->x[s] + part * road->x[s + 1]),
                           y - ((1.0 - part) * road->y[s] + part * road->y[s + 1]));
        if (gap >= least) continue;
        least = gap;
        double left = path->cos[s] * dy - path->sin[s] * dx;
        double along = part * path->length[s];
        best = (foot_t){road->station[s] + along * path->scale[s], gap * sign(left), 0.0, s};
    }
    return best;
}

/* Project a point to the path by Newton's method; it goes on straight beyond its ends. */
static foot_t project(const path_t *path, double x, double y, double guess, long hint) {
    const road_t *road = path->road;
    double near = guess;
    foot_t foot = foot_on(path, x, y, guess, hint);
    for (int i = 0; i < PROJECTION_ROUNDS && foot.excess > 0.0; i++) {
        /* on a bend a step along the tangent is a longer or shorter one along the path */
        double bend = 1.0 - road->curvature[foot.segment] * foot.offset;
        guess += (foot.station - guess) / limited(bend, 0.3, 3.0);
        foot = foot_on(path, x, y, guess, foot.segment);
    }
    if (foot.excess > PROJECTION_LOST) return search(path, x, y, near);
    /* outside a corner of the polyline neither segment has the foot: the corner is it */
    long s = foot.segment;
    if (s > 0) raise_to(&foot.station, road->station[s]);
    if (s < path->segments - 1) foot.station = smaller(foot.station, road->station[s + 1]);
    return foot;
}

/* Station of the nearest place to the first sample that leads its way. */
static double begin_of(const path_t *path, const samples_t *ego) {
    const road_t *road = path->road;
    double least = INFINITY, station = path->start;
    for (int s = 0; s < path->segments; s += path->stride) {
        double gap = hypot(ego->x[0] - road->x[s], ego->y[0] - road->y[s]);
        double same_way = path->cos[s] * ego->cos[0] + path->sin[s] * ego->sin[0];
        if (gap - CROSSWISE * same_way < least) {
            least = gap - CROSSWISE * same_way;
            station = road->station[s];
        }
    }
    return station;
}

/* Guess the stations of the nodes from `first` to before `end`, a stretch that a car drives from
 * about a station on; `ahead` is the way from its first node to each. */
static void locate_stretch(const path_t *path, const samples_t *ego, int first, int end,
                           double begin, const double *ahead, double *guess) {
    double least = INFINITY, most = -INFINITY;
    int low, high;
    for (int k = first; k < end; k++) {
        double near = limited(begin + ahead[k - first], path->start, path->end);
        double reach = UNSURE + UNEVEN * ahead[k - first];
        least = smaller(least, near - reach);
        most = larger(most, near + reach);
    }
    vertices_between(path, least, most, &low, &high);
    for (int k = first; k < end; k++) {
        double near = limited(begin + ahead[k - first], path->start, path->end);
        double reach = UNSURE + UNEVEN * ahead[k - first];
        double x = ego->x[SUBSTEPS * k], y = ego->y[SUBSTEPS * k];
        guess[k] = path->road->station[nearest_of(path, x, y, near, reach, low, high)];
    }
}

/* Guess the station of each node, followed a stretch of FOLLOWED at a time. */
static void locate(const path_t *path, const samples_t *ego, double begin, double *ahead,
                   double *guess) {
    for (int first = 0, end; first < ego->nodes; first = end) {
        double step = 0.0;
        ahead[0] = 0.0;
        for (end = first + 1; end < ego->nodes; end++) {
            int at = SUBSTEPS * end, before = at - SUBSTEPS;
            step = sqrt(square(ego->x[at] - ego->x[before]) + square(ego->y[at] - ego->y[before]));
            double way = ahead[end - first - 1] + step;
            if (!(way <= FOLLOWED)) break;
            ahead[end - first] = way;
        }
        locate_stretch(path, ego, first, end, begin, ahead, guess);
        begin = guess[end - 1] + step;
    }
}

static size_t feet_size(size_t nodes) {
    return 4 * sample_count(nodes) + 2 * nodes;
}

/* Follow a car along the path, so that it stays on its own pass where the road meets itself.
 * `near` is about where it begins, NaN: the nearest place that leads its way. */
static foot_t *feet_of(const path_t *path, const samples_t *ego, double near, memory_t *memory) {
    foot_t *feet = (foot_t *)take(memory, 4 * (size_t)ego->count);
    double *guess = take(memory, ego->nodes), *ahead = take(memory, ego->nodes);
    locate(path, ego, isnan(near) ? begin_of(path, ego) : near, ahead, guess);
    long hint = 0;
    for (int i = 0; i < ego->count; i++) {
        feet[i] = project(path, ego->x[i], ego->y[i], guess[i / SUBSTEPS], hint);
        hint = feet[i].segment;
    }
    return feet;
}

/* A road's profile at a foot, constant beyond the ends. */
static double profile_at(const path_t *path, const double *profile, const foot_t *foot) {
    const double *begin = path->road->station + foot->segment;
    double part = limited((foot->station - begin[0]) / (begin[1] - begin[0]), 0.0, 1.0);
    const double *value = profile + foot->segment;
    return value[0] + part * (value[1] - value[0]);
}

/* Least widths and largest curvature of the path within a reach of stations, by blocks no shorter
 * than the reach, each with the blocks beside it. */
typedef struct {
    double size;
    int count;
    double *left, *right, *bend;
} bounds_t;

static size_t bounds_size(const road_t *road) {
    return 4 * (size_t)road->vertices + 4;
}

/* Curvature of the polyline at an inner vertex: its turn over the shorter of its segments. */
static double bend_at(const path_t *path, int vertex) {
    const double *cosine = path->cos + vertex, *sine = path->sin + vertex;
    double turn = atan2(cosine[-1] * sine[0] - sine[-1] * cosine[0],
                        cosine[-1] * cosine[0] + sine[-1] * sine[0]);
    return fabs(turn) / smaller(path->length[vertex - 1], path->length[vertex]);
}

static bounds_t bounds_of(const path_t *path, double reach, memory_t *memory) {
    const road_t *road = path->road;
    double longest = 0.0;
    for (int s = 0; s < path->segments; s++)
        raise_to(&longest, road->station[s + 1] - road->station[s]);
    bounds_t bounds = {.size = larger(reach, 2.0 * longest)};
    bounds.count = (int)((path->end - path->start) / bounds.size) + 1;
    double **arrays[] = {&bounds.left, &bounds.right, &bounds.bend};
    for (int i = 0; i < 3; i++) *arrays[i] = take(memory, bounds.count);
    for (int b = 0; b < bounds.count; b++) {
        bounds.left[b] = bounds.right[b] = INFINITY;
        bounds.bend[b] = 0.0;
    }
    for (int v = 0, block = 0; v < road->vertices; v++) {
        while (block + 1 < bounds.count &&
               road->station[v] >= path->start + bounds.size * (block + 1))
            block++;
        double bend = v > 0 && v < path->segments ? bend_at(path, v) : 0.0;
        for (int b = block - 1; b <= block + 1; b++) {
            if (b < 0 || b >= bounds.count) continue;
            bounds.left[b] = smaller(bounds.left[b], road->left_width[v]);
            bounds.right[b] = smaller(bounds.right[b], road->right_width[v]);
            raise_to(&bounds.bend[b], bend);
        }
    }
    return bounds;
}

static int block_at(const path_t *path, const bounds_t *bounds, double station) {
    double block = (station - path->start) / bounds->size;
    return block >= bounds->count - 1 ? bounds->count - 1 : block > 0.0 ? (int)block : 0;
}
