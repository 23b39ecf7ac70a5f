/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The tables of a lattice along the road: proposals/guided/lattice.py says what they are, and holds this
 * to account.
 */

enum { CURVATURE, LEFT, RIGHT, TARGET_SPEED, TARGET_OFFSET, ROAD_COLUMNS };
enum { POSE = 3, SIZES = 3, OBSTACLE_COLUMNS = 7 };

static void put_car(const way_t *w, lattice_t *l) {
    const problem_t *p = w->problem;
    l->station = w->here;
    l->offset = w->offset;
    l->speed = fmax(p->state[SPEED], 0.0);
    l->stop = w->stop - w->here;
    const double steering = p->state[SPEED + 1], reach = p->vehicle.rear_to_center;
    const double slip = atan(reach * tan(steering) / p->vehicle.wheelbase);
    const double heading = at(p->road.heading, on_road(&p->road, w->here));
    l->lateral_speed = l->speed * sin(p->state[2] + slip - heading);
}

static void put_road_table(const way_t *w, const margins_t *m, lattice_t *l) {
    const problem_t *p = w->problem;
    const road_t *road = &p->road;
    const double time = l->stages * l->per_stage * p->dt;
    double station[l->most_stations], speeds[l->most_stations], fastest = 0.0;
    place_t places[l->most_stations];
    for (int i = 0; i < l->most_stations; i++) {
        station[i] = w->here + (i * l->station_step - l->behind);
        places[i] = next_on_road(road, station[i], i ? places + i - 1 : 0);
    }
    put_speeds(w, station, places, l->most_stations, speeds);
    for (int i = 0; i < l->most_stations; i++) fastest = larger(fastest, speeds[i]);
    fastest = fmin(fmax(l->speed, fastest) + 2.0,
                   l->speed + p->vehicle.acceleration_max * time);
    l->speeds = (int)fmin((int)(fastest / l->speed_step) + 2, l->most_speeds);
    const double rows = (fastest * time + 2 * l->behind) / l->station_step + 3;
    l->stations = (int)fmin(rows, l->most_stations);
    for (int i = 0; i < l->stations; i++) {
        double *row = l->road + ROAD_COLUMNS * i;
        const double margin = edge_margin(road, &p->vehicle, m->road, places[i]);
        row[CURVATURE] = at(road->curvature, places[i]);
        row[LEFT] = at(road->left_width, places[i]) - margin;
        row[RIGHT] = at(road->right_width, places[i]) - margin;
        row[TARGET_SPEED] = speeds[i];
        row[TARGET_OFFSET] = target_offset(&p->target, station[i]);
    }
}

/* An obstacle's pose and size at a half of a stage. */
static void at_half(const problem_t *p, const lattice_t *l, const double *poses, int obstacle,
                    int half, double *between) {
    const int before = half * l->per_stage / 2, odd = half * l->per_stage % 2;
    double pose[2][POSE];
    const double *sizes[2];
    for (int i = 0; i < 2; i++) {
        pose_at(poses, p->counts[obstacle], before + i * odd, pose[i]);
        sizes[i] = size_at(p, obstacle, before + i * odd);
    }
    for (int i = 0; i < POSE; i++) between[i] = (pose[0][i] + pose[1][i]) / 2;
    for (int i = 0; i < SIZES; i++) between[POSE + i] = (sizes[0][i] + sizes[1][i]) / 2;
}

static void put_obstacle_table(const problem_t *p, const margins_t *m, lattice_t *l) {
    const double length = l->stations * l->station_step, *poses = p->poses;
    const road_t part = local(&p->road, l->station, l->look_back, length);
    for (int j = 0; j < p->obstacles; poses += POSE * p->counts[j++])
        for (int half = 0; half <= 2 * l->stages; half++) {
            double *row = l->obstacles + OBSTACLE_COLUMNS * (half * p->obstacles + j);
            double between[POSE + SIZES], station, offset;
            at_half(p, l, poses, j, half, between);
            project(&part, between[0], between[1], NAN, &station, &offset);
            const double course = between[2] - at(p->road.heading, on_road(&p->road, station));
            row[0] = station - l->station;
            row[1] = offset;
            row[2] = cos(course);
            row[3] = sin(course);
            for (int i = 0; i < SIZES; i++) row[4 + i] = between[POSE + i];
            row[6] += margin_at(m, half * l->per_stage * p->dt / 2);
        }
}

static void put_lines_of_lattice(const problem_t *p, lattice_t *l) {
    const double half = p->vehicle.width / 2;
    double left = -INFINITY, right = -INFINITY;
    for (int i = 0; i < l->stations; i++) {
        left = larger(left, l->road[ROAD_COLUMNS * i + LEFT] - half);
        right = larger(right, l->road[ROAD_COLUMNS * i + RIGHT] - half);
    }
    const double place = limited(l->offset, -right - l->off_road, left + l->off_road);
    const double high = fmax(left, place), low = fmin(-right, place);
    const double room = fmax(fmax(left, right), l->offset_step);
    double step = room / ceil(room / l->offset_step - 1e-6);
    step = fmax(step, (high - low) / (l->most_lines - 4));
    l->line_step = step;
    l->first_line = (int)floor(low / step + 1e-6);
    l->lines = (int)ceil(high / step - 1e-6) - l->first_line + 1;
}

void build_lattice(problem_t *p, const margins_t *m, lattice_t *l) {
    const way_t way = way_of(p);
    put_car(&way, l);
    put_road_table(&way, m, l);
    put_obstacle_table(p, m, l);
    put_lines_of_lattice(p, l);
}
