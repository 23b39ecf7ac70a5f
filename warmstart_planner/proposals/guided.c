/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Search on a lattice of the road: guided.py says what it is and where it comes from.
 *
 * The car is a box that keeps its axis along the road, or turned by its course; its centre is at a
 * station, an offset and a speed at each stage. The cost is the planning problem's, overlap with
 * obstacles and with what is beyond the road counts by its depth. A backward pass gives the
 * cost-to-go of every point of the lattice,
 *
 *     V(k, s, d, v) = min over v', d' of c(s, d, v, d', v') + V(k + 1, s', d', v'),
 *     s' = s + T (v + v') / 2,
 *
 * a forward beam search by cost so far and cost-to-go then tells ways apart by their homotopy
 * class: which obstacles they have passed, and on which side.
 *
 * Nothing is allocated here: the caller lends the memory that guided_memory asks for. All is the
 * same when left and right are exchanged, to the last bit where no costs are equal.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 8      /* lines that one vector instruction may take together */
#define MAX_LINES 64 /* bits of a node's key; guided_library.py says so too */
#define GUARD 8      /* lines that a stage may cross at most */
typedef float block_t __attribute__((vector_size(4 * BLOCK), aligned(4), may_alias));
typedef int32_t mask_t __attribute__((vector_size(4 * BLOCK)));
#define SELECT(mask, a, b) ((block_t)(((mask_t)(a) & (mask)) | ((mask_t)(b) & ~(mask))))

#define UNREACHED 1e4f
#define FORBIDDEN 1e6f
#define HOPELESS 400.0f        /* dearer by this than the best node of a stage */
#define CREEP 0.25             /* mean speed below which a car does not move sideways [m/s] */
#define SLOPE 0.5              /* lateral speed per speed at most */
#define DRIFT 3.5              /* lateral speed at most [m/s] */
#define GRIP_ACROSS 0.9        /* share of the grip that a change of lateral speed may take */
#define STATION_BIN 1.0        /* nodes of a class that are as near, and as fast, are one [m] */
#define LATERAL_SPEED_BIN 1.2  /* [m/s] */
#define COST_FLOOR 0.3         /* added where costs are compared by their ratio */
#define AS_DEAR 1.3            /* a further way of a class counts as dearer by this factor */
#define HALVINGS 2             /* of the distance between ways of a class, where there are few */

/* Mirrored by guided_library.py, where the fields are explained. */
typedef struct {
    int stages, stations, lines, speeds, obstacles;
    int first_line, fastest_gain, fastest_loss;
    int beam, classes, per_class, ways;
    double duration, station_step, offset_step, speed_step, behind;
    double offset, lateral_speed, speed;
    double length, width, grip, stop;
    double speed_weight, offset_weight, heading_weight, acceleration_weight, lateral_weight;
    double terminal_speed_weight, terminal_offset_weight;
    double overlap, overlap_square, guidance, lateral_share, apart;
    const double *road;      /* stations x ROAD_FIELDS */
    const double *obstacles_at; /* (2 stages + 1) x obstacles x OBSTACLE_FIELDS */
} search_t;

typedef struct {
    double curvature, left, right, target_speed, target_offset;
} road_t;
#define ROAD_FIELDS 5

/* Its place on the road, its course relative to the road, its size with the margin. */
typedef struct {
    double station, offset, cosine, sine, half_length, half_width, radius;
} obstacle_t;
#define OBSTACLE_FIELDS 7

/* Where a way of the beam is at the end of a stage. */
typedef struct {
    float station, offset, lateral_speed, cost, total; /* total: with the cost-to-go */
    uint32_t passed;                                   /* its homotopy class */
    int parent;
    short line, level;
} node_t;

typedef struct {
    float total;
    int index;
} rank_t;

typedef struct {
    uint64_t key;
    int index, stage;
} slot_t;

typedef struct {
    uint32_t passed;
    int taken; /* -1: free */
} class_t;

/* Tables in the lent memory. */
typedef struct {
    int width, pool_size, slot_count, class_count;
    float *overlap;    /* (2 stages + 1) x stations x width */
    float *cost_to_go; /* (stages + 1) x stations x speeds x width */
    float *lateral;    /* 2 speeds x GUARD */
    node_t *beams;     /* (stages + 1) x beam */
    node_t *pool;      /* of a stage's nodes, no two of them alike */
    rank_t *ranks, *spare_ranks;
    int *class_of_rank;
    slot_t *slots;
    class_t *classes;
    int *counts;     /* nodes of each beam */
    float *discount; /* of each leaf */
    char *fate;
} tables_t;

static double limited(double value, double lower, double upper) {
    return value < lower ? lower : value > upper ? upper : value;
}

/* Lines that a car crosses in a stage at most. */
static int crossed(const search_t *s, double lateral_speed) {
    return (int)limited(lateral_speed * s->duration / s->offset_step, 1.0, GUARD - 1.0);
}

/* ------------------------------------------------------------------------------------ memory */

static int power_above(int count) {
    int size = 1;
    while (size < count) size *= 2;
    return size;
}

static void *carve(char *base, size_t *used, size_t bytes) {
    void *begin = base ? base + *used : 0;
    *used += (bytes + 63) / 64 * 64;
    return begin;
}

/* Lay the tables out from an address, or only count their bytes if it is null. */
static size_t lay_out(const search_t *s, char *base, tables_t *t) {
    size_t used = 0, stages = (size_t)s->stages;
    int successors = (s->fastest_gain + s->fastest_loss + 1) * (2 * crossed(s, DRIFT) + 3);
    t->width = (s->lines + BLOCK - 1) / BLOCK * BLOCK;
    t->pool_size = s->beam * successors;
    t->slot_count = power_above(2 * t->pool_size);
    t->class_count = power_above(4 * s->classes);
    size_t plane = (size_t)s->stations * t->width;
    size_t pool = (size_t)t->pool_size;
    t->overlap = carve(base, &used, (2 * stages + 1) * plane * sizeof(float));
    t->cost_to_go = carve(base, &used, (stages + 1) * plane * s->speeds * sizeof(float));
    t->lateral = carve(base, &used, 2 * (size_t)s->speeds * GUARD * sizeof(float));
    t->beams = carve(base, &used, (stages + 1) * s->beam * sizeof(node_t));
    t->pool = carve(base, &used, pool * sizeof(node_t));
    t->ranks = carve(base, &used, pool * sizeof(rank_t));
    t->spare_ranks = carve(base, &used, pool * sizeof(rank_t));
    t->class_of_rank = carve(base, &used, pool * sizeof(int));
    t->slots = carve(base, &used, (size_t)t->slot_count * sizeof(slot_t));
    t->classes = carve(base, &used, (size_t)t->class_count * sizeof(class_t));
    t->counts = carve(base, &used, (stages + 1) * sizeof(int));
    t->discount = carve(base, &used, s->beam * sizeof(float));
    t->fate = carve(base, &used, (size_t)s->beam);
    return used;
}

/* Bytes that a search needs. */
size_t guided_memory(const search_t *s) {
    tables_t tables;
    return lay_out(s, 0, &tables);
}

/* ---------------------------------------------------------------------------------- geometry */

static double offset_of(const search_t *s, int line) {
    return (s->first_line + line) * s->offset_step;
}

/* Station as a number of rows of the lattice, its whole part and the rest. */
static int row_of(const search_t *s, double station, double *rest) {
    double row = limited((station + s->behind) / s->station_step, 0.0, s->stations - 1.001);
    *rest = row - (int)row;
    return (int)row;
}

static double between(double a, double b, double share) {
    return (1.0 - share) * a + share * b;
}

static road_t road_at(const search_t *s, double station) {
    double f;
    const double *a = s->road + (size_t)row_of(s, station, &f) * ROAD_FIELDS, *b = a + ROAD_FIELDS;
    return (road_t){between(a[0], b[0], f), between(a[1], b[1], f), between(a[2], b[2], f),
                    between(a[3], b[3], f), between(a[4], b[4], f)};
}

static float *overlap_row(const search_t *s, const tables_t *t, int half, int row) {
    return t->overlap + ((size_t)half * s->stations + row) * t->width;
}

static float *cost_to_go_row(const search_t *s, const tables_t *t, int stage, int row, int level) {
    return t->cost_to_go +
           (((size_t)stage * s->stations + row) * s->speeds + level) * t->width;
}

/* Overlap of two boxes by the separating-axis theorem: the least depth along their four axes. The
 * car's axis lies along the road. */
static double depth(const search_t *s, const obstacle_t *o, double along, double across) {
    double c = fabs(o->cosine), n = fabs(o->sine), length = s->length / 2, width = s->width / 2;
    double d = length + o->radius + o->half_length * c + o->half_width * n - fabs(along);
    d = fmin(d, width + o->radius + o->half_length * n + o->half_width * c - fabs(across));
    d = fmin(d, o->half_length + o->radius + length * c + width * n -
                    fabs(o->cosine * along + o->sine * across));
    return fmin(d, o->half_width + o->radius + length * n + width * c -
                       fabs(o->cosine * across - o->sine * along));
}

static float priced(const search_t *s, double deep) {
    return deep > 0.0 ? (float)(deep + s->overlap_square * deep * deep) : 0.0f;
}

static void draw_corridor(const search_t *s, const tables_t *t, int half) {
    for (int i = 0; i < s->stations; i++) {
        const double *road = s->road + (size_t)i * ROAD_FIELDS;
        float *row = overlap_row(s, t, half, i);
        for (int j = 0; j < s->lines; j++) {
            double d = offset_of(s, j);
            double beyond = fmax(d + s->width / 2 - road[1], 0.0);
            row[j] = priced(s, beyond + fmax(s->width / 2 - d - road[2], 0.0));
        }
        for (int j = s->lines; j < t->width; j++) row[j] = 0.0f;
    }
}

static void draw_obstacle(const search_t *s, const tables_t *t, int half, const obstacle_t *o) {
    double c = fabs(o->cosine), n = fabs(o->sine);
    double along = s->length / 2 + o->radius + o->half_length * c + o->half_width * n;
    double across = s->width / 2 + o->radius + o->half_length * n + o->half_width * c;
    double from = o->station + s->behind;
    int i0 = (int)fmax(ceil((from - along) / s->station_step), 0.0);
    int i1 = (int)fmin(floor((from + along) / s->station_step), s->stations - 1.0);
    int j0 = (int)fmax(ceil((o->offset - across) / s->offset_step) - s->first_line, 0.0);
    int j1 = (int)fmin(floor((o->offset + across) / s->offset_step) - s->first_line,
                       s->lines - 1.0);
    for (int i = i0; i <= i1; i++) {
        float *row = overlap_row(s, t, half, i);
        for (int j = j0; j <= j1; j++)
            row[j] += priced(s, depth(s, o, i * s->station_step - from,
                                      offset_of(s, j) - o->offset));
    }
}

/* Overlap at every place of the lattice, at every stage and half way between them. */
static void draw_overlap(const search_t *s, const tables_t *t) {
    draw_corridor(s, t, 0);
    size_t plane = (size_t)s->stations * t->width;
    for (int half = 1; half <= 2 * s->stages; half++)
        memcpy(t->overlap + half * plane, t->overlap, plane * sizeof(float));
    const obstacle_t *o = (const obstacle_t *)s->obstacles_at;
    for (int half = 0; half <= 2 * s->stages; half++)
        for (int m = 0; m < s->obstacles; m++) draw_obstacle(s, t, half, o++);
}

/* Between the places of the lattice. */
static double overlap_at(const search_t *s, const tables_t *t, int half, double station,
                         double offset) {
    double f, line = offset / s->offset_step - s->first_line;
    int i = row_of(s, station, &f);
    line = limited(line, 0.0, s->lines - 1.0);
    int j = (int)line, k = j + 1 < s->lines ? j + 1 : j;
    const float *a = overlap_row(s, t, half, i), *b = overlap_row(s, t, half, i + 1);
    return between(between(a[j], a[k], line - j), between(b[j], b[k], line - j), f);
}

/* -------------------------------------------------------------------------------- backward pass */

static double lateral_speed_limit(double mean_speed) {
    return fmin(DRIFT, SLOPE * fmax(mean_speed, 1.0));
}

static double beyond_grip(const search_t *s, double along, double across) {
    return fmax(sqrt(along * along + across * across) - s->grip, 0.0);
}

static void end_costs(const search_t *s, const tables_t *t) {
    for (int i = 0; i < s->stations; i++) {
        const double *road = s->road + (size_t)i * ROAD_FIELDS;
        double front = i * s->station_step - s->behind + s->length / 2;
        for (int l = 0; l < s->speeds; l++) {
            double v = l * s->speed_step, ev = v - road[3];
            double late = fmax(front + v * v / s->grip - s->stop, 0.0);
            float *row = cost_to_go_row(s, t, s->stages, i, l);
            for (int j = 0; j < t->width; j++) {
                double ed = offset_of(s, j) - road[4];
                row[j] = (float)(s->terminal_speed_weight * ev * ev +
                                 s->terminal_offset_weight * ed * ed +
                                 s->overlap * s->duration * late);
            }
        }
    }
}

/* Cost of a stage from a row and speed to another speed, and what comes after, by the line it ends
 * on; `middle` is the overlap half way. */
static void arrive(const search_t *s, const tables_t *t, int stage, int row, int level, int to,
                   float *end, float *middle) {
    const double *road = s->road + (size_t)row * ROAD_FIELDS;
    double T = s->duration, v = level * s->speed_step, w = to * s->speed_step;
    double a = (w - v) / T, lateral = v * v * road[0], ev = w - road[3];
    double fixed = T * (s->speed_weight * ev * ev + s->acceleration_weight * a * a +
                        s->lateral_weight * lateral * lateral +
                        s->overlap * beyond_grip(s, a, lateral));
    double last = s->stations - 1.001, step = T / s->station_step;
    double there = fmin(row + (v + w) / 2 * step, last);
    int i = (int)there, near = (int)(there + 0.5);
    int mid = (int)fmin(row + (3 * v + w) / 8 * step + 0.5, s->stations - 1.0);
    float share = (float)(there - i), price = (float)(s->overlap * T / 2);
    const float *here = cost_to_go_row(s, t, stage + 1, i, to);
    const float *ahead = cost_to_go_row(s, t, stage + 1, i + 1, to);
    const float *at_end = overlap_row(s, t, 2 * stage + 2, near);
    const float *half_way = overlap_row(s, t, 2 * stage + 1, mid);
    float weight = (float)(T * s->offset_weight), base = (float)fixed;
    float target = (float)road[4], line = (float)s->offset_step;
    for (int j = 0; j < t->width; j++) {
        float ed = (float)(s->first_line + j) * line - target;
        end[j] = here[j] + share * (ahead[j] - here[j]) + price * at_end[j] + base +
                 weight * ed * ed;
        middle[j] = price * half_way[j];
    }
    for (int j = s->lines; j < t->width; j++) end[j] = FORBIDDEN;
}

/* What changes of line cost, by the sum of a stage's first and last level. */
static void price_changes(const search_t *s, const tables_t *t) {
    for (int sum = 0; sum < 2 * s->speeds; sum++)
        for (int lines = 0; lines < GUARD; lines++) {
            double across = lines * s->offset_step / s->duration;
            double course = across / fmax(sum * s->speed_step / 2, 1.0);
            t->lateral[sum * GUARD + lines] =
                (float)(s->duration * (s->heading_weight * course * course +
                                       s->lateral_share * across * across));
        }
}

/* The least of what is known and what changes of up to `reach` lines lead to. */
static void improve(int width, const float *end, const float *middle, const float *lateral,
                    int reach, float *best) {
    for (int first = 0; first < width; first += BLOCK) {
        block_t least = *(const block_t *)(best + first);
        for (int lines = -reach; lines <= reach; lines++) {
            block_t e = *(const block_t *)(end + first + lines);
            block_t m = *(const block_t *)(middle + first + lines / 2);
            block_t cost = e + m + lateral[abs(lines)];
            least = SELECT(cost < least, cost, least);
        }
        *(block_t *)(best + first) = least;
    }
}

/* Bellman's equation for all lines of a row and speed. */
static void bellman(const search_t *s, const tables_t *t, int stage, int row, int level) {
    float end[MAX_LINES + 2 * GUARD], middle[MAX_LINES + 2 * GUARD], best[MAX_LINES];
    int padded = t->width + 2 * GUARD;
    for (int j = 0; j < padded; j++) end[j] = FORBIDDEN, middle[j] = 0.0f;
    for (int j = 0; j < t->width; j++) best[j] = FORBIDDEN;
    int slowest = level - s->fastest_loss > 0 ? level - s->fastest_loss : 0;
    for (int to = slowest; to <= level + s->fastest_gain && to < s->speeds; to++) {
        double mean = (level + to) * s->speed_step / 2;
        arrive(s, t, stage, row, level, to, end + GUARD, middle + GUARD);
        int reach = mean < CREEP ? 0 : crossed(s, lateral_speed_limit(mean));
        const float *lateral = t->lateral + (level + to) * GUARD;
        improve(t->width, end + GUARD, middle + GUARD, lateral, reach, best);
    }
    memcpy(cost_to_go_row(s, t, stage, row, level), best, t->width * sizeof(float));
}

/* Rows and speeds that the car can have reached by a stage, with one to spare. */
static void reachable(const search_t *s, int stage, int *rows, int *levels) {
    double t = stage * s->duration, gain = s->fastest_gain * s->speed_step / s->duration;
    double loss = s->fastest_loss * s->speed_step / s->duration;
    double fast = s->speed + s->speed_step, slow = fmax(s->speed - s->speed_step, 0.0);
    double braked = fmin(t, slow / loss), spare = 2 * s->station_step;
    double far = fast * t + gain * t * t / 2 + s->behind + spare;
    double near = slow * braked - loss * braked * braked / 2 + s->behind - spare;
    rows[0] = (int)fmax(floor(near / s->station_step), 0.0);
    rows[1] = (int)fmin(ceil(far / s->station_step), s->stations - 1.0);
    levels[0] = (int)fmax(floor((s->speed - loss * t) / s->speed_step) - 1, 0.0);
    levels[1] = (int)fmin(ceil((s->speed + gain * t) / s->speed_step) + 1, s->speeds - 1.0);
}

static void search_backward(const search_t *s, const tables_t *t) {
    size_t points = (size_t)s->stages * s->stations * s->speeds * t->width;
    for (size_t i = 0; i < points; i++) t->cost_to_go[i] = UNREACHED;
    end_costs(s, t);
    price_changes(s, t);
    for (int stage = s->stages - 1; stage > 0; stage--) {
        int rows[2], levels[2];
        reachable(s, stage, rows, levels);
        for (int i = rows[0]; i <= rows[1]; i++)
            for (int l = levels[0]; l <= levels[1]; l++) bellman(s, t, stage, i, l);
    }
}

/* --------------------------------------------------------------------------------- forward beam */

enum { AHEAD = 0, TO_ITS_LEFT = 1, TO_ITS_RIGHT = 2, BEHIND_FROM_THE_START = 3 };

static const obstacle_t *obstacles_at(const search_t *s, int half) {
    return (const obstacle_t *)s->obstacles_at + (size_t)half * s->obstacles;
}

static uint32_t passed_at_start(const search_t *s) {
    uint32_t passed = 0;
    for (int m = 0; m < s->obstacles; m++)
        if (obstacles_at(s, 0)[m].station < 0.0) passed |= BEHIND_FROM_THE_START << (2 * m);
    return passed;
}

/* Go on to the end of a stage, over its middle: who is passed now, and on which side. */
static uint32_t pass(const search_t *s, int stage, uint32_t passed, const double *station,
                     const double *offset) {
    const obstacle_t *middle = obstacles_at(s, 2 * stage + 1);
    const obstacle_t *end = obstacles_at(s, 2 * stage + 2);
    for (int m = 0; m < s->obstacles; m++) {
        uint32_t was = (passed >> (2 * m)) & 3u;
        if (was == BEHIND_FROM_THE_START) continue;
        if (station[1] <= end[m].station) {
            passed &= ~(3u << (2 * m));
        } else if (was == AHEAD) {
            int early = station[0] > middle[m].station;
            int left = early ? offset[0] > middle[m].offset : offset[1] > end[m].offset;
            passed |= (uint32_t)(left ? TO_ITS_LEFT : TO_ITS_RIGHT) << (2 * m);
        }
    }
    return passed;
}

static double guidance_at(const search_t *s, const tables_t *t, int stage, const node_t *node) {
    double f;
    int i = row_of(s, node->station, &f);
    return between(cost_to_go_row(s, t, stage, i, node->level)[node->line],
                   cost_to_go_row(s, t, stage, i + 1, node->level)[node->line], f);
}

/* A stage of one node at one acceleration, before its end's line is chosen. */
typedef struct {
    const node_t *from;
    int stage, level;
    double speed, next_speed, acceleration, lateral; /* lateral acceleration of the road's bend */
    double station, half_station, cost, target_offset;
} stretch_t;

static stretch_t stretch(const search_t *s, const node_t *from, int stage, int level) {
    stretch_t q = {.from = from, .stage = stage, .level = level};
    double T = s->duration;
    q.speed = stage ? from->level * s->speed_step : s->speed;
    q.next_speed = level * s->speed_step;
    q.acceleration = (q.next_speed - q.speed) / T;
    q.station = from->station + (q.speed + q.next_speed) / 2 * T;
    q.half_station = from->station + (3 * q.speed + q.next_speed) / 8 * T;
    q.lateral = q.speed * q.speed * road_at(s, from->station).curvature;
    road_t there = road_at(s, q.station);
    double ev = q.next_speed - there.target_speed;
    q.cost = T * (s->speed_weight * ev * ev +
                  s->acceleration_weight * q.acceleration * q.acceleration);
    q.target_offset = there.target_offset;
    return q;
}

/* The node at the end of a stretch on a line; whether a car can get there. */
static int move(const search_t *s, const tables_t *t, const stretch_t *q, int line, node_t *to) {
    const node_t *from = q->from;
    double T = s->duration, mean = (q->speed + q->next_speed) / 2, offset = offset_of(s, line);
    double across = (offset - from->offset) / T, swerve = (across - from->lateral_speed) / T;
    int far = abs(line - from->line) > 1;
    if (far && fabs(across) > lateral_speed_limit(mean)) return 0;
    if (far && fabs(swerve) > GRIP_ACROSS * s->grip) return 0;
    if (mean < CREEP && line != from->line) return 0;
    double lateral = q->lateral + swerve, course = across / fmax(mean, 1.0);
    double ed = offset - q->target_offset, half = (from->offset + offset) / 2;
    double deep = overlap_at(s, t, 2 * q->stage + 1, q->half_station, half) +
                  overlap_at(s, t, 2 * q->stage + 2, q->station, offset);
    double cost = T * (s->offset_weight * ed * ed + s->heading_weight * course * course +
                       s->lateral_share * s->lateral_weight * lateral * lateral +
                       s->overlap * beyond_grip(s, q->acceleration, lateral));
    to->station = (float)q->station;
    to->offset = (float)offset;
    to->lateral_speed = (float)across;
    to->line = (short)line;
    to->level = (short)q->level;
    to->cost = (float)(from->cost + q->cost + cost + s->overlap * T / 2 * deep);
    to->total = (float)(to->cost + s->guidance * guidance_at(s, t, q->stage + 1, to));
    to->passed = pass(s, q->stage, from->passed, (double[]){q->half_station, q->station},
                      (double[]){half, offset});
    return 1;
}

static uint64_t key_of(const search_t *s, const node_t *node) {
    uint64_t station = (uint64_t)((node->station + s->behind) / STATION_BIN) & 0xfff;
    uint64_t drift = (uint64_t)(lround(node->lateral_speed / LATERAL_SPEED_BIN) + 32) & 0x3f;
    return (uint64_t)node->passed << 32 | station << 20 | (uint64_t)node->line << 12 |
           (uint64_t)node->level << 6 | drift;
}

/* Keep a node in the pool unless a cheaper one is as good as there; nodes of the pool. */
static int keep(const search_t *s, const tables_t *t, int stage, const node_t *node, int count) {
    uint64_t key = key_of(s, node), mask = (uint64_t)t->slot_count - 1;
    uint64_t place = (key * 0x9E3779B97F4A7C15ull) >> 24 & mask;
    while (t->slots[place].stage == stage && t->slots[place].key != key) place = (place + 1) & mask;
    slot_t *slot = t->slots + place;
    if (slot->stage != stage) {
        *slot = (slot_t){key, count, stage};
        t->pool[count] = *node;
        return count + 1;
    }
    if (node->total < t->pool[slot->index].total) t->pool[slot->index] = *node;
    return count;
}

/* All nodes that a beam leads to in a stage; their number. */
static int expand(const search_t *s, const tables_t *t, int stage) {
    const node_t *beam = t->beams + (size_t)stage * s->beam;
    int count = 0, reach = crossed(s, DRIFT) + 1; /* one more from a start between lines */
    float best = INFINITY;
    for (int b = 0; b < t->counts[stage]; b++) {
        int from = beam[b].level - s->fastest_loss, line = beam[b].line;
        for (int level = from > 0 ? from : 0;
             level <= beam[b].level + s->fastest_gain && level < s->speeds; level++) {
            stretch_t q = stretch(s, beam + b, stage, level);
            for (int j = line > reach ? line - reach : 0; j <= line + reach && j < s->lines; j++) {
                node_t to = {.parent = b};
                if (!move(s, t, &q, j, &to) || to.total > best + HOPELESS) continue;
                best = fminf(best, to.total);
                count = keep(s, t, stage + 1, &to, count);
            }
        }
    }
    return count;
}

static uint32_t digit_of(const rank_t *rank, int shift) {
    uint32_t bits;
    memcpy(&bits, &rank->total, sizeof bits);
    return bits >> shift & 255u;
}

/* Radix sort by total; equal ones stay in their order. Totals are not negative: the bits of such
 * numbers are in the order of the numbers. */
static void sort(rank_t *ranks, rank_t *spare, int count) {
    for (int shift = 0; shift < 32; shift += 8) {
        int places[257] = {0};
        for (int i = 0; i < count; i++) places[digit_of(ranks + i, shift) + 1]++;
        for (int digit = 0; digit < 256; digit++) places[digit + 1] += places[digit];
        for (int i = 0; i < count; i++) spare[places[digit_of(ranks + i, shift)]++] = ranks[i];
        rank_t *swap = ranks;
        ranks = spare;
        spare = swap;
    }
}

/* Number of a class in the table, which it enters if there is room; -1 if not. */
static int class_of(const search_t *s, const tables_t *t, uint32_t passed, int *known) {
    int mask = t->class_count - 1, place = (int)(passed * 2654435761u >> 8) & mask;
    while (t->classes[place].taken >= 0 && t->classes[place].passed != passed)
        place = (place + 1) & mask;
    if (t->classes[place].taken < 0) {
        if (*known >= s->classes) return -1;
        t->classes[place] = (class_t){passed, 0};
        ++*known;
    }
    return place;
}

/* Take ranked nodes of classes that have less than a quota yet; nodes of the beam. */
static int take(const search_t *s, const tables_t *t, int count, int quota, node_t *beam,
                int taken) {
    for (int r = 0; r < count && taken < s->beam; r++) {
        int class = t->class_of_rank[r];
        if (class < 0 || t->classes[class].taken >= quota) continue;
        t->classes[class].taken++;
        t->class_of_rank[r] = -1;
        beam[taken++] = t->pool[t->ranks[r].index];
    }
    return taken;
}

/* The next beam: first a few nodes of each of the best classes, then the cheapest. */
static int select_beam(const search_t *s, const tables_t *t, int count, node_t *beam) {
    int known = 0, few = s->beam / (2 * s->classes);
    for (int i = 0; i < count; i++) t->ranks[i] = (rank_t){t->pool[i].total, i};
    sort(t->ranks, t->spare_ranks, count);
    for (int i = 0; i < t->class_count; i++) t->classes[i].taken = -1;
    for (int r = 0; r < count; r++)
        t->class_of_rank[r] = class_of(s, t, t->pool[t->ranks[r].index].passed, &known);
    int taken = take(s, t, count, few > 1 ? few : 1, beam, 0);
    return take(s, t, count, s->per_class, beam, taken);
}

static node_t start_of(const search_t *s) {
    double line = round(s->offset / s->offset_step) - s->first_line;
    return (node_t){.offset = (float)s->offset,
                    .lateral_speed = (float)s->lateral_speed,
                    .passed = passed_at_start(s),
                    .parent = -1,
                    .line = (short)limited(line, 0.0, s->lines - 1.0),
                    .level = (short)fmin(round(s->speed / s->speed_step), s->speeds - 1.0)};
}

static void search_forward(const search_t *s, const tables_t *t) {
    memset(t->slots, 0, (size_t)t->slot_count * sizeof(slot_t));
    memset(t->counts, 0, (s->stages + 1) * sizeof(int));
    t->beams[0] = start_of(s);
    t->counts[0] = 1;
    for (int stage = 0; stage < s->stages; stage++) {
        int count = expand(s, t, stage);
        node_t *next = t->beams + (size_t)(stage + 1) * s->beam;
        t->counts[stage + 1] = select_beam(s, t, count, next);
    }
}

/* ------------------------------------------------------------------------------- choice of ways */

/* A way's station, offset and speed at all stages. */
static void trace(const search_t *s, const tables_t *t, int leaf, double *way) {
    const node_t *node = t->beams + (size_t)s->stages * s->beam + leaf;
    for (int stage = s->stages; stage >= 0; stage--) {
        way[3 * stage] = node->station;
        way[3 * stage + 1] = node->offset;
        way[3 * stage + 2] = stage ? node->level * s->speed_step : s->speed;
        if (stage) node = t->beams + (size_t)(stage - 1) * s->beam + node->parent;
    }
}

static int is_near(const search_t *s, const double *way, const double *other, double apart) {
    for (int stage = 0; stage <= s->stages; stage++) {
        double ds = way[3 * stage] - other[3 * stage];
        double dd = way[3 * stage + 1] - other[3 * stage + 1];
        if (ds * ds + dd * dd >= apart * apart) return 0;
    }
    return 1;
}

enum { OPEN, TOO_NEAR, CHOSEN };

/* The open leaf of least total cost, where further ways of a class count as dearer; -1: none. */
static int next_leaf(const tables_t *t, const node_t *leaves, int count) {
    int found = -1;
    float least = INFINITY;
    for (int i = 0; i < count; i++) {
        float counted = (leaves[i].total + (float)COST_FLOOR) * t->discount[i];
        if (t->fate[i] == OPEN && counted < least) least = counted, found = i;
    }
    return found;
}

/* Write cheap ways that differ, `ways` at most, with their cost and class; their number. */
static int choose_ways(const search_t *s, const tables_t *t, double *ways, double *costs,
                       uint32_t *classes) {
    const node_t *leaves = t->beams + (size_t)s->stages * s->beam;
    int count = t->counts[s->stages], found = 0, size = 3 * (s->stages + 1);
    double apart = s->apart;
    for (int i = 0; i < count; i++) t->discount[i] = 1.0f, t->fate[i] = OPEN;
    for (int halvings = 0; found < s->ways;) {
        int leaf = next_leaf(t, leaves, count);
        if (leaf < 0) {
            if (++halvings > HALVINGS) break;
            apart /= 2;
            for (int i = 0; i < count; i++)
                if (t->fate[i] == TOO_NEAR) t->fate[i] = OPEN;
            continue;
        }
        double *way = ways + (size_t)found * size;
        trace(s, t, leaf, way);
        int near = 0;
        for (int j = 0; j < found && !near; j++)
            near = classes[j] == leaves[leaf].passed &&
                   is_near(s, way, ways + (size_t)j * size, apart);
        t->fate[leaf] = near ? TOO_NEAR : CHOSEN;
        if (near) continue;
        costs[found] = leaves[leaf].total;
        classes[found++] = leaves[leaf].passed;
        for (int i = 0; i < count; i++)
            if (leaves[i].passed == leaves[leaf].passed) t->discount[i] *= (float)AS_DEAR;
    }
    return found;
}

/* Search; write at most s->ways ways of (stages + 1) x (station, offset, speed), cheap ones first.
 * `memory` holds guided_memory(s) bytes, aligned as for any number. */
int guided_search(const search_t *s, void *memory, double *ways, double *costs,
                  uint32_t *classes) {
    tables_t tables;
    lay_out(s, memory, &tables);
    draw_overlap(s, &tables);
    search_backward(s, &tables);
    search_forward(s, &tables);
    return choose_ways(s, &tables, ways, costs, classes);
}
