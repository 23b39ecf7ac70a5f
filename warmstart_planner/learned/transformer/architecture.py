# Copyright 2026 The warmstart_planner authors
# SPDX-License-Identifier: Apache-2.0
"""
What the Decision Transformer is made of beside its weights: tables and constants.

One definition for training, which makes tensors of them, and for the compiled network. Its tokens
are raw numbers in SI units, scaled; positions go in by their road coordinates, so that a bend
looks like a straight road.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from warmstart_planner.learned.context import OBSTACLE_SAMPLES
from warmstart_planner.learned.transformer.sums import Sums
from warmstart_planner.objective import ANCHOR_FIELDS

# --- the road about a point ---

POINT_FIELDS = (
    'station',
    'offset',
    'cos',
    'sin',
    'curvature',
    'left',
    'right',
    'speed',
    'target_offset',
)
NEAREST = 0.04  # square of the distance from an arc's centre, in radii

# --- features of tokens ---

STATE = ('x', 'y', 'yaw', 'own_speed', 'steering')
LEFT_ROOM = {'left': 1 / 3, 'offset': -1 / 3}
RIGHT_ROOM = {'right': 1 / 3, 'offset': 1 / 3}
EGO = Sums(
    (*POINT_FIELDS, *STATE, 'grip', 'stop_far', 'stop_near'),
    (
        {'own_speed': 1 / 10},
        {'steering': 1 / 0.2},
        {'offset': 1 / 3},
        {'target_offset': 1 / 3, 'offset': -1 / 3},
        'cos',
        {'sin': 1 / 0.2},
        {'curvature': 20},
        LEFT_ROOM,
        RIGHT_ROOM,
        {'speed': 1 / 10},
        {'speed': 1 / 5, 'own_speed': -1 / 5},
        {'grip': 1 / 8},
        {'stop_far': 1 / 50},
        {'stop_near': 1 / 20},
    ),
)
ROAD = Sums(
    ANCHOR_FIELDS,
    (
        {'station': 1 / 50},
        {'x': 1 / 50},
        {'y': 1 / 20},
        'cos',
        'sin',
        {'curvature': 20},
        {'left': 1 / 3},
        {'left_slope': 10},
        {'right': 1 / 3},
        {'right_slope': 10},
        {'offset': 1 / 3},
        {'speed': 1 / 10},
    ),
)
# Headings of a point's road and of a car, in the order of the terms that their products are: the
# cosine of the difference is cos_cos + sin_sin, its sine cos_sin - sin_cos.
HEADING_TERMS = ('cos_cos', 'sin_sin', 'cos_sin', 'sin_cos')
ALONG, ASIDE = {'cos_cos': 1.0, 'sin_sin': 1.0}, {'cos_sin': 1.0, 'sin_cos': -1.0}
OBSTACLE = Sums(
    (*POINT_FIELDS, *HEADING_TERMS),
    ({'station': 1 / 50}, {'station': 1 / 10}, {'offset': 1 / 3}, ALONG, ASIDE)
    + (LEFT_ROOM, RIGHT_ROOM, {'curvature': 20}),
)
STEP = Sums(
    (*POINT_FIELDS, *HEADING_TERMS, *STATE, 'acceleration', 'steering_rate')
    + ('cost_to_go', 'constraint_to_go', 'allowed'),
    (
        {'station': 1 / 50},
        {'offset': 1 / 3},
        {},  # zeros, and kept: trained weights have their places
        {},
        {'curvature': 20},
        {'left': 1 / 3},
        {'right': 1 / 3},
        {'speed': 1 / 10},
        {'target_offset': 1 / 3},
        {'own_speed': 1 / 10},
        {'steering': 5},
        ALONG,
        {name: 5 * factor for name, factor in ASIDE.items()},
        {'acceleration': 0.3},
        {'steering_rate': 5},
        'cost_to_go',
        'constraint_to_go',
        'allowed',
    ),
)

EGO_FEATURES, STEP_FEATURES = len(EGO), len(STEP)
ROAD_FEATURES = len(ROAD) + 1  # and how much of the grip a bend takes
OBSTACLE_FEATURES = len(OBSTACLE) * OBSTACLE_SAMPLES + 3  # and its size

# --- what is asked for and what is driven ---

COST_SCALE = 3.0  # natural logarithms of a cost that the model reads as 1
ACTION_SIZE = (3.0, 0.2)  # of accelerations [m/s^2] and steering rates [rad/s]
CAUTIOUS = 8  # one of so many candidates is a cautious one
CAUTION = 2.0  # natural logarithms by which the cost that it is asked for is above its own

# --- what is told of a candidate ---

CANDIDATE_FEATURES = 9  # of a candidate, beside its tokens
MERIT = -5  # column of its merit as it is, scaled
# Failures are too few to tell rare ones apart. What a candidate has to be rid of adds so much to
# their probability for each natural logarithm by which its merit is above the cost to expect.
RISK = 0.01


def caution(candidates: int) -> NDArray[np.float32]:
    """
    Return by how much each mode is asked for a dearer way, scaled, shape (candidates,).

    Asked for their best, all ways of a problem may fail together; a car that may take its time has
    one where the others have none. So a few modes give theirs up for a cautious one.
    """
    asked = np.zeros(candidates, np.float32)
    asked[: candidates // CAUTIOUS] = CAUTION / COST_SCALE
    return asked
