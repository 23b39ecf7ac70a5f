/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The corridor's edges, the road's end and beginning.
 */

/* The car's outline lies within this of its box's centre. */
static double outline_reach(const vehicle_t *vehicle) {
    return hypot(vehicle->length, vehicle->width) / 2;
}

/* How far about a car's station the bounds that show it to be inside have to hold. */
static double corridor_reach(const vehicle_t *vehicle) {
    return 1.5 * outline_reach(vehicle) + 1.0;
}

/* How far the outline is out of the corridor at most, and past the road's end. */
typedef struct {
    double lateral, past;
} outside_t;

/* Measure the outline's points at a sample against the corridor. */
static outside_t measure_outside(const problem_t *problem, const path_t *path,
                                 const samples_t *ego, int sample, const foot_t *centre) {
    const double *along = problem->outline, *across = along + problem->outline_points;
    const double cosine = ego->cos[sample], sine = ego->sin[sample];
    const long s = segment_at(path, centre->station, centre->segment);
    outside_t result = {-INFINITY, -INFINITY};
    foot_t foot = {.segment = s};
    for (int i = 0; i < problem->outline_points; i++) {
        double dx = cosine * along[i] - sine * across[i];
        double dy = sine * along[i] + cosine * across[i];
        double guess = centre->station + path->cos[s] * dx + path->sin[s] * dy;
        foot = project(path, ego->x[sample] + dx, ego->y[sample] + dy, guess, foot.segment);
        raise_to(&result.lateral, foot.offset - profile_at(path, path->road->left_width, &foot));
        raise_to(&result.lateral, -foot.offset - profile_at(path, path->road->right_width, &foot));
        raise_to(&result.past, foot.station - path->end);
    }
    return result;
}

/* The outline's extent across the tangent at the foot of the box's centre. */
static double extent_of(const path_t *path, const vehicle_t *vehicle, const samples_t *ego,
                        int sample, const foot_t *foot) {
    double cosine = path->cos[foot->segment], sine = path->sin[foot->segment];
    double across = fabs(cosine * ego->sin[sample] - sine * ego->cos[sample]);
    double along = fabs(cosine * ego->cos[sample] + sine * ego->sin[sample]);
    return across * vehicle->length / 2 + along * vehicle->width / 2;
}

/* Whether a bound shows that the outline is inside the corridor. */
static int surely_inside(const path_t *path, const bounds_t *bounds, const foot_t *foot,
                         double extent, double reach) {
    int block = block_at(path, bounds, foot->station);
    double bend = bounds->bend[block];
    double room = smaller(bounds->left[block] - foot->offset, bounds->right[block] + foot->offset);
    /* of the path from the tangent */
    double deviation = bend * (1.5 * reach) * (0.75 * reach + path->longest);
    return room > extent + deviation && bend * (fabs(foot->offset) + extent) < 0.3 &&
           bend * reach < 0.4 && foot->station + 1.5 * reach < path->end;
}

static outside_t outside(const problem_t *problem, const path_t *path, const bounds_t *bounds,
                         const samples_t *ego, int sample, const foot_t *foot) {
    double reach = outline_reach(&problem->vehicle);
    double extent = extent_of(path, &problem->vehicle, ego, sample, foot);
    if (surely_inside(path, bounds, foot, extent, reach)) return (outside_t){0.0, -INFINITY};
    /* where the centre itself is far outside, the outline need not be measured to the millimetre */
    double left = profile_at(path, path->road->left_width, foot);
    double right = profile_at(path, path->road->right_width, foot);
    double lateral = larger(foot->offset - left, -foot->offset - right) + extent;
    if (lateral > extent + reach)
        return (outside_t){lateral, foot->station + extent - path->end};
    return measure_outside(problem, path, ego, sample, foot);
}

/* Violation of the corridor from each node to the next. While it moves, the car is on the road:
 * its front not past the end, its centre not before the beginning. */
static void road(const problem_t *problem, const path_t *path, const bounds_t *bounds,
                 const foot_t *feet, const samples_t *ego, double *violation) {
    for (int i = 0; i < ego->count; i++) {
        outside_t out = outside(problem, path, bounds, ego, i, &feet[i]);
        raise_to(&violation[i / SUBSTEPS], out.lateral);
        if (fabs(ego->speed[i]) <= problem->tolerances.standing) continue;
        raise_to(&violation[i / SUBSTEPS], larger(out.past, path->start - feet[i].station));
    }
}
