/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Where obstacles are, and where those that stand block the road: obstacles.py and blockage.py say
 * what is meant, and hold this to account.
 */

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

/* Margins.obstacle_at */
static double margin_at(const margins_t *m, double time) {
    const double settled = fmin(time / m->settling_time, 1.0);
    return m->obstacle * (m->obstacle_now + (1.0 - m->obstacle_now) * settled);
}

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
static double first_blocked_station(const problem_t *p, double here) {
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
        if (!count) road = local(&p->road, here, BLOCKAGE_BEHIND, INFINITY);
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

