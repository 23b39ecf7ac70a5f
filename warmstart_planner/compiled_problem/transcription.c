/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A problem's numbers: transcription.py says what they are, and holds this to account.
 */

/* transcription.obstacle_parameters */
static void put_obstacles(const problem_t *p, const margins_t *m, numbers_t *out) {
    double c = cos(p->state[2]), s = sin(p->state[2]), *to = out->obstacles;
    const double *poses = p->poses;
    for (int j = 0; j < p->obstacles; poses += 3 * p->counts[j++]) {
        double yaw = NAN, cosine = NAN, sine = NAN;
        for (int k = 0; k <= p->steps; k++, to += OBSTACLE_PARAMETERS) {
            double pose[3];
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
            to[6] += margin_at(m, k * p->dt);
        }
    }
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

/* transcription._Cells */
typedef struct {
    double station[ANCHORS], edges[ANCHORS + 1], length[ANCHORS];
} cells_t;

/* transcription._cells */
static void put_cells(const problem_t *p, fine_t *fine, cells_t *cells) {
    double *const count = fine->profile, before = 0.0;
    for (int i = 0; i < fine->count; i++) {
        const double density =
            fmax(FINE_RADIUS * fabs(at(p->road.curvature, fine->places[i])), 1.0);
        count[i] = i ? count[i - 1] + density + before : 0.0;
        before = density;
    }
    for (int a = 0; a < ANCHORS; a++) {
        const double wanted = spaced(0.0, count[fine->count - 1], ANCHORS, a);
        cells->station[a] = at(fine->station, place_of(count, fine->count, wanted));
    }
    for (int a = 1; a < ANCHORS; a++)
        cells->edges[a] = cells->station[a - 1] + (cells->station[a] - cells->station[a - 1]) / 2;
    cells->edges[0] = 2 * cells->station[0] - cells->edges[1];
    cells->edges[ANCHORS] = 2 * cells->station[ANCHORS - 1] - cells->edges[ANCHORS - 1];
    for (int a = 0; a < ANCHORS; a++) cells->length[a] = cells->edges[a + 1] - cells->edges[a];
}

/* transcription._lines: values and slopes in the cells, two numbers each. */
static void put_lines(const fine_t *fine, const cells_t *cells, double *lines) {
    double ends[ANCHORS + 1];
    for (int a = 0; a <= ANCHORS; a++)
        ends[a] = at(fine->profile, place_of(fine->station, fine->count, cells->edges[a]));
    for (int a = 0; a < ANCHORS; a++) {
        lines[2 * a] =
            at(fine->profile, place_of(fine->station, fine->count, cells->station[a]));
        lines[2 * a + 1] = (ends[a + 1] - ends[a]) / cells->length[a];
    }
}

static void put_margin(const problem_t *p, const margins_t *m, fine_t *fine) {
    for (int i = 0; i < fine->count; i++)
        fine->margin[i] = edge_margin(&p->road, &p->vehicle, m->road, fine->places[i]);
}

/* transcription._edge */
static void put_edge(fine_t *fine, const double *edge, const cells_t *cells, double *lines) {
    double beyond[ANCHORS], straight[2 * ANCHORS];
    for (int i = 0; i < fine->count; i++) {
        fine->width[i] = at(edge, fine->places[i]);
        fine->profile[i] = fine->width[i] - fine->margin[i];
    }
    put_lines(fine, cells, lines);
    for (int i = 0; i < 2 * ANCHORS; i++) straight[i] = lines[i];
    for (int a = 0; a < ANCHORS; a++) beyond[a] = 0.0;
    for (int i = 0, a = 0; i < fine->count; i++) {
        const double station = fine->station[i];
        while (a < ANCHORS - 1 && station >= cells->edges[a + 1]) a++;
        const double line = straight[2 * a] - straight[2 * a + 1] * cells->station[a] +
                            straight[2 * a + 1] * station;
        beyond[a] = fmax(beyond[a], line - fine->width[i]);
    }
    for (int a = 0; a < ANCHORS; a++) {
        if (beyond[a] <= 0.0) continue;
        lines[2 * a] -= beyond[a];
        double least = INFINITY;
        for (int i = 0; i < fine->count; i++)
            if (fabs(fine->station[i] - cells->station[a]) <= STEP_WINDOW * cells->length[a])
                least = fmin(least, fine->width[i] - fine->margin[i]);
        if (least > lines[2 * a] - fabs(lines[2 * a + 1]) * cells->length[a] / 2) {
            lines[2 * a] = least;
            lines[2 * a + 1] = 0.0;
        }
    }
}

/* transcription.road_parameters */
static void put_road(const way_t *w, const margins_t *m, fine_t *fine, double first, double last,
                     double *road) {
    const problem_t *p = w->problem;
    const double c = cos(p->state[2]), s = sin(p->state[2]);
    double left[2 * ANCHORS], right[2 * ANCHORS], offset[2 * ANCHORS] = {0};
    double speed[2 * ANCHORS], least = INFINITY;
    cells_t cells;
    for (int i = 0; i < fine->count; i++) {
        fine->station[i] = spaced(first, last, fine->count, i);
        fine->places[i] = next_on_road(&p->road, fine->station[i], i ? fine->places + i - 1 : 0);
    }
    put_cells(p, fine, &cells);
    for (int a = 1; a < ANCHORS; a++)
        least = fmin(least, cells.station[a] - cells.station[a - 1]);
    put_margin(p, m, fine);
    put_edge(fine, p->road.left_width, &cells, left);
    put_edge(fine, p->road.right_width, &cells, right);
    if (p->target.offset != 0.0) {
        for (int i = 0; i < fine->count; i++)
            fine->profile[i] = target_offset(&p->target, fine->station[i]);
        put_lines(fine, &cells, offset);
    }
    put_speeds(w, fine->station, fine->places, fine->count, fine->profile);
    put_lines(fine, &cells, speed);
    *road++ = m->grip * p->friction * GRAVITY;
    *road++ = w->stop - w->here;
    *road++ = 0.1 * least * least;
    for (int a = 0; a < ANCHORS; a++) {
        double x, y;
        const double local_heading = point_at(&p->road, cells.station[a], &x, &y) - p->state[2];
        const double dx = x - p->state[0], dy = y - p->state[1];
        const double turned =
            at(p->road.heading, on_road(&p->road, cells.edges[a + 1])) -
            at(p->road.heading, on_road(&p->road, cells.edges[a]));
        const double fields[ANCHOR_SIZE] = {
            c * dx + s * dy,
            c * dy - s * dx,
            cos(local_heading),
            sin(local_heading),
            turned / cells.length[a],
            cells.station[a] - w->here,
            left[2 * a],
            left[2 * a + 1],
            right[2 * a],
            right[2 * a + 1],
            offset[2 * a],
            offset[2 * a + 1],
            speed[2 * a],
            speed[2 * a + 1],
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
int transcribe(problem_t *p, const margins_t *m, numbers_t *out) {
    double first, last;
    for (int i = 0; i < STATES; i++) out->initial_state[i] = i < SPEED ? 0.0 : p->state[i];
    put_envelope(p, out);
    put_obstacles(p, m, out);
    const way_t way = way_of(p);
    fine_t fine = {.count = stations_ahead(&way, &first, &last)};
    double *const memory = malloc(fine.count * (4 * sizeof *memory + sizeof *fine.places));
    if (!memory) return 1;
    fine.station = memory;
    fine.profile = memory + fine.count;
    fine.width = memory + 2 * fine.count;
    fine.margin = memory + 3 * fine.count;
    fine.places = (place_t *)(memory + 4 * fine.count);
    put_road(&way, m, &fine, first, last, out->road);
    free(memory);
    return 0;
}
