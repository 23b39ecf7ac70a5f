# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What a policy sees: the numbers of an observation, in their order.

An observation is what a car knows at one moment, relative to the car: it does not change where
the frame of state, road and obstacles is moved or turned. Lengths in m, speeds in m/s.

`CAR_FIELDS`: speed; front-wheel angle [rad]; `grip`, the total acceleration that tyres and margin
allow [m/s^2]; distance of the front bumper to where the car must be able to stop, within
+-STOP_DISTANCE_MAX.

`ROAD_FIELDS`, at points LOOK_AHEADS straight ahead of the centre of the car's box: offset from
the road's path less the offset to aim at, left positive; sine and cosine of the car's heading
relative to the path's; the path's curvature [1/m]; free width of the corridor to the left and to
the right of the point, negative outside of it; speed to aim at.

`SCAN_FIELDS`, along each of LINES, which are parallel to the path to aim at, so far to the left of
the centre of the car's box [m]: what is met first by a car on the line, and how soon. It is in the
way where less than SIDE_GAP is left beside it when the car, at its present speed, arrives there
(looking no further ahead than FORESIGHT). `proximity` is the inverse of the gap between them
[1/m], `headway` of the time in which the car covers it [1/s], `closing` of the time in which it
closes, negative where it widens [1/s]; a gap counts as no less than GAP_MIN. Zeros where nothing
is in the way.

`RULE_FIELDS`: what a plain controller would do (`plain_rule`), acceleration [m/s^2] and rate of
the steering angle [rad/s].

Why lines and no list of obstacles: in a list, what matters is to be found anew in every scene, and
policies that learn from hundreds of scenes do not find it; and why the rule: the drives that are
learned from are its own, and where a policy sees less than who drove, what was done tells it of
what it did not see, and a good outcome seems to come of it (docs/iql-lstm.md).
"""

from __future__ import annotations

from warmstart_planner.objective import OBSTACLE_PARAMETERS

OBSERVATION_VERSION = 2
LOOK_AHEADS = (0.0, 8.0, 20.0, 40.0)  # ahead of the centre of the car's box [m]
LINE_SPACING = 0.6  # [m]
LINES = tuple(LINE_SPACING * i for i in range(6, -7, -1))  # from left to right [m]
SIDE_GAP = 0.3  # beside an obstacle [m]
FORESIGHT = 1.5  # for which an obstacle keeps moving aside [s]
GAP_MIN = 1.0  # [m]
STOP_DISTANCE_MAX = 100.0  # [m]
MOVING_OBSTACLE_PARAMETERS = OBSTACLE_PARAMETERS + 2  # with the velocities of `moving`

CAR_FIELDS = ('speed', 'steering', 'grip', 'stop_distance')
ROAD_FIELDS = (
    'offset',
    'heading_sin',
    'heading_cos',
    'curvature',
    'left',
    'right',
    'target_speed',
)
SCAN_FIELDS = ('proximity', 'headway', 'closing')
RULE_FIELDS = ('acceleration', 'steering_rate')
OBSERVATION_FIELDS = (
    *CAR_FIELDS,
    *(f'road_{ahead:.0f}_{name}' for ahead in LOOK_AHEADS for name in ROAD_FIELDS),
    *(f'line_{i}_{name}' for i in range(len(LINES)) for name in SCAN_FIELDS),
    *(f'rule_{name}' for name in RULE_FIELDS),
)
OBSERVATION_SIZE = len(OBSERVATION_FIELDS)
RULE_PLACES = tuple(OBSERVATION_FIELDS.index(f'rule_{name}') for name in RULE_FIELDS)
