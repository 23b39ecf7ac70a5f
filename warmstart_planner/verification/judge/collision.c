/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Overlap with obstacles, between the nodes too.
 */

/* Obstacles at the sample times: obstacles x samples each. `reach` and `inner` are the radii of
 * circles about the centre that hold the shape and that it holds. */
typedef struct {
    int samples;
    double *x, *y, *yaw, *reach, *inner;
    double *growth; /* how far the outline moves at most by growing, to the next sample */
} traffic_t;

static size_t traffic_size(const problem_t *problem) {
    return 6 * (size_t)problem->obstacles * sample_count(problem->nodes);
}

/* Half length, half width and radius of an obstacle at a sample. */
static void size_at(const problem_t *problem, int obstacle, int sample, double *size) {
    int varies = problem->size_nodes > 1;
    int node = varies ? sample / SUBSTEPS : 0, part = varies ? sample % SUBSTEPS : 0;
    const double *begin = problem->sizes + SIZES * ((size_t)obstacle * problem->size_nodes + node);
    for (int i = 0; i < SIZES; i++)
        size[i] = part ? begin[i] + (begin[i + SIZES] - begin[i]) * part / SUBSTEPS : begin[i];
}

/* How far a change of size moves an outline at most. */
static double growth_of(const double *change) {
    return sqrt(square(change[HALF_LENGTH]) + square(change[HALF_WIDTH])) + fabs(change[RADIUS]);
}

static void sample_shape(const problem_t *problem, int obstacle, const traffic_t *traffic) {
    double size[SIZES], next[SIZES], change[SIZES];
    size_at(problem, obstacle, 0, next);
    for (int i = 0; i < traffic->samples; i++) {
        size_t at = (size_t)obstacle * traffic->samples + i;
        for (int s = 0; s < SIZES; s++) size[s] = next[s];
        if (i + 1 < traffic->samples) size_at(problem, obstacle, i + 1, next);
        for (int s = 0; s < SIZES; s++) change[s] = next[s] - size[s];
        double diagonal = square(size[HALF_LENGTH]) + square(size[HALF_WIDTH]);
        traffic->reach[at] = sqrt(diagonal) + size[RADIUS];
        traffic->inner[at] = smaller(size[HALF_LENGTH], size[HALF_WIDTH]) + size[RADIUS];
        traffic->growth[at] = growth_of(change);
    }
}

/* Poses at the sample times; yaw turns the short way. */
static void sample_poses(const problem_t *problem, int obstacle, const traffic_t *traffic) {
    const double *pose = problem->poses + 3 * (size_t)obstacle * problem->nodes;
    double yaw = pose[YAW];
    for (int i = 0; i < traffic->samples; i++) {
        size_t at = (size_t)obstacle * traffic->samples + i;
        double part = (double)(i % SUBSTEPS) / SUBSTEPS, turn = 0.0;
        const double *next = i + 1 < traffic->samples ? pose + 3 : pose;
        turn = next[YAW] - pose[YAW];
        turn -= 2 * M_PI * rint(turn / (2 * M_PI));
        traffic->x[at] = pose[PX] + (next[PX] - pose[PX]) * part;
        traffic->y[at] = pose[PY] + (next[PY] - pose[PY]) * part;
        traffic->yaw[at] = yaw + turn * part;
        if ((i + 1) % SUBSTEPS) continue;
        pose += 3;
        yaw += turn;
    }
}

static traffic_t traffic_of(const problem_t *problem, memory_t *memory) {
    traffic_t traffic = {.samples = (int)sample_count(problem->nodes)};
    size_t count = (size_t)problem->obstacles * traffic.samples;
    double **arrays[] = {&traffic.x,     &traffic.y,     &traffic.yaw,
                         &traffic.reach, &traffic.inner, &traffic.growth};
    for (int i = 0; i < 6; i++) *arrays[i] = take(memory, count);
    for (int o = 0; o < problem->obstacles; o++) {
        sample_poses(problem, o, &traffic);
        sample_shape(problem, o, &traffic);
    }
    return traffic;
}

/* The car and one obstacle at the sample times: its centre in the car's frame, and what is known of
 * the distance, a lower bound at first. */
typedef struct {
    const problem_t *problem;
    const traffic_t *traffic;
    const samples_t *ego;
    double half[2];
    int obstacle;
    double *x, *y, *known;
    double *slack; /* how far it is from meeting the car before the next sample */
} pair_t;

static size_t pair_size(size_t nodes) {
    return 4 * sample_count(nodes);
}

static size_t traffic_row(const pair_t *pair) {
    return (size_t)pair->obstacle * pair->traffic->samples;
}

/* Place an obstacle in the car's frame at all samples. Circles about its centre bound the distance
 * from below, which becomes known, and from above, of which the least is returned. */
static double place(pair_t *pair, int obstacle) {
    pair->obstacle = obstacle;
    const samples_t *ego = pair->ego;
    const size_t from = traffic_row(pair);
    const double *ox = pair->traffic->x + from, *oy = pair->traffic->y + from;
    const double *reach = pair->traffic->reach + from, *inner = pair->traffic->inner + from;
    double *x = pair->x, *y = pair->y;
    double least = INFINITY;
    for (int i = 0; i < ego->count; i++) {
        double dx = ox[i] - ego->x[i], dy = oy[i] - ego->y[i];
        x[i] = ego->cos[i] * dx + ego->sin[i] * dy;
        y[i] = ego->cos[i] * dy - ego->sin[i] * dx;
        /* distance of the centre from the car's box in the maximum norm */
        double gap = larger(fabs(x[i]) - pair->half[0], fabs(y[i]) - pair->half[1]);
        pair->known[i] = gap - reach[i];
        double above = larger(gap, M_SQRT2 * gap) - inner[i];
        least = above < least ? above : least;
    }
    return least;
}

/* Pose in the car's frame and size of an obstacle at some time. */
typedef struct {
    double x, y, yaw, size[SIZES];
} placed_t;

static placed_t placed_at(const pair_t *pair, int sample) {
    double yaw = pair->traffic->yaw[traffic_row(pair) + sample] - pair->ego->yaw[sample];
    placed_t placed = {pair->x[sample], pair->y[sample], yaw, {0.0}};
    size_at(pair->problem, pair->obstacle, sample, placed.size);
    return placed;
}

static double distance_to(const placed_t *placed, const double *half) {
    return box_distance(placed->x, placed->y, cos(placed->yaw), sin(placed->yaw), half,
                        placed->size, placed->size[RADIUS]);
}

static placed_t between(const placed_t *begin, const placed_t *end, double part) {
    placed_t placed = {begin->x + (end->x - begin->x) * part,
                       begin->y + (end->y - begin->y) * part,
                       begin->yaw + (end->yaw - begin->yaw) * part,
                       {0.0}};
    for (int i = 0; i < SIZES; i++)
        placed.size[i] = begin->size[i] + (end->size[i] - begin->size[i]) * part;
    return placed;
}

/* How far an outline within `reach` moves at most in the car's frame while its pose changes. */
static inline double motion_of(double dx, double dy, double turn, double reach) {
    return sqrt(dx * dx + dy * dy) + fabs(turn) * reach;
}

/* Whether two that are apart at both ends can overlap between them. */
static inline int may_overlap(double begin, double end, double motion) {
    return begin + end < motion && begin >= 0.0 && end >= 0.0;
}

/* Least distance in an interval, divided where the two could meet unseen. */
static double least_between(const placed_t *begin, const placed_t *end, double reach,
                            const double *half, int rounds) {
    double distance[DIVISIONS + 1], least = INFINITY, change[SIZES];
    placed_t placed[DIVISIONS + 1];
    for (int i = 0; i <= DIVISIONS; i++) {
        placed[i] = between(begin, end, (double)i / DIVISIONS);
        distance[i] = distance_to(&placed[i], half);
        least = smaller(least, distance[i]);
    }
    if (rounds == 1) return least;
    for (int i = 0; i < SIZES; i++) change[i] = (end->size[i] - begin->size[i]) / DIVISIONS;
    double motion = motion_of(end->x - begin->x, end->y - begin->y, end->yaw - begin->yaw, reach);
    motion = motion / DIVISIONS + growth_of(change);
    for (int i = 0; i < DIVISIONS; i++)
        if (may_overlap(distance[i], distance[i + 1], motion))
            least = smaller(
                least, least_between(&placed[i], &placed[i + 1], reach, half, rounds - 1));
    return least;
}

static void divide(const pair_t *pair, int sample, double *deepest) {
    const double *reach = pair->traffic->reach + traffic_row(pair) + sample;
    placed_t begin = placed_at(pair, sample), end = placed_at(pair, sample + 1);
    double least =
        least_between(&begin, &end, larger(reach[0], reach[1]), pair->half, DIVISION_ROUNDS);
    double *value = &deepest[sample / SUBSTEPS];
    *value = smaller(*value, least);
}

/* Divide the intervals in which the obstacle could overlap the car unseen. */
static void divide_where_needed(const pair_t *pair, double *deepest) {
    const samples_t *ego = pair->ego;
    const size_t from = traffic_row(pair);
    const double *x = pair->x, *y = pair->y, *known = pair->known;
    const double *yaw = pair->traffic->yaw + from, *reach = pair->traffic->reach + from;
    const double *growth = pair->traffic->growth + from;
    double *slack = pair->slack;
    for (int i = 0; i < ego->count - 1; i++) {
        double turn = yaw[i + 1] - ego->yaw[i + 1] - (yaw[i] - ego->yaw[i]);
        double motion =
            motion_of(x[i + 1] - x[i], y[i + 1] - y[i], turn, larger(reach[i], reach[i + 1]));
        slack[i] = known[i] + known[i + 1] - (motion + growth[i]);
    }
    for (int i = 0; i < ego->count - 1; i++)
        if (slack[i] < 0.0 && known[i] >= 0.0 && known[i + 1] >= 0.0) divide(pair, i, deepest);
}

/* Which obstacle is nearest, when, and how near. */
typedef struct {
    int obstacle, sample;
    double distance;
} nearest_t;

/* Measure the distance at the samples at which it is not known to be beyond a limit. */
static void measure_near(const pair_t *pair, double limit, double *deepest, nearest_t *nearest) {
    for (int i = 0; i < pair->ego->count; i++) {
        if (pair->known[i] > limit) continue;
        placed_t placed = placed_at(pair, i);
        double distance = pair->known[i] = distance_to(&placed, pair->half);
        deepest[i / SUBSTEPS] = smaller(deepest[i / SUBSTEPS], distance);
        if (distance < nearest->distance) *nearest = (nearest_t){pair->obstacle, i, distance};
    }
}

/* Deepest overlap from each node to the next; returns the clearance. Measured is what can overlap
 * or be the nearest of all, which is divided in any case. */
static double collision(const problem_t *problem, const traffic_t *traffic, const samples_t *ego,
                        memory_t *memory, double *overlap) {
    pair_t pair = {.problem = problem, .traffic = traffic, .ego = ego};
    pair.half[0] = problem->vehicle.length / 2;
    pair.half[1] = problem->vehicle.width / 2;
    double **arrays[] = {&pair.x, &pair.y, &pair.known, &pair.slack};
    for (int i = 0; i < 4; i++) *arrays[i] = take(memory, ego->count);
    double bound = INFINITY, clearance = INFINITY, *deepest = overlap;
    nearest_t nearest = {-1, 0, INFINITY};
    for (int k = 0; k < ego->nodes; k++) deepest[k] = INFINITY;
    for (int o = 0; o < problem->obstacles; o++) bound = smaller(bound, place(&pair, o));
    for (int o = 0; o < problem->obstacles; o++) {
        place(&pair, o);
        measure_near(&pair, larger(bound, 0.0), deepest, &nearest);
        divide_where_needed(&pair, deepest);
    }
    if (nearest.obstacle >= 0) {
        place(&pair, nearest.obstacle);
        if (nearest.sample > 0) divide(&pair, nearest.sample - 1, deepest);
        if (nearest.sample < ego->count - 1) divide(&pair, nearest.sample, deepest);
    }
    for (int k = 0; k < ego->nodes; k++) {
        clearance = smaller(clearance, deepest[k]);
        overlap[k] = larger(-deepest[k], 0.0);
    }
    return clearance;
}
