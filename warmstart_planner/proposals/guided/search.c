/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Search on a lattice of the road: source.py says what it is and where it comes from.
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

#include "layout.h" /* search_t, price_t: library.py */

#define BLOCK 8       /* lines that one vector instruction takes together */
#define MOST_CROSSED 6 /* lines that a stage may cross at most */
#define GUARD 8       /* of those, with one more from a start between lines, each way */
#define WINDOW (2 * GUARD)
#define SLACK 64      /* before and after tables whose rows are read beyond their ends [bytes] */
#define MAX_OBSTACLES 16 /* bits of a class */

typedef float block_t __attribute__((vector_size(4 * BLOCK), aligned(4), may_alias));

#define FORBIDDEN 1e6f         /* cost beyond the lattice */
#define INVALID 1e9f           /* where a car cannot get */
#define HOPELESS 400.0f        /* dearer by this than the best node of a stage */
#define CREEP 0.25f            /* mean speed below which a car does not move sideways [m/s] */
#define SLOPE 0.5f             /* lateral speed per speed at most */
#define DRIFT 3.5f             /* lateral speed at most [m/s] */
#define GRIP_ACROSS 0.9f       /* share of the grip that a change of lateral speed may take */
#define STATION_BIN 1.0        /* nodes of a class that are as near, and as fast, are one [m] */
#define LATERAL_SPEED_BIN 1.2f /* [m/s] */
#define ROUNDING 0.01          /* rows by which a station may be off */
#define COST_FLOOR 0.3         /* added where costs are compared by their ratio */
#define AS_DEAR 1.3            /* a further way of a class counts as dearer by this factor */
#define HALVINGS 2             /* of the distance between ways of a class, where there are few */

typedef struct {
    double curvature, left, right, target_speed, target_offset;
} road_t;

/* Its place on the road, its course relative to the road, its size with the margin. */
typedef struct {
    double station, offset, cosine, sine, half_length, half_width, radius;
} obstacle_t;

/* Rows of the lattice, both included; none where the last is before the first. */
typedef struct {
    int first, last;
} span_t;

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
    uint32_t passed;
    int taken; /* -1: free */
} class_t;

/* Tables in the lent memory. `price`, `overlap` and `cost_to_go` are of the search at work. */
typedef struct {
    int width, moves, pool_size, slot_count, class_count;
    price_t price;
    float *overlaps[PRICES], *overlap; /* (2 stages + 1) x stations x width, as costs */
    float *cost_to_go;                 /* (stages + 1) x speeds x stations x width */
    float *aside;    /* stations x width: cost of being off the reference path */
    float *end;      /* stations x (width + WINDOW): a stage's, by the line where it ends */
    float *driving;  /* speeds x moves x stations: cost of speed and acceleration */
    float *lateral;  /* 2 speeds x GUARD: of changes of line */
    span_t *reached; /* (stages + 1) x speeds */
    node_t *beams;   /* (stages + 1) x beam */
    node_t *pool;    /* of a stage's nodes, no two of them alike */
    rank_t *ranks, *spare_ranks;
    int *class_of_rank;
    uint64_t *keys;  /* of the pool's nodes: alike are those with the same */
    int *slots;      /* a hash table of them; -1: free */
    class_t *classes;
    int *counts;     /* nodes of each beam */
    float *discount; /* of each leaf */
    char *fate;
} tables_t;

static inline double smaller(double a, double b) {
    return a < b ? a : b;
}

static inline double larger(double a, double b) {
    return a > b ? a : b;
}

static inline float least(float a, float b) {
    return a < b ? a : b;
}

static inline float most(float a, float b) {
    return a > b ? a : b;
}

static double limited(double value, double lower, double upper) {
    return value < lower ? lower : value > upper ? upper : value;
}

static inline block_t at(const float *lines) {
    return *(const block_t *)lines;
}

static inline void put(float *lines, block_t values) {
    *(block_t *)lines = values;
}

/* Lines that a car crosses in a stage at most. */
static int crossed(const search_t *s, double lateral_speed) {
    return (int)limited(lateral_speed * s->duration / s->offset_step, 1.0, MOST_CROSSED);
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

/* Nodes that one leads to in a stage at most. */
static int successors(const search_t *s, const tables_t *t) {
    return t->moves * (2 * crossed(s, DRIFT) + 3);
}

static float *carve_rows(char *base, size_t *used, size_t floats) {
    char *begin = carve(base, used, floats * sizeof(float) + 2 * SLACK);
    return begin ? (float *)(begin + SLACK) : 0;
}

/* Lay the tables out from an address, or only count their bytes if it is null. */
static size_t lay_out(const search_t *s, char *base, tables_t *t) {
    size_t used = 0, stages = (size_t)s->stages, speeds = (size_t)s->speeds;
    t->moves = s->fastest_gain + s->fastest_loss + 1;
    t->width = (s->lines + BLOCK - 1) / BLOCK * BLOCK;
    t->pool_size = s->beam * successors(s, t);
    t->slot_count = power_above(2 * t->pool_size);
    t->class_count = power_above(4 * s->classes);
    size_t stations = (size_t)s->stations, plane = stations * t->width;
    size_t pool = (size_t)t->pool_size;
    for (int p = 0; p < PRICES; p++)
        t->overlaps[p] = carve_rows(base, &used, (2 * stages + 1) * plane);
    t->cost_to_go = carve_rows(base, &used, (stages + 1) * speeds * plane);
    t->aside = carve_rows(base, &used, plane);
    t->end = carve_rows(base, &used, plane + stations * WINDOW);
    t->driving = carve_rows(base, &used, speeds * t->moves * stations);
    t->lateral = carve(base, &used, 2 * speeds * GUARD * sizeof(float));
    t->reached = carve(base, &used, (stages + 1) * speeds * sizeof(span_t));
    t->beams = carve(base, &used, (stages + 1) * s->beam * sizeof(node_t));
    t->pool = carve(base, &used, pool * sizeof(node_t));
    t->ranks = carve(base, &used, pool * sizeof(rank_t));
    t->spare_ranks = carve(base, &used, pool * sizeof(rank_t));
    t->class_of_rank = carve(base, &used, pool * sizeof(int));
    t->keys = carve(base, &used, pool * sizeof(uint64_t));
    t->slots = carve(base, &used, (size_t)t->slot_count * sizeof(int));
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
static inline int row_of(const search_t *s, double station, float *rest) {
    double row = limited((station + s->behind) / s->station_step, 0.0, s->stations - 1.001);
    *rest = (float)(row - (int)row);
    return (int)row;
}

static inline float between(float a, float b, float share) {
    return a + share * (b - a);
}

static const road_t *road_row(const search_t *s, int row) {
    return (const road_t *)s->road + row;
}

static float *overlap_row(const search_t *s, const tables_t *t, int half, int row) {
    return t->overlap + ((size_t)half * s->stations + row) * t->width;
}

static float *cost_to_go_row(const search_t *s, const tables_t *t, int stage, int level, int row) {
    return t->cost_to_go +
           (((size_t)stage * s->speeds + level) * s->stations + row) * t->width;
}

static int start_line(const search_t *s) {
    double line = round(s->offset / s->offset_step) - s->first_line;
    return (int)limited(line, 0.0, s->lines - 1.0);
}

static int start_level(const search_t *s) {
    return (int)smaller(round(s->speed / s->speed_step), s->speeds - 1.0);
}

static int slowest(const search_t *s, int level) {
    return level > s->fastest_loss ? level - s->fastest_loss : 0;
}

static int fastest(const search_t *s, int level) {
    return level + s->fastest_gain < s->speeds ? level + s->fastest_gain : s->speeds - 1;
}

/* The first row is left out: what is read of lines beyond the first one is in the row before. */
static void include(const search_t *s, span_t *span, double first, double last) {
    int low = (int)limited(first, 1.0, s->stations - 2), high = (int)larger(last, 1.0) + 1;
    high = high < s->stations - 1 ? high : s->stations - 1;
    if (span->last < span->first) *span = (span_t){low, high};
    if (low < span->first) span->first = low;
    if (high > span->last) span->last = high;
}

/* Rows that the car can have reached by a stage with a speed, and those that the cost-to-go of
 * such rows is made of. */
static void find_reached(const search_t *s, const tables_t *t) {
    double step = s->duration / s->station_step, begin = s->behind / s->station_step;
    int start = start_level(s), count = (s->stages + 1) * s->speeds;
    for (int i = 0; i < count; i++) t->reached[i] = (span_t){0, -1};
    include(s, t->reached + start, begin - ROUNDING, begin + ROUNDING);
    for (int stage = 0; stage < s->stages; stage++) {
        const span_t *from = t->reached + stage * s->speeds;
        span_t *next = t->reached + (stage + 1) * s->speeds;
        for (int l = 0; l < s->speeds; l++) {
            if (from[l].last < from[l].first) continue;
            double v = stage ? l * s->speed_step : s->speed;
            for (int to = slowest(s, l); to <= fastest(s, l); to++) {
                double way = (v + to * s->speed_step) / 2 * step;
                include(s, next + to, from[l].first + way, from[l].last + way);
            }
        }
    }
}

/* Rows on which the car can be between two stages. */
static span_t rows_between(const search_t *s, const tables_t *t, int stage, int next) {
    const span_t *before = t->reached + stage * s->speeds, *after = t->reached + next * s->speeds;
    span_t rows = {0, -1};
    for (int l = 0; l < s->speeds; l++) {
        if (before[l].first <= before[l].last) include(s, &rows, before[l].first, before[l].last);
        if (after[l].first <= after[l].last) include(s, &rows, after[l].first, after[l].last);
    }
    return rows;
}

/* ----------------------------------------------------------------------------------- overlap */

/* Overlap of two boxes by the separating-axis theorem: the least depth along their four axes. The
 * car's axis lies along the road. `reach` is how far away the two touch, by axis. */
static inline float depth(const obstacle_t *o, const float *reach, float along, float across) {
    float c = (float)o->cosine, n = (float)o->sine;
    float d = least(reach[0] - fabsf(along), reach[1] - fabsf(across));
    d = least(d, reach[2] - fabsf(c * along + n * across));
    return least(d, reach[3] - fabsf(c * across - n * along));
}

/* What half a stage at some depth costs. */
static inline float priced(const search_t *s, const price_t *price, float deep) {
    deep = most(deep, 0.0f);
    return (float)(price->linear * s->duration / 2) * (deep + (float)price->square * deep * deep);
}

static void draw_corridor(const search_t *s, const tables_t *t) {
    for (int i = 0; i < s->stations; i++) {
        const road_t *road = road_row(s, i);
        for (int j = 0; j < t->width; j++) {
            double d = offset_of(s, j);
            double beyond = larger(d + s->width / 2 - road->left, 0.0);
            beyond += larger(s->width / 2 - d - road->right, 0.0);
            for (int p = 0; p < PRICES; p++)
                t->overlaps[p][(size_t)i * t->width + j] =
                    priced(s, s->prices + p, (float)beyond);
        }
    }
}

static void draw_obstacle(const search_t *s, const tables_t *t, int half, span_t rows,
                          const obstacle_t *o) {
    double c = fabs(o->cosine), n = fabs(o->sine), length = s->length / 2, width = s->width / 2;
    float reach[4] = {(float)(length + o->radius + o->half_length * c + o->half_width * n),
                      (float)(width + o->radius + o->half_length * n + o->half_width * c),
                      (float)(o->half_length + o->radius + length * c + width * n),
                      (float)(o->half_width + o->radius + length * n + width * c)};
    double from = o->station + s->behind, middle = o->offset / s->offset_step - s->first_line;
    int i0 = (int)limited(ceil((from - reach[0]) / s->station_step), rows.first, rows.last + 1);
    int i1 = (int)limited(floor((from + reach[0]) / s->station_step), rows.first - 1, rows.last);
    int j0 = (int)larger(ceil(middle - reach[1] / s->offset_step), 0.0) / BLOCK * BLOCK;
    int j1 = (int)smaller(floor(middle + reach[1] / s->offset_step), s->lines - 1.0);
    for (int i = i0; i <= i1; i++) {
        float along = (float)(i * s->station_step - from);
        size_t row = ((size_t)half * s->stations + i) * t->width;
        for (int first = j0; first <= j1; first += BLOCK)
            for (int b = 0; b < BLOCK; b++) {
                float across = (float)(offset_of(s, first + b) - o->offset);
                float deep = depth(o, reach, along, across);
                for (int p = 0; p < PRICES; p++)
                    t->overlaps[p][row + first + b] += priced(s, s->prices + p, deep);
            }
    }
}

/* Cost of overlap at every place of the lattice that is reached, at every stage and half way
 * between them. The first plane has the corridor alone. */
static void draw_overlap(const search_t *s, const tables_t *t) {
    draw_corridor(s, t);
    size_t plane = (size_t)s->stations * t->width;
    const obstacle_t *o = (const obstacle_t *)s->obstacles_at + s->obstacles;
    for (int half = 1; half <= 2 * s->stages; half++) {
        span_t rows = rows_between(s, t, (half - 1) / 2, (half + 1) / 2);
        /* with a row before and one after, into which windows of lines reach */
        int end = rows.last + 2 < s->stations ? rows.last + 2 : s->stations;
        size_t first = (size_t)(rows.first - 1) * t->width;
        size_t bytes = (size_t)(end + 1 - rows.first) * t->width * sizeof(float);
        for (int p = 0; p < PRICES; p++)
            memcpy(t->overlaps[p] + half * plane + first, t->overlaps[p] + first, bytes);
        for (int m = 0; m < s->obstacles; m++) draw_obstacle(s, t, half, rows, o++);
    }
}

/* -------------------------------------------------------------------------------- backward pass */

static float lateral_speed_limit(float mean_speed) {
    return least(DRIFT, SLOPE * most(mean_speed, 1.0f));
}

static inline float beyond_grip(float grip, float along, float across) {
    return most(sqrtf(along * along + across * across) - grip, 0.0f);
}

static void end_costs(const search_t *s, const tables_t *t) {
    const span_t *reached = t->reached + s->stages * s->speeds;
    for (int l = 0; l < s->speeds; l++) {
        double v = l * s->speed_step;
        for (int i = reached[l].first; i <= reached[l].last; i++) {
            const road_t *road = road_row(s, i);
            double front = i * s->station_step - s->behind + s->length / 2;
            double late = larger(front + v * v / s->grip - s->stop, 0.0);
            double ev = v - road->target_speed;
            float fixed = (float)(s->terminal_speed_weight * ev * ev +
                                  t->price.linear * s->duration * late);
            float *row = cost_to_go_row(s, t, s->stages, l, i);
            for (int j = 0; j < t->width; j++) {
                float ed = (float)(offset_of(s, j) - road->target_offset);
                row[j] = fixed + (float)s->terminal_offset_weight * ed * ed;
            }
        }
    }
}

/* What does not depend on the line where a stage ends: of changes of speed in every bend, and of
 * changes of line by the sum of a stage's first and last level. */
static void price_driving(const search_t *s, const tables_t *t) {
    float T = (float)s->duration, grip = (float)s->grip, linear = (float)t->price.linear;
    for (int level = 0; level < s->speeds; level++)
        for (int to = slowest(s, level); to <= fastest(s, level); to++) {
            float *cost = t->driving +
                          ((size_t)level * t->moves + to - level + s->fastest_loss) * s->stations;
            float v = (float)(level * s->speed_step), a = (to - level) * (float)s->speed_step / T;
            for (int i = 0; i < s->stations; i++) {
                const road_t *road = road_row(s, i);
                float lateral = v * v * (float)road->curvature;
                float ev = (float)(to * s->speed_step - road->target_speed);
                cost[i] = T * ((float)s->speed_weight * ev * ev +
                               (float)s->acceleration_weight * a * a +
                               (float)s->lateral_weight * lateral * lateral +
                               linear * beyond_grip(grip, a, lateral));
            }
        }
    for (int sum = 0; sum < 2 * s->speeds; sum++)
        for (int lines = 0; lines < GUARD; lines++) {
            double across = lines * s->offset_step / s->duration;
            double course = across / larger(sum * s->speed_step / 2, 1.0);
            t->lateral[sum * GUARD + lines] =
                (float)(s->duration * (s->heading_weight * course * course +
                                       s->lateral_share * across * across));
        }
}

/* Cost of being beside the target offset for a stage; nobody can be beyond the last line. */
static void price_offsets(const search_t *s, const tables_t *t) {
    for (int i = 0; i < s->stations; i++) {
        float *row = t->aside + (size_t)i * t->width;
        for (int j = 0; j < t->width; j++) {
            double ed = offset_of(s, j) - road_row(s, i)->target_offset;
            row[j] = j < s->lines ? (float)(s->duration * s->offset_weight * ed * ed) : FORBIDDEN;
        }
    }
}

static inline block_t lines_between(const float *row, int width, float share) {
    block_t here = at(row), ahead = at(row + width);
    return here + share * (ahead - here);
}

static inline block_t lesser(block_t a, block_t b) {
    block_t result;
    for (int lane = 0; lane < BLOCK; lane++) result[lane] = least(a[lane], b[lane]);
    return result;
}

/* The least of what is known of a block and what changes of up to `reach` lines lead to, in groups
 * that are on the same line half way. */
static inline __attribute__((always_inline)) block_t improved(
    block_t known, const float *end, const float *middle, const float *lateral, int reach) {
#pragma GCC unroll 16
    for (int half = -(reach / 2); half <= reach / 2; half++) {
        int even = 2 * half, odd = half > 0 ? even + 1 : even - 1;
        block_t cost = at(end + even) + lateral[abs(even)];
        if (abs(odd) <= reach) cost = lesser(cost, at(end + odd) + lateral[abs(odd)]);
        if (!half && reach) cost = lesser(cost, at(end + 1) + lateral[1]);
        known = lesser(known, cost + at(middle + half));
    }
    return known;
}

static void improve(int width, const float *end, const float *middle, const float *lateral,
                    int reach, float *best) {
    for (int j = 0; j < width; j += BLOCK) {
        block_t known = at(best + j);
        switch (reach) { /* so that the compiler knows how far the loop goes */
        case 0: known = improved(known, end + j, middle + j, lateral, 0); break;
        case 1: known = improved(known, end + j, middle + j, lateral, 1); break;
        case 2: known = improved(known, end + j, middle + j, lateral, 2); break;
        case 3: known = improved(known, end + j, middle + j, lateral, 3); break;
        case 4: known = improved(known, end + j, middle + j, lateral, 4); break;
        case 5: known = improved(known, end + j, middle + j, lateral, 5); break;
        default: known = improved(known, end + j, middle + j, lateral, MOST_CROSSED);
        }
        put(best + j, known);
    }
}

/* Bellman's equation for all rows and lines, from one speed to another. */
static void bellman(const search_t *s, const tables_t *t, int stage, int level, int to) {
    double v = level * s->speed_step, w = to * s->speed_step, step = s->duration / s->station_step;
    double ahead = (v + w) / 2 * step;
    int whole = (int)ahead, half = (int)((3 * v + w) / 8 * step + 0.5), stride = t->width + WINDOW;
    int near = (int)(ahead - whole + 0.5);
    float share = (float)(ahead - whole), mean = (float)(v + w) / 2;
    int reach = mean < CREEP ? 0 : crossed(s, lateral_speed_limit(mean));
    const float *driving = t->driving +
                           ((size_t)level * t->moves + to - level + s->fastest_loss) * s->stations;
    span_t rows = t->reached[stage * s->speeds + level];
    for (int i = rows.first; i <= rows.last; i++) {
        int there = i + whole < s->stations - 2 ? i + whole : s->stations - 2;
        const float *after = cost_to_go_row(s, t, stage + 1, to, there);
        const float *overlap = overlap_row(s, t, 2 * stage + 2, there + near);
        const float *aside = t->aside + (size_t)i * t->width;
        float *end = t->end + (size_t)i * stride + GUARD, fixed = driving[i];
        for (int j = 0; j < t->width; j += BLOCK)
            put(end + j, lines_between(after + j, t->width, share) + at(overlap + j) +
                             at(aside + j) + fixed);
    }
    for (int i = rows.first; i <= rows.last; i++) {
        int middle = i + half < s->stations - 2 ? i + half : s->stations - 2;
        improve(t->width, t->end + (size_t)i * stride + GUARD,
                overlap_row(s, t, 2 * stage + 1, middle), t->lateral + (level + to) * GUARD,
                reach, cost_to_go_row(s, t, stage, level, i));
    }
}

static void search_backward(const search_t *s, const tables_t *t) {
    size_t ends = (size_t)s->stations * (t->width + WINDOW);
    for (size_t i = 0; i < ends; i++) t->end[i] = FORBIDDEN;
    price_driving(s, t);
    price_offsets(s, t);
    end_costs(s, t);
    for (int stage = s->stages - 1; stage > 0; stage--) {
        for (int l = 0; l < s->speeds; l++) {
            span_t rows = t->reached[stage * s->speeds + l];
            float *first = cost_to_go_row(s, t, stage, l, rows.first);
            for (int i = 0; i < (rows.last + 1 - rows.first) * t->width; i++) first[i] = FORBIDDEN;
            if (rows.last < rows.first) continue;
            for (int to = slowest(s, l); to <= fastest(s, l); to++) bellman(s, t, stage, l, to);
        }
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

/* A stage of one node at one acceleration, before its end's line is chosen. */
typedef struct {
    const node_t *from;
    int stage, level, parent;
    uint32_t bins; /* of the level and the station at its end, for a node's key */
    float speed, next_speed, acceleration, bend; /* bend: lateral acceleration of the road */
    float cost, target_offset;
    double station, half_station;
    /* obstacles that it passes, and whether in its first half; `passed`: without their sides */
    uint32_t passed;
    int newly;
    struct {
        float offset;
        int early, bit;
    } by[MAX_OBSTACLES];
} stretch_t;

/* Who is passed at the end of a stretch; the side is a matter of its line. */
static void pass(const search_t *s, stretch_t *q) {
    const obstacle_t *middle = obstacles_at(s, 2 * q->stage + 1);
    const obstacle_t *end = obstacles_at(s, 2 * q->stage + 2);
    uint32_t passed = q->from->passed;
    q->newly = 0;
    for (int m = 0; m < s->obstacles; m++) {
        uint32_t was = (passed >> (2 * m)) & 3u;
        if (was == BEHIND_FROM_THE_START) continue;
        if (q->station <= end[m].station) {
            passed &= ~(3u << (2 * m));
        } else if (was == AHEAD) {
            int early = q->half_station > middle[m].station;
            q->by[q->newly].offset = (float)(early ? middle : end)[m].offset;
            q->by[q->newly].early = early;
            q->by[q->newly++].bit = 2 * m;
        }
    }
    q->passed = passed;
}

static uint32_t passed_by(const stretch_t *q, float half, float offset) {
    uint32_t passed = q->passed;
    for (int i = 0; i < q->newly; i++) {
        int left = (q->by[i].early ? half : offset) > q->by[i].offset;
        passed |= (uint32_t)(left ? TO_ITS_LEFT : TO_ITS_RIGHT) << q->by[i].bit;
    }
    return passed;
}

static void stretch(const search_t *s, const node_t *from, int stage, int level, stretch_t *q) {
    double T = s->duration, speed = stage ? from->level * s->speed_step : s->speed;
    double next = level * s->speed_step;
    q->from = from, q->stage = stage, q->level = level;
    q->speed = (float)speed, q->next_speed = (float)next;
    q->acceleration = (float)((next - speed) / T);
    q->station = from->station + (speed + next) / 2 * T;
    q->half_station = from->station + (3 * speed + next) / 8 * T;
    uint32_t bin = (uint32_t)((q->station + s->behind) / STATION_BIN) & 0xfff;
    q->bins = bin << 20 | (uint32_t)level << 6;
    float f, g;
    const road_t *here = road_row(s, row_of(s, from->station, &f));
    const road_t *there = road_row(s, row_of(s, q->station, &g));
    q->bend = q->speed * q->speed *
              between((float)here[0].curvature, (float)here[1].curvature, f);
    q->target_offset = between((float)there[0].target_offset, (float)there[1].target_offset, g);
    float ev = q->next_speed -
               between((float)there[0].target_speed, (float)there[1].target_speed, g);
    q->cost = from->cost + (float)T * ((float)s->speed_weight * ev * ev +
                                       (float)s->acceleration_weight * q->acceleration *
                                           q->acceleration);
    pass(s, q);
}

/* Where a stretch may end: a window of lines about the one where it begins. */
typedef struct {
    float across[WINDOW], cost[WINDOW], total[WINDOW];
    int drift[WINDOW]; /* bin of the lateral speed */
    int first, last;   /* those on the lattice that a car may cross to */
} ends_t;

/* Costs of overlap in a window, half way and at the end, and the cost-to-go. Half way the car is
 * half way between lines. */
static void look_up(const search_t *s, const tables_t *t, const stretch_t *q, float *overlap,
                    float *cost_to_go) {
    float f, g, even[BLOCK], odd[BLOCK];
    int line = q->from->line, i = row_of(s, q->half_station, &f), k = row_of(s, q->station, &g);
    const float *row = overlap_row(s, t, 2 * q->stage + 1, i) + line - GUARD / 2;
    block_t near = lines_between(row, t->width, f), far = lines_between(row + 1, t->width, f);
    put(even, (near + far) / 2);
    put(odd, far);
    for (int j = 0; j < BLOCK; j++) overlap[2 * j] = even[j], overlap[2 * j + 1] = odd[j];
    row = overlap_row(s, t, 2 * q->stage + 2, k) + line - GUARD + 1;
    const float *after = cost_to_go_row(s, t, q->stage + 1, q->level, k) + line - GUARD + 1;
    for (int j = 0; j < WINDOW; j += BLOCK) {
        put(overlap + j, at(overlap + j) + lines_between(row + j, t->width, g));
        put(cost_to_go + j, lines_between(after + j, t->width, g));
    }
}

/* What each end costs; more than any other where a car cannot get. */
static void price_ends(const search_t *s, const tables_t *t, const stretch_t *q, ends_t *ends) {
    float overlap[WINDOW], cost_to_go[WINDOW];
    look_up(s, t, q, overlap, cost_to_go);
    const node_t *from = q->from;
    float T = (float)s->duration, mean = (q->speed + q->next_speed) / 2, grip = (float)s->grip;
    float fastest_across = lateral_speed_limit(mean), most_swerve = GRIP_ACROSS * grip;
    float step = (float)s->offset_step;
    float linear = (float)t->price.linear, guidance = (float)t->price.guidance;
    float offset_weight = (float)s->offset_weight, heading_weight = (float)s->heading_weight;
    float lateral_weight = (float)(s->lateral_share * s->lateral_weight);
    int reach = mean < CREEP ? 0 : crossed(s, DRIFT) + 1; /* one more: a start between lines */
    int middle = GUARD - 1, right = s->lines - 1 - from->line;
    int first_line = s->first_line + from->line - middle;
    ends->first = middle - (reach < from->line ? reach : from->line);
    ends->last = middle + (reach < right ? reach : right);
    for (int j = 0; j < WINDOW; j++) {
        float offset = (float)(first_line + j) * step, across = (offset - from->offset) / T;
        float swerve = (across - from->lateral_speed) / T, lateral = q->bend + swerve;
        float course = across / most(mean, 1.0f), ed = offset - q->target_offset;
        float cost = q->cost + overlap[j] +
                     T * (offset_weight * ed * ed + heading_weight * course * course +
                          lateral_weight * lateral * lateral +
                          linear * beyond_grip(grip, q->acceleration, lateral));
        int near = (j >= middle - 1) & (j <= middle + 1);
        int bin = (int)(fabsf(across) / LATERAL_SPEED_BIN + 0.5f);
        int can = near | ((fabsf(across) <= fastest_across) & (fabsf(swerve) <= most_swerve));
        ends->drift[j] = (across < 0.0f ? 32 - bin : 32 + bin) & 0x3f;
        ends->across[j] = across;
        ends->cost[j] = cost;
        ends->total[j] = can ? cost + guidance * cost_to_go[j] : INVALID;
    }
}

/* Keep the node at an end in the pool unless a cheaper one is as good as there; nodes of the
 * pool. */
static int keep(const search_t *s, const tables_t *t, unsigned mask, const stretch_t *q,
                const ends_t *ends, int j, int count) {
    int line = q->from->line + j - GUARD + 1;
    float offset = (float)offset_of(s, line);
    uint32_t passed = passed_by(q, (q->from->offset + offset) / 2, offset);
    uint64_t key = (uint64_t)passed << 32 | q->bins | (unsigned)(line << 12 | ends->drift[j]);
    unsigned place = (unsigned)((key * 0x9E3779B97F4A7C15ull) >> 32) & mask;
    while (t->slots[place] >= 0 && t->keys[t->slots[place]] != key) place = (place + 1) & mask;
    int known = t->slots[place], added = known < 0;
    if (added) {
        known = t->slots[place] = count;
        t->keys[count] = key;
    } else if (t->pool[known].total <= ends->total[j]) {
        return count;
    }
    t->pool[known] = (node_t){.station = (float)q->station,
                              .offset = offset,
                              .lateral_speed = ends->across[j],
                              .cost = ends->cost[j],
                              .total = ends->total[j],
                              .passed = passed,
                              .parent = q->parent,
                              .line = (short)line,
                              .level = (short)q->level};
    return count + added;
}

/* All nodes that a beam leads to in a stage; their number. */
static int expand(const search_t *s, const tables_t *t, int stage) {
    const node_t *beam = t->beams + (size_t)stage * s->beam;
    int count = 0, slots = power_above(2 * t->counts[stage] * successors(s, t));
    float limit = INVALID / 2;
    memset(t->slots, -1, (size_t)slots * sizeof(int));
    for (int b = 0; b < t->counts[stage]; b++)
        for (int level = slowest(s, beam[b].level); level <= fastest(s, beam[b].level); level++) {
            stretch_t q;
            ends_t ends;
            stretch(s, beam + b, stage, level, &q);
            q.parent = b;
            price_ends(s, t, &q, &ends);
            for (int j = ends.first; j <= ends.last; j++) {
                if (ends.total[j] > limit) continue;
                limit = least(limit, ends.total[j] + HOPELESS);
                count = keep(s, t, (unsigned)slots - 1, &q, &ends, j, count);
            }
        }
    return count;
}

static uint32_t digit_of(const rank_t *rank, int digit) {
    uint32_t bits;
    memcpy(&bits, &rank->total, sizeof bits);
    return bits >> (8 * digit) & 255u;
}

/* Radix sort by total; equal ones stay in their order. Totals are not negative: the bits of such
 * numbers are in the order of the numbers. */
static void sort(rank_t *ranks, rank_t *spare, int count) {
    int places[4][257] = {0};
    for (int i = 0; i < count; i++)
        for (int d = 0; d < 4; d++) places[d][digit_of(ranks + i, d) + 1]++;
    for (int value = 0; value < 256; value++)
        for (int d = 0; d < 4; d++) places[d][value + 1] += places[d][value];
    for (int d = 0; d < 4; d++) {
        for (int i = 0; i < count; i++) spare[places[d][digit_of(ranks + i, d)]++] = ranks[i];
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
    return (node_t){.offset = (float)s->offset,
                    .lateral_speed = (float)s->lateral_speed,
                    .passed = passed_at_start(s),
                    .parent = -1,
                    .line = (short)start_line(s),
                    .level = (short)start_level(s)};
}

static void search_forward(const search_t *s, const tables_t *t) {
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

/* Whether two ways are never farther apart. */
static int is_near(int stages, const double *way, const double *other, double apart) {
    for (int stage = 0; stage <= stages; stage++) {
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
    float cheapest = INVALID;
    for (int i = 0; i < count; i++) {
        float counted = (leaves[i].total + (float)COST_FLOOR) * t->discount[i];
        if (t->fate[i] == OPEN && counted < cheapest) cheapest = counted, found = i;
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
                   is_near(s->stages, way, ways + (size_t)j * size, apart);
        t->fate[leaf] = near ? TOO_NEAR : CHOSEN;
        if (near) continue;
        costs[found] = leaves[leaf].total;
        classes[found++] = leaves[leaf].passed;
        for (int i = 0; i < count; i++)
            if (leaves[i].passed == leaves[leaf].passed) t->discount[i] *= (float)AS_DEAR;
    }
    return found;
}

/* Search with each price; write at most s->ways ways each of (stages + 1) x (station, offset,
 * speed), cheap ones first, with their cost and class, and how many they are. `memory` holds
 * guided_memory(s) bytes, aligned as for any number. */
void guided_search(const search_t *s, void *memory, double *ways, double *costs,
                   uint32_t *classes, int *counts) {
    tables_t tables;
    lay_out(s, memory, &tables);
    find_reached(s, &tables);
    draw_overlap(s, &tables);
    for (int p = 0; p < PRICES; p++) {
        tables.price = s->prices[p];
        tables.overlap = tables.overlaps[p];
        search_backward(s, &tables);
        search_forward(s, &tables);
        counts[p] = choose_ways(s, &tables, ways, costs, classes);
        ways += (size_t)s->ways * (s->stages + 1) * 3;
        costs += s->ways;
        classes += s->ways;
    }
}

/* Choose at most `most` ways of all lists in turn, a list after the other in memory, with room for
 * `room` in each; those near one before come last. Write which ones, counted by that room; their
 * number. */
int guided_in_turn(int lists, int room, int stages, double near, const double *ways,
                   const int *counts, int most, int *chosen) {
    size_t size = 3 * ((size_t)stages + 1);
    int last[lists * room], lasts = 0, found = 0;
    for (int rank = 0; rank < room; rank++)
        for (int list = 0; list < lists; list++) {
            if (rank >= counts[list] || found == most) continue;
            int way = list * room + rank, alike = 0;
            for (int i = 0; i < found && !alike; i++)
                alike = is_near(stages, ways + way * size, ways + chosen[i] * size, near);
            if (alike) last[lasts++] = way;
            else chosen[found++] = way;
        }
    for (int i = 0; i < lasts && found < most; i++) chosen[found++] = last[i];
    return found;
}
