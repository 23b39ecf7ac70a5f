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

`OBSTACLE_VIEW_FIELDS`, of the NEAREST obstacles by distance between box centres, nearest first:
1 where there is one; its centre relative to that of the car's box, x along the car's heading, y
to its left; cosine and sine of its heading relative to the car's; its velocity over ground, along
the car's axes; half length, half width and rounding radius with margin. Zeros where there is
none.
"""

from __future__ import annotations

from warmstart_planner.objective import OBSTACLE_PARAMETERS

OBSERVATION_VERSION = 1
LOOK_AHEADS = (0.0, 8.0, 20.0, 40.0)  # ahead of the centre of the car's box [m]
NEAREST = 5  # obstacles that are seen
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
OBSTACLE_VIEW_FIELDS = (
    'present',
    'x',
    'y',
    'cos',
    'sin',
    'vx',
    'vy',
    'half_length',
    'half_width',
    'radius',
)
OBSERVATION_FIELDS = (
    *CAR_FIELDS,
    *(f'road_{ahead:.0f}_{name}' for ahead in LOOK_AHEADS for name in ROAD_FIELDS),
    *(f'obstacle_{i}_{name}' for i in range(NEAREST) for name in OBSTACLE_VIEW_FIELDS),
)
OBSERVATION_SIZE = len(OBSERVATION_FIELDS)
