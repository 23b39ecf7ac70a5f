/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the car can do, and its tyres.
 */

static double grip_of(const problem_t *problem) {
    return problem->friction * GRAVITY;
}

/* How far a value is out of its bounds. Where its start is outside, the bounds are what is reached
 * when it falls or rises back at given rates. */
static double beyond(double value, double lower, double upper, double start, double fall,
                     double rise, double elapsed) {
    double most = larger(upper, start - fall * elapsed);
    double least = smaller(lower, start + rise * elapsed);
    return larger(value - most, least - value);
}

/* Violation of the bounds on speed, steering and controls at each node. */
static void limits(const problem_t *problem, const trajectory_t *trajectory, double *violation) {
    const vehicle_t *car = &problem->vehicle;
    const double *start = problem->initial_state;
    double braking = RETURNING * smaller(car->deceleration_max, grip_of(problem));
    double speeding = RETURNING * smaller(car->acceleration_max, grip_of(problem));
    double turning = RETURNING * car->steering_rate_max;
    for (int k = 0; k < trajectory->nodes; k++) {
        const double *x = trajectory->states + NX * k, *u = trajectory->controls + NU * k;
        double elapsed = k * trajectory->dt;
        raise_to(&violation[k], beyond(x[SPEED], 0.0, car->speed_max, start[SPEED], braking,
                                       speeding, elapsed));
        raise_to(&violation[k], beyond(x[STEERING], -car->steering_max, car->steering_max,
                                       start[STEERING], turning, turning, elapsed));
        if (k == trajectory->nodes - 1) break;
        raise_to(&violation[k], u[ACCELERATION] - car->acceleration_max);
        raise_to(&violation[k], -car->deceleration_max - u[ACCELERATION]);
        raise_to(&violation[k], fabs(u[STEERING_RATE]) - car->steering_rate_max);
    }
}

/* Acceleration beyond the friction circle from each node to the next. Where the start itself is
 * outside, the bound is what steering back leaves. */
static void friction(const problem_t *problem, const trajectory_t *trajectory,
                     const samples_t *ego, double *violation) {
    const vehicle_t *car = &problem->vehicle;
    const double *start = problem->initial_state;
    double turning = RETURNING * car->steering_rate_max;
    for (int i = 0; i < ego->count; i++) {
        int k = i / SUBSTEPS;
        double total = fabs(square(ego->speed[i]) * ego->tangent[i] / car->wheelbase);
        if (k < trajectory->nodes - 1)
            total = hypot(total, trajectory->controls[NU * k + ACCELERATION]);
        double bound = grip_of(problem);
        double steering = fabs(start[STEERING]) - turning * (i * (trajectory->dt / SUBSTEPS));
        if (steering > 0.0)
            raise_to(&bound, square(start[SPEED]) * tan(steering) / car->wheelbase);
        raise_to(&violation[k], total - bound);
    }
}
