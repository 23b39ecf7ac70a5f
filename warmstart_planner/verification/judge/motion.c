/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The car between the nodes of a trajectory.
 */

/* The car at M = SUBSTEPS N + 1 times, and the states where the N intervals end. */
typedef struct {
    int count, nodes;
    double *x, *y; /* of the box's centre */
    double *yaw, *cos, *sin, *speed;
    double *tangent; /* of the steering angle */
    double *ends;    /* N x NX */
} samples_t;

static size_t sample_count(size_t nodes) {
    return SUBSTEPS * (nodes - 1) + 1;
}

static size_t samples_size(size_t nodes) {
    return 7 * sample_count(nodes) + NX * nodes;
}

static samples_t samples_in(size_t nodes, memory_t *memory) {
    size_t count = sample_count(nodes);
    samples_t ego = {.count = (int)count, .nodes = (int)nodes};
    double **arrays[] = {&ego.x, &ego.y, &ego.yaw, &ego.cos, &ego.sin, &ego.speed, &ego.tangent};
    for (int i = 0; i < 7; i++) *arrays[i] = take(memory, count);
    ego.ends = take(memory, NX * nodes);
    return ego;
}

static inline double sensible(double value) {
    return limited(value, -ABSURD, ABSURD);
}

/* Integral of a rate from the beginning of an interval to each of its samples. */
static void integrate(const double *rate, double begin, double dt, double *integral) {
    for (int j = 0; j <= SUBSTEPS; j++) {
        double mean = 0.0;
        for (int i = 0; i <= SUBSTEPS; i++) mean += integration_weights[j][i] * rate[i];
        integral[j] = begin + dt * mean;
    }
}

/* Follow the model from a node through its interval, the control held: speed v and steering are
 * linear in time; yaw' = v tan(steering) / wheelbase, x' = v cos(yaw), y' = v sin(yaw). The
 * samples are those from `first` on; `end` is the state where the interval ends. */
static void follow_interval(const double *state, const double *control, double dt,
                            const vehicle_t *vehicle, int first, samples_t *ego, double *end) {
    double rate[SUBSTEPS + 1], cos_rate[SUBSTEPS + 1], sin_rate[SUBSTEPS + 1];
    double x[SUBSTEPS + 1], y[SUBSTEPS + 1], yaw[SUBSTEPS + 1], v[SUBSTEPS + 1];
    double cosine[SUBSTEPS + 1], sine[SUBSTEPS + 1], tangent[SUBSTEPS + 1];
    double steering = 0.0;
    for (int j = 0; j <= SUBSTEPS; j++) {
        double elapsed = dt * j / SUBSTEPS;
        v[j] = sensible(state[SPEED]) + sensible(control[ACCELERATION]) * elapsed;
        steering = sensible(state[STEERING]) + sensible(control[STEERING_RATE]) * elapsed;
        tangent[j] = tan(steering);
        rate[j] = v[j] * tangent[j] / vehicle->wheelbase;
    }
    integrate(rate, sensible(state[YAW]), dt, yaw);
    for (int j = 0; j <= SUBSTEPS; j++) {
        cosine[j] = cos(yaw[j]);
        sine[j] = sin(yaw[j]);
        cos_rate[j] = v[j] * cosine[j];
        sin_rate[j] = v[j] * sine[j];
    }
    integrate(cos_rate, sensible(state[PX]), dt, x);
    integrate(sin_rate, sensible(state[PY]), dt, y);
    for (int j = 0, i = first; j < SUBSTEPS; j++, i++) {
        ego->x[i] = x[j] + vehicle->rear_to_center * cosine[j];
        ego->y[i] = y[j] + vehicle->rear_to_center * sine[j];
        ego->yaw[i] = yaw[j];
        ego->cos[i] = cosine[j];
        ego->sin[i] = sine[j];
        ego->speed[i] = v[j];
        ego->tangent[i] = tangent[j];
    }
    end[PX] = x[SUBSTEPS];
    end[PY] = y[SUBSTEPS];
    end[YAW] = yaw[SUBSTEPS];
    end[SPEED] = v[SUBSTEPS];
    end[STEERING] = steering;
}

/* Follow the model from every node through its interval; the last sample is the last node. */
static samples_t follow(const trajectory_t *trajectory, const vehicle_t *vehicle,
                        memory_t *memory) {
    samples_t ego = samples_in(trajectory->nodes, memory);
    int steps = trajectory->nodes - 1, last = ego.count - 1;
    for (int k = 0; k < steps; k++)
        follow_interval(trajectory->states + NX * k, trajectory->controls + NU * k, trajectory->dt,
                        vehicle, SUBSTEPS * k, &ego, ego.ends + NX * k);
    const double *state = trajectory->states + NX * steps;
    ego.yaw[last] = sensible(state[YAW]);
    ego.cos[last] = cos(ego.yaw[last]);
    ego.sin[last] = sin(ego.yaw[last]);
    ego.speed[last] = sensible(state[SPEED]);
    ego.tangent[last] = tan(sensible(state[STEERING]));
    ego.x[last] = sensible(state[PX]) + vehicle->rear_to_center * ego.cos[last];
    ego.y[last] = sensible(state[PY]) + vehicle->rear_to_center * ego.sin[last];
    return ego;
}
