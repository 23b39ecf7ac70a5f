/* Copyright 2026 The warmstart_planner authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * The law of the plain rule: plain_rule.py says what it is and where it comes from. A part of
 * learned/observation/observation.c, whose road coordinates of car and obstacles it reads.
 */

typedef struct {
    double RULE_NUMBERS; /* the fields of PlainSettings */
} rule_t;

static const rule_t plain_rule = PLAIN_RULE;
static const double control_lower[NU] = CONTROL_LOWER, control_upper[NU] = CONTROL_UPPER;

/* An obstacle ahead of a car: where it is when the car arrives, and what following it allows. */
typedef struct {
    double decay; /* of the car's lateral error until then */
    double now, then, beside, limit;
} ahead_t;

/* What the intelligent driver model makes of something ahead. */
static double following(const rule_t *s, double speed, double gap, double other, double standing) {
    double comfort = 2.0 * sqrt(s->acceleration * s->deceleration);
    double closing = speed * s->time_gap + speed * (speed - other) / comfort;
    double share = (standing + fmax(closing, 0.0)) / fmax(gap, 0.1);
    return s->acceleration * (1.0 - share * share);
}

/* What is ahead of a car; `room` to the left and right is that where the road is narrowest. */
static int look_ahead(const rule_t *s, const double *place, const double *on_road, int count,
                      ahead_t *ahead, double *room) {
    double speed = place[PLACE_SPEED];
    int found = 0;
    for (int m = 0; m < count; m++, on_road += ON_ROAD_SIZE) {
        if (on_road[ON_ROAD_STATION] <= place[PLACE_STATION]) continue;
        ahead_t *one = ahead + found++;
        double gap = on_road[ON_ROAD_STATION] - on_road[ON_ROAD_REACH_ALONG];
        gap -= place[PLACE_STATION] + CAR_LENGTH / 2;
        double arrival = fmax(gap, 0.0) / fmax(speed, 1.0);
        one->decay = exp(-s->lateral_gain * arrival);
        one->now = on_road[ON_ROAD_OFFSET];
        one->then = one->now + on_road[ON_ROAD_DRIFT] * fmin(arrival, s->foresight);
        one->beside = on_road[ON_ROAD_REACH_ACROSS] + CAR_WIDTH / 2 + s->side_gap;
        one->limit = following(s, speed, gap, on_road[ON_ROAD_SPEED], s->standing_gap);
        room[0] = fmin(room[0], on_road[ON_ROAD_LEFT]);
        room[1] = fmin(room[1], on_road[ON_ROAD_RIGHT]);
    }
    return found;
}

/* The acceleration that keeping a lateral offset allows. */
static double allowed(double offset, double here, double most, const ahead_t *ahead, int count) {
    for (int m = 0; m < count; m++) {
        const ahead_t *one = ahead + m;
        double arrived = offset + one->decay * (here - offset);
        double apart = fmax(fmin(one->now, one->then), fmin(arrived, offset)) -
                       fmin(fmax(one->now, one->then), fmax(arrived, offset));
        if (fmax(apart, 0.0) < one->beside) most = fmin(most, one->limit);
    }
    return most;
}

/* The command of a rule (plain_rule.py) for a lateral offset that is wanted. */
static void follow_rule(const rule_t *s, const double *x, const double *place, const double *axle,
                        double wanted, const double *on_road, int count, double *command) {
    double here = place[PLACE_OFFSET], speed = place[PLACE_SPEED];
    double room[2] = {place[PLACE_LEFT], place[PLACE_RIGHT]};
    ahead_t ahead[count + 1];
    int found = look_ahead(s, place, on_road, count, ahead, room);
    double stop = following(s, speed, place[PLACE_STOP], 0.0, s->stop_gap);
    double best = -HUGE_VAL, offset = wanted, limit = stop;
    for (int i = 0; i < (count > 0 ? 1 + 2 * RULE_SIDES : 1); i++) {
        double each = wanted;
        if (i > 0) {
            int right = i > RULE_SIDES, part = right ? i - RULE_SIDES : i;
            double width = fmax(room[right] - CAR_WIDTH / 2 - s->side_gap, 0.0);
            each = (right ? -width : width) * part / RULE_SIDES;
        }
        double most = allowed(each, here, stop, ahead, found);
        double value = fmin(most, 0.0) - s->offset_price * fabs(each - wanted) -
                       s->swerve_price * fabs(each - here);
        if (value > best) best = value, offset = each, limit = most;
    }
    double turn = atan(s->lateral_gain * (axle[AXLE_OFFSET] - offset) / (s->softening + speed));
    double grip = place[PLACE_GRIP], lateral = axle[AXLE_LATERAL], quick = fmax(speed, 1.0);
    /* no more than the grip allows at this speed */
    double sharpest = fmin(atan(grip * CAR_WHEELBASE / (quick * quick)), CAR_STEERING_MAX);
    double angle = limited(-axle[AXLE_HEADING] - turn, -sharpest, sharpest);
    double left = sqrt(fmax(grip * grip - lateral * lateral, 1.0));
    command[0] = limited(fmin(s->speed_gain * (place[PLACE_TARGET] - speed), limit), -left, left);
    command[1] = s->steering_gain * (angle - x[4]);
    for (int i = 0; i < NU; i++)
        command[i] = limited(command[i], control_lower[i], control_upper[i]);
}
